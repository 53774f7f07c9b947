"""The status page kept up to date by server-sent events: one snapshot every two seconds for all who look on, none when nobody does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.web.http import Request
from zope.interface import implementer

from bwconnector.bridge.ports import Clock, DelayedCall

__all__ = ["INTERVAL", "MAX_VIEWERS", "PATIENCE", "Live"]

INTERVAL = 2.0
MAX_VIEWERS = 16
"""Pages that are kept up to date; further ones ask by themselves now and then."""
PATIENCE = 15
"""Snapshots that a page may miss as it does not read; then its place is wanted for another one."""


@implementer(IPushProducer)
class _Viewer:
    """One page; while it does not read, nothing is written to it: what it has missed is old anyway."""

    def __init__(self, request: Request) -> None:
        self._request: Any = request
        self._paused = False
        self._missed = 0
        self._request.registerProducer(self, True)

    def tell(self, data: bytes) -> None:
        if not self._paused:
            self._missed = 0
            self._request.write(data)
            return
        self._missed += 1
        if self._missed > PATIENCE:
            self._request.channel.transport.abortConnection()

    def finish(self) -> None:
        self._request.unregisterProducer()
        self._request.finish()

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False

    def stopProducing(self) -> None:
        self._paused = True


class Live:
    """:param look: what is to be shown, as JSON values"""

    def __init__(self, clock: Clock, look: Callable[[], object]) -> None:
        self._clock = clock
        self._look = look
        self._viewers: set[_Viewer] = set()
        self._timer: DelayedCall | None = None

    @property
    def full(self) -> bool:
        """No more are taken."""
        return len(self._viewers) >= MAX_VIEWERS

    def add(self, request: Request) -> None:
        """Write to this request until its client is gone; its headers are set already."""
        viewer = _Viewer(request)
        self._viewers.add(viewer)
        request.notifyFinish().addErrback(lambda _: self._gone(viewer))
        viewer.tell(self._message())
        if self._timer is None:
            self._timer = self._clock.callLater(INTERVAL, self._tell)

    def close(self) -> None:
        """End all."""
        viewers, self._viewers = self._viewers, set()
        for viewer in viewers:
            viewer.finish()
        self._stop()

    def _tell(self) -> None:
        self._timer = self._clock.callLater(INTERVAL, self._tell)
        message = self._message()
        for viewer in list(self._viewers):
            viewer.tell(message)

    def _message(self) -> bytes:
        return b"event: status\ndata: " + json.dumps(self._look()).encode() + b"\n\n"

    def _gone(self, viewer: _Viewer) -> None:
        self._viewers.discard(viewer)
        if not self._viewers:
            self._stop()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
