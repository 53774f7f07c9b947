"""The simple types of the schema: what reads and writes text, numbers, enumerations, flags and private data."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Protocol

import attrs

from bwconnector.csta.errors import CstaError, EncodeError

__all__ = [
    "Boolean",
    "Codec",
    "Flags",
    "HexBinary",
    "Identifier",
    "Integer",
    "Node",
    "OneOf",
    "Private",
    "PrivateOrString",
    "Text",
    "Writer",
    "by_name",
    "escape",
    "local_name",
    "text_of",
]

Writer = Callable[[Any], str]
"""Renders one value as a complete element."""


class Node(Protocol):
    """The part of an lxml element that is read."""

    @property
    def tag(self) -> str: ...
    @property
    def text(self) -> str | None: ...
    def __iter__(self) -> Iterator[Node]: ...


class Codec(Protocol):
    """Reads and writes the content of one type of element."""

    def read(self, node: Node) -> Any:
        """The value of ``node``; None if it is as good as absent. Raises :class:`CstaError` for what cannot be read."""

    def writer(self, name: str, edition: int) -> Writer:
        """What renders values as element ``name``. It raises :class:`EncodeError` for what must not be sent."""


def local_name(node: Node) -> str:
    """An element's name without its namespace."""
    return node.tag.rpartition("}")[2]


def by_name(nodes: Iterable[Node]) -> dict[str, Node]:
    """Children by local name; of several with one name the first counts."""
    found: dict[str, Node] = {}
    for node in nodes:
        found.setdefault(local_name(node), node)
    return found


def text_of(node: Node) -> str:
    """An element's text without surrounding white space."""
    return (node.text or "").strip()


_IMPOSSIBLE = "\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff"
"""Characters that XML 1.0 (§2.2) cannot carry, not even as a reference."""

_plain: Callable[[str], object] = re.compile(r"[ -%'-;=?-~]*").fullmatch
_impossible: Callable[[str], object] = re.compile(f"[{_IMPOSSIBLE}]").search
_remove_impossible: Callable[[str, str], str] = re.compile(f"[{_IMPOSSIBLE}]").sub


def escape(text: str) -> str:
    """Text as element content. What XML cannot carry is left out; beyond ASCII it is the encoder's turn to make references."""
    if _plain(text):
        return text
    text = _remove_impossible("", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def bad_value(node: Node, wanted: str, error: str = "invalidParameterValue") -> CstaError:
    """Their error: the text of ``node`` is not ``wanted``."""
    return CstaError("operation", error, f"{local_name(node)} is {text_of(node)[:80]!r}, not {wanted}")


@attrs.frozen
class Text:
    """A string for people. Control characters are left out when it is sent."""

    def read(self, node: Node) -> str:
        return text_of(node)

    def writer(self, name: str, edition: int) -> Writer:
        opening, closing = f"<{name}>", f"</{name}>"

        def write(value: str) -> str:
            return opening + escape(value) + closing

        return write


MAX_IDENTIFIER = 512
"""Characters of what names something. BroadWorks' user ids have 161 at most, its tracking ids 40; names are kept, so they are bounded."""


@attrs.frozen
class Identifier:
    """A string that names something. Refused with control characters in it: without them it would name something else."""

    def read(self, node: Node) -> str | None:
        text = text_of(node)
        if len(text) > MAX_IDENTIFIER:
            raise bad_value(node, f"a name of at most {MAX_IDENTIFIER} characters")
        return text or None

    def writer(self, name: str, edition: int, outside: str = "") -> Writer:
        """:param outside: name of an element that has nothing but this one in it"""
        opening, closing = f"<{name}>", f"</{name}>"
        if outside:
            opening, closing = f"<{outside}>{opening}", f"{closing}</{outside}>"

        def write(value: str) -> str:
            if _plain(value):
                return opening + value + closing
            if _impossible(value):
                raise EncodeError(f"{name} {value!r} has characters that XML cannot carry")
            return opening + escape(value) + closing

        return write


@attrs.frozen
class Boolean:
    def read(self, node: Node) -> bool:
        try:
            return {"true": True, "1": True, "false": False, "0": False}[text_of(node).lower()]
        except KeyError:
            raise bad_value(node, "true or false") from None

    def writer(self, name: str, edition: int) -> Writer:
        return {True: f"<{name}>true</{name}>", False: f"<{name}>false</{name}>"}.__getitem__


@attrs.frozen
class Integer:
    """xs:long. Its 64 bits also bound what a hostile number of digits could cost."""

    def read(self, node: Node) -> int:
        text = text_of(node)
        if re.fullmatch(r"[+-]?[0-9]{1,19}", text) is None:
            raise bad_value(node, "a number")
        return int(text)

    def writer(self, name: str, edition: int) -> Writer:
        opening, closing = f"<{name}>", f"</{name}>"

        def write(value: int) -> str:
            return f"{opening}{value:d}{closing}"

        return write


@attrs.frozen
class HexBinary:
    def read(self, node: Node) -> bytes:
        try:
            return bytes.fromhex(text_of(node))
        except ValueError:
            raise bad_value(node, "hexadecimal") from None

    def writer(self, name: str, edition: int) -> Writer:
        opening, closing = f"<{name}>", f"</{name}>"

        def write(value: bytes) -> str:
            return opening + value.hex().upper() + closing

        return write


@attrs.frozen
class OneOf:
    """An enumeration.

    :ivar error: the operation error for a value that is not in it
    """

    values: Collection[str]
    error: str = "invalidParameterValue"

    def read(self, node: Node) -> str:
        text = text_of(node)
        if text not in self.values:
            raise bad_value(node, "one of the standard's values", self.error)
        return text

    def writer(self, name: str, edition: int) -> Writer:
        rendered = {value: f"<{name}>{value}</{name}>" for value in self.values}

        def write(value: str) -> str:
            try:
                return rendered[value]
            except KeyError:
                raise EncodeError(f"{name} cannot be {value!r}") from None

        return write


@attrs.frozen
class Flags:
    """A set of booleans, held as the names of the true ones; only those are sent."""

    names: tuple[str, ...]

    def read(self, node: Node) -> frozenset[str]:
        children = by_name(node)
        return frozenset(name for name in self.names if name in children and Boolean().read(children[name]))

    def writer(self, name: str, edition: int) -> Writer:
        opening, closing = f"<{name}>", f"</{name}>"

        def write(value: Collection[str]) -> str:
            unknown = set(value).difference(self.names)
            if unknown:
                raise EncodeError(f"{name} has no {', '.join(sorted(unknown))}")
            return opening + "".join(f"<{flag}>true</{flag}>" for flag in self.names if flag in value) + closing

        return write


@attrs.frozen
class PrivateOrString:
    """correlatorData and userData: the bytes of ``string``. Somebody's ``private`` form is read as if nothing were there."""

    def read(self, node: Node) -> bytes | None:
        string = by_name(node).get("string")
        return None if string is None else HexBinary().read(string)

    def writer(self, name: str, edition: int) -> Writer:
        write_string = HexBinary().writer("string", edition)

        def write(value: bytes) -> str:
            return f"<{name}>{write_string(value)}</{name}>"

        return write


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*").fullmatch


def is_name(text: str) -> bool:
    """May ``text`` be the name of an element that we send?"""
    return _NAME(text) is not None


MAX_PRIVATE = 256
"""Elements of one message's private data that are read: far more than any sender has, far less than fit into a frame."""


@attrs.frozen
class Private:
    """Private data as a map from element name to text.

    Read: every element below ``private``, however deep, by local name; of several with one name the first counts.
    Sent: flat, in the order of the map.

    :ivar path: elements between this one and ``private``
    """

    path: tuple[str, ...] = ()

    def read(self, node: Node) -> dict[str, str] | None:
        for step in (*self.path, "private"):
            found = by_name(node).get(step)
            if found is None:
                return None
            node = found
        values: dict[str, str] = {}
        waiting = list(node)
        while waiting and len(values) < MAX_PRIVATE:
            child = waiting.pop(0)
            values.setdefault(local_name(child), text_of(child))
            waiting[:0] = child
        return values

    def writer(self, name: str, edition: int) -> Writer:
        steps = (name, *self.path, "private")
        opening = "".join(f"<{step}>" for step in steps)
        closing = "".join(f"</{step}>" for step in reversed(steps))

        def write(value: dict[str, str]) -> str:
            for key in value:
                if not is_name(key):
                    raise EncodeError(f"{key!r} cannot be the name of private data")
            return opening + "".join(f"<{key}>{escape(text)}</{key}>" for key, text in value.items()) + closing

        return write
