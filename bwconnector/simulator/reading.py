"""Reads the bodies of Xsi requests: by local names, in any order, with any prefix or none."""

from __future__ import annotations

from xml.etree import ElementTree

from bwconnector.simulator.model import SwitchError

__all__ = ["Body"]

MALFORMED = 110400


class Body:
    """A request's body.

    :param data: the bytes as they came; empty is a body without anything in it
    :raises SwitchError: 400 for what is not well-formed, or has a document type declaration
    """

    def __init__(self, data: bytes) -> None:
        self._texts: dict[str, list[str]] = {}
        self.root = ""
        if not data.strip():
            return
        if b"<!DOCTYPE" in data:
            raise SwitchError(400, MALFORMED, "A document type declaration is not allowed")
        try:
            tree = ElementTree.fromstring(data)
        except ElementTree.ParseError as error:
            raise SwitchError(400, MALFORMED, f"The body is not well-formed: {error}") from None
        self.root = _local(tree.tag)
        for node in tree.iter():
            self._texts.setdefault(_local(node.tag), []).append((node.text or "").strip())

    def text(self, tag: str, default: str = "") -> str:
        """Text of the first element of that name, at any depth."""
        return self._texts.get(tag, [default])[0]

    def texts(self, tag: str) -> list[str]:
        """Texts of all elements of that name."""
        return self._texts.get(tag, [])

    def number(self, tag: str, default: int) -> int:
        """An integer.

        :raises SwitchError: 400 when the element holds something else
        """
        text = self.text(tag)
        try:
            return int(text) if text else default
        except ValueError:
            raise SwitchError(400, MALFORMED, f"{tag} is not a number: {text}") from None

    def truth_value(self, tag: str, default: bool) -> bool:
        text = self.text(tag).lower()
        return text in ("true", "1") if text else default


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
