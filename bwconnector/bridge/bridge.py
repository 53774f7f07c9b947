"""The bridge put together: Xsi events in, CSTA events out to the links that monitor their devices; CSTA requests in, Xsi requests out."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any

from twisted.logger import Logger

from bwconnector.bridge.callmodel import CallModel
from bwconnector.bridge.changes import Change
from bwconnector.bridge.devices import Device, Directory
from bwconnector.bridge.features import Features
from bwconnector.bridge.gaps import Gap, Gaps
from bwconnector.bridge.monitors import Monitor, Monitors
from bwconnector.bridge.policy import Policy
from bwconnector.bridge.ports import Clock, DelayedCall, LinkPort, SubscriptionPort, Waiter, XsiPort
from bwconnector.bridge.repair import Repair
from bwconnector.bridge.routepoints import RoutePoints
from bwconnector.bridge.session import Session
from bwconnector.bridge.status import NORMAL, Status
from bwconnector.bridge.switching import Options, SwitchingFunction
from bwconnector.bridge.watchdog import Limits, Watchdog
from bwconnector.xsi.agents import AgentJoin, AgentStateEvent, AgentSubscription, HotelingGuest
from bwconnector.xsi.errors import XsiFailure
from bwconnector.xsi.events import CallSubscription, DoNotDisturbState, EventData, ForwardingState, MessageSummary
from bwconnector.xsi.queues import QueueEvent, QueueSubscription, RoutePointState, TreatmentEvent

__all__ = ["Bridge", "LOST_PAUSE"]

LOST_PAUSE = 10.0
"""Seconds between two ``messagesLost``: T-Servers may take each as a reason to ask for snapshots of all devices."""


class _Subscriptions:
    """The subscriptions, of which the bridge's knowledge of a device is a part: both end together."""

    def __init__(self, port: SubscriptionPort, forget: Callable[[str], None]) -> None:
        self._port = port
        self._forget = forget

    async def subscribe(self, target: str, packages: Sequence[str]) -> None:
        await self._port.subscribe(target, packages)

    def release(self, target: str) -> None:
        self._port.release(target)
        self._forget(target)

    async def refresh(self, target: str) -> None:
        await self._port.refresh(target)

    def subscribed(self, target: str) -> bool:
        return self._port.subscribed(target)

    def only_changes(self, target: str) -> bool:
        return self._port.only_changes(target)


class Bridge:
    """Everything between the two wires.

    :param subscriptions: what gives each monitored device's events to :meth:`event`
    :param spawn: runs a coroutine; whatever it raises is logged
    :param make_waiter: makes something that can be awaited and fired
    :param default_domain: domain of device ids that are written without one
    :param account: BroadWorks account of the connector, whose directories are searched for extensions
    :param kinds: devices whose kind need not be asked for: name to kind
    :param scope_id: group or enterprise whose devices share subscriptions; empty without
    :param limits: when calls are so old that they are compared with BroadWorks
    :ivar restored: called when a channel is up again after all were lost; has all subscriptions refreshed
    :ivar gaps: what was lost, and when
    """

    log = Logger()

    def __init__(
        self,
        *,
        clock: Clock,
        xsi: XsiPort,
        subscriptions: SubscriptionPort,
        make_waiter: Callable[[], Waiter],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        policy: Policy | None = None,
        options: Options | None = None,
        link_loss_policy: str = "monitor-stop",
        default_domain: str = "",
        account: str = "",
        kinds: Mapping[str, str] | None = None,
        scope_id: str = "",
        limits: Limits | None = None,
    ) -> None:
        self._clock = clock
        self.policy = policy or Policy()
        self.status = Status(link_loss_policy)
        self.directory = Directory(xsi, clock, make_waiter, default_domain, kinds, account, scope_id=scope_id)
        self.monitors = Monitors(self.directory.shown, lambda device, link: self.switch.snapshots.asked_by(device, link))
        self.model = CallModel(clock, self.policy, self.directory, self._monitored, self._deliver)
        self.features = Features(self.monitors, self.model.service_state, subscriptions.only_changes)
        self._subscriptions = _Subscriptions(subscriptions, self._forget)
        self._seeded: dict[str, None] = {}  # a set of so many would take five times the memory
        """Devices whose first snapshot has come."""
        self.switch = SwitchingFunction(
            directory=self.directory,
            table=self.model.table,
            intents=self.model.intents,
            monitors=self.monitors,
            features=self.features,
            subscriptions=self._subscriptions,
            xsi=xsi,
            status=self.status,
            clock=clock,
            policy=self.policy,
            make_waiter=make_waiter,
            spawn=spawn,
            options=options or Options(),
        )
        self.route_points = RoutePoints(self.switch)
        self._consumers: dict[type[EventData], Callable[[str, Any], None]] = {
            **dict.fromkeys((CallSubscription, QueueSubscription), self._snapshot),
            **dict.fromkeys((DoNotDisturbState, ForwardingState, MessageSummary), self.features.apply),
            **dict.fromkeys((AgentSubscription, AgentStateEvent, AgentJoin, HotelingGuest), self.switch.agents.apply),
            TreatmentEvent: self.route_points.treatment,
            RoutePointState: self.route_points.state,
        }
        """Who takes which kind of event; all others are the call model's."""
        self._followers: dict[type[EventData], Callable[[str, Any], None]] = {
            QueueEvent: self.route_points.call,
            QueueSubscription: self.route_points.snapshot,
        }
        """Who takes events after the call model has."""
        self.watchdog = Watchdog(
            clock,
            self.model.table,
            lambda device: self.status.operational and subscriptions.subscribed(device),
            lambda device: self.switch.snapshots.refresh(device, ""),
            spawn,
            limits or Limits(),
        )
        self.gaps = Gaps()
        self.repair = Repair(clock, self._repaired)
        self.restored: Callable[[], None] = lambda: None
        self._lost_at: dict[str, float] = {}
        self._lost_told: DelayedCall | None = None

    # the links

    def link_opened(self, link: LinkPort) -> Session:
        """A T-Server has connected."""
        return Session(link, self.switch)

    # the channels

    def channels_changed(self, up: int, reason: str = "") -> None:
        """``up`` Event Channels are up now; ``reason`` tells why the last one is not."""
        had = self.status.operational
        if had and not up:
            self._lose(reason)
        self.status.channels_changed(up)
        if up and not had:
            self._regain()
        elif had and not up and self.status.voids_monitors:
            for route_point in self.switch.routeing.abort_all():
                self.switch.release_unwanted(route_point)
            self._drop()
        elif had and not up:
            self.switch.routeing.suspend()

    def _lose(self, reason: str) -> None:
        """All channels are lost, while T-Servers still believe that all is well."""
        if not self.gaps.lasts:
            devices = [self.directory.shown(device) for device in self.monitors.devices()]
            self.gaps.add(Gap.of(self._clock.seconds(), None, reason or "all Event Channels were lost", devices))
            self.log.info("all event channels are lost; {count} monitored devices are without events", count=len(devices))
        self.repair.stop()
        if not self.status.voids_monitors:
            try:
                self.model.catch_up()
            except Exception:
                self.log.failure("an event could not be applied when all channels were lost; the comparison will tell what it meant")

    def _regain(self) -> None:
        """A channel is back, or there for the first time."""
        self.watchdog.start()
        if not self.gaps.lasts:
            return
        if self.status.voids_monitors:
            self.gaps.end(self._clock.seconds())
            self.log.info("an event channel is back; T-Servers may start their monitors again")
        else:
            self.log.info("an event channel is back; {count} devices are compared with BroadWorks", count=len(self._seeded))
            # Devices without a snapshot yet, as of a MonitorStart under way, have nothing to be compared.
            self.repair.begin(self._seeded)
            self.restored()

    def _repaired(self, uncompared: frozenset[str]) -> None:
        self.gaps.end(self._clock.seconds(), len(uncompared))
        self.log.info("the comparison after the loss of all event channels is over")
        if uncompared:
            self.log.warn(
                "{count} devices could not be compared with BroadWorks after the loss of all channels, among them {device}; "
                "they will be as soon as their subscriptions can be refreshed",
                count=len(uncompared),
                device=min(uncompared),
            )
        self.status.repaired()

    def events_lost(self, target: str) -> None:
        """An event of ``target`` is lost, and its calls could not be compared in time. T-Servers are told, but not of each."""
        self._lost_at.setdefault(target, self._clock.seconds())
        if self._lost_told is None:
            self._tell_lost()

    def _tell_lost(self) -> None:
        self._lost_told = None
        if not self._lost_at:
            return
        lost, self._lost_at = self._lost_at, {}
        if self.status.value == NORMAL:
            devices = [self.directory.shown(device) for device in lost]
            reason = "events were lost, and not made good in time by a refresh of their subscriptions"
            self.gaps.add(Gap.of(min(lost.values()), self._clock.seconds(), reason, devices, len(devices)))
            self.status.messages_lost()
        self._lost_told = self._clock.callLater(LOST_PAUSE, self._tell_lost)

    def event(self, target: str, data: EventData) -> None:
        """One event of the subscriptions on ``target``, in their order.

        A fault while it is applied costs this device a comparison with BroadWorks, and nobody else anything.
        """
        try:
            self._apply(target, data)
        except Exception:
            self.log.failure("an event of {device} could not be applied; its calls are compared with BroadWorks", device=target)
            self.switch.spawn(self._compare(target))

    def _apply(self, target: str, data: EventData) -> None:
        self._consumers.get(type(data), self.model.apply)(target, data)
        follower = self._followers.get(type(data))
        if follower is not None:
            follower(target, data)

    def _deliver(self, change: Change, devices: tuple[str, ...]) -> None:
        self.monitors.deliver(change, devices)
        if not change.belated:
            self.switch.agents.changed(change)

    def _snapshot(self, target: str, data: CallSubscription | QueueSubscription) -> None:
        """The first one is the present that a client takes from SnapshotDevice, unless it had its answer before; later ones tell more."""
        first = target not in self._seeded and not self.switch.snapshots.guessed(target)
        self._seeded[target] = None
        self.monitors.snapshot_of = target if self.policy.word("P-SNAPSELF") == "off" else ""
        try:
            self.model.apply(target, data, silent=first)
        finally:
            self.monitors.snapshot_of = ""
            self.switch.snapshots.applied(target)
            self.repair.compared(target)

    async def _compare(self, target: str) -> None:
        try:
            await self._subscriptions.refresh(target)
        except XsiFailure as failure:
            self.log.warn("the calls of {device} could not be compared with BroadWorks: {failure}", device=target, failure=str(failure))

    # the work of another one

    def resume(self, devices: Iterable[Device], monitors: Iterable[Monitor], number: int) -> None:
        """Take up the monitors of another bridge, whose subscriptions go on; of its calls nothing is known.

        :param devices: what it had found out
        :param number: what the next monitorCrossRefID will be
        """
        for device in devices:
            self.directory.learn(device)
        taken = list(monitors)
        for monitor in taken:
            known = self.directory.known(monitor.device_key) or Device(monitor.device_key)
            self.directory.learn(known, monitor.named)
            self._seeded[monitor.device_key] = None
        self.monitors.resume(taken, number)

    # the end

    def stop(self) -> None:
        """Forget all calls and end all timers."""
        self._drop()
        self.switch.routeing.stop()
        self.watchdog.stop()
        self.repair.stop()
        if self._lost_told is not None:
            self._lost_told.cancel()
            self._lost_told = None

    def _drop(self) -> None:
        self.model.stop()
        self.features.clear()
        self.switch.agents.clear()
        self._seeded.clear()

    def _monitored(self, device: str) -> bool:
        return self.switch.wanted(device)

    def _forget(self, device: str) -> None:
        self._seeded.pop(device, None)
        self.repair.compared(device)
        self.features.forget(device)
        self.switch.agents.forget(device)
        self.switch.routeing.forget(device)
        self.model.forget(device)
