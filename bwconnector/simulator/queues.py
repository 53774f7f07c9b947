"""Call centers and route points: calls wait there, ring at agents, and leave in one way or another.

A queue is a virtual user: it has no phone, but a half of every call that waits there. That half is told as a queue entry, by the events
of the queue's own package. The caller hears music as soon as its call waits, so its own leg is answered by then.
"""

from __future__ import annotations

from typing import Any, Literal

import attrs

from bwconnector.simulator.calls import MAX_REDIRECTIONS, BasicCalls
from bwconnector.simulator.directory import VOICE_PORTAL
from bwconnector.simulator.legs import CANNOT, NO_CALL, Leg, Waiting
from bwconnector.simulator.model import (
    ACTIVE,
    ALERTING,
    CALL_CENTER,
    HELD,
    LOCAL_RELEASE,
    QUEUED,
    REMOTE_RELEASE,
    ROUTE_POINT,
    TERMINATOR,
    AcdInfo,
    QueueEntry,
    QueueRules,
    Redirect,
    Redirection,
    ReleaseCause,
    SimEvent,
    SwitchError,
    User,
)

__all__ = ["PRIORITIES", "Queues"]

PRIORITIES = ("0-Highest", "1-High", "2-Medium", "3-Low")
FIRST_PRIORITY = "2-Medium"
"""Priority of a call that begins to wait."""

MODES = {
    "night": ("NightPolicyApplied", "time-of-day"),
    "holiday": ("HolidayPolicyApplied", "time-of-day"),
    "forced": ("CallForwarded", "unconditional"),
}
"""Services of a queue that let no call in: what is told, and the redirection's reason."""


class Queues(BasicCalls):
    """Queues on top of basic calls. Without a callId an operation on a queue means the call that is next."""

    rules = QueueRules()
    """May be exchanged at any time."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._lines: dict[str, list[Waiting]] = {}
        self._modes: dict[str, tuple[str, str]] = {}
        self._asked: dict[str, int] = {}
        self.agents.ready = self._distribute

    # What is.

    def line(self, queue: str) -> SimEvent:
        """What waits at a queue, as the initial event of a subscription.

        :raises SwitchError: 404 when there is no such queue
        """
        owner = self.directory.queue(queue)
        kind = "ACDSubscriptionEvent" if owner.kind == CALL_CENTER else "RoutePointSubscriptionEvent"
        return SimEvent(owner.user_id, kind, entries=tuple(waiting.entry for waiting in self.waiting(owner.user_id)))

    def waiting(self, queue: str) -> tuple[Waiting, ...]:
        """The calls at a queue, in the order of their positions."""
        return tuple(self._lines.get(self.directory.queue(queue).user_id, ()))

    def free_agents(self, queue: User) -> list[str]:
        """Who may be asked next, whoever was not asked for longest first."""
        if queue.kind == CALL_CENTER and self.agents.everybody:
            members = self.agents.available(queue.user_id)
        elif self.rules.agents:
            members = list(self.directory.users)[: self.rules.agents]
        else:
            members = [user.user_id for user in self.directory.group(queue)]
        idle = [user for user in members if not self.legs(user) and not self.services.state(user, "DoNotDisturb").active]
        return sorted(idle, key=lambda user: self._asked.get(user, 0))

    def _named(self, queue: str, call_id: str) -> Waiting:
        waiting = self.waiting(queue)
        if not call_id and waiting:
            return waiting[0]
        found = next((each for each in waiting if each.entry.call_id == call_id), None)
        if found is None:
            raise SwitchError(404, NO_CALL, f"Call not found: {call_id or queue}")
        return found

    # A call comes.

    def queue_mode(self, queue: str, mode: Literal["", "night", "holiday", "forced"] = "", address: str = "") -> None:
        """Night service, holiday service or forced forwarding: calls are sent to ``address``; without a mode they wait again."""
        owner = self.directory.queue(queue)
        if mode and (mode not in MODES or self.directory.resolve(address) is None):
            raise SwitchError(400, CANNOT, f"Unknown mode or address: {mode} {address}")
        self._modes[owner.user_id] = (mode, address)

    def _route(self, leg: Leg, address: str, redirections: tuple[Redirection, ...] = (), escalation: str = "") -> None:
        target = self.directory.resolve(address)
        if target is None or target.kind == "user" or target == leg.owner or len(redirections) > MAX_REDIRECTIONS:
            super()._route(leg, address, redirections, escalation)
            return
        mode, forward_to = self._modes.get(target.user_id, ("", ""))
        if mode:
            kind, reason = MODES[mode]
            self._turn_away(leg, target, redirections, kind, forward_to, reason)
        elif target.kind == CALL_CENTER and 0 < self.rules.size <= len(self.waiting(target.user_id)):
            self._turn_away(leg, target, redirections, "CallOverflowed", self.rules.overflow_to, "call-center", "size")
        else:
            self._enqueue(leg, target, redirections)

    def _entry(self, queue: User, caller: Leg) -> QueueEntry:
        return QueueEntry(
            call_id=self._new_call_id(queue),
            tracking_id=caller.call.tracking_id,
            remote=self.directory.show(caller.owner, queue),
            name=queue.name,
            number=queue.number,
            kind=queue.kind,
            add_time=self._now(),
            priority=FIRST_PRIORITY if queue.kind == CALL_CENTER else "",
        )

    def _turn_away(
        self, caller: Leg, queue: User, redirections: tuple[Redirection, ...], kind: str, address: str, reason: str, why: str = ""
    ) -> None:
        """The call does not come to wait: it is sent elsewhere, or ends."""
        entry = self._entry(queue, caller)
        self._tell_queue(queue, kind, entry, redirect=self._redirect_to(queue, address, reason), reason=why, treatment=not address)
        self._send_on(caller, queue, address, reason, redirections)

    def _enqueue(self, caller: Leg, queue: User, redirections: tuple[Redirection, ...]) -> None:
        leg = self._new_leg(
            queue, TERMINATOR, self.directory.show(caller.owner, queue), tracking_id=caller.call.tracking_id, redirections=redirections
        )
        leg.call = attrs.evolve(leg.call, state=QUEUED)
        waiting = leg.waiting = Waiting(leg, attrs.evolve(self._entry(queue, caller), call_id=leg.call.call_id))
        leg.peer, caller.peer = caller, leg
        line = self._lines.setdefault(queue.user_id, [])
        line.append(waiting)
        self._tell_queue(queue, "CallAdded", waiting.entry, position=len(line), redirections=redirections)
        self._hold_others(caller.owner, caller)
        self._tell(caller, "CallAnsweredEvent", state=ACTIVE, answer_time=caller.call.answer_time or self._now())
        self._distribute()

    # Agents.

    def _distribute(self) -> None:
        """Ask free agents of call centers, each for the next call that rings nowhere."""
        for queue, line in self._lines.items():
            for waiting in line[:]:
                if waiting.leg.owner.kind == CALL_CENTER and waiting in line and not waiting.offers:
                    free = [agent for agent in self.free_agents(self.directory.queue(queue)) if agent not in waiting.refused]
                    caller = waiting.leg.peer
                    if caller is None or caller not in self.legs(caller.owner.user_id):
                        continue  # it is being transferred, or has hung up
                    free = [agent for agent in free if agent != caller.owner.user_id]
                    if free:
                        self.offer(queue, free[0], waiting.entry.call_id)

    def offer(self, queue: str, agent: str, call_id: str = "") -> None:
        """Let a waiting call ring at an agent.

        :raises SwitchError: 403 when it rings there already, or the agent is in a call
        """
        waiting, user = self._named(queue, call_id), self.directory.user(agent)
        caller, owner = waiting.leg.peer, waiting.leg.owner
        if waiting.offers or self.legs(user.user_id) or caller is None or user.kind != "user":
            raise SwitchError(403, CANNOT, f"The call cannot be offered to {agent}")
        self._asked[user.user_id] = max(self._asked.values(), default=0) + 1
        leg = self._new_leg(user, TERMINATOR, self.directory.show(owner, user), tracking_id=caller.call.tracking_id)
        leg.peer, leg.waiting = caller, waiting
        waiting.offers.append(leg)
        info = AcdInfo(
            owner.user_id,
            owner.name,
            owner.number,
            len(self._lines[owner.user_id]),
            (self._now() - waiting.entry.add_time) // 1000,
            self.directory.show(caller.owner, user),
            owner.kind == ROUTE_POINT,
        )
        leg.call = attrs.evolve(leg.call, acd=info)
        self._tell_queue(owner, "CallOfferedToAgent", waiting.entry)
        self._tell(leg, "CallReceivedEvent")

    def answer(self, party: str, call_id: str = "") -> None:
        """As :meth:`BasicCalls.answer`; an agent takes a call out of its queue."""
        owner = self.directory.party(party)
        leg = self._pick(owner, call_id, "No call to answer", lambda leg: leg.ringing, lambda leg: leg.offered)
        waiting, caller = leg.waiting, leg.peer
        if waiting is None or caller is None:
            super().answer(party, leg.call.call_id)
            return
        self._lift(owner)
        waiting.offers.remove(leg)
        leg.waiting = None
        self._tell(leg, "CallAnsweredEvent", state=ACTIVE, answer_time=self._now())
        waiting.entry = attrs.evolve(waiting.entry, answering_user_id=owner.user_id, answering_call_id=leg.call.call_id)
        self._leave(waiting, "CallAnsweredByAgent")
        caller.peer = leg
        if self.variation.colp:
            self._tell(caller, "CallUpdatedEvent", remote=self.directory.show(owner, caller.owner))
        if caller.state == HELD:
            self._tell_far_hold(leg)

    def reject(self, party: str, call_id: str = "", cause: str = "Busy") -> None:
        """As :meth:`BasicCalls.reject`; the call of an agent bounces."""
        leg = self._ringing(self.directory.party(party), call_id)
        if leg.waiting is None:
            super().reject(party, leg.call.call_id, cause)
            return
        waiting, leg.waiting = leg.waiting, None
        self._end(leg, LOCAL_RELEASE)
        self._bounce(waiting, leg)

    def no_answer(self, party: str, call_id: str = "") -> None:
        """As :meth:`BasicCalls.no_answer`; the call of an agent bounces."""
        leg = self._ringing(self.directory.party(party), call_id)
        if leg.waiting is None:
            super().no_answer(party, leg.call.call_id)
            return
        waiting, leg.waiting = leg.waiting, None
        self._redirect(leg.owner, [(leg, waiting.leg.owner.address)], "no-answer")
        self._bounce(waiting, leg)

    def deflect(self, party: str, address: str, call_id: str = "") -> None:
        """As :meth:`BasicCalls.deflect`.

        :raises SwitchError: 403 for an agent's call, which only bounces
        """
        leg = self._ringing(self.directory.party(party), call_id)
        if leg.waiting is not None:
            raise SwitchError(403, CANNOT, "The call belongs to a queue")
        super().deflect(party, address, leg.call.call_id)

    def _bounce(self, waiting: Waiting, offer: Leg) -> None:
        """An agent has not taken the call; it stood among the offers so long, that nobody else was asked before this is told."""
        queue = waiting.leg.owner
        waiting.offers.remove(offer)
        waiting.refused.add(offer.owner.user_id)
        waiting.entry = attrs.evolve(waiting.entry, bounced=True)
        caller = waiting.leg.peer
        if self.rules.bounce_to and caller is not None and caller.state != HELD:
            self._move(waiting, "CallBounced", self.rules.bounce_to, "no-answer")
            return
        self._tell_queue(queue, "CallBounced", waiting.entry, position=self._lines[queue.user_id].index(waiting) + 1)
        self._distribute()

    # The call leaves, or gets another place.

    def overflow(self, queue: str, call_id: str = "") -> None:
        """A call has waited too long."""
        self._move(self._named(queue, call_id), "CallOverflowed", self.rules.overflow_to, "call-center", "time")

    def transfer_waiting(self, queue: str, address: str, call_id: str = "") -> None:
        """A supervisor sends a waiting call elsewhere.

        :raises SwitchError: 403 when nobody answers to ``address``
        """
        waiting = self._named(queue, call_id)
        caller = waiting.leg.peer
        self._target(address, waiting.leg.owner, waiting.leg)
        if caller is None:
            raise SwitchError(404, NO_CALL, "The caller has gone")
        self._move(waiting, "CallTransferred", address, "transfer")

    def strand(self, queue: str, call_id: str = "") -> None:
        """The last agent has left: the call ends."""
        self._drop(self._named(queue, call_id), "CallStranded")

    def release_waiting(self, queue: str, call_id: str = "") -> None:
        """A waiting call is ended by request."""
        self._drop(self._named(queue, call_id), "CallReleased")

    def escape(self, party: str, call_id: str = "") -> None:
        """A caller dials the digit by which it leaves the call center, for the voice mail system.

        :raises SwitchError: 403 when it does not wait in any; route points know no such digit
        """
        caller = self._pick(
            self.directory.party(party),
            call_id,
            "No call that waits",
            lambda leg: leg.peer is not None and leg.peer.queued and leg.state == ACTIVE,
        )
        waiting = caller.peer.waiting if caller.peer is not None else None
        if waiting is None or waiting.leg is not caller.peer or waiting.leg.owner.kind != CALL_CENTER:
            raise SwitchError(403, CANNOT, "No call that waits")
        self._leave(waiting, "CallEscaped")
        self._send_on(caller, waiting.leg.owner, VOICE_PORTAL.user_id, "call-center", waiting.leg.call.redirections)

    def promote(self, queue: str, priority: str, call_id: str = "") -> None:
        """Give a waiting call a higher priority: it goes behind those that have it already.

        :raises SwitchError: 400 for an unknown priority
        """
        waiting = self._named(queue, call_id)
        if priority not in PRIORITIES:
            raise SwitchError(400, CANNOT, f"Unknown priority: {priority}")
        waiting.entry = attrs.evolve(waiting.entry, priority=priority)
        others = [other for other in self.waiting(queue) if other is not waiting]
        place = sum(1 for other in others if other.entry.priority <= priority)
        self._place(waiting, place + 1, "CallPromoted")

    def reorder(self, queue: str, index: int, call_id: str = "") -> None:
        """Move a waiting call to position ``index``, 1 is next.

        :raises SwitchError: 400 for a position that the queue does not have
        """
        waiting = self._named(queue, call_id)
        if not 1 <= int(index) <= len(self.waiting(queue)):
            raise SwitchError(400, CANNOT, f"No such position: {index}")
        waiting.entry = attrs.evolve(waiting.entry, reordered=True)
        self._place(waiting, int(index), "CallReordered")

    def _place(self, waiting: Waiting, position: int, kind: str) -> None:
        line = self._lines[waiting.leg.owner.user_id]
        line.remove(waiting)
        line.insert(position - 1, waiting)
        self._tell_queue(waiting.leg.owner, kind, waiting.entry, position=position)

    def _leave(self, waiting: Waiting, kind: str, **more: Any) -> None:
        """The call waits no longer, and rings nowhere any more."""
        queue = waiting.leg.owner
        self._lines[queue.user_id].remove(waiting)
        waiting.entry = attrs.evolve(waiting.entry, remove_time=self._now())
        self._tell_queue(queue, kind, waiting.entry, **more)
        super()._forget(waiting.leg)
        for offer in waiting.offers[:]:
            self._end(offer, REMOTE_RELEASE)

    def _drop(self, waiting: Waiting, kind: str, **more: Any) -> None:
        """The call leaves the queue and ends."""
        caller = waiting.leg.peer
        self._leave(waiting, kind, **more)
        if caller is not None:
            self._end(caller, REMOTE_RELEASE)

    def _move(self, waiting: Waiting, kind: str, address: str, reason: str, why: str = "") -> None:
        """The call leaves the queue for ``address``, or ends after an announcement."""
        queue, caller = waiting.leg.owner, waiting.leg.peer
        if caller is None or caller.state == HELD:
            raise SwitchError(403, CANNOT, "The caller holds the call")
        self._leave(waiting, kind, redirect=self._redirect_to(queue, address, reason), reason=why, treatment=not address)
        self._send_on(caller, queue, address, reason, waiting.leg.call.redirections)

    def _send_on(self, caller: Leg, queue: User, address: str, reason: str, redirections: tuple[Redirection, ...]) -> None:
        caller.peer = None
        if not address:
            self._end(caller, REMOTE_RELEASE)
            return
        step = Redirection(self.directory.show(queue, caller.owner), reason)
        shown = self.directory.show_dialled(address, caller.owner)
        if caller.call.answer_time:
            self._tell(caller, "CallTransferredEvent", remote=shown, state=ALERTING)
        else:
            self._tell(caller, "CallForwardedEvent", remote=shown if self.variation.colp else caller.call.remote)
        self._route(caller, address, (*redirections, step))

    def _redirect_to(self, queue: User, address: str, reason: str) -> Redirect | None:
        return Redirect(self.directory.show_dialled(address, queue).address, reason, self._now()) if address else None

    # The halves of calls that belong to queues.

    def _tell_queue(self, queue: User, kind: str, entry: QueueEntry, **more: Any) -> None:
        prefix = "ACD" if queue.kind == CALL_CENTER else "RoutePoint"
        self._send(queue, SimEvent(queue.user_id, f"{prefix}{kind}Event", entries=(entry,), **more))

    def _tell(self, leg: Leg, event_type: str, reason: str = "", **changes: Any) -> None:
        """A queue hears that its caller is another one now, and so does the agent at whom it rings."""
        waiting = leg.waiting
        if waiting is None or waiting.leg is not leg:
            super()._tell(leg, event_type, reason, **changes)
            return
        leg.call = attrs.evolve(leg.call, **{**changes, "state": QUEUED})
        if leg.peer is None or "remote" not in changes:
            return
        waiting.entry = attrs.evolve(waiting.entry, tracking_id=leg.call.tracking_id, remote=leg.call.remote)
        self._tell_queue(leg.owner, "CallUpdated", waiting.entry, reason="Call Transferred")
        for offer in waiting.offers:
            offer.peer = leg.peer
            info = attrs.evolve(offer.call.acd, caller=self.directory.show(leg.peer.owner, offer.owner)) if offer.call.acd else None
            self._tell(offer, "CallUpdatedEvent", tracking_id=leg.call.tracking_id, acd=info)

    def _end(self, leg: Leg, releasing_party: str, cause: ReleaseCause | None = None) -> None:
        if leg.waiting is not None and leg.queued:
            self._leave(leg.waiting, "CallAbandoned")
            return
        super()._end(leg, releasing_party, cause)
        acd = leg.call.acd
        if acd is not None and not acd.route_point and leg.call.answer_time and self.agents.state(leg.owner.user_id) is not None:
            self.agents.acd_call_ended(leg.owner.user_id, acd.user_id, leg.call.call_id)

    def _forget(self, leg: Leg) -> None:
        if leg.waiting is not None and leg in leg.waiting.offers:
            leg.waiting.offers.remove(leg)
        super()._forget(leg)
        self._distribute()

    def _plain(self, leg: Leg) -> bool:
        return super()._plain(leg) and not (leg.peer is not None and leg.peer.queued)
