"""The web server towards those who mean it no good: names that are not its own, bodies, slow clients, and many of them."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from bwconnector.ops.inspection import Inspection
from bwconnector.ops.live import INTERVAL, MAX_VIEWERS, PATIENCE
from bwconnector.ops.serving import DEADLINE, MAX_BODY, MAX_CONNECTIONS, is_own_host, own_hosts
from bwconnector.ops.web import status_site

from .test_web import get


class Transport(StringTransport):
    """Tells whether it was cut off, and then its protocol."""

    cut = False
    protocol: Any = None

    def abortConnection(self) -> None:
        self.cut = True
        super().abortConnection()


def connect(site: Any, data: bytes = b"") -> Transport:
    transport = Transport()
    transport.protocol = site.buildProtocol(None)
    transport.protocol.makeConnection(transport)
    if data:
        transport.protocol.dataReceived(data)
    return transport


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def site(snapshot: Inspection, clock: Clock) -> Any:
    return status_site(lambda: snapshot, clock, ("status.example.net",))


@pytest.mark.parametrize(
    ("host", "own"),
    [
        (None, True),
        ("127.0.0.1:8040", True),
        ("10.1.2.3", True),
        ("[::1]:8040", True),
        ("[2001:db8::1]", True),
        ("localhost:8040", True),
        ("LOCALHOST.", True),
        (socket.gethostname(), True),
        ("Status.Example.net:8040", True),
        ("rebound.example.org:8040", False),
        ("status.example.net.example.org", False),
        ("127.0.0.1.example.org", False),
        ("", False),
        ("[::1", False),
    ],
)
def test_names_of_this_server(host: str | None, own: bool) -> None:
    assert is_own_host(host, own_hosts(["status.example.net"])) is own


@pytest.mark.parametrize("path", ["/", "/api/status", "/api/stream", "/metrics", "/livez", "/nowhere"])
def test_a_page_from_elsewhere_cannot_call_it_by_a_name_of_its_own(site: Any, path: str) -> None:
    transport = connect(site, f"GET {path} HTTP/1.1\r\nHost: rebound.example.org\r\n\r\n".encode())
    head, _, body = transport.value().decode().partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 421 Misdirected Request")
    assert body == "This server is not known by that name: call it by its address, or add the name to [web] hosts.\n"
    assert connect(site, b"GET /livez HTTP/1.1\r\nHost: status.example.net\r\n\r\n").value().startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("path", ["/", "/api/status", "/api/stream", "/metrics", "/livez", "/readyz", "/nowhere"])
def test_headers_of_every_answer(snapshot: Inspection, path: str) -> None:
    for method in ("GET", "POST"):
        _, headers, _ = get(lambda: snapshot, path, method)
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert not [name for name in headers if name.startswith("access-control-")]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "REBOOT"])
@pytest.mark.parametrize("path", ["/", "/api/status", "/api/stream", "/nowhere"])
def test_all_but_reading_is_refused_and_what_is_not_is_told(snapshot: Inspection, path: str, method: str) -> None:
    status, headers, _ = get(lambda: snapshot, path, method)
    assert (status, headers["allow"]) == (405, "GET, HEAD")


def test_reading_changes_nothing(snapshot: Inspection) -> None:
    """Pages take a snapshot, and have nothing else to work with."""
    asked: list[str] = []

    class Watched:
        def __call__(self) -> Inspection:
            asked.append("snapshot")
            return snapshot

    for path in ("/", "/api/status", "/readyz", "/metrics"):
        get(Watched(), path)
    assert set(asked) == {"snapshot"}


@pytest.mark.parametrize("length", [f"Content-Length: {MAX_BODY + 1}", "Transfer-Encoding: chunked"])
def test_large_bodies_are_not_received(site: Any, length: str) -> None:
    transport = connect(site, f"POST / HTTP/1.1\r\nHost: localhost\r\n{length}\r\n\r\n".encode())
    assert transport.value().startswith(b"HTTP/1.1 413 ")
    assert transport.disconnecting
    before = transport.value()
    transport.protocol.dataReceived(b"5\r\nabcde\r\n0\r\n\r\n" if "chunked" in length else b"x" * (MAX_BODY + 1))
    assert transport.value() == before


def test_a_small_body_is_only_refused(site: Any) -> None:
    assert connect(site, b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab").value().startswith(b"HTTP/1.1 405 ")


def test_headers_without_end(site: Any) -> None:
    transport = connect(site, b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (number, b"x" * 1000) for number in range(17)))
    assert transport.value().startswith(b"HTTP/1.1 400 ")
    assert transport.disconnecting


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"])
def test_slow_clients_are_cut(site: Any, clock: Clock, sent: bytes) -> None:
    """Whether they do not ask, or ask and do not read: no byte by byte keeps a connection."""
    transport = connect(site, sent)
    clock.advance(DEADLINE - 1)
    assert not transport.cut
    if not sent.endswith(b"\r\n\r\n"):
        transport.protocol.dataReceived(b"x")
    clock.advance(1)
    assert transport.cut


def test_a_connection_is_for_one_request(site: Any) -> None:
    one = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    transport = connect(site, one + one)
    assert transport.value().count(b"HTTP/1.1 200") == 1
    assert b"Connection: close" in transport.value()
    assert transport.disconnecting


def test_too_many_are_turned_away(site: Any) -> None:
    some = [connect(site) for _ in range(MAX_CONNECTIONS)]
    assert connect(site).cut
    assert not any(each.cut for each in some)
    some[0].protocol.connectionLost()
    assert not connect(site).cut


def test_a_stream_may_stay_as_long_as_it_reads(site: Any, clock: Clock) -> None:
    transport = connect(site, b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    clock.advance(DEADLINE + 1)
    assert not transport.cut
    transport.producer.pauseProducing()
    for _ in range(PATIENCE - 1):
        clock.advance(INTERVAL)
    assert not transport.cut
    transport.producer.resumeProducing()
    clock.advance(INTERVAL)
    transport.producer.pauseProducing()
    for _ in range(PATIENCE + 1):
        clock.advance(INTERVAL)
    assert transport.cut
    transport.protocol.connectionLost()
    assert clock.getDelayedCalls() == []


def test_streams_leave_room_for_probes() -> None:
    assert MAX_VIEWERS * 2 <= MAX_CONNECTIONS
