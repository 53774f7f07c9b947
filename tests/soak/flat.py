"""What a process holds on to, sampled while all is quiet: it has to be as much at the end as it was at the beginning."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from prometheus_client.parser import text_string_to_metric_families

__all__ = ["Sample", "problems", "read", "table"]

MEMORY_PART = 0.05
"""How much more memory there may be, as a part of what there was: an allocator does not give all back at once."""
MEMORY_LEAST = 6 * 2**20
"""So many bytes more are no leak in any case."""
REMEMBERED = 160
"""Bytes that an id takes which is remembered, of which there are so many at most: a text of some 40 characters, and its place in a set."""
SLACK = 3
"""Sockets and timers that may be more: a heartbeat is under way, or it is not."""


@attrs.frozen
class Sample:
    """What is there at one moment.

    :ivar at: seconds since the start
    :ivar memory: resident bytes
    """

    at: float
    memory: int
    sockets: int
    timers: int
    links: int
    monitors: int
    subscriptions: int
    calls: int
    remembered: int = 0

    @property
    def idle(self) -> bool:
        """Nobody is connected, and nothing is known of anybody."""
        return not (self.links or self.monitors or self.subscriptions or self.calls)


def read(at: float, metrics: str) -> Sample:
    """A sample from what ``/metrics`` says."""
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    return Sample(
        at=at,
        memory=int(sums["process_resident_memory_bytes"]),
        sockets=int(sums["process_open_fds"]),
        timers=int(sums["bwconnector_timers"]),
        links=int(sums["bwconnector_csta_links"]),
        monitors=int(sums.get("bwconnector_csta_monitors", 0)),
        subscriptions=int(sums["bwconnector_subscriptions"]),
        calls=int(sums["bwconnector_calls"]),
        remembered=int(sums["bwconnector_remembered"]),
    )


def problems(samples: Sequence[Sample]) -> list[str]:
    """What is not flat, in words; the first sample is the one to compare with."""
    first, last = samples[0], samples[-1]
    found = [f"not idle after {each.at:.0f} s: {each}" for each in samples if not each.idle]
    for name in ("sockets", "timers"):
        before, after = getattr(first, name), getattr(last, name)
        if after > before + SLACK:
            found.append(f"{name} grew from {before} to {after}")
    ids = last.remembered - first.remembered
    if last.memory - REMEMBERED * ids > first.memory + max(MEMORY_LEAST, MEMORY_PART * first.memory):
        found.append(
            f"memory grew from {first.memory / 2**20:.1f} MB to {last.memory / 2**20:.1f} MB, while {ids} ids came to be remembered"
        )
    return found


def table(samples: Sequence[Sample]) -> str:
    """The samples, one line each."""
    lines = ["   after   memory  sockets  timers  links  monitors  subscriptions  calls  remembered"]
    lines += [
        f"{s.at:6.0f} s {s.memory / 2**20:5.1f} MB {s.sockets:8} {s.timers:7} {s.links:6} {s.monitors:9} {s.subscriptions:14} {s.calls:6}"
        f" {s.remembered:11}"
        for s in samples
    ]
    return "\n".join(lines)
