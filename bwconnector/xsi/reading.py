"""From an element of an Xsi document to values: each type is a table from element name to attribute and reader.

A table is walked in one pass over the children; whatever it does not name is skipped, whatever is missing keeps its default. Names are
compared without namespace, because releases and proxies differ in prefixes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lxml import etree

from bwconnector.xsi.errors import BadDocument

__all__ = ["Element", "Table", "fields_of", "flag_of", "integer_of", "local_name", "root_of", "text_of", "type_of"]

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
    if b"<!DOCTYPE" in document:
        raise BadDocument(f"document type declaration in {_excerpt(document)}")
    try:
        return etree.fromstring(document, _PARSER)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise BadDocument(f"not well-formed ({error}): {_excerpt(document)}") from error


def fields_of(element: Element, table: Table) -> dict[str, Any]:
    """Those attributes of ``table`` that have an element among the children of ``element``."""
    fields: dict[str, Any] = {}
    for child in element:
        tag: Any = child.tag
        entry = table.get(tag[tag.rfind("}") + 1 :])
        if entry is not None:
            fields[entry[0]] = entry[1](child)
    return fields


def local_name(element: Element) -> str:
    tag = str(element.tag)
    return tag[tag.rfind("}") + 1 :]


def text_of(element: Element) -> str:
    return (element.text or "").strip()


def integer_of(element: Element) -> int:
    """0 where BroadWorks sent no number."""
    try:
        return int(element.text or 0)
    except ValueError:
        return 0


def flag_of(element: Element) -> bool:
    """True for an empty element too: in Xsi such an element says it by being there."""
    return text_of(element).lower() not in ("false", "0")


def type_of(element: Element) -> str:
    # xsi1:type is a QName whose prefix is the sender's choice; the part after it names the type.
    return element.get(_TYPE, "").rpartition(":")[2]


def _excerpt(document: bytes) -> str:
    return repr(document[:80].decode("latin-1"))
