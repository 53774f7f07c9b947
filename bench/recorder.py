"""What the flight recorder costs: the time that it takes for what passed in a recording, against the time of everything else for the same.

Run it as ``python bench/recorder.py [RECORDING]``. Rounds alternate, and medians are told, as machines are never quiet. A whole connector
is compared with and without it by ``[recorder] size = 0``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter, time
from types import SimpleNamespace
from typing import Any

from bwconnector.ops.dump import Dump, read_dump
from bwconnector.ops.recorder import XSI, Entry, Failed, Recorder
from bwconnector.ops.replay import replay
from bwconnector.xsi.errors import OutcomeUnknown

RECORDING = Path(__file__).parent.parent / "tests" / "replays" / "held-call.jsonl"
SIZE = 64 * 1024 * 1024


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


def measure(dump: Dump, rounds: int) -> tuple[float, float]:
    """Seconds of a replay, and seconds of the recorder for what passes in it: medians over ``rounds``."""
    recorder = Recorder(time, SIZE)
    calls = calls_of(recorder, dump.recording.entries)
    replays, records = [], []
    for _ in range(rounds):
        began = perf_counter()
        replay(dump)
        middle = perf_counter()
        for call, arguments in calls:
            call(*arguments)
        replays.append(middle - began)
        records.append(perf_counter() - middle)
    return median(replays), median(records)


def main(arguments: Sequence[str], rounds: int = 101) -> None:
    dump = read_dump(arguments[0] if arguments else RECORDING)
    events = sum(entry.word == "document" for entry in dump.recording.entries)
    without, more = measure(dump, rounds)
    print(f"recorder / everything else     {more / without:8.1%}")
    print(f"everything else, an event      {without / events * 1e6:8.1f} µs")
    print(f"the recorder, an event         {more / events * 1e6:8.2f} µs")


if __name__ == "__main__":
    main(sys.argv[1:])
