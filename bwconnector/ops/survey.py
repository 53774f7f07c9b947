"""What the running connector shows of itself: one snapshot for the status page, the metrics and the manhole."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping

from twisted.internet.interfaces import IReactorTime

from bwconnector import __version__
from bwconnector.bridge.bridge import Bridge
from bwconnector.bridge.calls import Call
from bwconnector.csta.link import LinkFactory
from bwconnector.ops import inspection
from bwconnector.ops.flight import FlightRecorder
from bwconnector.ops.recoveries import Recoveries
from bwconnector.ops.trend import Counters, Trend
from bwconnector.xsi.channelset import ChannelSet
from bwconnector.xsi.collective import CollectiveSubscriptions
from bwconnector.xsi.opening import ChannelSettings
from bwconnector.xsi.subscriptions import Subscriptions
from bwconnector.xsi.xsp import Xsp

__all__ = ["Latency", "Survey"]

ANSWER = 3.0
"""Seconds that the echo of a heartbeat may take."""


class Latency:
    """How long events take, from the last byte read of an Xsi event until its CSTA events are with the transports; in seconds."""

    def __init__(self) -> None:
        self._counts = [0] * (len(inspection.LATENCY_BOUNDS) + 1)
        self._total = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(inspection.LATENCY_BOUNDS, seconds)] += 1
        self._total += seconds

    def histogram(self) -> inspection.Histogram:
        return inspection.Histogram(tuple(self._counts), self._total)


class Survey:
    """Takes the snapshot from the parts, which know nothing of it.

    :param xsps: the XSPs by the name of their link
    :param opened: clock time at which each link was opened, by its name
    :param certificates: when each certificate expires
    :ivar trend: runs as long as the connector does
    """

    def __init__(
        self,
        clock: IReactorTime,
        *,
        bridge: Bridge,
        channels: ChannelSet,
        xsps: Mapping[str, Xsp],
        links: LinkFactory,
        opened: Mapping[str, float],
        latency: Latency,
        subscriptions: Subscriptions | CollectiveSubscriptions,
        recoveries: Recoveries,
        flight: FlightRecorder | None,
        certificates: Callable[[], Mapping[str, float]] = dict,
    ) -> None:
        self._clock = clock
        self._bridge = bridge
        self._channels = channels
        self._xsps = xsps
        self._links = links
        self._opened = opened
        self._latency = latency
        self._certificates = certificates
        self._subscriptions = subscriptions
        self._recoveries = recoveries
        self._flight = flight
        self.trend = Trend(clock, self._counters)
        self._started = clock.seconds()

    def __call__(self) -> inspection.Inspection:
        return inspection.Inspection(
            version=__version__,
            started=self._started,
            now=self._clock.seconds(),
            system_status=self._bridge.status.value,
            channels=tuple(self._channel_statuses()),
            links=tuple(self._link_statuses()),
            call_count=len(self._bridge.model.table),
            calls=self._call_statuses(),
            monitors=self._monitor_statuses(),
            totals=self._totals(),
            recent=self.trend.recent(),
            suspects=self._suspects(),
            troubles=tuple(self._troubles()),
            recoveries=self._recoveries.all(),
            recorder=self._flight.recorder.since if self._flight is not None else None,
            gaps=tuple(inspection.GapStatus(g.started, g.ended, g.reason, g.devices, g.examples, g.uncompared) for g in self._bridge.gaps),
            subscriptions=self._subscriptions.live,
            timers=len(self._clock.getDelayedCalls()),
            remembered=self._channels.remembered,
            certificates=tuple(inspection.CertificateStatus(*each) for each in self._certificates().items()),
        )

    def _channel_statuses(self) -> Iterator[inspection.ChannelStatus]:
        for status in self._channels.statuses:
            settings = self._channels.members.by_link[status.link].settings
            yield inspection.ChannelStatus(
                link=status.link,
                peer="{0.hostname}:{0.port}".format(self._xsps[status.link].settings),
                state=status.state.value,
                since=status.since,
                reason=status.reason,
                events=status.events,
                heartbeat=status.heartbeat,
                patience=_patience(settings),
                priority=settings.priority,
                weight=settings.weight,
            )

    def _link_statuses(self) -> Iterator[inspection.LinkStatus]:
        switch = self._bridge.switch
        for name, link in self._links.links.items():
            yield inspection.LinkStatus(
                name=name,
                peer=link.peer,
                since=self._opened.get(name, self._started),
                monitors=self._bridge.monitors.number_of(link),
                messages_in=link.messages_in,
                messages_out=link.messages_out,
                unsent=link.unsent,
                certificate=link.certificate,
                access=switch.access_of(link).name,
                refused={limit: count for (refused, limit), count in switch.refused.items() if refused == name},
            )

    def _call_statuses(self) -> Iterator[inspection.CallStatus]:
        shown = self._bridge.directory.shown
        for call in self._bridge.model.table:
            parties = tuple(inspection.PartyStatus(shown(c.device), c.state) for c in call.alive())
            yield inspection.CallStatus(call.id, parties, _began(call))

    def _suspects(self) -> Iterator[inspection.SuspectStatus]:
        watchdog = self._bridge.watchdog
        shown = self._bridge.directory.shown
        for call, limit in watchdog.suspects():
            why = f"a device of it has been alerting for more than {limit:.0f} s (alerting-limit)"
            if limit != watchdog.limits.alerting:
                why = f"it is older than {limit:.0f} s (call-age-limit)"
            yield inspection.SuspectStatus(call.id, _began(call) or self._started, why, tuple(shown(c.device) for c in call.alive()))

    def _troubles(self) -> Iterator[inspection.SubscriptionTrouble]:
        for status in self._subscriptions.ailing:
            yield inspection.SubscriptionTrouble(self._bridge.directory.shown(status.target), status.trouble)

    def _counters(self) -> Counters:
        return Counters(
            self._clock.seconds(),
            {status.link: status.events for status in self._channels.statuses},
            {name: link.messages_in + link.messages_out for name, link in self._links.links.items()},
            self._latency.histogram(),
        )

    def _monitor_statuses(self) -> Iterator[inspection.MonitorStatus]:
        for monitor in self._bridge.monitors.all():
            yield inspection.MonitorStatus(monitor.named, monitor.cross_ref_id, monitor.link.name, tuple(sorted(monitor.filter.blocked)))

    def _totals(self) -> inspection.Totals:
        return inspection.Totals(
            events=sum(status.events for status in self._channels.statuses) + self._channels.members.past_events,
            duplicates=self._channels.duplicates,
            gaps=self._channels.gaps,
            calls_repaired=self._bridge.model.world.counts["repaired"],
            links_dropped=dict(self._links.dropped),
            requests={(name, status): count for name, xsp in self._xsps.items() for status, count in xsp.requests.items()},
            latency=self._latency.histogram(),
            refused=dict(self._bridge.switch.refused),
            losses=dict(self._recoveries.losses),
        )


def _patience(settings: ChannelSettings) -> float:
    """One interval more than after which the channel itself gives up, and the time of an answer."""
    interval = settings.heartbeat_interval
    return interval * (settings.heartbeat_tolerance + 2) + ANSWER if interval else 0.0


def _began(call: Call) -> float | None:
    return min((when for connection in call.connections.values() for when in connection.entered.values()), default=None)
