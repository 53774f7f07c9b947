"""Route points: an application says what becomes of each call that waits there, and what it hears meanwhile; else it is routed by default.

Pure, as the rest of the switch: when a treatment ends by itself and when an application has been silent for too long, a driver tells.
"""

from __future__ import annotations

import re
from itertools import count
from typing import Any

import attrs

from bwconnector.simulator.legs import CANNOT, NO_CALL, Leg, Waiting
from bwconnector.simulator.model import (
    REMOTE_RELEASE,
    ROUTE_POINT,
    Party,
    QueueEntry,
    Redirection,
    RoutePointRules,
    SimEvent,
    SwitchError,
    TreatmentResult,
    User,
)
from bwconnector.simulator.queues import Queues

__all__ = ["RoutePoints", "TREATMENTS"]

TREATMENTS = ("Busy", "MOH", "Ringback", "Silence", "Treatment")

OUTGOING = {
    "CallOriginatedEvent": "OutgoingCallOriginated",
    "CallAnsweredEvent": "OutgoingCallAnswered",
    "CallReleasedEvent": "CallReleased",
}
"""What a route point hears of the calls that it makes, in place of what a user would hear."""


class RoutePoints(Queues):
    """Route points on top of queues. Without a callId an operation means the call that is next."""

    route_rules = RoutePointRules()
    """May be exchanged at any time."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._failed: set[str] = set()
        self._digit_maps: dict[str, str] = {}
        self._play_ids = count(1)
        self._requested: dict[str, int] = {}
        self._arriving: dict[str, tuple[Leg, User, tuple[Redirection, ...]]] = {}
        self._reserved = ""

    # What is.

    def line(self, queue: str) -> SimEvent:
        """As :meth:`Queues.line`; the calls that a route point has made come last."""
        event = super().line(queue)
        outgoing = (self._outgoing(leg) for leg in self.legs(event.user_id) if leg.waiting is None)
        return attrs.evolve(event, entries=(*event.entries, *outgoing))

    def route_point_failed(self, route_point: str) -> bool:
        return self._route_point(route_point).user_id in self._failed

    def idle_since(self, call_id: str) -> int:
        """When an application asked something of a call for the last time, in milliseconds; 0 if none ever has."""
        return self._requested.get(call_id, 0)

    def _route_point(self, route_point: str) -> User:
        return self.directory.virtual_user(route_point, ROUTE_POINT)

    def _asked_for(self, route_point: str, call_id: str) -> Waiting:
        """The waiting call that an application asks something of."""
        waiting = self._named(self._route_point(route_point).user_id, call_id)
        self._requested[waiting.entry.call_id] = self._now()
        return waiting

    # A call comes.

    def _route(self, leg: Leg, address: str, redirections: tuple[Redirection, ...] = (), escalation: str = "") -> None:
        target = self.directory.resolve(address)
        if target is not None and target.user_id in self._failed:
            self._send_on(leg, target, self.route_rules.default_to, "route-point", redirections)
        else:
            super()._route(leg, address, redirections, escalation)

    def _enqueue(self, caller: Leg, queue: User, redirections: tuple[Redirection, ...]) -> None:
        if queue.kind == ROUTE_POINT and self.route_rules.admission and not self._reserved:
            entry = self._entry(queue, caller)
            self._arriving[entry.call_id] = (caller, queue, redirections)
            self._tell_queue(queue, "NewCall", entry)
        else:
            super()._enqueue(caller, queue, redirections)

    def _new_call_id(self, owner: User) -> str:
        reserved, self._reserved = self._reserved, ""
        return reserved or super()._new_call_id(owner)

    def admit(self, route_point: str, call_id: str) -> None:
        """Let a new call wait here (Call Admission).

        :raises SwitchError: 404 when there is no such call, or its caller has gone
        """
        caller, queue, redirections = self._arrived(route_point, call_id)
        self._reserved = call_id
        self._enqueue(caller, queue, redirections)

    def refuse(self, route_point: str, call_id: str) -> None:
        """Do not let a new call wait here: it ends."""
        caller, queue, _ = self._arrived(route_point, call_id)
        entry = attrs.evolve(self._entry(queue, caller), call_id=call_id)
        self._tell_queue(queue, "CallRejected", entry, reason="CallRejectRequested")
        self._end(caller, REMOTE_RELEASE)

    def _arrived(self, route_point: str, call_id: str) -> tuple[Leg, User, tuple[Redirection, ...]]:
        owner = self._route_point(route_point)
        arriving = self._arriving.pop(call_id, None)
        if arriving is None or arriving[1] != owner or arriving[0] not in self.legs(arriving[0].owner.user_id):
            raise SwitchError(404, NO_CALL, f"Call not found: {call_id}")
        return arriving

    # What an application has done with it.

    def distribute(self, route_point: str, agent: str, call_id: str = "") -> None:
        """Let the call ring at a user."""
        waiting = self._asked_for(route_point, call_id)
        self.offer(waiting.leg.owner.user_id, agent, waiting.entry.call_id)

    def offer(self, queue: str, agent: str, call_id: str = "") -> None:
        """As :meth:`Queues.offer`; what a route point plays ends with it."""
        super().offer(queue, agent, call_id)
        self._end_treatment(self._named(queue, call_id), "Stopped-OfferedWithRingback")

    def bounce(self, route_point: str, call_id: str = "") -> None:
        """Take the call back from the user at whom it rings.

        :raises SwitchError: 403 when it rings nowhere
        """
        waiting = self._asked_for(route_point, call_id)
        if not waiting.offers:
            raise SwitchError(403, CANNOT, "The call is not offered to anybody")
        for offer in waiting.offers[:]:
            offer.waiting = None
            self._end(offer, REMOTE_RELEASE)
            self._bounce(waiting, offer)

    def route(self, route_point: str, address: str, call_id: str = "") -> None:
        """Send the call anywhere."""
        waiting = self._asked_for(route_point, call_id)
        self.transfer_waiting(waiting.leg.owner.user_id, address, waiting.entry.call_id)

    def fail(self, route_point: str, call_id: str = "", reason: str = "CallFailureRequested") -> None:
        """Route the call by default, since an application wants it so, or has been silent for too long (CallFailureDueToInactivity)."""
        waiting = self._named(self._route_point(route_point).user_id, call_id)
        self._move(waiting, "CallFailed", self.route_rules.default_to, "route-point", reason)

    def release_waiting(self, queue: str, call_id: str = "") -> None:
        """As :meth:`Queues.release_waiting`, also for calls that a route point has made."""
        owner = self.directory.queue(queue)
        made = next((leg for leg in self.legs(owner.user_id) if leg.waiting is None and leg.call.call_id == call_id), None)
        if made is not None:
            self._release(made)
        elif owner.kind == ROUTE_POINT:
            self._drop(self._named(queue, call_id), "CallReleased", reason="CallReleaseRequested")
        else:
            super().release_waiting(queue, call_id)

    def fail_route_point(self, route_point: str, reason: str = "ExternalRequest") -> None:
        """The route point is out of order, or is set so: calls are routed by default."""
        owner = self._route_point(route_point)
        self._failed.add(owner.user_id)
        self._send(owner, SimEvent(owner.user_id, "RoutePointFailedEvent", reason=reason))
        for waiting in self.waiting(owner.user_id):
            if waiting.leg.peer is not None and waiting.leg.peer.connected:
                self.fail(owner.user_id, waiting.entry.call_id, "RoutePointFailure")

    def recover_route_point(self, route_point: str) -> None:
        """The route point is well again."""
        owner = self._route_point(route_point)
        self._failed.discard(owner.user_id)
        self._send(owner, SimEvent(owner.user_id, "RoutePointRecoveredEvent"))

    # What the caller hears.

    def play(self, route_point: str, treatment: str, call_id: str = "", digit_map: str = "") -> str:
        """Play something to a call; what has been played ends. Returns the playCollectId.

        :param digit_map: which digits to collect, such as ``xx``; empty: none
        :raises SwitchError: 403 while the call rings at a user
        """
        waiting = self._asked_for(route_point, call_id)
        if treatment not in TREATMENTS:
            raise SwitchError(400, CANNOT, f"Unknown treatment: {treatment}")
        if waiting.offers:
            raise SwitchError(403, CANNOT, "The call is offered to a user")
        self._end_treatment(waiting, "Stopped-NewPlayCollect")
        play_id = str(next(self._play_ids))
        self._digit_maps[play_id] = digit_map
        waiting.entry = attrs.evolve(waiting.entry, play_id=play_id, play_type=treatment)
        self._tell_queue(waiting.leg.owner, f"{treatment}Started", waiting.entry)
        return play_id

    def played(self, route_point: str, play_id: str, reason: str = "EOF") -> None:
        """A treatment ends by itself; nothing happens if it has ended in another way."""
        for waiting in self.waiting(route_point):
            if waiting.entry.play_id == play_id:
                self._end_treatment(waiting, "Timeout" if self._digit_maps[play_id] and reason == "EOF" else reason)

    def collect(self, party: str, digits: str) -> None:
        """A caller who waits at a route point dials digits.

        :raises SwitchError: 403 when nothing is collected
        """
        collecting = (
            leg.peer.waiting
            for leg in self.legs(party)
            if leg.peer is not None and leg.peer.waiting is not None and self._digit_maps.get(leg.peer.waiting.entry.play_id)
        )
        waiting = next(collecting, None)
        if waiting is None:
            raise SwitchError(403, CANNOT, "No digits are collected")
        matches = re.fullmatch(_pattern(self._digit_maps[waiting.entry.play_id]), digits)
        self._end_treatment(waiting, "Match" if matches else "NoMatch", digits)

    def _end_treatment(self, waiting: Waiting, reason: str, digits: str = "") -> None:
        entry = waiting.entry
        if entry.play_id:
            del self._digit_maps[entry.play_id]
            waiting.entry = attrs.evolve(entry, play_id="", play_type="")
            result = TreatmentResult(entry.play_id, reason, digits)
            self._tell_queue(waiting.leg.owner, f"{entry.play_type}Completed", waiting.entry, result=result)

    def _leave(self, waiting: Waiting, kind: str, **more: Any) -> None:
        super()._leave(waiting, kind, **more)
        self._requested.pop(waiting.entry.call_id, None)
        self._end_treatment(waiting, "Stopped-OutOfQueue")

    # Calls that a route point makes.

    def dial_from(self, route_point: str, address: str) -> Leg:
        """Call ``address`` from a route point. Returns the route point's leg.

        :raises SwitchError: 403 when nobody answers to the address
        """
        owner = self._route_point(route_point)
        if self.directory.resolve(address) is None:
            raise SwitchError(403, CANNOT, f"Invalid address: {address}")
        call_id = self._dial(owner, address)
        return next(leg for leg in self.legs(owner.user_id) if leg.call.call_id == call_id)

    def _outgoing(self, leg: Leg) -> QueueEntry:
        call, owner = leg.call, leg.owner
        remote: Party = call.remote
        return QueueEntry(
            call.call_id, call.tracking_id, remote, owner.name, owner.number, owner.kind, call.start_time, call.release_time, outgoing=True
        )

    def _tell(self, leg: Leg, event_type: str, reason: str = "", **changes: Any) -> None:
        super()._tell(leg, event_type, reason, **changes)
        if leg.owner.kind == ROUTE_POINT and leg.waiting is None and event_type in OUTGOING:
            self._tell_queue(leg.owner, OUTGOING[event_type], self._outgoing(leg))

    def _hold_others(self, owner: User, keep: Leg | None = None) -> None:
        if owner.kind != ROUTE_POINT:  # it may talk to many at a time
            super()._hold_others(owner, keep)


def _pattern(digit_map: str) -> str:
    """A digit map as a regular expression: ``x`` is any digit, ``.`` repeats what precedes it, ``|`` separates alternatives."""
    plain = re.sub(r"[^0-9A-Da-dxX*#.|\[\]()T-]", "", digit_map).replace("T", "")
    return re.sub(r"[xX]", "[0-9]", plain.replace("*", r"\*")).replace(".", "*")
