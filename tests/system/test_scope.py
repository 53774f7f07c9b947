"""One subscription per package for a whole group or enterprise: T-Servers see no difference, BroadWorks is asked for little."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

import attrs
import pytest
import pytest_twisted
from twisted.internet.defer import ensureDeferred

from bwconnector.bridge.monitor_services import PACKAGES
from bwconnector.csta import messages as csta
from bwconnector.simulator.config import SimulatorConfig
from tests.system.exchange import Exchange, TServer, make_config, until

SCOPES = [("group", "ExampleEnt/sales"), ("enterprise", "ExampleEnt")]


@pytest_twisted.async_yield_fixture(params=SCOPES, ids=[scope for scope, _ in SCOPES])
async def exchange(request: pytest.FixtureRequest) -> AsyncIterator[Exchange]:
    scope, name = request.param
    simulated = SimulatorConfig(users=8, xsps=2, demo=False, admin=False, lift_delay=0.02)
    exchange = Exchange(make_config(simulated, subscription_scope=scope, subscription_scope_id=name))
    await exchange.start()
    try:
        yield exchange
    finally:
        await ensureDeferred(exchange.stop())


async def monitor(exchange: Exchange, tserver: TServer, *devices: str) -> None:
    """Start monitors, and wait until what is going on at the devices has been asked for."""
    for device in devices:
        answer = await tserver.ask(csta.MonitorStart(monitor_object=csta.MonitorObject(device_object=device)))
        tserver.monitors[answer.monitor_cross_ref_id] = device
    await until(lambda: all(f"{device}@example.net" in exchange.service.bridge._seeded for device in devices))
    await until(lambda: exchange.service.subscriptions.live >= len(PACKAGES["user"]))


@pytest_twisted.ensureDeferred
async def test_calls_are_told_as_ever(exchange: Exchange) -> None:
    tserver, backup = await exchange.connect(), await exchange.connect()
    exchange.switch.dial("carol", "1004")
    for each in (tserver, backup):
        await monitor(exchange, each, "alice", "bob", "carol")
    exchange.switch.dial("alice", "1002")
    exchange.switch.answer("bob")
    exchange.switch.hang_up("alice")
    heard = {
        "alice": [
            "Originated{K1,alice} connected newCall alice>bob",
            "Delivered{K1,bob} connected newCall alice>bob",
            "Established{K1,bob} connected newCall alice>bob",
            "ConnectionCleared{K1,alice} null normalClearing",
        ],
        "bob": [
            "Delivered{K1,bob} alerting newCall alice>bob",
            "Established{K1,bob} connected newCall alice>bob",
            "ConnectionCleared{K1,alice} connected normalClearing",
            "ConnectionCleared{K1,bob} null normalClearing",
        ],
    }
    for each in (tserver, backup):
        await each.hears(heard)
    (entry,) = (await tserver.ask(csta.SnapshotDevice(snapshot_object="carol"))).snapshot
    assert entry.local_call_state[0] == "connected"
    await tserver.perform(
        csta.ClearConnection(connection_to_be_cleared=entry.connection_identifier),
        {"carol": ["ConnectionCleared{K2,carol} null normalClearing"]},
    )


@pytest_twisted.ensureDeferred
async def test_many_devices_cost_broadworks_no_more_subscriptions_than_one(exchange: Exchange) -> None:
    tserver = await exchange.connect()
    devices = [user.partition("@")[0] for user in exchange.switch.directory.users]
    await monitor(exchange, tserver, *devices)
    kinds = Counter(subscription.target.kind for subscription in exchange.broadworks.subscriptions.values())
    assert sum(kinds.values()) == len(PACKAGES["user"])
    assert set(kinds) <= {"Group", "ServiceProvider"}
    for cross_ref in list(tserver.monitors):
        await tserver.ask(csta.MonitorStop(monitor_cross_ref_id=cross_ref))
    await until(lambda: not exchange.broadworks.subscriptions)
    assert not exchange.broadworks.subscriptions


@pytest_twisted.ensureDeferred
async def test_features_are_told_when_they_change(exchange: Exchange) -> None:
    tserver = await exchange.connect()
    await monitor(exchange, tserver, "alice")
    state = exchange.switch.services.state("alice@example.net", "DoNotDisturb")
    exchange.switch.services.change("alice@example.net", attrs.evolve(state, active=True))
    await until(lambda: any(isinstance(message, csta.DoNotDisturbEvent) for message in tserver.messages))
    assert sum(isinstance(message, csta.DoNotDisturbEvent) for message in tserver.messages) == 1


@pytest_twisted.ensureDeferred
async def test_colleagues_are_known_without_being_asked_for(exchange: Exchange) -> None:
    tserver = await exchange.connect()
    await monitor(exchange, tserver, "alice")
    await until(lambda: exchange.service.bridge.directory.known("user08") is not None)
    device = exchange.service.bridge.directory.known("1008")
    assert device is not None and device.key == "user08@example.net"
