"""``bwctl size``: what a site needs, reckoned from what was measured."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

__all__ = ["COSTS", "HEADS", "SITES", "Costs", "Need", "Site", "lines", "need"]


@attrs.frozen(slots=True, kw_only=True)
class Costs:
    """What was measured by ``make bench``, rounded up; on another machine, or with TLS, the CPU may be twice as much or half.

    :ivar event: seconds of CPU of an Xsi event, with its acknowledgement and its CSTA event on one link (W1)
    :ivar link: the same for each further link that monitors the device (W2)
    :ivar process: bytes of a process that serves nobody yet, the flight recorder's ring aside
    :ivar monitor: bytes of a monitored user that has all packages (W6)
    :ivar call: bytes of a live call (W6)
    :ivar events: Xsi events of a call at each monitored party: received, answered, released
    :ivar lasts: seconds of a call
    :ivar refreshed: seconds after which a device is refreshed on average, with the default of ``resync-interval``
    """

    event: float = 200e-6
    link: float = 20e-6
    process: int = 90_000_000
    monitor: int = 5_500
    call: int = 2_000
    events: int = 3
    lasts: int = 180
    refreshed: int = 2100


COSTS = Costs()


@attrs.frozen(slots=True)
class Site:
    """Monitored agents, calls an hour of all of them together, and links that monitor every agent."""

    agents: int
    calls: int
    links: int = 1


@attrs.frozen(slots=True)
class Need:
    """:ivar cpu: share of one core, 1.0 = all of it
    :ivar memory: bytes
    :ivar events: Xsi events a second
    :ivar requests: requests a second that the XSPs get together, acknowledgements included
    """

    cpu: float
    memory: float
    events: float
    requests: float


SITES = (
    Site(100, 1_000),
    Site(500, 6_000, 2),
    Site(1_000, 12_000),
    Site(1_000, 12_000, 4),
    Site(5_000, 60_000, 2),
    Site(10_000, 120_000, 2),
    Site(20_000, 240_000, 2),
)
"""Of the table in the documents."""

HEADS = ("agents", "calls an hour", "links", "CPU of one core", "memory", "Xsi events/s", "XSP requests/s")


def need(site: Site, recorder: int, costs: Costs = COSTS) -> Need:
    """:param recorder: bytes of the flight recorder's ring"""
    events = site.calls / 3600 * costs.events
    live = site.calls / 3600 * costs.lasts
    return Need(
        cpu=events * (costs.event + (site.links - 1) * costs.link),
        memory=costs.process + recorder + site.agents * costs.monitor + live * costs.call,
        events=events,
        requests=events + site.agents / costs.refreshed,
    )


def lines(sites: tuple[Site, ...], recorder: int) -> Iterator[tuple[str, ...]]:
    """The rows of the table, with :data:`HEADS`."""
    for site in sites:
        found = need(site, recorder)
        yield (
            f"{site.agents:,}",
            f"{site.calls:,}",
            f"{site.links}",
            f"{found.cpu:.2%}",
            f"{found.memory / 1e6:.0f} MB",
            f"{found.events:.1f}",
            f"{found.requests:.1f}",
        )
