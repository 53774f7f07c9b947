"""Recording, supervision, escalation and features on real links: the response first, then these events and no others."""

from __future__ import annotations

import pytest
import pytest_twisted

from bwconnector.csta import messages as csta
from bwconnector.simulator.config import SimulatorConfig
from tests.system.exchange import Exchange, conn, make_config
from tests.system.test_services import talk
from tests.system.variations import SURVIVORS


class TestRecording:
    @pytest_twisted.ensureDeferred
    async def test_record_suspend_resume_and_stop(self, exchange: Exchange) -> None:
        tserver, alice, _ = await talk(exchange, "alice", "bob")
        both = ("alice", "bob")
        answer = await tserver.perform(csta.RecordMessage(call_to_be_recorded=alice), {d: ["Record{K1,alice} normal"] for d in both})
        assert answer.resulting_message == alice.call_id
        assert await tserver.refused(csta.Resume(connection=alice)) == "stateIncompatibility notAbleToResume"
        await tserver.perform(csta.Suspend(connection=alice), {d: ["SuspendRecord{K1,alice} normal"] for d in both})
        assert await tserver.refused(csta.Suspend(connection=alice)) == "stateIncompatibility msgSuspended"
        await tserver.perform(csta.Resume(connection=alice), {d: ["Record{K1,alice} normal"] for d in both})
        await tserver.perform(csta.Stop(connection=alice), {d: ["Stop{K1,alice} normal"] for d in both})
        exchange.switch.record("bob")
        exchange.switch.stop_recording("bob", reason="Failure")
        await tserver.hears({d: ["Record{K1,bob} normal", "Stop{K1,bob} resourcesNotAvailable"] for d in both})

    @pytest_twisted.ensureDeferred
    async def test_a_client_that_comes_later_takes_the_recording_over(self, exchange: Exchange) -> None:
        exchange.switch.dial("alice", "1002")
        exchange.switch.answer("bob")
        exchange.switch.record("alice")
        tserver = await exchange.connect()
        await tserver.monitor("alice")
        alice = csta.ConnectionID(device_id="alice")
        assert await tserver.refused(csta.RecordMessage(call_to_be_recorded=alice)) == "stateIncompatibility invalidConnectionState"
        await tserver.perform(csta.Stop(connection=alice), {"alice": ["Stop{K1,alice} normal"]})

    @pytest_twisted.ensureDeferred
    async def test_a_release_without_recording(self) -> None:
        simulator = SimulatorConfig(users=4, xsps=1, demo=False, admin=False)
        exchange = Exchange(make_config(simulator, broadworks_version="17.sp4"))
        await exchange.start()
        try:
            tserver, alice, _ = await talk(exchange, "alice", "bob")
            assert await tserver.refused(csta.RecordMessage(call_to_be_recorded=alice)) == "operation serviceNotSupported"
            features = await tserver.ask(csta.GetCSTAFeatures())
            assert set(features.supported_services["voiceServList"]) == {"playMsg"}
        finally:
            await exchange.stop()


class TestSupervision:
    @pytest.mark.parametrize("exchange", SURVIVORS, indirect=True)
    @pytest.mark.parametrize(
        ("participation", "private", "cause"),
        [("active", None, "intrude"), ("silent", None, "silentParticipation"), ("silent", {"coach": "true"}, "silentParticipation")],
        ids=["barge-in", "silent", "coach"],
    )
    @pytest_twisted.ensureDeferred
    async def test_join(self, exchange: Exchange, participation: str, private: dict[str, str] | None, cause: str) -> None:
        tserver, _, bob = await talk(exchange, "alice", "bob", "dave")
        joined = f"Conferenced{{K1,bob}} connected {cause} to=dave [{{K1,alice}}<{{K1,alice}} {{K1,bob}}<{{K1,bob}} {{K1,dave}}]"
        request = csta.JoinCall(
            active_call=bob,
            joining_device="dave",
            auto_originate="doNotPrompt",
            participation_type=participation,
            extensions=private,
        )
        answer = await tserver.perform(request, {device: [joined] for device in ("alice", "bob", "dave")})
        assert answer.conferenced_call == conn(bob.call_id, "dave")
        assert all(event.extensions == private for event in tserver.messages if isinstance(event, csta.ConferencedEvent))
        await tserver.perform(
            csta.ClearConnection(connection_to_be_cleared=answer.conferenced_call),
            {
                device: [f"ConnectionCleared{{K1,dave}} {'null' if device == 'dave' else 'connected'} normalClearing"]
                for device in ("alice", "bob", "dave")
            },
        )

    @pytest_twisted.ensureDeferred
    async def test_escalate(self, exchange: Exchange) -> None:
        tserver, _, _ = await talk(exchange, "alice", "bob", "dave")
        exchange.switch.escalate("bob", "1004")
        exchange.switch.answer("dave")
        await tserver.hears(
            {
                "alice": ["Held{K1,bob} connected normal"],
                "bob": [
                    "Held{K1,bob} hold normal",
                    "Originated{K2,bob} connected newCall bob>dave",
                    "Delivered{K2,dave} connected newCall bob>dave assistCall",
                    "Established{K2,dave} connected newCall bob>dave assistCall",
                ],
                "dave": [
                    "Delivered{K2,dave} alerting newCall bob>dave assistCall",
                    "Established{K2,dave} connected newCall bob>dave assistCall",
                ],
            }
        )

    @pytest_twisted.ensureDeferred
    async def test_escalate_an_emergency(self, exchange: Exchange) -> None:
        tserver, _, _ = await talk(exchange, "alice", "bob", "dave")
        exchange.switch.emergency_escalate("bob", "1004")
        exchange.switch.answer("dave")
        urgent = "assistCall highPriorityCall"
        joined = (
            "Conferenced{K1,bob} connected conference and{K2,bob} to=dave "
            f"[{{K1,alice}}<{{K1,alice}} {{K1,bob}}<{{K1,bob}} {{K1,dave}}<{{K2,dave}}] {urgent}"
        )
        await tserver.hears(
            {
                "alice": [joined],
                "bob": [
                    "Originated{K2,bob} connected newCall bob>dave",
                    f"Delivered{{K2,dave}} connected newCall bob>dave {urgent}",
                    f"Established{{K2,dave}} connected newCall bob>dave {urgent}",
                    joined,
                ],
                "dave": [
                    f"Delivered{{K2,dave}} alerting newCall bob>dave {urgent}",
                    f"Established{{K2,dave}} connected newCall bob>dave {urgent}",
                    joined,
                ],
            }
        )

    @pytest_twisted.ensureDeferred
    async def test_an_emergency_call_is_released_like_any_other(self, exchange: Exchange) -> None:
        tserver = await exchange.connect()
        await tserver.monitor("alice")
        exchange.switch.dial("alice", "911")
        await tserver.hears(
            {
                "alice": [
                    "Originated{K1,alice} connected newCall alice>911 priorityCall",
                    "Delivered{K1,911} connected newCall alice>911 priorityCall",
                ]
            }
        )
        await tserver.perform(
            csta.ClearConnection(connection_to_be_cleared=conn(exchange.call_id("K1"), "alice")),
            {"alice": ["ConnectionCleared{K1,alice} null normalClearing priorityCall"]},
        )


class TestFeatures:
    @pytest_twisted.ensureDeferred
    async def test_do_not_disturb(self, exchange: Exchange) -> None:
        tserver = await exchange.connect()
        await tserver.monitor("alice")
        for on in (True, False):
            await tserver.perform(
                csta.SetDoNotDisturb(device="alice", do_not_disturb_on=on), {"alice": [f"DoNotDisturb do_not_disturb_on={on}"]}
            )
            assert (await tserver.ask(csta.GetDoNotDisturb(device="alice"))).do_not_disturb_on is on
            assert (await tserver.ask(csta.GetDoNotDisturb(device="bob"))).do_not_disturb_on is False
        exchange.fail("services/DoNotDisturb", "500")
        assert (await tserver.ask(csta.GetDoNotDisturb(device="alice"))).do_not_disturb_on is False  # from what its events have told
        assert await tserver.refused(csta.GetDoNotDisturb(device="bob")) == "systemResourceAvailibility generic"

    @pytest_twisted.ensureDeferred
    async def test_forwarding(self, exchange: Exchange) -> None:
        tserver = await exchange.connect()
        await tserver.monitor("alice")
        for kind in ("forwardImmediate", "forwardBusy", "forwardNoAns"):
            told = f"Forwarding forwarding_type={kind} forward_status={{}} forward_to=1003"
            await tserver.perform(
                csta.SetForwarding(device="alice", forwarding_type=kind, activate_forward=True, forward_dn="1003"),
                {"alice": [told.format(True)]},
            )
            for device in ("alice", "bob"):
                settings = (await tserver.ask(csta.GetForwarding(device=device))).forwarding_list
                assert [each.forwarding_type for each in settings if each.forward_status] == [kind] * (device == "alice")
            await tserver.perform(
                csta.SetForwarding(device="alice", forwarding_type=kind, activate_forward=False), {"alice": [told.format(False)]}
            )
        to_nowhere = csta.SetForwarding(device="bob", forwarding_type="forwardBusy", activate_forward=True)
        assert await tserver.refused(to_nowhere) == "operation invalidForwardingDestination"

    @pytest_twisted.ensureDeferred
    async def test_a_service_that_is_taken_away(self, exchange: Exchange) -> None:
        tserver = await exchange.connect()
        await tserver.monitor("alice")
        request = csta.SetForwarding(device="alice", activate_forward=True, forward_dn="1003")
        await tserver.ask(request)
        exchange.switch.services.unassign("alice", "CallForwardingAlways")
        exchange.switch.services.unassign("bob", "DoNotDisturb")
        on, off = (f"Forwarding forwarding_type=forwardImmediate forward_status={status}" for status in (True, False))
        await tserver.hears({"alice": [f"{on} forward_to=1003", off]})
        assert await tserver.refused(request) == "operation invalidFeature"
        assert await tserver.refused(csta.SetDoNotDisturb(device="bob", do_not_disturb_on=True)) == "operation invalidFeature"
        assert await tserver.refused(csta.GetDoNotDisturb(device="bob")) == "operation invalidFeature"

    @pytest_twisted.ensureDeferred
    async def test_message_waiting(self, exchange: Exchange) -> None:
        tserver = await exchange.connect()
        await tserver.monitor("alice")
        for messages in (2, 3, 0):
            exchange.switch.services.change_messages("alice", messages)
        await tserver.hears({"alice": [f"MessageWaiting message_waiting_on={on}" for on in (True, False)]})
