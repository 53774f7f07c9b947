"""A CallSubscriptionEvent is the whole truth about its user: what the model knows is compared with it, and only differences are told."""

from __future__ import annotations

import attrs

from bwconnector.bridge.adoption import adopt
from bwconnector.bridge.basic import received
from bwconnector.bridge.calls import ALERTING, CONNECTED, HOLD, INITIATED, Connection, Leg
from bwconnector.bridge.conferences import held as hold_conference
from bwconnector.bridge.conferences import started
from bwconnector.bridge.holding import settle_hold
from bwconnector.bridge.originating import called_party_rings, originated, originating
from bwconnector.bridge.recording import compare_recording
from bwconnector.bridge.rules import Rule
from bwconnector.bridge.steps import Step
from bwconnector.bridge.world import World
from bwconnector.xsi.events import XsiCall

__all__ = ["RULES", "SNAPSHOT"]

SNAPSHOT = "CallSubscriptionEvent"


def snapshot(world: World, step: Step) -> None:
    """Make the model agree with the snapshot of ``step.user``; its own monitors hear nothing when ``step.silent``."""
    world.reports.silent, world.comparing = step.user if step.silent else "", True
    try:
        present = {xsi.call_id for xsi in step.calls} | {
            leg.call_id for xsi in step.calls if (leg := world.leg_of(step.user, xsi)) is not None
        }
        for leg in world.table.legs_of(step.user):
            if leg.call_id not in present:
                _lost(world, leg)
        held = _held_participants(step)
        for call, remote in zip(step.calls, step.remotes, strict=True):
            xsi = attrs.evolve(call, state="Held") if call.call_id in held else call
            one = Step(step.user, "", step.arrived, (xsi,), (remote,), legs=frozenset({xsi.call_id}))
            leg_now = world.leg_of(step.user, xsi)
            if leg_now is not None and (_elsewhere(world, leg_now, xsi) or _given_up(leg_now)):
                _lost(world, leg_now)
                leg_now = None
            if leg_now is None or not leg_now.connection.entered:  # seen in passing only, when what began it was lost
                _new(world, one)
            else:
                _known(world, one, leg_now)
        for connection in world.table.connections_of(step.user):
            if not connection.legs and connection.state in (INITIATED, ALERTING, CONNECTED, HOLD):
                _gone(world, connection)  # others had told of it
        if step.conference is not None:
            started(world, step, certain=True)
            if step.conference.state == "Held":
                hold_conference(world, step)
        for leg in world.table.legs_of(step.user):
            if leg.connection.state != INITIATED:  # else its Originated is still to come
                leg.connection.born = True
        for xsi in step.calls:
            compared = world.leg_of(step.user, xsi)
            if compared is not None:
                compare_recording(world, compared, xsi)
                if xsi.call_id in held:
                    compared.state = xsi.state  # its conference is held, but what comes next tells of the leg itself
    finally:
        world.reports.silent, world.comparing = "", False


def _held_participants(step: Step) -> frozenset[str]:
    """CallIds that the controller holds by holding its conference, whatever their own state."""
    if step.conference is None or step.conference.state != "Held":
        return frozenset()
    return frozenset(participant.call_id for participant in step.conference.participants)


def _elsewhere(world: World, leg: Leg, xsi: XsiCall) -> bool:
    """What made the leg part of another known call was lost."""
    return world.table.find(xsi.tracking_id) not in (None, leg.connection.call)


def _given_up(leg: Leg) -> bool:
    """Others seemed to tell that it had ended."""
    return leg.connection.born and not leg.connection.alive


def _lost(world: World, leg: Leg) -> None:
    """A leg that is no more: its party is cleared; others are cleared with it only if nobody speaks for them."""
    world.table.drop_leg(leg)
    if leg.connection.alive and not leg.connection.legs:
        _gone(world, leg.connection)
    world.close(leg.connection.call)


def _gone(world: World, connection: Connection) -> None:
    world.counts["repaired"] += 1
    world.cleared(connection, "switchingFunctionTerminated")
    if connection.call.controller == connection.device:
        connection.call.controller = ""


def _new(world: World, step: Step) -> None:
    """A leg that the model did not know."""
    xsi = step.calls[0]
    world.counts["adopted"] += 1
    if xsi.state == "Alerting" and not (xsi.personality == "Terminator" and xsi.answer_time):
        if xsi.personality == "Terminator":
            _unsuppose(world, step)
            received(world, step)
        elif xsi.personality == "Originator":
            originated(world, step)
            if xsi.answer_time and (leg := world.leg_of(step.user, xsi)) is not None:
                called_party_rings(world, leg)  # its far end has answered, and has transferred it
        else:
            originating(world, step)
    elif xsi.state in ("Alerting", "Active", "Held", "Remote Held"):
        adopt(world, step, "normal")


def _unsuppose(world: World, step: Step) -> None:
    """It rings here: that this device has answered was only supposed, since a far end named it as whom it had called (COLP)."""
    call = world.call_for(step.user, step.calls[0], step.remotes[0])
    connection = call.connections.get(step.user) if call is not None else None
    if call is not None and connection is not None and connection.state in (CONNECTED, HOLD) and not connection.legs:
        call.remove(step.user)
        call.forget_subject(step.user)


def _known(world: World, step: Step, leg: Leg) -> None:
    """A leg that may have moved on; it cannot have gone back (R4)."""
    xsi, remote = step.calls[0], step.remotes[0]
    connection = leg.connection
    if xsi.state == "Alerting":
        if connection.state in (CONNECTED, HOLD) and leg.answered:
            world.counts["older state"] += 1
        elif connection.state == ALERTING and xsi.answer_time:
            world.counts["repaired"] += 1
            world.established(connection, "newCall")  # and then it was transferred to who alerts now
            leg.answered = True
        world.follow(leg, xsi, remote)
        if connection.state == INITIATED and xsi.personality == "Originator":
            world.originated(connection, "normal")
        elif connection.state == HOLD and len(connection.legs) == 1:
            world.retrieved(connection, "normal")  # it was transferred to who alerts now
    elif xsi.state in ("Active", "Held", "Remote Held"):
        if connection.state == ALERTING:
            world.counts["repaired"] += 1
            world.established(connection, "newCall")
        elif connection.state == INITIATED:
            world.counts["repaired"] += 1
            world.originated(connection, "normal")
        if not leg.answered:
            _far_answered(world, leg)
        leg.answered = True
        settle_hold(world, step)


def _far_answered(world: World, leg: Leg) -> None:
    far = world.far(leg)
    if far is None and leg.remote:
        far = leg.connection.call.connection(leg.remote)
    if leg.personality != "Terminator" and far is not None and not world.speaks(far.device) and not world.reached(far, CONNECTED):
        world.established(far, "newCall")


RULES = {SNAPSHOT: Rule(snapshot)}
