"""How much XSPs are asked at once, so that a start or a repair with thousands of subscriptions does not crowd out everybody else."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.logger import Logger

__all__ = ["Backlog", "Budget", "Work"]

Work = Callable[[], Coroutine[Any, Any, None]]
"""Begins something when it is called."""


class Budget:
    """So many requests a second for one XSP: gives each request its moment, one after the other at equal distances.

    :param rate: requests a second; 0 = no limit
    """

    def __init__(self, clock: Any, rate: float) -> None:
        self._clock = clock
        self._distance = 1.0 / rate if rate else 0.0
        self._next = 0.0

    @property
    def wait(self) -> float:
        """Seconds until another request may be sent."""
        return max(0.0, self._next - self._clock.seconds()) if self._distance else 0.0

    def take(self) -> float:
        """Take the next moment; returns the seconds until it comes."""
        wait = self.wait
        self._next = self._clock.seconds() + wait + self._distance
        return wait


class Backlog:
    """Work that nobody waits for, in its order, so much of it at a time. What has not begun costs little, however much it is.

    :param limit: works that are under way at a time
    :param busy: tells whether somebody waits for other work: while it is so, one at a time is enough
    """

    log = Logger()

    def __init__(self, limit: int, busy: Callable[[], bool] = lambda: False) -> None:
        self._limit = limit
        self._busy = busy
        self._waiting: deque[Work] = deque()
        self._under_way = 0
        self._beginning = False

    def add(self, work: Work) -> None:
        """Do this when its turn comes; a failure is logged."""
        self._waiting.append(work)
        self.begin()

    def clear(self) -> None:
        """Begin no more of it."""
        self._waiting.clear()

    def begin(self) -> None:
        """Begin what may be under way now; called when it is not busy any more."""
        # Work may end within its begin: the loop that is running takes the next one, or each would begin within the one before.
        if self._beginning:
            return
        self._beginning = True
        while self._waiting and self._under_way < (1 if self._busy() else self._limit):
            self._under_way += 1
            begun = ensureDeferred(self._waiting.popleft()())
            begun.addErrback(lambda failure: self.log.failure("care for a subscription failed", failure)).addBoth(self._ended)
        self._beginning = False

    def _ended(self, _: object) -> None:
        self._under_way -= 1
        self.begin()
