"""Things that are due at some time, with one timer for the earliest of them all."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Any, Generic, TypeVar

__all__ = ["Agenda"]

T = TypeVar("T")

# So many entries are never looked through for those that are void.
_FEW = 256


class Agenda(Generic[T]):
    """Calls ``due`` with each thing and the clock time that it was put down for.

    A timer for each would take more memory than the things themselves. What is put down again stays in the list for its earlier time, too,
    and what is not wanted any more for its own, until half of the list may be such: what is due in half a day must not be kept for so long.

    :param holds: whether that thing is still to be done at that time
    """

    def __init__(self, clock: Any, due: Callable[[T, float], None], holds: Callable[[T, float], bool] = lambda thing, when: True) -> None:
        self._clock = clock
        self._call = due
        self._holds = holds
        self._most = _FEW
        """With more entries than this the void ones are taken out."""
        self._due: list[tuple[float, int, T]] = []
        self._number = count()
        self._timer: Any = None

    def add(self, thing: T, when: float) -> None:
        """Put ``thing`` down for the clock time ``when``."""
        heappush(self._due, (when, next(self._number), thing))
        if len(self._due) > self._most:
            self._due = [entry for entry in self._due if self._holds(entry[2], entry[0])]
            heapify(self._due)
            self._most = max(_FEW, 2 * len(self._due))
        self._arm()

    def clear(self) -> None:
        """Nothing is due any more."""
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        if not self._due:
            return
        when = self._due[0][0]
        if self._timer is None:
            self._timer = self._clock.callLater(max(0.0, when - self._clock.seconds()), self._tick)
        elif self._timer.getTime() > when:
            self._timer.reset(max(0.0, when - self._clock.seconds()))

    def _tick(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        while self._due and self._due[0][0] <= now:
            when, _, thing = heappop(self._due)
            if self._holds(thing, when):
                self._call(thing, when)
        self._arm()
