"""A link that may control only what it monitors: alice is monitored by it, bob by another link, carol by nobody."""

from __future__ import annotations

import pytest

from bwconnector.bridge.session import Session
from bwconnector.bridge.switching import Options
from bwconnector.csta import messages as csta

from .office import Link, Office, connection

REFUSED = "operation privilegeViolationSpecifiedDevice"


def office_of(*, monitored_only: bool = True) -> Office:
    office = Office(options=Options(status_on_connect=False, monitored_only=monitored_only))
    office.monitor("alice")
    other = Session(Link("tserver-2"), office.switch)
    office.ask(csta.MonitorStart(monitor_object=csta.MonitorObject(device_object="bob")), session=other)
    office.call("K1", alice="Active", bob="Active")
    return office


def requests_on(device: str) -> list[csta.Message]:
    there = connection("K1", device)
    return [
        csta.MakeCall(calling_device=device, called_directory_number="1009"),
        csta.AnswerCall(call_to_be_answered=there),
        csta.HoldCall(call_to_be_held=there),
        csta.RetrieveCall(call_to_be_retrieved=there),
        csta.ClearConnection(connection_to_be_cleared=there),
        csta.GenerateDigits(connection_to_send_digits=there, characters_to_send="1"),
        csta.AssociateData(existing_call=there, correlator_data=b"x"),
        csta.ConsultationCall(existing_call=there, consulted_device="1009"),
        csta.SingleStepTransferCall(active_call=there, transferred_to="1009"),
        csta.TransferCall(held_call=there, active_call=there),
        csta.ConferenceCall(held_call=there, active_call=there),
        csta.AlternateCall(held_call=there, active_call=there),
        csta.ReconnectCall(held_call=there, active_call=there),
        csta.DeflectCall(call_to_be_diverted=there, new_destination=("1009",)),
        csta.ParkCall(parking=there, park_to="1009"),
        csta.GroupPickupCall(new_destination=device),
        csta.DirectedPickupCall(call_to_be_picked_up=connection("K2", "carol"), requesting_device=device),
    ]


@pytest.mark.parametrize("request_", requests_on("bob"), ids=lambda request: type(request).__name__)
def test_control_of_a_device_that_another_link_monitors_is_refused(request_: csta.Message) -> None:
    office = office_of()
    office.call("K2", carol="Alerting")
    assert office.error(request_) == REFUSED
    assert office.bw.asked == []


@pytest.mark.parametrize("request_", requests_on("bob"), ids=lambda request: type(request).__name__)
def test_by_default_control_needs_no_monitor(request_: csta.Message) -> None:
    office = office_of(monitored_only=False)
    office.call("K2", carol="Alerting")
    invoke_id = office.ask(request_)
    assert office.waits(invoke_id) or getattr(office.answer_to(invoke_id), "value", "") != "privilegeViolationSpecifiedDevice"


def test_control_of_a_monitored_device_is_allowed() -> None:
    office = office_of()
    office.ask(csta.HoldCall(call_to_be_held=connection("K1", "alice")))
    assert len(office.bw.asked) == 1


def test_a_monitor_that_was_stopped_permits_no_more() -> None:
    office = office_of()
    office.answer(csta.MonitorStop(monitor_cross_ref_id="1"))
    assert office.error(csta.HoldCall(call_to_be_held=connection("K1", "alice"))) == REFUSED


def test_a_call_may_be_cleared_by_who_monitors_a_party() -> None:
    office = office_of()
    office.ask(csta.ClearCall(call_to_be_cleared=connection("K1")))
    assert len(office.bw.asked) == 1


def test_a_call_of_others_may_not_be_cleared() -> None:
    office = office_of()
    office.call("K2", bob="Held", carol="Active")
    assert office.error(csta.ClearCall(call_to_be_cleared=connection("K2"))) == REFUSED
    assert office.bw.asked == []


def test_the_controller_of_a_conference_may_have_anybody_leave() -> None:
    office = office_of()
    (call,) = office.switch.table
    call.controller = next(key for key in call.connections if "alice" in key)
    office.ask(csta.ClearConnection(connection_to_be_cleared=connection("K1", "bob")))
    assert len(office.bw.asked) == 1


def test_looking_needs_no_monitor() -> None:
    office = office_of()
    assert isinstance(office.answer(csta.SnapshotCall(snapshot_object=connection("K1"))), csta.SnapshotCallResponse)
