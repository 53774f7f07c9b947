"""Rules for the caller's leg until its far end answers: click-to-dial, dialling, digit collection; and a caller that is only inferred."""

from __future__ import annotations

from bwconnector.bridge.calls import ALERTING, CONNECTED, HOLD, INITIATED, Connection, Leg
from bwconnector.bridge.pickup import by_pickup_request
from bwconnector.bridge.rules import Rule
from bwconnector.bridge.steps import Step
from bwconnector.bridge.world import World

__all__ = ["BIRTH", "RULES", "called_party_rings", "infer_caller", "originated", "originating"]


def originating(world: World, step: Step) -> None:
    """Click-to-dial was accepted: the calling device's own phone rings."""
    leg = world.attach(step.user, step.calls[0], step.remotes[0])
    connection = leg.connection
    if connection.announced:
        return
    call = connection.call
    call.calling, call.called = step.user, call.called or step.remotes[0]
    call.consultation = world.intents.find("ConsultationCall", step.user) is not None
    call.outgoing_external = world.is_outside(call.called)
    _initiated(world, connection, "consultation" if call.consultation else "makeCall")


def _initiated(world: World, connection: Connection, cause: str, private: dict[str, str] | None = None) -> None:
    """Nobody else is in the call yet, whatever faster streams have told."""
    if not world.reached(connection, INITIATED):
        world.enter(connection, INITIATED)
    call, device = connection.call, connection.device
    own = call.marks.get(device, frozenset())  # as other things about it, what others say of the call comes later
    states = {device: INITIATED}
    world.reports.tell("ServiceInitiatedEvent", call, device, cause, states=states, private=private, characteristics=own)


def originated(world: World, step: Step) -> None:
    """The phone was lifted, or a number was dialled at it."""
    xsi, remote = step.calls[0], step.remotes[0]
    before = world.leg_of(step.user, xsi)
    clicked = before is not None and before.personality == "Click-to-Dial"
    leg = world.attach(step.user, xsi, remote)
    leg.state = xsi.state
    connection, call = leg.connection, leg.connection.call
    if connection.born and world.reached(connection, CONNECTED):
        return
    if not connection.alive and call.calling not in ("", step.user):
        return  # it picks up or enters a call that others already have: its answer tells
    call.calling = call.calling or step.user
    call.called = call.called or remote
    call.outgoing_external = world.is_outside(call.called)
    later = world.steps.after(step, xsi.call_id)
    if world.policy.word("P-MERGE") == "hold" and later is not None and later.calls and later.calls[0].tracking_id != xsi.tracking_id:
        world.enter(connection, INITIATED)
        return
    if not clicked and by_pickup_request(world, leg):
        world.enter(connection, INITIATED)  # no T-Server is to hear of a call that its own request for another one begins with
        return
    cause = _origin_cause(world, leg, clicked)
    if not clicked and world.policy.word("P-SI") == "on":
        _initiated(world, connection, "newCall")
    world.originated(connection, cause)
    if world.policy.word("P-DELIV") == "originated":
        called_party_rings(world, leg)


def originated_gate(world: World, step: Step) -> float:
    """P-MERGE `hold`: a feature code may pick up another call, so that this one is never announced."""
    if world.policy.word("P-MERGE") != "hold" or not step.calls[0].remote.address.removeprefix("tel:").startswith(("*", "#")):
        return 0.0
    return 0.0 if world.steps.after(step, step.calls[0].call_id) is not None else FEATURE_CODE_WAIT


FEATURE_CODE_WAIT = 0.3


"""Seconds within which BroadWorks moves the leg to the call that a feature code picked up."""


def _origin_cause(world: World, leg: Leg, clicked: bool) -> str:
    call = leg.connection.call
    if call.consultation or world.intents.find("ConsultationCall", leg.user) is not None:
        call.consultation = True
        return "consultation"
    if clicked:
        return world.policy.word("P-OCAUSE")
    holding = any(c.state == HOLD for c in world.table.connections_of(leg.user) if c is not leg.connection)
    return world.policy.word("P-CONS") if holding else "newCall"


def collecting(world: World, step: Step) -> None:
    """Digits are being collected (feature code, voice portal) before the call exists for anybody else."""
    leg = world.attach(step.user, step.calls[0], step.remotes[0])
    connection = leg.connection
    if connection.announced or world.policy.word("P-COLL") == "off":
        return
    connection.call.calling = step.user
    _initiated(world, connection, "newCall", {"collecting": "true"})


def called_party_rings(world: World, leg: Leg, cause: str = "newCall") -> None:
    """The originator's word that the called party rings; a monitored one tells it itself (R3)."""
    leg.ringing_told = True
    call = leg.connection.call
    if not leg.remote or leg.remote == leg.user or world.speaks(leg.remote):
        return
    far = call.connection(leg.remote)
    if not world.reached(far, ALERTING):
        world.delivered(far, "consultation" if call.consultation else cause)


BIRTH = "birth"


def infer_caller(world: World, caller: Connection, step: Step) -> None:
    """The calling party is in the call. If its own events come it is announced by them, at the latest after P-FAR."""
    if world.reached(caller, CONNECTED):
        return
    world.enter(caller, CONNECTED)
    if world.speaks(caller.device) and not caller.born:
        world.steps.add(Step(caller.device, BIRTH, step.arrived, party=caller.call.id))


def birth_gate(world: World, step: Step) -> float:
    call = world.table.find(step.party)
    connection = call.connections.get(step.user) if call is not None else None
    return 0.0 if connection is None or connection.born or not connection.alive else world.policy.seconds("P-FAR")


def birth(world: World, step: Step) -> None:
    """The originator's own event has not come within P-FAR: the called party's word counts now (R3)."""
    call = world.table.find(step.party)
    connection = call.connections.get(step.user) if call is not None else None
    if connection is not None and connection.alive and not connection.born and world.speaks(step.user):
        world.counts["inferred"] += 1
        world.originated(connection, "newCall")


RULES = {
    "CallOriginatingEvent": Rule(originating),
    "CallOriginatedEvent": Rule(originated, originated_gate),
    "CallCollectingEvent": Rule(collecting),
    BIRTH: Rule(birth, birth_gate),
}
