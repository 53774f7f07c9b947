"""Links over in-memory transports and real sockets: what keeps them alive, and what ends them."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock, deferLater
from twisted.internet.testing import StringTransport
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.python.failure import Failure

from bwconnector.csta import link as link_module
from bwconnector.csta.connection import CstaConnection, Received, Unreadable
from bwconnector.csta.errors import CstaError
from bwconnector.csta.framing import encode_frame
from bwconnector.csta.link import CLOSE_TIMEOUT, DEAD_AFTER, Link, LinkFactory
from bwconnector.csta.messages import (
    ConnectionID,
    CSTAErrorCode,
    HeldEvent,
    Message,
    PartyDevice,
    RequestSystemStatus,
    RequestSystemStatusResponse,
    SystemStatus,
    SystemStatusResponse,
)
from bwconnector.csta.xml import ED3, EventReport

HELD = HeldEvent(monitor_cross_ref_id="1", held_connection=ConnectionID("K", "a"), holding_device=PartyDevice("a"), cause="normal")
BAD_EVENT = attrs.evolve(HELD, cause="no such cause")


class Session:
    """Writes down what it is told, answers RequestSystemStatus, and fails on SystemStatus."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.told: list[Any] = []

    def received(self, invoke_id: str, message: Message, namespace: str) -> None:
        self.told.append(message)
        if isinstance(message, SystemStatus):
            raise RuntimeError("a bug in the application")
        if isinstance(message, RequestSystemStatus):
            self.link.send(invoke_id, RequestSystemStatusResponse(system_status="normal"), namespace)

    def unreadable(self, invoke_id: str, error: CstaError, namespace: str, detail: str) -> None:
        self.told.append(detail)
        self.link.send(invoke_id, CSTAErrorCode(error.category, error.value), namespace)

    def closed(self, reason: str) -> None:
        self.told.append(reason)


class Application:
    def __init__(self) -> None:
        self.sessions: list[Session] = []

    def link_opened(self, link: Link) -> Session:
        self.sessions.append(Session(link))
        return self.sessions[-1]


class Wire(StringTransport):
    """A transport whose peer may stop reading: beyond ``room`` bytes it pauses its producer, as real ones do."""

    room = 1 << 30
    aborting = False

    def write(self, data: bytes) -> None:
        super().write(data)
        if self.producer is not None and len(self.value()) > self.room:
            self.producer.pauseProducing()

    def abortConnection(self) -> None:
        self.aborting = True
        self.disconnecting = True


class Rig:
    """A factory, its application and a clock, and links on wires."""

    def __init__(self, **options: Any) -> None:
        self.application = Application()
        self.clock = Clock()
        self.factory = LinkFactory(self.application, self.clock, **options)  # type: ignore[arg-type]
        self.client = CstaConnection()

    def connect(self, address: Any = None) -> tuple[Protocol, Wire]:
        peer = address or IPv4Address("TCP", "192.0.2.7", 40001)
        wire = Wire(peerAddress=peer)
        protocol = self.factory.buildProtocol(peer)
        protocol.makeConnection(wire)
        return protocol, wire

    def link(self) -> tuple[Link, Wire, Session]:
        link, wire = self.connect()
        assert isinstance(link, Link)
        return link, wire, self.application.sessions[-1]

    def sent(self, wire: Wire) -> list[Received | Unreadable]:
        """What the client reads now."""
        self.client.receive_data(wire.value())
        wire.clear()
        return list(self.client)

    def request(self, message: Message) -> bytes:
        return self.client.send(self.client.next_invoke_id(), message, ED3)


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """What was logged, as text."""
    lines: list[str] = []

    def observe(event: LogEvent) -> None:
        lines.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    yield lines
    globalLogPublisher.removeObserver(observe)


@pytest.fixture
def provoked(request: pytest.FixtureRequest) -> Iterator[None]:
    """For a test that provokes a bug: that it is logged as an error is right then."""
    strict = request.getfixturevalue("logged_errors") if "logged_errors" in request.fixturenames else None
    yield
    if strict is not None:
        strict.take()


STATUS = RequestSystemStatusResponse(system_status="normal")
GENERIC = CSTAErrorCode("operation", "generic")


def test_a_request_is_answered_on_its_link(logged: list[str]) -> None:
    rig = Rig()
    link, wire, session = rig.link()
    link.dataReceived(rig.request(RequestSystemStatus()))
    assert rig.sent(wire) == [Received("0000", STATUS, ED3)]
    assert session.told == [RequestSystemStatus()]
    assert (link.messages_in, link.messages_out) == (1, 1)
    assert logged == ["link tserver-1 to 192.0.2.7:40001 is open"]


def test_events_and_requests_of_our_own() -> None:
    rig = Rig()
    link, wire, _ = rig.link()
    link.send(link.next_invoke_id(), SystemStatus(), ED3)
    link.send_event(HELD, ED3)
    assert rig.sent(wire) == [Received("0000", SystemStatus(), ED3), Received("9999", HELD, ED3)]


def test_what_cannot_be_read_is_answered_if_somebody_waits_for_it(logged: list[str]) -> None:
    rig = Rig()
    link, wire, session = rig.link()
    link.dataReceived(encode_frame("0001", b"<DialDigits/>") + encode_frame("0002", b"<SystemStatusResponse><extensions>"))
    link.dataReceived(encode_frame("0003", b"<MonitorStartResponse/>"))
    assert [(item.invoke_id, item.message) for item in rig.sent(wire)] == [  # type: ignore[union-attr]
        ("0001", CSTAErrorCode("operation", "serviceNotSupported")),
        ("0002", GENERIC),
    ]
    assert len(session.told) == 2
    assert any("MonitorStartResponse: monitorCrossRefID is missing" in line for line in logged)


@pytest.mark.usefixtures("provoked")
def test_a_bug_of_the_application_costs_one_request_and_not_the_link(logged: list[str]) -> None:
    rig = Rig()
    link, wire, _ = rig.link()
    link.dataReceived(rig.request(SystemStatus()) + rig.request(RequestSystemStatus()))
    assert rig.sent(wire) == [Received("0000", GENERIC, ED3), Received("0001", STATUS, ED3)]
    assert any("invoke id 0000 could not be dealt with" in line for line in logged)


@pytest.mark.usefixtures("provoked")
def test_a_bug_with_what_is_no_request_is_not_answered() -> None:
    rig = Rig()
    link, wire, session = rig.link()
    session.received = lambda invoke_id, message, namespace: 1 / 0  # type: ignore[assignment]
    link.dataReceived(rig.client.send("0001", SystemStatusResponse(), ED3))
    assert rig.sent(wire) == []


@pytest.mark.usefixtures("provoked")
def test_an_answer_that_cannot_be_encoded_becomes_an_error(logged: list[str]) -> None:
    rig = Rig()
    link, wire, _ = rig.link()
    link.send("0005", RequestSystemStatusResponse(system_status="fine"), ED3)
    link.send("0006", SystemStatusResponse(extensions={"Long": "x" * 70_000}), ED3)
    link.send("0007", SystemStatus(system_status="fine"), ED3)
    link.send_event(BAD_EVENT, ED3)
    assert rig.sent(wire) == [Received("0005", GENERIC, ED3), Received("0006", GENERIC, ED3)]
    assert sum("could not be sent" in line for line in logged) == 4


def test_a_report_is_sent_with_the_reference_of_each_monitor() -> None:
    rig = Rig()
    link, wire, _ = rig.link()
    report = EventReport(attrs.evolve(HELD, monitor_cross_ref_id=""))
    link.send_report(report, "1", ED3)
    link.send_report(report, "22", ED3)
    assert rig.sent(wire) == [Received("9999", attrs.evolve(HELD, monitor_cross_ref_id=each), ED3) for each in ("1", "22")]


@pytest.mark.usefixtures("provoked")
def test_a_report_that_cannot_be_encoded_is_left_out(logged: list[str]) -> None:
    rig = Rig()
    link, wire, _ = rig.link()
    link.send_report(EventReport(BAD_EVENT), "1", ED3)
    assert rig.sent(wire) == []
    assert sum("HeldEvent could not be sent" in line for line in logged) == 1


def test_a_broken_frame_ends_its_link_and_no_other(logged: list[str]) -> None:
    rig = Rig()
    link, wire, _ = rig.link()
    other, other_wire, _ = rig.link()
    link.dataReceived(rig.request(RequestSystemStatus()) + b"GET / HTTP/1.1\r\n\r\n")
    assert rig.sent(wire) == [Received("0000", STATUS, ED3)]
    assert wire.disconnecting
    assert rig.factory.dropped == {"framing": 1}
    assert any("tserver-1" in line and "HTTP request" in line and "47 45 54" in line for line in logged)
    link.dataReceived(rig.request(RequestSystemStatus()))
    assert rig.sent(wire) == []
    other.dataReceived(rig.request(RequestSystemStatus()))
    assert len(rig.sent(other_wire)) == 1


def test_names_are_unique_and_used_again() -> None:
    rig = Rig()
    first, second = rig.link()[0], rig.link()[0]
    assert list(rig.factory.links) == ["tserver-1", "tserver-2"]
    first.connectionLost(Failure(ConnectionDone()))
    assert rig.link()[0].name == "tserver-1"
    assert second.name == "tserver-2"


def test_too_many_links_are_refused(logged: list[str]) -> None:
    rig = Rig(max_links=2)
    first, _, _ = rig.link()
    rig.link()
    refused, wire = rig.connect()
    assert not isinstance(refused, Link)
    assert wire.aborting
    assert rig.factory.dropped == {"limit": 1}
    assert logged[-1] == "connection from 192.0.2.7:40001 is refused: 2 links are open ([csta] max-links)"
    first.connectionLost(Failure(ConnectionDone()))
    assert isinstance(rig.connect()[0], Link)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        (IPv4Address("TCP", "192.0.2.7", 1), True),
        (IPv4Address("TCP", "198.51.100.1", 1), False),
        (IPv6Address("TCP", "2001:db8::1", 1), True),
        (IPv6Address("TCP", "fe80::1%eth0", 1), False),
        (IPv6Address("TCP", "::ffff:192.0.2.9", 1), True),
        (UNIXAddress("/run/bwc.sock"), True),
    ],
)
def test_only_allowed_networks_may_connect(address: Any, allowed: bool) -> None:
    rig = Rig(allow=[ipaddress.ip_network("192.0.2.0/24"), ipaddress.ip_network("2001:db8::/32")])
    protocol, wire = rig.connect(address)
    assert isinstance(protocol, Link) == allowed
    assert wire.aborting != allowed


@pytest.mark.usefixtures("provoked")
def test_a_link_that_the_application_cannot_take_is_dropped(logged: list[str]) -> None:
    rig = Rig()
    rig.application.link_opened = lambda link: 1 / 0  # type: ignore[assignment, return-value]
    _, wire = rig.connect()
    assert wire.aborting
    assert any("the application could not take it" in line for line in logged)


def test_a_slow_link_is_given_a_queue_and_catches_up() -> None:
    rig = Rig()
    link, wire, _ = rig.link()
    frame = len(rig.client.send_event(HELD, ED3))
    wire.room = 3 * frame
    for _ in range(10):
        link.send_event(HELD, ED3)
    assert len(wire.value()) == 4 * frame
    assert link.unsent == 6 * frame
    assert len(rig.sent(wire)) == 4
    link.resumeProducing()
    assert link.unsent == 2 * frame
    assert len(rig.sent(wire)) == 4
    link.resumeProducing()
    assert link.unsent == 0
    assert len(rig.sent(wire)) == 2
    assert link.messages_out == 10


def test_a_link_that_does_not_read_is_cut_off(logged: list[str]) -> None:
    rig = Rig(send_queue_limit=2000)
    link, wire, session = rig.link()
    wire.room = 0
    for _ in range(100):
        link.send_event(HELD, ED3)
    assert wire.aborting
    assert link.unsent == 0
    assert link.messages_out < 10
    assert rig.factory.dropped == {"slow": 1}
    assert any("tserver-1" in line and "send-queue-limit is 2000" in line for line in logged)
    link.connectionLost(Failure(ConnectionLost()))
    assert session.told == ["it does not read what is sent to it"]
    assert rig.factory.links == {}


def test_closing_sends_what_waits_and_then_does_not_wait_long() -> None:
    rig = Rig()
    link, wire, session = rig.link()
    wire.room = 0
    link.send_event(HELD, ED3)
    link.send_event(HELD, ED3)
    link.close("the connector stops")
    assert len(rig.sent(wire)) == 2
    assert wire.disconnecting
    assert not wire.aborting
    link.send_event(HELD, ED3)
    assert rig.sent(wire) == []
    rig.clock.advance(CLOSE_TIMEOUT)
    assert wire.aborting
    link.connectionLost(Failure(ConnectionLost()))
    assert session.told == ["the connector stops"]
    assert rig.clock.getDelayedCalls() == []


def test_a_link_that_closes_in_time_leaves_no_timer() -> None:
    rig = Rig()
    link, _, _ = rig.link()
    link.close("the connector stops")
    link.close("twice")
    link.connectionLost(Failure(ConnectionDone()))
    assert rig.clock.getDelayedCalls() == []


def test_closing_all_takes_as_long_as_the_last_one() -> None:
    rig = Rig()
    first, second = rig.link()[0], rig.link()[0]
    done: list[None] = []
    rig.factory.close_all("the connector stops").addCallback(done.append)
    first.connectionLost(Failure(ConnectionDone()))
    assert done == []
    assert not isinstance(rig.connect()[0], Link)
    second.connectionLost(Failure(ConnectionDone()))
    assert done == [None]


def test_closing_all_of_none_is_done_at_once() -> None:
    done: list[None] = []
    Rig().factory.close_all("the connector stops").addCallback(done.append)
    assert done == [None]


@pytest.mark.usefixtures("provoked")
def test_a_session_that_fails_at_the_end_does_not_keep_its_link() -> None:
    rig = Rig()
    link, _, session = rig.link()
    session.closed = lambda reason: 1 / 0  # type: ignore[assignment]
    link.connectionLost(Failure(ConnectionDone()))
    assert rig.factory.links == {}


def test_every_frame_can_be_recorded() -> None:
    seen: list[tuple[str, str, bytes]] = []
    rig = Rig(trace=lambda *what: seen.append(what))
    link, wire, _ = rig.link()
    request = rig.request(RequestSystemStatus())
    link.dataReceived(request[:5])
    link.dataReceived(request[5:])
    link.dataReceived(unreadable := encode_frame("0007", b"<no XML"))
    sent = wire.value()
    link.connectionLost(Failure(ConnectionDone()))
    opened, first, *answers, closed = seen
    assert opened == ("tserver-1", "open", link.peer.encode())
    assert (first, answers[1]) == (("tserver-1", "in", request), ("tserver-1", "in", unreadable))
    assert closed[:2] == ("tserver-1", "closed")
    assert b"".join(data for _, what, data in answers if what == "out") == sent


class Client(Protocol):
    """A T-Server at the other end of a real socket."""

    def __init__(self) -> None:
        self.core = CstaConnection()
        self.got: list[Received | Unreadable] = []
        self.wanted = 0
        self.enough: Deferred[None] = Deferred()
        self.lost: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.core.receive_data(data)
        self.got.extend(self.core)
        if self.wanted and len(self.got) >= self.wanted and not self.enough.called:
            self.enough.callback(None)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.lost.callback(None)


async def listening(**options: Any) -> tuple[LinkFactory, Application, Any]:
    application = Application()
    factory = LinkFactory(application, reactor, **options)  # type: ignore[arg-type]
    port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
    return factory, application, port


async def connected(port: Any) -> Client:
    endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
    client: Client = await connectProtocol(endpoint, Client())
    return client


@pytest.mark.usefixtures("provoked")
@pytest_twisted.ensureDeferred
async def test_real_sockets() -> None:
    factory, application, port = await listening()
    client = await connected(port)
    client.wanted = 2
    client.transport.write(client.core.send("0001", RequestSystemStatus(), ED3) + client.core.send("0002", SystemStatus(), ED3))
    await client.enough
    assert client.got == [Received("0001", STATUS, ED3), Received("0002", GENERIC, ED3)]
    (link,) = factory.links.values()
    handle = link.transport.getHandle()
    assert handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
    assert handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0
    await port.stopListening()
    await factory.close_all("the test is over")
    await client.lost
    assert application.sessions[0].told[-1] == "the test is over"


@pytest_twisted.ensureDeferred
async def test_a_real_client_that_stops_reading_is_cut_off() -> None:
    limit = 100_000
    factory, application, port = await listening(send_queue_limit=limit)
    client = await connected(port)
    client.wanted = 1
    client.transport.write(client.core.send("0001", RequestSystemStatus(), ED3))
    await client.enough
    client.transport.pauseProducing()
    (link,) = factory.links.values()
    gone = Deferred()
    application.sessions[0].closed = gone.callback  # type: ignore[method-assign]
    most = 0

    def talk() -> None:
        nonlocal most
        for _ in range(2000):
            most = max(most, link.unsent)
            link.send_event(HELD, ED3)
        if not link.ended:
            reactor.callLater(0, talk)  # type: ignore[attr-defined]

    talk()
    assert await gone == "it does not read what is sent to it"
    assert 0 < most <= limit
    client.transport.resumeProducing()
    await client.lost
    await port.stopListening()
    await factory.close_all("the test is over")


# Peers that are slow, or dead


async def end(factory: LinkFactory, client: Client, port: Any) -> None:
    client.transport.abortConnection()  # type: ignore[union-attr]
    await client.lost
    await port.stopListening()
    await factory.close_all("the test is over")


def test_a_client_that_says_nothing_makes_room(logged: list[str]) -> None:
    rig = Rig(message_tout=60, max_links=1)
    link, wire, _ = rig.link()
    rig.clock.advance(59)
    assert not link.ended
    rig.clock.advance(1)
    assert wire.aborting
    assert rig.factory.dropped == {"silent": 1}
    assert any("tserver-1 to 192.0.2.7:40001 is cut off: no whole message came from it within 60 s" in line for line in logged)
    link.connectionLost(Failure(ConnectionLost()))
    rig.link()
    assert not rig.factory.dropped["limit"]


@pytest.mark.parametrize("whole", [0, 1])
def test_a_header_byte_by_byte_does_not_win_time(whole: int) -> None:
    rig = Rig(message_tout=60)
    link, wire, _ = rig.link()
    link.dataReceived(rig.request(RequestSystemStatus()) * whole)
    for byte in rig.request(RequestSystemStatus())[:59]:
        assert not link.ended
        link.dataReceived(bytes([byte]))
        rig.clock.advance(60 / 59)
    rig.clock.advance(0.1)
    assert wire.aborting


def test_a_client_that_speaks_has_all_the_time_between_messages() -> None:
    rig = Rig(message_tout=60)
    link, wire, _ = rig.link()
    link.dataReceived(rig.request(RequestSystemStatus()))
    rig.clock.advance(86_400)
    request = rig.request(RequestSystemStatus())
    for _ in range(5):
        link.dataReceived(request[:20])
        rig.clock.advance(59)
        link.dataReceived(request[20:] + request[:20])
        rig.clock.advance(59)
        link.dataReceived(request[20:])
    assert not rig.clock.getDelayedCalls()
    assert len(rig.sent(wire)) == 11


def test_without_the_option_a_client_may_be_silent_for_ever() -> None:
    rig = Rig(message_tout=0)
    link, _, _ = rig.link()
    link.dataReceived(b"\0")
    assert not rig.clock.getDelayedCalls()
    assert not link.ended


@pytest_twisted.ensureDeferred
async def test_the_system_is_told_to_notice_the_death_of_a_peer() -> None:
    factory, _, port = await listening()
    client = await connected(port)
    (link,) = factory.links.values()
    connection = link._transport.socket
    told = [connection.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")]
    assert told == [30, 10, 3]
    assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == DEAD_AFTER * 1000
    await end(factory, client, port)


@pytest_twisted.ensureDeferred
async def test_a_real_client_that_reads_no_more_is_dead_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """However little waits for it: the system notices, the link does not wait for its queue to fill."""
    monkeypatch.setitem(link_module._KEEPALIVE, "TCP_USER_TIMEOUT", 500)
    factory, application, port = await listening()
    client = await connected(port)
    client.transport.pauseProducing()  # type: ignore[union-attr]
    (session,) = application.sessions
    while not session.link.unsent:
        for _ in range(1000):
            session.link.send_event(HELD, ED3)
        await deferLater(reactor, 0)  # type: ignore[arg-type]
    assert session.link.unsent < factory.send_queue_limit
    while factory.links:
        await deferLater(reactor, 0.02)  # type: ignore[arg-type]
    assert "lost" in session.told[-1]
    assert not factory.dropped
    await end(factory, client, port)
