"""How monitors survive the loss of all channels: every device is compared with BroadWorks before T-Servers are told that all is well."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bwconnector.bridge.ports import Clock, DelayedCall

__all__ = ["LIMIT", "Repair", "STALL"]

STALL = 10.0
"""Seconds without any progress after which the rest is not waited for: those devices cannot be had at present."""
LIMIT = 120.0
"""Seconds after which no device is waited for any longer: a site that works again must not be kept from it by a few that do not."""


class Repair:
    """The devices that are still to be compared.

    :param done: called once when all have been compared, or are waited for no longer, with those that have not
    """

    def __init__(self, clock: Clock, done: Callable[[frozenset[str]], None]) -> None:
        self._clock = clock
        self._done = done
        self._waiting: set[str] = set()
        self._ends = 0.0
        self._timer: DelayedCall | None = None

    @property
    def waiting(self) -> int:
        """Devices that are still to be compared."""
        return len(self._waiting)

    def begin(self, devices: Iterable[str]) -> None:
        """A channel is back: these are going to be compared. What was begun before begins anew."""
        self.stop()
        self._waiting = set(devices)
        self._ends = self._clock.seconds() + LIMIT
        self._watch()

    def compared(self, device: str) -> None:
        """The calls of ``device`` agree with BroadWorks, or nobody monitors it any more."""
        if device in self._waiting:
            self._waiting.discard(device)
            self._watch()

    def stop(self) -> None:
        """Wait for nothing; nobody is told."""
        self._waiting.clear()
        self._cancel()

    def _watch(self) -> None:
        self._cancel()
        if self._waiting:
            left = self._ends - self._clock.seconds()
            self._timer = self._clock.callLater(max(0.0, min(STALL, left)), self._finish)
        else:
            self._finish()

    def _finish(self) -> None:
        self._timer = None
        uncompared = frozenset(self._waiting)
        self._waiting.clear()
        self._done(uncompared)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
