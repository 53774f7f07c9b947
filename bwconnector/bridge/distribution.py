"""Rules for calls that a call center or route point offers to agents: how an agent's leg and the queue's own word agree.

Added at the queue precedes Delivered at the agent; Diverted of the queue precedes Established of the agent; an offer that ended without
an answer is explained by the queue (the call bounced, or its caller gave up). Where nobody monitors the queue, its part is inferred.
"""

from __future__ import annotations

from bwconnector.bridge.calls import ALERTING, CONNECTED, NULL, QUEUED, Call, Connection, Leg
from bwconnector.bridge.steps import Step
from bwconnector.bridge.world import World
from bwconnector.xsi.events import Party, XsiCall

__all__ = [
    "agent_answers",
    "agents_gate",
    "answer_gate",
    "answered_by",
    "awaited_queue",
    "caller_gives_up",
    "has_left_queue",
    "offer_ended",
    "offer_gate",
    "offered",
    "offers",
    "or_its_queue",
    "release_gate",
    "taken_back",
]

_ENDS = frozenset(
    {
        "Abandoned",
        "AnsweredByAgent",
        "Bounced",
        "Escaped",
        "Failed",
        "Overflowed",
        "Released",
        "Stranded",
        "StrandedUnavailable",
        "Transferred",
    }
)
"""What a queue tells when a call stops ringing at an agent."""


def _queue_of(world: World, xsi: XsiCall) -> str:
    return world.directory.key(Party(user_id=xsi.acd_user_id)) if xsi.acd_user_id else ""


def _waits(connection: Connection | None) -> bool:
    return connection is not None and connection.state == QUEUED and bool(connection.legs)


def offers(call: Call) -> list[Connection]:
    """Connections of agents at whom the call rings."""
    return [c for c in call.alive() if c.state == ALERTING and any(leg.acd for leg in c.legs)]


# the agent's phone rings


def offer_gate(world: World, step: Step) -> float:
    """A monitored queue has to tell first that the call came there, and the agent asked before that its phone has stopped ringing."""
    queue = _queue_of(world, step.calls[0])
    if not queue:
        return 0.0
    call = world.call_for(step.user, step.calls[0], step.remotes[0])
    if world.speaks(queue) and (call is None or not _waits(call.connections.get(queue))):
        # its word may have come, and be waiting as long for who has sent the call there
        held_up = any(s.queue is not None and s.calls[0].tracking_id == step.calls[0].tracking_id for s in world.steps.of(queue))
        return world.policy.seconds("P-FAR") + (world.policy.seconds("P-JOIN") if held_up else 0.0)
    if call is None:
        # a monitored caller tells how its call has come to the queue, and with which tracking id
        caller = step.remotes[0]
        told = any(leg.remote == queue for leg in world.table.legs_of(caller))
        return world.policy.seconds("P-FAR") if caller and world.speaks(caller) and not told else 0.0
    if any(s.type == "CallRedirectedEvent" for s in world.steps.of(step.user)) or _was_sent(world, call, queue, step.user):
        return world.policy.seconds("P-FAR")  # somebody, maybe this agent, has sent the call to the queue, which is to be told before
    asked = call.connections.get(queue)
    elsewhere = asked is not None and any(leg.ringing_told for leg in asked.legs)
    before = elsewhere or any(c.device != step.user and world.speaks(c.device) for c in offers(call)) or _bounces(world, queue, call)
    return world.policy.seconds("P-JOIN") if before else 0.0


def _was_sent(world: World, call: Call, queue: str, agent: str) -> bool:
    """A call of two parties, neither of which has called the queue, has come there: one of them, or its caller, is still to tell so."""
    there = call.connections.get(queue)
    parties = [c for c in call.others(agent) if c.device != queue]
    called = any(leg.remote == queue for c in parties for leg in c.legs)
    if called or (there is not None and there.alive):
        return False
    # a bare extension is where the call has been sent
    dialled = any(not (leg.answered or leg.remote.isdigit() or leg.remote in ("", *call.diverted)) for c in parties for leg in c.legs)
    return (len(parties) > 1 or dialled) and any(world.speaks(c.device) and c.alive for c in parties)


def taken_back(leg: Leg) -> None:
    """An agent has not taken the call: its queue is going to tell that it bounced, before it rings at the next one."""
    queue = leg.connection.call.connections.get(leg.acd)
    for own in queue.legs if queue is not None and queue.state == QUEUED else ():
        own.ringing_told = True


def agents_gate(world: World, step: Step) -> float:
    """A queue has sent the call here: the agent at whom it rang tells first that its phone has stopped ringing."""
    xsi = step.calls[0]
    newest = world.newest(xsi)
    if newest is None or xsi.acd_user_id:
        return 0.0
    queue, call = world.directory.key(newest.party), world.call_for(step.user, xsi, step.remotes[0])
    asked = call is not None and any(world.speaks(c.device) and any(leg.acd == queue for leg in c.legs) for c in offers(call))
    return world.policy.seconds("P-FAR") if asked else 0.0


def _bounces(world: World, queue: str, call: Call) -> bool:
    """The queue's word that an agent has not taken the call is still to be told."""

    def tells(step: Step) -> bool:
        own = world.leg_of(step.user, step.calls[0]) if step.queue is not None and step.queue.kind == "Bounced" else None
        return own is not None and own.connection.call is call

    return any(map(tells, world.steps.of(queue)))


def offered(world: World, leg: Leg, xsi: XsiCall, caller: str) -> None:
    """The call rings at an agent. A monitored caller hears of a queue that does not speak, too."""
    queue, call = _queue_of(world, xsi), leg.connection.call
    leg.acd = queue
    if queue and not world.speaks(queue) and caller and world.speaks(caller):
        call.called = call.called or queue
        world.queued(call.connection(queue))


# the agent answers


def answer_gate(world: World, leg: Leg) -> float:
    """The queue's own word that the call has left it goes first."""
    return world.policy.seconds("P-JOIN") if world.speaks(leg.acd) and _waits(leg.connection.call.connections.get(leg.acd)) else 0.0


def agent_answers(world: World, leg: Leg) -> None:
    """A call that waited at a queue which does not speak has left it."""
    queue = leg.connection.call.connections.get(leg.acd)
    if queue is not None and queue.alive and not world.speaks(leg.acd):
        world.diverted(queue, leg.user, "distributed")


def has_left_queue(world: World, leg: Leg, xsi: XsiCall, remote: str) -> None:
    """An agent is found with the call: it waits no longer, though nobody may have told that it ever did."""
    queue = _queue_of(world, xsi)
    if not queue or queue == remote:
        return
    leg.acd, call = queue, leg.connection.call
    left = call.connection(queue)
    if left.alive:
        agent_answers(world, leg)
    elif not left.entered:
        left.queue = left.born = True  # so that it begins anew if the call comes back
        world.enter(left, QUEUED)
        world.enter(left, NULL)
        call.diverted |= {queue}


def or_its_queue(connection: Connection) -> Connection | None:
    """An agent at whom a call of a queue rings tells itself when it answers: until then the caller hears the music of the queue."""
    queue = next((leg.acd for leg in connection.legs if leg.acd and connection.state == ALERTING), "")
    return connection.call.connections.get(queue) if queue else connection


def answered_by(world: World, connection: Connection, agent: str, cause: str) -> None:
    """The word of others that an agent, or who else the queue sent the call to, has it; a monitored one tells it itself."""
    if agent and not world.speaks(agent):
        found = connection.call.connection(agent)
        if not world.reached(found, CONNECTED):
            world.established(found, cause)


# the agent's phone stops ringing


def _word(world: World, leg: Leg) -> Step | None:
    """The queue's waiting step that explains why."""

    def explains(step: Step) -> bool:
        if step.queue is None or step.queue.kind not in _ENDS:
            return False
        own = world.leg_of(step.user, step.calls[0])
        return own is not None and own.connection.call is leg.connection.call

    return next(filter(explains, world.steps.of(leg.acd)), None)


def _caller(leg: Leg) -> Connection | None:
    return leg.connection.call.connections.get(leg.remote)


def release_gate(world: World, leg: Leg) -> float:
    """An offer has ended: whether the caller has given up, its own word or that of the queue decides."""
    caller, word = _caller(leg), _word(world, leg)
    calling = caller is not None and caller.alive
    if _waits(leg.connection.call.connections.get(leg.acd)) and world.speaks(leg.acd):
        if word is None:
            return world.policy.seconds("P-JOIN")
        gives_up = word.queue is not None and word.queue.kind == "Abandoned"
        return world.policy.seconds("P-FAR") if gives_up and calling and world.speaks(leg.remote) else 0.0
    if not calling or not world.speaks(leg.remote) or world.speaks(leg.acd) or _rings_next(world, leg):
        return 0.0
    return world.policy.seconds("P-JOIN")


def _rings_next(world: World, leg: Leg, *, agents: bool = True) -> bool:
    """What waits for the end of this offer explains it: the call rings at another agent, or the queue has sent it elsewhere.

    :param agents: another agent will do
    """
    names = {leg.connection.call.id, *leg.connection.call.aliases}

    def explains(step: Step) -> bool:
        if not step.calls or step.calls[0].tracking_id not in names or step.user == leg.user:
            return False
        sent_on = step.type == "CallTransferredEvent" and step.user == leg.remote
        return sent_on or (step.type == "CallReceivedEvent" and (agents or not step.calls[0].acd_user_id))

    return world.steps.find(explains) is not None


def offer_ended(world: World, leg: Leg, *, rejected: bool) -> None:
    """The agent has not taken the call: it waits on, or its caller has given up, or the queue has sent it elsewhere.

    :param rejected: it is certain that the agent was asked and did not answer
    """
    call, word, caller = leg.connection.call, _word(world, leg), _caller(leg)
    kind = word.queue.kind if word is not None and word.queue is not None else ""
    if kind == "Abandoned" and caller is not None:
        caller_gives_up(world, caller)
    queue = call.connections.get(leg.acd)
    waits = queue is not None and queue.state == QUEUED
    # of a caller outside and a queue that nobody monitors nothing tells whether the call waits on
    gone = not world.speaks(leg.acd) and _rings_next(world, leg, agents=False)
    bounced = kind == "Bounced" or (not kind and (rejected or (waits and not gone and caller is not None and caller.alive)))
    if bounced:
        taken_back(leg)
    world.cleared(leg.connection, "callNotAnswered" if bounced else world.policy.word("P-CANCEL"))
    if bounced:
        call.last_redirection = leg.user


def caller_gives_up(world: World, caller: Connection) -> None:
    """The caller's part of an abandoned call, if it does not speak for itself (P-ABANDON)."""
    if world.policy.word("P-ABANDON") == "caller" and caller.state not in (NULL, QUEUED):
        world.cleared(caller, "callCancelled")


# the caller


def awaited_queue(world: World, leg: Leg, queue: str = "") -> bool:
    """The caller's leg was released while the call waited at a monitored queue (in a conference, at this one), which knows why."""
    return any(_waits(c) and world.speaks(c.device) and queue in ("", c.device) for c in leg.connection.call.others(leg.user))
