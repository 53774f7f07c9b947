"""One at a time: requests that BroadWorks could not tell apart afterwards take turns at their device (P-PEND)."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from bwconnector.bridge.ports import Clock, Waiter

__all__ = ["Turns"]


@attrs.define(eq=False, slots=True)
class _Place:
    """A place in the queue of a device."""

    waiter: Waiter
    settled: bool = False

    def settle(self, granted: bool) -> bool:
        if self.settled:
            return False
        self.settled = True
        self.waiter.callback(granted)
        return True


class Turns:
    """At most one holder per device; the others wait in order."""

    def __init__(self, clock: Clock, make_waiter: Callable[[], Waiter]) -> None:
        self._clock = clock
        self._make_waiter = make_waiter
        self._queues: dict[str, list[_Place]] = {}

    async def take(self, device: str, timeout: float) -> bool:
        """Wait for the turn at ``device``; False when it has not come within ``timeout`` seconds."""
        queue = self._queues.get(device)
        if queue is None:
            self._queues[device] = []
            return True
        if timeout <= 0:
            return False
        place = _Place(self._make_waiter())
        queue.append(place)
        timer = self._clock.callLater(timeout, place.settle, False)
        granted: bool = await place.waiter
        if timer.active():
            timer.cancel()
        if not granted and place in queue:
            queue.remove(place)
        return granted

    def give(self, device: str) -> None:
        """End the turn at ``device``; the next one waiting has it."""
        queue = self._queues[device]
        while queue:
            if queue.pop(0).settle(True):
                return
        del self._queues[device]
