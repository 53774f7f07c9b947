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

    @property
    def up(self) -> bool:
        return self.state == "up"


@attrs.frozen(slots=True)
class LinkStatus:
    """The link to one T-Server."""

    name: str
    peer: str
    since: float
    monitors: int = 0
    messages_in: int = 0
    messages_out: int = 0


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

    @property
    def monitor_count(self) -> int:
        return sum(link.monitors for link in self.links)


Inspect = Callable[[], Inspection]
"""Takes the snapshot."""
