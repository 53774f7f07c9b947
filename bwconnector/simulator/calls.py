"""Basic calls: dial, click-to-dial, answer, hold, hang up, and what the called user's services make of a call."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from bwconnector.simulator.directory import VOICE_PORTAL
from bwconnector.simulator.legs import CANNOT, NO_CALL, Leg, Legs
from bwconnector.simulator.model import (
    ACTIVE,
    ALERTING,
    CLICK_TO_DIAL,
    DETACHED,
    HELD,
    LOCAL_RELEASE,
    ORIGINATOR,
    RELEASED,
    REMOTE_HELD,
    REMOTE_RELEASE,
    TERMINATOR,
    Redirect,
    Redirection,
    ReleaseCause,
    SimEvent,
    SwitchError,
    User,
)

__all__ = ["BasicCalls"]

MAX_CALLS = 8
"""A user with so many legs is busy even with call waiting."""
MAX_REDIRECTIONS = 5
"""A call that was sent on more often runs in a circle."""


class BasicCalls(Legs):
    """Calls of two parties. A *party* is a user id or an outside number; without a callId the operation finds the leg it fits."""

    # Outgoing.

    def dial(self, party: str, address: str) -> str:
        """Lift and dial; an outside number as ``party`` makes an incoming call. Returns the callId of the caller's leg.

        An address that nobody answers to fails as on the wire, by events.

        :raises SwitchError: 400 for an empty address
        """
        caller = self.directory.party(party)
        _require_address(address)
        self._hold_others(caller)
        leg = self._new_leg(caller, ORIGINATOR, self.directory.show_dialled(address, caller))
        call_id = leg.call.call_id
        self._lift(caller)
        self._tell(leg, "CallOriginatedEvent")
        self._route(leg, address)
        return call_id

    def consult(self, party: str, address: str, call_id: str = "") -> str:
        """Hold a call by phone and dial somebody else. Returns the callId of the second leg.

        :raises SwitchError: 403 when the user has no call to consult about
        """
        owner = self.directory.party(party)
        _require_address(address)
        self._pick(owner, call_id, "No connected call", lambda leg: leg.connected)
        return self.dial(party, address)

    def click_to_dial(self, party: str, address: str) -> Leg:
        """Ring the user's own phone; :meth:`lift` goes on, :meth:`hang_up` or :meth:`not_lifted` end it. Returns the new leg.

        :raises SwitchError: 400 for an empty address, 403 when the user's phone rings already for another one
        """
        owner = self.directory.user(party)
        _require_address(address)
        if any(leg.offered for leg in self.legs(owner.user_id)):
            raise SwitchError(403, CANNOT, "A call is being set up already")
        remote = self.directory.show_dialled(address, owner)
        leg = self._new_leg(owner, CLICK_TO_DIAL, attrs.evolve(remote, name="", user_id="", user_dn="", call_type="Unknown"))
        leg.dialled = address
        self._tell(leg, "CallOriginatingEvent")
        return leg

    def lift(self, party: str, call_id: str = "") -> None:
        """The user lifts after a click-to-dial: the call goes out."""
        owner = self.directory.user(party)
        leg = self._pick(owner, call_id, "No click-to-dial call", lambda leg: leg.offered)
        self._hold_others(owner, leg)
        self._lift(owner)
        self._tell(leg, "CallOriginatedEvent", personality=ORIGINATOR, remote=self.directory.show_dialled(leg.dialled, owner))
        self._route(leg, leg.dialled)

    def not_lifted(self, party: str, call_id: str = "") -> None:
        """BroadWorks gives up a click-to-dial that the user did not lift for."""
        leg = self._pick(self.directory.user(party), call_id, "No click-to-dial call", lambda leg: leg.offered)
        self._end(leg, REMOTE_RELEASE)

    # Incoming.

    def answer(self, party: str, call_id: str = "") -> None:
        """Answer a ringing call (or lift for a click-to-dial). Another active call of the user is held first."""
        owner = self.directory.party(party)
        leg = self._pick(owner, call_id, "No call to answer", lambda leg: leg.ringing, lambda leg: leg.offered)
        if leg.offered:
            self.lift(party, leg.call.call_id)
            return
        self._hold_others(owner, leg)
        self._lift(owner)
        self._tell(leg, "CallAnsweredEvent", state=ACTIVE, answer_time=self._now())
        if leg.peer is not None:
            if leg.peer.joins is None:
                self._hold_others(leg.peer.owner, leg.peer)
            # After a blind transfer this is its second answer: answerTime stays that of the first.
            self._tell(leg.peer, "CallAnsweredEvent", state=ACTIVE, answer_time=leg.peer.call.answer_time or self._now())
            self._answered(leg.peer)

    def _answered(self, leg: Leg) -> None:
        """The far end of ``leg`` has answered."""

    def reject(self, party: str, call_id: str = "", cause: str = "Busy") -> None:
        """Decline a ringing call: forwarded if Call Forwarding Busy is on, else the caller's call fails with ``cause``."""
        owner = self.directory.party(party)
        leg = self._ringing(owner, call_id)
        if self._forwarded_by(leg, "CallForwardingBusy", "user-busy"):
            return
        peer = leg.peer
        self._end(leg, LOCAL_RELEASE)
        if peer is not None:
            self._end(peer, REMOTE_RELEASE, ReleaseCause(cause, "603"))

    def busy(self, number: str, call_id: str = "") -> None:
        """The network finds an outside number busy.

        :raises SwitchError: 403 for a user of BroadWorks (let it be in a call, with call waiting off)
        """
        owner = self.directory.party(number)
        if not owner.outside:
            raise SwitchError(403, CANNOT, "Only an outside number can be found busy by the network")
        leg = self._ringing(owner, call_id)
        caller = leg.peer
        self._end(leg, REMOTE_RELEASE)
        if caller is not None:
            self._fail(caller, "Busy")

    def no_answer(self, party: str, call_id: str = "") -> None:
        """The ringing time is over: forward by Call Forwarding No Answer, or end the call."""
        leg = self._ringing(self.directory.party(party), call_id)
        if self._forwarded_by(leg, "CallForwardingNoAnswer", "no-answer"):
            return
        caller = leg.peer
        self._end(leg, REMOTE_RELEASE)
        if caller is not None:
            self._end(caller, REMOTE_RELEASE)

    def deflect(self, party: str, address: str, call_id: str = "") -> None:
        """Send a ringing call elsewhere.

        :raises SwitchError: 403 when nobody answers to ``address``, or one of the two parties does
        """
        owner = self.directory.party(party)
        leg = self._ringing(owner, call_id)
        self._target(address, owner, leg)
        self._forward(leg, address, "deflection")

    # In the call.

    def hold(self, party: str, call_id: str = "") -> None:
        """Hold an active call (a conference: see :meth:`~bwconnector.simulator.switch.Switch.conference_hold`)."""
        leg = self._pick(
            self.directory.party(party),
            call_id,
            "The call is not active",
            lambda leg: leg.state in (ACTIVE, REMOTE_HELD) and not self._in_bridge(leg),
        )
        self._hold(leg)

    def retrieve(self, party: str, call_id: str = "") -> None:
        """Retrieve a held call; another active one is held first."""
        owner = self.directory.party(party)
        leg = self._pick(owner, call_id, "The call is not held", lambda leg: leg.state == HELD and not self._in_bridge(leg))
        self._hold_others(owner, leg)
        self._retrieve(leg)

    def hang_up(self, party: str, call_id: str = "") -> None:
        """End a call: the one named, else the active one, else one being dialled, else a held one.

        :raises SwitchError: 403 for a ringing call, which is to be rejected
        """
        leg = self._pick(
            self.directory.party(party),
            call_id,
            "No call to hang up",
            lambda leg: leg.state in (ACTIVE, REMOTE_HELD),
            lambda leg: leg.state == ALERTING and not leg.ringing,
            lambda leg: leg.state == HELD,
        )
        self._release(leg)

    def session_info(self, party: str, info: str, call_id: str = "") -> None:
        """Attach text to a call; both ends are told."""
        leg = self._pick(self.directory.party(party), call_id, "No connected call", lambda leg: leg.connected)
        for end in (leg, leg.peer):
            if end is not None:
                self._tell(end, "CallClientSessionInfoUpdatedEvent", client_session_info=info)

    # Recording.

    def record(self, party: str, call_id: str = "") -> None:
        """Start the recording of a call.

        :raises SwitchError: 403, as for the others, when the call's present recording does not allow it
        """
        leg = self._recordable(party, call_id, "record")
        self._tell(leg, "CallRecordingStartingEvent", recording="Pending")
        self._tell(leg, "CallRecordingStartedEvent", recording="Started")

    def pause_recording(self, party: str, call_id: str = "") -> None:
        self._tell(self._recordable(party, call_id, "pause"), "CallRecordingPausedEvent", recording="Paused")

    def resume_recording(self, party: str, call_id: str = "") -> None:
        self._tell(self._recordable(party, call_id, "resume"), "CallRecordingResumedEvent", recording="Started")

    def stop_recording(self, party: str, call_id: str = "", reason: str = "User Requested") -> None:
        """``reason``: ``Failure`` when the recorder gives up."""
        self._tell(self._recordable(party, call_id, "stop"), "CallRecordingStoppedEvent", reason=reason, recording="")

    def _recordable(self, party: str, call_id: str, control: str) -> Leg:
        refusal = f"The recording of the call does not allow: {control}"

        def fits(leg: Leg) -> bool:
            return control in leg.call.recording_controls.split("-")

        return self._pick(self.directory.user(party), call_id, refusal, fits)

    # Routing.

    def _ringing(self, owner: User, call_id: str) -> Leg:
        return self._pick(owner, call_id, "The call is not ringing", lambda leg: leg.ringing)

    def _target(self, address: str, owner: User, leg: Leg) -> User:
        """Who a user sends a call to; none of the two parties themselves."""
        _require_address(address)
        target = self.directory.resolve(address)
        if target is None or target == owner or (leg.peer is not None and target == leg.peer.owner):
            raise SwitchError(403, CANNOT, f"Invalid address: {address}")
        return target

    def _route(self, leg: Leg, address: str, redirections: tuple[Redirection, ...] = (), escalation: str = "") -> None:
        """Ring whoever answers to ``address``, or let the call of ``leg`` fail."""
        target = self.directory.resolve(address)
        if target is None:
            self._fail(leg, "Translation Failure")
        elif target == leg.owner or len(redirections) > MAX_REDIRECTIONS:
            self._fail(leg, "Forbidden")
        else:
            called = self._new_leg(
                target,
                TERMINATOR,
                self.directory.show(leg.owner, target),
                tracking_id=leg.call.tracking_id,
                redirections=redirections,
            )
            leg.peer, called.peer = called, leg
            called.call = attrs.evolve(called.call, escalation=escalation)
            # The Advanced Call package tells the call before the called user's services run.
            self._tell(called, "CallReceivedEvent")
            self._terminate(leg, called)

    def _terminate(self, leg: Leg, called: Leg) -> None:
        """The called user's services, in their order of precedence; if none takes the call, the phone rings."""
        if called.owner == VOICE_PORTAL:
            self.answer(VOICE_PORTAL.user_id, called.call.call_id)
        elif self._forwarded_by(called, "CallForwardingAlways", "unconditional"):
            return
        elif self._is_busy(called):
            if not self._forwarded_by(called, "CallForwardingBusy", "user-busy"):
                self._end(called, LOCAL_RELEASE, ReleaseCause("Busy", "486"))
                self._fail(leg, "Busy")
        elif self.variation.updated_on_ringing and leg.state == ALERTING:
            self._tell(leg, "CallUpdatedEvent")

    def _is_busy(self, called: Leg) -> bool:
        user = called.owner
        if user.outside:
            return False
        others = len(self.legs(user.user_id)) - 1
        limit = MAX_CALLS if self.services.state(user.user_id, "CallWaiting").active else 1
        return others >= limit or self.services.state(user.user_id, "DoNotDisturb").active

    def _forwarded_by(self, called: Leg, service: str, reason: str) -> bool:
        """Forward a ringing call if its user's ``service`` is on."""
        if called.owner.outside:
            return False
        state = self.services.state(called.owner.user_id, service)
        if state.active:
            self._forward(called, state.forward_to, reason)
        return state.active

    def _forward(self, called: Leg, address: str, reason: str) -> None:
        caller = called.peer
        if caller is None:
            raise SwitchError(404, NO_CALL, "The caller has gone")
        redirections = (*called.call.redirections, Redirection(self.directory.show(called.owner, caller.owner), reason))
        self._redirect(called.owner, [(called, address)], reason)
        caller.peer = None
        shown = self.directory.show_dialled(address, caller.owner) if self.variation.colp else caller.call.remote
        self._tell(caller, "CallForwardedEvent", remote=shown)
        self._route(caller, address, redirections)

    def _redirect(self, owner: User, moves: Sequence[tuple[Leg, str]], reason: str) -> None:
        """``owner`` sends calls elsewhere: one event for all of them, then each leg ends."""
        now = self._now()
        for leg, address in moves:
            redirect = Redirect(self.directory.show_dialled(address, owner).address, reason, now)
            leg.call = attrs.evolve(leg.call, state=DETACHED, redirect=redirect, detached_time=now)
        self._send(owner, SimEvent(owner.user_id, "CallRedirectedEvent", calls=tuple(leg.call for leg, _ in moves)))
        for leg, _ in moves:
            if self.variation.released_after_redirected:
                self._tell(leg, "CallReleasedEvent", state=RELEASED, releasing_party=LOCAL_RELEASE, release_time=now)
            self._forget(leg)

    def _fail(self, leg: Leg, cause: str) -> None:
        """Nobody can be reached for this leg: it hears why, and ends."""
        leg.peer = None
        release_cause = ReleaseCause(cause)
        if self.variation.treatment:
            self._tell(leg, "CallReleasingEvent", state=ACTIVE, cause=release_cause)
        self._end(leg, REMOTE_RELEASE, release_cause)


def _require_address(address: str) -> None:
    if not address.strip():
        raise SwitchError(400, 110400, "The address is missing")
