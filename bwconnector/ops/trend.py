"""The last minutes: counters are looked at every few seconds, and what has come since tells rates and percentiles of the present."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

import attrs

from bwconnector.bridge.ports import Clock, DelayedCall
from bwconnector.ops.inspection import Histogram, Recent

__all__ = ["INTERVAL", "KEPT", "Counters", "Trend"]

INTERVAL = 10.0
KEPT = 30
"""Looks that are remembered: five minutes of them."""


@attrs.frozen(slots=True)
class Counters:
    """Counters at one moment, by name of the XSP's or T-Server's link."""

    time: float
    events: Mapping[str, int]
    messages: Mapping[str, int]
    latency: Histogram


class Trend:
    """:param count: reads the counters"""

    def __init__(self, clock: Clock, count: Callable[[], Counters]) -> None:
        self._clock = clock
        self._count = count
        self._looks: deque[Counters] = deque(maxlen=KEPT)
        self._timer: DelayedCall | None = None

    def start(self) -> None:
        self._looks.append(self._count())
        self._timer = self._clock.callLater(INTERVAL, self.start)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def recent(self) -> Recent:
        """What has come since the oldest look."""
        now = self._count()
        looks = [*self._looks, now]
        old = looks[0]
        return Recent(
            seconds=now.time - old.time,
            events=_since(old.events, now.events),
            messages=_since(old.messages, now.messages),
            latency=Histogram(
                tuple(new - before for new, before in zip(now.latency.counts, old.latency.counts, strict=True)),
                now.latency.total - old.latency.total,
            ),
            rates=tuple(_rate(*pair) for pair in zip(looks[:-2], looks[1:-1], strict=True)),
        )


def _since(old: Mapping[str, int], new: Mapping[str, int]) -> dict[str, int]:
    """A counter that is smaller than before is another one of the same name, which has begun anew."""
    return {name: count - before if count >= (before := old.get(name, 0)) else count for name, count in new.items()}


def _rate(old: Counters, new: Counters) -> float:
    return sum(_since(old.events, new.events).values()) / max(new.time - old.time, 0.001)
