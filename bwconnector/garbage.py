"""When Python's garbage collector looks at what: seldom at young objects, and once at those that stay.

An event leaves no cycles of references behind, so nearly everything is freed without the collector. It still looks through all young
objects each time that 700 more of them exist, and through all that there are whenever these have grown by a quarter: that takes a sixth of
the CPU of an event, and stops a process with 20,000 monitors for four tenths of a second at a time.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from time import perf_counter

from twisted.application.service import Service

__all__ = ["LONG", "THRESHOLDS", "Garbage"]

THRESHOLDS = (20_000, 10, 10)
"""Of the three generations (:func:`gc.set_threshold`). To look through 20,000 young objects takes about a millisecond."""
LONG = 0.03
"""Seconds of a full collection after which what it has looked at is not looked at again."""


class Garbage(Service):
    """Sets the collector for as long as it runs.

    A full collection that took long has just shown that what is left is in use, so that is frozen: the next one looks only at what came
    later. What is frozen is freed as always when nothing refers to it; only a cycle of it would stay.

    :param seconds: a clock
    """

    def __init__(self, seconds: Callable[[], float] = perf_counter) -> None:
        self._seconds = seconds
        self._before = gc.get_threshold()
        self._began = 0.0

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        self._before = gc.get_threshold()
        gc.set_threshold(*THRESHOLDS)
        gc.freeze()  # all modules, and the parts of the connector: they are there for good
        gc.callbacks.append(self._collecting)

    def stopService(self) -> None:
        if self._collecting in gc.callbacks:  # a service may be stopped twice
            gc.callbacks.remove(self._collecting)
            gc.unfreeze()
            gc.set_threshold(*self._before)
        super().stopService()  # type: ignore[no-untyped-call]

    def _collecting(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began = self._seconds()
        elif info["generation"] == 2 and self._seconds() - self._began >= LONG:
            gc.freeze()
