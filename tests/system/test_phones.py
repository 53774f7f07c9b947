"""Calls that are made at the phones, seen on real links: each monitor hears the truth, once and in order."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import pytest_twisted

from bwconnector.csta import messages as csta
from bwconnector.simulator.model import ServiceState
from bwconnector.simulator.switch import Switch
from tests.system.exchange import Exchange, TServer, conn
from tests.system.variations import VARIATIONS, survivor

TALK = {
    "alice": [
        "Originated{K1,alice} connected newCall alice>bob",
        "Delivered{K1,bob} connected newCall alice>bob",
        "Established{K1,bob} connected newCall alice>bob",
    ],
    "bob": ["Delivered{K1,bob} alerting newCall alice>bob", "Established{K1,bob} connected newCall alice>bob"],
}
OUTSIDE = "+15559990000"


async def watching(exchange: Exchange, *devices: str) -> TServer:
    tserver = await exchange.connect()
    await tserver.monitor(*devices)
    return tserver


async def talking(exchange: Exchange, *devices: str) -> TServer:
    """Alice has called bob."""
    tserver = await watching(exchange, *devices)
    exchange.switch.dial("alice", "1002")
    exchange.switch.answer("bob")
    await tserver.hears({device: TALK.get(device, ()) for device in devices})
    return tserver


class TestTwoParties:
    @pytest_twisted.ensureDeferred
    async def test_a_call(self, exchange: Exchange) -> None:
        tserver = await talking(exchange, "alice", "bob")
        exchange.switch.hang_up("alice")
        await tserver.hears(
            {
                "alice": ["ConnectionCleared{K1,alice} null normalClearing"],
                "bob": ["ConnectionCleared{K1,alice} connected normalClearing", "ConnectionCleared{K1,bob} null normalClearing"],
            }
        )
        await exchange.forgotten()

    @pytest.mark.parametrize("device", ["alice", "bob"])
    @pytest_twisted.ensureDeferred
    async def test_a_call_of_which_one_party_is_monitored(self, exchange: Exchange, device: str) -> None:
        tserver = await talking(exchange, device)
        exchange.switch.hang_up("bob")
        ends = ["ConnectionCleared{K1,bob} connected normalClearing"] if device == "alice" else []
        await tserver.hears({device: [*ends, f"ConnectionCleared{{K1,{device}}} null normalClearing"]})
        await exchange.forgotten()

    @pytest.mark.parametrize("form", ["bob@example.net", "bob", "1002", "+15550001002"])
    @pytest_twisted.ensureDeferred
    async def test_a_device_is_called_as_its_monitor_calls_it(self, exchange: Exchange, form: str) -> None:
        tserver = await watching(exchange, form)
        exchange.switch.dial("alice", "1002")
        exchange.switch.answer("bob")
        exchange.switch.hang_up("bob")
        await tserver.hears(
            {
                form: [
                    f"Delivered{{K1,{form}}} alerting newCall alice>{form}",
                    f"Established{{K1,{form}}} connected newCall alice>{form}",
                    f"ConnectionCleared{{K1,{form}}} null normalClearing",
                ]
            }
        )

    @pytest_twisted.ensureDeferred
    async def test_an_incoming_call_that_is_held_and_retrieved(self, exchange: Exchange) -> None:
        tserver = await watching(exchange, "bob")
        exchange.switch.dial(OUTSIDE, "1002")
        for act in (exchange.switch.answer, exchange.switch.hold, exchange.switch.retrieve):
            act("bob")
        exchange.switch.hang_up(OUTSIDE)
        await tserver.hears(
            {
                "bob": [
                    f"Delivered{{K1,bob}} alerting newCall {OUTSIDE}>bob",
                    f"Established{{K1,bob}} connected newCall {OUTSIDE}>bob",
                    "Held{K1,bob} hold normal",
                    "Retrieved{K1,bob} connected normal",
                    f"ConnectionCleared{{K1,{OUTSIDE}}} connected normalClearing",
                    "ConnectionCleared{K1,bob} null normalClearing",
                ]
            }
        )

    @pytest_twisted.ensureDeferred
    async def test_an_outgoing_call_that_fails(self, exchange: Exchange) -> None:
        tserver = await watching(exchange, "alice")
        exchange.switch.dial("alice", OUTSIDE)
        exchange.switch.busy(OUTSIDE)
        await tserver.hears(
            {
                "alice": [
                    f"Originated{{K1,alice}} connected newCall alice>{OUTSIDE}",
                    f"Delivered{{K1,{OUTSIDE}}} connected newCall alice>{OUTSIDE}",
                    f"Failed{{K1,{OUTSIDE}}} connected busy alice>{OUTSIDE}",
                    "ConnectionCleared{K1,alice} null normalClearing",
                ]
            }
        )

    @pytest_twisted.ensureDeferred
    async def test_a_caller_gives_up(self, exchange: Exchange) -> None:
        tserver = await watching(exchange, "alice", "bob")
        exchange.switch.dial("alice", "1002")
        exchange.switch.hang_up("alice")
        await tserver.hears(
            {
                "alice": [
                    "Originated{K1,alice} connected newCall alice>bob",
                    "Delivered{K1,bob} connected newCall alice>bob",
                    "ConnectionCleared{K1,alice} null normalClearing",
                ],
                "bob": [
                    "Delivered{K1,bob} alerting newCall alice>bob",
                    "ConnectionCleared{K1,alice} alerting normalClearing",
                    "ConnectionCleared{K1,bob} null callCancelled",
                ],
            }
        )


class TestThreeParties:
    @pytest.mark.parametrize("exchange", VARIATIONS, indirect=True)
    @pytest_twisted.ensureDeferred
    async def test_a_transfer_after_consultation(self, exchange: Exchange) -> None:
        tserver = await talking(exchange, "alice", "bob", "carol")
        exchange.switch.consult("bob", "1003")
        exchange.switch.answer("carol")
        exchange.switch.transfer_consult("bob")
        k = survivor(exchange, "K1", "K2")
        rest = f"transfer and{{K2,bob}} to=carol [{{{k},alice}}<{{K1,alice}} {{{k},carol}}<{{K2,carol}}]"
        await tserver.hears(
            {
                "alice": ["Held{K1,bob} connected normal", f"Transfered{{K1,bob}} connected {rest}"],
                "bob": [
                    "Held{K1,bob} hold normal",
                    "Originated{K2,bob} connected newCall bob>carol",
                    "Delivered{K2,carol} connected newCall bob>carol",
                    "Established{K2,carol} connected newCall bob>carol",
                    f"Transfered{{K1,bob}} null {rest}",
                ],
                "carol": [
                    "Delivered{K2,carol} alerting newCall bob>carol",
                    "Established{K2,carol} connected newCall bob>carol",
                    f"Transfered{{K1,bob}} connected {rest}",
                ],
            }
        )
        exchange.switch.hang_up("carol")
        await tserver.hears(
            {
                "alice": [
                    f"ConnectionCleared{{{k},carol}} connected normalClearing",
                    f"ConnectionCleared{{{k},alice}} null normalClearing",
                ],
                "carol": [f"ConnectionCleared{{{k},carol}} null normalClearing"],
            }
        )
        await exchange.forgotten()

    @pytest.mark.parametrize("exchange", VARIATIONS, indirect=True)
    @pytest_twisted.ensureDeferred
    async def test_a_blind_transfer(self, exchange: Exchange) -> None:
        tserver = await talking(exchange, "alice", "bob", "carol")
        exchange.switch.transfer_blind("bob", "1003")
        exchange.switch.answer("carol")
        exchange.switch.hang_up("alice")
        k = survivor(exchange, "K1", "K2", blind=True)
        rest = f"singleStepTransfer to=carol [{{{k},alice}}<{{K1,alice}} {{{k},carol}}]"
        rings = f"{{{k},carol}} {{}} singleStepTransfer alice>bob lr=bob"
        await tserver.hears(
            {
                "alice": [
                    f"Transfered{{K1,bob}} connected {rest}",
                    "Delivered" + rings.replace("{}", "connected"),
                    "Established" + rings.replace("{}", "connected"),
                    f"ConnectionCleared{{{k},alice}} null normalClearing",
                ],
                "bob": [f"Transfered{{K1,bob}} null {rest}"],
                "carol": [
                    "Delivered" + rings.replace("{}", "alerting"),
                    "Established" + rings.replace("{}", "connected"),
                    f"ConnectionCleared{{{k},alice}} connected normalClearing",
                    f"ConnectionCleared{{{k},carol}} null normalClearing",
                ],
            }
        )
        await exchange.forgotten()

    @pytest_twisted.ensureDeferred
    async def test_call_forwarding(self, exchange: Exchange) -> None:
        exchange.switch.services.change("bob", ServiceState("CallForwardingAlways", active=True, forward_to="1003"))
        tserver = await watching(exchange, "alice", "bob", "carol")
        exchange.switch.dial("alice", "1002")
        await tserver.hears(
            {
                "alice": [
                    "Originated{K1,alice} connected newCall alice>bob",
                    "Diverted{K1,bob} connected callForwardImmediate alice>bob to=carol",
                    "Delivered{K1,carol} connected callForwardImmediate alice>bob lr=bob",
                ],
                "bob": ["Diverted{K1,bob} null callForwardImmediate alice>bob to=carol"],
                "carol": ["Delivered{K1,carol} alerting callForwardImmediate alice>bob lr=bob"],
            }
        )


class TestSnapshots:
    @pytest_twisted.ensureDeferred
    async def test_of_devices_and_calls(self, exchange: Exchange) -> None:
        tserver = await talking(exchange, "alice", "bob")
        exchange.switch.hold("alice")
        await tserver.hears({"alice": ["Held{K1,alice} hold normal"], "bob": ["Held{K1,alice} connected normal"]})
        call = exchange.call_id("K1")
        (alice,) = (await tserver.ask(csta.SnapshotDevice(snapshot_object="alice"))).snapshot
        assert alice.connection_identifier == conn(call, "alice")
        assert alice.local_call_state == ("hold", "connected")
        assert alice.endpoint_device == csta.PartyDevice("bob")
        parties = (await tserver.ask(csta.SnapshotCall(snapshot_object=conn(call)))).snapshot
        assert {(party.device_on_call.device, party.local_connection_info) for party in parties} == {
            ("alice", "hold"),
            ("bob", "connected"),
        }
        assert (await tserver.ask(csta.SnapshotDevice(snapshot_object="dave"))).snapshot == ()
        await tserver.hears({})

    @pytest_twisted.ensureDeferred
    async def test_of_a_device_that_nobody_monitors(self, exchange: Exchange) -> None:
        tserver = await talking(exchange, "alice")
        (bob,) = (await tserver.ask(csta.SnapshotDevice(snapshot_object="1002"))).snapshot
        assert exchange.call(bob.connection_identifier.call_id) == "K1"
        assert (bob.connection_identifier.device_id, bob.local_call_state[0]) == ("1002", "connected")

    @pytest_twisted.ensureDeferred
    async def test_a_monitor_that_starts_in_the_middle_of_a_call(self, exchange: Exchange) -> None:
        exchange.switch.dial("alice", "1002")
        exchange.switch.answer("bob")
        tserver = await watching(exchange, "alice", "bob")
        await tserver.hears({})
        (alice,) = (await tserver.ask(csta.SnapshotDevice(snapshot_object="alice"))).snapshot
        assert alice.local_call_state == ("connected", "connected")
        exchange.switch.hang_up("bob")
        await tserver.hears(
            {
                "alice": ["ConnectionCleared{K1,bob} connected normalClearing", "ConnectionCleared{K1,alice} null normalClearing"],
                "bob": ["ConnectionCleared{K1,bob} null normalClearing"],
            }
        )


class TestMonitors:
    @pytest_twisted.ensureDeferred
    async def test_filters(self, exchange: Exchange) -> None:
        tserver = await exchange.connect()
        blocked = csta.MonitorFilter(frozenset({"delivered", "held"}))
        cross_ref = await tserver.monitor("bob", requested_monitor_filter=blocked)
        exchange.switch.dial("alice", "1002")
        exchange.switch.answer("bob")
        exchange.switch.hold("bob")
        await tserver.hears({"bob": ["Established{K1,bob} connected newCall alice>bob"]})
        everything = csta.MonitorFilter()
        await tserver.ask(csta.ChangeMonitorFilter(monitor_cross_ref_id=cross_ref, requested_filter_list=everything))
        exchange.switch.retrieve("bob")
        exchange.switch.hold("bob")
        await tserver.hears({"bob": ["Retrieved{K1,bob} connected normal", "Held{K1,bob} hold normal"]})

    @pytest_twisted.ensureDeferred
    async def test_each_monitor_of_each_link_hears_all_once(self, exchange: Exchange) -> None:
        first, second = await exchange.connect(), await exchange.connect()
        await first.monitor("bob", "1002")
        await second.monitor("bob@example.net")
        cross_ref = await second.monitor("carol")
        exchange.switch.dial("alice", "1002")
        # two monitors of one link on one device: the last one's name is used in what both hear
        await first.hears({form: ["Delivered{K1,1002} alerting newCall alice>1002"] for form in ("bob", "1002")})
        await second.hears({"bob@example.net": ["Delivered{K1,bob@example.net} alerting newCall alice>bob@example.net"]})
        await second.ask(csta.MonitorStop(monitor_cross_ref_id=cross_ref))
        assert await second.refused(csta.MonitorStop(monitor_cross_ref_id=cross_ref)) == "operation invalidMonitorCrossRefID"
        assert (
            await first.refused(csta.MonitorStop(monitor_cross_ref_id=next(iter(second.monitors)))) == "operation invalidMonitorCrossRefID"
        )

    @pytest_twisted.ensureDeferred
    async def test_the_last_monitor_of_a_device_ends_its_subscriptions(self, exchange: Exchange) -> None:
        tserver = await exchange.connect()
        cross_refs = [await tserver.monitor(device) for device in ("alice", "1001")]
        alone = exchange.service.subscriptions.live
        assert alone > 0
        await tserver.ask(csta.MonitorStop(monitor_cross_ref_id=cross_refs[0]))
        assert exchange.service.subscriptions.live == alone
        await tserver.ask(csta.MonitorStop(monitor_cross_ref_id=cross_refs[1]))
        await exchange.unsubscribed()


@pytest.mark.parametrize(
    ("switched", "lines"),
    [
        (lambda switch, on: switch.services.change("bob", ServiceState("DoNotDisturb", active=on)), "DoNotDisturb do_not_disturb_on={}"),
        (
            lambda switch, on: switch.services.change("bob", ServiceState("CallForwardingAlways", active=on, forward_to="1003")),
            "Forwarding forwarding_type=forwardImmediate forward_status={} forward_to=1003",
        ),
        (
            lambda switch, on: switch.services.change("bob", ServiceState("CallForwardingBusy", active=on, forward_to="1003")),
            "Forwarding forwarding_type=forwardBusy forward_status={} forward_to=1003",
        ),
        (
            lambda switch, on: switch.services.change("bob", ServiceState("CallForwardingNoAnswer", active=on, forward_to="1003")),
            "Forwarding forwarding_type=forwardNoAns forward_status={} forward_to=1003",
        ),
        (lambda switch, on: switch.services.change_messages("bob", 3 if on else 0), "MessageWaiting message_waiting_on={}"),
    ],
    ids=["DND", "always", "busy", "no-answer", "messages"],
)
@pytest_twisted.ensureDeferred
async def test_features(exchange: Exchange, switched: Callable[[Switch, bool], None], lines: str) -> None:
    tserver = await watching(exchange, "alice", "1002")
    for on in (True, True, False):
        switched(exchange.switch, on)
    await tserver.hears({"1002": [lines.format(True), lines.format(False)]})
