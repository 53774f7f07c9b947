"""The switching function: what every service works with, and how a service has BroadWorks do something."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
from twisted.logger import Logger

from bwconnector.bridge.agents import Agents
from bwconnector.bridge.calls import CallTable, Connection
from bwconnector.bridge.devices import Device, Directory, UnknownDevice
from bwconnector.bridge.features import Features
from bwconnector.bridge.intents import Intent, Intents
from bwconnector.bridge.monitors import Monitors
from bwconnector.bridge.outstanding import Outstanding, Proof, Proven
from bwconnector.bridge.ports import Clock, LinkPort, SubscriptionPort, Waiter, XsiPort
from bwconnector.bridge.refusals import BY_STATUS, NEEDS, NOT_MONITORED, SUBSCRIBED, UNKNOWN_DEVICE, refusal, require
from bwconnector.bridge.routeing import Routeing
from bwconnector.bridge.snapshots import Snapshots
from bwconnector.bridge.status import Status
from bwconnector.bridge.turns import Turns
from bwconnector.csta.errors import CstaError
from bwconnector.xsi.errors import OutcomeUnknown, Refused, XsiFailure

if TYPE_CHECKING:
    from bwconnector.bridge.association import Association

__all__ = ["Asker", "Options", "SwitchingFunction"]

log = Logger()

T = TypeVar("T")

LAST_WITHOUT_RECORDING = 17
"""The last release of BroadWorks that has no call recording."""


@attrs.define(slots=True)
class Options:
    """Limits and habits towards links; they are looked at each time, so that they may be changed.

    :ivar status_on_connect: send SystemStatus as soon as a link opens
    :ivar max_monitors: per link
    :ivar monitored_only: refuse requests to control a device that the link itself does not monitor
    :ivar broadworks_version: release of BroadWorks; empty for the latest
    :ivar max_outstanding: requests of one link that may wait for BroadWorks at a time; invoke ids give room for no more than that
    """

    status_on_connect: bool = True
    max_monitors: int = 50_000
    monitored_only: bool = False
    max_outstanding: int = 9_999
    broadworks_version: str = ""

    @property
    def call_recording(self) -> bool:
        """Whether the release has call recording: those up to 17.sp4 do not. One that is not named counts as the latest."""
        number = re.search(r"\d+", self.broadworks_version)
        return number is None or int(number[0]) > LAST_WITHOUT_RECORDING


@attrs.frozen(eq=False, slots=True)
class Asker:
    """Who makes a request: the link, and the namespace that it is to be answered in."""

    link: LinkPort
    association: Association
    namespace: str
    gone: Callable[[], bool]
    """Whether the link has closed meanwhile."""
    name: Callable[[str], str]
    """Device key to the form in which the link knows the device."""


@attrs.frozen(eq=False, slots=True, kw_only=True)
class SwitchingFunction:
    """The collaborators of every service.

    :ivar policy: value of a policy row, e.g. ``policy("P-JOIN")``; times are milliseconds
    :ivar starting: MonitorStart and RouteRegister requests under way per device, whose subscription must not be released
    :ivar references: numbers of serviceCrossRefIDs
    """

    directory: Directory
    table: CallTable
    intents: Intents
    monitors: Monitors
    features: Features
    subscriptions: SubscriptionPort
    xsi: XsiPort
    status: Status
    clock: Clock
    policy: Callable[[str], str | int]
    make_waiter: Callable[[], Waiter]
    spawn: Callable[[Coroutine[Any, Any, None]], None]
    options: Options = attrs.Factory(Options)
    outstanding: Outstanding = attrs.Factory(lambda self: Outstanding(self.clock, self.make_waiter, self.spawn), takes_self=True)
    snapshots: Snapshots = attrs.Factory(lambda self: Snapshots(self.subscriptions, self.clock, self.make_waiter), takes_self=True)
    agents: Agents = attrs.Factory(
        lambda self: Agents(
            self.monitors, self.directory.full, self.directory.call_center, self.policy, self.clock, self.subscriptions.only_changes
        ),
        takes_self=True,
    )
    routeing: Routeing = attrs.Factory(
        lambda self: Routeing(self.clock, self.policy, self.directory, self.table, self.xsi, self.monitors.name_for, self.spawn),
        takes_self=True,
    )
    turns: Turns = attrs.Factory(lambda self: Turns(self.clock, self.make_waiter), takes_self=True)
    starting: Counter[str] = attrs.Factory(Counter)
    references: Iterator[int] = attrs.Factory(lambda: itertools.count(1))

    def __attrs_post_init__(self) -> None:
        self.monitors.observers.append(self.outstanding.observe)
        self.features.observers.append(self.outstanding.observe)
        self.agents.left = self._guest_left

    def seconds(self, code: str) -> float:
        """A policy row of time, in seconds."""
        return int(self.policy(code)) / 1000

    async def device(self, service: str, name: str | None) -> Device:
        """The device that a request names, or the error of that service for one that BroadWorks does not know."""
        if not name:
            raise CstaError("operation", "atLeastOneConditionalParameterNotProvided", f"{service} names no device")
        try:
            return await self.directory.find(name)
        except UnknownDevice as unknown:
            detail = f"{service}: BroadWorks knows no device {name}; check the device id and default-domain"
            raise CstaError(*UNKNOWN_DEVICE.get(service, BY_STATUS[404]), detail=detail) from unknown
        except XsiFailure as failure:
            raise refusal(service, failure) from failure

    def permit(self, asker: Asker, service: str, *devices: str) -> None:
        """Raise CstaError if the link monitors none of ``devices`` and may control only what it monitors."""
        if self.options.monitored_only and not any(self.monitors.monitors(asker.link, device) for device in devices):
            detail = f"{service}: the link does not monitor {asker.name(devices[0])}; start a monitor, or set monitored-only = false"
            raise CstaError(*NOT_MONITORED, detail=detail)

    async def controlled(self, asker: Asker, service: str, name: str | None) -> Device:
        """The device at which a request starts something."""
        device = await self.device(service, name)
        self.permit(asker, service, device.key)
        return device

    async def carry_out(
        self, service: str, intent: Intent, action: Callable[[], Awaitable[T]], proof: Proof, subject: Connection | None = None
    ) -> Proven[T]:
        """Have BroadWorks do ``action``, and return once its answer or a change proves that it is done (R13).

        :param intent: explains the events of the action to the call model while it lasts
        :param subject: connection whose state decides what a refusal means: if it has left the state that the service needs while
            the request was under way, that is the reason
        """
        self.intents.add(intent)

        async def act() -> T:
            try:
                answer = await action()
            except OutcomeUnknown:
                self.intents.answered(intent)  # it may have been done: its events may come
                raise
            except Exception:
                self.intents.remove(intent)
                raise
            self.intents.answered(intent)
            return answer

        try:
            return await self.outstanding.proven(act(), proof)
        except XsiFailure as failure:
            if isinstance(failure, Refused):
                if failure.status == 404 and intent.call_ids:
                    self.spawn(self._compare(intent.user))
                elif failure.status == 404:
                    self.directory.forget(intent.user)
                if failure.status in (403, 404, 409) and subject is not None and service in NEEDS:
                    require(service, subject)
            raise refusal(service, failure) from failure

    @asynccontextmanager
    async def turn(self, service: str, device: str) -> AsyncIterator[None]:
        """At most one request that starts a call at ``device``: its events could not be told from those of another (P-PEND)."""
        if not await self.turns.take(device, self.seconds("P-PEND")):
            raise CstaError(SUBSCRIBED, "outstandingReqLimitExceeded", f"{service}: another request is starting a call at {device}")
        try:
            yield
        finally:
            self.turns.give(device)

    def wanted(self, device: str) -> bool:
        """Whether the events of a device are wanted: some link monitors it or a phone at which it is a guest, is registered to route its
        calls, or is about to do so."""
        return (
            self.monitors.monitored(device) or self.routeing.registered(device) or device in self.starting or self.agents.attended(device)
        )

    def release_unwanted(self, device: str) -> None:
        """End the subscriptions of a device if no link wants its events any more, and those of a guest there."""
        if self.monitors.monitored(device) or device in self.starting:
            return
        guest = self.agents.guest_at(device)
        if not self.wanted(device):
            self.subscriptions.release(device)
        if guest:
            self.release_unwanted(guest)

    def _guest_left(self, guest: str) -> None:
        if not self.monitors.count_of(guest):
            self.clock.callLater(0, self.release_unwanted, guest)  # not while its own event is processed

    async def _compare(self, device: str) -> None:
        """BroadWorks does not know a call that the model has: the calls of ``device`` are compared."""
        if self.subscriptions.subscribed(device):
            try:
                await self.subscriptions.refresh(device)
            except XsiFailure as failure:
                log.warn("the calls of {device} could not be compared with BroadWorks: {failure}", device=device, failure=str(failure))
