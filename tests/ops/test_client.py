"""The small CSTA client, the watch, and the bwctl commands, against a CSTA server in this process."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from bwconnector import ctl
from bwconnector.csta.connection import CstaConnection, Received
from bwconnector.csta.messages import (
    AgentReadyEvent,
    ConnectionID,
    CSTAErrorCode,
    MakeCall,
    Message,
    MonitorStart,
    MonitorStop,
    MonitorStopResponse,
    PartyDevice,
    RequestSystemStatus,
    RequestSystemStatusResponse,
    SystemStatus,
    SystemStatusResponse,
    TransferedEvent,
)
from bwconnector.csta.xml import ED3
from bwconnector.ops.client import ANSWER_TIMEOUT, CstaClient, RequestRefused, address_of
from bwconnector.ops.watch import event_line
from tests.ops.server import Listener, delivered


class Wire:
    """A client on an in-memory transport, and what it says and hears."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.heard: list[Message] = []
        self.client = CstaClient(self.clock, self.heard.append)
        self.transport = StringTransport()
        self.client.makeConnection(self.transport)
        self._peer = CstaConnection()

    def said(self) -> list[Received]:
        """What the client has sent since the last time."""
        self._peer.receive_data(self.transport.value())
        self.transport.clear()
        return [received for received in self._peer if isinstance(received, Received)]

    def answer(self, invoke_id: str, message: Message) -> None:
        self.client.dataReceived(self._peer.send(invoke_id, message, ED3))

    def request(self) -> tuple[str, Deferred[Any]]:
        """Start a request; its invoke id, and its result to come."""
        result = Deferred.fromCoroutine(self.client.request(RequestSystemStatus(), RequestSystemStatusResponse))
        (sent,) = self.said()
        return sent.invoke_id, result

    def failure(self, result: Deferred[Any]) -> Exception:
        caught: list[Failure] = []
        result.addErrback(caught.append)
        assert isinstance(caught[0].value, Exception)
        return caught[0].value


@pytest.fixture
def wire() -> Wire:
    return Wire()


class TestRequests:
    def test_answers_find_their_requests_in_any_order(self, wire: Wire) -> None:
        (first_id, first), (second_id, second) = wire.request(), wire.request()
        wire.answer(second_id, RequestSystemStatusResponse(system_status="disabled"))
        wire.answer(first_id, RequestSystemStatusResponse(system_status="normal"))
        results: list[str] = []
        for result in (first, second):
            result.addCallback(lambda answer: results.append(answer.system_status))
        assert results == ["normal", "disabled"]

    def test_a_refusal_says_why(self, wire: Wire) -> None:
        invoke_id, result = wire.request()
        wire.answer(invoke_id, CSTAErrorCode(category="operation", value="invalidDeviceID"))
        error = wire.failure(result)
        assert isinstance(error, RequestRefused)
        assert str(error) == "RequestSystemStatus was refused: operation invalidDeviceID"

    def test_a_wrong_answer(self, wire: Wire) -> None:
        invoke_id, result = wire.request()
        wire.answer(invoke_id, MonitorStopResponse())
        assert "answered with MonitorStopResponse" in str(wire.failure(result))

    def test_no_answer(self, wire: Wire) -> None:
        _, result = wire.request()
        wire.clock.advance(ANSWER_TIMEOUT)
        assert "not answered within 10 s" in str(wire.failure(result))
        assert not wire.clock.getDelayedCalls()

    def test_an_answer_that_comes_too_late_is_dropped(self, wire: Wire) -> None:
        invoke_id, result = wire.request()
        wire.clock.advance(ANSWER_TIMEOUT)
        wire.failure(result)
        wire.answer(invoke_id, RequestSystemStatusResponse(system_status="normal"))
        assert wire.heard == []

    def test_the_link_is_lost(self, wire: Wire) -> None:
        _, result = wire.request()
        wire.client.connectionLost(Failure(ConnectionDone()))
        assert "the link was closed" in str(wire.failure(result))
        assert wire.client.closed.called
        assert "closed" in str(wire.failure(Deferred.fromCoroutine(wire.client.request(RequestSystemStatus(), SystemStatusResponse))))

    def test_a_peer_that_speaks_something_else(self, wire: Wire) -> None:
        _, result = wire.request()
        wire.client.dataReceived(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        assert "no CSTA" in str(wire.failure(result))
        assert wire.transport.disconnecting


class TestServersRequests:
    @pytest.mark.parametrize(
        ("request_", "answer"),
        [
            (SystemStatus(system_status="normal"), SystemStatusResponse()),
            (MonitorStop(monitor_cross_ref_id="1"), MonitorStopResponse()),
        ],
    )
    def test_are_answered_and_told(self, wire: Wire, request_: Message, answer: Message) -> None:
        wire.answer("0042", request_)
        assert [(said.invoke_id, said.message) for said in wire.said()] == [("0042", answer)]
        assert wire.heard == [request_]

    def test_others_are_refused(self, wire: Wire) -> None:
        wire.answer("0007", MakeCall(calling_device="1", called_directory_number="2"))
        (said,) = wire.said()
        assert said.message == CSTAErrorCode(category="operation", value="serviceNotSupported")


class TestEventLine:
    def test_of_a_call(self) -> None:
        line = event_line("1001", delivered("1001"))
        assert line.split() == ["1001", "Delivered", "77:1/1001", "alerting", "newCall", "from", "1000", "to", "1001"]

    def test_of_an_agent(self) -> None:
        event = AgentReadyEvent(monitor_cross_ref_id="1", agent_device=PartyDevice("1001"), agent_id="7", acd_group="900")
        assert event_line("1001", event).split() == ["1001", "AgentReady", "-", "-", "-", "agent", "7", "group", "900"]

    def test_of_a_transfer(self) -> None:
        event = TransferedEvent(
            monitor_cross_ref_id="1",
            primary_old_call=ConnectionID(call_id="77:1", device_id="1000"),
            transferring_device=PartyDevice("1000"),
            transferred_to_device=PartyDevice(absent="notKnown"),
            transferred_connections=(),
            cause="transfer",
        )
        assert event_line("1000", event).split()[-3:] == ["goes", "to", "notKnown"]


@pytest.mark.parametrize(
    ("text", "address"), [("localhost:1040", ("localhost", 1040)), ("[::1]:1040", ("::1", 1040)), ("10.0.0.1:1", ("10.0.0.1", 1))]
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert address_of(text) == address


@pytest.mark.parametrize("text", ["localhost", ":1040", "localhost:", "localhost:0", "localhost:65536", "localhost:csta"])
def test_no_addresses(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        address_of(text)


class Bwctl:
    """Runs commands against a server on a port of its own."""

    def __init__(self, listener: Listener, reactor: Any, port: int) -> None:
        self.listener = listener
        self.reactor = reactor
        self.address = f"127.0.0.1:{port}"

    async def run(self, command: str, *arguments: str) -> int:
        """The exit code."""
        try:
            await ctl._run(self.reactor, ctl._parser().parse_args([command, self.address, *arguments]))
        except SystemExit as end:
            assert isinstance(end.code, int)
            return end.code
        return 0


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest_twisted.async_yield_fixture
async def bwctl(listener: Listener) -> AsyncIterator[Bwctl]:
    from twisted.internet import reactor

    port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(listener)
    try:
        yield Bwctl(listener, reactor, port.getHost().port)
    finally:
        await port.stopListening()


class TestCommands:
    @pytest_twisted.ensureDeferred
    async def test_status(self, bwctl: Bwctl, capsys: pytest.CaptureFixture[str]) -> None:
        assert await bwctl.run("status") == 0
        assert capsys.readouterr().out == "normal\n"

    @pytest_twisted.ensureDeferred
    async def test_status_that_is_not_normal(self, bwctl: Bwctl, capsys: pytest.CaptureFixture[str]) -> None:
        bwctl.listener.answers[RequestSystemStatus] = lambda _: RequestSystemStatusResponse(system_status="disabled")
        assert await bwctl.run("status") == 1
        assert capsys.readouterr().out == "disabled\n"

    @pytest_twisted.ensureDeferred
    async def test_dial(self, bwctl: Bwctl, capsys: pytest.CaptureFixture[str]) -> None:
        assert await bwctl.run("dial", "1000", "1001") == 0
        assert capsys.readouterr().out == "call 77:1 from 1000 to 1001\n"
        (link,) = bwctl.listener.links
        asked = [message for message in link.received if isinstance(message, MakeCall)]
        assert asked == [MakeCall(calling_device="1000", called_directory_number="1001")], "a strict connector refuses anything else"

    @pytest_twisted.ensureDeferred
    async def test_dial_that_is_refused(self, bwctl: Bwctl, capsys: pytest.CaptureFixture[str]) -> None:
        bwctl.listener.answers[MakeCall] = lambda _: CSTAErrorCode(category="operation", value="invalidCallingDeviceID")
        assert await bwctl.run("dial", "1", "2") == 1
        assert capsys.readouterr().err == "bwctl: MakeCall was refused: operation invalidCallingDeviceID\n"

    @pytest_twisted.ensureDeferred
    async def test_watch_ends_its_monitors_in_order(self, bwctl: Bwctl, capsys: pytest.CaptureFixture[str]) -> None:
        bwctl.listener.after[MonitorStart] = lambda link, request: link.tell(delivered(request.monitor_object.device_object))
        assert await bwctl.run("watch", "1001", "1002", "--events", "2") == 0
        (link,) = bwctl.listener.links
        stopped = [message.monitor_cross_ref_id for message in link.received if isinstance(message, MonitorStop)]
        assert stopped == ["ref-1001", "ref-1002"]
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[2] for line in lines if "Delivered" in line] == ["Delivered", "Delivered"]
        assert all(re.match(r"\d\d:\d\d:\d\d\.\d{3}  ", line) for line in lines)

    @pytest_twisted.ensureDeferred
    async def test_watch_ends_after_its_time(self, bwctl: Bwctl) -> None:
        assert await bwctl.run("watch", "1001", "--seconds", "0.01") == 0

    @pytest_twisted.ensureDeferred
    async def test_watch_goes_on_without_a_device_that_is_refused(self, bwctl: Bwctl, capsys: pytest.CaptureFixture[str]) -> None:
        start = bwctl.listener.answers[MonitorStart]
        refusal = CSTAErrorCode(category="operation", value="invalidDeviceID")
        bwctl.listener.answers[MonitorStart] = lambda request: refusal if request.monitor_object.device_object == "x" else start(request)
        assert await bwctl.run("watch", "x", "1001", "--seconds", "0.01") == 0
        told = capsys.readouterr().out
        assert "x             is not watched: MonitorStart was refused: operation invalidDeviceID" in told
        assert "watching 1001" in told

    @pytest_twisted.ensureDeferred
    async def test_watch_without_any_device(self, bwctl: Bwctl, capsys: pytest.CaptureFixture[str]) -> None:
        bwctl.listener.answers[MonitorStart] = lambda _: CSTAErrorCode(category="operation", value="invalidDeviceID")
        assert await bwctl.run("watch", "x") == 1
        assert "there is nothing to watch" in capsys.readouterr().err

    @pytest_twisted.ensureDeferred
    async def test_watch_tells_that_the_server_stops_it(self, bwctl: Bwctl, capsys: pytest.CaptureFixture[str]) -> None:
        def stop(link: Any, request: Any) -> None:
            link.ask(SystemStatus(system_status="disabled"))
            link.ask(MonitorStop(monitor_cross_ref_id="ref-1001"))

        bwctl.listener.after[MonitorStart] = stop
        assert await bwctl.run("watch", "1001") == 1
        printed = capsys.readouterr()
        assert "system status: disabled" in printed.out
        assert "stopped all monitors" in printed.err

    @pytest_twisted.ensureDeferred
    async def test_watch_ends_with_the_link(self, bwctl: Bwctl, capsys: pytest.CaptureFixture[str]) -> None:
        bwctl.listener.after[MonitorStart] = lambda link, _: link.transport.loseConnection()
        assert await bwctl.run("watch", "1001") == 1
        assert "the link was closed" in capsys.readouterr().err

    @pytest_twisted.ensureDeferred
    async def test_a_closed_port(self, bwctl: Bwctl, capsys: pytest.CaptureFixture[str]) -> None:
        bwctl.address = "127.0.0.1:1"
        assert await bwctl.run("status") == 1
        assert "nothing listens there; is the connector running?" in capsys.readouterr().err

    @pytest.mark.parametrize("line", [[], ["watch", "localhost:1"], ["dial", "localhost"], ["frobnicate"]])
    def test_a_command_line_that_makes_no_sense(self, line: list[str]) -> None:
        with pytest.raises(SystemExit) as end:
            ctl._parser().parse_args(line)
        assert end.value.code == 2
