"""A guard against slow-downs that no slow machine can trip: function calls are counted, not seconds."""

from __future__ import annotations

import sys
from types import FrameType

from bench.stages import InProcess
from bench.verify import check_events

BOUND = 216
"""Calls of Python functions for each event of mix6 from parser to encoder, about a tenth above what they are. Python 3.11 makes more calls
than later versions, so it is the one that counts."""


def test_calls_for_each_event() -> None:
    rig = InProcess(devices=30, cycles=3)
    (link,) = rig.links
    warm = rig.events[:360]  # by then all skeletons of the workload are known
    for event in warm:
        rig.take(event)
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        for each in rig.events[360:]:
            rig.take(each)
    finally:
        sys.setprofile(None)
    check_events(link.name, rig.monitors, [frame[8:] for frame in link.sent], rig.events)
    each_event = calls / (len(rig.events) - len(warm))
    assert each_event <= BOUND, (
        f"{each_event:.1f} calls of Python functions for each event, where {BOUND} are allowed: `make bench BENCH='--only stages'` shows "
        "which stage takes longer, cProfile what calls more than it did. If the new work is wanted, raise the bound and say why."
    )
