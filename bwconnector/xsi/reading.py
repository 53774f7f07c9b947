"""From an element of an Xsi document to values: each type is a table from element name to attribute and reader.

A table is walked in one pass over the children; whatever it does not name is skipped, whatever is missing keeps its default. Names are
compared without namespace, because releases and proxies differ in prefixes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from sys import intern
from typing import Any

import attrs
from lxml import etree

from bwconnector.xsi.errors import BadDocument

__all__ = [
    "Element",
    "Hole",
    "Leaf",
    "Opaque",
    "Table",
    "fields_of",
    "flag_of",
    "integer_of",
    "local_name",
    "number_of",
    "root_of",
    "text_of",
    "type_of",
    "word_of",
]

Element = etree._Element
Table = Mapping[str, tuple[str, Callable[[Element], Any]]]
"""Element name to the attribute it fills and the reader of its value."""

_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"

# Comments and processing instructions are removed while parsing, so that every child is an element. lxml's own limits on depth (256) and
# on the size of one text (10 MB) stay in force, since huge_tree is off.
_PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False, remove_comments=True, remove_pis=True
)


def root_of(document: bytes) -> Element:
    """Parse ``document``, in whatever encoding its prolog declares.

    :raises BadDocument: not well-formed, or it has a document type declaration, which Xsi never uses
    """
    try:
        root = etree.fromstring(document, _PARSER)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise BadDocument(f"not well-formed ({error}): {_excerpt(document)}") from error
    # Asked of the parser, since the bytes do not show it in every encoding.
    if root.getroottree().docinfo.internalDTD is not None:
        raise BadDocument(f"document type declaration in {_excerpt(document)}")
    return root


class _LocalNames(dict[Any, str]):
    """Tag to name without namespace. Senders use the same few hundred tags over and over; a sender of others fills no memory."""

    def __missing__(self, tag: Any) -> str:
        name = str(tag)[str(tag).rfind("}") + 1 :]
        if len(self) < _MOST_NAMES:
            self[tag] = name
        return name


_MOST_NAMES = 2000
_LOCAL_NAMES = _LocalNames()


def fields_of(element: Element, table: Table) -> dict[str, Any]:
    """Those attributes of ``table`` that have an element among the children of ``element``."""
    fields: dict[str, Any] = {}
    for child in element:
        entry = table.get(_LOCAL_NAMES[child.tag])
        if entry is not None:
            attribute, read = entry
            # Nearly all readers are leaves, and nearly all of them have a text: a call for each is what a third of this walk would cost.
            text = child.text if read.__class__ is Leaf else None
            fields[attribute] = read.of(text) if text.__class__ is str else read(child)  # type: ignore[attr-defined]
    return fields


def local_name(element: Element) -> str:
    return _LOCAL_NAMES[element.tag]


class Opaque(Exception):
    """A reader looked at a text that is not there (:class:`Hole`)."""


class Hole:
    """Where the value of a text is to be put once it is known. To look at it fails, for whatever is decided then holds for one text only.

    :param index: which text
    :param of: what makes the value of it
    """

    __slots__ = ("index", "of")

    def __init__(self, index: int, of: Callable[[str], Any] = str) -> None:
        self.index = index
        self.of = of

    def _look(self, *arguments: object) -> Any:
        raise Opaque

    __bool__ = __eq__ = __hash__ = __str__ = __repr__ = __format__ = __len__ = __iter__ = __lt__ = __int__ = __getattr__ = _look


@attrs.frozen(slots=True)
class Leaf:
    """A reader to which nothing but the element's own text matters.

    :ivar of: the value of a text, which is empty where there is none
    """

    of: Callable[[str], Any]

    def __call__(self, element: Element) -> Any:
        text: Any = element.text
        return Hole(text.index, self.of) if text.__class__ is Hole else self.of(text or "")


def _word(text: str) -> str:
    return intern(text.strip())


def number_of(text: str) -> int:
    """0 where BroadWorks sent no number, or none of 64 bits (xs:long)."""
    try:
        number = int(text)
    except ValueError:
        return 0
    return number if -_LONG <= number < _LONG else 0


def _flag(text: str) -> bool:
    return text.strip().lower() not in ("false", "0")


_LONG = 2**63

text_of = Leaf(str.strip)
"""A text without the white space around it."""
word_of = Leaf(_word)
"""A text of which there are a few only, such as a state: one object for all who keep it."""
integer_of = Leaf(number_of)
"""See :func:`number_of`."""
flag_of = Leaf(_flag)
"""True for an empty element too: in Xsi such an element says it by being there."""


def type_of(element: Element) -> str:
    # xsi1:type is a QName whose prefix is the sender's choice; the part after it names the type.
    return element.get(_TYPE, "").rpartition(":")[2]


def _excerpt(document: bytes) -> str:
    return repr(document[:80].decode("latin-1"))
