"""What the flight recorder costs: the time that it takes for what passed in a recording, against the time of everything else for the same.

Rounds of both take turns, as machines are never quiet. ``python -m bench --only recorder`` measures it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter, time
from types import SimpleNamespace
from typing import Any

from bwconnector.ops.dump import read_dump
from bwconnector.ops.recorder import XSI, Entry, Failed, Recorder
from bwconnector.ops.replay import replay
from bwconnector.xsi.errors import OutcomeUnknown

RECORDING = Path(__file__).parent.parent / "tests" / "replays" / "held-call.jsonl"
SIZE = 64 * 1024 * 1024
REPEATED = 20
"""Replays in a round; one takes a few milliseconds."""


def calls_of(recorder: Recorder, entries: Sequence[Entry]) -> list[tuple[Callable[..., None], tuple[Any, ...]]]:
    """What the recorder was called with when these passed, acknowledgements and changes of the call model included."""
    calls: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
    for entry in entries:
        if entry.word in XSI:
            calls.append((recorder.xsi, (entry.link, entry.word, _as_it_was(entry))))
        else:
            calls.append((recorder.csta, (entry.link, entry.word, entry.what)))
        if entry.word == "document":
            calls.append((recorder.xsi, (entry.link, "ack", "an event id of some length, as BroadWorks has")))
            calls.append((recorder.change, (CHANGE,)))
    return calls


def _as_it_was(entry: Entry) -> Any:
    """A request that failed was answered by an exception."""
    if entry.word == "answer" and isinstance(entry.what[1], Failed):
        return entry.what[0], OutcomeUnknown(entry.what[1].why)
    return entry.what


CHANGE = SimpleNamespace(
    secondary=None,
    subject=SimpleNamespace(call_id="80:1", device="alice@example.net"),
    kind="DeliveredEvent",
    cause="newCall",
    target="",
    states={"alice@example.net": "alerting"},
)


def rounds(number: int) -> tuple[tuple[float, ...], float]:
    """For each round the recorder's time by that of a replay of the same; and the median of its microseconds for an event."""
    dump = read_dump(RECORDING)
    recorder = Recorder(time, SIZE)
    calls = calls_of(recorder, dump.recording.entries)
    events = sum(entry.word == "document" for entry in dump.recording.entries)
    shares, costs = [], []
    for _ in range(number):
        replays = records = 0.0
        for _ in range(REPEATED):
            began = perf_counter()
            replay(dump)
            middle = perf_counter()
            for call, arguments in calls:
                call(*arguments)
            replays += middle - began
            records += perf_counter() - middle
        shares.append(records / replays)
        costs.append(1e6 * records / REPEATED / events)
    return tuple(shares), median(costs)
