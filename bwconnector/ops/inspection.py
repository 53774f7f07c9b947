"""What the running connector shows of itself: a snapshot, taken on demand, that the status page, the metrics and the manhole all read.

Times are seconds since the epoch. Counters only grow, from the start of the process on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import attrs

__all__ = [
    "CallStatus",
    "CertificateStatus",
    "ChannelStatus",
    "GapStatus",
    "Histogram",
    "Inspect",
    "Inspection",
    "LATENCY_BOUNDS",
    "LinkStatus",
    "MonitorStatus",
    "PartyStatus",
    "Recent",
    "Recovery",
    "SubscriptionTrouble",
    "SuspectStatus",
    "Totals",
]

LATENCY_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Upper bounds in seconds of the latency histogram's buckets; one more counts what is slower."""


@attrs.frozen(slots=True)
class ChannelStatus:
    """The Event Channel to one XSP."""

    link: str
    """Name of the XSP's link, from its config section."""
    peer: str
    """``host:port`` of the XSP."""
    state: str
    """``idle``, ``opening``, ``up``, ``closing``, or ``backoff`` until the next attempt to open it."""
    since: float
    reason: str = ""
    """Why it is not up, in words for an administrator."""
    events: int = 0
    heartbeat: float | None = None
    """When the stream last echoed a heartbeat."""
    patience: float = 0.0
    """Seconds after which a heartbeat is missing beyond what is tolerated; 0 where there are none."""
    priority: int = 1
    weight: int = 50
    """Its part of the events among the channels of its priority that are up."""

    @property
    def up(self) -> bool:
        return self.state == "up"

    def silent(self, now: float) -> float:
        """Seconds without a heartbeat, if these are too many, else 0."""
        quiet = now - max(self.since, self.heartbeat or 0.0)
        return quiet if self.up and self.patience and quiet > self.patience else 0.0


@attrs.frozen(slots=True)
class LinkStatus:
    """The link to one T-Server."""

    name: str
    peer: str
    since: float
    monitors: int = 0
    messages_in: int = 0
    messages_out: int = 0
    unsent: int = 0
    """Bytes that wait for the T-Server to read."""
    certificate: str = ""
    """Common name of the certificate that it has shown; empty without one."""
    access: str = ""
    """The section ``[access-NAME]`` that holds for it: NAME; ``none`` if no section is for it, empty where there are none at all."""
    refused: Mapping[str, int] = MappingProxyType({})
    """Requests of links of this name that ran into a limit, by limit."""


@attrs.frozen(slots=True)
class MonitorStatus:
    """One monitor; ``filter`` names the events that it does not want."""

    device: str
    cross_ref: str
    link: str
    filter: tuple[str, ...] = ()


@attrs.frozen(slots=True)
class PartyStatus:
    """A device in a call, with the CSTA state of its connection."""

    device: str
    state: str


@attrs.frozen(slots=True)
class CallStatus:
    """One CSTA call."""

    id: str
    parties: tuple[PartyStatus, ...] = ()
    since: float | None = None


@attrs.frozen(slots=True)
class SuspectStatus:
    """A call that is older than it should be."""

    call: str
    since: float
    why: str
    devices: tuple[str, ...] = ()


@attrs.frozen(slots=True)
class SubscriptionTrouble:
    """A monitored device whose events do not come."""

    device: str
    why: str


@attrs.frozen(slots=True)
class Recovery:
    """A time in which the channel of ``link`` was not up."""

    link: str
    started: float
    ended: float | None
    """None while it lasts."""
    reason: str


@attrs.frozen(slots=True)
class GapStatus:
    """A time in which events were lost."""

    started: float
    ended: float | None
    """When the devices had been compared with BroadWorks, or their monitors could be started again; None while it lasts."""
    reason: str
    devices: int
    """How many monitored devices were concerned."""
    examples: tuple[str, ...] = ()
    """The first of them."""
    uncompared: int = 0
    """How many of them could not be compared by then."""


@attrs.frozen(slots=True)
class CertificateStatus:
    """A certificate that the connector shows, trusts, or was shown."""

    name: str
    """Where it was found: an option of the config, or ``link-NAME`` for that of an XSP."""
    expires: float


@attrs.frozen(slots=True)
class Histogram:
    """Observations by size: one count per bound of :data:`LATENCY_BOUNDS` and one for the rest, and their sum in seconds."""

    counts: tuple[int, ...] = (0,) * (len(LATENCY_BOUNDS) + 1)
    total: float = 0.0

    def quantile(self, part: float) -> float | None:
        """Seconds that ``part`` of the observations did not exceed, evenly spread within its bucket; None without observations."""
        left = part * sum(self.counts)
        low = 0.0
        for count, high in zip(self.counts, (*LATENCY_BOUNDS, LATENCY_BOUNDS[-1]), strict=True):
            if count and left <= count:
                return low + (high - low) * left / count
            left -= count
            low = high
        return None


@attrs.frozen(slots=True)
class Recent:
    """What happened in the last minutes."""

    seconds: float = 0.0
    """How long that was."""
    events: Mapping[str, int] = MappingProxyType({})
    """Events by XSP's link."""
    messages: Mapping[str, int] = MappingProxyType({})
    """Messages by T-Server's link, both directions."""
    latency: Histogram = Histogram()
    rates: tuple[float, ...] = ()
    """Events a second, of all channels, in equal parts of that time, oldest first."""

    def rate(self, count: int) -> float:
        """A count of that time as so many a second."""
        return count / self.seconds if self.seconds else 0.0


@attrs.frozen(slots=True)
class Totals:
    """Counters that belong to no link that is still there."""

    events: int = 0
    duplicates: int = 0
    gaps: int = 0
    calls_repaired: int = 0
    links_dropped: Mapping[str, int] = MappingProxyType({})
    """Links ended by the connector, by reason (one word each)."""
    requests: Mapping[tuple[str, str], int] = MappingProxyType({})
    """Xsi requests by link name and HTTP status (``timeout``, ``lost`` or ``unreachable`` when no answer came)."""
    latency: Histogram = Histogram()
    refused: Mapping[tuple[str, str], int] = MappingProxyType({})
    """Requests of T-Servers that ran into a limit, by link name and limit."""
    losses: Mapping[str, int] = MappingProxyType({})
    """How often each channel was lost, by the name of its link."""


@attrs.frozen(slots=True)
class Inspection:
    """The whole connector at one moment.

    ``calls`` and ``monitors`` may be long: readers take what they show, so they may be made while they are read.
    """

    version: str
    started: float
    now: float
    system_status: str
    """CSTA system status that every link is told: ``normal``, ``disabled`` …"""
    channels: tuple[ChannelStatus, ...] = ()
    links: tuple[LinkStatus, ...] = ()
    call_count: int = 0
    calls: Iterable[CallStatus] = ()
    monitors: Iterable[MonitorStatus] = ()
    totals: Totals = Totals()
    gaps: tuple[GapStatus, ...] = ()
    """The last ones, oldest first."""
    certificates: tuple[CertificateStatus, ...] = ()
    recent: Recent = Recent()
    suspects: Iterable[SuspectStatus] = ()
    troubles: tuple[SubscriptionTrouble, ...] = ()
    """Monitored devices whose events do not come, though a channel is up."""
    recoveries: tuple[Recovery, ...] = ()
    """The last ones, oldest first."""
    recorder: float | None = None
    """From when on everything is recorded; None when nothing is."""
    subscriptions: int = 0
    """Subscriptions that BroadWorks has accepted."""
    timers: int = 0
    """What the process is to do later."""
    remembered: int = 0
    """Ids of events and of ended subscriptions by which repeats and stragglers are told; 65,536 at most."""

    @property
    def shares(self) -> tuple[float, ...]:
        """Each channel's part of the events: of the last minutes, or since the start if none came in these."""
        counts = [self.recent.events.get(channel.link, 0) for channel in self.channels]
        if not any(counts):
            counts = [channel.events for channel in self.channels]
        return _parts(counts)

    @property
    def wanted_shares(self) -> tuple[float, ...]:
        """The parts that the weights ask for, among the channels of the first priority that are up."""
        first = min((channel.priority for channel in self.channels if channel.up), default=0)
        return _parts([channel.weight if channel.up and channel.priority == first else 0 for channel in self.channels])

    @property
    def monitor_count(self) -> int:
        return sum(link.monitors for link in self.links)


Inspect = Callable[[], Inspection]
"""Takes the snapshot."""


def _parts(counts: list[int]) -> tuple[float, ...]:
    total = sum(counts)
    return tuple(count / total if total else 0.0 for count in counts)
