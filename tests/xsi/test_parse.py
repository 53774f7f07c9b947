from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bwconnector.xsi.errors import BadDocument
from bwconnector.xsi.events import (
    CallEvent,
    CallParkedAgainst,
    CallSubscription,
    ChannelOpened,
    ChannelTerminated,
    Conference,
    ConferenceEvent,
    ConferenceParticipant,
    DoNotDisturbState,
    ForwardingState,
    Heartbeat,
    HookStatus,
    MessageSummary,
    OtherDocument,
    OtherEvent,
    Party,
    Redirect,
    Redirection,
    ReleaseCause,
    SubscriptionEvent,
    SubscriptionTerminated,
    Unwanted,
    XsiCall,
)
from bwconnector.xsi.parse import CALL_EVENTS, CONFERENCE_EVENTS, event_id_of, parse, unwanted

from .samples import HEARTBEAT, REMOTE, call, channel, event, sample_files, terminated

BOB = Party(
    name="Bob & Söhne", address="tel:202", user_id="bob@ex.org", user_dn="tel:+4930202;ext=202", country_code="49", call_type="Group"
)
ALERTING = XsiCall("callhalf-7:0", "9:1", "Terminator", "Alerting", BOB, start_time=1700000000123)


def data_of(kind: str, content: str = "") -> object:
    document = parse(event(kind, content))
    assert isinstance(document, SubscriptionEvent)
    return document.data


def test_envelope() -> None:
    document = parse(
        event("HookStatusEvent", "<xsi:hookStatus>Off-Hook</xsi:hookStatus>", event_id="e-9", sequence=2147483647, subscription="s-2")
    )
    assert document == SubscriptionEvent(
        event_id="e-9",
        sequence=2147483647,
        subscription_id="s-2",
        data=HookStatus("Off-Hook"),
        target_id="alice@ex.org",
        owner_id="cti@ex.org",
        application_id="app",
        channel_id="ch-1",
    )


def test_prefixes_and_attribute_order_are_the_senders_choice() -> None:
    document = parse(
        b"<q:Event i:type='p:SubscriptionEvent' xmlns:q='http://schema.broadsoft.com/xsi' xmlns:p='http://schema.broadsoft.com/xsi'"
        b" xmlns:i='http://www.w3.org/2001/XMLSchema-instance'><q:clientId>pool</q:clientId>"
        b"<!-- x --><?y z?><q:new><q:eventID>no</q:eventID></q:new>"
        b"<q:eventData i:type='HookStatusEvent'><q:hookStatus> On-Hook\n</q:hookStatus></q:eventData><q:eventID>e</q:eventID></q:Event>"
    )
    assert document == SubscriptionEvent("e", 0, "", HookStatus("On-Hook"), owner_id="pool")


def test_missing_target_stays_empty() -> None:
    document = parse(event("HookStatusEvent", target=""))
    assert document.target_id == ""  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", sorted(CALL_EVENTS))
def test_call_events(kind: str) -> None:
    assert data_of(kind, call()) == CallEvent(kind, (ALERTING,))


def test_redirected_names_several_calls() -> None:
    data = data_of("CallRedirectedEvent", f"<xsi:calls>{call()}{call(call_id='callhalf-7:1')}</xsi:calls>")
    assert isinstance(data, CallEvent)
    assert [each.call_id for each in data.calls] == ["callhalf-7:0", "callhalf-7:1"]


def test_every_detail_of_a_call() -> None:
    extra = (
        "<xsi:releaseCause><xsi:internalReleaseCause>Busy</xsi:internalReleaseCause><xsi:q850Cause>17</xsi:q850Cause><xsi:sipStatus>486</xsi:sipStatus>"
        "<xsi:cdrTerminationCause>017</xsi:cdrTerminationCause></xsi:releaseCause><xsi:releasingParty>remoteRelease</xsi:releasingParty>"
        "<xsi:redirections><xsi:redirection><xsi:party><xsi:address countryCode='1'>tel:+1555</xsi:address><xsi:privacy/></xsi:party>"
        "<xsi:reason>no-answer</xsi:reason><xsi:counter>2</xsi:counter></xsi:redirection><xsi:redirection/></xsi:redirections>"
        "<xsi:redirect><xsi:address>tel:7</xsi:address><xsi:reason>transfer</xsi:reason><xsi:redirectTime>1</xsi:redirectTime></xsi:redirect>"
        "<xsi:allowAnswer/><xsi:allowRetrieve>false</xsi:allowRetrieve><xsi:huntGroupUserId>hunt@ex.org</xsi:huntGroupUserId>"
        "<xsi:recallType>Call Park</xsi:recallType><xsi:answerTime>1700000000456</xsi:answerTime>"
        "<xsi:acdCallInfo><xsi:acdUserId>queue@ex.org</xsi:acdUserId><xsi:callingPartyInfo><xsi:name>X</xsi:name></xsi:callingPartyInfo></xsi:acdCallInfo>"
        "<xsi:agentEscalation>Emergency</xsi:agentEscalation><xsi:allowedRecordingControls>pause-stop</xsi:allowedRecordingControls>"
        "<xsi:recordingState>Started</xsi:recordingState><xsi:clientSessionInfo>crm-1</xsi:clientSessionInfo><xsi:later>new</xsi:later>"
    )
    assert data_of("CallReleasedEvent", call(extra, state="Released")) == CallEvent(
        "CallReleasedEvent",
        (
            XsiCall(
                "callhalf-7:0",
                "9:1",
                "Terminator",
                "Released",
                BOB,
                releasing_party="remoteRelease",
                release_cause=ReleaseCause("Busy", "17", "486", "017"),
                redirections=(
                    Redirection(Party(address="tel:+1555", country_code="1", private=True), "no-answer", 2),
                    Redirection(Party()),
                ),
                redirect=Redirect("tel:7", "transfer"),
                allow_answer=True,
                allow_retrieve=False,
                hunt_group="hunt@ex.org",
                recall_type="Call Park",
                start_time=1700000000123,
                answer_time=1700000000456,
                acd_user_id="queue@ex.org",
                acd_calling_party=Party(name="X"),
                recording_controls="pause-stop",
                recording_state="Started",
                escalation="Emergency",
                client_session_info="crm-1",
            ),
        ),
    )


@pytest.mark.parametrize("reason", ["User Requested", "Failure"])
def test_why_a_recording_has_stopped(reason: str) -> None:
    event = data_of("CallRecordingStoppedEvent", f"<xsi:reason>{reason}</xsi:reason>{call('')}")
    assert isinstance(event, CallEvent)
    assert (event.reason, len(event.calls)) == (reason, 1)


def test_an_empty_call_is_tolerated() -> None:
    assert data_of("CallUpdatedEvent", "<xsi:call><xsi:startTime>soon</xsi:startTime></xsi:call>") == CallEvent(
        "CallUpdatedEvent", (XsiCall("", "", "", ""),)
    )
    assert data_of("CallUpdatedEvent") == CallEvent("CallUpdatedEvent", ())


CONFERENCE = (
    "<xsi:conference><xsi:state>Active</xsi:state><xsi:conferenceType>Barge-In</xsi:conferenceType><xsi:conferenceParticipantList>"
    "<xsi:conferenceParticipant><xsi:callId>a</xsi:callId><xsi:muted/></xsi:conferenceParticipant>"
    "<xsi:conferenceParticipant><xsi:callId>b</xsi:callId><xsi:deaf/></xsi:conferenceParticipant></xsi:conferenceParticipantList></xsi:conference>"
)
ACTIVE = Conference("Active", (ConferenceParticipant("a", muted=True), ConferenceParticipant("b", deaf=True)), "Barge-In")


@pytest.mark.parametrize("kind", sorted(CONFERENCE_EVENTS))
def test_conference_events(kind: str) -> None:
    assert data_of(kind, CONFERENCE) == ConferenceEvent(kind, ACTIVE)
    assert data_of(kind) == ConferenceEvent(kind, Conference())


@pytest.mark.parametrize(
    ("kind", "content", "data"),
    [
        ("CallSubscriptionEvent", "<xsi:hookStatus>On-Hook</xsi:hookStatus>", CallSubscription(hook_status="On-Hook")),
        ("CallSubscriptionEvent", f"<xsi:calls>{call()}</xsi:calls>{CONFERENCE}", CallSubscription((ALERTING,), ACTIVE)),
        ("CallSubscriptionResyncEvent", "", CallSubscription(resync=True)),
        ("HookStatusEvent", "", HookStatus("")),
        ("CallParkedAgainstEvent", REMOTE.replace("remoteParty", "parkedParty"), CallParkedAgainst(BOB)),
        ("CallParkedAgainstEvent", "", CallParkedAgainst(None)),
        ("DoNotDisturbEvent", "<xsi:info><xsi:active>true</xsi:active></xsi:info>", DoNotDisturbState(active=True)),
        ("DoNotDisturbEvent", "<xsi:info><xsi:active>false</xsi:active></xsi:info>", DoNotDisturbState()),
        ("DoNotDisturbEvent", "<xsi:unassigned/>", DoNotDisturbState(unassigned=True)),
        (
            "CallForwardingAlwaysEvent",
            "<xsi:info><xsi:active>true</xsi:active><xsi:forwardToPhoneNumber>tel:9</xsi:forwardToPhoneNumber></xsi:info>",
            ForwardingState("Call Forwarding Always", True, "tel:9"),
        ),
        ("CallForwardingBusyEvent", "<xsi:unassigned/>", ForwardingState("Call Forwarding Busy", unassigned=True)),
        (
            "CallForwardingNoAnswerEvent",
            "<xsi:info><xsi:active>false</xsi:active><xsi:numberOfRings>3</xsi:numberOfRings></xsi:info>",
            ForwardingState("Call Forwarding No Answer", number_of_rings=3),
        ),
        (
            "VoiceMailMessageSummaryEvent",
            "<xsi:messageSummary><xsi:newMessages>2</xsi:newMessages></xsi:messageSummary>",
            MessageSummary(2),
        ),
        ("VoiceMailMessageSummaryEvent", "", MessageSummary()),
        ("SubscriptionTerminatedEvent", "", SubscriptionTerminated()),
        ("CallHistoryEvent", call(), OtherEvent("CallHistoryEvent")),
        *((f"{service}Event", "<xsi:info/>", OtherEvent(f"{service}Event")) for service in ("CallWaiting", "RemoteOffice", "MusicOnHold")),
        ("AgentDispositionCodeAddedEvent", "", OtherEvent("AgentDispositionCodeAddedEvent")),
    ],
)
def test_other_event_data(kind: str, content: str, data: object) -> None:
    assert data_of(kind, content) == data


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (channel("ch-2", 86400), ChannelOpened("ch-2", 86400)),
        (b"<Channel/>", ChannelOpened("", 0)),
        (HEARTBEAT, Heartbeat()),
        (b"<Heartbeat/>", Heartbeat()),
        (b"<channelheartbeat/>", Heartbeat()),
        (terminated("Expired"), ChannelTerminated("ch-1", "Expired")),
        (terminated(), ChannelTerminated("ch-1")),
        (b"<News/>", OtherDocument("News")),
        (b"<Event/>", OtherDocument("")),
        (terminated().replace(b"ChannelTerminatedEvent", b"ErrorEvent"), OtherDocument("ErrorEvent")),
    ],
)
def test_other_documents(document: bytes, expected: object) -> None:
    assert parse(document) == expected


def test_no_event_data_at_all() -> None:
    document = parse(terminated().replace(b"ChannelTerminatedEvent", b"SubscriptionEvent"))
    assert isinstance(document, SubscriptionEvent)
    assert document.data == OtherEvent("")


BILLION_LAUGHS = b'<!DOCTYPE e [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><e>&b;</e>'
UTF_16 = '<?xml version="1.0" encoding="UTF-16"?>'
BOMB = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(10))

BAD = {
    "nothing": b"",
    "no end": b"<e>",
    "text": b"text",
    "another end": b"<e></f>",
    "bad UTF-8": b"<e>\xff</e>",
    "NUL": b"<e>\x00</e>",
    "reference to NUL": b"<e>&#0;</e>",
    "unknown entity": b"<e>&undeclared;</e>",
    "entities": BILLION_LAUGHS,
    "external entity": b'<!DOCTYPE e [<!ENTITY f SYSTEM "file:///etc/hostname">]><e>&f;</e>',
    "external DTD": b'<!DOCTYPE e SYSTEM "http://127.0.0.1:1/x.dtd"><e/>',
    "DTD in UTF-16": f"{UTF_16}<!DOCTYPE e><e/>".encode("utf-16"),
    "entities in UTF-16": f"{UTF_16}<!DOCTYPE e [{BOMB}]><e>&l9;</e>".encode("utf-16"),
    "entities in an attribute in UTF-16": f"{UTF_16}<!DOCTYPE e [{BOMB}]><e a='&l9;'/>".encode("utf-16"),
    "DTD in UTF-7": b"<?xml version='1.0' encoding='UTF-7'?>+ADwAIQ-DOCTYPE e+AD4APA-e/+AD4-",
    "wrong encoding": b"<?xml version='1.0' encoding='UTF-16'?><e/>",
    "unknown encoding": b"<?xml version='1.0' encoding='KLINGON'?><e/>",
    "deep": b"<e>" * 5000 + b"</e>" * 5000,
    "attribute twice": b"<e a='1' a='2'/>",
    "two roots": b"<e/><e/>",
    "unbound prefix": b"<e a:b='1' a:b='2'/>",
}


@pytest.mark.parametrize("document", BAD.values(), ids=BAD)
def test_bad_documents(document: bytes) -> None:
    with pytest.raises(BadDocument):
        parse(document)


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1", "utf-8-sig"])
def test_other_encodings(encoding: str) -> None:
    declared = encoding.removesuffix("-sig").upper()
    text = event("CallReceivedEvent", call()).decode().replace('encoding="UTF-8"', f'encoding="{declared}"')
    assert parse(text.encode(encoding)) == parse(event("CallReceivedEvent", call()))


def test_comments_and_instructions_do_not_cut_text() -> None:
    whole = event("CallReceivedEvent", call())
    assert parse(whole.replace(b"callhalf-7:0", b"call<!-- c -->half<?pi d?>-7<![CDATA[:0]]>")) == parse(whole)


@pytest.mark.parametrize(("text", "number"), [("9" * 18, 10**18 - 1), ("9" * 19, 0), ("9" * 5000, 0), ("-" + "9" * 5000, 0), ("seven", 0)])
def test_numbers_of_more_than_64_bits_are_none(text: str, number: int) -> None:
    document = event("HookStatusEvent").replace(b">1</xsi:sequenceNumber>", f">{text}</xsi:sequenceNumber>".encode())
    parsed, glanced = parse(document), unwanted(document, lambda target: False)
    assert isinstance(parsed, SubscriptionEvent)
    assert parsed.sequence == number
    assert glanced is None or glanced.sequence == number


@pytest.mark.parametrize(
    ("document", "event_id"),
    [
        (event("HookStatusEvent", event_id="e-7").replace(b"</xsi:Event>", b""), "e-7"),
        (b"<a><eventID> e-8 </eventID>", "e-8"),
        (b"<a><eventID>" + b"9" * 5000 + b"</eventID>", ""),
        (b"<a><eventID>e-9", ""),
        (b"", ""),
    ],
)
def test_which_event_a_document_is_that_cannot_be_parsed(document: bytes, event_id: str) -> None:
    assert event_id_of(document) == event_id


@settings(max_examples=200)
@given(st.binary(max_size=40), st.integers(0, 900), st.integers(0, 40))
def test_damage_is_read_or_refused_but_never_a_crash(noise: bytes, position: int, cut: int) -> None:
    document = event("CallReceivedEvent", call("<xsi:allowAnswer/>"))
    damaged = document[:position] + noise + document[position + cut :]
    try:
        parse(damaged)
    except BadDocument:
        pass


FILES = sample_files("Event.*.xml") + sample_files("Stream.*.xml") + sample_files("Response.AddChannel*.xml")


@pytest.mark.skipif(not FILES, reason="no folder of sample documents (BWCONNECTOR_SAMPLES)")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_samples(file: Path) -> None:
    document = parse(file.read_bytes())
    kind = file.name.split(".")[1]
    if isinstance(document, SubscriptionEvent):
        assert document.event_id and document.subscription_id and document.sequence
        told = getattr(document.data, "type", None)
        assert told is None or told == kind
    else:
        assert not isinstance(document, OtherDocument)


# Events that nobody wants


def of_target(target: str, head: str = "") -> bytes:
    return (
        b'<?xml version="1.0" encoding="UTF-8"?>'
        b'<xsi:Event xmlns:xsi="http://schema.broadsoft.com/xsi" xmlns:xsi1="http://www.w3.org/2001/XMLSchema-instance" '
        b'xsi1:type="xsi:SubscriptionEvent"><xsi:eventID>e-1</xsi:eventID><xsi:sequenceNumber>7</xsi:sequenceNumber>'
        b"<xsi:userId>admin</xsi:userId><xsi:subscriptionId>s-1</xsi:subscriptionId>%b<xsi:targetId>%b</xsi:targetId>"
        b'<xsi:eventData xsi1:type="xsi:HookStatusEvent"><xsi:hookStatus>On-Hook</xsi:hookStatus></xsi:eventData></xsi:Event>'
    ) % (head.encode(), target.encode())


def test_of_an_unwanted_event_only_the_envelope_is_read() -> None:
    assert unwanted(of_target("bob@ex.org"), lambda target: target == "alice@ex.org") == SubscriptionEvent(
        "e-1", 7, "s-1", Unwanted(), "bob@ex.org"
    )


def test_the_envelope_of_an_unwanted_event_is_read_as_any_other() -> None:
    document = of_target("bob@ex.org").replace(b"e-1<", b" e-1 <").replace(b"s-1<", b"s-1\n<")
    glance, whole = unwanted(document, lambda target: False), parse(document)
    assert isinstance(glance, SubscriptionEvent) and isinstance(whole, SubscriptionEvent)
    assert (glance.event_id, glance.subscription_id) == (whole.event_id, whole.subscription_id) == ("e-1", "s-1")


@pytest.mark.parametrize(
    "document",
    [
        of_target("alice@ex.org"),
        of_target("bob&#64;ex.org"),
        of_target("bob@ex.org", "<!-- a comment -->"),
        of_target("bob@ex.org").replace(b"<xsi:targetId>bob@ex.org</xsi:targetId>", b""),
        of_target("bob@ex.org").replace(b">7<", b">seven<"),
        of_target("bob@ex.org").replace(b"<xsi:eventID>e-1</xsi:eventID>", b""),
        b'<ChannelHeartBeat xmlns="http://schema.broadsoft.com/xsi"/>',
        b"",
    ],
)
def test_what_is_wanted_or_unusual_is_left_to_the_parser(document: bytes) -> None:
    assert unwanted(document, lambda target: target == "alice@ex.org") is None


@given(st.binary(max_size=300))
def test_looking_at_envelopes_bears_anything(noise: bytes) -> None:
    head, tail = of_target("bob@ex.org").split(b"e-1", 1)
    for document in (noise, noise + of_target("bob@ex.org"), head + noise + tail):
        event = unwanted(document, lambda target: False)
        assert event is None or event.data == Unwanted()
