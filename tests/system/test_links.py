"""What T-Servers may do to their links: every way to associate, bad input of each kind, and going away. No link disturbs another."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConnector
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.python.failure import Failure

from bwconnector.csta import messages as csta
from bwconnector.csta.framing import MAX_FRAME
from tests.system.exchange import Exchange, TServer, until

ED3 = "http://www.ecma-international.org/standards/ecma-323/csta/ed3"


async def rings(exchange: Exchange, tserver: TServer, device: str = "bob") -> None:
    """A call comes in at ``device`` and goes: its monitor hears of it."""
    exchange.switch.dial("alice", device)
    exchange.switch.hang_up("alice")
    await until(lambda: f"{device} ConnectionCleared" in " ".join(tserver.told))
    heard = [line.split("{")[0] for line in tserver.told if line.startswith(f"{device} ")]
    assert heard == [f"{device} Delivered", f"{device} ConnectionCleared", f"{device} ConnectionCleared"]
    tserver.forget()


class TestAssociations:
    @pytest_twisted.ensureDeferred
    async def test_none(self, exchange: Exchange) -> None:
        tserver = await exchange.connect()
        assert tserver.statuses == ["normal"]
        assert (await tserver.ask(csta.RequestSystemStatus())).system_status == "normal"
        await tserver.monitor("bob")
        await rings(exchange, tserver)

    @pytest_twisted.ensureDeferred
    async def test_its_own_status_first(self, exchange: Exchange) -> None:
        tserver = await exchange.connect()
        await tserver.ask(csta.SystemStatus(system_status="normal"))
        await tserver.monitor("bob")
        await rings(exchange, tserver)

    @pytest_twisted.ensureDeferred
    async def test_system_registration(self, exchange: Exchange) -> None:
        tserver = await exchange.connect()
        registered = await tserver.ask(csta.SystemRegister(request_types=frozenset({"systemStatus"})))
        await until(lambda: len(tserver.statuses) == 2)
        status = tserver.messages[-1]
        assert isinstance(status, csta.SystemStatus)
        assert status.sys_stat_register_id == registered.sys_stat_register_id
        await tserver.monitor("bob")
        await rings(exchange, tserver)
        await tserver.ask(csta.SystemRegisterCancel(sys_stat_register_id=registered.sys_stat_register_id))
        assert await tserver.refused(csta.SystemRegisterCancel()) == "operation invalidCrossRefID"

    @pytest_twisted.ensureDeferred
    async def test_application_session(self, exchange: Exchange) -> None:
        tserver = await exchange.connect()
        started = await tserver.ask(
            csta.StartApplicationSession(
                application_info=csta.ApplicationInfo(application_id="tserver"),
                requested_protocol_versions=(ED3,),
                requested_session_duration=600,
            )
        )
        assert (started.actual_protocol_version, started.actual_session_duration) == (ED3, 600)
        await until(lambda: len(tserver.statuses) == 2)
        await tserver.monitor("bob")
        await rings(exchange, tserver)
        extended = await tserver.ask(csta.ResetApplicationSessionTimer(session_id=started.session_id, requested_session_duration=900))
        assert extended.actual_session_duration == 900
        stopped = await tserver.ask(csta.StopApplicationSession(session_id=started.session_id))
        assert isinstance(stopped, csta.StopApplicationSessionPosResponse)

    @pytest_twisted.ensureDeferred
    async def test_an_application_session_that_runs_out(self, exchange: Exchange) -> None:
        tserver = await exchange.connect()
        request = csta.StartApplicationSession(application_info=csta.ApplicationInfo(), requested_session_duration=1)
        started = await tserver.ask(request)
        await until(lambda: any(isinstance(message, csta.ApplicationSessionTerminated) for message in tserver.messages))
        ended = tserver.messages[-1]
        assert isinstance(ended, csta.ApplicationSessionTerminated)
        assert ended.session_id == started.session_id
        assert (await tserver.ask(csta.RequestSystemStatus())).system_status == "normal"

    @pytest_twisted.ensureDeferred
    async def test_capabilities(self, exchange: Exchange) -> None:
        tserver = await exchange.connect()
        for request in (csta.GetCSTAFeatures(), csta.GetSwitchingFunctionCaps(), csta.GetLogicalDeviceInformation(device="bob")):
            await tserver.ask(request)
        await tserver.hears({})


GARBAGE = {
    "random": bytes(range(1, 200)),
    "HTTP": b"GET / HTTP/1.1\r\nHost: connector\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(40),
    "SOAP": struct.pack(">HH4s", 1, 20, b"0001") + b"x" * 12,
    "no header": b'<?xml version="1.0"?><RequestSystemStatus/>',
    "no length": struct.pack(">HH4s", 0, 3, b"0001"),
    "no invoke id": struct.pack(">HH4s", 0, 20, b"12a4") + b"x" * 12,
}

UNREADABLE = {
    b"<MakeCall": "operation generic",
    b"": "operation generic",
    b"\x00\xff\xfe": "operation generic",
    f'<MakeCall xmlns="{ED3}"/>'.encode(): "operation atLeastOneConditionalParameterNotProvided",
    f'<PlayTrumpet xmlns="{ED3}"/>'.encode(): "operation serviceNotSupported",
    f'<SetDisplay xmlns="{ED3}"/>'.encode(): "operation serviceNotSupported",
    b'<!DOCTYPE a [<!ENTITY b "c">]><MonitorStop>&b;</MonitorStop>': "operation generic",
    b"<a>" * 5000: "operation generic",
}


class TestBadInput:
    @pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
    @pytest_twisted.ensureDeferred
    async def test_what_is_no_frame_ends_that_link_alone(self, exchange: Exchange, log_text: io.StringIO, garbage: bytes) -> None:
        bad, good = await exchange.connect(), await exchange.connect()
        await bad.monitor("carol")
        await good.monitor("bob")
        bad.raw(garbage)
        await until(lambda: bad.closed.called)
        assert bad.closed.called
        assert "link tserver-1 to 127.0.0.1" in log_text.getvalue()
        assert "Check what kind of client connects to this port" in log_text.getvalue()
        await rings(exchange, good)
        assert exchange.service.bridge.monitors.devices() == ["bob@example.net"]

    @pytest.mark.parametrize(
        ("body", "error"), UNREADABLE.items(), ids=[body[:20].decode("ascii", "replace") or "-" for body in UNREADABLE]
    )
    @pytest_twisted.ensureDeferred
    async def test_what_cannot_be_read_is_answered_with_its_invoke_id(self, exchange: Exchange, body: bytes, error: str) -> None:
        bad, good = await exchange.connect(), await exchange.connect()
        await good.monitor("bob")
        answered: Deferred[csta.Response] = bad.raw_frame("4711", body)
        await until(lambda: answered.called)
        answer = await answered
        assert isinstance(answer, csta.CSTAErrorCode)
        assert f"{answer.category} {answer.value}" == error
        assert (await bad.ask(csta.RequestSystemStatus())).system_status == "normal"
        await rings(exchange, good)

    @pytest_twisted.ensureDeferred
    async def test_the_largest_frame_is_read(self, exchange: Exchange) -> None:
        tserver = await exchange.connect()
        start, end = f'<RequestSystemStatus xmlns="{ED3}"><!--'.encode(), b"--></RequestSystemStatus>"
        answered = tserver.raw_frame("4711", start + b"x" * (MAX_FRAME - 8 - len(start) - len(end)) + end)
        await until(lambda: answered.called)
        assert isinstance(await answered, csta.RequestSystemStatusResponse)

    @pytest_twisted.ensureDeferred
    async def test_every_byte_by_itself(self, exchange: Exchange) -> None:
        tserver = await exchange.connect()
        tserver.transport.setTcpNoDelay(True)  # type: ignore[union-attr]
        body = f'<RequestSystemStatus xmlns="{ED3}"/>'.encode()
        answered: Deferred[csta.Response] = Deferred()
        tserver._waiting["4711"] = "RequestSystemStatus", answered
        for byte in struct.pack(">HH4s", 0, 8 + len(body), b"4711") + body:
            tserver.raw(bytes([byte]))
        await until(lambda: answered.called)
        assert isinstance(await answered, csta.RequestSystemStatusResponse)


class TestGoingAway:
    @pytest_twisted.ensureDeferred
    async def test_a_link_that_dies_leaves_nothing_behind(self, exchange: Exchange) -> None:
        tserver = await exchange.connect()
        await tserver.monitor("alice", "1002", "carol")
        exchange.switch.dial("alice", "1002")
        exchange.switch.answer("bob")
        exchange.switch.consult("bob", "1003")
        await until(lambda: any(line.startswith("carol Delivered") for line in tserver.told))
        tserver.transport.abortConnection()  # type: ignore[union-attr]
        await exchange.unsubscribed()
        await exchange.forgotten()
        assert exchange.service.bridge.monitors.all() == []
        assert exchange.service._links.factory.links == {}

    @pytest_twisted.ensureDeferred
    async def test_another_link_keeps_what_it_shares(self, exchange: Exchange) -> None:
        leaving, staying = await exchange.connect(), await exchange.connect()
        await leaving.monitor("alice", "bob")
        await staying.monitor("bob")
        await leaving.close()
        await until(lambda: exchange.service.bridge.monitors.devices() == ["bob@example.net"])
        await rings(exchange, staying)

    @pytest_twisted.ensureDeferred
    async def test_in_the_middle_of_a_request(self, exchange: Exchange) -> None:
        """What was asked for is carried out; there is only nobody to tell."""
        tserver = await exchange.connect()
        await tserver.monitor("alice")
        already = Deferred.fromCoroutine(tserver.ask(csta.MakeCall(calling_device="alice", called_directory_number="1002")))
        already.addErrback(lambda _: None)
        await tserver.close()
        await exchange.unsubscribed()
        await until(lambda: exchange.switch.legs("bob"))
        assert exchange.switch.legs("bob")

    @pytest_twisted.ensureDeferred
    async def test_many_links_come_and_go(self, exchange: Exchange) -> None:
        for _ in range(20):
            tserver = await exchange.connect()
            await tserver.ask(csta.MonitorStart(monitor_object=csta.MonitorObject(device_object="bob")))
            await tserver.close()
        await exchange.unsubscribed()
        assert exchange.service._links.factory.links == {}


class TestFloods:
    @pytest_twisted.ensureDeferred
    async def test_thousands_of_connections_cost_nobody_else_anything(self, exchange: Exchange) -> None:
        """Beyond max-links each is turned away before it is a link."""
        good = await exchange.connect()
        await good.monitor("bob")
        factory = exchange.service._links.factory
        factory.max_links = 1
        files = open_files()
        floods = [Flood(exchange.address.port) for _ in range(10)]
        await until(lambda: sum(flood.refused for flood in floods) >= 2000)
        await rings(exchange, good)
        for flood in floods:
            flood.stop()
        await until(lambda: open_files() <= files)
        assert factory.dropped["limit"] >= 2000
        assert set(factory.dropped) == {"limit"}
        assert list(factory.links) == ["tserver-1"]
        assert open_files() <= files

    @pytest_twisted.ensureDeferred
    async def test_connections_that_say_nothing_keep_nobody_out(self, exchange: Exchange) -> None:
        factory = exchange.service._links.factory
        factory.max_links, factory.message_tout = 3, 0.3
        silent = [Flood(exchange.address.port) for _ in range(3)]
        await until(lambda: factory.dropped["silent"] == 3)
        assert factory.dropped["silent"] == 3
        for each in silent:
            each.stop()
        await until(lambda: not factory.links)
        good = await exchange.connect()
        await good.monitor("bob")
        await rings(exchange, good)

    @pytest_twisted.ensureDeferred
    async def test_lengths_that_never_come_true(self, exchange: Exchange) -> None:
        """A header promises 65,535 bytes; a few come, again and again from the start."""
        factory = exchange.service._links.factory
        factory.message_tout = 0.3
        bad, good = await exchange.connect(), await exchange.connect()
        await good.monitor("bob")
        bad.raw(struct.pack(">HH4s", 0, 0xFFFF, b"0001") + b"<MakeCall>")
        await until(lambda: bad.closed.called)
        assert factory.dropped == {"silent": 1}
        await rings(exchange, good)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class Flood:
    """Connects, and when it is turned away connects again.

    :ivar refused: how often that was
    """

    def __init__(self, port: int) -> None:
        from twisted.internet import reactor

        self.refused = 0
        self._factory = ClientFactory()
        self._factory.noisy = False
        self._factory.protocol = Protocol
        self._factory.clientConnectionLost = self._lost  # type: ignore[method-assign]
        self._connector = reactor.connectTCP("127.0.0.1", port, self._factory)  # type: ignore[attr-defined]

    def _lost(self, connector: IConnector, reason: Failure) -> None:
        if self._connector is not None:
            self.refused += 1
            connector.connect()

    def stop(self) -> None:
        connector, self._connector = self._connector, None
        connector.disconnect()
