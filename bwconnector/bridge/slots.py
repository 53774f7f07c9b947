"""So many pieces of work at a time: what thousands ask for at once is not asked of BroadWorks all at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bwconnector.bridge.ports import Waiter

__all__ = ["Slots"]

T = TypeVar("T")


class Slots:
    """The work beyond ``count`` waits for its turn, in order."""

    def __init__(self, count: int, make_waiter: Callable[[], Waiter]) -> None:
        self._free = count
        self._make_waiter = make_waiter
        self._waiting: deque[Waiter] = deque()
        self._beginning = False

    async def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """The outcome of ``work``, which begins when there is room for it."""
        if self._free:
            self._free -= 1
        else:
            waiter = self._make_waiter()
            self._waiting.append(waiter)
            await waiter
        try:
            return await work()
        finally:
            self._free += 1
            self._begin()

    def _begin(self) -> None:
        # Work may end within its begin: the loop that is running takes the next one, or each would begin within the one before.
        if self._beginning:
            return
        self._beginning = True
        while self._waiting and self._free:
            self._free -= 1
            self._waiting.popleft().callback(None)
        self._beginning = False
