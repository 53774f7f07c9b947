from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from bwconnector.bridge.devices import CALL_CENTER
from bwconnector.bridge.session import Session
from bwconnector.bridge.switching import Options
from bwconnector.csta import messages as csta
from bwconnector.xsi.errors import NoXspAvailable, Refused
from bwconnector.xsi.requests import Response

from .office import ED3, ED4, Link, Office, connection, user
from .test_basic_services import CALL, CALLS


def start(device: str = "alice", **more: object) -> csta.MonitorStart:
    return csta.MonitorStart(monitor_object=csta.MonitorObject(device_object=device), **more)  # type: ignore[arg-type]


def test_monitor_start() -> None:
    office = Office()
    wanted = csta.MonitorFilter(frozenset({"offered"}))
    answer = office.answer(start(requested_monitor_filter=wanted, monitor_type="device"))
    assert answer == csta.MonitorStartResponse(monitor_cross_ref_id="1", actual_monitor_filter=wanted, monitor_existing_calls=True)
    assert office.subscriptions.targets[user("alice")][0] == "Advanced Call"
    monitor = office.monitors.get(office.link, "1")
    assert (monitor.device_key, monitor.named, monitor.namespace, monitor.filter) == (user("alice"), "alice", ED3, wanted)


def test_monitor_start_is_answered_when_the_subscription_was_accepted_and_in_its_namespace() -> None:
    office = Office()
    office.subscriptions.outcome = Deferred()
    invoke_id = office.ask(start(), namespace=ED4)
    assert office.waits(invoke_id)
    office.subscriptions.outcome.callback(None)
    assert office.link.sent[-1] == (invoke_id, csta.MonitorStartResponse(monitor_cross_ref_id="1", monitor_existing_calls=True), ED4)
    assert office.monitors.get(office.link, "1").namespace == ED4


def test_monitor_start_of_a_call_center() -> None:
    office = Office(kinds={"q1": CALL_CENTER})
    office.answer(start("q1"))
    assert office.subscriptions.targets == {user("q1"): ("Call Center Queue",)}


@pytest.mark.parametrize(
    ("question", "packages"),
    [("GET callcenter/bob/calls", ("Call Center Queue",)), ("GET routepoint/bob/calls", ("Route Point Queue",))],
)
def test_monitor_start_of_what_broadworks_shows_as_a_user(question: str, packages: tuple[str, ...]) -> None:
    office = Office()
    office.subscriptions.virtual.add(user("bob"))
    office.bw.answers(question, Response(200))
    office.answer(start("bob"))
    assert office.subscriptions.targets == {user("bob"): packages}
    office.answer(start("bob"))
    assert office.bw.asked == [question]  # its kind is known by now


@pytest.mark.parametrize(
    "request_",
    [csta.MonitorStart(monitor_object=csta.MonitorObject(call_object=connection("K1"))), start(monitor_type="call")],
)
def test_monitor_start_of_a_call(request_: csta.MonitorStart) -> None:
    office = Office()
    assert office.error(request_) == "operation monitorTypeNotSupported"


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (Refused(403), "operation privilegeViolationSpecifiedDevice"),
        (Refused(404), "operation invalidMonitorObject"),
        (Refused(409), "stateIncompatibility invalidObjectState"),
        (NoXspAvailable("none"), "systemResourceAvailibility networkOutOfService"),
    ],
)
def test_monitor_start_refused(failure: Exception, error: str) -> None:
    office = Office()
    office.subscriptions.outcome = failure
    assert office.error(start()) == error
    assert office.monitors.of_link(office.link) == []


def test_monitor_start_of_an_unknown_device() -> None:
    office = Office()
    assert office.error(start("nobody")) == "operation invalidMonitorObject"


def test_monitors_per_link_are_limited() -> None:
    office = Office(options=Options(status_on_connect=False, max_monitors=2))
    office.monitor("alice")
    office.monitor("alice")
    assert office.error(start("bob")) == "systemResourceAvailibility overallMonitorLimitExceeded"
    office.answer(csta.MonitorStop(monitor_cross_ref_id="1"))
    assert office.monitor("bob") == "3"


def test_a_subscription_ends_with_the_last_monitor() -> None:
    office = Office()
    one, two = office.monitor("alice"), office.monitor("1001")
    assert office.answer(csta.MonitorStop(monitor_cross_ref_id=one)) == csta.MonitorStopResponse()
    assert office.subscriptions.subscribed(user("alice"))
    office.answer(csta.MonitorStop(monitor_cross_ref_id=two))
    assert not office.subscriptions.subscribed(user("alice"))


def test_a_monitor_that_is_being_started_keeps_the_subscription() -> None:
    office = Office()
    one = office.monitor("alice")
    other = Link("tserver-2")
    office.subscriptions.outcome = Deferred()
    office.ask(start(), session=Session(other, office.switch))
    office.answer(csta.MonitorStop(monitor_cross_ref_id=one))
    assert office.subscriptions.subscribed(user("alice"))
    office.subscriptions.outcome.callback(None)
    assert office.monitors.count_of(user("alice")) == 1


def test_a_link_that_closes_before_its_monitor_is_started_leaves_nothing() -> None:
    office = Office()
    office.subscriptions.outcome = Deferred()
    office.ask(start())
    office.session.closed("gone")
    office.subscriptions.outcome.callback(None)
    assert office.monitors.count_of(user("alice")) == 0
    assert office.subscriptions.targets == {}
    assert office.link.sent == []
    assert office.switch.starting == {}


def test_a_monitor_that_would_start_after_all_channels_are_lost() -> None:
    office = Office()
    office.subscriptions.outcome = Deferred()
    invoke_id = office.ask(start())
    office.status.channels_changed(0)
    office.subscriptions.outcome.callback(None)
    assert office.answer_to(invoke_id).value == "networkOutOfService"
    assert office.subscriptions.targets == {}
    assert office.monitors.of_link(office.link) == []


@pytest.mark.parametrize("cross_ref_id", ["7", "1"])
def test_monitor_stop_of_another_links_monitor(cross_ref_id: str) -> None:
    office = Office()
    office.session = Session(Link("tserver-2"), office.switch)
    office.ask(start())
    office.session = Session(office.link, office.switch)
    assert office.error(csta.MonitorStop(monitor_cross_ref_id=cross_ref_id)) == "operation invalidMonitorCrossRefID"


def test_change_monitor_filter() -> None:
    office = Office()
    cross_ref_id, wanted = office.monitor("alice"), csta.MonitorFilter(frozenset({"held"}))
    request = csta.ChangeMonitorFilter(monitor_cross_ref_id=cross_ref_id, requested_filter_list=wanted)
    assert office.answer(request) == csta.ChangeMonitorFilterResponse(actual_filter_list=wanted)
    assert office.monitors.get(office.link, cross_ref_id).filter == wanted
    unknown = csta.ChangeMonitorFilter(monitor_cross_ref_id="9", requested_filter_list=wanted)
    assert office.error(unknown) == "operation invalidMonitorCrossRefID"


# SnapshotDevice

SNAPSHOT = csta.SnapshotDevice(snapshot_object="alice")


def info(call_id: str, far: str | None, *states: str, name: str = "alice") -> csta.SnapshotDeviceInfo:
    return csta.SnapshotDeviceInfo(
        connection_identifier=connection(call_id, name),
        endpoint_device=csta.PartyDevice(far) if far else None,
        local_call_state=states,
    )


def test_snapshot_device_is_answered_when_the_refresh_was_applied() -> None:
    office = Office()
    office.monitor("alice")
    invoke_id = office.ask(SNAPSHOT)
    assert office.subscriptions.refreshed == [user("alice")]
    assert office.waits(invoke_id)
    assert office.switch.snapshots.asked_by(user("alice"), "tserver-1")
    office.call("K1", alice="Held", bob="Active")
    office.switch.snapshots.applied(user("alice"))
    assert office.answer_to(invoke_id) == csta.SnapshotDeviceResponse(snapshot=(info("K1", "bob", "hold", "connected"),))
    assert not office.switch.snapshots.asked_by(user("alice"), "tserver-1")


def test_snapshot_device_of_an_idle_device_is_empty() -> None:
    office = Office()
    office.monitor("alice")
    invoke_id = office.ask(SNAPSHOT)
    office.switch.snapshots.applied(user("alice"))
    assert office.answer_to(invoke_id) == csta.SnapshotDeviceResponse(snapshot=())


def test_snapshot_device_whose_event_does_not_come_is_answered_after_two_seconds() -> None:
    office = Office()
    office.monitor("alice")
    office.call("K1", alice="Active", bob="Active")
    invoke_id = office.ask(SNAPSHOT)
    office.clock.advance(1.9)
    assert office.waits(invoke_id)
    office.clock.advance(0.2)
    assert office.answer_to(invoke_id).snapshot == (info("K1", "bob", "connected", "connected"),)


def test_snapshot_device_is_answered_from_the_model_if_the_refresh_fails() -> None:
    office = Office()
    office.monitor("alice")
    office.call("K1", alice="Active", bob="Active")
    office.subscriptions.outcome = Refused(503)
    assert office.answer(SNAPSHOT).snapshot == (info("K1", "bob", "connected", "connected"),)


def test_what_a_snapshot_had_to_guess_is_still_to_be_told() -> None:
    office = Office()
    office.monitor("alice")
    office.ask(csta.SnapshotDevice(snapshot_object="alice"))
    office.clock.advance(2.0)
    assert office.switch.snapshots.guessed(user("alice"))
    office.switch.snapshots.applied(user("alice"))
    assert not office.switch.snapshots.guessed(user("alice"))


def test_snapshots_of_one_device_share_one_refresh() -> None:
    office = Office()
    office.monitor("alice")
    ids = [office.ask(SNAPSHOT) for _ in range(3)]
    assert office.subscriptions.refreshed == [user("alice")]
    office.switch.snapshots.applied(user("alice"))
    assert not any(map(office.waits, ids))
    assert office.waits(office.ask(SNAPSHOT))
    assert len(office.subscriptions.refreshed) == 2
    office.clock.advance(2)


def test_the_event_may_overtake_the_answer_of_its_refresh() -> None:
    office = Office()
    office.monitor("alice")
    office.subscriptions.outcome = Deferred()
    invoke_id = office.ask(SNAPSHOT)
    office.switch.snapshots.applied(user("alice"))
    office.subscriptions.outcome.callback(None)
    assert not office.waits(invoke_id)


def test_snapshot_device_in_a_conference_lists_every_far_state() -> None:
    office = Office()
    office.monitor("alice")
    office.call("K1", alice="Active", bob="Active", carol="Held")
    invoke_id = office.ask(SNAPSHOT)
    office.switch.snapshots.applied(user("alice"))
    assert office.answer_to(invoke_id).snapshot == (info("K1", None, "connected", "connected", "hold"),)


def test_snapshot_device_that_nobody_monitors_asks_for_its_calls() -> None:
    office = Office()
    office.bw.answers("GET user/bob/calls", Response(200, {}, CALLS.format("b1", "b2").encode()))
    office.bw.answers("GET user/bob/calls/b1", Response(200, {}, CALL.format("b1", "K1").encode()))
    office.bw.answers("GET user/bob/calls/b2", Response(200, {}, CALL.format("b2", "K2").replace("Alerting", "Released").encode()))
    answer = office.answer(csta.SnapshotDevice(snapshot_object="1002"))
    assert answer.snapshot == (info("K1", "alice", "alerting", "connected", name="1002"),)
    assert office.subscriptions.refreshed == []


def test_snapshot_device_refused() -> None:
    office = Office()
    assert office.error(csta.SnapshotDevice(snapshot_object="nobody")) == "operation invalidDeviceID"
    office.bw.refuses("GET user/bob/calls", 503)
    assert office.error(csta.SnapshotDevice(snapshot_object="bob")) == "systemResourceAvailibility resourceBusy"


# SnapshotCall


def test_snapshot_call() -> None:
    office = Office()
    office.monitor("1001")
    call = office.call("K1", alice="Active", bob="Held")
    call.connection("+15559990000").state = "null"
    call.calling, call.called = user("alice"), user("bob")
    answer = office.answer(csta.SnapshotCall(snapshot_object=connection("K1")))
    assert [(e.device_on_call.device, e.call_identifier, e.local_connection_info) for e in answer.snapshot] == [
        ("1001", connection("K1", "1001"), "connected"),
        ("bob", connection("K1", "bob"), "hold"),
    ]
    assert (answer.calling_device, answer.called_device) == (csta.PartyDevice("1001"), csta.PartyDevice("bob"))


def test_snapshot_call_hides_who_is_private() -> None:
    office = Office()
    call = office.call("K1", alice="Active")
    call.connection("ext-K1").state = "connected"
    call.calling = "ext-K1"
    answer = office.answer(csta.SnapshotCall(snapshot_object=connection("K1")))
    assert answer.calling_device == csta.RESTRICTED
    assert answer.called_device == csta.NOT_KNOWN
    assert {entry.device_on_call for entry in answer.snapshot} == {csta.PartyDevice("alice"), csta.RESTRICTED}


def test_snapshot_call_of_an_emergency() -> None:
    office = Office()
    office.call("K1", alice="Active").mark(user("alice"), frozenset({"priorityCall"}))
    assert office.answer(csta.SnapshotCall(snapshot_object=connection("K1"))).call_characteristics == {"priorityCall"}


def test_snapshot_call_unknown() -> None:
    office = Office()
    assert office.error(csta.SnapshotCall(snapshot_object=connection("K9"))) == "operation invalidCallID"
