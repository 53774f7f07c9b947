"""The web server of section ``[web]``: a status page, the same as JSON, probes, and metrics. It reads, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import islice

import attrs
from twisted.web.http import NOT_ALLOWED, NOT_FOUND, OK, SERVICE_UNAVAILABLE, Request
from twisted.web.resource import Resource
from twisted.web.server import Site

from bwconnector.ops.health import DOWN, health
from bwconnector.ops.inspection import Inspect, Inspection
from bwconnector.ops.metrics import Metrics
from bwconnector.ops.page import LISTED, status_page

__all__ = ["status_site"]

JSON = "application/json"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'",
    "X-Content-Type-Options": "nosniff",
}

Answer = tuple[int, str, bytes]
"""HTTP status, content type, body."""


def status_site(inspect: Inspect) -> Site:
    """The factory to listen with."""
    metrics = Metrics(inspect)
    pages = _Pages(
        {
            "/": lambda: (OK, HTML, status_page(inspect()).encode()),
            "/api/status": lambda: _json(OK, status(inspect())),
            "/livez": lambda: (OK, TEXT, b"alive\n"),
            "/readyz": lambda: _readiness(inspect()),
            "/metrics": lambda: (OK, PROMETHEUS, metrics.text()),
        }
    )
    return _Site(pages)  # type: ignore[no-untyped-call]


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
        "channels": [attrs.asdict(channel) for channel in now.channels],
        "links": [attrs.asdict(link) for link in now.links],
        "call_count": now.call_count,
        "calls": [attrs.asdict(call) for call in islice(now.calls, LISTED)],
        "monitor_count": now.monitor_count,
        "monitors": [attrs.asdict(monitor) for monitor in islice(now.monitors, LISTED)],
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
    """A table of paths."""

    isLeaf = True

    def __init__(self, pages: dict[str, Callable[[], Answer]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._pages = pages

    def render(self, request: Request) -> bytes:
        code, content_type, body = self._answer(request)
        request.setResponseCode(code)
        for name, value in HEADERS.items():
            request.setHeader(name, value)
        request.setHeader("Content-Type", content_type)
        if request.method == b"HEAD":
            request.setHeader("Content-Length", str(len(body)))
            return b""
        return body

    def _answer(self, request: Request) -> Answer:
        if request.method not in (b"GET", b"HEAD"):
            return NOT_ALLOWED, TEXT, b"This server can only be read: GET or HEAD.\n"
        page = self._pages.get(request.path.decode("ascii", "replace"))
        return page() if page else (NOT_FOUND, TEXT, f"There is {', '.join(self._pages)}.\n".encode())


class _Site(Site):
    """A site that does not log each request: probes come every few seconds."""

    noisy = False

    def log(self, request: Request) -> None:
        pass
