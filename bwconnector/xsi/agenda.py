"""Things that are due at some time, with one timer for the earliest of them all."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from typing import Any, Generic, TypeVar

__all__ = ["PERIOD", "Agenda"]

T = TypeVar("T")

PERIOD = 60.0
"""Seconds. What is due in a later period than this one needs no order yet."""

# So many entries are never looked through for those that are void.
_FEW = 256


class Agenda(Generic[T]):
    """Calls ``due`` with each thing at its time.

    A timer for each would take more memory than the things themselves, and so would a place of its own in a heap: that have only the
    things of the present period, all others are in the list of theirs. What is put down again stays in the list for its earlier time, too,
    and what is not wanted any more for its own, until half of the list may be such: what is due in half a day must not be kept for so long.

    :param when: tells the clock time at which a thing is due now; infinity if it is not to be done any more
    """

    def __init__(self, clock: Any, due: Callable[[T], object], when: Callable[[T], float]) -> None:
        self._clock = clock
        self._call = due
        self._when = when
        self._size = 0
        self._most = _FEW
        """With more entries than this the void ones are taken out."""
        self._now: list[tuple[float, int, T]] = []
        self._later: dict[float, list[T]] = {}
        """By the times at which the periods begin."""
        self._number = count()
        self._timer: Any = None

    def __len__(self) -> int:
        """Entries, void ones among them."""
        return self._size

    def add(self, thing: T) -> None:
        """Put ``thing`` down for the time at which it is due now, if it is to be done at all."""
        when = self._when(thing)
        if when == inf:
            return
        period = when // PERIOD * PERIOD
        if period <= self._clock.seconds():
            heappush(self._now, (when, next(self._number), thing))
            self._arm()
        elif period in self._later:
            self._later[period].append(thing)
        else:
            self._later[period] = [thing]
            self._arm()
        self._size += 1
        if self._size > self._most:
            self._tidy()

    def clear(self) -> None:
        """Nothing is due any more."""
        self._now.clear()
        self._later.clear()
        self._size = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tidy(self) -> None:
        self._now = [entry for entry in self._now if self._when(entry[2]) == entry[0]]
        heapify(self._now)
        listed = {period: self._still(period, things) for period, things in self._later.items()}
        self._later = {period: things for period, things in listed.items() if things}
        self._size = len(self._now) + sum(map(len, self._later.values()))
        self._most = max(_FEW, 2 * self._size)

    def _still(self, period: float, things: list[T]) -> list[T]:
        """Which of these are due in this period, each once."""
        return [thing for thing in dict.fromkeys(things) if period <= self._when(thing) < period + PERIOD]

    def _arm(self) -> None:
        if not (self._now or self._later):
            return
        when = min((*self._later, *(entry[0] for entry in self._now[:1])))
        if self._timer is None:
            self._timer = self._clock.callLater(max(0.0, when - self._clock.seconds()), self._tick)
        elif self._timer.getTime() > when:
            self._timer.reset(max(0.0, when - self._clock.seconds()))

    def _tick(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        for period in [each for each in self._later if each <= now]:
            things = self._later.pop(period)
            still = self._still(period, things)
            self._size -= len(things) - len(still)
            for thing in still:
                heappush(self._now, (self._when(thing), next(self._number), thing))
        while self._now and self._now[0][0] <= now:
            when, _, thing = heappop(self._now)
            self._size -= 1
            if self._when(thing) == when:
                self._call(thing)
        self._arm()
