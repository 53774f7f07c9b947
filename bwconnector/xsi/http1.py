"""Answers of a keep-alive HTTP/1.1 connection, told apart in a stream of bytes (RFC 9112).

Nothing here is without a bound: heads, chunk lines and bodies that are too large make an answer a bad one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

import attrs

__all__ = ["MAX_HEAD", "SMALL", "Answer", "AnswerReader", "BadAnswer"]

# Status line and headers, or one chunk-size line; servers themselves refuse more than 8 to 16 KB.
MAX_HEAD = 16 * 1024
# A body that may become so long without anybody being asked; nearly all are shorter.
SMALL = 64 * 1024

_STATUS = re.compile(rb"HTTP/1\.([01]) (\d{3})(?: [^\r\n]*)?\r\n")
_FOLD = re.compile(rb"\r\n[ \t]+")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([^\r\n]*?)[ \t]*(?=\r\n)", re.IGNORECASE)
_DIGITS = re.compile(rb"\d{1,18}")
_ENCODED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*\bchunked[ \t]*\r\n", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:[^\r\n]*\bclose\b", re.IGNORECASE)
_KEEP = re.compile(rb"\r\nconnection:[^\r\n]*\bkeep-alive\b", re.IGNORECASE)
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")
_CRLF = b"\r\n"


class BadAnswer(Exception):
    """The server sent something that is no HTTP answer, or is too large."""


@attrs.frozen(slots=True)
class Answer:
    """One answer.

    :ivar reusable: another request may follow on this connection
    :ivar head: status line and headers, as they came; empty where bodies are skipped
    """

    status: int
    reusable: bool
    head: bytes = b""
    body: bytes = b""

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The headers with their names in lower case, in the order in which they came."""
        lines = _FOLD.sub(b" ", self.head).decode("latin-1").split("\r\n")[1:-2]
        return [(name.lower(), value.strip(" \t")) for name, colon, value in (line.partition(":") for line in lines) if colon]


@attrs.frozen(slots=True)
class _Head:
    """What the status line and the headers say; ``interim`` = another head follows; ``length`` None = as long as the connection."""

    status: int
    reusable: bool = True
    length: int | None = 0
    chunked: bool = False
    interim: bool = False


# The answers of one XSP differ in little but their date, so nearly every head has been read before.
@lru_cache(maxsize=64)
def _read_head(head: bytes) -> _Head:
    """:raises BadAnswer: it is no head"""
    status = _STATUS.match(head)
    if status is None:
        raise BadAnswer(f"no HTTP answer: {head[:60]!r}")
    head = _FOLD.sub(b" ", head)
    code = int(status[2])
    if 100 <= code < 200:
        if code == 101:
            raise BadAnswer("the server changes to another protocol, which nobody asked for")
        # Interim answers have no body, and the final one follows (RFC 9110 section 15.2).
        return _Head(code, interim=True)
    reusable = not _CLOSE.search(head) and (status[1] == b"1" or _KEEP.search(head) is not None)
    if code in (204, 304):
        return _Head(code, reusable)
    if _CHUNKED.search(head):
        return _Head(code, reusable, chunked=True)
    lengths = set(_LENGTH.findall(head))
    # A transfer coding makes any length void (RFC 9112 section 6.3); one without chunks has no end of its own.
    if not lengths or _ENCODED.search(head):
        return _Head(code, False, None)
    length = lengths.pop()
    if lengths or not _DIGITS.fullmatch(length):
        raise BadAnswer(f"no content length: {length[:60]!r}")
    return _Head(code, reusable, int(length))


class AnswerReader:
    """Feed it with :meth:`receive_data` and iterate over the answers that are complete.

    :param max_body: bytes of the largest body; None = bodies are skipped, and one whose end only the end of the connection could tell
        counts as complete with its headers
    :param roomy: asked before a body grows beyond :data:`SMALL`: whether there is room for that beside the bodies of other connections
    """

    def __init__(self, max_body: int | None = None, roomy: Callable[[], bool] = lambda: True) -> None:
        self._max_body = max_body
        self._roomy = roomy
        self._buffer = bytearray()
        self._head: _Head | None = None
        """Of the answer whose body is being read."""
        self._text = b""
        """The same as it came, where bodies are kept."""
        self._body = bytearray()
        self._left: int | None = 0
        """Bytes of the body, or of the current chunk, that are still to come; None for all up to the end of the connection."""
        self._line: Callable[[bytes], None] | None = None
        """What takes the next line of the body; None where it has no lines, or no more."""

    def receive_data(self, data: bytes) -> None:
        self._buffer += data

    @property
    def held(self) -> int:
        """Bytes of an answer that is not complete yet."""
        return len(self._buffer) + len(self._body)

    def clear(self) -> None:
        """The connection has ended: let go of what has come, which would otherwise be kept as long as the connection's other remains."""
        self._buffer.clear()
        self._body.clear()

    @property
    def between(self) -> bool:
        """Nothing of a further answer has come."""
        return self._head is None and not self._buffer

    def __iter__(self) -> Iterator[Answer]:
        """:raises BadAnswer: the connection is of no further use"""
        while (self._head is not None or self._read_head()) and self._read_body():
            yield self._take()

    def end(self) -> Answer | None:
        """The connection has ended, in order: the answer that ends with it, if there is one."""
        return self._take() if self._head is not None and self._left is None else None

    def _take(self) -> Answer:
        head, self._head = self._head, None
        assert head is not None
        if self._max_body is None:
            return Answer(head.status, head.reusable)
        body = bytes(self._body)
        self._body.clear()
        return Answer(head.status, head.reusable, self._text, body)

    def _read_head(self) -> bool:
        while (text := self._upto(b"\r\n\r\n")) is not None:
            head = _read_head(text)
            if head.interim:
                continue
            self._head, self._left = head, head.length
            self._line = self._size if head.chunked else None
            if self._max_body is not None:
                self._text = text
                self._check(head.length or 0)
            elif head.length is None:
                self._left = 0
            return True
        return False

    def _read_body(self) -> bool:
        """Whether it is complete."""
        while True:
            self._read_bytes()
            if self._left != 0:
                return False
            if self._line is None:
                return True
            line = self._upto(_CRLF)
            if line is None:
                return False
            self._line(line)

    def _read_bytes(self) -> None:
        buffer = self._buffer
        count = len(buffer) if self._left is None else min(self._left, len(buffer))
        if self._max_body is not None and count:
            self._check(len(self._body) + count)
            self._body += buffer[:count]
        del buffer[:count]
        if self._left is not None:
            self._left -= count

    def _check(self, size: int) -> None:
        if self._max_body is not None and size > self._max_body:
            raise BadAnswer(f"an answer of more than {self._max_body} bytes")
        if self._max_body is not None and size > SMALL and not self._roomy():
            raise BadAnswer(f"an answer of more than {SMALL} bytes, while others are that long")

    # The lines of a chunked body (RFC 9112 section 7.1), each of which says what follows it.

    def _size(self, line: bytes) -> None:
        chunk = _CHUNK.fullmatch(line)
        if chunk is None:
            raise BadAnswer(f"no chunk size: {line[:60]!r}")
        self._left = int(chunk[1], 16)
        self._check(len(self._body) + self._left)
        self._line = self._end_of_chunk if self._left else self._trailer

    def _end_of_chunk(self, line: bytes) -> None:
        if line != _CRLF:
            raise BadAnswer(f"a chunk that is longer than its size: {line[:60]!r}")
        self._line = self._size

    def _trailer(self, line: bytes) -> None:
        if line == _CRLF:
            self._line = None

    def _upto(self, end: bytes) -> bytes | None:
        """Take the buffer's beginning up to and with ``end``; None if that has not arrived."""
        position = self._buffer.find(end)
        if position < 0 or position > MAX_HEAD:
            if len(self._buffer) > MAX_HEAD:
                raise BadAnswer(f"more than {MAX_HEAD} bytes of headers: {bytes(self._buffer[:60])!r}")
            return None
        taken = bytes(self._buffer[: position + len(end)])
        del self._buffer[: position + len(end)]
        return taken
