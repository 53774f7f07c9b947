"""Bytes of an Event Channel in, complete XML documents out.

BroadWorks writes one document after the other, each with or without an XML declaration, and neither reads nor HTTP chunks say where one
ends. A document ends where its root element does, so only tags that bear the root's name are looked at, and comments, CDATA sections and
processing instructions, in which such a tag could stand without being one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from bwconnector.xsi.errors import BadDocument

__all__ = ["MAX_DOCUMENT", "DocumentStream"]

# The largest document is the first event about a call center whose queue is full: 500 calls of about 2 KB. Beyond four times that,
# whatever fills the buffer is no Xsi, and without a bound it would fill the memory.
MAX_DOCUMENT = 4 * 1024 * 1024

# The rest of a start tag after its name; '>' inside a quoted value does not end it.
_REST = rb"""(?:[^"'>]++|"[^"]*"|'[^']*')*+>"""
_ROOT = re.compile(rb"""<([^\s<>/!?"'=]++)""" + _REST)
# What nearly every document begins with: an XML declaration, if any, and the start tag of its root.
_BEGINNING = re.compile(rb"""\s*+(?P<begin>)(?:<\?xml\s[^?<>]*+\?>\s*+)?+<(?P<root>[^\s<>/!?"'=&][^\s<>/!?"'=]*+)""" + _REST)
_PRE_ROOT = re.compile(rb"\s*+")
_DECLARATION = re.compile(rb"<\?xml\s")
# What may follow '<' between documents, as far as it has arrived: a processing instruction, a comment, or a name.
_PLAUSIBLE = re.compile(rb"""<(?:$|\?|!(?:$|-(?:$|-))|[^\s<>/!?"'=&])""")

# Markup whose content is skipped: how it opens, how it closes.
_SKIPPED = {b"<?": b"?>", b"<!--": b"-->", b"<![CDATA[": b"]]>"}


@lru_cache(maxsize=64)
def _tokens(root: bytes) -> re.Pattern[bytes]:
    """What matters inside a document with this root: the group is ``end``, ``start`` or ``skipped``."""
    name = re.escape(root)
    return re.compile(
        rb"<(?:(?P<end>/" + name + rb"\s*>)|(?P<start>" + name + rb"(?=[\s/>])" + _REST + rb")|(?P<skipped>\?|!--|!\[CDATA\[))"
    )


class DocumentStream:
    """Splits a stream into documents; feed it with :meth:`receive_data` and iterate over what is complete.

    :param limit: bytes of one document, beyond which the stream is given up
    """

    def __init__(self, limit: int = MAX_DOCUMENT) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._position = 0
        """Everything before it has been looked at."""
        self._begin: int | None = None
        """Where the document begins: at its declaration, if it has one."""
        self._root: bytes | None = None
        self._depth = 0

    def receive_data(self, data: bytes) -> None:
        self._buffer += data

    def __iter__(self) -> Iterator[bytes]:
        """Complete documents.

        :raises BadDocument: what came is no document, or too long for one; the stream is of no further use then
        """
        while (self._root is not None or self._enter()) and self._leave():
            assert self._begin is not None
            document = bytes(self._buffer[self._begin : self._position])
            del self._buffer[: self._position]
            self._position, self._begin, self._root = 0, None, None
            yield document
        if len(self._buffer) > self._limit:
            raise BadDocument(f"more than {self._limit} bytes without the end of a document, beginning with {self._seen(0)}")

    def _enter(self) -> bool:
        """Go on to the root element; False when more data is needed."""
        if not self._buffer:
            return False
        if self._begin is None and (found := _BEGINNING.match(self._buffer, self._position)):
            self._begin, self._position = found.start("begin"), found.end()
            self._root = found["root"]
            self._depth = 0 if found[0].endswith(b"/>") else 1
            return True
        while True:
            self._position = _end(_PRE_ROOT.match(self._buffer, self._position))
            if self._begin is None:
                # Nothing of a document yet: what was skipped need not be kept.
                del self._buffer[: self._position]
                self._position = 0
            if self._position == len(self._buffer):
                return False
            if not _PLAUSIBLE.match(self._buffer, self._position):
                raise BadDocument(f"no XML between documents: {self._seen(self._position)}")
            if root := _ROOT.match(self._buffer, self._position):
                if self._begin is None:
                    self._begin = self._position
                self._position = root.end()
                self._root = root[1]
                self._depth = 0 if root[0].endswith(b"/>") else 1
                return True
            start = self._position
            if not self._skip(start):
                return False
            if _DECLARATION.match(self._buffer, start):
                self._begin = start

    def _leave(self) -> bool:
        """Go on to the end of the root element; False when more data is needed."""
        assert self._root is not None
        tokens = _tokens(self._root)
        while self._depth:
            token = tokens.search(self._buffer, self._position)
            if token is None:
                # A token of which only a part has arrived begins with the last '<', since none contains another one.
                last = self._buffer.rfind(b"<", self._position)
                self._position = len(self._buffer) if last < 0 else last
                return False
            if token.lastgroup == "skipped":
                if not self._skip(token.start()):
                    self._position = token.start()
                    return False
                continue
            self._position = token.end()
            if token.lastgroup == "end":
                self._depth -= 1
            elif not token[0].endswith(b"/>"):
                self._depth += 1
        return True

    def _skip(self, start: int) -> bool:
        """Go on behind the skipped markup at ``start``; False when it is incomplete, or not even known to be such."""
        for opening, closing in _SKIPPED.items():
            if self._buffer.startswith(opening, start):
                end = self._buffer.find(closing, start + len(opening))
                if end >= 0:
                    self._position = end + len(closing)
                    return True
        return False

    def _seen(self, position: int) -> str:
        return repr(bytes(self._buffer[position : position + 60]).decode("latin-1"))


def _end(match: re.Match[bytes] | None) -> int:
    assert match is not None
    return match.end()
