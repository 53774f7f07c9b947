"""The record of channels that were lost and came back: when, for how long, and why."""

from __future__ import annotations

from collections import Counter, deque

import attrs

from bwconnector.ops.inspection import Recovery
from bwconnector.xsi.channel import ChannelStatus, State

__all__ = ["KEPT", "Recoveries"]

KEPT = 50
"""Losses that are remembered; older ones are in the log."""


class Recoveries:
    """Told each change of a channel's state.

    :ivar losses: how often each was lost, by the name of its link
    """

    def __init__(self) -> None:
        self.losses: Counter[str] = Counter()
        self._kept: deque[Recovery] = deque(maxlen=KEPT)
        self._up: set[str] = set()
        self._lost: dict[str, Recovery] = {}

    def changed(self, status: ChannelStatus) -> None:
        link = status.link
        if status.state is State.UP:
            self._up.add(link)
            if (lost := self._lost.pop(link, None)) is not None:
                self._kept.append(attrs.evolve(lost, ended=status.since))
        elif status.state is State.BACKOFF and link in self._up:
            self._up.discard(link)
            self.losses[link] += 1
            self._lost[link] = Recovery(link, status.since, None, status.reason)
        elif status.state in (State.CLOSING, State.IDLE):  # not wanted any more, which is no loss
            self._up.discard(link)
            self._lost.pop(link, None)

    def all(self) -> tuple[Recovery, ...]:
        """Those that are over, and then those that last, each oldest first."""
        return (*self._kept, *self._lost.values())
