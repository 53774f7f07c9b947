"""Whether the connector can do its work, in words: for probes of orchestrators and for the status page."""

from __future__ import annotations

import attrs

from bwconnector.ops.inspection import Inspection

__all__ = ["DEGRADED", "DOWN", "Health", "READY", "health", "in_one_line"]

READY = "ready"
DEGRADED = "degraded"
"""T-Servers are served, but not everything is as it should be, such as an XSP whose failure was survived."""
DOWN = "down"

DISABLED = "disabled"
"""The system status of a connector whose monitors are not what they should be."""


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
    if inspection.system_status == DISABLED:
        reasons.append("Monitored devices are being compared with BroadWorks after the loss of all channels; T-Servers wait for that.")
    return Health(DEGRADED if reasons else READY, tuple(reasons))


def in_one_line(inspection: Inspection) -> str:
    """The state for service managers, which show one line."""
    up = sum(channel.up for channel in inspection.channels)
    return (
        f"{health(inspection).state}, system status {inspection.system_status}: {up} of {len(inspection.channels)} event channels are up, "
        f"{len(inspection.links)} T-Servers, {inspection.monitor_count} monitors"
    )
