"""Rules for the end of a leg: release, failure, cancellation, no answer (R9, R10 and the tables of causes)."""

from __future__ import annotations

from bwconnector.bridge import causes
from bwconnector.bridge.calls import ALERTING, CONNECTED, FAIL, HOLD, INITIATED, NULL, Leg
from bwconnector.bridge.conferences import conference_gate, leg_left
from bwconnector.bridge.distribution import awaited_queue, offer_ended, release_gate
from bwconnector.bridge.pickup import park, parks
from bwconnector.bridge.rules import Rule
from bwconnector.bridge.steps import Step
from bwconnector.bridge.world import World
from bwconnector.xsi.events import XsiCall

__all__ = ["RULES"]

LOCAL, REMOTE = "localRelease", "remoteRelease"


# failure


def releasing_gate(world: World, step: Step) -> float:
    leg = world.leg_of(step.user, step.calls[0])
    if leg is None or not _failing_far(world, step.calls[0], leg):
        return 0.0
    return _called_party_unheard(world, leg, step.arrived)


def releasing(world: World, step: Step) -> None:
    """A treatment is played to the caller: the call has failed, though the leg is not released yet."""
    leg = world.leg_of(step.user, step.calls[0])
    if leg is not None and leg.connection.alive and leg.personality != "Terminator":
        _fail(world, leg, step.calls[0])


def _failing_far(world: World, xsi: XsiCall, leg: Leg) -> bool:
    why = causes.failure(xsi.release_cause)
    return why is not None and why.failing == causes.FAR and not leg.answered


def _called_party_unheard(world: World, leg: Leg, arrived: float) -> float:
    """The called party is monitored, but has said nothing of this call yet (R3)."""
    remote = leg.remote
    if not remote or remote == leg.user or not world.speaks(remote):
        return 0.0
    if remote in leg.connection.call.connections:
        return 0.0
    # streams drift by P-FAR at most: what it has to say comes within that time of the call's beginning
    return max(0.0, leg.since + world.policy.seconds("P-FAR") - arrived)


def _fail(world: World, leg: Leg, xsi: XsiCall) -> bool:
    """Tell Failed, once, of the connection that the cause lies with. False when this is no failure."""
    call = leg.connection.call
    far = call.connections.get(leg.remote)
    dnd = "Do Not Disturb" in world.unsettled.get(leg.remote, ())
    why = causes.failure(xsi.release_cause, rang=far is not None and far.alerted, do_not_disturb=dnd)
    if why is None or (leg.answered and not _far_rings(leg)) or any(c.state == FAIL for c in call.connections.values()):
        return False
    if far is not None and far.alerted and world.speaks(far.device):
        return False  # it was alerting and leaves by its own leg
    if why.failing == causes.OWN or not leg.remote:
        world.failed(leg.connection, why.cause)
    else:
        world.failed(call.connection(leg.remote), why.cause)
    return True


# release


def released_gate(world: World, step: Step) -> float:
    xsi = step.calls[0]
    leg = world.leg_of(step.user, xsi)
    if leg is None or not leg.connection.alive:
        return 0.0
    call = leg.connection.call
    if call.controller:
        awaited = xsi.releasing_party != LOCAL and awaited_queue(world, leg, leg.remote)
        return world.policy.seconds("P-FAR") if awaited else conference_gate(world, step, leg)
    if step.user in call.entered and xsi.releasing_party != LOCAL:
        return _visitor_gate(world, leg)
    asked = bool(leg.acd) and leg.connection.state == ALERTING
    if xsi.releasing_party != LOCAL and not asked and awaited_queue(world, leg):
        return world.policy.seconds("P-FAR")
    if leg.personality == "Terminator" and not leg.answered:
        return _ringing_leg_gate(world, xsi, leg)
    if leg.personality == "Click-to-Dial":
        return 0.0
    if leg.answered:
        return _caller_gate(world, xsi, leg) if _far_rings(leg) and xsi.releasing_party != LOCAL else 0.0
    unheard = _called_party_unheard(world, leg, step.arrived)
    return unheard if xsi.releasing_party == LOCAL else max(unheard, _caller_gate(world, xsi, leg))


def _visitor_gate(world: World, leg: Leg) -> float:
    """Who entered the call of others goes after those whose call it is."""
    call = leg.connection.call
    hosts = [connection for connection in call.others(leg.user) if connection.device not in call.entered]
    return world.policy.seconds("P-JOIN") if any(world.speaks(host.device) for host in hosts) else 0.0


def _far_rings(leg: Leg) -> bool:
    """Nobody has answered at the other end; after a single step transfer that may be so although the leg itself is connected."""
    others = leg.connection.call.others(leg.user)
    if others:
        return all(connection.state == ALERTING for connection in others)
    far = leg.connection.call.connections.get(leg.remote)
    return far is not None and far.alerted and CONNECTED not in far.entered and HOLD not in far.entered


def _ringing_leg_gate(world: World, xsi: XsiCall, leg: Leg) -> float:
    """A ringing leg that was released from afar: cancelled, not answered, or picked up elsewhere. The caller's own word decides."""
    if leg.hunt_group:
        return 0.0 if _winner(leg) is not None else world.policy.seconds("P-JOIN")
    if leg.acd:
        return release_gate(world, leg)
    if xsi.releasing_party != REMOTE or _no_answer(xsi):
        return 0.0
    caller = leg.connection.call.connections.get(leg.remote)
    if caller is not None and not caller.alive and caller.entered:
        return 0.0
    if world.speaks(leg.remote):
        return 0.0 if final_of(world, leg.remote, leg) is not None else world.policy.seconds("P-FAR")
    return world.policy.seconds("P-JOIN")


def final_of(world: World, user: str, leg: Leg) -> Step | None:
    """The waiting step by which ``user`` tells how its part of this leg's call ends."""
    names = {leg.connection.call.id, *leg.connection.call.aliases}
    return next(
        (s for s in world.steps.of(user) if s.type == "CallReleasedEvent" and s.calls[0].tracking_id in names),
        None,
    )


def _caller_gate(world: World, xsi: XsiCall, leg: Leg) -> float:
    """An unanswered caller was released without a failure: rejected or not answered, the called party's own word decides."""
    if causes.failure(xsi.release_cause, rang=True) is not None:
        return 0.0
    ringing = [c for c in leg.connection.call.others(leg.user) if c.state == ALERTING and world.speaks(c.device)]
    if not ringing or any(final_of(world, c.device, leg) for c in ringing):
        return 0.0
    return world.policy.seconds("P-FAR")


def _no_answer(xsi: XsiCall) -> bool:
    """The release cause itself says that nobody answered."""
    cause = xsi.release_cause
    return cause is not None and (cause.internal in ("Request Timeout", "Temporarily Unavailable") or cause.sip_status in ("408", "480"))


def _winner(leg: Leg) -> str | None:
    """The hunt group member that got the call."""
    call = leg.connection.call
    for connection in call.others(leg.user):
        if connection.state == CONNECTED and any(other.hunt_group == leg.hunt_group for other in connection.legs):
            return connection.device
    return None


def released(world: World, step: Step) -> None:
    xsi = step.calls[0]
    leg = world.leg_of(step.user, xsi)
    if leg is None:
        world.counts["released unknown"] += 1
        return
    connection, call = leg.connection, leg.connection.call
    word = _Word(world, step, leg)
    world.table.drop_leg(leg)
    leg.state = "Released"
    if connection.alive:
        if call.controller:
            leg_left(world, leg, xsi.releasing_party, step)
        elif not connection.legs:
            word.clear()
    world.close(call)


class _Word:
    """What the release of one leg means for the call; made before the leg is dropped."""

    def __init__(self, world: World, step: Step, leg: Leg) -> None:
        self.world, self.xsi, self.leg = world, step.calls[0], leg
        self.connection = leg.connection
        self.call = leg.connection.call
        self.forced = any(world.intents.find(service, step.user, leg.call_id) for service in ("ClearConnection", "ClearCall"))
        self.caller_final = final_of(world, leg.remote, leg)
        caller = not leg.acd and self.xsi.releasing_party == LOCAL and not self.forced
        self.gives_up = caller and any(c.queue for c in self.call.others(step.user))
        """The caller does not wait in the queue any longer."""
        self.parked = parks(world, leg) if self.connection.state not in (ALERTING, INITIATED) else False

    def clear(self) -> None:
        if self.gives_up:
            self.world.cleared(self.connection, "callCancelled")
        elif self.parked:
            park(self.world, self.leg, "")
        elif self.connection.state == INITIATED:
            self._not_lifted()
        elif self.leg.personality == "Terminator" and self.connection.state == ALERTING:
            self._ringing()
        elif (not self.leg.answered and self.leg.personality != "Terminator") or _far_rings(self.leg) or self._far_failed():
            self._calling()
        else:
            self._talking()

    def _far_failed(self) -> bool:
        """Whom the call was transferred to has not answered, and is gone already."""
        return not self.call.others(self.connection.device) and causes.failure(self.xsi.release_cause, rang=True) is not None

    def _not_lifted(self) -> None:
        """Click-to-dial: the own phone was not lifted, or rejected its ring."""
        rejected = self.xsi.releasing_party == LOCAL
        self.world.cleared(self.connection, "normalClearing" if self.forced else "callCancelled" if rejected else "callNotAnswered")

    def _ringing(self) -> None:
        world, connection = self.world, self.connection
        if self.leg.hunt_group and self.xsi.releasing_party != LOCAL:
            winner = _winner(self.leg)
            if winner is not None and world.policy.word("P-HUNT") == "diverted":
                world.diverted(connection, winner, "distributed")
            else:
                world.cleared(connection, "callCancelled")
            return
        if self.forced:
            world.cleared(connection, "normalClearing")
        elif self.leg.acd:
            offer_ended(world, self.leg, rejected=self.xsi.releasing_party == LOCAL or _no_answer(self.xsi))
        elif self.xsi.releasing_party == REMOTE and self._unanswered():
            world.cleared(connection, "callNotAnswered")
        elif self.xsi.releasing_party == REMOTE:
            for caller in [c for c in self.call.others(connection.device) if c.device == self.leg.remote]:
                elsewhere = any(leg.answered and leg.remote != connection.device for leg in caller.legs)
                if not elsewhere:  # else it talks to somebody who picked up
                    world.cleared(caller, "normalClearing")
            world.cleared(connection, world.policy.word("P-CANCEL"))
        else:
            world.cleared(connection, "callCancelled")

    def _unanswered(self) -> bool:
        """Released from afar, and the caller did not hang up: nobody answered."""
        return _no_answer(self.xsi) or (self.caller_final is not None and self.caller_final.calls[0].releasing_party == REMOTE)

    def _calling(self) -> None:
        """The caller's leg ends before anybody answered."""
        world, connection, call = self.world, self.connection, self.call
        if self.xsi.releasing_party == LOCAL or self.forced:
            world.cleared(connection, "normalClearing")
            return
        why = causes.failure(self.xsi.release_cause, rang=True)
        ringing = [c for c in call.others(connection.device) if c.state == ALERTING]
        speaking = [c for c in ringing if world.speaks(c.device)]
        if speaking:
            for far in speaking:
                final = final_of(world, far.device, self.leg)
                rejected = why is not None or (final is not None and final.calls[0].releasing_party == LOCAL)
                world.cleared(far, "callCancelled" if rejected else "callNotAnswered")
            world.cleared(connection, why.cause if why is not None else "normalClearing")
            return
        left_already = any(
            c.alerted and not c.alive and world.speaks(c.device) and c.device not in call.diverted for c in call.connections.values()
        )
        if left_already:
            world.cleared(connection, why.cause if why is not None else "normalClearing")
        elif world.policy.word("P-FAIL") == "off" and why is not None and not any(c.state == FAIL for c in call.connections.values()):
            world.cleared(connection, why.cause)
        else:
            if not _fail(world, self.leg, self.xsi):
                for far in ringing:
                    world.cleared(far, "callNotAnswered")
            world.cleared(connection, "normalClearing")

    def _talking(self) -> None:
        world, connection = self.world, self.connection
        others = [c for c in self.call.others(connection.device) if c.state not in (FAIL, NULL) and c.device not in self.call.entered]
        if self.xsi.releasing_party == REMOTE and len(others) == 1:
            world.cleared(others[0], "normalClearing")
        world.cleared(connection, "normalClearing")


RULES = {
    "CallReleasingEvent": Rule(releasing, releasing_gate),
    "CallReleasedEvent": Rule(released, released_gate),
}
