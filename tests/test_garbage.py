from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from bench.stages import InProcess
from bwconnector.garbage import LONG, THRESHOLDS, Garbage


class Seconds:
    """A clock that goes on by ``step`` each time that it is read."""

    def __init__(self) -> None:
        self.now = 0.0
        self.step = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture
def seconds() -> Iterator[Seconds]:
    before = gc.get_threshold()
    seconds = Seconds()
    service = Garbage(seconds)
    service.startService()
    try:
        assert gc.get_threshold() == THRESHOLDS
        yield seconds
    finally:
        service.stopService()
        service.stopService()
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_what_a_long_collection_has_looked_at_is_not_looked_at_again(seconds: Seconds) -> None:
    kept = [[number] for number in range(1000)]
    started = gc.get_freeze_count()
    assert started
    seconds.step = LONG / 2
    gc.collect()
    assert gc.get_freeze_count() <= started
    seconds.step = 2 * LONG
    gc.collect(1)
    assert gc.get_freeze_count() <= started
    gc.collect()
    assert gc.get_freeze_count() >= started + len(kept) // 2


def test_what_is_frozen_is_freed_when_nobody_has_it(seconds: Seconds) -> None:
    class Kept:
        freed = 0

        def __del__(self) -> None:
            Kept.freed += 1

    kept = [Kept() for _ in range(10)]
    seconds.step = 2 * LONG
    gc.collect()
    kept.clear()
    assert Kept.freed == 10


def test_events_leave_no_cycles_behind() -> None:
    """What is frozen in the middle of a call would otherwise stay for ever."""
    rig = InProcess(devices=20, cycles=2)
    gc.collect()
    gc.disable()
    try:
        for event in rig.events:
            rig.take(event)
        assert gc.collect() == 0
    finally:
        gc.enable()
