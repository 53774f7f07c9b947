"""Services together with the call model: whichever comes first, the HTTP answer or the events, a link sees the response, then events."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from bwconnector.csta import messages as csta
from bwconnector.xsi.events import Conference as XsiConference
from bwconnector.xsi.events import ConferenceEvent, ConferenceParticipant, Redirect
from bwconnector.xsi.requests import Response

from .office import Office, connection, leg, start_info, user

CTD, ORIG, TERM = "Click-to-Dial", "Originator", "Terminator"


def log(office: Office, since: int = 0) -> list[str]:
    """What the link got: events by name, messages by their class."""
    return [m if isinstance(m, str) else type(m).__name__ for _, m, _ in office.link.sent[since:]]


def monitored(*names: str) -> Office:
    office = Office()
    for name in names:
        office.monitor(name)
    office.link.sent.clear()
    return office


@pytest.mark.parametrize("answer_first", [True, False])
def test_make_call(answer_first: bool) -> None:
    office = monitored("alice", "bob")
    answer: Deferred[bytes] = Deferred()
    office.bw.answers("POST user/alice/calls/new?address=1002", answer)
    office.ask(csta.MakeCall(calling_device="alice", called_directory_number="1002"))
    if answer_first:
        answer.callback(start_info("a1", "K1"))
    office.happens("alice", "Originating", leg("a1", "K1", CTD, "Alerting", "bob"))
    if not answer_first:
        answer.callback(start_info("a1", "K1"))
    office.happens("alice", "Originated", leg("a1", "K1", ORIG, "Alerting", "bob"))
    office.happens("bob", "Received", leg("b1", "K1", TERM, "Alerting", "alice"))
    assert log(office) == ["MakeCallResponse", "ServiceInitiatedEvent", "OriginatedEvent", "DeliveredEvent", "DeliveredEvent"]
    response = office.link.messages[0]
    assert isinstance(response, csta.MakeCallResponse)
    assert response.calling_device == connection("K1", "alice")


def talking() -> Office:
    """alice has called bob, who has answered."""
    office = monitored("alice", "bob", "carol")
    office.happens("alice", "Originated", leg("a1", "K1", ORIG, "Alerting", "bob"))
    office.happens("bob", "Received", leg("b1", "K1", TERM, "Alerting", "alice"))
    answer = csta.AnswerCall(call_to_be_answered=connection("K1", "bob"))
    office.ask(answer)
    office.happens("bob", "Answered", leg("b1", "K1", TERM, "Active", "alice", answer_time=1))
    office.happens("alice", "Answered", leg("a1", "K1", ORIG, "Active", "bob", answer_time=1))
    office.link.sent.clear()
    return office


def consulting() -> Office:
    """bob has put alice on hold and talks to carol."""
    office = talking()
    office.bw.answers("POST user/bob/calls/new?address=1003", start_info("b2", "K2"))
    hold: Deferred[Response] = Deferred()
    office.bw.answers("PUT user/bob/calls/b1/hold", hold)
    invoke_id = office.ask(csta.ConsultationCall(existing_call=connection("K1", "bob"), consulted_device="1003"))
    office.happens("bob", "Held", leg("b1", "K1", TERM, "Held", "alice", answer_time=1))
    hold.callback(Response(200))
    assert office.answer_to(invoke_id).initiated_call == connection("K2", "bob")
    office.happens("bob", "Originating", leg("b2", "K2", CTD, "Alerting", "carol"))
    office.happens("bob", "Originated", leg("b2", "K2", ORIG, "Alerting", "carol"))
    office.happens("carol", "Received", leg("c1", "K2", TERM, "Alerting", "bob"))
    office.happens("carol", "Answered", leg("c1", "K2", TERM, "Active", "bob", answer_time=2))
    office.happens("bob", "Answered", leg("b2", "K2", ORIG, "Active", "carol", answer_time=2))
    office.link.sent.clear()
    return office


def test_answer_call_before_its_event() -> None:
    office = monitored("bob")
    office.happens("bob", "Received", leg("b1", "K1", TERM, "Alerting", "alice"))
    office.bw.answers("PUT user/bob/calls/b1/talk", Deferred())
    office.ask(csta.AnswerCall(call_to_be_answered=connection("K1", "bob")))
    office.happens("bob", "Answered", leg("b1", "K1", TERM, "Active", "alice", answer_time=1))
    assert log(office) == ["DeliveredEvent", "AnswerCallResponse", "EstablishedEvent"]


@pytest.mark.parametrize("answer_first", [True, False])
def test_transfer_call(answer_first: bool) -> None:
    office = consulting()
    answer: Deferred[Response] = Deferred()
    office.bw.answers("PUT user/bob/calls/b1/ConsultTransfer/b2", answer)
    office.ask(csta.TransferCall(held_call=connection("K1", "bob"), active_call=connection("K2", "bob")))
    if answer_first:
        answer.callback(Response(200))
    gone = [
        leg("b1", "K1", TERM, "Detached", "alice", redirect=Redirect("tel:1003", "transfer")),
        leg("b2", "K2", ORIG, "Detached", "carol", redirect=Redirect("tel:1001", "transfer")),
    ]
    office.happens("bob", "Redirected", *gone)
    office.happens("alice", "Transferred", leg("a1", "K7", ORIG, "Active", "carol", answer_time=1))
    office.happens("carol", "Transferred", leg("c1", "K7", TERM, "Active", "alice", answer_time=2))
    office.clock.advance(0.1)
    if not answer_first:
        answer.callback(Response(200))
    office.clock.advance(0.2)
    assert log(office) == ["TransferCallResponse", "TransferedEvent", "TransferedEvent", "TransferedEvent"]
    response = office.link.messages[0]
    assert isinstance(response, csta.TransferCallResponse)
    assert response.transferred_call == connection("K7", "carol")
    assert {(e.new_connection, e.old_connection) for e in response.connections or ()} == {
        (connection("K7", "alice"), connection("K1", "alice")),
        (connection("K7", "carol"), connection("K2", "carol")),
    }


@pytest.mark.parametrize("answer_first", [True, False])
def test_conference_call(answer_first: bool) -> None:
    office = consulting()
    answer: Deferred[Response] = Deferred()
    office.bw.answers("POST user/bob/calls/Conference", answer)
    office.ask(csta.ConferenceCall(held_call=connection("K1", "bob"), active_call=connection("K2", "bob")))
    if answer_first:
        answer.callback(Response(201))
    office.happens("bob", "Retrieved", leg("b1", "K1", TERM, "Active", "alice", answer_time=1))
    parties = (ConferenceParticipant("b1"), ConferenceParticipant("b2"))
    office.model.apply(user("bob"), ConferenceEvent("ConferenceStartedEvent", XsiConference("Active", parties)))
    office.clock.advance(0.3)
    if not answer_first:
        answer.callback(Response(201))
    office.clock.advance(1)
    assert log(office) == ["ConferenceCallResponse", "ConferencedEvent", "ConferencedEvent", "ConferencedEvent"]
    response = office.link.messages[0]
    assert isinstance(response, csta.ConferenceCallResponse)
    assert response.conference_call == connection("K1", "bob")
    assert {e.new_connection for e in response.connections or ()} == {connection("K1", name) for name in ("alice", "bob", "carol")}


def test_clear_connection() -> None:
    office = talking()
    office.bw.answers("DELETE user/alice/calls/a1", Deferred())
    office.ask(csta.ClearConnection(connection_to_be_cleared=connection("K1", "alice")))
    office.happens("alice", "Released", leg("a1", "K1", ORIG, "Released", "bob", answer_time=1, releasing_party="localRelease"))
    office.happens("bob", "Released", leg("b1", "K1", TERM, "Released", "alice", answer_time=1, releasing_party="remoteRelease"))
    assert log(office)[0] == "ClearConnectionResponse"
    assert set(log(office)[1:]) == {"ConnectionClearedEvent"}
    office.clock.advance(10)
    assert len(office.table) == 0


def test_single_step_transfer_call() -> None:
    office = talking()
    office.bw.answers("PUT user/bob/calls/b1/BlindTransfer?address=1003", Response(200))
    office.ask(csta.SingleStepTransferCall(active_call=connection("K1", "bob"), transferred_to="1003"))
    away = leg("b1", "K1", TERM, "Detached", "alice", redirect=Redirect("tel:1003", "transfer"))
    office.happens("bob", "Redirected", away)
    office.happens("alice", "Transferred", leg("a1", "K1", ORIG, "Alerting", "carol", answer_time=1))
    office.clock.advance(0.3)
    assert log(office)[0] == "SingleStepTransferCallResponse"
    assert log(office)[1] == "TransferedEvent"
    response = office.link.messages[0]
    assert isinstance(response, csta.SingleStepTransferCallResponse)
    assert response.transferred_call == connection("K1", "1003")


def test_hold_and_retrieve() -> None:
    office = talking()
    office.bw.answers("PUT user/bob/calls/b1/hold", Deferred())
    office.bw.answers("PUT user/bob/calls/b1/talk", Deferred())
    office.ask(csta.HoldCall(call_to_be_held=connection("K1", "bob")))
    office.happens("bob", "Held", leg("b1", "K1", TERM, "Held", "alice", answer_time=1))
    office.ask(csta.RetrieveCall(call_to_be_retrieved=connection("K1", "bob")))
    office.happens("bob", "Retrieved", leg("b1", "K1", TERM, "Active", "alice", answer_time=1))
    assert log(office) == ["HoldCallResponse", "HeldEvent", "HeldEvent", "RetrieveCallResponse", "RetrievedEvent", "RetrievedEvent"]
