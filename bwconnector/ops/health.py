"""Whether the connector can do its work, in words: for probes of orchestrators and for the status page."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from bwconnector.ops.inspection import Inspection

__all__ = ["DEGRADED", "DOWN", "Health", "READY", "health", "in_one_line"]

READY = "ready"
DEGRADED = "degraded"
"""T-Servers are served, but not everything is as it should be, such as an XSP whose failure was survived."""
DOWN = "down"

NORMAL = "normal"
"""The system status under which T-Servers use the connector."""


@attrs.frozen(slots=True)
class Health:
    """:ivar reasons: one sentence for each thing that is not as it should be; empty when ready"""

    state: str
    reasons: tuple[str, ...] = ()


def health(inspection: Inspection) -> Health:
    """Judge a snapshot: down is whatever T-Servers are told something else than ``normal`` for, as they do not use the connector then.

    One channel is enough to serve them; all channels, with heartbeats, and the events of all monitored devices are wanted.
    """
    reasons = [*_channels(inspection), *_subscriptions(inspection)]
    if inspection.system_status == NORMAL and any(channel.up for channel in inspection.channels):
        return Health(DEGRADED if reasons else READY, tuple(reasons))
    return Health(DOWN, (_down(inspection), *reasons))


def _down(inspection: Inspection) -> str:
    if not any(channel.up for channel in inspection.channels):
        return "No channel to BroadWorks is up: T-Servers get no events, and their requests are refused."
    return (
        "Monitored devices are being compared with BroadWorks after the loss of all channels; "
        f"T-Servers are told {inspection.system_status} until that is done."
    )


def _channels(inspection: Inspection) -> Iterator[str]:
    for channel in inspection.channels:
        if not channel.up:
            why = channel.reason and ": " + channel.reason
            yield f"The channel to {channel.link} ({channel.peer}) is not up ({channel.state}){why}."
        elif quiet := channel.silent(inspection.now):
            yield f"The channel to {channel.link} ({channel.peer}) has had no heartbeat for {quiet:.0f} s."


def _subscriptions(inspection: Inspection) -> Iterator[str]:
    troubles = inspection.troubles
    if troubles and any(channel.up for channel in inspection.channels):
        first = troubles[0]
        one = len(troubles) == 1
        who = f"The subscription of {first.device}" if one else f"The subscriptions of {len(troubles)} devices, {first.device} among them,"
        yield f"{who} {'has' if one else 'have'} ended or could not be renewed: {first.why}."


def in_one_line(inspection: Inspection) -> str:
    """The state for service managers, which show one line."""
    up = sum(channel.up for channel in inspection.channels)
    return (
        f"{health(inspection).state}, system status {inspection.system_status}: {up} of {len(inspection.channels)} event channels are up, "
        f"{len(inspection.links)} T-Servers, {inspection.monitor_count} monitors"
    )
