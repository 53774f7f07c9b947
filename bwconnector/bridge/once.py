"""Work that several ask for at the same time is done once: whoever comes later waits for the outcome of the first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import attrs

from bwconnector.bridge.ports import Waiter

__all__ = ["Once"]

T = TypeVar("T")


@attrs.frozen(slots=True)
class _Outcome(Generic[T]):
    value: T | None = None
    error: Exception | None = None


class Once(Generic[T]):
    """Runs at most one piece of work per key at a time."""

    def __init__(self, make_waiter: Callable[[], Waiter]) -> None:
        self._make_waiter = make_waiter
        self._waiting: dict[str, list[Waiter]] = {}

    async def run(self, key: str, work: Callable[[], Awaitable[T]]) -> T:
        """The outcome of ``work``, or of the work that is already under way for ``key``; its exception is raised to all."""
        waiting = self._waiting.get(key)
        if waiting is not None:
            waiter = self._make_waiter()
            waiting.append(waiter)
            outcome: _Outcome[T] = await waiter
        else:
            self._waiting[key] = []
            outcome = await _outcome(work)
            for waiter in self._waiting.pop(key):
                waiter.callback(outcome)
        if outcome.error is not None:
            raise outcome.error
        return outcome.value  # type: ignore[return-value]  # None only where T allows it


async def _outcome(work: Callable[[], Awaitable[T]]) -> _Outcome[T]:
    try:
        return _Outcome(value=await work())
    except Exception as error:
        return _Outcome(error=error)
