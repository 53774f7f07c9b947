"""The record of what was lost: from when to when, why, and at which devices. For administrators, and for whatever reads the status."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator

import attrs

__all__ = ["EXAMPLES", "Gap", "Gaps", "KEPT"]

KEPT = 50
"""Gaps that are remembered; older ones are in the log."""
EXAMPLES = 20
"""Devices that a gap names; a list of all would be as long as the site is large."""


@attrs.frozen(slots=True)
class Gap:
    """A time in which events were lost.

    :ivar started: clock seconds
    :ivar ended: clock seconds when the devices had been compared with BroadWorks, or their monitors could be started again; None until then
    :ivar reason: in words for an administrator
    :ivar devices: how many were monitored and concerned
    :ivar examples: the first of them
    :ivar uncompared: how many of them could not be compared by then
    """

    started: float
    ended: float | None
    reason: str
    devices: int
    examples: tuple[str, ...]
    uncompared: int = 0

    @classmethod
    def of(cls, started: float, ended: float | None, reason: str, devices: Collection[str], uncompared: int = 0) -> Gap:
        """A gap at these devices."""
        return cls(started, ended, reason, len(devices), tuple(sorted(devices)[:EXAMPLES]), uncompared)


class Gaps:
    """The last gaps, oldest first. At most one lasts at a time: the loss of all channels."""

    def __init__(self) -> None:
        self._kept: deque[Gap] = deque(maxlen=KEPT)

    def __iter__(self) -> Iterator[Gap]:
        return iter(tuple(self._kept))

    @property
    def lasts(self) -> bool:
        """The newest gap has not ended."""
        return bool(self._kept) and self._kept[-1].ended is None

    def add(self, gap: Gap) -> None:
        self._kept.append(gap)

    def end(self, now: float, uncompared: int = 0) -> None:
        """The gap that lasts ends."""
        self._kept.append(attrs.evolve(self._kept.pop(), ended=now, uncompared=uncompared))
