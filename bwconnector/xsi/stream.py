"""Bytes of an Event Channel in, complete XML documents out.

BroadWorks writes one document after the other, each with or without an XML declaration, and neither reads nor HTTP chunks say where one
ends. A document ends where its root element does, so only tags that bear the root's name are looked at, and comments, CDATA sections and
processing instructions, in which such a tag could stand without being one.

What is no document costs itself alone, as long as the next one can be told from it: by its XML declaration, which never stands inside
another document (XML 1.0 section 2.8). It is handed on like a document, for whoever reads it to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from bwconnector.xsi.errors import BadDocument

__all__ = ["MAX_DOCUMENT", "MAX_GARBAGE", "MAX_TAG", "DocumentStream"]

# The largest document is the first event about a call center whose queue is full: 500 calls of about 2 KB. Beyond four times that,
# whatever fills the buffer is no Xsi, and without a bound it would fill the memory.
MAX_DOCUMENT = 4 * 1024 * 1024

# A tag with all its namespaces has 200 bytes. What is longer is looked at again with each read until it ends, so it may not be much longer.
MAX_TAG = 64 * 1024

# Bytes in which the next declaration must come once something is no document. Without one, the whole channel has to begin anew.
MAX_GARBAGE = 64 * 1024

# The rest of a start tag after its name; '>' inside a quoted value does not end it, and '<' is nowhere in it (XML 1.0 section 3.1).
_REST = rb"""(?:[^"'<>]++|"[^"<]*+"|'[^'<]*+')*+>"""
_ROOT = re.compile(rb"""<([^\s<>/!?"'=&][^\s<>/!?"'=]*+)""" + _REST)
# What nearly every document begins with: an XML declaration, if any, and the start tag of its root.
_BEGINNING = re.compile(
    rb"""(?:\s|\xef\xbb\xbf)*+(?P<begin>)(?:<\?xml\s[^?<>]*+\?>\s*+)?+<(?P<root>[^\s<>/!?"'=&][^\s<>/!?"'=]*+)""" + _REST
)
# White space, and byte order marks, which some senders put before each document.
_PRE_ROOT = re.compile(rb"(?:\s|\xef\xbb\xbf)*+")
_DECLARATION = re.compile(rb"<\?xml\s")
# What may stand between documents, as far as it has arrived: a processing instruction, a comment, the beginning of a start tag.
_PLAUSIBLE = re.compile(rb"""<(?:\Z|\?|!(?:\Z|-(?:\Z|-))|[^\s<>/!?"'=&][^<]{0,%d}\Z)|\xef\xbb?\Z""" % MAX_TAG)

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
        self._declared = False
        """Documents of this stream have declarations."""
        self._sought = 0
        """Up to here the end of what is skipped has been looked for."""

    def receive_data(self, data: bytes) -> None:
        self._buffer += data

    def __iter__(self) -> Iterator[bytes]:
        """Complete documents, and what stands in the place of one.

        :raises BadDocument: what came is no document, or too long for one, and the next one cannot be told from it: the stream is of no
            further use
        """
        while (self._root is not None or self._enter()) and self._leave():
            assert self._begin is not None
            document = bytes(self._buffer[self._begin : self._position])
            del self._buffer[: self._position]
            self._position, self._begin, self._root, self._sought = 0, None, None, 0
            self._declared = self._declared or document.startswith(b"<?xml")
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
            if root := _ROOT.match(self._buffer, self._position):
                if self._begin is None:
                    self._begin = self._position
                self._position = root.end()
                self._root = root[1]
                self._depth = 0 if root[0].endswith(b"/>") else 1
                return True
            start = self._position
            if not _PLAUSIBLE.match(self._buffer, start):
                return self._give_up(start)
            if not self._skip(start):
                return False
            if _DECLARATION.match(self._buffer, start):
                self._begin = start

    def _give_up(self, start: int) -> bool:
        """What begins at ``start`` is no document: go on to the next one; False when more data is needed."""
        self._begin = start if self._begin is None else self._begin
        following = _DECLARATION.search(self._buffer, start)
        if following is not None and self._declared:
            self._position, self._root, self._depth = following.start(), b"", 0
            return True
        if not self._declared or len(self._buffer) - start > MAX_GARBAGE:
            raise BadDocument(f"no XML between documents: {self._seen(start)}")
        return False

    def _leave(self) -> bool:
        """Go on to the end of the root element; False when more data is needed."""
        assert self._root is not None
        tokens = _tokens(self._root)
        while self._depth:
            token = tokens.search(self._buffer, self._position)
            if token is None:
                # A token of which only a part has arrived begins with the last '<', since none contains another one.
                last = self._buffer.rfind(b"<", self._position)
                self._position = len(self._buffer) if last < 0 or len(self._buffer) - last > MAX_TAG else last
                return False
            if token.lastgroup == "skipped":
                if _DECLARATION.match(self._buffer, token.start()):
                    # The next document begins, so this one was never ended.
                    self._position = token.start()
                    return True
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
                end = self._buffer.find(closing, max(start + len(opening), self._sought))
                if end >= 0:
                    self._position, self._sought = end + len(closing), 0
                    return True
                # Where nothing was found, only a part of the closing can be. Positions hold: nothing is taken away before it is there.
                self._sought = max(start + len(opening), len(self._buffer) - len(closing))
        return False

    def _seen(self, position: int) -> str:
        return repr(bytes(self._buffer[position : position + 60]).decode("latin-1"))


def _end(match: re.Match[bytes] | None) -> int:
    assert match is not None
    return match.end()
