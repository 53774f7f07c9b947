"""Call recording: RecordMessage, Stop, Suspend and Resume, and what a comparison with BroadWorks tells of a recording."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from bwconnector.bridge.devices import ROUTE_POINT
from bwconnector.bridge.monitors import Monitors
from bwconnector.bridge.switching import Options
from bwconnector.csta import messages as csta
from bwconnector.csta.xml import EventReport

from .flows import Flow, ev, leg, truth
from .office import ED3, Office, connection, user
from .scenarios import talk

ALICE = connection("K1", "alice")
RECORD = csta.RecordMessage(call_to_be_recorded=ALICE)
STOP = csta.Stop(connection=ALICE)
SUSPEND = csta.Suspend(connection=ALICE)
RESUME = csta.Resume(connection=ALICE)

PATHS = {"Record": RECORD, "StopRecording": STOP, "PauseRecording": SUSPEND, "ResumeRecording": RESUME}
STATES = {RECORD: "", STOP: "Started", SUSPEND: "Started", RESUME: "Paused"}
EVENTS = {RECORD: "RecordEvent", STOP: "StopEvent", SUSPEND: "SuspendRecordEvent", RESUME: "RecordEvent"}
REQUESTS = pytest.mark.parametrize(("path", "request_"), PATHS.items(), ids=PATHS)


def talking(recording: str = "", controls: str = "", **office: Any) -> Office:
    """Alice, monitored, talks to bob; her leg is in this state of recording."""
    made = Office(**office)
    made.call("K1", alice="Active", bob="Active")
    (own,) = made.table.legs_of(user("alice"))
    own.recording, own.recording_controls = recording, controls
    return made


@REQUESTS
def test_the_services(path: str, request_: csta.Message) -> None:
    office = talking(STATES[request_])
    answer = office.answer(request_)
    assert office.bw.asked == [f"PUT user/alice/calls/a1/{path}"]
    if isinstance(answer, csta.RecordMessageResponse):
        assert answer.resulting_message == "K1"
    else:
        assert isinstance(answer, csta.Response) and not isinstance(answer, csta.CSTAErrorCode)


@REQUESTS
def test_they_are_answered_before_their_events(path: str, request_: csta.Message) -> None:
    office = talking(STATES[request_])
    office.monitor("alice")
    office.bw.answers(f"PUT user/alice/calls/a1/{path}", Deferred())
    invoke_id = office.ask(request_)
    office.change("HeldEvent", office.table.find("K1"), "bob")  # type: ignore[arg-type]
    assert office.waits(invoke_id)
    office.change(EVENTS[request_], office.table.find("K1"), "alice")  # type: ignore[arg-type]
    assert [sent for sent, _, _ in office.link.sent[-2:]] == [invoke_id, "9999"]
    assert office.link.sent[-1] == ("9999", EVENTS[request_], ED3)


@pytest.mark.parametrize(
    ("request_", "recording", "error"),
    [
        (RECORD, "Started", "stateIncompatibility invalidConnectionState"),
        (RECORD, "Pending", "stateIncompatibility invalidConnectionState"),
        (RECORD, "Paused", "stateIncompatibility msgSuspended"),
        (STOP, "", "stateIncompatibility invalidConnectionState"),
        (SUSPEND, "", "stateIncompatibility invalidConnectionState"),
        (SUSPEND, "Paused", "stateIncompatibility msgSuspended"),
        (RESUME, "", "stateIncompatibility notAbleToResume"),
        (RESUME, "Started", "stateIncompatibility notAbleToResume"),
    ],
)
def test_the_state_of_the_recording_decides(request_: csta.Message, recording: str, error: str) -> None:
    office = talking(recording)
    assert office.error(request_) == error
    assert office.bw.asked == []


def test_a_paused_recording_can_be_stopped() -> None:
    office = talking("Paused", "resume-stop")
    assert office.answer(STOP) == csta.StopResponse()


@pytest.mark.parametrize(
    ("request_", "controls"),
    [(RECORD, "none"), (STOP, "pause"), (SUSPEND, "stop"), (RESUME, "stop")],
    ids=["record", "stop", "pause", "go on"],
)
def test_what_the_user_may_not_control(request_: csta.Message, controls: str) -> None:
    office = talking(STATES[request_], controls)
    assert office.error(request_) == "operation requestIncompatibleWithConnection"
    assert office.bw.asked == []


@REQUESTS
def test_they_need_a_connected_call(path: str, request_: csta.Message) -> None:
    office = Office()
    office.call("K1", alice="Held", bob="Active")
    assert office.error(request_) == "stateIncompatibility invalidConnectionState"
    assert office.bw.asked == []


@REQUESTS
@pytest.mark.parametrize(
    ("status", "error"), [(403, "operation requestIncompatibleWithConnection"), (404, "operation invalidConnectionID")], ids=["403", "404"]
)
def test_they_are_refused(path: str, request_: csta.Message, status: int, error: str) -> None:
    office = talking(STATES[request_])
    office.bw.refuses(f"PUT user/alice/calls/a1/{path}", status)
    assert office.error(request_) == error


@REQUESTS
def test_only_what_is_monitored_may_be_recorded(path: str, request_: csta.Message) -> None:
    office = talking(STATES[request_], options=Options(status_on_connect=False, monitored_only=True))
    assert office.error(request_) == "operation privilegeViolationSpecifiedDevice"


def test_the_leg_that_is_recorded_is_controlled() -> None:
    office = talking()
    call = office.table.find("K1")
    assert call is not None
    office.join(call, "alice", "Active", "a2", "carol")
    first, _ = office.table.legs_of(user("alice"))
    first.recording = "Started"
    office.answer(SUSPEND)
    assert office.bw.asked == ["PUT user/alice/calls/a1/PauseRecording"]


def test_stop_at_what_is_no_user() -> None:
    office = Office(kinds={"q1": ROUTE_POINT})
    office.call("K1", alice="Active", q1="connected")
    assert office.error(csta.Stop(connection=connection("K1", "q1"))) == "operation serviceNotSupported"


# Releases without recording


def names(lists: dict[str, Any]) -> set[str]:
    return {name for entries in lists.values() for name in entries}


@pytest.mark.parametrize("version", ["17.sp4", "17", "16.sp2", "R17sp4"])
@REQUESTS
def test_a_release_without_recording(path: str, request_: csta.Message, version: str) -> None:
    office = talking(STATES[request_], options=Options(status_on_connect=False, broadworks_version=version))
    assert office.error(request_) == "operation serviceNotSupported"


@pytest.mark.parametrize(
    ("version", "has_it"), [("", True), ("17.sp4", False), ("18.0", True), ("21.sp1", True), ("2020.07", True), ("latest", True)]
)
def test_what_is_announced_of_recording(version: str, has_it: bool) -> None:
    office = Office(options=Options(status_on_connect=False, broadworks_version=version))
    features = office.answer(csta.GetCSTAFeatures())
    caps = office.answer(csta.GetSwitchingFunctionCaps())
    device = office.answer(csta.GetLogicalDeviceInformation(device="alice"))
    services, events = {"recordMsg", "stop", "suspend", "resume"}, {"record", "stopEvent", "suspendRecord"}
    for listed in (features.supported_services, caps.serv_evts_list, device.log_dev_serv_list):
        assert names(listed) & services == (services if has_it else set())
    for listed in (features.supported_events, caps.serv_evts_list, device.log_dev_evts_list):
        assert names(listed) & events == (events if has_it else set())
    filters = caps.monitor_filter_items.device_on_device_monitor_filter
    assert all(filters.blocks(event) != has_it for event in ("RecordEvent", "StopEvent", "SuspendRecordEvent"))


# Comparisons


def recorded(*states: str) -> list[str]:
    """What A hears when a snapshot says so of the recording, and then another one."""
    flow = Flow("AB")
    for who, data in talk():
        flow.say(who, data)
    before = len(flow.heard["A"])
    for state in states:
        controls = {"": "record", "Paused": "resume-stop"}.get(state, "pause-stop")
        own = leg("a1", "K1 Or Ac B", recording_state=state, recording_controls="" if state == "silent" else controls)
        flow.say("A", truth(own if state != "silent" else leg("a1", "K1 Or Ac B")))
    flow.finish()
    assert flow.heard["A"][before:] == flow.heard["B"][before - 1 :]
    return [line.partition("{")[0] + line.partition("connected")[2].removesuffix(" A>B") for line in flow.heard["A"][before:]]


def test_a_comparison_tells_what_was_missed() -> None:
    assert recorded("Started", "Started") == ["Record normal"]
    assert recorded("Started", "Paused", "Paused", "Started") == ["Record normal", "SuspendRecord normal", "Record normal"]
    assert recorded("Started", "") == ["Record normal", "Stop normal"]
    assert recorded("Started", "Failed") == ["Record normal", "Stop resourcesNotAvailable"]
    assert recorded("Pending", "Started", "Pending") == ["Record normal"]


def test_a_comparison_that_says_nothing_of_recording_proves_nothing() -> None:
    assert recorded("Started", "silent") == ["Record normal"]


# Events out of the ordinary


def test_a_recording_is_not_told_before_the_birth_of_its_connection() -> None:
    flow = Flow("A")
    flow.say("A", ev("Originating", leg("a1", "K1 CtD Al B")))
    flow.say("A", ev("RecordingStarted", leg("a1", "K1 CtD Al B")))
    flow.say("A", ev("Originated", leg("a1", "K1 Or Al B")))
    assert [line.split("{")[0] for line in flow.heard["A"]] == ["ServiceInitiated", "Originated", "Record"]


def test_a_recording_of_a_leg_that_was_not_known() -> None:
    flow = Flow("A")
    flow.say("A", ev("RecordingStopped", leg("a9", "K9 Or Re B"), reason="User Requested"))
    flow.say("A", ev("RecordingStarted", leg("a1", "K1 Or Ac B")))
    assert flow.heard["A"] == ["Established{K1,B} connected newCall A>B", "Record{K1,A} connected normal A>B"]
    assert flow.holds() == {"K1": {"A": "connected", "B": "connected"}}


def test_a_recording_that_ends_when_its_device_has_left_the_call() -> None:
    flow = Flow("AB")
    for who, data in talk()[:3]:
        flow.say(who, data)
    flow.say("B", ev("RecordingStarted", leg("b1", "K1 Te Al A")))
    flow.say("A", ev("PickedUp", leg("a1", "K1 Or Al D")))
    flow.say("B", ev("RecordingStopped", leg("b1", "K1 Te Al A"), reason="User Requested"))
    assert [line.split("{")[0] for line in flow.heard["B"]] == ["Delivered", "Record", "Diverted"]
    assert [line.split("{")[0] for line in flow.heard["A"]][2:] == ["Record", "Diverted"]


def test_an_event_of_a_recording_names_the_call_as_its_message() -> None:
    flow, sent = Flow("A"), []
    monitors = Monitors(str, lambda device, link: False)

    class Link:
        name = "one"

        def send_report(self, report: EventReport, cross_ref_id: str, namespace: str) -> None:
            sent.append(report.message_for(cross_ref_id))

    monitors.start(Link(), "A", "1001", ED3, csta.MonitorFilter())  # type: ignore[arg-type]
    flow.model.world.reports._deliver = monitors.deliver
    for who, data in talk():
        flow.say(who, data)
    flow.say("A", truth(leg("a1", "K1 Or Ac B", recording_state="Started")))
    assert sent[-1] == csta.RecordEvent(monitor_cross_ref_id="1", connection=csta.ConnectionID("K1", "1001"), message="K1", cause="normal")
