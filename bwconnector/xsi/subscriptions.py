"""The event packages of each monitored device, subscribed once however many monitors want them, and kept subscribed.

Whatever may be wrong with a subscription (it is due, lost an event, ended, could not be opened, all channels were lost) has one remedy:
renew it if BroadWorks knows it, which also brings its initial event, and subscribe anew if not. So all of these only mark it as due.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from math import inf
from typing import Any

import attrs
from twisted.application.internet import backoffPolicy
from twisted.internet.defer import Deferred, DeferredSemaphore, ensureDeferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from bwconnector.xsi.agenda import Agenda
from bwconnector.xsi.answers import read_subscription
from bwconnector.xsi.budget import Backlog
from bwconnector.xsi.errors import NO_CHANNEL_SET, NO_SUBSCRIPTION, NoXspAvailable, OutcomeUnknown, Refused, XsiFailure
from bwconnector.xsi.eventrequests import TargetKind, delete_subscription, renew_subscription, subscribe
from bwconnector.xsi.events import SubscriptionEvent, SubscriptionTerminated
from bwconnector.xsi.opening import NEVER
from bwconnector.xsi.requests import Request, Response
from bwconnector.xsi.subscribing import Channels, First, Subscription, SubscriptionSettings, SubscriptionStatus

__all__ = ["Channels", "SubscriptionSettings", "SubscriptionStatus", "Subscriptions"]

_ROUTED = "Route Point Queue"
# Their initial event is a CallSubscriptionEvent: everything that there is.
_WITH_SNAPSHOTS = frozenset(("Basic Call", "Standard Call", "Advanced Call"))
# Further packages that are refreshed as regularly as calls: an agent who seems to be busy gets no calls.
_REFRESHED = frozenset(("Call Center Agent",))
# Enough for a new channel, which the channel set opens when it hears that BroadWorks knows none.
_CHANNEL_SET_WAIT = 2.0
_RESYNC_SPREAD = 600.0
# The user does not have the service, or this release does not have the package.
_FINAL = frozenset((400, 403, 404, 405, 501))
# Requests at a time; beyond these an XSP only queues them. What somebody waits for does not queue behind the rest, of which there may be
# very much: all subscriptions after the loss of all channels, all further packages after a start.
_WAITED_FOR_UNDER_WAY = 32
_OTHERS_UNDER_WAY = 16


class Subscriptions:
    """Implements SubscriptionPort of :mod:`bwconnector.bridge.ports` for targets that are users.

    :param kind: what the targets are; those of other kinds than ``user`` have many devices each, and no initial events
    :param on_event: called with the target as it was subscribed, and the event with its ``target_id`` filled in
    :param uniform: random number between two bounds, to spread renewals
    :ivar on_lost: called with a target of which an event is lost that no refresh has made good in time
    :ivar on_opened: called with target and package when BroadWorks has given a new subscription
    """

    log = Logger()

    def __init__(
        self,
        clock: Any,
        channels: Channels,
        settings: SubscriptionSettings,
        on_event: Callable[[str, SubscriptionEvent], None],
        uniform: Callable[[float, float], float] = random.uniform,
        kind: TargetKind = "user",
    ) -> None:
        self._kind = kind
        self._clock = clock
        self._channels = channels
        self._settings = settings
        self._on_event = on_event
        self.on_lost: Callable[[str], None] = lambda target: None
        self.on_opened: Callable[[str, str], None] = lambda target, package: None
        self._uniform = uniform
        self._retry_delay = backoffPolicy(initialDelay=1.0, maxDelay=60.0, factor=2.0, jitter=lambda: uniform(0.0, 1.0))
        self._targets: dict[str, First] = {}
        self._by_id: dict[str, Subscription] = {}
        self._ailing: dict[Subscription, str] = {}
        """Those that are wanted, and have ended or could not be cared for; why."""
        self._refusals: dict[frozenset[str], frozenset[str]] = {}
        self._waited_for = DeferredSemaphore(_WAITED_FOR_UNDER_WAY)
        self._awaited = 0
        """Requests that somebody waits for, under way or in the queue."""
        self._backlog = Backlog(_OTHERS_UNDER_WAY, lambda: self._awaited > 0)
        self._agenda: Agenda[Subscription] = Agenda(clock, self._care_for, lambda each: each.due if each.wanted else inf)
        self._stopped = False
        channels.on_event = self._receive
        channels.on_gap = self._gap
        channels.on_lost = self._lost

    @property
    def live(self) -> int:
        """Subscriptions that BroadWorks has."""
        return len(self._by_id)

    def statuses(self, target: str = "") -> Iterator[SubscriptionStatus]:
        """Of one target, or of all."""
        for name in (target,) if target else list(self._targets):
            first = self._targets.get(name)
            if first is not None:
                yield from map(self._status, first.all)
                yield from (SubscriptionStatus(name, package, refused=True) for package in sorted(first.refused))

    @property
    def ailing(self) -> tuple[SubscriptionStatus, ...]:
        """Those of first packages that BroadWorks does not have, or whose grant is over, as they could not be renewed."""
        now = self._clock.seconds()
        return tuple(self._status(each) for each in self._ailing if isinstance(each, First) and (not each.id or each.expires <= now))

    def _status(self, each: Subscription) -> SubscriptionStatus:
        return SubscriptionStatus(each.target, each.package, each.id, each.expires, trouble=self._ailing.get(each, ""))

    def resume(self, subscription_id: str, target: str, package: str, number: int) -> None:
        """Take up a subscription that BroadWorks has already, whose next event has the sequence number ``number``."""
        first = self._targets.get(target)
        subscription: Subscription
        if first is None:
            subscription = self._targets[target] = First(target, package, subscription_id)
        else:
            subscription = Subscription(target, package, subscription_id)
            first.further += (subscription,)
        self._by_id[subscription_id] = subscription
        collective = self._kind != "user"
        self._channels.adopt(subscription_id, package in _WITH_SNAPSHOTS and not collective, collective, number)

    def wants(self, target: str) -> bool:
        """Somebody wants events of the target."""
        return target in self._targets

    def only_changes(self, target: str) -> bool:
        """False: each package of a user tells its state at first."""
        return False

    def subscribed(self, target: str) -> bool:
        """BroadWorks has the subscription to the target's first package."""
        first = self._targets.get(target)
        return first is not None and bool(first.id)

    async def subscribe(self, target: str, packages: Sequence[str]) -> None:
        """Want these packages, as others may do already; finishes when BroadWorks has the first one.

        :raises XsiFailure: it was refused or could not be asked; nothing needs to be released then
        """
        known = self._targets.get(target)
        first = known or self._targets.setdefault(target, First(target, packages[0]))
        for package in packages:
            if first.of(package) is None and (package == packages[0] or package not in first.refused):
                first.further += (Subscription(target, package),)
        wanted = first.of(packages[0])
        assert wanted is not None
        try:
            await self._open(wanted, self._waited_for)
        except Exception:
            if known is None and self._targets.get(target) is first:
                self.release(target)
            raise
        for subscription in first.all:
            if subscription.wanted and not (subscription.id or subscription.busy):
                self._care_for(subscription)

    def release(self, target: str) -> None:
        """Nobody wants the target any more: all its subscriptions end."""
        first = self._targets.pop(target, None)
        if first is None:
            return
        for subscription in first.all:
            subscription.wanted = False
            self._ailing.pop(subscription, None)
            if subscription.id:
                self._delete(self._forget(subscription))

    async def refresh(self, target: str) -> None:
        """Have BroadWorks send the initial event of the first package again; finishes when it has accepted that.

        A target that is not wanted (any more) has nothing to refresh.

        :raises XsiFailure: it was refused or could not be asked
        """
        first = self._targets.get(target)
        if first is not None:
            await self._renew(first, self._waited_for)

    def channels_restored(self) -> None:
        """A channel is up again after all were lost: what happened in between is not known, so everything is refreshed, calls first."""
        for subscription in (*self._targets.values(), *(each for first in self._targets.values() for each in first.further)):
            self._care_for(subscription)

    def change(self, settings: SubscriptionSettings) -> None:
        """What holds from now on: refreshes come earlier at once, and later after the next one."""
        before, self._settings = self._settings, settings
        if settings.resync_interval in (0, before.resync_interval):
            return
        for subscription in [each for first in self._targets.values() for each in first.all if _refreshed(each)]:
            due = settings.resync_interval + self._uniform(0.0, _RESYNC_SPREAD)
            if subscription.id and not subscription.busy and subscription.due > self._clock.seconds() + due:
                self._at(subscription, due)

    def stop(self) -> None:
        """Renew nothing more. The subscriptions are left to BroadWorks: the next start replaces them, or they expire."""
        self._stopped = True
        self._targets.clear()
        self._ailing.clear()
        self._agenda.clear()
        self._backlog.clear()

    # What comes from the channels.

    def _receive(self, event: SubscriptionEvent, link: str) -> None:
        subscription = self._by_id.get(event.subscription_id)
        if subscription is None:
            return
        if isinstance(event.data, SubscriptionTerminated):
            self._forget(subscription)
            self._ailing[subscription] = "BroadWorks has ended it"
            self._retry(subscription)
        else:
            self._on_event(subscription.target, event if event.target_id else attrs.evolve(event, target_id=subscription.target))

    def _gap(self, subscription_id: str) -> None:
        subscription = self._by_id.get(subscription_id)
        if subscription is not None:
            self._care_for(subscription, self._waited_for)

    def _lost(self, subscription_id: str) -> None:
        subscription = self._by_id.get(subscription_id)
        if subscription is not None:
            self.on_lost(subscription.target)

    # The remedy.

    def _care_for(self, subscription: Subscription, slots: DeferredSemaphore | None = None) -> None:
        """Renew it, or subscribe anew; when that is under way already, once more after it, since it may have been sent too early."""
        if subscription.busy:
            subscription.again = True
        else:
            subscription.busy = True
            cure = partial(self._cure, subscription, slots)
            if slots is None:
                self._backlog.add(cure)
            else:
                ensureDeferred(cure()).addErrback(lambda failure: self.log.failure("care for a subscription failed", failure))

    async def _cure(self, subscription: Subscription, slots: DeferredSemaphore | None) -> None:
        try:
            if subscription.wanted:
                await self._renew(subscription, slots)
        except XsiFailure as failure:
            self._failed(subscription, failure)
            # The frames of its traceback refer to it. Such cycles, one for each package that a user does not have, would fill the memory
            # until the garbage collector looks at them.
            failure.__traceback__ = None
        finally:
            subscription.busy = False
        if subscription.again:
            subscription.again = False
            if subscription.wanted:
                self._care_for(subscription, slots)

    def _failed(self, subscription: Subscription, failure: XsiFailure) -> None:
        told = {"device": subscription.target, "package": subscription.package, "reason": str(failure)}
        first = isinstance(subscription, First)
        if not first and isinstance(failure, Refused) and failure.status in _FINAL and failure.error_code != NO_CHANNEL_SET:
            self._give_up(subscription)
            self._ailing.pop(subscription, None)
            self.log.debug("no events of {package} from {device}: {reason}", **told)
            return
        self._ailing[subscription] = str(failure)
        if first and not subscription.failures and not isinstance(failure, NoXspAvailable):
            self.log.warn("{device} is not subscribed to {package} at present, will be tried again: {reason}", **told)
        self._retry(subscription)

    def _give_up(self, subscription: Subscription) -> None:
        """The user does not have this package."""
        subscription.wanted = False
        first = self._targets.get(subscription.target)
        if first is not None and subscription in first.further:
            first.further = tuple(each for each in first.further if each is not subscription)
            refused = first.refused | {subscription.package}
            # most users lack the same few packages: one set serves them all
            first.refused = self._refusals.setdefault(refused, refused)

    def _retry(self, subscription: Subscription) -> None:
        if subscription.wanted:
            self._at(subscription, self._retry_delay(subscription.failures))
            subscription.failures += 1
        else:
            self._ailing.pop(subscription, None)

    async def _renew(self, subscription: Subscription, slots: DeferredSemaphore | None) -> None:
        subscription_id = subscription.id
        if not subscription_id:
            await self._open(subscription, slots)
            return
        try:
            response = await self._perform(renew_subscription(subscription_id, self._settings.expires), slots)
        except Refused as refused:
            if refused.status != 404 and refused.error_code not in (NO_SUBSCRIPTION, NO_CHANNEL_SET):
                raise
            if subscription.id == subscription_id:
                self._forget(subscription)
            if subscription.wanted:
                await self._open(subscription, slots)
            return
        if subscription.id == subscription_id:
            subscription.failures = 0
            self._renew_later(subscription, read_subscription(response.body).expires)

    async def _open(self, subscription: Subscription, slots: DeferredSemaphore | None) -> None:
        """Subscribe, unless it is; one request serves all who wait for it."""
        if subscription.id:
            return
        waiting: Deferred[XsiFailure | None] = Deferred()
        if subscription.opening is None:
            subscription.opening = [waiting]
            ensureDeferred(self._outcome(subscription, slots)).addBoth(self._asked, subscription)
        else:
            subscription.opening.append(waiting)
        failure = await waiting
        if failure is not None:
            raise failure

    async def _outcome(self, subscription: Subscription, slots: DeferredSemaphore | None) -> XsiFailure | None:
        """Why BroadWorks does not have it, if that is so: a value, since a Deferred that fails makes a cycle of objects."""
        try:
            await self._ask(subscription, slots)
        except XsiFailure as failure:
            return failure
        return None

    def _asked(self, result: Any, subscription: Subscription) -> None:
        waiting, subscription.opening = subscription.opening or [], None
        for each in waiting:
            if isinstance(result, Failure):
                each.errback(result)
            else:
                each.callback(result)

    async def _ask(self, subscription: Subscription, slots: DeferredSemaphore | None) -> None:
        settings = self._settings
        request = subscribe(
            self._kind,
            subscription.target,
            subscription.package,
            settings.expires,
            settings.channel_set_id,
            settings.application_of(subscription.package),
        )
        try:
            response = await self._perform(request, slots)
        except Refused as refused:
            if refused.error_code != NO_CHANNEL_SET or self._stopped:
                raise
            await deferLater(self._clock, _CHANNEL_SET_WAIT)
            response = await self._perform(request, slots)
        grant = read_subscription(response.body)
        if not grant.id:
            raise OutcomeUnknown(
                f"BroadWorks accepted the subscription of {subscription.target} to {subscription.package}, but gave it no id"
            )
        if subscription.wanted:
            subscription.id = grant.id
            self._by_id[grant.id] = subscription
            self._renew_later(subscription, grant.expires)
            collective = self._kind != "user"
            self._channels.adopt(grant.id, subscription.package in _WITH_SNAPSHOTS and not collective, collective)
            self.on_opened(subscription.target, subscription.package)
        elif grant.id not in self._by_id:
            self._delete(grant.id)

    def _forget(self, subscription: Subscription) -> str:
        """It is no longer ours; returns the id it had."""
        subscription_id, subscription.id = subscription.id, ""
        self._by_id.pop(subscription_id, None)
        self._channels.retire(subscription_id)
        return subscription_id

    def _delete(self, subscription_id: str) -> None:
        # If this fails, BroadWorks is told to delete it with the next event that it sends of it.
        self._backlog.add(partial(self._end, subscription_id))

    async def _end(self, subscription_id: str) -> None:
        with suppress(XsiFailure):
            await self._perform(delete_subscription(subscription_id), None)

    async def _perform(self, request: Request, slots: DeferredSemaphore | None) -> Response:
        """:param slots: who waits for it; None for work from the backlog"""
        if slots is None:
            return await self._channels.perform(request)
        self._awaited += 1
        try:
            await slots.acquire()
            try:
                return await self._channels.perform(request)
            finally:
                slots.release()
        finally:
            self._awaited -= 1
            if not self._awaited:
                self._backlog.begin()

    # When it is due.

    def _renew_later(self, subscription: Subscription, granted: int) -> None:
        expires = granted or self._settings.expires
        delays = []
        self._ailing.pop(subscription, None)
        subscription.expires = inf
        if expires < NEVER:
            subscription.expires = self._clock.seconds() + expires
            delays.append(expires / 2 * self._uniform(0.9, 1.0))
        if _refreshed(subscription) and self._settings.resync_interval:
            delays.append(self._settings.resync_interval + self._uniform(0.0, _RESYNC_SPREAD))
        if delays:
            self._at(subscription, min(delays))

    def _at(self, subscription: Subscription, delay: float) -> None:
        if self._stopped:
            return  # this is the end of a request that was under way
        subscription.due = self._clock.seconds() + delay
        self._agenda.add(subscription)


def _refreshed(subscription: Subscription) -> bool:
    """Whether it is refreshed at intervals although nothing seems to be wrong."""
    return isinstance(subscription, First) or subscription.package in _REFRESHED
