from __future__ import annotations

import io
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from bwconnector.bridge.changes import ConnectionId, ListItem
from bwconnector.csta import messages as csta
from bwconnector.xsi.errors import NoXspAvailable, OutcomeUnknown, Refused
from bwconnector.xsi.requests import Response

from .office import ED3, Office, connection, start_info, user

DIAL = "POST user/bob/calls/new?address=1003"
HOLD = "PUT user/bob/calls/b1/hold"
TALK = "PUT user/bob/calls/b1/talk"


def consult(existing: str = "K1", device: str = "bob", consulted: str = "1003") -> csta.ConsultationCall:
    return csta.ConsultationCall(existing_call=connection(existing, device), consulted_device=consulted)


def two_calls(**policy: str | int) -> Office:
    """alice-bob on hold, bob-carol connected."""
    office = Office(**policy)
    office.call("K1", alice="Active", bob="Held")
    office.call("K2", bob="Active", carol="Active")
    return office


def pair(cls: type[Any], held: csta.ConnectionID | None = None, active: csta.ConnectionID | None = None) -> Any:
    return cls(held_call=held or connection("K1", "bob"), active_call=active or connection("K2", "bob"))


def item(new: str, old: str | None, name: str, external: bool = False) -> ListItem:
    return ListItem(ConnectionId(new, user(name)), ConnectionId(old, user(name)) if old else None, external)


# ConsultationCall


def test_consultation_call_holds_and_dials() -> None:
    office = Office()
    office.call("K1", alice="Active", bob="Active")
    office.bw.answers(DIAL, start_info("b2", "K2"))
    assert office.answer(consult()) == csta.ConsultationCallResponse(initiated_call=connection("K2", "bob"))
    assert office.bw.asked == [HOLD, DIAL]
    (intent,) = office.switch.intents
    assert (intent.service, intent.call_ids, intent.tracking_id) == ("ConsultationCall", ("b1", "b2"), "K2")


def test_consultation_call_from_a_held_call_only_dials() -> None:
    office = Office()
    office.call("K1", bob="Held")
    office.bw.answers(DIAL, start_info("b2", "K2"))
    office.answer(consult())
    assert office.bw.asked == [DIAL]


def test_consultation_call_where_broadworks_holds_by_itself() -> None:
    office = Office(P_HOLD="implicit")
    office.call("K1", bob="Active")
    office.bw.answers(DIAL, start_info("b2", "K2"))
    office.answer(consult())
    assert office.bw.asked == [DIAL]


def test_consultation_call_of_a_conference_controller_holds_the_conference() -> None:
    office = Office()
    office.call("K1", alice="Active", bob="Active").controller = user("bob")
    office.bw.answers(DIAL, start_info("b2", "K3"))
    office.answer(consult())
    assert office.bw.asked == ["PUT user/bob/calls/Conference/Hold", DIAL]


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (Refused(400), "operation invalidDestination"),
        (Refused(403), "stateIncompatibility invalidActiveConnectionState"),
        (NoXspAvailable("none"), "systemResourceAvailibility networkOutOfService"),
    ],
)
def test_consultation_call_that_fails_retrieves_the_first_call(failure: Exception, error: str) -> None:
    office = Office()
    office.call("K1", alice="Active", bob="Active")
    office.bw.answers(DIAL, failure)
    assert office.error(consult()) == error
    assert office.bw.asked == [HOLD, DIAL, TALK]


def test_consultation_call_whose_outcome_is_unknown_leaves_the_first_call_alone() -> None:
    office = Office()
    office.call("K1", alice="Active", bob="Active")
    office.bw.answers(DIAL, OutcomeUnknown("time-out"))
    assert office.error(consult()) == "systemResourceAvailibility networkBusy"
    assert office.bw.asked == [HOLD, DIAL]


def test_consultation_call_answers_the_error_of_the_dialling_even_if_the_retrieve_fails_too(log_text: io.StringIO) -> None:
    office = Office()
    office.call("K1", alice="Active", bob="Active")
    office.bw.refuses(DIAL, 400)
    office.bw.refuses(TALK, 500)
    assert office.error(consult()) == "operation invalidDestination"
    assert "bob@example.net stays on hold in call K1" in log_text.getvalue()


def test_consultation_call_whose_hold_is_refused_dials_nothing() -> None:
    office = Office()
    office.call("K1", alice="Active", bob="Active")
    office.bw.refuses(HOLD)
    assert office.error(consult()) == "stateIncompatibility invalidActiveConnectionState"
    assert office.bw.asked == [HOLD]


def test_consultation_call_from_an_alerting_call() -> None:
    office = Office()
    office.call("K1", bob="Alerting")
    assert office.error(consult()) == "stateIncompatibility noActiveCall"
    assert office.bw.asked == []


def test_consultation_call_to_what_cannot_be_dialled() -> None:
    office = Office()
    office.call("K1", bob="Active")
    assert office.error(consult(consulted="10 03")) == "operation invalidDestination"
    assert office.bw.asked == []


def test_consultation_call_is_answered_by_the_event_that_overtakes_the_http_answer() -> None:
    office = Office()
    office.call("K1", alice="Active", bob="Active")
    office.monitor("bob")
    office.bw.answers(DIAL, Deferred())
    invoke_id = office.ask(consult())
    office.change("ServiceInitiatedEvent", office.call("K2", bob="Own phone"), "bob", "consultation")
    assert office.link.sent[-2:] == [
        (invoke_id, csta.ConsultationCallResponse(initiated_call=connection("K2", "bob")), ED3),
        ("9999", "ServiceInitiatedEvent", ED3),
    ]


def test_consultation_call_waits_for_a_make_call_of_the_same_device() -> None:
    office = Office()
    office.call("K1", alice="Active", bob="Active")
    first: Deferred[bytes] = Deferred()
    office.bw.answers(DIAL, first, start_info("b3", "K3"))
    office.ask(csta.MakeCall(calling_device="bob", called_directory_number="1003"))
    invoke_id = office.ask(consult())
    assert office.bw.asked == [DIAL]
    first.callback(start_info("b2", "K2"))
    assert office.answer_to(invoke_id).initiated_call == connection("K3", "bob")


def test_consultation_call_from_a_call_that_ended_while_it_waited_for_its_turn() -> None:
    office = Office()
    call = office.call("K1", alice="Active", bob="Active")
    first: Deferred[bytes] = Deferred()
    office.bw.answers(DIAL, first)
    office.ask(csta.MakeCall(calling_device="bob", called_directory_number="1003"))
    invoke_id = office.ask(consult())
    call.connection(user("bob")).state = "null"
    first.callback(start_info("b2", "K2"))
    assert office.answer_to(invoke_id).value == "noActiveCall"
    assert office.bw.asked == [DIAL]


# AlternateCall


def test_alternate_call() -> None:
    office = two_calls()
    assert office.answer(pair(csta.AlternateCall)) == csta.AlternateCallResponse()
    assert office.bw.asked == [TALK]


def test_alternate_call_where_broadworks_does_not_hold_by_itself() -> None:
    office = two_calls()
    office.bw.answers(TALK, Refused(403), Response(200))
    assert office.answer(pair(csta.AlternateCall)) == csta.AlternateCallResponse()
    assert office.bw.asked == [TALK, "PUT user/bob/calls/b2/hold", TALK]


def test_alternate_call_refused() -> None:
    office = two_calls()
    office.bw.refuses(TALK)
    assert office.error(pair(csta.AlternateCall)) == "stateIncompatibility generic"
    office.bw.refuses(TALK, 500)
    assert office.error(pair(csta.AlternateCall)) == "systemResourceAvailibility generic"


@pytest.mark.parametrize(("kind", "call", "name"), [("HeldEvent", "K2", "bob"), ("RetrievedEvent", "K1", "bob")])
def test_alternate_call_is_answered_before_its_events(kind: str, call: str, name: str) -> None:
    office = two_calls()
    office.monitor("bob")
    office.bw.answers(TALK, Deferred())
    invoke_id = office.ask(pair(csta.AlternateCall))
    found = office.table.find(call)
    assert found is not None
    office.change(kind, found, name, "alternate")
    assert [sent for sent, _, _ in office.link.sent[-2:]] == [invoke_id, "9999"]


@pytest.mark.parametrize("service", [csta.AlternateCall, csta.ReconnectCall, csta.TransferCall, csta.ConferenceCall])
@pytest.mark.parametrize(
    ("held", "active", "error"),
    [
        (connection("K2", "bob"), connection("K1", "bob"), "stateIncompatibility invalidHeldConnectionState"),
        (connection("K1", "bob"), connection("K1", "bob"), "stateIncompatibility invalidActiveConnectionState"),
        (connection("K1", "bob"), connection("K2", "carol"), "operation notSameDevice"),
        (connection("K9", "bob"), connection("K2", "bob"), "operation invalidCallID"),
        (connection("K1", "bob"), connection("K2", "alice"), "operation invalidConnectionID"),
    ],
)
def test_services_with_two_calls_check_before_they_ask(
    service: type[Any], held: csta.ConnectionID, active: csta.ConnectionID, error: str
) -> None:
    office = two_calls()
    assert office.error(pair(service, held, active)) == error
    assert office.bw.asked == []


# ReconnectCall


def test_reconnect_call_with_two_calls() -> None:
    office = two_calls()
    assert office.answer(pair(csta.ReconnectCall)) == csta.ReconnectCallResponse()
    assert office.bw.asked == ["PUT user/bob/calls/b1/reconnect"]


def test_reconnect_call_spares_a_third_call() -> None:
    office = two_calls()
    office.call("K3", bob="Held")
    office.answer(pair(csta.ReconnectCall))
    assert office.bw.asked == ["DELETE user/bob/calls/b2", TALK]


@pytest.mark.parametrize("service", [csta.ReconnectCall, csta.TransferCall])
def test_a_conference_controller_can_neither_reconnect_nor_transfer(service: type[Any]) -> None:
    office = two_calls()
    found = office.table.find("K1")
    assert found is not None
    found.controller = user("bob")
    assert office.error(pair(service)) == "stateIncompatibility invalidObjectState"
    assert office.bw.asked == []


def test_reconnect_call_refused() -> None:
    office = two_calls()
    office.bw.refuses("PUT user/bob/calls/b1/reconnect")
    assert office.error(pair(csta.ReconnectCall)) == "stateIncompatibility generic"


# TransferCall

TRANSFER = "PUT user/bob/calls/b1/ConsultTransfer/b2"


def transferred(office: Office, new: str = "K2") -> None:
    call = office.table.find("K1")
    assert call is not None
    office.change(
        "TransferedEvent",
        call,
        "bob",
        "transfer",
        acting=user("bob"),
        target=user("carol"),
        items=(item(new, "K1", "alice"), item(new, "K2", "carol")),
    )


def transfer_response(call_id: str = "K2", alice: str = "alice", carol: str = "carol") -> csta.TransferCallResponse:
    return csta.TransferCallResponse(
        transferred_call=connection(call_id, carol),
        connections=tuple(
            csta.ConnectionListItem(
                new_connection=connection(call_id, name), old_connection=connection(old, name), endpoint=csta.PartyDevice(name)
            )
            for old, name in (("K1", alice), ("K2", carol))
        ),
    )


def test_transfer_call_waits_for_the_event_that_tells_the_new_call() -> None:
    office = two_calls()
    office.monitor("alice")
    invoke_id = office.ask(pair(csta.TransferCall))
    assert office.bw.asked == [TRANSFER]
    assert office.waits(invoke_id)
    transferred(office, "K7")
    assert office.link.sent[-2:] == [(invoke_id, transfer_response("K7"), ED3), ("9999", "TransferedEvent", ED3)]


def test_transfer_call_whose_event_comes_first() -> None:
    office = two_calls()
    pending: Deferred[object] = Deferred()
    office.bw.answers(TRANSFER, pending)
    invoke_id = office.ask(pair(csta.TransferCall))
    transferred(office)
    assert office.answer_to(invoke_id) == transfer_response()


def test_transfer_call_without_an_event_is_answered_from_what_is_known_after_p_join() -> None:
    office = two_calls()
    invoke_id = office.ask(pair(csta.TransferCall))
    office.clock.advance(0.19)
    assert office.waits(invoke_id)
    office.clock.advance(0.02)
    assert office.answer_to(invoke_id) == transfer_response()


def test_transfer_call_names_devices_as_their_monitors_do() -> None:
    office = two_calls(P_JOIN=0)
    office.monitor("1003")
    invoke_id = office.ask(pair(csta.TransferCall))
    office.clock.advance(0)
    assert office.answer_to(invoke_id) == transfer_response(carol="1003")


def test_transfer_call_refused() -> None:
    office = two_calls()
    office.bw.refuses(TRANSFER)
    assert office.error(pair(csta.TransferCall)) == "stateIncompatibility invalidObjectState"
    assert list(office.switch.intents) == []


# SingleStepTransferCall

BLIND = "PUT user/bob/calls/b1/BlindTransfer?address=1003"


def blind(to: str = "1003") -> csta.SingleStepTransferCall:
    return csta.SingleStepTransferCall(active_call=connection("K1", "bob"), transferred_to=to)


def test_single_step_transfer_call() -> None:
    office = Office()
    call = office.call("K1", alice="Active", bob="Active")
    invoke_id = office.ask(blind())
    assert office.bw.asked == [BLIND]
    office.change("TransferedEvent", call, "bob", "singleStepTransfer", items=(item("K4", "K1", "alice"), item("K4", None, "carol", True)))
    alice, carol = office.answer_to(invoke_id).connections
    assert office.answer_to(invoke_id).transferred_call == connection("K4", "1003")
    assert alice == csta.ConnectionListItem(
        new_connection=connection("K4", "alice"), old_connection=connection("K1", "alice"), endpoint=csta.PartyDevice("alice")
    )
    assert carol == csta.ConnectionListItem(
        new_connection=connection("K4", "carol"), endpoint=csta.PartyDevice("carol"), associated_nid=csta.NOT_KNOWN
    )


def test_single_step_transfer_call_without_an_event() -> None:
    office = Office()
    office.call("K1", alice="Active", bob="Active")
    invoke_id = office.ask(blind())
    office.clock.advance(0.2)
    assert office.answer_to(invoke_id) == csta.SingleStepTransferCallResponse(transferred_call=connection("K1", "1003"))


@pytest.mark.parametrize("status", [400, 403])
def test_single_step_transfer_call_refused(status: int) -> None:
    office = Office()
    office.call("K1", alice="Active", bob="Active")
    office.bw.refuses(BLIND, status)
    assert office.error(blind()) == "operation invalidDestination"


def test_single_step_transfer_call_checks_before_it_asks() -> None:
    office = Office()
    office.call("K1", alice="Active", bob="Held")
    assert office.error(blind()) == "stateIncompatibility invalidActiveConnectionState"
    office.call("K1", alice="Active", bob="Active")
    assert office.error(blind("10 03")) == "operation invalidDestination"
    assert office.bw.asked == []


# ConferenceCall


def test_conference_call() -> None:
    office = two_calls()
    invoke_id = office.ask(pair(csta.ConferenceCall))
    assert office.bw.asked == ["POST user/bob/calls/Conference"]
    call = office.table.find("K1")
    assert call is not None
    items = (item("K1", "K1", "bob"), item("K1", "K1", "alice"), item("K1", "K2", "carol"))
    office.change("ConferencedEvent", call, "bob", "conference", target=user("carol"), items=items)
    answer = office.answer_to(invoke_id)
    assert answer.conference_call == connection("K1", "bob")
    assert [entry.old_connection for entry in answer.connections] == [
        connection("K1", "bob"),
        connection("K1", "alice"),
        connection("K2", "carol"),
    ]


def test_conference_call_without_an_event() -> None:
    office = two_calls()
    invoke_id = office.ask(pair(csta.ConferenceCall))
    office.clock.advance(0.2)
    assert office.answer_to(invoke_id) == csta.ConferenceCallResponse(conference_call=connection("K1", "bob"))


@pytest.mark.parametrize(("conference", "added"), [("K1", "b2"), ("K2", "b1")])
def test_conference_call_adds_to_an_existing_conference(conference: str, added: str) -> None:
    office = two_calls()
    call = office.table.find(conference)
    assert call is not None
    call.controller = user("bob")
    office.ask(pair(csta.ConferenceCall))
    assert office.bw.asked == [f"PUT user/bob/calls/Conference/{added}"]


def test_conference_call_refused() -> None:
    office = two_calls()
    office.bw.refuses("POST user/bob/calls/Conference")
    assert office.error(pair(csta.ConferenceCall)) == "systemResourceAvailibility conferenceResourceCannotBeSatisfied"
    call = office.table.find("K1")
    assert call is not None
    call.controller = user("bob")
    office.bw.refuses("PUT user/bob/calls/Conference/b2")
    assert office.error(pair(csta.ConferenceCall)) == "systemResourceAvailibility conferenceMemberLimitExceeded"


# SingleStepConferenceCall


def join(participation: str = "active", to: str = "1003") -> csta.SingleStepConferenceCall:
    return csta.SingleStepConferenceCall(active_call=connection("K1", "bob"), device_to_join=to, participation_type=participation)


def test_single_step_conference_call_is_off_by_default() -> None:
    office = Office()
    office.call("K1", alice="Active", bob="Active")
    assert office.error(join()) == "operation serviceNotSupported"


def test_single_step_conference_call_dials_and_joins_when_the_device_answers() -> None:
    office = Office(P_SSC="on")
    office.call("K1", alice="Active", bob="Active")
    office.bw.answers(DIAL, start_info("b2", "K2"))
    invoke_id = office.ask(join())
    assert office.bw.asked == [HOLD, DIAL]
    office.change("EstablishedEvent", office.call("K2", bob="Active", carol="Active"), "carol", "newCall")
    assert office.bw.asked[2:] == ["POST user/bob/calls/Conference"]
    office.clock.advance(0.2)
    assert office.answer_to(invoke_id).conferenced_call == connection("K1", "1003")


def test_single_step_conference_call_into_a_conference() -> None:
    office = Office(P_SSC="on")
    office.call("K1", alice="Active", bob="Active").controller = user("bob")
    office.bw.answers(DIAL, start_info("b2", "K2"))
    office.ask(join())
    office.change("EstablishedEvent", office.call("K2", bob="Active", carol="Active"), "carol", "newCall")
    assert office.bw.asked == ["PUT user/bob/calls/Conference/Hold", DIAL, "PUT user/bob/calls/Conference/b2"]


def test_single_step_conference_call_that_cannot_dial() -> None:
    office = Office(P_SSC="on")
    call = office.call("K1", alice="Active", bob="Active")
    pending: Deferred[object] = Deferred()
    office.bw.answers(DIAL, pending)
    invoke_id = office.ask(join())
    call.connection(user("bob")).state = "hold"
    pending.callback(Refused(403))
    assert office.answer_to(invoke_id).value == "privilegeViolationSpecifiedDevice"


def test_single_step_conference_call_of_a_device_that_does_not_answer() -> None:
    office = Office(P_SSC="on")
    office.call("K1", alice="Active", bob="Active")
    office.bw.answers(DIAL, start_info("b2", "K2"))
    invoke_id = office.ask(join())
    office.clock.advance(60)
    assert office.answer_to(invoke_id).value == "invalidDestinationDeviceState"


def test_single_step_conference_call_checks_before_it_asks() -> None:
    office = Office(P_SSC="on")
    office.call("K1", alice="Active", bob="Held")
    assert office.error(join("none")) == "operation invalidParticipationType"
    assert office.error(join("silent")) == "stateIncompatibility invalidObjectState"
    assert office.error(join()) == "stateIncompatibility invalidObjectState"
    assert office.bw.asked == []
