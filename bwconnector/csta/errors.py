"""Errors of the wire, in two halves: theirs (:class:`CstaError`, which carries what to answer) and ours (:class:`EncodeError`)."""

from __future__ import annotations

from bwconnector.csta.values import ERROR_VALUES

__all__ = ["CstaError", "EncodeError", "UnreadableMessage"]


class CstaError(Exception):
    """A request cannot be carried out; answer it with CSTAErrorCode ``category``/``value`` (ECMA-269 §12.2.12).

    :ivar category: element name of the category, e.g. ``operation`` (``systemResourceAvailibility`` is spelt as on the wire)
    :ivar value: a value of that category; any text for ``privateErrorCode``, empty for ``unspecified``
    :ivar detail: for the log, never sent
    """

    def __init__(self, category: str, value: str = "", detail: str = "") -> None:
        values = ERROR_VALUES.get(category)
        if category not in ERROR_VALUES or (values is not None and value not in values):
            raise ValueError(f"CSTA knows no error {category}/{value}")
        super().__init__(f"{category}/{value}" + (f": {detail}" if detail else ""))
        self.category = category
        self.value = value
        self.detail = detail


class UnreadableMessage(CstaError):
    """A message that could not be read.

    :ivar namespace: namespace of its root element, None when that could not be read either
    :ivar root: local name of its root element, empty when unknown
    :ivar answerable: it is (or may be) a request, so that its sender waits for an answer
    """

    def __init__(self, error: CstaError, root: str = "", namespace: str | None = None, answerable: bool = True) -> None:
        super().__init__(error.category, error.value, f"{root}: {error.detail}" if root else error.detail)
        self.namespace = namespace
        self.root = root
        self.answerable = answerable


class EncodeError(ValueError):
    """A bug of ours: this message may not be sent as it is (a mandatory child is missing, a value is not in its table)."""
