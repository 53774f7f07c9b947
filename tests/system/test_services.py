"""Every call control service on real links: the response first, then these events and no others."""

from __future__ import annotations

import pytest
import pytest_twisted

from bwconnector.csta import messages as csta
from tests.system.exchange import Exchange, TServer, conn, until
from tests.system.variations import SURVIVORS, VARIATIONS, survivor

INITIATED = "bob ServiceInitiated{K2,bob} initiated consultation"


async def talk(exchange: Exchange, *devices: str) -> tuple[TServer, csta.ConnectionID, csta.ConnectionID]:
    """Alice has called bob, and all ``devices`` are monitored: the T-Server, alice's connection, bob's connection."""
    tserver = await exchange.connect()
    await tserver.monitor(*devices)
    exchange.switch.dial("alice", "1002")
    exchange.switch.answer("bob")
    await tserver.hears(
        {
            "alice": [
                "Originated{K1,alice} connected newCall alice>bob",
                "Delivered{K1,bob} connected newCall alice>bob",
                "Established{K1,bob} connected newCall alice>bob",
            ],
            "bob": ["Delivered{K1,bob} alerting newCall alice>bob", "Established{K1,bob} connected newCall alice>bob"],
        }
    )
    call = exchange.call_id("K1")
    return tserver, conn(call, "alice"), conn(call, "bob")


async def consulted(exchange: Exchange) -> tuple[TServer, csta.ConnectionID, csta.ConnectionID]:
    """Bob, called by alice, has consulted carol: the T-Server, bob's held and bob's active connection."""
    tserver, _, bob = await talk(exchange, "alice", "bob", "carol")
    answer = await tserver.ask(csta.ConsultationCall(existing_call=bob, consulted_device="1003"))
    await tserver.hears(
        {
            "alice": ["Held{K1,bob} connected consultation"],
            "bob": [
                "Held{K1,bob} hold consultation",
                "ServiceInitiated{K2,bob} initiated consultation",
                "Originated{K2,bob} connected consultation bob>carol",
                "Delivered{K2,carol} connected consultation bob>carol",
            ],
            "carol": ["Delivered{K2,carol} alerting consultation bob>carol"],
        }
    )
    # the call is held before BroadWorks is asked for the second one, which it may refuse
    told = tserver.told
    assert told.index("bob Held{K1,bob} hold consultation") < told.index("ConsultationCallResponse") < told.index(INITIATED)
    exchange.switch.answer("carol")
    await tserver.hears({device: ["Established{K2,carol} connected newCall bob>carol"] for device in ("bob", "carol")})
    assert answer.initiated_call == conn(exchange.call_id("K2"), "bob")
    return tserver, bob, answer.initiated_call


class TestOneCall:
    @pytest_twisted.ensureDeferred
    async def test_make_answer_and_clear(self, exchange: Exchange) -> None:
        tserver = await exchange.connect()
        await tserver.monitor("alice", "bob")
        made = await tserver.perform(
            csta.MakeCall(calling_device="alice", called_directory_number="1002"),
            {
                "alice": [
                    "ServiceInitiated{K1,alice} initiated makeCall",
                    "Originated{K1,alice} connected makeCall alice>bob",
                    "Delivered{K1,bob} connected newCall alice>bob",
                ],
                "bob": ["Delivered{K1,bob} alerting newCall alice>bob"],
            },
        )
        call = exchange.call_id("K1")
        assert made.calling_device == conn(call, "alice")
        await tserver.perform(
            csta.AnswerCall(call_to_be_answered=conn(call, "bob")),
            {device: ["Established{K1,bob} connected newCall alice>bob"] for device in ("alice", "bob")},
        )
        await tserver.perform(
            csta.ClearConnection(connection_to_be_cleared=conn(call, "bob")),
            {
                "alice": ["ConnectionCleared{K1,bob} connected normalClearing", "ConnectionCleared{K1,alice} null normalClearing"],
                "bob": ["ConnectionCleared{K1,bob} null normalClearing"],
            },
        )

    @pytest_twisted.ensureDeferred
    async def test_clear_the_only_call_of_a_device(self, exchange: Exchange) -> None:
        tserver, _, _ = await talk(exchange, "alice", "bob")
        only_device = csta.ConnectionID(device_id="alice")
        await tserver.perform(
            csta.ClearConnection(connection_to_be_cleared=only_device),
            {
                "alice": ["ConnectionCleared{K1,alice} null normalClearing"],
                "bob": ["ConnectionCleared{K1,alice} connected normalClearing", "ConnectionCleared{K1,bob} null normalClearing"],
            },
        )

    @pytest_twisted.ensureDeferred
    async def test_clear_call(self, exchange: Exchange) -> None:
        tserver, alice, _ = await talk(exchange, "alice", "bob")
        await tserver.perform(
            csta.ClearCall(call_to_be_cleared=alice),
            {
                "alice": ["ConnectionCleared{K1,alice} null normalClearing"],
                "bob": ["ConnectionCleared{K1,alice} connected normalClearing", "ConnectionCleared{K1,bob} null normalClearing"],
            },
        )

    @pytest_twisted.ensureDeferred
    async def test_hold_and_retrieve(self, exchange: Exchange) -> None:
        tserver, alice, _ = await talk(exchange, "alice", "bob")
        await tserver.perform(
            csta.HoldCall(call_to_be_held=alice),
            {
                "alice": ["Held{K1,alice} hold normal"],
                "bob": ["Held{K1,alice} connected normal"],
            },
        )
        await tserver.perform(
            csta.RetrieveCall(call_to_be_retrieved=alice), {device: ["Retrieved{K1,alice} connected normal"] for device in ("alice", "bob")}
        )

    @pytest_twisted.ensureDeferred
    async def test_digits_and_data_make_no_event(self, exchange: Exchange) -> None:
        tserver, alice, _ = await talk(exchange, "alice", "bob")
        await tserver.perform(csta.GenerateDigits(connection_to_send_digits=alice, characters_to_send="12#"), {})
        await tserver.perform(csta.AssociateData(existing_call=alice, correlator_data=b"order 7"), {})
        (leg,) = exchange.switch.legs("alice")
        assert leg.call.client_session_info == "order 7"

    @pytest_twisted.ensureDeferred
    async def test_deflect(self, exchange: Exchange) -> None:
        tserver = await exchange.connect()
        await tserver.monitor("alice", "bob", "carol")
        exchange.switch.dial("alice", "1002")
        await tserver.hears(
            {
                "alice": ["Originated{K1,alice} connected newCall alice>bob", "Delivered{K1,bob} connected newCall alice>bob"],
                "bob": ["Delivered{K1,bob} alerting newCall alice>bob"],
            }
        )
        bob = conn(exchange.call_id("K1"), "bob")
        await tserver.perform(
            csta.DeflectCall(call_to_be_diverted=bob, new_destination=("1003",)),
            {
                "alice": [
                    "Diverted{K1,bob} connected redirected alice>bob to=carol",
                    "Delivered{K1,carol} connected redirected alice>bob lr=bob",
                ],
                "bob": ["Diverted{K1,bob} null redirected alice>bob to=carol"],
                "carol": ["Delivered{K1,carol} alerting redirected alice>bob lr=bob"],
            },
        )

    @pytest.mark.parametrize("exchange", SURVIVORS, indirect=True)
    @pytest.mark.parametrize("group", [False, True], ids=["directed", "group"])
    @pytest_twisted.ensureDeferred
    async def test_pick_up(self, exchange: Exchange, group: bool) -> None:
        tserver = await exchange.connect()
        await tserver.monitor("alice", "bob", "carol")
        exchange.switch.dial("alice", "1002")
        await tserver.hears(
            {
                "alice": ["Originated{K1,alice} connected newCall alice>bob", "Delivered{K1,bob} connected newCall alice>bob"],
                "bob": ["Delivered{K1,bob} alerting newCall alice>bob"],
            }
        )
        bob = conn(exchange.call_id("K1"), "bob")
        request = (
            csta.GroupPickupCall(new_destination="carol")
            if group
            else csta.DirectedPickupCall(call_to_be_picked_up=bob, requesting_device="carol")
        )
        answer = await tserver.perform(
            request,
            {
                "alice": [
                    "Diverted{K1,bob} connected callPickup alice>bob to=carol",
                    "Established{K1,carol} connected callPickup alice>bob lr=bob",
                ],
                "bob": ["Diverted{K1,bob} null callPickup alice>bob to=carol"],
                "carol": ["Established{K1,carol} connected callPickup alice>bob lr=bob"],
            },
        )
        assert answer.picked_call == conn(bob.call_id, "carol")

    @pytest_twisted.ensureDeferred
    async def test_park(self, exchange: Exchange) -> None:
        tserver, _, bob = await talk(exchange, "alice", "bob", "carol")
        await tserver.perform(
            csta.ParkCall(parking=bob, park_to="1003"),
            {
                "alice": ["Diverted{K1,bob} connected park alice>bob to=carol", "Queued{K1,carol} connected park alice>bob lr=bob"],
                "bob": ["Diverted{K1,bob} null park alice>bob to=carol"],
                "carol": ["Queued{K1,carol} queued park alice>bob lr=bob"],
            },
        )


class TestTwoCalls:
    @pytest_twisted.ensureDeferred
    async def test_alternate(self, exchange: Exchange) -> None:
        tserver, held, active = await consulted(exchange)
        await tserver.perform(
            csta.AlternateCall(held_call=held, active_call=active),
            {
                "alice": ["Retrieved{K1,bob} connected alternate"],
                "bob": ["Held{K2,bob} hold alternate", "Retrieved{K1,bob} connected alternate"],
                "carol": ["Held{K2,bob} connected alternate"],
            },
        )

    @pytest_twisted.ensureDeferred
    async def test_reconnect(self, exchange: Exchange) -> None:
        tserver, held, active = await consulted(exchange)
        await tserver.perform(
            csta.ReconnectCall(held_call=held, active_call=active),
            {
                "alice": ["Retrieved{K1,bob} connected normal"],
                "bob": ["ConnectionCleared{K2,bob} null normalClearing", "Retrieved{K1,bob} connected normal"],
                "carol": ["ConnectionCleared{K2,bob} connected normalClearing", "ConnectionCleared{K2,carol} null normalClearing"],
            },
        )

    @pytest.mark.parametrize("exchange", VARIATIONS, indirect=True)
    @pytest_twisted.ensureDeferred
    async def test_transfer(self, exchange: Exchange) -> None:
        tserver, held, active = await consulted(exchange)
        k = survivor(exchange, "K1", "K2")
        rest = f"transfer and{{K2,bob}} to=carol [{{{k},alice}}<{{K1,alice}} {{{k},carol}}<{{K2,carol}}]"
        answer = await tserver.perform(
            csta.TransferCall(held_call=held, active_call=active),
            {
                "alice": [f"Transfered{{K1,bob}} connected {rest}"],
                "bob": [f"Transfered{{K1,bob}} null {rest}"],
                "carol": [f"Transfered{{K1,bob}} connected {rest}"],
            },
        )
        assert exchange.call(answer.transferred_call.call_id) == k
        exchange.switch.hang_up("alice")
        await tserver.hears(
            {
                "alice": [f"ConnectionCleared{{{k},alice}} null normalClearing"],
                "carol": [
                    f"ConnectionCleared{{{k},alice}} connected normalClearing",
                    f"ConnectionCleared{{{k},carol}} null normalClearing",
                ],
            }
        )
        await exchange.forgotten()

    @pytest.mark.parametrize("exchange", VARIATIONS, indirect=True)
    @pytest_twisted.ensureDeferred
    async def test_single_step_transfer(self, exchange: Exchange) -> None:
        tserver, _, bob = await talk(exchange, "alice", "bob", "carol")
        k = survivor(exchange, "K1", "K2", blind=True)
        rest = f"singleStepTransfer to=carol [{{{k},alice}}<{{K1,alice}} {{{k},carol}}]"
        await tserver.perform(
            csta.SingleStepTransferCall(active_call=bob, transferred_to="1003"),
            {
                "alice": [
                    f"Transfered{{K1,bob}} connected {rest}",
                    f"Delivered{{{k},carol}} connected singleStepTransfer alice>bob lr=bob",
                ],
                "bob": [f"Transfered{{K1,bob}} null {rest}"],
                "carol": [f"Delivered{{{k},carol}} alerting singleStepTransfer alice>bob lr=bob"],
            },
        )
        exchange.switch.answer("carol")
        await tserver.hears(
            {device: [f"Established{{{k},carol}} connected singleStepTransfer alice>bob lr=bob"] for device in ("alice", "carol")}
        )

    @pytest_twisted.ensureDeferred
    async def test_conference(self, exchange: Exchange) -> None:
        tserver, held, active = await consulted(exchange)
        joined = (
            "Conferenced{K1,bob} connected conference and{K2,bob} to=carol [{K1,alice}<{K1,alice} {K1,bob}<{K1,bob} {K1,carol}<{K2,carol}]"
        )
        answer = await tserver.perform(
            csta.ConferenceCall(held_call=held, active_call=active), {device: [joined] for device in ("alice", "bob", "carol")}
        )
        assert answer.conference_call == conn(held.call_id, "bob")
        exchange.switch.hang_up("carol")
        await tserver.hears(
            {
                "alice": ["ConnectionCleared{K1,carol} connected normalClearing"],
                "bob": ["ConnectionCleared{K1,carol} connected normalClearing"],
                "carol": ["ConnectionCleared{K1,carol} null normalClearing"],
            }
        )
        await tserver.perform(
            csta.ClearCall(call_to_be_cleared=conn(held.call_id)),
            {
                "alice": ["ConnectionCleared{K1,alice} null normalClearing"],
                "bob": ["ConnectionCleared{K1,alice} connected normalClearing", "ConnectionCleared{K1,bob} null normalClearing"],
            },
        )

    @pytest_twisted.ensureDeferred
    async def test_the_controller_ends_a_conference(self, exchange: Exchange) -> None:
        tserver, held, active = await consulted(exchange)
        await tserver.ask(csta.ConferenceCall(held_call=held, active_call=active))
        await until(lambda: sum("Conferenced" in told for told in tserver.told) == 3)
        tserver.forget()
        await tserver.perform(
            csta.ClearCall(call_to_be_cleared=conn(held.call_id)),
            {
                device: [f"ConnectionCleared{{K1,{each}}} {'null' if each == device else 'connected'} normalClearing" for each in order]
                for device, order in (("bob", ["bob"]), ("alice", ["bob", "alice"]), ("carol", ["bob", "alice", "carol"]))
            },
        )
