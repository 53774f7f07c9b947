"""The whole connector on real sockets while the XSPs of its simulator are killed and revived: what a T-Server hears."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol

from bwconnector.bridge.status import MONITOR_STOP, REPAIR
from bwconnector.config import Config, ConnectorOptions, CstaOptions, Secret, WebOptions, XspLink
from bwconnector.csta import messages as csta
from bwconnector.ops.client import CstaClient, RequestRefused, connect
from bwconnector.service import ConnectorService, make_service
from bwconnector.simulator.broadworks import Subscription, Target
from bwconnector.simulator.config import SimulatorConfig
from bwconnector.simulator.service import SimulatorService, make_simulator
from bwconnector.xsi.channel import State

from ..xsi.server import asynchronous, reactor, until
from .exchange import timers

pytestmark = pytest.mark.system


@attrs.define
class Site:
    """A connector with its simulator, and a T-Server that monitors three devices."""

    service: ConnectorService
    tserver: CstaClient
    got: list[csta.Message]
    users: list[str]

    @property
    def simulator(self) -> SimulatorService:
        simulator = self.service.getServiceNamed("simulator")
        assert isinstance(simulator, SimulatorService)
        return simulator

    def heard(self) -> list[str]:
        """A status by its value, everything else by its name."""
        return [str(m.system_status) if isinstance(m, csta.SystemStatus) else type(m).__name__ for m in self.got]

    def channels_up(self, count: int) -> bool:
        return self.service.channel_set.up_count == count

    def kill(self, *names: str) -> None:
        for name in names:
            self.simulator.xsps[name].stop()

    def revive(self, *names: str) -> None:
        for name in names:
            self.simulator.xsps[name].start()

    async def monitor(self) -> None:
        for device in self.users:
            start = csta.MonitorStart(monitor_object=csta.MonitorObject(device_object=device))
            await self.tserver.request(start, csta.MonitorStartResponse)
        # the silent first snapshots, so that the model begins with what BroadWorks says
        await until(lambda: len(self.service.bridge._seeded) == len(self.users))

    async def status(self) -> str | None:
        return (await self.tserver.request(csta.RequestSystemStatus(), csta.RequestSystemStatusResponse)).system_status


@asynccontextmanager
async def site(policy: str, alerting_limit: int = 0) -> AsyncIterator[Site]:
    config = Config(
        connector=ConnectorOptions(
            channel_set_name="redundancy",
            app_controller="redundancy",
            kpl_interval=1,
            link_recovery_tout=1,
            link_loss_policy=policy,
            alerting_limit=alerting_limit,
        ),
        csta=CstaOptions(listen=("tcp:0:interface=127.0.0.1",), status_on_connect=False),
        web=WebOptions(listen=""),
        simulator=SimulatorConfig(xsps=2, users=6, demo=False, admin=False),
    )
    before = timers()
    service = make_service(config, reactor)
    service.startService()
    try:
        await until(lambda: service.channel_set.up_count == 2)
        port = service._links.ports[0]._waitingForPort.result.getHost().port
        got: list[csta.Message] = []
        tserver = await connect(reactor, ("127.0.0.1", port), got.append)
        simulator = service.getServiceNamed("simulator")
        users = [user.extension for user in simulator.broadworks.switch.directory.users.values()][:3]
        here = Site(service, tserver, got, users)
        await here.monitor()
        yield here
        await tserver.close()
    finally:
        await service.stopService()
        # requests that were under way have nobody to answer them any more
        await until(lambda: timers() <= before)


@asynchronous
@pytest.mark.parametrize("policy", [MONITOR_STOP, REPAIR])
async def test_one_of_two_xsps_dies_and_nobody_notices(policy: str) -> None:
    async with site(policy) as here:
        alice, bob, _ = here.users
        switch = here.simulator.broadworks.switch
        switch.dial(alice, bob)
        await until(lambda: here.heard().count("DeliveredEvent") == 2)
        for name in ("xsp1", "xsp2"):
            here.kill(name)
            await until(lambda: here.channels_up(1))
            call = switch.legs(bob)[0].call.state
            (switch.answer if call == "Alerting" else switch.hang_up)(bob)
            assert await here.status() == "normal"
            here.revive(name)
            await until(lambda: here.channels_up(2))
        await until(lambda: here.heard().count("ConnectionClearedEvent") >= 3)
        # which monitor hears first is a matter of the streams
        expected = ["OriginatedEvent", *["DeliveredEvent"] * 2, *["EstablishedEvent"] * 2, *["ConnectionClearedEvent"] * 3]
        assert sorted(here.heard()) == sorted(expected)
        assert list(here.service.bridge.gaps) == []


@asynchronous
async def test_a_stream_that_goes_silent_is_replaced_and_nobody_notices() -> None:
    async with site(REPAIR) as here:
        alice, bob, _ = here.users
        here.simulator.xsps["xsp1"].faults.echo = False
        await until(lambda: here.service.channel_set.statuses[0].state is State.BACKOFF)
        here.simulator.xsps["xsp1"].faults.echo = True
        here.simulator.broadworks.switch.dial(alice, bob)
        await until(lambda: here.channels_up(2) and len(here.got) == 3)
        assert sorted(here.heard()) == ["DeliveredEvent", "DeliveredEvent", "OriginatedEvent"]


@asynchronous
async def test_all_xsps_die_and_come_back_under_monitor_stop() -> None:
    async with site(MONITOR_STOP) as here:
        alice, bob, _ = here.users
        here.simulator.broadworks.switch.dial(alice, bob)
        await until(lambda: len(here.got) == 3)
        here.got.clear()
        here.kill("xsp1", "xsp2")
        await until(lambda: len(here.got) == 4)
        assert here.heard() == ["disabled", *["MonitorStop"] * 3]
        assert await here.status() == "disabled"
        with pytest.raises(RequestRefused) as refused:
            await here.tserver.request(csta.MakeCall(calling_device=alice, called_directory_number=bob), csta.MakeCallResponse)
        assert (refused.value.category, refused.value.value) == ("systemResourceAvailibility", "networkOutOfService")
        here.got.clear()
        here.revive("xsp2")
        await until(lambda: len(here.got) == 2)
        assert here.heard() == ["enabled", "normal"]
        here.got.clear()
        await here.monitor()
        here.simulator.broadworks.switch.answer(bob)
        await until(lambda: len(here.got) == 3)
        # alice's monitor is the older one, so bob's first snapshot told it that his phone rings
        assert here.heard() == ["DeliveredEvent", "EstablishedEvent", "EstablishedEvent"]


@asynchronous
async def test_all_xsps_die_and_come_back_under_repair() -> None:
    async with site(REPAIR) as here:
        alice, bob, carol = here.users
        switch = here.simulator.broadworks.switch
        switch.dial(alice, bob)
        await until(lambda: len(here.got) == 3)
        switch.answer(bob)
        await until(lambda: len(here.got) == 5)
        here.got.clear()
        here.kill("xsp1", "xsp2")
        await until(lambda: here.got)
        assert here.heard() == ["disabled"]
        switch.hang_up(bob)
        switch.dial(carol, alice)
        assert await here.status() == "disabled"
        here.revive("xsp1", "xsp2")
        await until(lambda: "normal" in here.heard())
        told = here.heard()
        assert told[0] == "disabled" and told[-2:] == ["messagesLost", "normal"]
        assert sorted(told[1:-2]) == [*["ConnectionClearedEvent"] * 3, *["DeliveredEvent"] * 2, "OriginatedEvent"]
        assert len(here.service.bridge.monitors.all()) == 3
        (gap,) = here.service.survey().gaps
        assert gap.ended is not None and gap.ended > gap.started
        assert (gap.devices, gap.uncompared) == (3, 0)
        here.got.clear()
        switch.answer(alice)
        await until(lambda: len(here.got) == 2)
        switch.hang_up(alice)
        await until(lambda: len(here.got) == 5)
        assert here.heard() == [*["EstablishedEvent"] * 2, *["ConnectionClearedEvent"] * 3]
        assert await here.status() == "normal"


@asynchronous
@pytest.mark.parametrize("refreshes", [True, False])
async def test_an_event_is_lost(refreshes: bool) -> None:
    async with site(REPAIR) as here:
        alice, bob, _ = here.users
        broadworks = here.simulator.broadworks
        broadworks.switch.dial(alice, bob)
        await until(lambda: len(here.got) == 3)
        here.got.clear()
        send, broadworks._send = broadworks._send, _count_only  # type: ignore[method-assign]
        broadworks.switch.answer(bob)
        broadworks._send = send  # type: ignore[method-assign]
        if not refreshes:
            for xsp in here.simulator.xsps.values():
                xsp.faults.paths = {"/subscription/": "503"}
        broadworks.switch.hold(alice)
        if refreshes:
            await until(lambda: len(here.got) == 4)
            assert sorted(here.heard()) == ["EstablishedEvent", "EstablishedEvent", "HeldEvent", "HeldEvent"]
            assert list(here.service.bridge.gaps) == []
        else:
            await until(lambda: "normal" in here.heard() and here.heard().count("HeldEvent") == 2)
            assert [name for name in here.heard() if not name.endswith("Event")] == ["messagesLost", "normal"]
            assert here.service.survey().gaps
        assert here.service.channel_set.gaps


def _count_only(subscription: Subscription, user_id: str, data: str) -> None:
    """An event that is lost on its way."""
    subscription.sequence += 1


@asynchronous
async def test_a_call_that_is_stuck_is_found() -> None:
    async with site(REPAIR, alerting_limit=1) as here:
        alice, bob, _ = here.users
        broadworks = here.simulator.broadworks
        broadworks.switch.dial(alice, bob)
        await until(lambda: len(here.got) == 3)
        here.got.clear()
        # its end is lost, and no later event shows that
        send, broadworks._send = broadworks._send, lambda *_: None  # type: ignore[method-assign]
        broadworks.switch.hang_up(alice)
        broadworks._send = send  # type: ignore[method-assign]
        await until(lambda: len(here.got) == 3)
        assert here.heard() == ["ConnectionClearedEvent"] * 3
        assert here.service.survey().totals.calls_repaired == 2


@asynchronous
async def test_channels_of_a_process_that_died_get_no_events() -> None:
    before = timers()
    # an event that is given to them would come after two minutes
    simulated = SimulatorConfig(xsps=2, users=6, demo=False, admin=False, ack_timeout=120.0, event_timeout=600.0)
    simulator = make_simulator(simulated, reactor)
    simulator.startService()
    config = Config(
        connector=ConnectorOptions(
            user_id=simulated.user_id,
            password=Secret(simulated.password),
            default_domain=simulated.domain,
            channel_set_name="redundancy",
            app_controller="redundancy",
            kpl_interval=1,
        ),
        links=tuple(
            XspLink(name=name, hostname=host, port=port, tls=False)
            for name, (host, port) in zip(simulator.xsps, simulator.xsp_addresses, strict=True)
        ),
        csta=CstaOptions(listen=("tcp:0:interface=127.0.0.1",), status_on_connect=False),
        web=WebOptions(listen=""),
    )
    service = make_service(config, reactor)
    broadworks, channels = simulator.broadworks, simulator.broadworks.channels
    dead = [await abandoned_channel(address, simulated, service) for address in simulator.xsp_addresses]
    await until(lambda: len(list(channels)) == 2)
    alice, bob, _, *_ = [user.extension for user in broadworks.switch.directory.users.values()]
    owner, target = simulated.user_id, Target("User", next(iter(broadworks.switch.directory.users)))
    broadworks.subscribe(owner, target, "Advanced Call", service._channel_set_id, service._application_id, 3600)
    left = {channel.id for channel in channels}
    try:
        service.startService()
        await until(lambda: service.channel_set.up_count == 2 and len(list(channels)) == 2)
        assert not left & {channel.id for channel in channels}
        port = service._links.ports[0]._waitingForPort.result.getHost().port
        got: list[csta.Message] = []
        tserver = await connect(reactor, ("127.0.0.1", port), got.append)
        here = Site(service, tserver, got, [alice, bob])
        await here.monitor()
        for _ in range(5):
            got.clear()
            broadworks.switch.dial(alice, bob)
            broadworks.switch.answer(bob)
            broadworks.switch.hang_up(alice)
            await until(lambda: len(got) == 8)
            expected = ["OriginatedEvent", *["DeliveredEvent"] * 2, *["EstablishedEvent"] * 2, *["ConnectionClearedEvent"] * 3]
            assert sorted(here.heard()) == sorted(expected)
        await tserver.close()
    finally:
        await service.stopService()
        for connection in dead:
            assert connection.transport is not None
            connection.transport.abortConnection()  # type: ignore[attr-defined]
        await simulator.stopService()
        await until(lambda: timers() <= before)


async def abandoned_channel(address: tuple[str, int], simulated: SimulatorConfig, service: ConnectorService) -> Protocol:
    """A channel of the connector's own set, as a process leaves it whose machine died: nobody reads, and nothing closes the socket."""
    connection = await connectProtocol(TCP4ClientEndpoint(reactor, *address), Protocol())
    assert connection.transport is not None
    connection.transport.pauseProducing()  # type: ignore[attr-defined]
    body = (
        f"<Channel><channelSetId>{service._channel_set_id}</channelSetId><applicationId>{service._application_id}</applicationId></Channel>"
    )
    account = b64encode(f"{simulated.user_id}:{simulated.password}".encode()).decode()
    head = f"Host: xsp\r\nAuthorization: Basic {account}\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.transport.write(f"POST /com.broadsoft.async/com.broadsoft.xsi-events/v2.0/channel HTTP/1.1\r\n{head}{body}".encode())
    return connection
