"""Rules for conferences. BroadWorks tells only the controller; its legs tie several calls into one CSTA call until it ends."""

from __future__ import annotations

from bwconnector.bridge.calls import CONNECTED, HOLD, Call, Connection, Leg
from bwconnector.bridge.changes import ConnectionId, ListItem
from bwconnector.bridge.rules import Rule
from bwconnector.bridge.steps import Step
from bwconnector.bridge.world import World

__all__ = ["RULES", "conference_gate", "leg_left", "participants"]


def participants(world: World, step: Step) -> list[Leg]:
    """The controller's legs that take part, as far as they are known and connected."""
    if step.conference is None:
        return []
    named = [world.table.leg(step.user, participant.call_id) for participant in step.conference.participants]
    return [leg for leg in named if leg is not None and leg.connection.alive]


def started(world: World, step: Step, *, certain: bool = False) -> None:
    """ConferenceStarted or ConferenceUpdated: calls of the controller that are not part of the conference yet join it.

    :param certain: all its legs are there now, even those whose other parties are not known
    """
    legs = participants(world, step)
    if not legs or (step.conference is not None and step.conference.conference_type):
        return  # monitoring and barge-in are told by the leg that enters
    call = _conference_call(world, step.user, legs)
    for leg in legs:
        if leg.connection.call is not call and (certain or _third_party(call, leg.connection.call)):
            _add(world, call, leg)
    if len(call.connection(step.user).legs) > 1:
        call.controller = step.user
    elif call.controller == step.user:
        _shrunk(world, call)


def _third_party(call: Call, other: Call) -> bool:
    """There is somebody to add. If the other party has left meanwhile, its call ends by itself: two parties are no conference."""
    present = {connection.device for connection in call.alive()}
    added = any(connection.device not in present for connection in other.alive())
    return (len(present) > 1 or _unknown(call)) and (added or _unknown(other))


def _unknown(call: Call) -> bool:
    """Nobody has told who talks to the controller there."""
    return sum(bool(connection.entered) for connection in call.connections.values()) == 1


def _conference_call(world: World, user: str, legs: list[Leg]) -> Call:
    """The call that gives the conference its id: the one it has, else the held call of the request, else the oldest."""
    running = next((leg.connection.call for leg in legs if leg.connection.call.controller == user), None)
    if running is not None:
        return running
    intent = world.intents.find("ConferenceCall", user)
    if intent is not None and intent.call_ids:
        held = next((leg for leg in legs if leg.call_id == intent.call_ids[0]), None)
        if held is not None:
            return held.connection.call
    order = world.table.legs_of(user)
    return min(legs, key=order.index).connection.call


def _add(world: World, call: Call, leg: Leg) -> None:
    """One more call of the controller becomes part of the conference (ECMA-269 §17.2.3)."""
    other, controller = leg.connection.call, leg.user
    old_ids = {c.device: c.call.id for c in (*other.alive(), *call.alive())}
    secondary = ConnectionId(other.id, controller)
    added = [c.device for c in other.others(controller)]
    world.table.merge(call, other)
    mine = call.connection(controller)
    for joined in mine.legs:
        joined.state = "Active" if joined.state == "Held" else joined.state
    if mine.state == HOLD:
        world.enter(mine, CONNECTED)  # Conferenced tells it, so that no Retrieved is needed
    world.reports.tell(
        "ConferencedEvent",
        call,
        controller,
        "conference",
        acting=controller,
        target=added[0] if added else "",
        secondary=secondary,
        states={c.device: c.state for c in call.alive()},
        items=tuple(
            ListItem(
                ConnectionId(call.id, c.device),
                ConnectionId(old_ids.get(c.device, call.id), c.device),
                external=not world.directory.is_user(c.device),
            )
            for c in call.alive()
        ),
    )


def _shrunk(world: World, call: Call) -> None:
    """Two parties are left: the call goes on without a controller."""
    connection, call.controller = call.connection(call.controller), ""
    if world.policy.word("P-CONF1") == "on":
        world.cleared(connection, "normalClearing")
    elif connection.state == HOLD and any(leg.state == "Alerting" for leg in connection.legs):
        world.retrieved(connection, "normal")  # it was held with the conference only; now it rings where its far end was transferred to


def held(world: World, step: Step) -> None:
    for connection in _affected(world, step):
        if connection.state == CONNECTED:
            world.held(connection, "normal")


def retrieved(world: World, step: Step) -> None:
    for connection in _affected(world, step):
        if connection.state == HOLD:
            for leg in connection.legs:
                leg.state = "Active" if leg.state == "Held" else leg.state
            world.retrieved(connection, "normal")


def ended(world: World, step: Step) -> None:
    """ConferenceReleased says nothing by itself: one leg may go on as a plain call, or all of them are about to be released."""
    for connection in _controlled(world, step.user):
        if len(connection.legs) == 1:
            _shrunk(world, connection.call)


def _affected(world: World, step: Step) -> list[Connection]:
    """The connections of the legs named (one only, for a supervisor that has barged in), else those of the conferences controlled."""
    return list(dict.fromkeys(leg.connection for leg in participants(world, step))) or _controlled(world, step.user)


def _controlled(world: World, user: str) -> list[Connection]:
    return [c for c in world.table.connections_of(user) if c.call.controller == user]


# ends of legs


def conference_gate(world: World, step: Step, leg: Leg) -> float:
    """A participant that is released from afar waits for the controller's word; so does a controller's leg for that of its others."""
    call = leg.connection.call
    if step.user != call.controller:
        return world.policy.seconds("P-JOIN") if step.calls[0].releasing_party != "localRelease" else 0.0
    if step.calls[0].releasing_party != "localRelease" or len(leg.connection.legs) < 2:
        return 0.0
    if _whole_conference_ends(world, step, leg) or _only_this_leg(world, step, leg):
        return 0.0
    return world.policy.seconds("P-JOIN")


def _whole_conference_ends(world: World, step: Step, leg: Leg) -> bool:
    """The controller's other legs are released with this one."""
    ends = [s.calls[0] for s in world.steps.of(step.user) if s.type == "CallReleasedEvent"]
    released = {xsi.call_id for xsi in ends if xsi.releasing_party == "localRelease"}
    return {other.call_id for other in leg.connection.legs} <= released | {leg.call_id}


def _only_this_leg(world: World, step: Step, leg: Leg) -> bool:
    """The far party has told that it was dropped, or the conference goes on without this leg."""
    for later in world.steps.of(step.user):
        others = {call.call_id for call in later.calls} - {leg.call_id}
        if others and later.type != "CallReleasedEvent":
            return True
        if later.type == "ConferenceUpdatedEvent" and later.conference is not None:
            return leg.call_id not in {participant.call_id for participant in later.conference.participants}
    return any(world.intents.find(service, step.user, leg.call_id) for service in ("ClearConnection",))


def leg_left(world: World, leg: Leg, releasing_party: str, step: Step) -> None:
    """One leg of a conference is gone (it has been dropped from the table already)."""
    connection = leg.connection
    call = connection.call
    if leg.user != call.controller:
        if not connection.legs:
            world.cleared(connection, "normalClearing")
        return
    local = releasing_party == "localRelease"
    if not connection.legs or (local and _whole_conference_ends(world, step, leg)):
        _end(world, call, connection)
        return
    far = call.connections.get(leg.remote)
    if far is not None:
        world.cleared(far, "normalClearing")
    if len(connection.legs) == 1:
        _shrunk(world, call)


def _end(world: World, call: Call, controller: Connection) -> None:
    """The controller leaves, and everybody with it: it first, the others in the order in which they joined."""
    call.controller = ""
    world.cleared(controller, "normalClearing")
    for connection in call.alive():
        world.cleared(connection, "normalClearing")


RULES = {
    "ConferenceStartedEvent": Rule(started),
    "ConferenceUpdatedEvent": Rule(started),
    "ConferenceHeldEvent": Rule(held),
    "ConferenceRetrievedEvent": Rule(retrieved),
    "ConferenceReleasedEvent": Rule(ended),
}
