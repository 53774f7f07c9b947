"""Rules for hold and retrieve. What the local user does and what the far end does are compared separately."""

from __future__ import annotations

from bwconnector.bridge.calls import CONNECTED, HOLD, Connection, Leg
from bwconnector.bridge.steps import Step
from bwconnector.bridge.world import World

__all__ = ["far_hold", "hold_gate", "settle_hold"]


def hold_gate(world: World, step: Step) -> float:
    """Remote Held and its end are the far party's to tell, if it is monitored (R3)."""
    xsi = step.calls[0]
    leg = world.leg_of(step.user, xsi)
    if leg is None:
        return 0.0
    if xsi.state == "Held":
        return _swap_follows(world, step, leg)
    if xsi.state == "Active" and leg.state == "Held":
        return _conference_explains(world, step, leg)
    wanted = _far_wanted(world, step, leg)
    far = world.far(leg)
    if wanted is None or far is None or not world.speaks(far.device) or _told_itself(world, far, wanted, step):
        return 0.0
    return world.policy.seconds("P-FAR")


SWAP = 0.5
"""Seconds within which a hold and a retrieve at one phone are taken for an alternation (P-ALT)."""


def _swap_follows(world: World, step: Step, leg: Leg) -> float:
    if world.policy.word("P-ALT") != "alternate" or _retrieves(world, step.user):
        return 0.0
    held = any(c.state == HOLD for c in world.table.connections_of(step.user) if c is not leg.connection)
    return SWAP if held else 0.0


def _retrieves(world: World, user: str) -> bool:
    return any(later.type == "CallRetrievedEvent" for later in world.steps.of(user))


def _conference_explains(world: World, step: Step, leg: Leg) -> float:
    if world.intents.find("ConferenceCall", step.user, leg.call_id) is None or _conference_follows(world, step.user):
        return 0.0
    return world.policy.seconds("P-JOIN")


def _conference_follows(world: World, user: str) -> bool:
    return any(later.type == "ConferenceStartedEvent" for later in world.steps.of(user))


def _far_wanted(world: World, step: Step, leg: Leg) -> str | None:
    """What a change of the leg's state says about the far party; Held says nothing, nor does a remote hold that is over already."""
    state = step.calls[0].state
    if state == "Remote Held":
        later = world.steps.after(step, leg.call_id)
        return HOLD if later is None or later.type != "CallRetrievedEvent" else None
    if state == "Active" and leg.state == "Remote Held":
        return CONNECTED
    return None


def _told_itself(world: World, far: Connection, wanted: str, step: Step) -> bool:
    return far.state == wanted or (wanted in far.entered and far.before >= step.arrived - world.policy.seconds("P-FAR"))


def settle_hold(world: World, step: Step) -> None:
    """CallHeld or CallRetrieved: the local part (Held or not) and the remote part (Remote Held or not) are compared separately."""
    xsi, remote = step.calls[0], step.remotes[0]
    leg = world.leg_of(step.user, xsi)
    if leg is None:
        return
    wanted, was_held = _far_wanted(world, step, leg), leg.state == "Held"
    world.follow(leg, xsi, remote)
    leg.state = xsi.state
    connection = leg.connection
    if not connection.alive:
        return
    leg.answered = True
    holding = all(other.state == "Held" for other in connection.legs)
    if holding and connection.state == CONNECTED:
        world.held(connection, _hold_cause(world, leg))
    elif was_held and not holding and connection.state == HOLD and xsi.state != "Held":
        if world.intents.find("ConferenceCall", step.user, leg.call_id) is not None and _conference_follows(world, step.user):
            world.enter(connection, CONNECTED)
        else:
            world.retrieved(connection, _hold_cause(world, leg))
    far = world.far(leg)
    if wanted is not None and far is not None:
        far_hold(world, far, wanted, step)


def far_hold(world: World, far: Connection, wanted: str, step: Step) -> None:
    if far.state == wanted or far.state not in (CONNECTED, HOLD):
        return
    if world.speaks(far.device) and _told_itself(world, far, wanted, step):
        return
    if wanted == HOLD:
        world.held(far, "normal")
    else:
        world.retrieved(far, "normal")


def _hold_cause(world: World, leg: Leg) -> str:
    if world.intents.find("AlternateCall", leg.user, leg.call_id) is not None:
        return "alternate"
    if leg.state == "Held" and world.intents.find("ConsultationCall", leg.user, leg.call_id) is not None:
        return world.policy.word("P-HCAUSE")
    if world.policy.word("P-ALT") == "alternate" and (_swapped(world, leg) or (leg.state == "Held" and _retrieves(world, leg.user))):
        return "alternate"
    return "normal"


def _swapped(world: World, leg: Leg) -> bool:
    """Another call of the device has just changed the opposite way."""
    opposite = CONNECTED if leg.state == "Held" else HOLD
    now = world.clock.seconds()
    others = [c for c in world.table.connections_of(leg.user) if c is not leg.connection and c.state == opposite]
    return any(now - c.since <= SWAP for c in others)
