"""Bodies and paths of requests, as text: what every request is put together from."""

from __future__ import annotations

import re
from urllib.parse import quote
from xml.sax.saxutils import escape

__all__ = ["document", "element", "segment"]

_NAMESPACE = "http://schema.broadsoft.com/xsi"

# Characters that XML 1.0 (section 2.2) cannot carry, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def segment(identifier: str) -> str:
    """An id as one path segment; BroadWorks' clients send '@' and ':' as they are."""
    return quote(identifier, safe="@:")


def element(name: str, value: object) -> str:
    return f"<{name}>{escape(_NOT_XML.sub('', str(value)))}</{name}>"


def document(root: str, content: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><{root} xmlns="{_NAMESPACE}">{content}</{root}>'.encode()
