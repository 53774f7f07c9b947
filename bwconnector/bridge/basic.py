"""Rules for the life of one leg: it originates or rings, is answered, held and retrieved, and its attributes change."""

from __future__ import annotations

from bwconnector.bridge import causes
from bwconnector.bridge.calls import ALERTING, CONNECTED, HOLD, INITIATED, NULL, Connection, Leg
from bwconnector.bridge.pickup import rejoin, rejoin_gate, rejoins
from bwconnector.bridge.rules import Rule
from bwconnector.bridge.steps import Step
from bwconnector.bridge.transfers import moved_on, transferred, transferred_gate, waits_for_redirector
from bwconnector.bridge.world import World
from bwconnector.xsi.events import Party

__all__ = ["RULES", "far_alerting", "settle_hold"]


# origination


def originating(world: World, step: Step) -> None:
    """Click-to-dial was accepted: the calling device's own phone rings."""
    leg = world.attach(step.user, step.calls[0], step.remotes[0])
    connection = leg.connection
    if connection.announced:
        return
    call = connection.call
    call.calling, call.called = step.user, call.called or step.remotes[0]
    call.consultation = world.intents.find("ConsultationCall", step.user) is not None
    call.outgoing_external = _outside(world, call.called)
    _initiated(world, connection, "consultation" if call.consultation else "makeCall")


def _initiated(world: World, connection: Connection, cause: str, private: dict[str, str] | None = None) -> None:
    """Nobody else is in the call yet, whatever faster streams have told."""
    if not world.reached(connection, INITIATED):
        world.enter(connection, INITIATED)
    states = {connection.device: INITIATED}
    world.reports.tell("ServiceInitiatedEvent", connection.call, connection.device, cause, states=states, private=private)


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
    call.outgoing_external = _outside(world, call.called)
    later = world.steps.after(step, xsi.call_id)
    if world.policy.word("P-MERGE") == "hold" and later is not None and later.calls and later.calls[0].tracking_id != xsi.tracking_id:
        world.enter(connection, INITIATED)
        return
    cause = _origin_cause(world, leg, clicked)
    if not clicked and world.policy.word("P-SI") == "on":
        _initiated(world, connection, "newCall")
    world.originated(connection, cause)
    if world.policy.word("P-DELIV") == "originated":
        far_alerting(world, leg)


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


def _outside(world: World, device: str) -> bool:
    return bool(device) and not world.directory.is_user(device)


# ringing


def received_gate(world: World, step: Step) -> float:
    return max(_guard(world, step), waits_for_redirector(world, step))


def _guard(world: World, step: Step) -> float:
    """BroadWorks reports a call before the user's services run, so the phone may never ring: hold it back if there is a reason."""
    if world.steps.after(step, step.calls[0].call_id) is not None:
        return 0.0
    busy = any(c.call.id != step.calls[0].tracking_id for c in world.table.connections_of(step.user))
    return world.policy.seconds("P-GUARD") if busy or world.unsettled.get(step.user) else 0.0


def received(world: World, step: Step) -> None:
    xsi, remote = step.calls[0], step.remotes[0]
    moved_on(world, step)
    leg = world.attach(step.user, xsi, remote)
    leg.state, leg.hunt_group = xsi.state, xsi.hunt_group
    connection, call = leg.connection, leg.connection.call
    if connection.alive and connection.born:
        return
    newest, oldest = world.newest(xsi), world.oldest(xsi)
    if not call.calling:
        call.calling = remote
        call.incoming_external = _outside(world, remote)
    if xsi.acd_user_id:
        call.called = call.last_redirection = world.directory.key(Party(user_id=xsi.acd_user_id))
    elif newest is not None and oldest is not None:
        call.called = world.directory.key(oldest.party) or call.called
        call.last_redirection = world.directory.key(newest.party)
    if not call.called:
        call.called = step.user
    later = world.steps.after(step, xsi.call_id)
    if later is not None and later.type in _NEVER_RANG and _held_back(world, step):
        return
    if remote:
        _caller(world, call.connection(remote), step)
    world.delivered(connection, _delivered_cause(world, step, leg))


_NEVER_RANG = frozenset({"CallRedirectedEvent", "CallReleasedEvent", "CallDetachedEvent"})


def _held_back(world: World, step: Step) -> bool:
    """Delivered was held back by P-GUARD, and the phone turned out never to ring."""
    busy = any(c.call.id != step.calls[0].tracking_id for c in world.table.connections_of(step.user))
    return bool(world.policy.seconds("P-GUARD")) and (busy or bool(world.unsettled.get(step.user)))


def _caller(world: World, caller: Connection, step: Step) -> None:
    """The calling party is in the call. If its own events come it is announced by them, at the latest after P-FAR."""
    if world.reached(caller, CONNECTED):
        return
    world.enter(caller, CONNECTED)
    if world.speaks(caller.device) and not caller.born:
        world.steps.add(Step(caller.device, BIRTH, step.arrived, party=caller.call.id))


def _delivered_cause(world: World, step: Step, leg: Leg) -> str:
    xsi, call = step.calls[0], leg.connection.call
    newest = world.newest(xsi)
    if xsi.recall_type:
        return "recall"
    if xsi.acd_user_id or xsi.hunt_group:
        return "distributed"
    if newest is not None:
        redirector = call.connections.get(world.directory.key(newest.party))
        answered = step.user in call.singled or redirector is None or world.reached(redirector, CONNECTED)
        return causes.delivered_cause(newest.reason, was_connected=answered)
    if call.consultation or any(i.service == "ConsultationCall" and i.user == step.remotes[0] for i in world.intents):
        call.consultation = True
        return "consultation"
    return "newCall"


# birth of an originator whose own event has not come

BIRTH = "birth"


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


# attributes


def updated_gate(world: World, step: Step) -> float:
    leg = world.leg_of(step.user, step.calls[0])
    if leg is None:
        return 0.0
    if rejoins(world, leg, step.calls[0]) and step.calls[0].state == "Active":
        return rejoin_gate(world, step, leg)
    return transferred_gate(world, step) if _changed_hands(world, leg, step) else 0.0


def _changed_hands(world: World, leg: Leg, step: Step) -> bool:
    """The far end was exchanged in a call that had two parties. An external party only shows another number, unless the id changed."""
    new = step.remotes[0]
    if not new or not leg.remote or new == leg.remote or not (leg.answered or leg.personality == "Terminator"):
        return False
    return world.directory.is_user(leg.remote) or step.calls[0].tracking_id != leg.tracking_id


def updated(world: World, step: Step) -> None:
    xsi, remote = step.calls[0], step.remotes[0]
    leg = world.leg_of(step.user, xsi)
    if leg is None:
        world.attach(step.user, xsi, remote).state = xsi.state  # adopted in mid-life, into the model only (R15)
        return
    if rejoins(world, leg, xsi):
        if xsi.state == "Active":
            rejoin(world, step, leg)
        return
    if _changed_hands(world, leg, step) and transferred(world, step):
        return
    changed = remote not in ("", leg.remote, leg.shown) and leg.answered and leg.connection.alive
    leg.shown = remote
    if changed and world.policy.word("P-UPD") == "on":
        world.reports.tell("CallInformationEvent", leg.connection.call, step.user, "normal", target=remote)
    world.follow(leg, xsi, remote)
    if xsi.state == "Alerting" and xsi.personality == "Originator" and not leg.ringing_told:
        if world.policy.word("P-NR") == "on" and leg.connection.call.outgoing_external:
            world.reports.tell("NetworkReachedEvent", leg.connection.call, leg.remote, "normal")
        if world.policy.word("P-DELIV") == "updated":
            far_alerting(world, leg)


def far_alerting(world: World, leg: Leg, cause: str = "newCall") -> None:
    """The originator's word that the called party rings; a monitored one tells it itself (R3)."""
    leg.ringing_told = True
    call = leg.connection.call
    if not leg.remote or leg.remote == leg.user or world.speaks(leg.remote):
        return
    far = call.connection(leg.remote)
    if not world.reached(far, ALERTING):
        world.delivered(far, "consultation" if call.consultation else cause)


# answer


def answered_gate(world: World, step: Step) -> float:
    xsi = step.calls[0]
    leg = world.leg_of(step.user, xsi)
    if leg is None:
        return 0.0
    if rejoins(world, leg, xsi):
        return rejoin_gate(world, step, leg)
    if xsi.tracking_id != leg.tracking_id and world.table.find(xsi.tracking_id) is None and not leg.connection.call.others(step.user):
        return world.policy.seconds("P-FAR")  # it entered some call: whose id this is, the others will tell
    if not leg.remote and step.remotes[0] and world.speaks(step.remotes[0]) and not leg.connection.call.others(step.user):
        return world.policy.seconds("P-FAR")  # the same, where it is the private call's id that goes on
    if not leg.answered and xsi.personality == "Terminator":
        others = [c for c in world.table.connections_of(step.user) if c is not leg.connection and c.state == CONNECTED]
        return world.policy.seconds("P-JOIN") if others else 0.0  # the other call's Held goes first
    far = _answering(leg)
    if far is None and leg.remote and world.speaks(leg.remote) and leg.remote not in leg.connection.call.connections:
        return world.policy.seconds("P-FAR")
    if far is not None and world.speaks(far.device) and not world.reached(far, CONNECTED):
        return world.policy.seconds("P-FAR")
    return 0.0


def _answering(leg: Leg) -> Connection | None:
    """The connection that an originator's CallAnswered is about: the one that has not been answered yet, else the far one."""
    call = leg.connection.call
    waiting = [c for c in call.others(leg.user) if c.state == ALERTING]
    named = call.connections.get(leg.remote)
    if named is not None and named.alive:
        return named
    return waiting[0] if len(waiting) == 1 else named


def answered(world: World, step: Step) -> None:
    xsi, remote = step.calls[0], step.remotes[0]
    leg = world.leg_of(step.user, xsi)
    if leg is None:
        adopt(world, step)
        return
    if rejoins(world, leg, xsi):
        rejoin(world, step, leg)
        return
    first = not leg.answered
    world.follow(leg, xsi, remote)
    leg.state, leg.answered = xsi.state, True
    connection, call = leg.connection, leg.connection.call
    if first and leg.personality == "Terminator":
        if connection.state in (ALERTING, NULL, INITIATED):
            _catch_delivered(world, connection)
            world.established(connection, _established_cause(connection))
        return
    if connection.state == INITIATED:
        world.originated(connection, world.policy.word("P-OCAUSE"))
    if not connection.alive:
        return
    far = _answering(leg)
    if far is None and leg.remote and leg.remote != leg.user and not call.controller:
        far = call.connection(leg.remote)
    if far is not None and not world.reached(far, CONNECTED):
        world.established(far, _established_cause(far))


def _catch_delivered(world: World, connection: Connection) -> None:
    """A leg that P-GUARD hid answers all the same: it did ring."""
    if not connection.alive and not connection.alerted and not world.reached(connection, ALERTING):
        world.delivered(connection, connection.cause or "newCall")


_REPEATED = frozenset({"distributed", "callPickup", "singleStepTransfer"})


def _established_cause(connection: Connection) -> str:
    return connection.cause if connection.cause in _REPEATED else "newCall"


def adopt(world: World, step: Step, cause: str = "newCall") -> None:
    """A leg first seen in mid-call (R15): it is connected, held or remotely held."""
    xsi, remote = step.calls[0], step.remotes[0]
    leg = world.attach(step.user, xsi, remote)
    leg.state, leg.answered = xsi.state, True
    connection, call = leg.connection, leg.connection.call
    world.counts["adopted"] += 1
    if connection.born and connection.alive:
        return
    terminator = xsi.personality == "Terminator"
    call.calling = call.calling or (remote if terminator else step.user)
    call.called = call.called or (step.user if terminator else remote)
    if not world.reached(connection, CONNECTED):
        world.enter(connection, CONNECTED)
    if remote and not world.reached(call.connection(remote), CONNECTED):
        world.enter(call.connection(remote), CONNECTED)
    if xsi.state == "Held":
        world.held(connection, "normal")
    elif terminator or not remote:
        world.established(connection, cause)
    else:
        world.established(call.connection(remote), cause, birth=step.user)
    if xsi.state == "Remote Held" and remote:
        _far_hold(world, call.connection(remote), HOLD, step)


# hold


def hold_gate(world: World, step: Step) -> float:
    """Remote Held and its end are the far party's to tell, if it is monitored (R3)."""
    xsi = step.calls[0]
    leg = world.leg_of(step.user, xsi)
    if leg is None:
        return 0.0
    if xsi.state == "Active" and leg.state == "Held":
        return _conference_explains(world, step, leg)
    wanted = _far_wanted(leg, xsi.state)
    far = world.far(leg)
    if wanted is None or far is None or not world.speaks(far.device) or _told_itself(world, far, wanted, step):
        return 0.0
    return world.policy.seconds("P-FAR")


def _conference_explains(world: World, step: Step, leg: Leg) -> float:
    if world.intents.find("ConferenceCall", step.user, leg.call_id) is None or _conference_follows(world, step.user):
        return 0.0
    return world.policy.seconds("P-JOIN")


def _far_wanted(leg: Leg, state: str) -> str | None:
    """What a change of the leg's state says about the far party; Held says nothing."""
    if state == "Remote Held":
        return HOLD
    if state == "Active" and leg.state == "Remote Held":
        return CONNECTED
    return None


def _told_itself(world: World, far: Connection, wanted: str, step: Step) -> bool:
    since = far.entered.get(wanted)
    return far.state == wanted or (since is not None and since >= step.arrived - world.policy.seconds("P-FAR"))


def settle_hold(world: World, step: Step) -> None:
    """CallHeld or CallRetrieved: the local part (Held or not) and the remote part (Remote Held or not) are compared separately."""
    xsi, remote = step.calls[0], step.remotes[0]
    leg = world.leg_of(step.user, xsi)
    if leg is None:
        adopt(world, step)
        return
    wanted, was_held = _far_wanted(leg, xsi.state), leg.state == "Held"
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
        _far_hold(world, far, wanted, step)


def _conference_follows(world: World, user: str) -> bool:
    return any(later.type == "ConferenceStartedEvent" for later in world.steps.of(user))


def _far_hold(world: World, far: Connection, wanted: str, step: Step) -> None:
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
    if world.policy.word("P-ALT") == "alternate" and _swapped(world, leg):
        return "alternate"
    return "normal"


def _swapped(world: World, leg: Leg) -> bool:
    """Another call of the device changed the opposite way within half a second."""
    opposite = CONNECTED if leg.state == "Held" else HOLD
    now = world.clock.seconds()
    return any(now - c.entered.get(opposite, -1.0) <= 0.5 for c in world.table.connections_of(leg.user) if c is not leg.connection)


RULES = {
    "CallOriginatingEvent": Rule(originating),
    "CallOriginatedEvent": Rule(originated, originated_gate),
    "CallCollectingEvent": Rule(collecting),
    "CallReceivedEvent": Rule(received, received_gate),
    "CallUpdatedEvent": Rule(updated, updated_gate),
    "CallAnsweredEvent": Rule(answered, answered_gate),
    "CallHeldEvent": Rule(settle_hold, hold_gate),
    "CallRetrievedEvent": Rule(settle_hold, hold_gate),
    BIRTH: Rule(birth, birth_gate),
}
