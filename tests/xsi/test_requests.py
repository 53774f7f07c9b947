from __future__ import annotations

import pytest
from lxml import etree

from bwconnector.xsi import requests
from bwconnector.xsi.requests import Request, Response

U = "alice@ex.org"
C = "callhalf-7:0"


@pytest.mark.parametrize(
    ("request_", "method", "target", "safe"),
    [
        (requests.calls(U), "GET", "user/alice@ex.org/calls", True),
        (requests.call(U, C), "GET", "user/alice@ex.org/calls/callhalf-7:0", True),
        (requests.dial(U, "+49 30,1"), "POST", "user/alice@ex.org/calls/new?address=%2B49%2030%2C1", False),
        (requests.talk(U, C), "PUT", "user/alice@ex.org/calls/callhalf-7:0/talk", True),
        (requests.hold(U, C), "PUT", "user/alice@ex.org/calls/callhalf-7:0/hold", True),
        (requests.reconnect(U, C), "PUT", "user/alice@ex.org/calls/callhalf-7:0/reconnect", False),
        (requests.release(U, C), "DELETE", "user/alice@ex.org/calls/callhalf-7:0", True),
        (requests.release(U, C, decline=True), "DELETE", "user/alice@ex.org/calls/callhalf-7:0?decline=true", True),
        (requests.blind_transfer(U, C, "sip:x@y"), "PUT", "user/alice@ex.org/calls/callhalf-7:0/BlindTransfer?address=sip:x@y", False),
        (
            requests.consult_transfer(U, C, "callhalf-7:1"),
            "PUT",
            "user/alice@ex.org/calls/callhalf-7:0/ConsultTransfer/callhalf-7:1",
            False,
        ),
        (requests.voicemail_transfer(U, C), "PUT", "user/alice@ex.org/calls/callhalf-7:0/VmTransfer", False),
        (requests.conference(U, [C, "callhalf-7:1"]), "POST", "user/alice@ex.org/calls/Conference", False),
        (requests.conference_add(U, C), "PUT", "user/alice@ex.org/calls/Conference/callhalf-7:0", True),
        (requests.conference_hold(U), "PUT", "user/alice@ex.org/calls/Conference/Hold", True),
        (requests.conference_talk(U), "PUT", "user/alice@ex.org/calls/Conference/Talk", True),
        (requests.conference_release(U), "DELETE", "user/alice@ex.org/calls/Conference", True),
        (requests.transmit_dtmf(U, C, "1*#"), "PUT", "user/alice@ex.org/calls/callhalf-7:0/TransmitDTMF?playdtmf=1%2A%23", False),
        (requests.park(U, C, "77"), "PUT", "user/alice@ex.org/calls/callhalf-7:0/Park?address=77", False),
        (requests.group_park(U, C), "PUT", "user/alice@ex.org/calls/callhalf-7:0/GroupCallPark", False),
        (requests.park_retrieve(U, "77"), "POST", "user/alice@ex.org/calls/ParkRetrieve?address=77", False),
        (requests.pickup(U), "POST", "user/alice@ex.org/calls/CallPickup", False),
        (requests.directed_pickup(U, "77"), "POST", "user/alice@ex.org/calls/DirectedCallPickup?address=77", False),
        (requests.barge_in(U, "77"), "POST", "user/alice@ex.org/calls/DirectedCallPickupBargeIn?address=77", False),
        (requests.silent_monitor(U, "77"), "POST", "user/alice@ex.org/calls/SilentMonitor?address=77", False),
        (requests.coach_agent(U, "77"), "POST", "user/alice@ex.org/calls/CoachAgent?address=77", False),
        (requests.record(U, C), "PUT", "user/alice@ex.org/calls/callhalf-7:0/Record", False),
        (requests.pause_recording(U, C), "PUT", "user/alice@ex.org/calls/callhalf-7:0/PauseRecording", True),
        (requests.resume_recording(U, C), "PUT", "user/alice@ex.org/calls/callhalf-7:0/ResumeRecording", True),
        (requests.stop_recording(U, C), "PUT", "user/alice@ex.org/calls/callhalf-7:0/StopRecording", True),
        (requests.client_session_info(U, C, "a&b"), "PUT", "user/alice@ex.org/calls/callhalf-7:0/ClientSessionInfo?info=a%26b", True),
        (requests.profile(U), "GET", "user/alice@ex.org/profile", True),
        (requests.services(U), "GET", "user/alice@ex.org/services", True),
        (requests.service(U, "Call Forwarding No Answer"), "GET", "user/alice@ex.org/services/CallForwardingNoAnswer", True),
        (requests.set_do_not_disturb(U, True), "PUT", "user/alice@ex.org/services/DoNotDisturb", True),
        (requests.set_call_forwarding(U, "Call Forwarding Busy", True, "9"), "PUT", "user/alice@ex.org/services/CallForwardingBusy", True),
        (requests.versions(), "GET", "versions", True),
    ],
)
def test_actions(request_: Request, method: str, target: str, safe: bool) -> None:
    assert (request_.method, request_.target, request_.safe, request_.context) == (method, target, safe, "actions")


@pytest.mark.parametrize(
    ("request_", "method", "path", "safe", "context"),
    [
        (requests.add_channel("set"), "POST", "channel", False, "async"),
        (requests.heartbeat("c-1"), "PUT", "channel/c-1/heartbeat", True, "events"),
        (requests.renew_channel("c-1", 60), "PUT", "channel/c-1", True, "events"),
        (requests.delete_channel("c-1"), "DELETE", "channel/c-1", True, "events"),
        (requests.channel_set("my set"), "GET", "channelset/my%20set", True, "events"),
        (requests.event_response("e"), "POST", "channel/eventresponse", True, "events"),
        (requests.subscribe("user", U, "Advanced Call", 60, "set", "app"), "POST", "user/alice@ex.org", True, "events"),
        (
            requests.subscribe("group", "My Ent/My Group", "Advanced Call", 60, "s", "a"),
            "POST",
            "serviceprovider/My%20Ent/group/My%20Group",
            True,
            "events",
        ),
        (requests.subscribe("enterprise", "My Ent", "Advanced Call", 60, "s", "a"), "POST", "enterprise/My%20Ent", True, "events"),
        (requests.subscribe("system", "", "Advanced Call", 60, "s", "a"), "POST", "system", True, "events"),
        (requests.renew_subscription("s-1", 60), "PUT", "subscription/s-1", True, "events"),
        (requests.delete_subscription("s-1"), "DELETE", "subscription/s-1", True, "events"),
    ],
)
def test_event_requests(request_: Request, method: str, path: str, safe: bool, context: str) -> None:
    assert (request_.method, request_.target, request_.safe, request_.context) == (method, path, safe, context)


def shape(body: bytes | None) -> list[tuple[str, str]]:
    """Root and descendants in order, with their text."""
    assert body is not None
    root = etree.fromstring(body)
    assert etree.QName(root).namespace == "http://schema.broadsoft.com/xsi"
    return [(etree.QName(element).localname, element.text or "") for element in root.iter()]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (
            requests.add_channel("set", 2, 30, 7200, "app"),
            [("Channel", ""), ("channelSetId", "set"), ("priority", "2"), ("weight", "30"), ("expires", "7200"), ("applicationId", "app")],
        ),
        (requests.renew_channel("c", 60), [("Channel", ""), ("expires", "60")]),
        (
            requests.event_response("e<1>", 481, "Unknown"),
            [("EventResponse", ""), ("eventID", "e<1>"), ("statusCode", "481"), ("reason", "Unknown")],
        ),
        (
            requests.subscribe("user", U, "Advanced Call", 60, "s&t", "app\x00"),
            [("Subscription", ""), ("event", "Advanced Call"), ("expires", "60"), ("channelSetId", "s&t"), ("applicationId", "app")],
        ),
        (
            requests.subscribe("user", U, ["Advanced Call", "Call Park"], 60, "s", "a"),
            [
                ("Subscription", ""),
                ("eventPackageList", ""),
                ("event", "Advanced Call"),
                ("event", "Call Park"),
                ("expires", "60"),
                ("channelSetId", "s"),
                ("applicationId", "a"),
            ],
        ),
        (requests.renew_subscription("s", 60), [("Subscription", ""), ("expires", "60")]),
        (
            requests.conference(U, ["a", "b"]),
            [
                ("Conference", ""),
                ("conferenceParticipantList", ""),
                ("conferenceParticipant", ""),
                ("callId", "a"),
                ("conferenceParticipant", ""),
                ("callId", "b"),
            ],
        ),
        (requests.set_do_not_disturb(U, False), [("DoNotDisturb", ""), ("active", "false")]),
        (
            requests.set_call_forwarding(U, "Call Forwarding No Answer", True, "9", 3),
            [("CallForwardingNoAnswer", ""), ("active", "true"), ("forwardToPhoneNumber", "9"), ("numberOfRings", "3")],
        ),
    ],
)
def test_bodies_in_schema_order(request_: Request, expected: list[tuple[str, str]]) -> None:
    assert shape(request_.body) == expected


def test_ids_cannot_leave_their_path_segment() -> None:
    assert requests.call("a/b c@ex.org", "x?y#z").path == "user/a%2Fb%20c@ex.org/calls/x%3Fy%23z"
    assert requests.profile("jörg@ex.org").path == "user/j%C3%B6rg@ex.org/profile"


def test_locations() -> None:
    response = Response(201, {"location": "http://x/calls/callhalf-7:0", "content-location": "/v2.0/x?address=77"})
    assert (response.location, response.content_location) == ("http://x/calls/callhalf-7:0", "/v2.0/x?address=77")
    assert (Response(200).location, Response(200).content_location) == ("", "")
