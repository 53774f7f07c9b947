"""The Event Channels of all XSPs as one source of events and one way to send requests.

All channels belong to one channel set of BroadWorks, which sends each event on one of them. Here their streams become one again: every
event is acknowledged at once, delivered once, and in the order of its subscription.

Which subscriptions are ours is told by :meth:`ChannelSet.adopt` and :meth:`ChannelSet.retire`. An event of an unknown one is kept for a
moment, since the answer that tells the new subscription's id may be slower than its first event; then it is a left-over of an earlier
run, and BroadWorks is told to delete it.

An event that none of the channels brings is a gap: its subscription is refreshed, and what came after it waits for the snapshot which
that brings (:mod:`bwconnector.xsi.ordering`). When all channels are lost, every subscription waits for its snapshot.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.task import deferLater
from twisted.logger import Logger

from bwconnector.xsi.channel import Channel, ChannelStatus, State
from bwconnector.xsi.errors import NO_CHANNEL_SET, NoXspAvailable, OutcomeUnknown, Refused, XsiFailure
from bwconnector.xsi.events import SubscriptionEvent, SubscriptionTerminated
from bwconnector.xsi.members import Link, Member, Members
from bwconnector.xsi.ordering import Delivery, Order, Recent
from bwconnector.xsi.orphans import Orphans
from bwconnector.xsi.requests import Request, Response
from bwconnector.xsi.tracing import Trace
from bwconnector.xsi.xsp import TRY_TIMEOUT

__all__ = ["GAP_TIMEOUT", "HEALING_TIMEOUT", "ChannelSet", "Link", "instance_name"]

GAP_TIMEOUT = 0.3
"""Seconds that later events wait for an earlier one, which another channel may still bring."""
HEALING_TIMEOUT = 2.0
"""Seconds that later events wait for the snapshot which makes a gap good; what is late is worse than what is incomplete."""

# How much longer an earlier event of a collective subscription is waited for: its numbers may come out of order without any loss.
_COLLECTIVE_PATIENCE = 5.0
# A T-Server waits longer than this for its response.
_REQUEST_TIMEOUT = 6.0
# Time for the answer to a subscription request to arrive after the subscription's first event.
_STRANGER_TIMEOUT = 2.0
_MAX_STRANGERS = 10_000
# Repetitions come within seconds; these are those of several seconds at 2,000 events a second.
_REMEMBERED_EVENTS = 16_384
_REMEMBERED_SUBSCRIPTIONS = 16_384
# With these another XSP may do better; with all other statuses BroadWorks itself has decided.
_TRY_ELSEWHERE = frozenset((500, 502, 503, 504))


def instance_name(name: str, application: str, instance: str) -> str:
    """The channelSetId, or applicationId, of one connector: ``name`` and twelve digits that stand for all three parameters.

    It stays the same over restarts, since subscriptions outlive channels and are found again by it, and differs between two connectors
    with the same configuration, since BroadWorks would give each only a part of the events, or end the older one's channels.

    :param instance: what tells connectors with equal configuration apart: the host's name, or that of the pod
    """
    digest = hashlib.sha256(f"{name}\0{application}\0{instance}".encode()).hexdigest()[:12]
    # 256 characters are allowed, and '/' cannot stand in a path segment.
    return f"{name[:200].replace('/', '_')}-{digest}"


class ChannelSet:
    """Merges the channels of ``links``.

    :param on_status: called with a channel's status whenever its state changes
    :ivar members: the channels, which may come and go
    :ivar gap_timeout: seconds that later events wait for an earlier one
    :param jitter: see :class:`~bwconnector.xsi.channel.Channel`
    :ivar on_event: called with each event, once and in order, and the name of the link that brought it
    :ivar on_gap: called with the id of a subscription that lost an event and is to be refreshed
    :ivar on_lost: called with the id of a subscription whose gap has not been made good in time, before the events after it
    :ivar on_doubt: called when events may be lost without a trace although a channel was up all the time
    :ivar duplicates: events that had been there before
    :ivar gaps: how often an event was missing for good
    :ivar strangers: events of subscriptions that are not ours
    """

    log = Logger()

    def __init__(
        self,
        clock: Any,
        links: Sequence[Link],
        on_status: Callable[[ChannelStatus], None] = lambda status: None,
        gap_timeout: float = GAP_TIMEOUT,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.on_event: Callable[[SubscriptionEvent, str], None] = lambda event, link: None
        self.on_gap: Callable[[str], None] = lambda subscription_id: None
        self.on_lost: Callable[[str], None] = lambda subscription_id: None
        self.on_doubt: Callable[[], None] = lambda: None
        self.duplicates = 0
        self.gaps = 0
        self.strangers = 0
        self._clock = clock
        self._on_status = on_status
        self.gap_timeout = gap_timeout
        self._jitter = jitter
        self._trace: Trace | None = None
        self.members = Members(clock, self._make_channel)
        for link in links:
            self.members.add(link)
        self._orphans = Orphans(self.members, links[0].settings.channel_set_id if links else "")
        self._waiting: set[Deferred[None]] = set()
        self._any_up = False
        self._were_up: set[Channel] = set()
        self._turn = 0
        self._orders: dict[str, Order] = {}
        self._collective: set[str] = set()
        self._gap_timers: dict[str, Any] = {}
        self._seen = Recent(_REMEMBERED_EVENTS)
        self._retired = Recent(_REMEMBERED_SUBSCRIPTIONS)
        self._unknown: dict[str, list[tuple[SubscriptionEvent, Channel]]] = {}
        self._unknown_timers: dict[str, Any] = {}
        self._unknown_count = 0

    def start(self) -> None:
        self.members.start()

    def stop(self) -> Deferred[None]:
        """Delete all channels and close all connections; fires when that is done, after 2 s at most."""

        def stopped(_: object) -> Deferred[Any]:
            for timer in (*self._gap_timers.values(), *self._unknown_timers.values()):
                timer.cancel()
            self._gap_timers.clear()
            self._unknown_timers.clear()
            self._unknown.clear()
            self._unknown_count = 0
            for waiting in list(self._waiting):
                waiting.cancel()
            for channel in self.members:
                channel.acks.close()
            return DeferredList([channel.xsp.close() for channel in self.members])

        return DeferredList(self.members.stop()).addCallback(stopped).addCallback(lambda _: None)

    @property
    def up_count(self) -> int:
        return self.members.up_count

    @property
    def remembered(self) -> int:
        """Ids of events and of ended subscriptions by which repeats and stragglers are told."""
        return len(self._seen) + len(self._retired)

    @property
    def statuses(self) -> tuple[ChannelStatus, ...]:
        """Of all channels, in the order of the links."""
        return self.members.statuses

    def read_at(self, link: str) -> float:
        """Clock time at which the stream of ``link`` was read last; now, if that stream is not there any more."""
        channel = self.members.by_link.get(link)
        return channel.read_at if channel is not None and channel.read_at else self._clock.seconds()

    def _make_channel(self, link: Link) -> Channel:
        channel = Channel(self._clock, link.xsp, link.acks, link.settings, self._receive, self._changed, self._jitter)
        self._let_show(channel)
        return channel

    def _let_show(self, channel: Channel) -> None:
        if self._trace is not None:
            channel.trace = channel.acks.trace = channel.xsp.trace = self._trace

    def show(self, trace: Trace) -> None:
        """Show ``trace`` everything that passes from now on, on all channels and in all requests."""
        self._trace = trace
        for channel in self.members:
            self._let_show(channel)

    def reopen(self, link: str, reason: str) -> bool:
        """Give up the channel of ``link`` and open another one; False if it is not up, or only just."""
        return any(channel.reopen(reason) for channel in self.members if channel.link == link)

    def adopt(self, subscription_id: str, snapshots: bool = True, collective: bool = False, first: int = 1) -> None:
        """From now on this subscription is ours, and so is what has come of it already.

        :param snapshots: a refresh makes it tell everything anew
        :param collective: it tells of many users, which BroadWorks may number out of order although nothing is lost
        :param first: sequence number of the event that comes next
        """
        if subscription_id in self._orders:
            return
        self._orders[subscription_id] = Order(snapshots, first)
        if collective:
            self._collective.add(subscription_id)
        for event, channel in self._release_unknown(subscription_id):
            self._receive(event, channel)

    def retire(self, subscription_id: str) -> None:
        """This subscription is no longer ours; if BroadWorks sends more of it, it is told to delete it."""
        if self._orders.pop(subscription_id, None) is not None:
            self._retired.add(subscription_id)
            self._collective.discard(subscription_id)
            self._cancel_gap_timer(subscription_id)

    async def perform(self, request: Request) -> Response:
        """Send a request to the XSPs whose channels are up, one after the other, until one of them answers; 6 s in all.

        What may already have been done is only repeated if ``request`` is safe.

        :raises Refused: BroadWorks said no
        :raises OutcomeUnknown: it was sent, but no answer came
        :raises NoXspAvailable: nothing was sent, as no channel is up, or none of those XSPs could be reached
        """
        deadline = self._clock.seconds() + _REQUEST_TIMEOUT
        untried = self.members.askable()
        if untried:
            self._turn += 1
            start = self._turn % len(untried)
            untried = untried[start:] + untried[:start]
        failure: XsiFailure = NoXspAvailable("no event channel is up: see the log for why the XSPs cannot be used")
        while untried:
            member = min(untried, key=lambda each: each.budget.wait)
            untried.remove(member)
            try:
                await self._moment(member, deadline)
                return await member.channel.xsp.perform(request, min(TRY_TIMEOUT, deadline - self._clock.seconds()))
            except NoXspAvailable as unreachable:
                # Nothing was sent to this one, so what another one said remains the last word.
                failure = unreachable if isinstance(failure, NoXspAvailable) else failure
            except OutcomeUnknown as unknown:
                failure = unknown
                if not request.safe:
                    break
            except Refused as refused:
                failure = refused
                if refused.error_code == NO_CHANNEL_SET:
                    self._reopen()
                if not request.safe or refused.status not in _TRY_ELSEWHERE:
                    break
        raise failure

    async def _moment(self, member: Member, deadline: float) -> None:
        """Wait until this XSP may get another request.

        :raises NoXspAvailable: that would be too late, or the channel has gone meanwhile
        """
        channel, budget = member.channel, member.budget
        if self._clock.seconds() + budget.wait >= deadline:
            raise NoXspAvailable(f"XSP {channel.link} was not asked in time; if it was the request-rate of its link, raise that")
        if wait := budget.take():
            waiting: Deferred[None] = deferLater(self._clock, wait)
            self._waiting.add(waiting)
            try:
                await waiting
            except CancelledError:
                raise NoXspAvailable("the connector stops") from None
            finally:
                self._waiting.discard(waiting)
            if not channel.up:
                raise NoXspAvailable(f"event channel {channel.link} was lost before the request could be sent")

    def _reopen(self) -> None:
        """BroadWorks has forgotten the channel set, so no channel will bring an event any more, however alive it seems."""
        for channel in self.members:
            channel.reopen("BroadWorks does not know the channel set any more")

    # Events.

    def _changed(self, channel: Channel) -> None:
        were_up, self._any_up = self._any_up, bool(self.up_count)
        if were_up and not self._any_up:
            self._lose_all()
        if self._trace is not None:
            self._trace(channel.link, "state", channel.status)
        self._on_status(channel.status)
        if channel.up:
            self._were_up.add(channel)
        elif channel in self._were_up:
            self._were_up.discard(channel)
            if channel.status.state is State.BACKOFF and self._any_up and self._may_have_lost(channel):
                self.log.info("link {link} failed when no other one had been up for long: all devices are looked at", link=channel.link)
                self.on_doubt()
        if self.members.running:
            self._orphans.changed(channel)
            self.members.settle()

    def _may_have_lost(self, lost: Channel) -> bool:
        """What BroadWorks sent down a channel that was dead already goes to another one; not if there was none then.

        It may have been dead since it was last read. Heartbeats bound how long ago that is, but they may be off.
        """
        alive = lost.read_at - TRY_TIMEOUT
        return not any(channel.up and channel.status.since <= alive for channel in self.members)

    def _lose_all(self) -> None:
        """No channel is left: what has come is all there will be, and what comes later follows on something unknown."""
        for subscription_id, order in list(self._orders.items()):
            ready = order.release()
            order.lose()
            self._cancel_gap_timer(subscription_id)
            self._deliver_all(ready)

    def _receive(self, event: SubscriptionEvent, channel: Channel) -> None:
        order = self._orders.get(event.subscription_id)
        if order is None:
            self._keep_unknown(event, channel)
            return
        if event.event_id:
            channel.acks.send(event.event_id)
            if not self._seen.add(event.event_id):
                self.duplicates += 1
                return
        was_lost = order.lost
        ready = order.add(event, channel.link)
        if order.lost is not was_lost:
            # A snapshot has come, or is needed; first the timer: delivering may retire this subscription.
            self._cancel_gap_timer(event.subscription_id)
            if order.lost:
                self.on_gap(event.subscription_id)
        self._watch(event.subscription_id, order)
        if ready is None:
            self.duplicates += 1
        else:
            self._deliver_all(ready)

    def _watch(self, subscription_id: str, order: Order) -> None:
        """Let what is held back wait for so long, and no longer."""
        if not order.waiting:
            self._cancel_gap_timer(subscription_id)
        elif subscription_id not in self._gap_timers:
            patience = _COLLECTIVE_PATIENCE if subscription_id in self._collective else 1.0
            timeout = HEALING_TIMEOUT if order.lost else self.gap_timeout * patience
            self._gap_timers[subscription_id] = self._clock.callLater(timeout, self._overdue, subscription_id)

    def _overdue(self, subscription_id: str) -> None:
        """What is missing has not come. A snapshot that has come makes it good; else one is asked for, and waited for once."""
        del self._gap_timers[subscription_id]
        order = self._orders[subscription_id]
        ready = order.skip()
        gap = not ready and not order.lost
        if gap:
            self.gaps += 1
            if not order.lose():
                ready = order.release()
        elif not ready:
            ready = order.release()
            self.on_lost(subscription_id)
        self._watch(subscription_id, order)
        self._deliver_all(ready)
        if gap and subscription_id in self._orders:
            # After the delivery: what is asked for now is newer than what has waited.
            self.on_gap(subscription_id)

    def _deliver_all(self, ready: list[Delivery]) -> None:
        for event, link in ready:
            self._deliver(event, link)

    def _deliver(self, event: SubscriptionEvent, link: str) -> None:
        try:
            self.on_event(event, link)
        except Exception:
            # A fault in what one event means must not cost the stream that brings all others.
            self.log.failure(
                "event {event_id} of subscription {subscription} was not understood",
                event_id=event.event_id,
                subscription=event.subscription_id,
            )

    def _cancel_gap_timer(self, subscription_id: str) -> None:
        timer = self._gap_timers.pop(subscription_id, None)
        if timer is not None:
            timer.cancel()

    # Events of unknown subscriptions.

    def _keep_unknown(self, event: SubscriptionEvent, channel: Channel) -> None:
        if event.subscription_id in self._retired:
            self._disown(event, channel)
        elif self._unknown_count >= _MAX_STRANGERS:
            # Acknowledged without being kept: should it be ours after all, its number is missing and the subscription will be refreshed.
            self.strangers += 1
            channel.acks.send(event.event_id)
        else:
            self._unknown_count += 1
            self._unknown.setdefault(event.subscription_id, []).append((event, channel))
            if event.subscription_id not in self._unknown_timers:
                self._unknown_timers[event.subscription_id] = self._clock.callLater(
                    _STRANGER_TIMEOUT, self._disown_all, event.subscription_id
                )

    def _release_unknown(self, subscription_id: str) -> list[tuple[SubscriptionEvent, Channel]]:
        kept = self._unknown.pop(subscription_id, [])
        self._unknown_count -= len(kept)
        timer = self._unknown_timers.pop(subscription_id, None)
        if timer is not None and timer.active():
            timer.cancel()
        return kept

    def _disown_all(self, subscription_id: str) -> None:
        self._retired.add(subscription_id)
        for event, channel in self._release_unknown(subscription_id):
            self._disown(event, channel)

    def _disown(self, event: SubscriptionEvent, channel: Channel) -> None:
        self.strangers += 1
        if not event.event_id:
            return
        if isinstance(event.data, SubscriptionTerminated):
            channel.acks.send(event.event_id)
        else:
            channel.acks.send(event.event_id, 481, "Unknown subscription")
