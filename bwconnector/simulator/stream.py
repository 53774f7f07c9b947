"""The endless response of an add-channel request, and the ways in which its bytes can be cut into chunks."""

from __future__ import annotations

from collections import deque
from random import Random

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.web.server import Request

from bwconnector.simulator.faults import Faults

__all__ = ["HttpStream", "cut"]

REST_DELAY = 0.01
"""Seconds after which scattered chunking writes what it has kept back."""
LARGEST_PIECE = 200
"""Bytes; smaller than most documents, so that these are cut."""


class HttpStream:
    """Implements :class:`~bwconnector.simulator.channels.Stream` over a request that twisted.web serves in chunks, one for each write."""

    def __init__(self, request: Request, faults: Faults, clock: IReactorTime, seed: int) -> None:
        self._request = request
        self._faults = faults
        self._clock = clock
        self._random = Random(seed)
        self._kept = b""
        self._rest: IDelayedCall | None = None
        self._late: deque[IDelayedCall] = deque()
        self.open = True

    def write(self, document: bytes) -> None:
        """Write a document as one chunk, or scattered over chunks that begin and end anywhere; after those that are still on their way."""
        if not self.open:
            return
        if not self._late and not self._faults.drift:
            self._write(document)
            return
        now = self._clock.seconds()
        due = max(now + self._random.uniform(0.0, self._faults.drift), self._late[-1].getTime() if self._late else now)
        self._late.append(self._clock.callLater(due - now, self._write_late, document))

    def _write_late(self, document: bytes) -> None:
        self._late.popleft()
        self._write(document)

    def _write(self, document: bytes) -> None:
        if self._faults.chunking == "whole":
            self._flush()
            self._request.write(document)
            return
        self._kept += document
        while len(self._kept) > 1:
            size = self._random.randint(1, min(len(self._kept), LARGEST_PIECE))
            if size == len(self._kept):
                break
            self._request.write(self._kept[:size])
            self._kept = self._kept[size:]
        if self._rest is None:
            self._rest = self._clock.callLater(REST_DELAY, self._write_rest)

    def _write_rest(self) -> None:
        self._rest = None
        self._flush()

    def _flush(self) -> None:
        if self._kept and self.open:
            self._request.write(self._kept)
        self._kept = b""

    def finish(self) -> None:
        """End the response in order."""
        if self._late:
            self._late.append(self._clock.callLater(self._late[-1].getTime() - self._clock.seconds(), self._finish_late))
            return
        self._flush()
        if self.open:
            self.ended()
            self._request.finish()

    def _finish_late(self) -> None:
        self._late.popleft()
        self.finish()

    def ended(self) -> None:
        """The connection is gone; nothing can be written any more."""
        self.open = False
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        while self._late:
            self._late.popleft().cancel()

    def abort(self) -> None:
        """Cut the connection."""
        if self.open:
            self.ended()
            cut(self._request)


def cut(request: Request) -> None:
    """Drop a request's connection without an answer."""
    if request.channel is not None:
        request.channel.forceAbortClient()
