"""The switch: every operation that a phone or an Xsi request can cause, and the events that follow from it.

Pure: no socket and no clock. Time is asked of ``now``; timers (no answer, click-to-dial not lifted) are operations that a driver calls.
"""

from __future__ import annotations

from collections.abc import Sequence

from bwconnector.simulator.directory import VOICE_PORTAL
from bwconnector.simulator.legs import CANNOT, Bridge, Leg
from bwconnector.simulator.model import (
    ACTIVE,
    ALERTING,
    HELD,
    LOCAL_RELEASE,
    ORIGINATOR,
    RELEASED,
    REMOTE_HELD,
    REMOTE_RELEASE,
    Conference,
    Redirection,
    SwitchError,
    User,
)
from bwconnector.simulator.route_points import RoutePoints

__all__ = ["Switch"]

ENTRANCES = {
    "Barge-In": "CallBargedInEvent",
    "Silently Monitored": "CallMonitoredEvent",
    "Supervisor Coached": "CallMonitoredEvent",
}
"""How a supervisor enters a call (conferenceType at the supervisor), and what the two parties are told."""


class Switch(RoutePoints):
    """Transfers, pick-up, park, conferences and barge-in on top of basic calls and of queues.

    An operation that is not possible raises :class:`~bwconnector.simulator.model.SwitchError` before anything has changed.
    """

    # Transfers.

    def transfer_consult(self, party: str, first: str = "", second: str = "") -> None:
        """Connect the far ends of two calls of one user (callIds ``first`` and ``second``; by default the held and the other one).

        :raises SwitchError: 403 for a call in a conference, or when the far ends cannot be connected
        """
        owner = self.directory.party(party)
        one = self._pick(owner, first, "No call to transfer", lambda leg: leg.state == HELD and self._plain(leg), self._plain)
        two = self._pick(
            owner,
            second,
            "No call to transfer to",
            lambda leg: leg is not one and self._plain(leg),
            lambda leg: leg is not one and _dialling(leg) and not self._in_bridge(leg),
        )
        held, consulted = one.peer, two.peer
        if held is None or consulted is None or consulted.owner == held.owner or owner in (held.owner, consulted.owner):
            raise SwitchError(403, CANNOT, "The calls cannot be connected")
        if consulted.ringing and held.state == HELD:
            raise SwitchError(403, CANNOT, "The transferred party holds the call")
        tracking_id = self._survivor(one.call.tracking_id, two.call.tracking_id)
        self._redirect(owner, [(one, consulted.owner.address), (two, held.owner.address)], "transfer")
        held.peer, consulted.peer = consulted, held
        self._connect(held, "CallTransferredEvent", tracking_id)
        self._connect(consulted, self.variation.transfer_event, tracking_id)

    def transfer_blind(self, party: str, address: str, call_id: str = "") -> None:
        """Send a connected call's far end to ``address``, unseen.

        :raises SwitchError: 403 for a call in a conference, or when nobody answers to ``address``, or one of the two parties does
        """
        owner = self.directory.party(party)
        leg = self._pick(owner, call_id, "No call to transfer", lambda leg: leg.state == ACTIVE and self._plain(leg), self._plain)
        target = self._target(address, owner, leg)
        far = leg.peer
        if far is None or far.state == HELD:
            raise SwitchError(403, CANNOT, "The transferred party holds the call")
        tracking_id = self._survivor(leg.call.tracking_id)
        redirection = Redirection(self.directory.show(owner, far.owner), "transfer")
        self._redirect(owner, [(leg, target.address)], "transfer")
        far.peer = None
        shown = self.directory.show(target, far.owner)
        self._tell(far, "CallTransferredEvent", tracking_id=tracking_id, remote=shown, state=ALERTING)
        self._route(far, address, (redirection,))

    def to_voice_mail(self, party: str, call_id: str = "") -> None:
        """Transfer or deflect a call to the voice mail system, which answers at once."""
        owner = self.directory.party(party)
        leg = self._pick(owner, call_id, "No call to transfer", lambda leg: leg.ringing, self._plain)
        send = self.deflect if leg.ringing else self.transfer_blind
        send(party, VOICE_PORTAL.user_id, leg.call.call_id)

    def _connect(self, leg: Leg, event_type: str, tracking_id: str) -> None:
        """``leg`` has got another far end; tell its user what it sees now."""
        peer = leg.peer
        if peer is None:
            return
        state = leg.state
        if leg.connected and state != HELD:
            state = ALERTING if peer.ringing else self._talking_state(leg)
        self._tell(leg, event_type, tracking_id=tracking_id, remote=self.directory.show(peer.owner, leg.owner), state=state)

    # Pick-up and park.

    def pickup(self, party: str, target: str = "") -> str:
        """Answer a call that rings at ``target``, or at any member of the own group. Returns the callId of the new leg.

        :raises SwitchError: 403 when nothing rings there
        """
        owner = self.directory.user(party)
        places = [self.directory.user(target)] if target else self.directory.group(owner)
        ringing = [leg for place in places for leg in self.legs(place.user_id) if leg.ringing and leg.waiting is None]
        if not ringing:
            raise SwitchError(403, CANNOT, "No call to pick up")
        picked = ringing[0]
        caller = picked.peer
        if caller is None or caller.owner == owner or picked.owner == owner:
            raise SwitchError(403, CANNOT, "The call is your own")
        leg = self._start(owner, picked.owner)
        tracking_id = self._survivor(picked.call.tracking_id, leg.call.tracking_id)
        leg.peer, caller.peer = caller, leg
        self._answer_as(leg, caller, tracking_id)
        self._hold_others(caller.owner, caller)
        self._tell(caller, "CallPickedUpEvent", tracking_id=tracking_id, remote=self.directory.show(owner, caller.owner))
        self._tell(caller, "CallAnsweredEvent", state=ACTIVE, answer_time=caller.call.answer_time or self._now())
        self._end(picked, REMOTE_RELEASE)
        return leg.call.call_id

    def park(self, party: str, address: str = "", call_id: str = "") -> str:
        """Park a call's far end against a user, by default the first one of the group with nothing parked. Returns that user's extension.

        :raises SwitchError: 403 when the place is unknown or taken
        """
        owner = self.directory.user(party)
        leg = self._pick(owner, call_id, "No call to park", lambda leg: leg.state == ACTIVE and self._plain(leg), self._plain)
        far = leg.peer
        places = [self.directory.resolve(address)] if address else self.directory.group(owner)
        free = [place for place in places if place is not None and not place.outside and place.user_id not in self._parked]
        if far is None or not free:
            raise SwitchError(403, CANNOT, "No place to park the call")
        place = free[0]
        far.peer = None
        self._end(leg, LOCAL_RELEASE)
        self._parked[place.user_id] = far
        if far.state == ACTIVE and self._told(far, leg):
            self._tell(far, "CallHeldEvent", state=self._talking_state(far))
        self._send(place, self.parked_against(place.user_id))
        return place.extension

    def park_retrieve(self, party: str, address: str = "") -> str:
        """Take over the call that is parked against ``address`` (by default: against oneself). Returns the callId of the new leg.

        :raises SwitchError: 403 when nothing is parked there
        """
        owner = self.directory.user(party)
        place = self.directory.resolve(address) if address else owner
        far = self._parked.get(place.user_id) if place is not None else None
        if place is None or far is None or far.owner == owner:
            raise SwitchError(403, CANNOT, "No parked call")
        leg = self._start(owner, place)
        tracking_id = self._survivor(far.call.tracking_id, leg.call.tracking_id)
        leg.peer, far.peer = far, leg
        self._answer_as(leg, far, tracking_id)
        self._connect(far, "CallParkRetrievedEvent", tracking_id)
        self._tell_far_hold(leg)
        self._unpark(place.user_id)
        return leg.call.call_id

    def _start(self, owner: User, called: User) -> Leg:
        """A leg of somebody who enters a call that exists: it begins as a call of its own."""
        self._hold_others(owner)
        leg = self._new_leg(owner, ORIGINATOR, self.directory.show(called, owner))
        self._lift(owner)
        self._tell(leg, "CallOriginatedEvent")
        return leg

    def _answer_as(self, leg: Leg, far: Leg, tracking_id: str) -> None:
        """The new leg becomes part of the call that it entered."""
        remote = self.directory.show(far.owner, leg.owner)
        self._tell(leg, "CallAnsweredEvent", tracking_id=tracking_id, remote=remote, state=ACTIVE, answer_time=self._now())

    # Conferences.

    def conference_start(self, party: str, call_ids: Sequence[str] = ()) -> None:
        """Connect calls of one user (by default all that are connected) with each other.

        :raises SwitchError: 403 for fewer than two calls, calls not connected, or when the user has a conference already
        """
        owner = self.directory.party(party)
        ids = call_ids or [leg.call.call_id for leg in self.legs(party) if self._plain(leg)]
        legs = [self._pick(owner, call_id, "The call is not connected", self._plain) for call_id in dict.fromkeys(ids)]
        if len(legs) < 2 or owner.user_id in self._bridges:
            raise SwitchError(403, CANNOT, "A conference needs two calls, and a user has one conference at most")
        self._hold_others_but(owner, legs)
        bridge = self._bridges[owner.user_id] = Bridge(legs)
        self._tell_conference(owner, "ConferenceStartedEvent", bridge.view())
        for leg in legs:
            if leg.state == HELD:
                self._retrieve(leg)

    def conference_add(self, party: str, call_id: str = "") -> None:
        """Add a connected call to the conference that the user controls."""
        owner, bridge = self._bridge_of(party)
        if bridge.type:
            raise SwitchError(403, CANNOT, "Nobody can be added to this conference")
        leg = self._pick(owner, call_id, "The call is not connected", self._plain)
        if bridge.state == HELD:
            self._hold_others_but(owner, [leg])
            self._set_bridge(owner, bridge, ACTIVE)
        bridge.legs.append(leg)
        self._tell_conference(owner, "ConferenceUpdatedEvent", bridge.view())
        if leg.state == HELD:
            self._retrieve(leg)

    def conference_hold(self, party: str) -> None:
        """The controller leaves the conversation for a while."""
        owner, bridge = self._bridge_of(party, ACTIVE)
        self._set_bridge(owner, bridge, HELD)

    def conference_retrieve(self, party: str) -> None:
        """The controller comes back; another active call of it is held."""
        owner, bridge = self._bridge_of(party, HELD)
        self._hold_others(owner, bridge.legs[0])
        self._set_bridge(owner, bridge, ACTIVE)

    def conference_release(self, party: str) -> None:
        """The controller ends the conference: every call in it ends."""
        owner, bridge = self._bridge_of(party)
        del self._bridges[owner.user_id]
        self._tell_conference(owner, "ConferenceReleasedEvent", Conference(RELEASED))
        for leg in bridge.legs:
            if leg in self._legs.get(owner.user_id, ()):
                self._release(leg)

    def hang_up(self, party: str, call_id: str = "") -> None:
        """As :meth:`BasicCalls.hang_up`; a controller who names no call ends its conference if that is active."""
        bridge = self.bridge(party)
        if not call_id and bridge is not None and bridge.state == ACTIVE:
            self.conference_release(party)
        else:
            super().hang_up(party, call_id)

    def _bridge_of(self, party: str, state: str = "") -> tuple[User, Bridge]:
        bridge = self.bridge(party)
        if bridge is None or (state and bridge.state != state):
            raise SwitchError(403, CANNOT, f"No {state.lower()} conference" if state else "No conference")
        return self.directory.party(party), bridge

    def _hold_others_but(self, owner: User, keep: Sequence[Leg]) -> None:
        for leg in self.legs(owner.user_id):
            if leg not in keep and leg.state in (ACTIVE, REMOTE_HELD) and not self._in_bridge(leg):
                self._hold(leg)

    # Supervisors.

    def barge_in(self, party: str, target: str, kind: str = "Barge-In") -> str:
        """Enter the active call of ``target``; ``kind`` is a conferenceType. Returns the callId of the supervisor's leg.

        :raises SwitchError: 403 when ``target`` has no call that can be entered
        """
        owner = self.directory.user(party)
        event_type = ENTRANCES.get(kind)
        if event_type is None:
            raise SwitchError(400, CANNOT, f"Unknown way to enter a call: {kind}")
        host = self._pick(self.directory.user(target), "", "No call to enter", lambda leg: leg.state == ACTIVE and self._plain(leg))
        far = host.peer
        if far is None or self._in_bridge(far) or owner in (host.owner, far.owner) or owner.user_id in self._bridges:
            raise SwitchError(403, CANNOT, "The call cannot be entered")
        leg = self._start(owner, host.owner)
        tracking_id = self._survivor(host.call.tracking_id, leg.call.tracking_id)
        leg.peer = host
        host.guest = far.guest = leg
        self._answer_as(leg, host, tracking_id)
        bridge = self._bridges[owner.user_id] = Bridge([leg], type=kind)
        self._tell_conference(owner, "ConferenceStartedEvent", bridge.view())
        for end in (far, host):
            self._tell(end, event_type, tracking_id=tracking_id)
        return leg.call.call_id

    # Agents who ask for help.

    def escalate(self, party: str, address: str = "") -> str:
        """Hold the active call and call a supervisor, by default the first one of the group who has no call. Returns the new leg's callId.

        :raises SwitchError: 403 when there is no active call or no supervisor
        """
        owner, _, supervisor = self._help(party, address, "")
        self._hold_others(owner)
        return self._escalated(owner, supervisor, "Normal").call.call_id

    def emergency_escalate(self, party: str, address: str = "", call_id: str = "") -> str:
        """As :meth:`escalate`, but nobody is held, and the supervisor is in a conference as soon as it answers."""
        owner, active, supervisor = self._help(party, address, call_id)
        if owner.user_id in self._bridges:
            raise SwitchError(403, CANNOT, "The user has a conference already")
        leg = self._escalated(owner, supervisor, "Emergency", active)
        return leg.call.call_id

    def _help(self, party: str, address: str, call_id: str) -> tuple[User, Leg, User]:
        owner = self.directory.user(party)
        active = self._pick(owner, call_id, "No active call", lambda leg: leg.state == ACTIVE and self._plain(leg))
        free = [user for user in self.directory.group(owner) if not self.legs(user.user_id)]
        supervisor = self.directory.resolve(address) if address else next(iter(free), None)
        if supervisor is None or supervisor == owner:
            raise SwitchError(403, CANNOT, "No supervisor")
        return owner, active, supervisor

    def _escalated(self, owner: User, supervisor: User, escalation: str, joins: Leg | None = None) -> Leg:
        leg = self._new_leg(owner, ORIGINATOR, self.directory.show(supervisor, owner))
        leg.joins = joins
        self._tell(leg, "CallOriginatedEvent")
        self._route(leg, supervisor.user_id, escalation=escalation)
        return leg

    def _answered(self, leg: Leg) -> None:
        other, leg.joins = leg.joins, None
        if other is not None and self._plain(other):
            self.conference_start(leg.owner.user_id, [other.call.call_id, leg.call.call_id])


def _dialling(leg: Leg) -> bool:
    """A call that its user dialled and whose far end rings, or waits in a queue."""
    peer = leg.peer
    return peer is not None and (peer.queued or (leg.state == ALERTING and peer.ringing))
