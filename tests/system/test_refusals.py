"""What a T-Server is answered when BroadWorks refuses, breaks, or is not there."""

from __future__ import annotations

import pytest
import pytest_twisted

from bwconnector.csta import messages as csta
from tests.system.exchange import Exchange, TServer, conn, until


async def talking(exchange: Exchange) -> tuple[TServer, csta.ConnectionID]:
    """Alice, who is monitored, has called bob: the T-Server, alice's connection."""
    tserver = await exchange.connect()
    await tserver.monitor("alice", "bob")
    exchange.switch.dial("alice", "1002")
    exchange.switch.answer("bob")
    await until(lambda: any("Established" in line for line in tserver.told))
    (leg,) = exchange.switch.legs("alice")
    return tserver, conn(leg.call.tracking_id, "alice")


MAKE_CALL = csta.MakeCall(calling_device="alice", called_directory_number="1002")


class TestStates:
    @pytest_twisted.ensureDeferred
    async def test_of_calls(self, exchange: Exchange) -> None:
        tserver, alice = await talking(exchange)
        call = alice.call_id
        for request, error in (
            (csta.AnswerCall(call_to_be_answered=alice), "stateIncompatibility noCallToAnswer"),
            (csta.RetrieveCall(call_to_be_retrieved=alice), "stateIncompatibility noHeldCall"),
            (csta.HoldCall(call_to_be_held=conn("nonsense", "alice")), "operation invalidCallID"),
            (csta.HoldCall(call_to_be_held=conn(call, "carol")), "operation invalidConnectionID"),
            (csta.DeflectCall(call_to_be_diverted=alice, new_destination=("1003",)), "stateIncompatibility invalidConnectionState"),
            (csta.TransferCall(held_call=alice, active_call=alice), "stateIncompatibility invalidHeldConnectionState"),
            (csta.TransferCall(held_call=alice, active_call=conn(call, "bob")), "operation notSameDevice"),
            (csta.GenerateDigits(connection_to_send_digits=alice, characters_to_send="x"), "operation charactersToSendNotSupported"),
            (csta.GroupPickupCall(new_destination="carol"), "operation requestIncompatibleWithPickupDevice"),
            (csta.ConsultationCall(existing_call=alice, consulted_device="no number"), "operation invalidDestination"),
        ):
            assert (type(request).__name__, await tserver.refused(request)) == (type(request).__name__, error)
        assert [leg.state for leg in exchange.switch.legs("alice")] == ["Active"]

    @pytest_twisted.ensureDeferred
    async def test_of_devices(self, exchange: Exchange) -> None:
        tserver = await exchange.connect()
        nobody = csta.MonitorObject(device_object="nobody")
        for request, error in (
            (csta.MonitorStart(monitor_object=nobody), "operation invalidMonitorObject"),
            (csta.MonitorStart(monitor_object=csta.MonitorObject(device_object="9876")), "operation invalidMonitorObject"),
            (csta.MakeCall(calling_device="nobody", called_directory_number="1002"), "operation invalidCallingDeviceID"),
            (csta.SnapshotDevice(snapshot_object="nobody"), "operation invalidDeviceID"),
            (csta.SnapshotCall(snapshot_object=conn("nonsense")), "operation invalidCallID"),
            (csta.MonitorStop(monitor_cross_ref_id="0"), "operation invalidMonitorCrossRefID"),
        ):
            assert (type(request).__name__, await tserver.refused(request)) == (type(request).__name__, error)
        await exchange.unsubscribed()

    @pytest_twisted.ensureDeferred
    async def test_a_consultation_that_is_refused_gives_the_first_call_back(self, exchange: Exchange) -> None:
        tserver, alice = await talking(exchange)
        exchange.fail("/calls/new", "403")
        request = csta.ConsultationCall(existing_call=alice, consulted_device="1003")
        assert await tserver.refused(request) == "stateIncompatibility invalidActiveConnectionState"
        await until(lambda: exchange.switch.legs("alice")[0].state == "Active")
        assert exchange.switch.legs("alice")[0].state == "Active"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("400", "operation invalidCalledDeviceID"),
        ("401", "security generic"),
        ("403", "stateIncompatibility invalidCallingDeviceState"),
        ("404", "operation invalidCallingDeviceID"),
        ("405", "operation serviceNotSupported"),
        ("409", "stateIncompatibility invalidObjectState"),
        ("429", "performanceManagement performanceLimitExceeded"),
        ("500", "systemResourceAvailibility generic"),
        ("503", "systemResourceAvailibility resourceBusy"),
        ("refuse", "systemResourceAvailibility networkBusy"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_broadworks_refuses(exchange: Exchange, fault: str, error: str) -> None:
    tserver = await exchange.connect()
    await tserver.monitor("alice")
    exchange.fail("/calls/new", fault)
    assert await tserver.refused(MAKE_CALL) == error
    exchange.heal()
    await tserver.ask(MAKE_CALL)
    await until(lambda: any("Originated" in line for line in tserver.told))
    assert tserver.wrong == []


@pytest_twisted.ensureDeferred
async def test_broadworks_does_not_answer(exchange: Exchange) -> None:
    tserver = await exchange.connect()
    await tserver.monitor("alice")
    exchange.fail("/calls/new", "hang")
    assert await tserver.refused(MAKE_CALL) == "systemResourceAvailibility networkBusy"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("403", "operation privilegeViolationSpecifiedDevice"),
        ("404", "operation invalidMonitorObject"),
        ("503", "systemResourceAvailibility resourceBusy"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_monitor_is_refused(exchange: Exchange, fault: str, error: str) -> None:
    tserver = await exchange.connect()
    start = csta.MonitorStart(monitor_object=csta.MonitorObject(device_object="bob"))
    exchange.fail("xsi-events/v2.0/user/", fault)
    assert await tserver.refused(start) == error
    exchange.heal()
    await tserver.ask(start)
    assert exchange.service.bridge.monitors.devices() == ["bob@example.net"]


@pytest.mark.parametrize("exchange", [{"xsps": 2}], indirect=True)
@pytest_twisted.ensureDeferred
async def test_what_is_safe_is_tried_at_another_xsp(exchange: Exchange) -> None:
    tserver = await exchange.connect()
    exchange.xsps["xsp1"].faults.paths = {"/profile": "503", "/calls": "refuse"}
    for device in ("alice", "bob", "carol", "dave"):
        await tserver.monitor(device)
    assert len(exchange.service.bridge.monitors.devices()) == 4


class TestNoXsp:
    @pytest_twisted.ensureDeferred
    async def test_everything_but_the_status_is_refused(self, exchange: Exchange) -> None:
        tserver = await exchange.connect()
        await tserver.monitor("alice")
        await exchange.xsps["xsp1"].stop()
        await until(lambda: tserver.statuses[-1] == "disabled")
        assert tserver.statuses == ["normal", "disabled"]
        await until(lambda: any(isinstance(message, csta.MonitorStop) for message in tserver.messages))
        assert await tserver.refused(MAKE_CALL) == "systemResourceAvailibility networkOutOfService"
        assert await tserver.refused(csta.SnapshotDevice(snapshot_object="alice")) == "systemResourceAvailibility networkOutOfService"
        assert (await tserver.ask(csta.RequestSystemStatus())).system_status == "disabled"
        exchange.xsps["xsp1"].start()
        await until(lambda: tserver.statuses[-1] == "normal")
        assert tserver.statuses == ["normal", "disabled", "enabled", "normal"]
        await tserver.monitor("alice")
        await tserver.ask(MAKE_CALL)
        await until(lambda: any("Originated" in line for line in tserver.told))
        assert any("Originated" in line for line in tserver.told)
