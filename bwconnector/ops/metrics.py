"""The Prometheus metrics: a collector that reads one snapshot for each scrape, so that counting costs nothing between scrapes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from bwconnector.ops.health import DEGRADED, DOWN, READY, health
from bwconnector.ops.inspection import LATENCY_BOUNDS, Histogram, Inspect

__all__ = ["Metrics"]

PREFIX = "bwconnector_"


class Metrics(Collector):
    """Everything that monitoring systems are told; the names are a contract with them."""

    def __init__(self, inspect: Inspect) -> None:
        self._inspect = inspect
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def describe(self) -> list[Metric]:
        """Nothing in advance: the registry must not take a snapshot when the server is only being built."""
        return []

    def collect(self) -> Iterator[Metric]:
        now = self._inspect()
        totals = now.totals

        state = GaugeMetricFamily(PREFIX + "state", "1 for what /readyz says, 0 for what it does not say.", labels=["state"])
        said = health(now).state
        for name in (READY, DEGRADED, DOWN):
            state.add_metric([name], float(name == said))
        yield state

        up = GaugeMetricFamily(PREFIX + "channel_up", "Whether the Event Channel to an XSP is up.", labels=["link"])
        events = CounterMetricFamily(PREFIX + "xsi_events", "Events received from an XSP.", labels=["link"])
        share = GaugeMetricFamily(PREFIX + "channel_share", "Part of the events of the last minutes that an XSP sent.", labels=["link"])
        wanted = GaugeMetricFamily(PREFIX + "channel_wanted_share", "The part that its priority and weight ask for.", labels=["link"])
        losses = CounterMetricFamily(PREFIX + "channel_losses", "How often the Event Channel to an XSP was lost.", labels=["link"])
        for channel, part, asked in zip(now.channels, now.shares, now.wanted_shares, strict=True):
            up.add_metric([channel.link], float(channel.up))
            events.add_metric([channel.link], channel.events)
            share.add_metric([channel.link], part)
            wanted.add_metric([channel.link], asked)
            losses.add_metric([channel.link], totals.losses.get(channel.link, 0))
        yield from (up, events, share, wanted, losses)

        yield GaugeMetricFamily(PREFIX + "devices_without_events", "Monitored devices whose subscription ended.", len(now.troubles))
        yield GaugeMetricFamily(PREFIX + "calls_suspect", "Calls that are older than they should be.", sum(1 for _ in now.suspects))

        yield CounterMetricFamily(PREFIX + "xsi_events_duplicate", "Events that had been received before.", totals.duplicates)
        yield CounterMetricFamily(PREFIX + "xsi_event_gaps", "Gaps in the events of a subscription that stayed.", totals.gaps)

        requests = CounterMetricFamily(PREFIX + "xsi_requests", "Xsi requests by HTTP status.", labels=["link", "status"])
        for labels, count in totals.requests.items():
            requests.add_metric(labels, count)
        yield requests

        yield GaugeMetricFamily(PREFIX + "csta_links", "T-Servers that are connected.", len(now.links))
        monitors = GaugeMetricFamily(PREFIX + "csta_monitors", "Monitors of a T-Server.", labels=["link"])
        messages = CounterMetricFamily(PREFIX + "csta_messages", "CSTA messages of a T-Server.", labels=["link", "direction"])
        for link in now.links:
            monitors.add_metric([link.name], link.monitors)
            messages.add_metric([link.name, "in"], link.messages_in)
            messages.add_metric([link.name, "out"], link.messages_out)
        yield monitors
        yield messages

        refused = CounterMetricFamily(PREFIX + "csta_refused", "Requests that ran into a limit of their link.", labels=["link", "limit"])
        for (name, limit), count in totals.refused.items():
            refused.add_metric([name, limit], count)
        yield refused

        dropped = CounterMetricFamily(PREFIX + "links_dropped", "Links that the connector ended, by reason.", labels=["reason"])
        for reason, count in totals.links_dropped.items():
            dropped.add_metric([reason], count)
        yield dropped

        yield GaugeMetricFamily(PREFIX + "subscriptions", "Subscriptions that BroadWorks has accepted.", now.subscriptions)
        yield GaugeMetricFamily(PREFIX + "timers", "What the process is to do later.", now.timers)
        yield GaugeMetricFamily(
            PREFIX + "remembered", "Ids of events and of ended subscriptions by which repeats and stragglers are told.", now.remembered
        )
        yield GaugeMetricFamily(PREFIX + "calls", "Calls that are known.", now.call_count)
        yield CounterMetricFamily(PREFIX + "calls_repaired", "Calls corrected by a snapshot of BroadWorks.", totals.calls_repaired)
        expiry = GaugeMetricFamily(
            PREFIX + "certificate_expiry_seconds", "When a certificate expires, in seconds since the epoch.", labels=["name"]
        )
        for certificate in now.certificates:
            expiry.add_metric([certificate.name], certificate.expires)
        yield expiry
        yield HistogramMetricFamily(
            PREFIX + "event_latency_seconds",
            "From the last byte of an Xsi event to the CSTA bytes handed to the transport.",
            buckets=_buckets(totals.latency),
            sum_value=totals.latency.total,
        )


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """Prometheus wants each bucket to include the smaller ones."""
    bounds = [*(str(bound) for bound in LATENCY_BOUNDS), "+Inf"]
    return list(zip(bounds, accumulate(histogram.counts), strict=True))
