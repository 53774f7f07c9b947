"""Rules for calls that wait at a call center or route point: it is a party of the call, its connection ``queued`` while the call waits.

A queue entry acts as the queue's own leg. Both kinds of queue tell the same in words of their own; the rules go by what they mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bwconnector.bridge import causes, outgoing
from bwconnector.bridge.basic import changed_hands
from bwconnector.bridge.calls import ALERTING, QUEUED, Connection, Leg
from bwconnector.bridge.distribution import agents_gate, answered_by, caller_gives_up, offers
from bwconnector.bridge.forwarding import moved_on, waits_for_redirector
from bwconnector.bridge.originating import infer_caller
from bwconnector.bridge.rules import Rule
from bwconnector.bridge.steps import Step
from bwconnector.bridge.transfers import transferred, transferred_gate
from bwconnector.bridge.world import World
from bwconnector.xsi.events import Party, Redirect, Redirection, XsiCall
from bwconnector.xsi.queues import QUEUE_EVENTS, QueueEntry, QueueEvent

__all__ = ["QUEUE_SNAPSHOT", "RULES", "waiting_leg"]

QUEUE_SNAPSHOT = "ACDSubscriptionEvent"


def waiting_leg(entry: QueueEntry, redirections: tuple[Redirection, ...] = (), redirect: Redirect | None = None) -> XsiCall:
    """A queue entry as the leg that the queue has in the call."""
    if entry.outgoing:
        return XsiCall(entry.call_id, entry.tracking_id, "Originator", "Alerting", entry.remote)
    return XsiCall(entry.call_id, entry.tracking_id, "Terminator", "Queued", entry.remote, redirections=redirections, redirect=redirect)


def _told(step: Step) -> QueueEvent:
    assert step.queue is not None
    return step.queue


def _leg(world: World, step: Step) -> Leg | None:
    """The waiting call that a step is about; None if it does not wait any more."""
    leg = world.leg_of(step.user, step.calls[0])
    return leg if leg is not None and leg.connection.alive else None


# a call comes


def _attach(world: World, step: Step) -> Leg:
    """The leg of a call that is at the queue now, with what is known of its parties."""
    xsi, remote = step.calls[0], step.remotes[0]
    leg = world.attach(step.user, xsi, remote)
    leg.state = xsi.state
    connection, call = leg.connection, leg.connection.call
    connection.queue = True
    oldest, newest = world.oldest(xsi), world.newest(xsi)
    if not call.calling:
        call.calling = remote
        call.incoming_external = world.is_outside(remote)
    if newest is not None and oldest is not None and not world.reached(connection, QUEUED):
        call.called = call.called or world.directory.key(oldest.party)
        call.last_redirection = world.directory.key(newest.party)
    call.called = call.called or step.user
    if remote:
        infer_caller(world, call.connection(remote), step)
    return leg


def added_gate(world: World, step: Step) -> float:
    """Whoever sent the call here tells it first; and so does this queue, if the call was here before."""
    call = world.call_for(step.user, step.calls[0], step.remotes[0])
    before = call.connections.get(step.user) if call is not None else None
    leaves = before is not None and before.alive and world.leg_of(step.user, step.calls[0]) is None
    return max(waits_for_redirector(world, step), agents_gate(world, step), world.policy.seconds("P-JOIN") if leaves else 0.0)


def added(world: World, step: Step) -> None:
    """A call begins to wait."""
    moved_on(world, step)
    _wait(world, _attach(world, step), step.queue.position if step.queue is not None else 0)


def _wait(world: World, leg: Leg, position: int) -> None:
    known = world.reached(leg.connection, QUEUED) and leg.user not in leg.connection.call.singled
    _place(world, leg, position)
    if not known:
        world.queued(leg.connection, line=(len(_line(world, leg.user)), leg.position - 1))


def _line(world: World, queue: str) -> list[Leg]:
    """The calls that wait at a queue, in the order of their positions."""
    return sorted((leg for leg in world.table.legs_of(queue) if leg.position), key=lambda leg: leg.position)


def _place(world: World, leg: Leg, position: int) -> None:
    """Put a call at its position (0: keep it, a new one at the end); those behind it move."""
    line = _line(world, leg.user)
    if position or leg not in line:
        others = [other for other in line if other is not leg]
        others.insert(position - 1 if position else len(others), leg)
        line = others
    for number, other in enumerate(line, 1):
        other.position = number


def moved(world: World, step: Step) -> None:
    """Reordered or promoted: another place in the line."""
    leg = _leg(world, step)
    if leg is None:
        return
    told, before = _told(step), (leg.position, leg.priority)
    _place(world, leg, told.position)
    leg.priority = told.entry.priority
    if (leg.position, leg.priority) == before:
        return
    private = {"position": str(leg.position), **({"priority": leg.priority} if leg.priority else {})}
    world.reports.tell("CallInformationEvent", leg.connection.call, step.user, "normal", target=step.user, private=private)


def adopt_entry(world: World, step: Step) -> None:
    """An entry first seen while it waits (R15): it is there, and then what the event says of it happens."""
    if _was_here(world, step):
        return
    world.counts["adopted"] += 1
    _wait(world, _attach(world, step), 0)
    if step.queue is not None:
        RULES[step.type].run(world, step)


# an agent is asked


def offered_gate(world: World, step: Step) -> float:
    """The agent's own word makes the Delivered, if it is monitored."""
    leg = _leg(world, step)
    if leg is None or offers(leg.connection.call):
        return 0.0
    return world.policy.seconds("P-JOIN")


def offered(world: World, step: Step) -> None:
    leg = _leg(world, step)
    if leg is None:
        return
    call = leg.connection.call
    leg.ringing_told = not offers(call) and not _comes(world, leg)
    if leg.ringing_told and world.policy.word("P-OFFER") == "notKnown":
        call.last_redirection = step.user
        call.forget_subject(step.user)
        world.reports.tell("DeliveredEvent", call, "", "distributed")


def _comes(world: World, leg: Leg) -> bool:
    """An agent's word waits for something else (P-GUARD)."""
    names = {leg.connection.call.id, *leg.connection.call.aliases}
    ringing = world.steps.find(lambda s: s.type == "CallReceivedEvent" and bool(s.calls[0].acd_user_id) and s.calls[0].tracking_id in names)
    return ringing is not None


def bounced_gate(world: World, step: Step) -> float:
    """A monitored agent tells first that its phone has stopped ringing."""
    leg = _leg(world, step)
    ringing = leg is not None and any(world.speaks(c.device) for c in offers(leg.connection.call))
    return world.policy.seconds("P-FAR") if ringing else 0.0


def bounced(world: World, step: Step) -> None:
    """No agent has taken it: it waits on, or is sent away."""
    leg = _leg(world, step)
    if leg is None:
        return
    if _told(step).redirect is not None:
        _divert(world, step, leg, causes.diverted_cause(_told(step).redirect.reason))  # type: ignore[union-attr]
        return
    leg.connection.call.forget_subject("")
    leg.ringing_told = False
    _place(world, leg, _told(step).position)
    if world.policy.word("P-BOUNCE") == "queued":
        in_line = (len(_line(world, leg.user)), leg.position - 1)
        world.reports.tell("QueuedEvent", leg.connection.call, step.user, "remainsInQueue", queued=in_line)
    else:
        world.reports.tell("DeliveredEvent", leg.connection.call, step.user, "callNotAnswered")


def answered_gate(world: World, step: Step) -> float:
    """A monitored agent tells first that its phone has rung."""
    leg, agent = _leg(world, step), _agent(world, step)
    if leg is None or not agent or not world.speaks(agent) or world.reached(leg.connection.call.connections.get(agent), ALERTING):
        return 0.0
    return world.policy.seconds("P-FAR")


def _agent(world: World, step: Step) -> str:
    user_id = _told(step).entry.answering_user_id
    return world.directory.key(Party(user_id=user_id)) if user_id else ""


def answered(world: World, step: Step) -> None:
    leg = _leg(world, step)
    if leg is None:
        return
    agent = _agent(world, step)
    leg.connection.call.last_redirection = step.user
    _leave(world, leg, lambda: world.diverted(leg.connection, agent, "distributed"))
    answered_by(world, leg.connection, agent, "distributed")


# the call leaves


def _leave(world: World, leg: Leg, tell: Callable[[], None]) -> None:
    """The call waits no longer; the line closes up."""
    tell()
    for caller in (other for c in leg.connection.call.connections.values() for other in c.legs):
        if caller.answered:
            caller.moved = 0  # no CallForwarded comes to a caller who has heard the queue's music
    world.table.drop_leg(leg)
    leg.position = 0
    for number, other in enumerate(_line(world, leg.user), 1):
        other.position = number
    world.close(leg.connection.call)


def _divert(world: World, step: Step, leg: Leg, cause: str) -> None:
    redirect = _told(step).redirect
    target = world.directory.key_of_address(redirect.address) if redirect is not None and redirect.address else ""
    _leave(world, leg, lambda: world.diverted(leg.connection, target, cause))


def _clear(world: World, leg: Leg, cause: str) -> None:
    _leave(world, leg, lambda: world.cleared(leg.connection, cause))


def abandoned_gate(world: World, step: Step) -> float:
    leg = _leg(world, step)
    caller = leg.connection.call.connections.get(leg.remote) if leg is not None else None
    if caller is not None and caller.alive and world.speaks(caller.device):
        return world.policy.seconds("P-FAR")
    return bounced_gate(world, step)


def abandoned(world: World, step: Step) -> None:
    """The caller has given up."""
    leg = _leg(world, step)
    if leg is None:
        return
    caller = leg.connection.call.connections.get(leg.remote)
    if caller is not None:
        caller_gives_up(world, caller)
    _clear(world, leg, "callCancelled")


def escaped(world: World, step: Step) -> None:
    """The caller has dialled the digit by which it leaves the queue."""
    leg = _leg(world, step)
    if leg is not None:
        _clear(world, leg, "redirected")


def stranded(world: World, step: Step) -> None:
    """No agent is left."""
    leg = _leg(world, step)
    if leg is None:
        return
    if _told(step).redirect is not None and world.policy.word("P-STRAND") == "diverted":
        _divert(world, step, leg, "noAvailableAgents")
    else:
        _clear(world, leg, "noAvailableAgents")


def released(world: World, step: Step) -> None:
    leg = _leg(world, step)
    if leg is None:
        return
    told = _told(step)
    failure = causes.failure(told.release_cause) if told.release_cause is not None else None
    cause = failure.cause if failure is not None else "callNotAnswered" if told.reason == "NoAnswerTimeOut" else "normalClearing"
    _clear(world, leg, cause)


def sent_away(cause: str) -> Callable[[World, Step], None]:
    """The rule for a waiting call that goes elsewhere."""

    def rule(world: World, step: Step) -> None:
        leg = _leg(world, step)
        if leg is not None:
            _divert(world, step, leg, cause)

    return rule


def turned_away(cause: str) -> Callable[[World, Step], None]:
    """The rule for a call that a policy of the queue sends elsewhere before it waits."""

    def rule(world: World, step: Step) -> None:
        if not _was_here(world, step):
            moved_on(world, step)
            _divert(world, step, _attach(world, step), cause)

    return rule


def _was_here(world: World, step: Step) -> bool:
    """The call has been at the queue before, and has not been transferred back to it."""
    call = world.call_for(step.user, step.calls[0], step.remotes[0])
    connection = call.connections.get(step.user) if call is not None else None
    return call is not None and connection is not None and bool(connection.entered) and step.user not in call.singled


_OVERFLOWS: Mapping[str, str] = {"size": "capacityOverflow", "time": "queueTimeOverflow"}


def overflowed(world: World, step: Step) -> None:
    """Too many calls wait, or this one too long: it is sent elsewhere, or hears that it has failed."""
    leg = _leg(world, step)
    if leg is None:
        if _was_here(world, step):
            return
        moved_on(world, step)
        leg = _attach(world, step)  # a full queue has not let it in
    told = _told(step)
    if told.redirect is not None:
        _divert(world, step, leg, _OVERFLOWS.get(told.reason, "capacityOverflow"))
        return
    world.failed(leg.connection, "aCDSaturated")
    _clear(world, leg, "normalClearing")


def failed(world: World, step: Step) -> None:
    """A route point's application has not said where the call is to go."""
    leg = _leg(world, step)
    if leg is None:
        return
    told = _told(step)
    if told.redirect is not None:
        _divert(world, step, leg, "timeout" if told.reason == "CallFailureDueToInactivity" else "callForward")
    else:
        _clear(world, leg, "resourcesNotAvailable")


# the caller's side changes


def updated_gate(world: World, step: Step) -> float:
    leg = _leg(world, step)
    return transferred_gate(world, step) if leg is not None and changed_hands(world, leg, step) else 0.0


def updated(world: World, step: Step) -> None:
    leg = _leg(world, step)
    if leg is not None and not (changed_hands(world, leg, step) and transferred(world, step)):
        world.follow(leg, step.calls[0], step.remotes[0])


# the whole truth


def snapshot(world: World, step: Step) -> None:
    """Make the model agree with what waits at the queue; its own monitors hear nothing when ``step.silent``."""
    world.reports.silent = step.user if step.silent else ""
    try:
        present = {xsi.call_id for xsi in step.calls}
        for leg in world.table.legs_of(step.user):
            if leg.call_id not in present:
                _lost(world, leg)
        waiting = [pair for pair in zip(step.calls, step.remotes, strict=True) if pair[0].state == "Queued"]
        for position, (xsi, remote) in enumerate(waiting, 1):
            known = world.leg_of(step.user, xsi)
            if known is None:
                world.counts["adopted"] += 1
                known = _attach(world, Step(step.user, "", step.arrived, (xsi,), (remote,), legs=frozenset({xsi.call_id})))
            else:
                world.follow(known, xsi, remote)
            _wait(world, known, position)
            known.connection.born = True
        for connection in world.table.connections_of(step.user):
            if connection.state == QUEUED and not connection.legs:
                _gone(world, connection)  # callers had told of it
    finally:
        world.reports.silent = ""


def _lost(world: World, leg: Leg) -> None:
    _leave(world, leg, lambda: _gone(world, leg.connection))


def _gone(world: World, connection: Connection) -> None:
    if connection.alive:
        world.counts["repaired"] += 1
        world.cleared(connection, "switchingFunctionTerminated")


BY_KIND: Mapping[str, Rule] = {
    "Abandoned": Rule(abandoned, abandoned_gate),
    "Added": Rule(added, added_gate),
    "AnsweredByAgent": Rule(answered, answered_gate),
    "Bounced": Rule(bounced, bounced_gate, adopt_entry),
    "Escaped": Rule(escaped, bounced_gate),
    "Failed": Rule(failed, bounced_gate),
    "Forwarded": Rule(turned_away("callForwardImmediate"), waits_for_redirector),
    "HolidayPolicyApplied": Rule(turned_away("calendarOverflow"), waits_for_redirector),
    "NightPolicyApplied": Rule(turned_away("calendarOverflow"), waits_for_redirector),
    "OfferedToAgent": Rule(offered, offered_gate, adopt_entry),
    "Overflowed": Rule(overflowed, bounced_gate),
    "Promoted": Rule(moved, unknown=adopt_entry),
    "Released": Rule(released, bounced_gate),
    "Reordered": Rule(moved, unknown=adopt_entry),
    "Stranded": Rule(stranded, bounced_gate),
    "StrandedUnavailable": Rule(stranded, bounced_gate),
    "Transferred": Rule(sent_away("redirected"), bounced_gate),
    "Updated": Rule(updated, updated_gate, adopt_entry),
    **outgoing.BY_KIND,
}
"""By what a queue tells of a call."""

RULES: dict[str, Rule] = {
    **{kind: BY_KIND[what] for kind, what in QUEUE_EVENTS.items() if what in BY_KIND},
    QUEUE_SNAPSHOT: Rule(snapshot),
}
