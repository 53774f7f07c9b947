"""The web server of section ``[web]``: a status page, the same as JSON, probes, and metrics. It reads, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import attrs
from twisted.web.http import NOT_ALLOWED, NOT_FOUND, OK, SERVICE_UNAVAILABLE, Request
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from bwconnector.bridge.ports import Clock
from bwconnector.ops.health import DOWN, health
from bwconnector.ops.inspection import Inspect, Inspection
from bwconnector.ops.live import MAX_VIEWERS, Live
from bwconnector.ops.metrics import Metrics
from bwconnector.ops.page import CONTENT_POLICY, LISTED, page_body, page_title, status_page
from bwconnector.ops.serving import GuardedSite, is_own_host, own_hosts

__all__ = ["status_site"]

JSON = "application/json"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
EVENTS = "text/event-stream; charset=utf-8"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"

HEADERS = {
    "Cache-Control": "no-store",
    "Connection": "close",
    "Content-Security-Policy": CONTENT_POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "bwconnector",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

METHODS = "GET, HEAD"
MISDIRECTED = 421

STATUS = "/api/status"
STREAM = "/api/stream"

Answer = tuple[int, str, bytes]
"""HTTP status, content type, body."""


def status_site(inspect: Inspect, clock: Clock, hosts: Iterable[str] = ()) -> GuardedSite:
    """The factory to listen with.

    :param hosts: names by which clients may call this server, besides its addresses and the name of the machine
    """
    metrics = Metrics(inspect)
    live = Live(clock, lambda: live_status(inspect()))
    pages: dict[str, Callable[[], Answer]] = {
        "/": lambda: (OK, HTML, status_page(inspect()).encode()),
        STATUS: lambda: _json(OK, status(inspect())),
        "/livez": lambda: (OK, TEXT, b"alive\n"),
        "/readyz": lambda: _readiness(inspect()),
        "/metrics": lambda: (OK, PROMETHEUS, metrics.text()),
    }
    return _Site(_Pages(pages, live, own_hosts(hosts)), live, clock)


def live_status(now: Inspection) -> dict[str, object]:
    """What ``/api/stream`` sends: what the page puts in the place of what it shows."""
    return {"title": page_title(now), "main": page_body(now)}


def status(now: Inspection) -> dict[str, object]:
    """What the status page shows, as JSON values; calls and monitors are cut at the same length."""
    condition = health(now)
    totals = now.totals
    return {
        "version": now.version,
        "started": now.started,
        "now": now.now,
        "state": condition.state,
        "reasons": list(condition.reasons),
        "system_status": now.system_status,
        "channels": [
            {**attrs.asdict(channel), "share": round(share, 4), "wanted_share": round(wanted, 4)}
            for channel, share, wanted in zip(now.channels, now.shares, now.wanted_shares, strict=True)
        ],
        "links": [{**attrs.asdict(link), "refused": dict(link.refused)} for link in now.links],
        "call_count": now.call_count,
        "calls": [attrs.asdict(call) for call in islice(now.calls, LISTED)],
        "monitor_count": now.monitor_count,
        "monitors": [attrs.asdict(monitor) for monitor in islice(now.monitors, LISTED)],
        "suspects": [attrs.asdict(suspect) for suspect in islice(now.suspects, LISTED)],
        "trouble_count": len(now.troubles),
        "troubles": [attrs.asdict(trouble) for trouble in islice(now.troubles, LISTED)],
        "recoveries": [{"link": loss.link, "from": loss.started, "to": loss.ended, "reason": loss.reason} for loss in now.recoveries],
        "recent": {
            "seconds": now.recent.seconds,
            "events": dict(now.recent.events),
            "messages": dict(now.recent.messages),
            "rates": list(now.recent.rates),
            "latency_p50": now.recent.latency.quantile(0.5),
            "latency_p99": now.recent.latency.quantile(0.99),
        },
        "recorder_since": now.recorder,
        "gaps": [
            {
                "from": gap.started,
                "to": gap.ended,
                "reason": gap.reason,
                "devices": gap.devices,
                "examples": list(gap.examples),
                "uncompared": gap.uncompared,
            }
            for gap in now.gaps
        ],
        "certificates": [attrs.asdict(certificate) for certificate in now.certificates],
        "totals": {
            "events": totals.events,
            "duplicates": totals.duplicates,
            "gaps": totals.gaps,
            "calls_repaired": totals.calls_repaired,
            "links_dropped": dict(totals.links_dropped),
            "requests": [{"link": link, "status": code, "count": count} for (link, code), count in totals.requests.items()],
        },
    }


def _readiness(now: Inspection) -> Answer:
    condition = health(now)
    return _json(SERVICE_UNAVAILABLE if condition.state == DOWN else OK, {"state": condition.state, "reasons": list(condition.reasons)})


def _json(code: int, value: object) -> Answer:
    return code, JSON, json.dumps(value, indent=2).encode() + b"\n"


class _Pages(Resource):
    """A table of paths, and the stream."""

    isLeaf = True

    def __init__(self, pages: dict[str, Callable[[], Answer]], live: Live, hosts: frozenset[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._hosts = hosts
        self._pages = pages
        self._live = live

    def render(self, request: Request) -> bytes | int:
        path = request.path.decode("ascii", "replace")
        misdirected = not is_own_host(request.getHeader("Host"), self._hosts)
        streams = path == STREAM and request.method == b"GET" and not self._live.full and not misdirected
        code, content_type, body = _MISDIRECTED if misdirected else (OK, EVENTS, b"") if streams else self._answer(request, path)
        request.setResponseCode(code, b"Misdirected Request" if misdirected else None)
        if code == NOT_ALLOWED:
            request.setHeader("Allow", METHODS)
        for name, value in HEADERS.items():
            request.setHeader(name, value)
        request.setHeader("Content-Type", content_type)
        if streams:
            channel: Any = request.channel
            channel.stay()
            self._live.add(request)
            return NOT_DONE_YET
        if request.method == b"HEAD":
            request.setHeader("Content-Length", str(len(body)))
            return b""
        return body

    def _answer(self, request: Request, path: str) -> Answer:
        if request.method not in (b"GET", b"HEAD"):
            return NOT_ALLOWED, TEXT, f"This server can only be read: {METHODS}.\n".encode()
        if path == STREAM and request.method == b"HEAD":
            return OK, EVENTS, b""
        if path == STREAM:
            return SERVICE_UNAVAILABLE, TEXT, f"{MAX_VIEWERS} clients are told already; ask {STATUS} instead.\n".encode()
        page = self._pages.get(path)
        return page() if page else (NOT_FOUND, TEXT, f"There is {', '.join((*self._pages, STREAM))}.\n".encode())


_MISDIRECTED: Answer = (
    MISDIRECTED,
    TEXT,
    b"This server is not known by that name: call it by its address, or add the name to [web] hosts.\n",
)


class _Site(GuardedSite):
    """Ends its streams with itself."""

    def __init__(self, pages: _Pages, live: Live, clock: Clock) -> None:
        super().__init__(pages, clock)
        self._live = live

    def stopFactory(self) -> None:
        self._live.close()
        super().stopFactory()
