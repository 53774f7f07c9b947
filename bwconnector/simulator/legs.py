"""Who has which leg of which call: the switch's state, and the events that every change of it causes.

A call is a pair of legs ("half calls"), each other's ``peer``, one at each user. A party outside of BroadWorks has a leg like
everybody else; nobody is told about it. What a user sees of a leg is its ``call``, which never changes without an event.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

import attrs

from bwconnector.simulator.agents import Agents
from bwconnector.simulator.directory import Directory
from bwconnector.simulator.model import (
    ACTIVE,
    ALERTING,
    CLICK_TO_DIAL,
    CONNECTED,
    HELD,
    LOCAL_RELEASE,
    RELEASED,
    REMOTE_HELD,
    REMOTE_RELEASE,
    TERMINATOR,
    Call,
    CallTruth,
    Conference,
    Party,
    Redirection,
    ReleaseCause,
    SimEvent,
    SwitchError,
    User,
    Variation,
)
from bwconnector.simulator.services import Services

__all__ = ["CANNOT", "NO_CALL", "Bridge", "Leg", "Legs"]

CANNOT = 110403
"""errorCode of an operation that the state of the call forbids. BroadWorks' own codes are not public."""
NO_CALL = 110405
"""errorCode of an operation on a call that the user does not have."""


@attrs.define(eq=False, slots=True)
class Leg:
    """One user's half of a call."""

    owner: User
    call: Call
    peer: Leg | None = None
    """The other half; None before anybody is found for the dialled address, and while the call is parked."""
    guest: Leg | None = None
    """The leg of a supervisor who has entered this call. The guest's own peer is the leg that it entered by."""
    joins: Leg | None = None
    """The call that this one becomes a conference with as soon as it is answered (emergency escalation)."""
    dialled: str = ""
    """Click-to-dial: the address to route to as soon as the user lifts."""

    @property
    def state(self) -> str:
        return self.call.state

    @property
    def connected(self) -> bool:
        return self.call.state in CONNECTED

    @property
    def ringing(self) -> bool:
        """An incoming call that nobody has answered. (A called user who was transferred is alerting too, while the new party rings.)"""
        return self.call.state == ALERTING and self.call.personality == TERMINATOR and not self.call.answer_time

    @property
    def offered(self) -> bool:
        """Click-to-dial: the user's own phone rings."""
        return self.call.state == ALERTING and self.call.personality == CLICK_TO_DIAL

    @property
    def off_hook(self) -> bool:
        return not self.ringing and not self.offered


@attrs.define(eq=False, slots=True)
class Bridge:
    """The conference bridge of the user who controls the conference."""

    legs: list[Leg]
    state: str = ACTIVE
    type: str = ""

    def view(self) -> Conference:
        return Conference(self.state, tuple(leg.call.call_id for leg in self.legs), self.type)


class Legs:
    """All legs, conferences and parked calls, and the primitive changes of them.

    :param users: the BroadWorks users
    :param now: gives the time in milliseconds since the epoch
    :param emit: called with every event, in order
    :param variation: what differs between releases; may be exchanged at any time
    :param seed: makes the ids of a run repeatable
    :param agents: user ids of the users who are agents, of every call center
    """

    def __init__(
        self,
        users: Iterable[User],
        *,
        now: Callable[[], int],
        emit: Callable[[SimEvent], None],
        variation: Variation | None = None,
        seed: int = 0,
        agents: Iterable[str] = (),
    ) -> None:
        self.directory = Directory(users)
        self.variation = variation or Variation()
        self.services = Services(self.directory, emit)
        self.agents = Agents(self.directory, now, emit, agents)
        self._time = now
        self._emit = emit
        self._random = Random(seed)
        self._legs: dict[str, list[Leg]] = {}
        self._bridges: dict[str, Bridge] = {}
        self._parked: dict[str, Leg] = {}
        self._lifted: set[str] = set()
        self._sessions: dict[str, tuple[int, int]] = {}
        self._session_counter = 1000
        self._tracking_counter = 76

    def _now(self) -> int:
        """0 means that a moment has not come; a test's clock may well begin with 0."""
        return max(1, self._time())

    # What is.

    def legs(self, party: str) -> tuple[Leg, ...]:
        """The legs of a user or outside number, oldest first."""
        return tuple(self._legs.get(self.directory.party(party).user_id, ()))

    def bridge(self, party: str) -> Bridge | None:
        """The conference that a user controls."""
        return self._bridges.get(self.directory.party(party).user_id)

    def snapshot(self, user: str) -> SimEvent:
        """The whole truth about one user's calls, as the initial event of a call subscription.

        :raises SwitchError: 404 when there is no such user
        """
        owner = self.directory.user(user)
        bridge = self._bridges.get(owner.user_id)
        return SimEvent(
            owner.user_id,
            "CallSubscriptionEvent",
            calls=tuple(leg.call for leg in self.legs(owner.user_id)),
            conference=None if bridge is None else bridge.view(),
            hook_status="Off-Hook" if owner.user_id in self._lifted else "On-Hook",
        )

    def parked_against(self, user: str) -> SimEvent:
        """Who is parked against a user, as an event."""
        owner = self.directory.user(user)
        leg = self._parked.get(owner.user_id)
        return SimEvent(owner.user_id, "CallParkedAgainstEvent", party=None if leg is None else self.directory.show(leg.owner, owner))

    def truth(self) -> list[CallTruth]:
        """Every call with all its legs, whoever owns them; legs joined by a conference or a supervisor are one call."""
        calls = []
        left = [leg for legs in self._legs.values() for leg in legs]
        while left:
            members = self._reachable(left[0])
            calls.append(CallTruth(frozenset(m.call.tracking_id for m in members), frozenset((m.owner.user_id, m.state) for m in members)))
            left = [leg for leg in left if leg not in members]
        return calls

    def _reachable(self, start: Leg) -> list[Leg]:
        found = [start]
        for leg in found:
            bridge = self._bridges.get(leg.owner.user_id)
            together = bridge.legs if bridge is not None and leg in bridge.legs else ()
            found.extend(other for other in (leg.peer, leg.guest, *together) if other is not None and other not in found)
        return found

    # Which leg an operation means.

    def _pick(self, owner: User, call_id: str, refusal: str, *fits: Callable[[Leg], bool]) -> Leg:
        """The leg named, or else the first one that fits the first condition that any leg fits.

        :raises SwitchError: 404 for an unknown callId, 403 with ``refusal`` when nothing fits
        """
        legs = self._legs.get(owner.user_id, [])
        if call_id:
            legs = [leg for leg in legs if leg.call.call_id == call_id]
            if not legs:
                raise SwitchError(404, NO_CALL, f"Call not found: {call_id}")
        for condition in fits:
            for leg in legs:
                if condition(leg):
                    return leg
        raise SwitchError(403, CANNOT, refusal)

    def _in_bridge(self, leg: Leg) -> bool:
        bridge = self._bridges.get(leg.owner.user_id)
        return bridge is not None and leg in bridge.legs

    def _plain(self, leg: Leg) -> bool:
        """A call of two connected parties: neither conference, nor supervisor, nor parked."""
        return leg.connected and leg.peer is not None and leg.guest is None and not self._in_bridge(leg)

    # Ids.

    def _new_tracking_id(self) -> str:
        if self.variation.tracking_ids == "uuid":
            return str(self._new_uuid())
        self._tracking_counter += 1
        return f"{self._tracking_counter}:1"

    def _new_uuid(self) -> uuid.UUID:
        return uuid.UUID(int=self._random.getrandbits(128), version=4)

    def _new_call_id(self, owner: User) -> str:
        """``callhalf-<session>:<call in the session>``; a session lasts as long as the user has any call."""
        if not self._legs.get(owner.user_id):
            self._session_counter += 1
            self._sessions[owner.user_id] = (self._session_counter, 0)
        session, number = self._sessions[owner.user_id]
        self._sessions[owner.user_id] = (session, number + 1)
        return f"callhalf-{session}:{number}"

    def _survivor(self, first: str, second: str = "") -> str:
        """The extTrackingId of the call that two calls become; ``second`` is empty if there is no second call yet."""
        known = {"first": first, "second": second, "new": ""}[self.variation.transfer_id]
        return known or self._new_tracking_id()

    # Changes.

    def _new_leg(
        self, owner: User, personality: str, remote: Party, *, tracking_id: str = "", redirections: tuple[Redirection, ...] = ()
    ) -> Leg:
        tracking_id = tracking_id or self._new_tracking_id()
        call = Call(
            call_id=self._new_call_id(owner),
            tracking_id=tracking_id,
            personality=personality,
            state=ALERTING,
            remote=remote,
            start_time=self._now(),
            network_call_id=f"BW{tracking_id}@simulator" if remote.call_type == "Network" else "",
            redirections=redirections,
            endpoint="" if personality == CLICK_TO_DIAL else f"{owner.number.lstrip('+')}@{owner.user_id.rpartition('@')[2]}",
            location=owner.location,
        )
        leg = Leg(owner, call)
        self._legs.setdefault(owner.user_id, []).append(leg)
        return leg

    def _send(self, owner: User, event: SimEvent) -> None:
        if not owner.outside:
            self._emit(event)

    def _tell(self, leg: Leg, event_type: str, reason: str = "", **changes: Any) -> None:
        """Change what a leg's user sees of it, and tell its subscriptions so."""
        leg.call = attrs.evolve(leg.call, **changes)
        self._send(leg.owner, SimEvent(leg.owner.user_id, event_type, calls=(leg.call,), reason=reason))

    def _tell_conference(self, owner: User, event_type: str, conference: Conference) -> None:
        self._send(owner, SimEvent(owner.user_id, event_type, conference=conference))

    def _lift(self, owner: User) -> None:
        if owner.user_id not in self._lifted:
            self._lifted.add(owner.user_id)
            self._send(owner, SimEvent(owner.user_id, "HookStatusEvent", hook_status="Off-Hook"))

    def _forget(self, leg: Leg) -> None:
        """The leg is over and its user knows it: take it out of its conference, and let go of its guest."""
        legs = self._legs[leg.owner.user_id]
        legs.remove(leg)
        self._leave_bridge(leg)
        if leg.guest is not None:
            self._dismiss(leg.guest)
        for place, parked in list(self._parked.items()):
            if parked is leg:
                self._unpark(place)
        if leg.owner.user_id in self._lifted and not any(other.off_hook for other in legs):
            self._lifted.discard(leg.owner.user_id)
            self._send(leg.owner, SimEvent(leg.owner.user_id, "HookStatusEvent", hook_status="On-Hook"))
        if not legs:
            del self._legs[leg.owner.user_id]

    def _end(self, leg: Leg, releasing_party: str, cause: ReleaseCause | None = None) -> None:
        self._tell(leg, "CallReleasedEvent", state=RELEASED, releasing_party=releasing_party, cause=cause, release_time=self._now())
        self._forget(leg)

    def _release(self, leg: Leg) -> None:
        """The leg's user ends it, and with it the call, unless it only was a guest there."""
        peer = leg.peer
        if peer is not None and peer.guest is leg:
            self._detach_guest(leg)
            self._end(leg, LOCAL_RELEASE)
            return
        self._end(leg, LOCAL_RELEASE)
        if peer is not None:
            self._end(peer, REMOTE_RELEASE)

    def _detach_guest(self, guest: Leg) -> None:
        host = guest.peer
        for leg in (host, host and host.peer):
            if leg is not None:
                leg.guest = None

    def _dismiss(self, guest: Leg) -> None:
        self._detach_guest(guest)
        self._end(guest, REMOTE_RELEASE)

    def _unpark(self, place: str) -> None:
        del self._parked[place]
        self._send(self.directory.user(place), self.parked_against(place))

    def _leave_bridge(self, leg: Leg) -> None:
        """A conference with one leg left is none any more; that leg goes on as an ordinary call."""
        bridge = self._bridges.get(leg.owner.user_id)
        if bridge is None or leg not in bridge.legs:
            return
        bridge.legs.remove(leg)
        if len(bridge.legs) > 1:
            self._tell_conference(leg.owner, "ConferenceUpdatedEvent", bridge.view())
            return
        del self._bridges[leg.owner.user_id]
        self._tell_conference(leg.owner, "ConferenceReleasedEvent", Conference(RELEASED))
        for last in bridge.legs:
            if bridge.state == HELD and last.connected:
                self._hold(last)

    # Hold, as both ends see it.

    def _told(self, leg: Leg, far: Leg | None) -> bool:
        """Whether a leg's user is told that its far end holds: only inside one group."""
        return not leg.owner.outside and (far is None or far.owner.group == leg.owner.group)

    def _talking_state(self, leg: Leg) -> str:
        """The state of a connected leg that its own user does not hold. A parked call is held at its far end."""
        far_held = leg.peer is None or leg.peer.state == HELD
        return REMOTE_HELD if far_held and self._told(leg, leg.peer) else ACTIVE

    def _hold(self, leg: Leg) -> None:
        self._tell(leg, "CallHeldEvent", state=HELD, held_time=self._now())
        if leg.peer is not None:
            self._tell_far_hold(leg.peer)

    def _tell_far_hold(self, leg: Leg) -> None:
        if leg.state == ACTIVE and self._talking_state(leg) == REMOTE_HELD:
            self._tell(leg, "CallHeldEvent", state=REMOTE_HELD)

    def _retrieve(self, leg: Leg) -> None:
        self._tell(leg, "CallRetrievedEvent", state=self._talking_state(leg), held_time=0)
        peer = leg.peer
        if peer is not None and peer.state == REMOTE_HELD:
            self._tell(peer, "CallRetrievedEvent", state=ACTIVE)

    def _hold_others(self, owner: User, keep: Leg | None = None) -> None:
        """A phone has one voice path: whatever else is active is held. Outside, one number may be many phones."""
        if owner.outside:
            return
        bridge = self._bridges.get(owner.user_id)
        for leg in self._legs.get(owner.user_id, [])[:]:
            if leg is not keep and leg.state in (ACTIVE, REMOTE_HELD) and not self._in_bridge(leg):
                self._hold(leg)
        if bridge is not None and bridge.state == ACTIVE and (keep is None or keep not in bridge.legs):
            self._set_bridge(owner, bridge, HELD)

    def _set_bridge(self, owner: User, bridge: Bridge, state: str) -> None:
        bridge.state = state
        self._tell_conference(owner, "ConferenceHeldEvent" if state == HELD else "ConferenceRetrievedEvent", bridge.view())
