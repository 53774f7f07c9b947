"""Rules for legs that enter a call which others already have: pick-up, park and retrieve, barge-in and silent monitoring.

The entering device dials a feature code or is made to by a request: its leg starts in a private call of its own and gets the other
call's tracking id when it is through. The parties that were there tell it, too.
"""

from __future__ import annotations

from bwconnector.bridge.calls import ALERTING, CONNECTED, HOLD, NULL, QUEUED, Call, Connection, Leg
from bwconnector.bridge.changes import ConnectionId, ListItem
from bwconnector.bridge.rules import Rule
from bwconnector.bridge.steps import Step
from bwconnector.bridge.world import World
from bwconnector.xsi.events import XsiCall

__all__ = ["RULES", "by_pickup_request", "park", "parks", "rejoin", "rejoin_gate", "rejoins"]


def rejoins(world: World, leg: Leg, xsi: XsiCall) -> bool:
    """The leg, so far in a private call, is now part of another known call; or the others have told of its entry already."""
    if leg.answered or leg.personality == "Terminator":
        return False
    connection = leg.connection
    if connection.state == QUEUED or (
        not connection.alive and (connection.call.calling not in ("", leg.user) or connection.cause == "park")
    ):
        return True
    if xsi.tracking_id == leg.tracking_id:
        return False
    other = world.table.find(xsi.tracking_id)
    return other is not None and other is not leg.connection.call and not _company(leg)


def _company(leg: Leg) -> bool:
    return any(connection.legs for connection in leg.connection.call.others(leg.user))


def rejoin_gate(world: World, step: Step, leg: Leg) -> float:
    """Entering a call with two parties is a barge-in or monitoring: what follows tells which."""
    call = world.table.find(step.calls[0].tracking_id)
    if call is None or _reason(world, call, leg.user) or _kind_of_entry(world, step, call):
        return 0.0
    return world.policy.seconds("P-JOIN")


def rejoin(world: World, step: Step, leg: Leg) -> None:
    """Move the leg out of its private call into the one it has entered, and tell what that means there."""
    xsi = step.calls[0]
    call = world.table.find(xsi.tracking_id)
    if call is None:
        return
    private, user = leg.connection, leg.user
    reason = _reason(world, call, user)
    connection = private if private.call is call else _admit(world, leg, call, reason if reason == "park" else "callPickup")
    leg.remote, leg.state, leg.answered, leg.tracking_id = step.remotes[0], xsi.state, True, xsi.tracking_id
    if reason == "callPickup":
        _pick_up(world, call, user)
        connection.cause = "callPickup"
        world.established(connection, "callPickup")
    elif reason == "park":
        _retrieve(world, call, connection)
    else:
        _enter(world, call, connection, _kind_of_entry(world, step, call))


def _admit(world: World, leg: Leg, call: Call, cause: str) -> Connection:
    """Move a leg from its private call to ``call``, whose new connection keeps what the others told of it."""
    private, known = leg.connection, call.remove(leg.user)
    _private_call_left(world, private, cause)
    connection = call.connection(leg.user)
    if known is not None:
        connection.cause = known.cause
        connection.born, connection.announced = known.born and known.alive, known.announced and known.alive
    world.table.move(leg, connection)
    world.table.merge(call, private.call)
    return connection


def _admit_private(world: World, call: Call, tracking_id: str, cause: str = "callPickup") -> None:
    """It is the id of the entering device's private call that survives: what is in there is part of ``call`` now."""
    private = world.table.find(tracking_id)
    if private is not None and private is not call:
        for leg in [leg for c in private.alive() for leg in c.legs if not leg.answered and not _company(leg)]:
            _admit(world, leg, call, cause)


def _reason(world: World, call: Call, user: str) -> str:
    """Why a device enters a call: ``callPickup``, ``park`` or nothing that is known."""
    if any(world.intents.find(service, user) for service in _PICKUPS):
        return "callPickup"
    waiting = call.connections.get(user)
    if waiting is not None and waiting.cause in ("callPickup", "park"):
        return waiting.cause
    others = call.others(user)
    if any(c.state == ALERTING for c in others):
        return "callPickup"
    if any(c.state == QUEUED and not c.queue for c in others):
        return "park"
    if len(others) == 1:  # somebody is waiting there: for an answer, or because the one who answered is gone
        answered = any(world.reached(c, CONNECTED) for c in call.connections.values() if c.device not in (user, others[0].device))
        return "park" if answered else "callPickup"
    return ""


_PICKUPS = frozenset({"GroupPickupCall", "DirectedPickupCall"})
_ENTERING = _PICKUPS | {"JoinCall"}


def by_pickup_request(world: World, leg: Leg) -> bool:
    """The leg is the private call by which our own request enters another one: the first that the device begins after it."""
    for intent in filter(None, (world.intents.find(service, leg.user, leg.call_id) for service in _ENTERING)):
        intent.call_ids = (leg.call_id,)
        return True
    return False


def _private_call_left(world: World, private: Connection, cause: str) -> None:
    """The private call ends unseen, unless it was announced."""
    if private.born:
        world.cleared(private, cause)
    private.call.remove(private.device)
    private.state = "null"


# pick-up


def picked_up_gate(world: World, step: Step) -> float:
    """The device that was ringing is to have told so first (R3); P-GUARD may have kept it from being reported."""
    leg = world.leg_of(step.user, step.calls[0])
    if leg is None or not leg.remote or not world.speaks(leg.remote):
        return 0.0
    return 0.0 if leg.remote in leg.connection.call.connections else world.policy.seconds("P-FAR")


def picked_up(world: World, step: Step) -> None:
    """The originator's far end is now the device that picked up."""
    xsi, picker = step.calls[0], step.remotes[0]
    leg = world.leg_of(step.user, xsi)
    if leg is None:
        return
    call, old = leg.connection.call, leg.remote
    _admit_private(world, call, xsi.tracking_id)
    _stop_ringing(world, call, picker)  # of a forwarded call the caller may not be shown where it rings
    if old and old != picker and old not in call.diverted:
        ringing = call.connections.get(old)
        if ringing is None or not world.reached(ringing, CONNECTED):
            world.diverted(call.connection(old), picker, "callPickup")
    world.follow(leg, xsi, picker)
    if picker:
        call.connection(picker).cause = "callPickup"


def _stop_ringing(world: World, call: Call, picker: str) -> None:
    for ringing in [c for c in call.others(picker) if c.state == ALERTING]:
        world.diverted(ringing, picker, "callPickup")


def _pick_up(world: World, call: Call, picker: str) -> None:
    _stop_ringing(world, call, picker)
    for leg in [leg for c in call.alive() for leg in c.legs if _calls(leg) and leg.remote not in ("", picker)]:
        if leg.remote not in call.diverted and not world.speaks(leg.remote):
            world.diverted(call.connection(leg.remote), picker, "callPickup")  # it rang, though nobody has told


def _calls(leg: Leg) -> bool:
    """Its far end has not answered, or it was transferred to one that has not."""
    return not leg.answered or leg.state == "Alerting"


# park


def parks(world: World, leg: Leg) -> bool:
    """Our own ParkCall, or a CallParkedAgainst that names the far party, proves that the call was parked."""
    return world.intents.find("ParkCall", leg.user, leg.call_id) is not None or _parked_against(world, leg) is not None


def _parked_against(world: World, leg: Leg) -> Step | None:
    return world.steps.find(lambda s: s.type == "CallParkedAgainstEvent" and s.party != "" and s.party == leg.remote)


def park(world: World, leg: Leg, target: str) -> None:
    """The device has parked its call; without a proof it has only left it (P-PARK)."""
    intent = world.intents.find("ParkCall", leg.user, leg.call_id)
    proof = _parked_against(world, leg)
    if world.policy.word("P-PARK") == "cleared" or (intent is None and proof is None):
        world.cleared(leg.connection, "normalClearing")
        return
    where = proof.user if proof is not None else (world.directory.key_of_address(intent.target) if intent is not None else "")
    world.diverted(leg.connection, where or target, "park")


def parked_gate(world: World, step: Step) -> float:
    """The parking device's own word goes first, if it is monitored; and so does that of whoever retrieves the call."""
    if not step.party:
        waiting = any(c.state == QUEUED for c in world.table.connections_of(step.user))
        return world.policy.seconds("P-FAR") if waiting else 0.0
    call = _call_of(world, step.party)
    if call is None:
        return world.policy.seconds("P-JOIN")
    candidates = _parkable(world, step.party)
    if len(candidates) > 1 and world.speaks(step.party) and not any(_held_afar(world, c) for c in candidates):
        return world.policy.seconds("P-FAR")  # which of its calls, the party's own leg tells
    parking = [c for c in call.others(step.party) if c.state in (CONNECTED, HOLD)]
    return world.policy.seconds("P-FAR") if any(world.speaks(c.device) for c in parking) else 0.0


def parked(world: World, step: Step) -> None:
    """CallParkedAgainst: somebody waits at this device, or nobody does any more."""
    if not step.party:
        for connection in [c for c in world.table.connections_of(step.user) if c.state == QUEUED]:
            world.cleared(connection, "normalClearing")
            world.close(connection.call)
        return
    call = _call_of(world, step.party)
    if call is None or call.connection(step.user).alive:
        return
    for parking in [c for c in call.others(step.party) if c.state in (CONNECTED, HOLD) and not world.speaks(c.device)]:
        world.diverted(parking, step.user, "park")
    connection = call.connection(step.user)
    connection.cause = "park"
    world.enter(connection, QUEUED)
    if world.policy.word("P-PARKQ") == "on":
        world.reports.tell("QueuedEvent", call, step.user, "park")


def _call_of(world: World, party: str) -> Call | None:
    """The call of the parked party: best the one whose far end holds, as its legs tell, or has left, or has nobody else to tell of it."""

    def likely(connection: Connection) -> tuple[bool, ...]:
        others = connection.call.others(party)
        unheard = not any(world.speaks(other.device) for other in others)
        answered = not any(other.queue for other in others)
        holds = connection.state == HOLD  # so its leg does not tell that the far end does
        inside = not others or any(world.directory.is_user(other.device) for other in others)  # nobody else parks
        return _held_afar(world, connection), inside, answered, not others, holds, unheard

    connections = _parkable(world, party)
    connections.sort(key=likely)
    return connections[-1].call if connections else None


def _parkable(world: World, party: str) -> list[Connection]:
    """The connections of a party that somebody may have parked: nobody talks to one who waits at a queue that would tell of an answer."""

    def waits(connection: Connection) -> bool:
        return any(other.queue and other.state == QUEUED and world.speaks(other.device) for other in connection.call.others(party))

    return [c for c in world.table.connections_of(party) if c.state in (CONNECTED, HOLD) and not waits(c)]


def _held_afar(world: World, connection: Connection) -> bool:
    """Its legs tell that the far end holds, even if the word of that far end is waited for."""

    def told(leg: Leg) -> bool:
        words = (s.calls[0] for s in world.steps.of(leg.user) if s.type == "CallHeldEvent")
        return leg.state == "Remote Held" or any(xsi.call_id == leg.call_id and xsi.state == "Remote Held" for xsi in words)

    return any(map(told, connection.legs))


def unparked(world: World, call: Call, target: str) -> None:
    """The call leaves the place where it was parked."""
    for queued in [c for c in call.alive() if c.state == QUEUED and c.device != target]:
        world.diverted(queued, target, "park")


def _retrieve(world: World, call: Call, connection: Connection) -> None:
    unparked(world, call, connection.device)
    world.retrieved(connection, "park")


def park_retrieved_gate(world: World, step: Step) -> float:
    leg = world.leg_of(step.user, step.calls[0])
    retriever = step.remotes[0]
    if leg is None or not retriever or not world.speaks(retriever) or _comes(world, retriever, step):
        return 0.0
    return 0.0 if _has_retrieved(world, leg.connection.call, retriever) else world.policy.seconds("P-FAR")


def _has_retrieved(world: World, call: Call, retriever: str) -> bool:
    connection = call.connections.get(retriever)
    return connection is not None and connection.state not in (NULL, QUEUED) and world.reached(connection, CONNECTED)


def _comes(world: World, retriever: str, step: Step) -> bool:
    """The retriever's own word waits only for the tracking id that this step makes known."""
    words = (s for s in world.steps.of(retriever) if s.calls and s.type != "CallOriginatedEvent")
    return any(s.calls[0].tracking_id == step.calls[0].tracking_id for s in words)


def park_retrieved(world: World, step: Step) -> None:
    """The parked party's word that somebody has retrieved the call."""
    xsi, retriever = step.calls[0], step.remotes[0]
    leg = world.leg_of(step.user, xsi)
    if leg is None:
        return
    _admit_private(world, leg.connection.call, xsi.tracking_id, "park")
    world.follow(leg, xsi, retriever)
    leg.state = xsi.state
    if _comes(world, retriever, step):
        leg.connection.call.connection(retriever).cause = "park"
        return
    if retriever and not _has_retrieved(world, leg.connection.call, retriever):
        _retrieve(world, leg.connection.call, leg.connection.call.connection(retriever))


# barge-in and monitoring

_ENTRIES = {"CallBargedInEvent": "intrude", "CallMonitoredEvent": "silentParticipation"}
_CONFERENCES = {"Barge-In": "intrude", "Silently Monitored": "silentParticipation", "Supervisor Coached": "coach"}
ENTERED = "entered"


def barged_in(world: World, step: Step) -> None:
    """A party's word that somebody has entered its call. Who it is, that device tells itself: wait for it, with the new id known."""
    xsi = step.calls[0]
    leg = world.leg_of(step.user, xsi)
    if leg is None:
        return
    call = leg.connection.call
    _admit_private(world, call, xsi.tracking_id)
    world.follow(leg, xsi, leg.remote)
    stranger = step.remotes[0] if step.remotes[0] not in call.connections else ""
    world.steps.add(Step(step.user, ENTERED, step.arrived, calls=step.calls, remotes=(stranger,), party=_ENTRIES[step.type]))


def entered_gate(world: World, step: Step) -> float:
    leg = world.leg_of(step.user, step.calls[0])
    return 0.0 if leg is None or leg.connection.call.entered else world.policy.seconds("P-FAR")


def entered(world: World, step: Step) -> None:
    leg = world.leg_of(step.user, step.calls[0])
    if leg is not None and not leg.connection.call.entered:
        leg.connection.call.entered |= {step.remotes[0]}
        _conferenced(world, leg.connection.call, step.remotes[0], step.party)


def _kind_of_entry(world: World, step: Step, call: Call) -> str:
    """How the device entered: its own ConferenceStarted knows best, else what the others were told."""
    for later in world.steps.of(step.user):
        if later.conference is not None and later.conference.conference_type:
            return _CONFERENCES.get(later.conference.conference_type, "intrude")
    told = world.steps.find(lambda s: s.type == ENTERED and world.table.find(s.calls[0].tracking_id) is call)
    return told.party if told is not None else ""


def _enter(world: World, call: Call, connection: Connection, kind: str) -> None:
    world.enter(connection, CONNECTED)
    connection.hidden = kind in ("silentParticipation", "coach") and world.policy.word("P-SILENT") == "hide"
    call.entered |= {connection.device}
    _conferenced(world, call, connection.device, kind or "intrude")


def _conferenced(world: World, call: Call, device: str, kind: str) -> None:
    """One Conferenced, though both parties and the one that entered tell it."""
    own = call.connections.get(device)
    seat = own.legs[0].remote if own is not None and own.legs else ""
    entered_at = next((d for d in (seat, call.called) if d in call.connections and call.connections[d].alive and d != device), "")
    primary = entered_at or next((c.device for c in call.others(device)), device)
    items = tuple(
        ListItem(ConnectionId(call.id, c.device), ConnectionId(call.id, c.device) if c.device != device else None)
        for c in call.alive()
        if not c.hidden or c.device == device
    )
    world.reports.tell(
        "ConferencedEvent",
        call,
        primary,
        "silentParticipation" if kind == "coach" else kind,
        acting=device,
        target=device,
        items=items,
        private={"coach": "true"} if kind == "coach" else None,
    )


RULES = {
    "CallPickedUpEvent": Rule(picked_up, picked_up_gate),
    "CallParkedAgainstEvent": Rule(parked, parked_gate),
    "CallParkRetrievedEvent": Rule(park_retrieved, park_retrieved_gate),
    "CallBargedInEvent": Rule(barged_in),
    "CallMonitoredEvent": Rule(barged_in),
    ENTERED: Rule(entered, entered_gate),
}
