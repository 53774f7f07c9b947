"""Random faults of XSPs, channels and links, as values; and how each is brought about in a world."""

from __future__ import annotations

import attrs
from hypothesis import strategies as st

from bwconnector.xsi.channel import State

from .world import World

__all__ = ["HARMLESS", "HARSH", "Fault", "apply", "faults", "heal"]

REASONS = ("ExplicitDelete", "Expired", "NonResponsiveChannel", "UnknownChannel", "DuplicateChannelSet", "UserDeleted", "")
"""Why BroadWorks ends channels; no reason is how older releases do it."""

HARMLESS = ("kill", "revive", "terminate", "duplicates", "ignored acknowledgements", "link")
"""Faults after which BroadWorks sends at once again what was lost on its way."""

HARSH = (*HARMLESS, "hang", "no echo", "fail over")
"""And those that are noticed by time-outs, so that events come late, or by which calls are lost."""

COSTLY = frozenset({"kill", "hang", "terminate", "ignored acknowledgements", "no echo"})
"""Faults that may cost the channel."""


@attrs.frozen
class Fault:
    """Something that goes wrong, or well again.

    :ivar number: of the XSP, or of the T-Server
    """

    kind: str
    number: int
    reason: str = ""


def faults(*kinds: str) -> st.SearchStrategy[Fault]:
    return st.builds(Fault, st.sampled_from(kinds), st.integers(0, 2), st.sampled_from(REASONS))


def apply(world: World, fault: Fault, *, one_stays: bool = True) -> None:
    """Bring ``fault`` about.

    :param one_stays: unless no channel at a well XSP would be left
    """
    if fault.kind == "link":
        tserver = world.tservers[-1]
        world.drop(tserver) if tserver.connected else world.connect(tserver)
        return
    if one_stays and fault.kind in COSTLY and not any(_well(world, number) for number in range(len(world.xsps)) if number != fault.number):
        return
    if fault.kind == "fail over":
        # Collective subscriptions are told nothing of it: what is gone shows when the devices are asked for.
        if world.scope is None:
            world.fail_over(fault.number)
        return
    xsp = world.xsps[fault.number]
    world.tell(f"{fault.kind} {xsp.name} {fault.reason}")
    match fault.kind:
        case "kill":
            xsp.kill()
        case "revive":
            xsp.revive()
        case "hang":
            xsp.hang()
        case "terminate":
            for channel in world.broadworks.channels:
                if channel.xsp == xsp.name:
                    world.broadworks.channels.close(channel, fault.reason)
        case "duplicates":
            xsp.faults.duplicate_events = not xsp.faults.duplicate_events
        case "ignored acknowledgements":
            # For the rest of the time: what was not acknowledged meanwhile would cost the channel after it is well again.
            xsp.faults.drop_acks = True
        case "no echo":
            xsp.faults.echo = not xsp.faults.echo


def _well(world: World, number: int) -> bool:
    xsp, status = world.xsps[number], world.channels.statuses[number]
    return xsp.up and not xsp.hung and xsp.faults.echo and not xsp.faults.drop_acks and status.state is State.UP


def heal(world: World) -> None:
    """Nothing is wrong any more, and all T-Servers are there."""
    for xsp in world.xsps:
        xsp.faults.duplicate_events = xsp.faults.drop_acks = False
        xsp.faults.echo = True
        xsp.revive()
    for tserver in world.tservers:
        if not tserver.connected:
            world.connect(tserver)
