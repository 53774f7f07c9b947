from __future__ import annotations

from typing import Any

from bwconnector.bridge import agents, eventmessages, features
from bwconnector.bridge.capability_services import EVENTS, SEGMENT, SERVICE_CAPABILITIES
from bwconnector.bridge.devices import CALL_CENTER
from bwconnector.bridge.services import SERVICES
from bwconnector.csta import messages as csta

from .office import Office

SESSIONS = {"StartApplicationSession", "ResetApplicationSessionTimer", "StopApplicationSession"}


def test_every_service_is_announced_and_nothing_else() -> None:
    assert SERVICE_CAPABILITIES.keys() == {service.__name__ for service in SERVICES} - SESSIONS


def test_every_event_that_is_sent_is_announced_and_nothing_else() -> None:
    assert EVENTS.keys() == eventmessages.EVENTS.keys() | {kind for kind, _ in features._TELL.values()} | {
        *agents.AGENT_EVENTS,
        agents.PRIVATE,
    }


def names(lists: dict[str, Any]) -> set[str]:
    return {name for entries in lists.values() for name in entries}


def test_csta_features() -> None:
    answer = Office().answer(csta.GetCSTAFeatures())
    assert {"makeCall", "answerCall", "monitorStart", "snapshotDevice", "requestSystemStatus"} <= names(answer.supported_services)
    assert names(answer.supported_events) == {element for _, element in EVENTS.values()}


def test_a_service_that_is_switched_off_is_not_announced() -> None:
    off = names(Office().answer(csta.GetCSTAFeatures()).supported_services)
    on = names(Office(P_SSC="on").answer(csta.GetCSTAFeatures()).supported_services)
    assert on - off == {"singleStepConference"}


def test_switching_function_caps() -> None:
    answer = Office().answer(csta.GetSwitchingFunctionCaps())
    assert (answer.ignore_unsupported_parameters, answer.connection_view) == ("ignoreParameters", "fixed")
    assert answer.call_characteristics_supported == {"assistCall", "highPriorityCall", "priorityCall"}
    assert answer.agent_state_models == {"agentOriented"}
    assert {"transferCall", "established", "systemRegister", "setAgentState", "agentReady", "escape", "privateEvent"} <= names(
        answer.serv_evts_list
    )
    assert Office(P_STRICT="reject").answer(csta.GetSwitchingFunctionCaps()).ignore_unsupported_parameters == "rejectMessage"


def test_the_monitor_filter_announces_the_events_that_are_never_sent() -> None:
    filters = Office().answer(csta.GetSwitchingFunctionCaps()).monitor_filter_items.device_on_device_monitor_filter
    assert not any(map(filters.blocks, EVENTS))
    assert filters.blocks("CallClearedEvent")
    assert filters.blocks("AutoAnswerEvent")


def listed(office: Office, **wanted: str) -> list[csta.SwitchingFunctionDevices]:
    office.link.sent.clear()
    response, *segments = (office.ask(csta.GetSwitchingFunctionDevices(**wanted)), *office.link.messages)[1:]
    assert isinstance(response, csta.GetSwitchingFunctionDevicesResponse)
    for number, segment in enumerate(segments, 1):
        assert isinstance(segment, csta.SwitchingFunctionDevices)
        assert segment.service_cross_ref_id == response.service_cross_ref_id
        assert (segment.segment_id, segment.last_segment) == (number, number == len(segments))
    return segments  # type: ignore[return-value]


def devices(segments: list[csta.SwitchingFunctionDevices]) -> list[tuple[str | None, str | None]]:
    return [(device.device_id, device.device_category) for segment in segments for device in segment.device_list or ()]


def test_switching_function_devices() -> None:
    office = Office()
    assert devices(listed(office)) == []
    office.monitor("1002")
    office.monitor("alice")
    assert devices(listed(office)) == [("alice", "station"), ("1002", "station")]
    assert devices(listed(office, requested_device_id="bob")) == [("1002", "station")]
    assert devices(listed(office, requested_device_id="carol")) == []
    assert devices(listed(office, requested_device_category="acd")) == []


def test_switching_function_devices_come_in_segments() -> None:
    office = Office(kinds={f"q{number:03d}": CALL_CENTER for number in range(SEGMENT + 1)})
    segments = listed(office, requested_device_category="acd")
    assert [len(segment.device_list or ()) for segment in segments] == [SEGMENT, 1]
    assert len({device for device, _ in devices(segments)}) == SEGMENT + 1


def test_logical_device_information() -> None:
    office = Office()
    answer = office.answer(csta.GetLogicalDeviceInformation(device="alice"))
    assert (answer.device_category, answer.short_form_device_id) == ("station", "1001")
    assert {"makeCall", "holdCall"} <= names(answer.log_dev_serv_list)
    assert office.error(csta.GetLogicalDeviceInformation(device="nobody")) == "operation invalidDeviceID"


def test_logical_device_information_of_a_queue() -> None:
    answer = Office(kinds={"q1": CALL_CENTER}).answer(csta.GetLogicalDeviceInformation(device="q1"))
    assert (answer.device_category, answer.log_dev_serv_list) == ("acd", {})
