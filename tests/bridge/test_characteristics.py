"""callCharacteristics of escalated and emergency calls: what a device begins with is its own leg's word alone."""

from __future__ import annotations

from bwconnector.bridge.calls import Call
from bwconnector.bridge.changes import Change, ConnectionId
from bwconnector.bridge.eventmessages import EVENTS, event_message
from bwconnector.csta.xml import ED3, encode

from ..csta.schema import check
from .flows import Flow, ev, leg


def test_what_a_device_begins_with_does_not_depend_on_who_is_faster() -> None:
    flow = Flow("AS")
    flow.say("S", ev("Received", leg("s2", "K2 Te Al A", escalation="Normal")))
    flow.say("A", ev("Originating", leg("a2", "K2 CtD Al S")))
    flow.say("A", ev("Originated", leg("a2", "K2 Or Al S")))
    flow.finish()
    assert flow.heard["A"] == [
        "ServiceInitiated{K2,A} initiated makeCall",
        "Originated{K2,A} connected makeCall A>S",
        "Delivered{K2,S} connected newCall A>S assistCall",
    ]


def test_an_emergency_call_by_request() -> None:
    flow = Flow("A")
    flow.say("A", ev("Originating", leg("a1", "K1 CtD Al X", remote_type="Emergency")))
    flow.say("A", ev("Originated", leg("a1", "K1 Or Al X", remote_type="Emergency")))
    assert flow.heard["A"] == [
        "ServiceInitiated{K1,A} initiated makeCall priorityCall",
        "Originated{K1,A} connected makeCall A>X priorityCall",
    ]


def test_every_event_about_a_call_can_carry_them_but_those_of_voice_services() -> None:
    call = Call("K1", calling="A", called="X")
    for kind in EVENTS:
        change = Change(kind, call, ConnectionId("K1", "A"), "normal", {"A": "connected"}, characteristics=frozenset({"priorityCall"}))
        body = encode(event_message(change, "A", str), ED3)
        assert check(body) == []
        assert (b"<callCharacteristics><priorityCall>true" in body) != (kind in ("RecordEvent", "SuspendRecordEvent", "StopEvent"))
