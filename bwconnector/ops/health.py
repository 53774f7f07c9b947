"""Whether the connector can do its work, in words: for probes of orchestrators and for the status page."""

from __future__ import annotations

import attrs

from bwconnector.ops.inspection import Inspection

__all__ = ["DEGRADED", "DOWN", "Health", "READY", "health"]

READY = "ready"
DEGRADED = "degraded"
"""Everything works, but a further failure would not be survived."""
DOWN = "down"


@attrs.frozen(slots=True)
class Health:
    """:ivar reasons: one sentence for each thing that is not as it should be; empty when ready"""

    state: str
    reasons: tuple[str, ...] = ()


def health(inspection: Inspection) -> Health:
    """Judge a snapshot: one channel is enough to serve T-Servers, all of them are wanted."""
    channels = inspection.channels
    reasons = [
        f"The channel to {channel.link} ({channel.peer}) is not up ({channel.state}){channel.reason and ': ' + channel.reason}."
        for channel in channels
        if not channel.up
    ]
    if len(reasons) == len(channels):
        return Health(DOWN, ("No channel to BroadWorks is up: T-Servers get no events, and their requests are refused.", *reasons))
    return Health(DEGRADED if reasons else READY, tuple(reasons))
