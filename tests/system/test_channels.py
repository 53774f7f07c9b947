"""Several XSPs, several connectors, and the stop: events come over any of the channels, and each T-Server hears them in order and once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import attrs
import pytest
import pytest_twisted
from twisted.internet.defer import ensureDeferred, gatherResults

from bwconnector.checks import Secret
from bwconnector.config import XspLink
from bwconnector.csta import messages as csta
from bwconnector.simulator.config import SimulatorConfig
from bwconnector.simulator.service import SimulatorService, make_simulator
from tests.system.exchange import Exchange, conn, make_config, timers, until

THREE_XSPS = pytest.mark.parametrize("exchange", [{"xsps": 3}], indirect=True)


def events_of(told: list[str], device: str) -> list[str]:
    return [line.removeprefix(f"{device} ") for line in told if line.startswith(f"{device} ")]


def calls_of(device: str, calls: range) -> list[str]:
    """What the monitor on bob hears of so many calls of alice, one after the other."""
    lines = []
    for number in calls:
        lines += [
            f"Delivered{{K{number},bob}} alerting newCall alice>bob",
            f"Established{{K{number},bob}} connected newCall alice>bob",
            f"Held{{K{number},bob}} hold normal",
            f"Retrieved{{K{number},bob}} connected normal",
            f"ConnectionCleared{{K{number},bob}} null normalClearing",
        ]
    return lines


def call_bob(exchange: Exchange) -> None:
    switch = exchange.switch
    switch.dial("alice", "1002")
    for act in (switch.answer, switch.hold, switch.retrieve, switch.hang_up):
        act("bob")


class TestSeveralXsps:
    @THREE_XSPS
    @pytest_twisted.ensureDeferred
    async def test_events_are_spread_and_in_order(self, exchange: Exchange) -> None:
        tserver = await exchange.connect()
        await tserver.monitor("bob")
        for _ in range(20):
            call_bob(exchange)
        await tserver.hears({"bob": calls_of("bob", range(1, 21))})
        used = [status.events for status in exchange.service.survey().channels]
        assert len(used) == 3
        assert all(used), "the test is about events that come over all channels"

    @pytest.mark.parametrize("fault", ["duplicate_events", "chunking"])
    @THREE_XSPS
    @pytest_twisted.ensureDeferred
    async def test_events_that_come_twice_or_in_pieces(self, exchange: Exchange, fault: str) -> None:
        for xsp in exchange.xsps.values():
            setattr(xsp.faults, fault, "scattered" if fault == "chunking" else True)
        tserver = await exchange.connect()
        await tserver.monitor("bob")
        for _ in range(5):
            call_bob(exchange)
        await tserver.hears({"bob": calls_of("bob", range(1, 6))})

    @THREE_XSPS
    @pytest_twisted.ensureDeferred
    async def test_nobody_notices_that_xsps_go_and_come_as_long_as_one_is_there(self, exchange: Exchange) -> None:
        tserver = await exchange.connect()
        await tserver.monitor("bob")
        for round, name in enumerate(("xsp1", "xsp2", "xsp3")):
            await exchange.xsps[name].stop()
            await until(lambda: exchange.service.channel_set.up_count == 2)
            call_bob(exchange)
            await tserver.hears({"bob": calls_of("bob", range(round + 1, round + 2))})
            exchange.xsps[name].start()
            await until(lambda: exchange.service.channel_set.up_count == 3)
        assert tserver.statuses == ["normal"]
        assert (await tserver.ask(csta.MakeCall(calling_device="carol", called_directory_number="1004"))).calling_device.call_id

    @pytest.mark.parametrize("exchange", [{"xsps": 3, "ack_timeout": 0.3}], indirect=True)
    @pytest_twisted.ensureDeferred
    async def test_an_xsp_dies_with_events_under_way(self, exchange: Exchange) -> None:
        """BroadWorks sends on another channel what was not acknowledged."""
        tserver = await exchange.connect()
        await tserver.monitor("bob")
        for _ in range(4):
            call_bob(exchange)
        exchange.xsps["xsp2"].stop()
        for _ in range(4):
            call_bob(exchange)
        await tserver.hears({"bob": calls_of("bob", range(1, 9))})
        assert tserver.statuses == ["normal"]


class TestManyDevices:
    @pytest.mark.parametrize("exchange", [{"xsps": 3, "users": 60}], indirect=True)
    @pytest_twisted.ensureDeferred
    async def test_every_t_server_hears_the_same(self, exchange: Exchange) -> None:
        extensions = [str(number) for number in range(1001, 1061)]
        tservers = [await exchange.connect() for _ in range(3)]
        monitors = [ensureDeferred(tserver.monitor(*extensions)) for tserver in tservers]
        await gatherResults(monitors, consumeErrors=True)
        switch = exchange.switch
        users = list(switch.directory.users)
        for caller, called in zip(users[:30], users[30:], strict=True):
            switch.dial(caller, called)
            switch.answer(called)
        for caller in users[:30]:
            switch.hang_up(caller)
        await until(lambda: all(len(tserver.told) >= 60 + 30 * 8 for tserver in tservers))
        heard = [{device: events_of(tserver.told, device) for device in extensions} for tserver in tservers]
        assert heard[0] == heard[1] == heard[2]
        assert {len(lines) for lines in heard[0].values()} == {4}
        assert [tserver.wrong for tserver in tservers] == [[], [], []]
        await exchange.forgotten()


@pytest_twisted.async_yield_fixture
async def simulator() -> AsyncIterator[SimulatorService]:
    """One BroadWorks for several connectors."""
    from twisted.internet import reactor

    simulator = make_simulator(SimulatorConfig(users=8, demo=False, admin=False, lift_delay=0.02), reactor)  # type: ignore[arg-type]
    before = timers()
    simulator.startService()
    try:
        yield simulator
    finally:
        await simulator.stopService()
        await until(lambda: timers() <= before)


def connector(simulator: SimulatorService, name: str) -> Exchange:
    """A connector that has the simulator's XSPs as its links."""
    config = make_config(
        channel_set_name=name, app_controller=name, user_id=simulator.broadworks.config.user_id, password=Secret("ctiadmin")
    )
    links = tuple(
        XspLink(name=name, hostname=host, port=port, tls=False)
        for name, (host, port) in zip(simulator.xsps, simulator.xsp_addresses, strict=True)
    )
    return Exchange(attrs.evolve(config, links=links))


class TestTheStop:
    @pytest_twisted.ensureDeferred
    async def test_channels_are_deleted_and_links_are_closed(self, simulator: SimulatorService) -> None:
        exchange = connector(simulator, "east")
        await exchange.start()
        tserver = await exchange.connect()
        await tserver.monitor("alice", "bob")
        simulator.broadworks.switch.dial("alice", "1002")
        await until(lambda: any("Delivered" in line for line in tserver.told))
        assert len(list(simulator.broadworks.channels)) == 2
        await exchange.stop()
        assert list(simulator.broadworks.channels) == []

    @pytest_twisted.ensureDeferred
    async def test_in_the_middle_of_everything(self, simulator: SimulatorService) -> None:
        exchange = connector(simulator, "east")
        await exchange.start()
        tserver = await exchange.connect()
        asked = [
            ensureDeferred(tserver.ask(csta.MonitorStart(monitor_object=csta.MonitorObject(device_object=str(extension)))))
            for extension in range(1001, 1009)
        ]
        for each in asked:
            each.addErrback(lambda _: None)
        await exchange.stop()
        assert list(simulator.broadworks.channels) == []

    @pytest_twisted.ensureDeferred
    async def test_after_a_stop_the_next_start_takes_over(self, simulator: SimulatorService) -> None:
        for _ in range(2):
            await self.serve_a_call(simulator)

    async def serve_a_call(self, simulator: SimulatorService) -> None:
        exchange = connector(simulator, "east")
        await exchange.start()
        tserver = await exchange.connect()
        await tserver.monitor("alice", "bob")
        assert len(simulator.broadworks.subscriptions) == exchange.service.subscriptions.live
        simulator.broadworks.switch.dial("alice", "1002")
        simulator.broadworks.switch.hang_up("alice")
        await until(lambda: sum("ConnectionCleared" in line for line in tserver.told) == 3)
        assert len(tserver.told) == 2 + 6
        await exchange.stop()


@pytest_twisted.ensureDeferred
async def test_two_connectors_do_not_disturb_each_other(simulator: SimulatorService) -> None:
    east, west = connector(simulator, "east"), connector(simulator, "west")
    for exchange in (east, west):
        await exchange.start()
    one, two = await east.connect(), await west.connect()
    await one.monitor("alice", "bob")
    await two.monitor("bob")
    assert len(list(simulator.broadworks.channels)) == 4
    switch = simulator.broadworks.switch
    switch.dial("alice", "1002")
    bob = ["Delivered{K1,bob} alerting newCall alice>bob"]
    await one.hears(
        {"alice": ["Originated{K1,alice} connected newCall alice>bob", "Delivered{K1,bob} connected newCall alice>bob"], "bob": bob}
    )
    await two.hears({"bob": bob})
    await east.stop()
    await two.ask(csta.AnswerCall(call_to_be_answered=conn(west.call_id("K1"), "bob")))
    switch.hang_up("bob")
    await two.hears({"bob": ["Established{K1,bob} connected newCall alice>bob", "ConnectionCleared{K1,bob} null normalClearing"]})
    assert two.statuses == ["normal"]
    assert len(list(simulator.broadworks.channels)) == 2
    await west.stop()
