"""Frames on a TCP stream: CSTA XML without SOAP, as ECMA-323 Annex J frames it (Annex G in earlier editions).

A header of 8 bytes, then the XML body::

    0  2 bytes  0: plain XML follows
    2  2 bytes  length of the whole frame, header included, most significant byte first
    4  4 bytes  invoke id, ASCII digits: 0000 to 9998 of a request and of its answer, 9999 of an event report
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator

import attrs

from bwconnector.csta.errors import EncodeError

__all__ = ["EVENT_INVOKE_ID", "MAX_BODY", "MAX_FRAME", "Frame", "FrameReader", "FramingError", "InvokeIds", "encode_frame"]

EVENT_INVOKE_ID = "9999"
HEADER = struct.Struct(">HH4s")
MAX_FRAME = 0xFFFF
"""Bytes of a frame: what its length field can say."""
MAX_BODY = MAX_FRAME - HEADER.size

_NOT_FRAMES = {
    b"<?": "XML without the 8-byte header in front of it",
    b"<": "XML without the 8-byte header in front of it",
    b"\x16\x03": "a TLS handshake, but this port speaks plain TCP",
    b"GET": "an HTTP request, perhaps of a browser or a health check",
    b"POST": "an HTTP request",
    b"\x00\x01": "CSTA with SOAP (header version 1), but only plain CSTA XML is spoken here",
}
"""First bytes of what clients are known to send by mistake, and what to call it."""


class FramingError(Exception):
    """What the peer sends cannot be cut into frames, so nothing after it can be understood: end the link.

    :ivar received: the first bytes of the offending frame
    """

    def __init__(self, problem: str, received: bytes) -> None:
        super().__init__(f"{problem}; received {received.hex(' ')}")
        self.received = received


@attrs.frozen
class Frame:
    """One frame as it was received."""

    invoke_id: str
    body: bytes


class FrameReader:
    """Cuts a byte stream into frames, however it is chopped. After a :class:`FramingError` it yields nothing but that error."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def receive_data(self, data: bytes) -> None:
        """Add what was received. Iterate over the frames before adding more: what is left then is less than one frame."""
        if len(self._buffer) >= MAX_FRAME:
            raise RuntimeError("the frames that were received have not been read")
        self._buffer += data

    @property
    def partial(self) -> bool:
        """Part of a frame has been received, once those that are complete have been read."""
        return bool(self._buffer)

    def __iter__(self) -> Iterator[Frame]:
        """The frames that are complete.

        :raises FramingError: when the next frame is none
        """
        buffer = self._buffer
        while len(buffer) >= HEADER.size:
            version, length, invoke_id = HEADER.unpack_from(buffer)
            if version != 0 or length < HEADER.size or not invoke_id.isdigit():
                raise _error(bytes(buffer[:16]))
            if len(buffer) < length:
                return
            body = bytes(buffer[HEADER.size : length])
            del buffer[:length]
            yield Frame(invoke_id.decode("ascii"), body)


def _error(received: bytes) -> FramingError:
    version, length, invoke_id = HEADER.unpack_from(received)
    for start, what in _NOT_FRAMES.items():
        if received.startswith(start):
            return FramingError(f"the peer sends {what}", received)
    if version != 0:
        return FramingError(f"the frame header starts with version {version}, only 0 (plain CSTA XML) is known", received)
    if length < HEADER.size:
        return FramingError(f"the frame header gives a length of {length}, less than the header itself", received)
    return FramingError(f"the invoke id {invoke_id!r} in the frame header is not four digits", received)


def encode_frame(invoke_id: str, body: bytes) -> bytes:
    """One frame.

    :raises EncodeError: the body does not fit into a frame (our bug: long answers are to be sent in segments)
    """
    if len(body) > MAX_BODY:
        raise EncodeError(f"a body of {len(body)} bytes does not fit into a frame, which holds {MAX_BODY}")
    digits = invoke_id.encode("ascii", "replace")
    if len(digits) != 4 or not digits.isdigit():
        raise EncodeError(f"invoke id {invoke_id!r} is not four digits")
    return HEADER.pack(0, HEADER.size + len(body), digits) + body


class InvokeIds:
    """Invoke ids for requests of our own: 0000 to 9998, and round again."""

    def __init__(self) -> None:
        self._numbers = itertools.cycle(range(int(EVENT_INVOKE_ID)))

    def next(self) -> str:
        return f"{next(self._numbers):04d}"
