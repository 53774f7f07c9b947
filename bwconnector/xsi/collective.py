"""One subscription per event package for a whole group or enterprise, in place of one per device and package.

BroadWorks tells no initial state of such a subscription, not even when it is renewed: what is going on at a device is asked for by
requests instead, when somebody begins to want the device, at intervals, and whenever an event was lost. Devices outside of the group or
enterprise are subscribed one by one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any

import attrs
from twisted.internet.defer import DeferredSemaphore, ensureDeferred
from twisted.logger import Logger

from bwconnector.xsi.budget import Backlog
from bwconnector.xsi.errors import Refused, XsiFailure
from bwconnector.xsi.eventrequests import TargetKind
from bwconnector.xsi.events import CallEvent, CallSubscription, EventData, SubscriptionEvent
from bwconnector.xsi.present import PRESENT
from bwconnector.xsi.requests import Request, Response
from bwconnector.xsi.subscribing import Channels, SubscriptionSettings, SubscriptionStatus
from bwconnector.xsi.subscriptions import Subscriptions

__all__ = ["CollectiveSubscriptions", "Scope"]

_READ_AT_A_TIME = 16
"""Devices whose present is asked for at a time while nobody waits for it; beyond that an XSP only queues the requests."""

_BIRTHS = frozenset({"CallOriginatedEvent", "CallOriginatingEvent", "CallReceivedEvent"})

_RETRY = 10.0
"""Seconds until a device is asked for again whose present could not be had."""


@attrs.frozen(slots=True)
class Scope:
    """What one subscription covers.

    :ivar kind: ``group`` or ``enterprise``
    :ivar id: ``<service provider>/<group>``, or the enterprise
    """

    kind: TargetKind
    id: str


@attrs.define(slots=True, eq=False)
class _Device:
    """A device of the scope that somebody wants.

    :ivar packages: the first one tells its calls
    :ivar held: events that came while its present is being asked for; they follow it
    :ivar legs: callIds of its present, and those that have begun since; None before it was asked for
    """

    packages: tuple[str, ...]
    held: list[SubscriptionEvent] | None = None
    again: bool = False
    legs: set[str] | None = None

    def stale(self, data: EventData) -> bool:
        """An event of a leg that is over according to a later answer: streams are slower than answers, or bring an event a second time."""
        if not isinstance(data, CallEvent) or self.legs is None:
            return False
        told = {call.call_id for call in data.calls}
        if data.type in _BIRTHS:
            self.legs |= told
        return not told <= self.legs


class _Part:
    """The channel set as one of the two sorts of subscriptions sees it."""

    def __init__(self, whole: _Channels) -> None:
        self.on_event: Callable[[SubscriptionEvent, str], None] = lambda event, link: None
        self.on_gap: Callable[[str], None] = lambda subscription_id: None
        self.on_lost: Callable[[str], None] = lambda subscription_id: None
        self._whole = whole

    def adopt(self, subscription_id: str, snapshots: bool = True, collective: bool = False, first: int = 1) -> None:
        self._whole.owners[subscription_id] = self
        self._whole.channels.adopt(subscription_id, snapshots, collective, first)

    def retire(self, subscription_id: str) -> None:
        self._whole.channels.retire(subscription_id)
        self._whole.owners.pop(subscription_id, None)

    async def perform(self, request: Request) -> Response:
        return await self._whole.channels.perform(request)


class _Channels:
    """Shares the channel set among parts: what comes of a subscription goes to the part that it belongs to."""

    def __init__(self, channels: Channels) -> None:
        self.channels = channels
        self.owners: dict[str, _Part] = {}
        channels.on_event = self._event
        channels.on_gap = lambda subscription_id: self.owners[subscription_id].on_gap(subscription_id)
        channels.on_lost = lambda subscription_id: self.owners[subscription_id].on_lost(subscription_id)

    def _event(self, event: SubscriptionEvent, link: str) -> None:
        owner = self.owners.get(event.subscription_id)
        if owner is not None:
            owner.on_event(event, link)


class CollectiveSubscriptions:
    """Implements SubscriptionPort of :mod:`bwconnector.bridge.ports` like :class:`~bwconnector.xsi.subscriptions.Subscriptions` does.

    :param covers: tells whether a target belongs to the scope
    :param on_event: called with the target, and the event with its ``target_id`` filled in
    :ivar on_lost: called with a target of which an event may be lost, and whose present could not be asked for
    """

    log = Logger()

    def __init__(
        self,
        clock: Any,
        channels: Channels,
        settings: SubscriptionSettings,
        scope: Scope,
        covers: Callable[[str], bool],
        on_event: Callable[[str, SubscriptionEvent], None],
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._scope = scope
        self._covers = covers
        self._on_event = on_event
        self.on_lost: Callable[[str], None] = lambda target: None
        shared = _Channels(channels)
        part = _Part(shared)
        # Its refreshes would bring nothing: devices are asked for one by one, below.
        self._common = Subscriptions(clock, part, attrs.evolve(settings, resync_interval=0), self._receive, kind=scope.kind)
        self._common.on_opened = self._opened
        part.on_gap = self._gap
        self._single = Subscriptions(clock, _Part(shared), settings, on_event)
        self._single.on_lost = lambda target: self.on_lost(target)
        self._perform = part.perform
        self._devices: dict[str, _Device] = {}
        self._opened_before: set[str] = set()
        self._turns: dict[str, None] = {}
        """The devices, in the order in which they are asked for next."""
        self._turn: Any = None
        self._timers: set[Any] = set()
        self._waited_for = DeferredSemaphore(_READ_AT_A_TIME)
        self._backlog = Backlog(_READ_AT_A_TIME)
        self._stopped = False

    @property
    def live(self) -> int:
        """Subscriptions that BroadWorks has."""
        return self._common.live + self._single.live

    def statuses(self, target: str = "") -> Iterator[SubscriptionStatus]:
        """Of those that bring the events of one target, or of all."""
        if not target or target in self._devices:
            yield from self._common.statuses()
        if target not in self._devices:
            yield from self._single.statuses(target)

    @property
    def ailing(self) -> tuple[SubscriptionStatus, ...]:
        """Those of first packages that BroadWorks does not have, or whose grant is over, as they could not be renewed."""
        return (*self._common.ailing, *self._single.ailing)

    def resume(self, subscription_id: str, target: str, package: str, first: int) -> None:
        """Take up a subscription that brings events of ``target``, whose next event has the sequence number ``first``."""
        if self._covers(target):
            self._devices.setdefault(target, _Device((package,)))
            self._common.resume(subscription_id, self._scope.id, package, first)
        else:
            self._single.resume(subscription_id, target, package, first)

    def wants(self, target: str) -> bool:
        """Somebody wants events of the target."""
        return target in self._devices or self._single.wants(target)

    def only_changes(self, target: str) -> bool:
        """The target's services tell no state at first, only what changes."""
        return target in self._devices

    def subscribed(self, target: str) -> bool:
        """The events of the target come."""
        if target in self._devices:
            return self._common.subscribed(self._scope.id)
        return self._single.subscribed(target)

    async def subscribe(self, target: str, packages: Sequence[str]) -> None:
        """Want these packages; finishes when BroadWorks has the subscription that brings the first one.

        :raises XsiFailure: it was refused or could not be asked; nothing needs to be released then
        """
        if not self._covers(target):
            await self._single.subscribe(target, packages)
            return
        known = self._devices.get(target)
        device = self._devices.setdefault(target, _Device(tuple(packages)))
        try:
            await self._common.subscribe(self._scope.id, packages)
        except Exception:
            if known is None and self._devices.get(target) is device:
                self.release(target)
            raise
        if known is None and self._devices.get(target) is device:
            self._turns[target] = None
            self._arm()
            self._read_later(target)

    def release(self, target: str) -> None:
        """Nobody wants the target any more; with the last one of the scope its subscriptions end."""
        self._turns.pop(target, None)
        if self._devices.pop(target, None) is None:
            self._single.release(target)
        elif not self._devices:
            self._opened_before.clear()
            self._common.release(self._scope.id)

    async def refresh(self, target: str) -> None:
        """Have what is going on at the target told as an event; finishes when BroadWorks was asked for it.

        :raises XsiFailure: it was refused or could not be asked
        """
        if target in self._devices:
            await self._waited_for.run(lambda: ensureDeferred(self._read(target)))
        else:
            await self._single.refresh(target)

    def channels_restored(self) -> None:
        """A channel is up again after all were lost: what happened in between is not known, so every device is asked for."""
        self._common.channels_restored()
        self._single.channels_restored()
        self._read_all()

    def stop(self) -> None:
        """Renew nothing more. The subscriptions are left to BroadWorks: the next start replaces them, or they expire."""
        self._stopped = True
        self._common.stop()
        self._single.stop()
        self._devices.clear()
        self._turns.clear()
        self._backlog.clear()
        for timer in chain(self._timers, [self._turn] if self._turn is not None else []):
            timer.cancel()
        self._timers.clear()
        self._turn = None

    # What comes from the channels.

    def _receive(self, scope: str, event: SubscriptionEvent) -> None:
        # The owner of a subscription is its own target where no other is named.
        target = event.target_id if event.target_id != scope else event.owner_id
        device = self._devices.get(target)
        if device is None:
            return
        if device.held is not None:
            device.held.append(event)
        else:
            self._pass_on(target, device, event)

    def _pass_on(self, target: str, device: _Device, event: SubscriptionEvent) -> None:
        if device.stale(event.data):
            self._read_later(target)  # to be certain
        else:
            self._on_event(target, event)

    def _gap(self, subscription_id: str) -> None:
        """An event is lost, nobody knows whose."""
        self._read_all()

    def _opened(self, scope: str, package: str) -> None:
        """Anew, after BroadWorks had ended it: what came in between is lost. The first time there was nothing before."""
        if package in self._opened_before:
            self._read_all()
        self._opened_before.add(package)

    # What is asked for.

    def _read_all(self) -> None:
        for target in self._devices:
            self._read_later(target)

    def _read_later(self, target: str) -> None:
        self._backlog.add(partial(self._read_unasked, target))

    async def _read_unasked(self, target: str) -> None:
        try:
            await self._read(target)
        except XsiFailure as failure:
            device = self._devices.get(target)
            if device is None or self._stopped:
                return
            if isinstance(failure, Refused) and failure.status in (403, 404):
                # It has no calls to be asked for, or no longer exists; the next turn will show.
                self.log.debug("the present of {target} cannot be asked for: {reason}", target=target, reason=str(failure))
                return
            self.on_lost(target)
            self.log.warn(
                "the present of {target} could not be asked for, will be tried again: {reason}", target=target, reason=str(failure)
            )
            self._after(_RETRY, partial(self._read_later, target))

    async def _read(self, target: str) -> None:
        """Events that come meanwhile may be older or newer than the answer: they follow it, and the call model takes what is new."""
        device = self._devices.get(target)
        if device is None:
            return
        if device.held is not None:
            device.again = True  # the answer that is under way may be too old for who asks now
            return
        device.held = []
        try:
            for package in device.packages:
                if package in PRESENT:
                    await self._read_package(target, device, package)
        finally:
            held, device.held = device.held, None
            for event in held:
                if self._devices.get(target) is device:
                    self._pass_on(target, device, event)
        if device.again:
            device.again = False
            await self._read(target)

    async def _read_package(self, target: str, device: _Device, package: str) -> None:
        try:
            present = await PRESENT[package](self._ask, target)
        except Refused as refused:
            if package == device.packages[0] or refused.status not in (403, 404):
                raise
            return  # who is no agent has no state as one
        if isinstance(present, CallSubscription):
            device.legs = {call.call_id for call in present.calls}
        if self._devices.get(target) is device:
            self._tell(target, present)

    def _tell(self, target: str, data: EventData) -> None:
        self._on_event(target, SubscriptionEvent(event_id="", sequence=0, subscription_id="", data=data, target_id=target))

    def _ask(self, request: Request) -> Awaitable[Response]:
        return self._perform(request)

    # One device after the other, at equal distances, so that each is asked for once in an interval.

    def change(self, settings: SubscriptionSettings) -> None:
        """What holds from now on."""
        self._settings = settings
        self._common.change(attrs.evolve(settings, resync_interval=0))
        self._single.change(settings)
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        self._arm()

    def _arm(self) -> None:
        interval = self._settings.resync_interval
        if interval and self._turns and self._turn is None and not self._stopped:
            self._turn = self._clock.callLater(interval / len(self._turns), self._next)

    def _next(self) -> None:
        self._turn = None
        if self._turns:
            target = next(iter(self._turns))
            del self._turns[target]
            self._turns[target] = None
            self._read_later(target)
        self._arm()

    def _after(self, seconds: float, call: Callable[[], None]) -> None:
        def run() -> None:
            self._timers.discard(timer)
            call()

        timer = self._clock.callLater(seconds, run)
        self._timers.add(timer)
