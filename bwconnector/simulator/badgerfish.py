"""An XML document as JSON, in the convention named BadgerFish: how an XSP answers who asks for JSON."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

__all__ = ["badgerfish"]

XSI1 = "http://www.w3.org/2001/XMLSchema-instance"


def badgerfish(document: bytes) -> bytes:
    """``<a x="1"><b>t</b></a>`` becomes ``{"a": {"@x": "1", "b": {"$": "t"}}}``; all values are texts, and repeated elements a list."""
    root = ElementTree.fromstring(document)
    namespaces = {"$": root.tag.rpartition("}")[0].lstrip("{")}
    if any(name.startswith(f"{{{XSI1}}}") for node in root.iter() for name in node.attrib):
        namespaces["xsi1"] = XSI1
    return json.dumps({_local(root.tag): {"@xmlns": namespaces} | _content(root)}).encode()


def _content(element: ElementTree.Element) -> dict[str, Any]:
    content: dict[str, Any] = {f"@{name.replace(f'{{{XSI1}}}', 'xsi1:')}": value for name, value in element.attrib.items()}
    if element.text:
        content["$"] = element.text
    children: dict[str, list[dict[str, Any]]] = {}
    for child in element:
        children.setdefault(_local(child.tag), []).append(_content(child))
    return content | {name: found[0] if len(found) == 1 else found for name, found in children.items()}


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
