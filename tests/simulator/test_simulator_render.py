"""Documents as they go over the wire, and bodies as they come in."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bwconnector.simulator.model import (
    Call,
    Conference,
    Party,
    Redirect,
    Redirection,
    ReleaseCause,
    ServiceState,
    SimEvent,
    SwitchError,
)
from bwconnector.simulator.reading import Body
from bwconnector.simulator.render import Envelope, call_elements, document, element, event_data, event_document

BOB = Party("Bob & Co", "tel:1002", "bob@example.net", "tel:+15550001002;ext=1002", "1", call_type="Group")
CALL = Call("callhalf-1001:0", "77:1", "Terminator", "Alerting", BOB, 1_700_000_000_000, endpoint="5550001001@example.net")
FULL = Call(
    "callhalf-1001:0",
    "77:1",
    "Originator",
    "Held",
    Party(address="tel:+15559990000", country_code="1", call_type="Network"),
    1,
    network_call_id="BW77",
    cause=ReleaseCause("Busy", "486"),
    releasing_party="remoteRelease",
    redirections=(Redirection(BOB, "no-answer"),),
    redirect=Redirect("tel:1003", "transfer", 2),
    endpoint="5550001001@example.net",
    answer_time=2,
    held_time=3,
    detached_time=4,
    release_time=5,
    escalation="Normal",
    recording="Started",
    client_session_info="crm",
)


def test_an_event_document_is_written_as_on_the_wire() -> None:
    envelope = Envelope("e-1", 7, "admin@example.net", "app", "s-1", "alice@example.net")
    assert event_document(envelope, "c-1", event_data(SimEvent("alice@example.net", "CallReceivedEvent", calls=(CALL,)))).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?><xsi:Event xmlns:xsi="http://schema.broadsoft.com/xsi" '
        'xmlns:xsi1="http://www.w3.org/2001/XMLSchema-instance" xsi1:type="xsi:SubscriptionEvent"><xsi:eventID>e-1</xsi:eventID>'
        "<xsi:sequenceNumber>7</xsi:sequenceNumber><xsi:userId>admin@example.net</xsi:userId>"
        "<xsi:externalApplicationId>app</xsi:externalApplicationId><xsi:subscriptionId>s-1</xsi:subscriptionId>"
        "<xsi:channelId>c-1</xsi:channelId><xsi:targetId>alice@example.net</xsi:targetId>"
        '<xsi:eventData xsi1:type="xsi:CallReceivedEvent"><xsi:call><xsi:callId>callhalf-1001:0</xsi:callId>'
        "<xsi:extTrackingId>77:1</xsi:extTrackingId><xsi:personality>Terminator</xsi:personality><xsi:state>Alerting</xsi:state>"
        "<xsi:remoteParty><xsi:name>Bob &amp; Co</xsi:name><xsi:address>tel:1002</xsi:address><xsi:userId>bob@example.net</xsi:userId>"
        '<xsi:userDN countryCode="1">tel:+15550001002;ext=1002</xsi:userDN><xsi:callType>Group</xsi:callType></xsi:remoteParty>'
        '<xsi:endpoint xsi1:type="xsi:AccessEndpoint"><xsi:addressOfRecord>5550001001@example.net</xsi:addressOfRecord></xsi:endpoint>'
        "<xsi:allowAnswer/><xsi:startTime>1700000000000</xsi:startTime></xsi:call></xsi:eventData></xsi:Event>"
    )


def test_the_owner_itself_as_target_is_left_out() -> None:
    written = event_document(Envelope("e", 1, "alice", "", "s", ""), "c", "")
    assert b"targetId" not in written
    assert b"externalApplicationId" not in written


def test_elements_of_a_call_are_in_schema_order() -> None:
    assert [child.tag for child in call_elements(FULL)] == [
        "callId", "extTrackingId", "networkCallId", "personality", "state", "releaseCause", "releasingParty", "remoteParty",
        "redirections", "redirect", "endpoint", "allowRetrieve", "startTime", "answerTime", "heldTime", "detachedTime", "releaseTime",
        "agentEscalation", "recorded", "allowedRecordingControls", "recordingState", "clientSessionInfo",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("event", "inner"),
    [
        (SimEvent("a", "HookStatusEvent", hook_status="Off-Hook"), "<xsi:hookStatus>Off-Hook</xsi:hookStatus>"),
        (SimEvent("a", "CallSubscriptionEvent", hook_status="On-Hook"), "<xsi:hookStatus>On-Hook</xsi:hookStatus>"),
        (
            SimEvent("a", "ConferenceStartedEvent", conference=Conference("Active", ("c:0", "c:1"))),
            (
                "<xsi:conference><xsi:state>Active</xsi:state><xsi:conferenceParticipantList><xsi:conferenceParticipant><xsi:callId>c:0"
                "</xsi:callId></xsi:conferenceParticipant><xsi:conferenceParticipant><xsi:callId>c:1</xsi:callId></xsi:conferenceParticipant>"
                "</xsi:conferenceParticipantList></xsi:conference>"
            ),
        ),
        (
            SimEvent("a", "ConferenceReleasedEvent", conference=Conference("Released")),
            "<xsi:conference><xsi:state>Released</xsi:state></xsi:conference>",
        ),
        (
            SimEvent("a", "DoNotDisturbEvent", service=ServiceState("DoNotDisturb", active=True)),
            "<xsi:info><xsi:active>true</xsi:active><xsi:ringSplash>false</xsi:ringSplash></xsi:info>",
        ),
        (
            SimEvent("a", "CallForwardingNoAnswerEvent", service=ServiceState("CallForwardingNoAnswer", forward_to="1003")),
            (
                "<xsi:info><xsi:active>false</xsi:active><xsi:forwardToPhoneNumber>1003</xsi:forwardToPhoneNumber>"
                "<xsi:numberOfRings>3</xsi:numberOfRings></xsi:info>"
            ),
        ),
        (
            SimEvent("a", "VoiceMailMessageSummaryEvent", new_messages=2),
            "<xsi:messageSummary><xsi:newMessages>2</xsi:newMessages></xsi:messageSummary>",
        ),
    ],
)
def test_event_data_of_other_events(event: SimEvent, inner: str) -> None:
    assert event_data(event) == f'<xsi:eventData xsi1:type="xsi:{event.type}">{inner}</xsi:eventData>'


def test_several_calls_stand_in_a_list() -> None:
    redirected = event_data(SimEvent("a", "CallRedirectedEvent", calls=(CALL,)))
    snapshot = event_data(SimEvent("a", "CallSubscriptionEvent", calls=(CALL, CALL), hook_status="Off-Hook"))
    assert "<xsi:calls><xsi:call>" in redirected
    assert snapshot.count("<xsi:call>") == 2
    assert snapshot.count("<xsi:calls>") == 1


def test_responses_have_a_bare_root_and_latin_ones_say_so() -> None:
    written = document("Profile", [element("details", element("lastName", "Müller"))], "ISO-8859-1")
    assert written.startswith(b'<?xml version="1.0" encoding="ISO-8859-1"?><Profile xmlns="http://schema.broadsoft.com/xsi"><details>')
    assert "Müller".encode("latin-1") in written
    typed = document("Call", call_elements(CALL))
    assert b'<endpoint xsi1:type="AccessEndpoint">' in typed
    ElementTree.fromstring(typed)


def test_bodies_are_read_with_any_prefix_and_refused_when_broken() -> None:
    body = Body(b'<x:Channel xmlns:x="http://schema.broadsoft.com/xsi"><x:expires> 60 </x:expires><other/></x:Channel>')
    assert (body.root, body.number("expires", 1), body.number("weight", 50), body.text("other")) == ("Channel", 60, 50, "")
    assert Body(b"").text("expires", "none") == "none"
    for broken in (b"<Channel>", b"<!DOCTYPE a><a/>"):
        with pytest.raises(SwitchError) as refused:
            Body(broken)
        assert refused.value.status == 400
    with pytest.raises(SwitchError):
        Body(b"<a><expires>soon</expires></a>").number("expires", 1)


SAMPLES = Path(os.environ.get("BWCONNECTOR_SAMPLES", "samples")) / "xsi"


def test_order_of_elements_agrees_with_sample_documents() -> None:
    if not SAMPLES.is_dir():
        pytest.skip("no sample documents; BWCONNECTOR_SAMPLES names their directory")
    order = [child.tag for child in call_elements(FULL)]
    order[order.index("allowRetrieve") : order.index("allowRetrieve")] = ["allowAnswer"]
    compared = 0
    for path in sorted(SAMPLES.glob("*.xml")):
        for call in ElementTree.fromstring(path.read_bytes()).iter("{http://schema.broadsoft.com/xsi}call"):
            positions = [order.index(tag) for child in call if (tag := child.tag.rpartition("}")[2]) in order]
            assert positions == sorted(positions), path.name
            compared += 1
    assert compared > 0
