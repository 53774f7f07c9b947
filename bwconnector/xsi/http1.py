"""Answers of a keep-alive HTTP/1.1 connection, told apart in a stream of bytes (RFC 9112).

Only what an acknowledgement needs: the status of each answer, and whether the connection may be used again. Bodies are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import attrs

__all__ = ["MAX_HEAD", "Answer", "AnswerReader", "BadAnswer"]

# Status line and headers, or one chunk-size line; servers themselves refuse more than 8 to 16 KB.
MAX_HEAD = 16 * 1024

_STATUS = re.compile(rb"HTTP/1\.([01]) (\d{3})(?: [^\r\n]*)?\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*\bchunked[ \t]*\r\n", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:[^\r\n]*\bclose\b", re.IGNORECASE)
_KEEP = re.compile(rb"\r\nconnection:[^\r\n]*\bkeep-alive\b", re.IGNORECASE)
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")


class BadAnswer(Exception):
    """The server sent something that is no HTTP answer."""


@attrs.frozen(slots=True)
class Answer:
    """One answer; ``reusable`` tells whether another request may follow on this connection."""

    status: int
    reusable: bool


@attrs.frozen(slots=True)
class _Head:
    """What the status line and the headers say; ``answer`` is None if another head follows."""

    answer: Answer | None
    length: int = 0
    chunked: bool = False


# The answers of one XSP differ in nothing but their date, so nearly every head has been read before.
@lru_cache(maxsize=64)
def _read_head(head: bytes) -> _Head:
    """:raises BadAnswer: it is no head"""
    status = _STATUS.match(head)
    if status is None:
        raise BadAnswer(f"no HTTP answer: {head[:60]!r}")
    code = int(status[2])
    if 100 <= code < 200:
        # Interim answers have no body, and the final one follows (RFC 9110 section 15.2).
        return _Head(None)
    reusable = not _CLOSE.search(head) and (status[1] == b"1" or _KEEP.search(head) is not None)
    length = _LENGTH.search(head)
    if code in (204, 304):
        return _Head(Answer(code, reusable))
    if _CHUNKED.search(head):
        return _Head(Answer(code, reusable), chunked=True)
    if length:
        return _Head(Answer(code, reusable), int(length[1]))
    return _Head(Answer(code, False))


class AnswerReader:
    """Feed it with :meth:`receive_data` and iterate over the answers that are complete.

    An answer whose end only the end of the connection could tell counts as complete with its headers.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._head: Answer | None = None
        self._skip = 0
        """Bytes of the body, or of the current chunk with its line end, that are still to be skipped."""
        self._chunked = False
        self._trailers = False
        """The last chunk has been read; lines follow up to an empty one."""

    def receive_data(self, data: bytes) -> None:
        self._buffer += data

    def __iter__(self) -> Iterator[Answer]:
        """:raises BadAnswer: the connection is of no further use"""
        while (self._head is not None or self._read_head()) and self._read_body():
            answer, self._head = self._head, None
            assert answer is not None
            yield answer

    def _read_head(self) -> bool:
        while (text := self._upto(b"\r\n\r\n")) is not None:
            head = _read_head(text)
            if head.answer is not None:
                self._head, self._skip = head.answer, head.length
                self._chunked, self._trailers = head.chunked, False
                return True
        return False

    def _read_body(self) -> bool:
        while True:
            skipped = min(self._skip, len(self._buffer))
            del self._buffer[:skipped]
            self._skip -= skipped
            if self._skip:
                return False
            if not self._chunked:
                return True
            line = self._upto(b"\r\n")
            if line is None:
                return False
            if self._trailers:
                self._chunked = line != b"\r\n"
                continue
            chunk = _CHUNK.fullmatch(line)
            if chunk is None:
                raise BadAnswer(f"no chunk size: {line[:60]!r}")
            size = int(chunk[1], 16)
            self._trailers = size == 0
            self._skip = size + 2 if size else 0

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
