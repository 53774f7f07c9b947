"""Rules for the life of one leg: it rings, is answered, and its attributes change."""

from __future__ import annotations

from bwconnector.bridge import causes
from bwconnector.bridge.adoption import adopt
from bwconnector.bridge.calls import ALERTING, CONNECTED, INITIATED, NULL, Connection, Leg
from bwconnector.bridge.distribution import agent_answers, agents_gate, answer_gate, offer_gate, offered, or_its_queue
from bwconnector.bridge.forwarding import moved_on, waits_for_redirector
from bwconnector.bridge.originating import called_party_rings, infer_caller
from bwconnector.bridge.pickup import rejoin, rejoin_gate, rejoins
from bwconnector.bridge.rules import Rule
from bwconnector.bridge.steps import Step
from bwconnector.bridge.transfers import transferred, transferred_gate
from bwconnector.bridge.world import World
from bwconnector.xsi.events import Party

__all__ = ["RULES", "changed_hands", "received"]

# ringing


def received_gate(world: World, step: Step) -> float:
    return max(_guard(world, step), waits_for_redirector(world, step), offer_gate(world, step), agents_gate(world, step))


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
        call.incoming_external = world.is_outside(remote)
    if remote:
        infer_caller(world, call.connection(remote), step)
    if xsi.acd_user_id:
        offered(world, leg, xsi, remote)
        call.called = call.last_redirection = world.directory.key(Party(user_id=xsi.acd_user_id))
    elif newest is not None and oldest is not None:
        call.called = world.directory.key(oldest.party) or call.called
        call.last_redirection = world.directory.key(newest.party)
    if not call.called:
        call.called = step.user
    later = world.steps.after(step, xsi.call_id)
    if later is not None and later.type in _NEVER_RANG and _held_back(world, step):
        return
    world.delivered(connection, _delivered_cause(world, step, leg))


_NEVER_RANG = frozenset({"CallRedirectedEvent", "CallReleasedEvent", "CallDetachedEvent"})


def _held_back(world: World, step: Step) -> bool:
    """Delivered was held back by P-GUARD, and the phone turned out never to ring."""
    busy = any(c.call.id != step.calls[0].tracking_id for c in world.table.connections_of(step.user))
    return bool(world.policy.seconds("P-GUARD")) and (busy or bool(world.unsettled.get(step.user)))


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


def updated_gate(world: World, step: Step) -> float:
    leg = world.leg_of(step.user, step.calls[0])
    if leg is None:
        return 0.0
    if rejoins(world, leg, step.calls[0]) and step.calls[0].state == "Active":
        return rejoin_gate(world, step, leg)
    return transferred_gate(world, step) if changed_hands(world, leg, step) else 0.0


def changed_hands(world: World, leg: Leg, step: Step) -> bool:
    """The far end was exchanged in a call that had two parties. An external party only shows another number, unless the id changed."""
    new = step.remotes[0]
    if new in leg.connection.call.diverted:
        return False  # where that one has sent the call is not shown (COLP)
    if not new or not leg.remote or new == leg.remote or not (leg.answered or leg.personality == "Terminator"):
        return False
    return world.directory.is_user(leg.remote) or step.calls[0].tracking_id != leg.tracking_id


def updated(world: World, step: Step) -> None:
    xsi, remote = step.calls[0], step.remotes[0]
    leg = world.leg_of(step.user, xsi)
    if leg is None:
        return
    if rejoins(world, leg, xsi):
        if xsi.state == "Active":
            rejoin(world, step, leg)
        return
    if changed_hands(world, leg, step) and transferred(world, step):
        return
    known = ("", leg.remote, leg.shown, *leg.connection.call.diverted)
    changed = remote not in known and leg.answered and leg.connection.alive
    leg.shown = remote
    if changed and world.policy.word("P-UPD") == "on":
        world.reports.tell("CallInformationEvent", leg.connection.call, step.user, "normal", target=remote)
    world.follow(leg, xsi, remote)
    if leg.connection.state == INITIATED and xsi.personality == "Originator":
        world.originated(leg.connection, world.policy.word("P-OCAUSE"))  # its own event was lost
    if xsi.state == "Alerting" and xsi.personality == "Originator" and not leg.ringing_told:
        if world.policy.word("P-NR") == "on" and leg.connection.call.outgoing_external:
            world.reports.tell("NetworkReachedEvent", leg.connection.call, leg.remote, "normal")
        if world.policy.word("P-DELIV") == "updated":
            called_party_rings(world, leg)


def answered_gate(world: World, step: Step) -> float:
    xsi = step.calls[0]
    leg = world.leg_of(step.user, xsi)
    if leg is None:
        return 0.0
    if rejoins(world, leg, xsi):
        return rejoin_gate(world, step, leg)
    if xsi.tracking_id != leg.tracking_id and world.table.find(xsi.tracking_id) is None and not leg.connection.call.others(step.user):
        return world.policy.seconds("P-FAR")  # it entered some call: whose id this is, the others will tell
    company = leg.connection.call.others(step.user)
    known = ("", leg.remote, *leg.connection.call.diverted)
    if step.remotes[0] not in known and world.speaks(step.remotes[0]) and not leg.answered and not company:
        return world.policy.seconds("P-FAR")  # the same, where it is the private call's id that goes on
    if not leg.answered and xsi.personality == "Terminator":
        others = [c for c in world.table.connections_of(step.user) if c is not leg.connection and c.state == CONNECTED]
        return max(answer_gate(world, leg), world.policy.seconds("P-JOIN") if others else 0.0)  # the other call's Held goes first
    rings = not leg.answered or leg.state == "Alerting"  # where it was transferred to
    if rings and (leg.remote.isdigit() or leg.remote in leg.connection.call.diverted):
        if _rings_elsewhere(world, leg):
            return world.policy.seconds("P-FAR")
        if leg.remote.isdigit() and not leg.connection.call.others(step.user):
            return world.policy.seconds("P-JOIN")  # where it rings may tell whose extension this is
    far = _answering(leg)
    if far is not None and far.queue:
        return 0.0  # what answers is the queue's music
    if far is None and leg.remote and world.speaks(leg.remote) and leg.remote not in leg.connection.call.connections:
        return world.policy.seconds("P-FAR")
    if far is not None and world.speaks(far.device) and not world.reached(far, CONNECTED):
        return world.policy.seconds("P-FAR")
    return 0.0


def _rings_elsewhere(world: World, leg: Leg) -> bool:
    """Whom the leg still names has sent the call on: the word of the device where it rings now is waiting."""
    names = {leg.connection.call.id, *leg.connection.call.aliases}
    heard = world.steps.find(lambda s: s.type == "CallReceivedEvent" and s.user != leg.user and s.calls[0].tracking_id in names)
    return heard is not None


def _answering(leg: Leg) -> Connection | None:
    """The connection that an originator's CallAnswered is about: the one that has not been answered yet, else the far one."""
    call = leg.connection.call
    waiting = [c for c in call.others(leg.user) if c.state == ALERTING]
    named = call.connections.get(leg.remote)
    if named is not None and named.alive:
        return or_its_queue(named)
    if len(waiting) == 1:
        return or_its_queue(waiting[0])
    if named is None and leg.remote.isdigit():
        return next((c for c in call.others(leg.user) if c.queue), None)  # its extension, as it was dialled
    return None if _sent_on(leg) else named


def _sent_on(leg: Leg) -> bool:
    """Whom the leg still names has sent the call on to somebody who is known."""
    call = leg.connection.call
    return leg.remote in call.diverted and bool(call.others(leg.user))


def answered(world: World, step: Step) -> None:
    xsi, remote = step.calls[0], step.remotes[0]
    leg = world.leg_of(step.user, xsi)
    if leg is None:
        return
    if rejoins(world, leg, xsi):
        rejoin(world, step, leg)
        return
    first = not leg.answered
    world.follow(leg, xsi, remote)
    if first or leg.state != "Held":  # else this is older than the hold
        leg.state = xsi.state
    leg.answered = True
    connection, call = leg.connection, leg.connection.call
    if first and leg.personality == "Terminator":
        if connection.state in (ALERTING, NULL, INITIATED):
            _catch_delivered(world, connection)
            agent_answers(world, leg)
            world.established(connection, _established_cause(connection))
        return
    if connection.state == INITIATED:
        world.originated(connection, world.policy.word("P-OCAUSE"))
    if not connection.alive:
        if connection.born and NULL in connection.entered and connection.since < step.arrived - world.policy.seconds("P-FAR"):
            world.table.drop_leg(leg)  # others only seemed to tell that it had ended
            adopt(world, step)
        return
    far = _answering(leg)
    if far is None and leg.remote and leg.remote != leg.user and not _sent_on(leg) and not call.controller:
        if world.speaks(leg.remote) and leg.remote in world.reports.introduced and not world.directory.is_queue(leg.remote):
            # it would have told; without COLP the leg names whom it called, though somebody else has answered
            world.reports.tell("EstablishedEvent", call, "", "newCall")
            return
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


def session_info(world: World, step: Step) -> None:
    """Both ends are told of the same text; the call's parties hear of it once (P-CSI)."""
    xsi = step.calls[0]
    leg = world.leg_of(step.user, xsi)
    if leg is None or not leg.connection.alive or world.policy.word("P-CSI") == "ignore":
        return
    call = leg.connection.call
    if call.session_info != xsi.client_session_info:
        call.session_info = xsi.client_session_info
        world.reports.tell("CallInformationEvent", call, step.user, "normal", target=step.user, text=call.session_info)


def updated_unknown(world: World, step: Step) -> None:
    """Adopted in mid-life, into the model only (R15)."""
    world.attach(step.user, step.calls[0], step.remotes[0]).state = step.calls[0].state


RULES = {
    "CallReceivedEvent": Rule(received, received_gate),
    "CallUpdatedEvent": Rule(updated, updated_gate, updated_unknown),
    "CallAnsweredEvent": Rule(answered, answered_gate, adopt),
    "CallClientSessionInfoUpdatedEvent": Rule(session_info),
}
