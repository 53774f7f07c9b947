from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from bwconnector.bridge.access import Kind
from bwconnector.bridge.association import DEFAULT_NAMESPACE
from bwconnector.bridge.services import SERVICES, Service
from bwconnector.bridge.session import STOP_BATCH, Session
from bwconnector.bridge.status import REPAIR
from bwconnector.bridge.switching import Options
from bwconnector.csta import messages as csta
from bwconnector.csta.errors import CstaError
from bwconnector.xsi.errors import Refused

from .office import ED3, ED4, Link, Office, connection, user

NORMAL = csta.SystemStatus(system_status="normal")


def test_an_unsupported_service() -> None:
    office = Office()
    assert office.error(csta.AcceptCall()) == "operation serviceNotSupported"


@pytest.mark.parametrize(
    "error", [CstaError("operation", "invalidParameterValue"), csta.CSTAErrorCode("operation", "invalidParameterValue")]
)
def test_an_unreadable_request_is_answered_with_its_invoke_id(error: Any) -> None:
    office = Office()
    office.session.unreadable("0042", error, ED4, "not well-formed")
    assert office.link.sent == [("0042", csta.CSTAErrorCode("operation", "invalidParameterValue"), ED4)]


def test_an_unreadable_request_without_a_namespace() -> None:
    office = Office()
    office.session.unreadable("0042", CstaError("operation", "generic"), "", "rubbish")
    assert office.link.sent[0][2] == DEFAULT_NAMESPACE


def test_every_answer_is_in_the_namespace_of_its_request() -> None:
    office = Office()
    for namespace in (ED4, ED3, ""):
        invoke_id = office.ask(csta.RequestSystemStatus(), namespace=namespace)
        assert office.link.sent[-1] == (invoke_id, csta.RequestSystemStatusResponse(system_status="normal"), namespace)


def test_a_service_that_breaks_costs_one_answer_not_the_link(logged_errors: Any) -> None:
    async def breaks(*_: object) -> csta.Message:
        raise ZeroDivisionError

    office = Office()
    office.session = Session(office.link, office.switch, {**SERVICES, csta.MonitorStop: Service(breaks, Kind.READS)})
    assert office.error(csta.MonitorStop(monitor_cross_ref_id="1")) == "operation generic"
    assert office.answer(csta.RequestSystemStatus()).system_status == "normal"
    (logged,) = logged_errors.take()
    assert "link tserver-1: MonitorStop failed unexpectedly" in logged


def test_requests_that_wait_for_broadworks_are_limited() -> None:
    office = Office(options=Options(status_on_connect=False, max_outstanding=2))
    office.bw.answers("GET user/alice/profile", Deferred())
    for _ in range(2):
        office.ask(csta.SnapshotDevice(snapshot_object="alice"))
    assert office.session.outstanding == 2
    assert office.error(csta.SnapshotDevice(snapshot_object="alice")) == "subscribedResourceAvailability outstandingReqLimitExceeded"
    assert office.answer(csta.RequestSystemStatus()).system_status == "normal"


@pytest.mark.parametrize("channels", [None, 0])
def test_without_a_channel_only_what_is_known_is_answered(channels: int | None) -> None:
    office = Office()
    if channels is None:
        office.status.value = "initializing"
        office.status.operational = False
    else:
        office.status.channels_changed(channels)
    office.call("K1", alice="Active")
    unavailable = "systemResourceAvailibility networkOutOfService"
    assert office.error(csta.HoldCall(call_to_be_held=connection("K1", "alice"))) == unavailable
    assert office.error(csta.SnapshotDevice(snapshot_object="alice")) == unavailable
    assert office.answer(csta.RequestSystemStatus()).system_status == office.status.value
    assert isinstance(office.answer(csta.GetCSTAFeatures()), csta.GetCSTAFeaturesResponse)
    assert office.bw.asked == []


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"account_code": b"1"}, "operation accountCodeNotSupported"),
        ({"auth_code": b"1"}, "operation authorisationCodeNotSupported"),
        ({"auto_originate": "doNotPrompt"}, "operation parameterNotSupported"),
    ],
)
def test_parameters_without_a_counterpart_are_ignored_or_rejected(parameters: dict[str, Any], error: str) -> None:
    request = csta.MakeCall(calling_device="nobody", called_directory_number="1002", **parameters)
    assert Office().error(request) == "operation invalidCallingDeviceID"
    assert Office(P_STRICT="reject").error(request) == error


def test_events_and_answers_nobody_asked_for_are_ignored() -> None:
    office = Office()
    office.session.received("0007", csta.SystemStatusResponse(), ED3)
    office.session.received("9999", csta.RouteEnd(cross_ref_identifier="1"), ED3)
    assert office.link.sent == []


# System status and association


def test_the_status_is_sent_as_soon_as_a_link_opens() -> None:
    office, link = Office(options=Options()), Link()
    Session(link, office.switch)
    assert link.sent == [("0001", NORMAL, ED3)]


def test_the_answer_to_our_own_request_is_absorbed() -> None:
    office, link = Office(options=Options()), Link()
    session = Session(link, office.switch)
    assert session.unanswered == 1
    session.received("0001", csta.SystemStatusResponse(), ED3)
    assert session.unanswered == 0
    session.received("0001", csta.CSTAErrorCode("operation", "generic"), ED3)
    assert link.messages == [NORMAL]


def test_the_clients_own_status_is_acknowledged() -> None:
    assert Office().answer(csta.SystemStatus()) == csta.SystemStatusResponse()


def test_system_register_is_followed_by_the_status_at_once() -> None:
    office = Office()
    wanted = frozenset({"overloadRelieved"})
    invoke_id = office.ask(csta.SystemRegister(request_types=frozenset({"systemStatus"}), requested_status_filter=wanted), namespace=ED4)
    (one, answer, namespace), (two, status, status_namespace) = office.link.sent
    register_id = answer.sys_stat_register_id  # type: ignore[union-attr]
    assert (one, answer, namespace) == (
        invoke_id,
        csta.SystemRegisterResponse(sys_stat_register_id=register_id, actual_status_filter=wanted),
        ED4,
    )
    assert (two, status, status_namespace) == (
        "0001",
        csta.SystemStatus(sys_stat_register_id=register_id, system_status="normal"),
        ED4,
    )


def registered(office: Office, *types: str, blocked: tuple[str, ...] = ()) -> str:
    request = csta.SystemRegister(request_types=frozenset(types), requested_status_filter=frozenset(blocked))
    return str(office.answer(request).sys_stat_register_id)


def statuses(office: Office) -> list[str]:
    return [message.system_status for message in office.link.messages if isinstance(message, csta.SystemStatus)]


def test_a_status_filter_names_what_is_not_sent() -> None:
    office = Office(link_loss_policy=REPAIR)
    registered(office, "systemStatus", blocked=("normal", "messageLost"))
    office.status.channels_changed(0)
    office.status.channels_changed(1)
    office.status.repaired()
    assert statuses(office) == ["disabled"]


def test_the_status_filter_can_be_changed() -> None:
    office = Office()
    register_id = registered(office, "systemStatus", blocked=("normal",))
    request = csta.ChangeSysStatFilter(sys_stat_register_id=register_id, requested_status_filter=frozenset({"enabled"}))
    assert office.answer(request) == csta.ChangeSysStatFilterResponse(actual_status_filter=frozenset({"enabled"}))
    office.status.channels_changed(0)
    office.status.channels_changed(1)
    assert statuses(office) == ["disabled", "normal"]


def test_a_client_that_registers_for_something_else_gets_the_status_as_well() -> None:
    office = Office()
    registered(office, "switchingFunctionDevicesChanged")
    office.status.channels_changed(0)
    assert statuses(office) == ["normal", "disabled"]


def test_a_registration_can_be_cancelled() -> None:
    office = Office()
    register_id = registered(office, "systemStatus", blocked=("disabled",))
    assert office.answer(csta.SystemRegisterCancel(sys_stat_register_id=register_id)) == csta.SystemRegisterCancelResponse()
    office.status.channels_changed(0)
    assert office.link.messages[-1] == csta.SystemStatus(system_status="disabled")


@pytest.mark.parametrize(
    "request_", [csta.SystemRegisterCancel(), csta.SystemRegisterCancel(sys_stat_register_id="no"), csta.ChangeSysStatFilter()]
)
def test_a_registration_that_does_not_exist(request_: csta.Message) -> None:
    assert Office().error(request_) == "operation invalidCrossRefID"


def begin(duration: int | None = 600, *versions: str) -> csta.StartApplicationSession:
    return csta.StartApplicationSession(
        application_info=csta.ApplicationInfo(application_id="tserver"),
        requested_protocol_versions=versions or (ED4,),
        requested_session_duration=duration,
    )


def test_an_application_session_is_followed_by_the_status_in_its_edition() -> None:
    office = Office()
    office.ask(begin(600, "urn:other", f"{ED4}/priv2"), namespace=csta.SESSION_NAMESPACE)
    (_, answer, _), (_, status, namespace) = office.link.sent
    assert isinstance(answer, csta.StartApplicationSessionPosResponse)
    assert (answer.actual_protocol_version, answer.actual_session_duration) == (f"{ED4}/priv2", 600)
    assert (status, namespace) == (NORMAL, ED4)


def test_a_session_in_a_protocol_that_is_not_csta() -> None:
    office = Office()
    answer = office.answer(begin(600, "urn:other"))
    assert answer.error_code == csta.SessionError(defined_error="requestedProtocolVersionNotSupported")
    assert len(office.link.sent) == 1


def test_a_session_that_is_not_renewed_ends_and_the_link_stays() -> None:
    office = Office()
    session_id = office.answer(begin(600)).session_id
    office.clock.advance(400)
    reset = csta.ResetApplicationSessionTimer(session_id=session_id)
    assert office.answer(reset) == csta.ResetApplicationSessionTimerPosResponse(actual_session_duration=600)
    office.clock.advance(599)
    before = len(office.link.sent)
    office.clock.advance(1)
    (ended,) = office.link.messages[before:]
    assert isinstance(ended, csta.ApplicationSessionTerminated)
    assert ended.session_term_reason.defined_term_reason == "sessionTimerExpired"
    assert office.answer(csta.RequestSystemStatus()).system_status == "normal"
    assert office.answer(reset).error_code.defined_error == "invalidSessionID"


def test_a_session_can_be_stopped() -> None:
    office = Office()
    stop = csta.StopApplicationSession(session_id=office.answer(begin()).session_id)
    assert office.answer(stop) == csta.StopApplicationSessionPosResponse()
    assert office.answer(stop).error_code.defined_error == "invalidSessionID"
    assert office.clock.getDelayedCalls() == []


def test_a_session_of_no_duration_never_ends() -> None:
    office = Office()
    assert office.answer(begin(0)).actual_session_duration == 0
    assert office.clock.getDelayedCalls() == []


def test_a_second_session_replaces_the_first() -> None:
    office = Office()
    one, two = office.answer(begin()).session_id, office.answer(begin(None)).session_id
    assert one != two
    assert len(office.clock.getDelayedCalls()) == 1
    assert office.answer(csta.StopApplicationSession(session_id=one)).error_code.defined_error == "invalidSessionID"


# Losing all channels, losing the link


def test_total_loss_under_monitor_stop_ends_the_monitors() -> None:
    office = Office()
    office.ask(csta.MonitorStart(monitor_object=csta.MonitorObject(device_object="alice")), namespace=ED4)
    office.monitor("bob")
    before = len(office.link.sent)
    office.status.channels_changed(0)
    assert [(message, namespace) for _, message, namespace in office.link.sent[before:]] == [
        (csta.SystemStatus(system_status="disabled"), ED3),
        (csta.MonitorStop(monitor_cross_ref_id="1"), ED4),
        (csta.MonitorStop(monitor_cross_ref_id="2"), ED3),
    ]
    assert office.subscriptions.targets == {}
    for invoke_id, message, namespace in office.link.sent[before:]:
        reply = csta.SystemStatusResponse() if isinstance(message, csta.SystemStatus) else csta.MonitorStopResponse()
        office.session.received(invoke_id, reply, namespace)
    office.status.channels_changed(1)
    assert statuses(office) == ["disabled", "enabled", "normal"]
    assert office.monitor("alice") == "3"


def test_total_loss_under_repair_keeps_the_monitors() -> None:
    office = Office(link_loss_policy=REPAIR)
    office.monitor("alice")
    office.status.channels_changed(0)
    office.status.channels_changed(1)
    assert statuses(office) == ["disabled"]
    assert office.answer(csta.RequestSystemStatus()).system_status == "disabled"
    office.status.repaired()
    assert statuses(office) == ["disabled", "messagesLost", "normal"]
    assert office.monitors.of_link(office.link) == ["1"]
    assert office.subscriptions.subscribed(user("alice"))


def test_the_end_of_many_monitors_is_paced() -> None:
    office = Office()
    for _ in range(STOP_BATCH + 3):
        office.monitors.start(office.link, user("alice"), "alice", ED3, csta.MonitorFilter())
    office.status.channels_changed(0)
    stops = [message for message in office.link.messages if isinstance(message, csta.MonitorStop)]
    assert len(stops) == STOP_BATCH
    assert office.monitors.of_link(office.link) == []
    office.clock.advance(0.05)
    assert sum(isinstance(message, csta.MonitorStop) for message in office.link.messages) == STOP_BATCH + 3
    assert office.clock.getDelayedCalls() == []


def test_a_link_that_closes_while_its_monitors_end_gets_no_more() -> None:
    office = Office()
    for _ in range(STOP_BATCH + 3):
        office.monitors.start(office.link, user("alice"), "alice", ED3, csta.MonitorFilter())
    office.status.channels_changed(0)
    sent = len(office.link.sent)
    office.session.closed("connection lost")
    office.clock.advance(1)
    assert len(office.link.sent) == sent


def test_a_link_that_closes_leaves_nothing_behind() -> None:
    office = Office()
    office.monitor("alice")
    office.answer(begin())
    registered(office, "systemStatus")
    sent = len(office.link.sent)
    office.session.closed("connection lost")
    office.session.closed("connection lost")
    assert office.subscriptions.targets == {}
    assert office.monitors.of_link(office.link) == []
    assert office.status.listeners == []
    assert office.clock.getDelayedCalls() == []
    office.status.channels_changed(0)
    assert len(office.link.sent) == sent


def test_an_answer_that_comes_after_the_link_has_closed_is_dropped() -> None:
    office = Office()
    pending: Deferred[object] = Deferred()
    office.bw.answers("GET user/alice/profile", pending)
    office.ask(csta.SnapshotDevice(snapshot_object="alice"))
    office.session.closed("connection lost")
    pending.callback(Refused(503))
    assert office.link.sent == []


def test_another_links_monitors_keep_a_subscription() -> None:
    office = Office()
    office.monitor("alice")
    other = Session(Link("tserver-2"), office.switch)
    office.ask(csta.MonitorStart(monitor_object=csta.MonitorObject(device_object="alice")), session=other)
    office.session.closed("connection lost")
    assert office.subscriptions.subscribed(user("alice"))
    other.closed("connection lost")
    assert office.subscriptions.targets == {}
