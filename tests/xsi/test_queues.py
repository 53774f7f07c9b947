"""Events of call centers and route points, as BroadWorks writes them."""

from __future__ import annotations

import pytest

from bwconnector.xsi.answers import read_queue
from bwconnector.xsi.events import EventData, Party, Redirect, SubscriptionEvent
from bwconnector.xsi.parse import parse
from bwconnector.xsi.queues import QueueEntry, QueueEvent, QueueSubscription, RoutePointState, TreatmentEvent

CALLER = Party(name="CALLER", address="tel:+15559990000", country_code="1", call_type="Network")
REMOTE = (
    '<xsi:remoteParty><xsi:name>CALLER</xsi:name><xsi:address countryCode="1">tel:+15559990000</xsi:address>'
    "<xsi:callType>Network</xsi:callType></xsi:remoteParty>"
)
ENTRY = QueueEntry(call_id="callhalf-1:0", tracking_id="9:1", remote=CALLER, add_time=1_700_000_000_000)
REDIRECT = "<xsi:redirect><xsi:address>tel:1600</xsi:address><xsi:reason>call-center</xsi:reason></xsi:redirect>"


def entry(more: str = "") -> str:
    return (
        f"<xsi:queueEntry><xsi:callId>callhalf-1:0</xsi:callId><xsi:extTrackingId>9:1</xsi:extTrackingId>{REMOTE}"
        f"<xsi:addTime>1700000000000</xsi:addTime>{more}</xsi:queueEntry>"
    )


def read(kind: str, content: str) -> EventData:
    document = parse(
        '<xsi:Event xmlns:xsi="http://schema.broadsoft.com/xsi" xmlns:xsi1="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi1:type="xsi:SubscriptionEvent"><xsi:eventID>1</xsi:eventID><xsi:sequenceNumber>1</xsi:sequenceNumber>'
        "<xsi:subscriptionId>s</xsi:subscriptionId>"
        f'<xsi:eventData xsi1:type="xsi:{kind}">{content}</xsi:eventData></xsi:Event>'.encode()
    )
    assert isinstance(document, SubscriptionEvent)
    return document.data


@pytest.mark.parametrize("kind", ["ACDCallAddedEvent", "RoutePointCallAddedEvent"])
def test_added(kind: str) -> None:
    event = read(kind, entry("<xsi:acdPriority>1-High</xsi:acdPriority>") + "<xsi:position>3</xsi:position>")
    assert isinstance(event, QueueEvent)
    assert (event.type, event.kind, event.position, event.entry.priority) == (kind, "Added", 3, "1-High")
    assert event.entry == QueueEntry(ENTRY.call_id, ENTRY.tracking_id, CALLER, ENTRY.add_time, priority="1-High")


def test_answered() -> None:
    more = "<xsi:answeringUserId>g1@example.net</xsi:answeringUserId><xsi:answeringCallId>callhalf-2:0</xsi:answeringCallId>"
    event = read("ACDCallAnsweredByAgentEvent", entry("<xsi:removeTime>17</xsi:removeTime>" + more))
    assert isinstance(event, QueueEvent)
    answered = event.entry
    assert (answered.answering_user_id, answered.answering_call_id, answered.remove_time) == ("g1@example.net", "callhalf-2:0", 17)


@pytest.mark.parametrize(
    ("kind", "element", "reason"),
    [
        ("ACDCallOverflowedEvent", "overflowReason", "time"),
        ("RoutePointCallOverflowedEvent", "overFlowReason", "size"),
        ("RoutePointCallReleasedEvent", "releaseReason", "NoAnswerTimeOut"),
        ("RoutePointCallFailedEvent", "failureReason", "CallFailureDueToInactivity"),
        ("ACDCallUpdatedEvent", "reason", "Call Transferred"),
    ],
)
def test_reasons(kind: str, element: str, reason: str) -> None:
    event = read(kind, f"{entry()}<xsi:{element}>{reason}</xsi:{element}>{REDIRECT}")
    assert isinstance(event, QueueEvent)
    assert event.reason == reason
    assert event.redirect == Redirect("tel:1600", "call-center")


def test_a_call_that_never_waited_has_no_queue_entry() -> None:
    identity = f"<xsi:callId>callhalf-1:0</xsi:callId><xsi:extTrackingId>9:1</xsi:extTrackingId>{REMOTE}"
    event = read("ACDNightPolicyAppliedEvent", identity + REDIRECT)
    assert event == QueueEvent(
        "ACDNightPolicyAppliedEvent",
        "NightPolicyApplied",
        QueueEntry("callhalf-1:0", "9:1", CALLER),
        redirect=Redirect("tel:1600", "call-center"),
    )


def test_flags() -> None:
    event = read("ACDCallAbandonedEvent", entry("<xsi:bounced/>") + "<xsi:entrancePlaying/>")
    assert isinstance(event, QueueEvent)
    assert event.entrance_playing and event.entry.bounced and not event.entry.outgoing


@pytest.mark.parametrize("kind", ["ACDSubscriptionEvent", "RoutePointSubscriptionEvent"])
def test_subscription(kind: str) -> None:
    assert read(kind, "") == QueueSubscription()
    assert read(kind, f"<xsi:queueEntries>{entry()}{entry()}</xsi:queueEntries>") == QueueSubscription((ENTRY, ENTRY))
    assert read(kind.replace("SubscriptionEvent", "SubscriptionResyncEvent"), "") == QueueSubscription(resync=True)


def test_treatments() -> None:
    playing = (
        "<xsi:playCollectInfo><xsi:playCollectId>5</xsi:playCollectId><xsi:playCollectType>MOH</xsi:playCollectType></xsi:playCollectInfo>"
    )
    started = read("RoutePointMOHStartedEvent", entry(playing))
    assert isinstance(started, TreatmentEvent)
    assert (started.treatment, started.completed, started.play_collect_id) == ("MOH", False, "5")
    result = "<xsi:playCollectId>6</xsi:playCollectId><xsi:completionReason>Match</xsi:completionReason><xsi:digits>12</xsi:digits>"
    completed = read("RoutePointTreatmentCompletedEvent", f"{entry(playing)}<xsi:playCollectResult>{result}</xsi:playCollectResult>")
    assert isinstance(completed, TreatmentEvent)
    assert (completed.completed, completed.play_collect_id, completed.completion_reason, completed.digits) == (True, "6", "Match", "12")


def test_route_point_state() -> None:
    failed = read("RoutePointFailedEvent", "<xsi:stateChangeReason>ExternalRequest</xsi:stateChangeReason>")
    assert failed == RoutePointState(True, "ExternalRequest")
    assert read("RoutePointRecoveredEvent", "") == RoutePointState(False)


@pytest.mark.parametrize("root", ["ACDQueue", "RoutePointQueue"])
def test_queue_of_an_answer(root: str) -> None:
    plain = entry().replace("xsi:", "")
    body = f'<{root} xmlns="http://schema.broadsoft.com/xsi"><queueEntries>{plain}</queueEntries></{root}>'
    assert read_queue(body.encode()) == (ENTRY,)
