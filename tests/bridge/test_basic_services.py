from __future__ import annotations

import io

import pytest
from twisted.internet.defer import Deferred

from bwconnector.csta import messages as csta
from bwconnector.xsi.errors import NoXspAvailable, OutcomeUnknown, Refused
from bwconnector.xsi.requests import Response

from .office import ED3, Office, connection, start_info, user


def make_call(calling: str = "alice", called: str = "1002", **more: object) -> csta.MakeCall:
    return csta.MakeCall(calling_device=calling, called_directory_number=called, **more)  # type: ignore[arg-type]


NEW = "POST user/alice/calls/new?address=1002"


def test_make_call_names_the_device_as_the_request_did() -> None:
    office = Office()
    office.bw.answers(NEW, start_info("a1", "K1"))
    assert office.answer(make_call("1001")) == csta.MakeCallResponse(calling_device=connection("K1", "1001"))
    assert office.bw.asked == [NEW]


def test_make_call_dials_a_user_by_full_id() -> None:
    office = Office()
    office.bw.answers("POST user/alice/calls/new?address=bob", start_info("a1", "K1"))
    office.answer(make_call(called="bob"))
    assert office.bw.asked == ["POST user/alice/calls/new?address=bob"]
    (intent,) = office.switch.intents
    assert (intent.service, intent.user, intent.target) == ("MakeCall", user("alice"), user("bob"))


def test_make_call_is_answered_by_the_event_that_overtakes_the_http_answer() -> None:
    office = Office()
    office.monitor("alice")
    pending: Deferred[object] = Deferred()
    office.bw.answers(NEW, pending)
    invoke_id = office.ask(make_call())
    assert office.waits(invoke_id)
    office.change("ServiceInitiatedEvent", office.call("K1", alice="Own phone"), "alice", "makeCall")
    assert office.link.sent[-2:] == [
        (invoke_id, csta.MakeCallResponse(calling_device=connection("K1", "alice")), ED3),
        ("9999", "ServiceInitiatedEvent", ED3),
    ]
    pending.callback(start_info("a1", "K1"))
    (intent,) = office.switch.intents
    assert (intent.tracking_id, intent.call_ids) == ("K1", ("a1",))


def test_a_refusal_after_the_proving_event_is_only_logged() -> None:
    office = Office()
    pending: Deferred[object] = Deferred()
    office.bw.answers(NEW, pending)
    invoke_id = office.ask(make_call())
    office.change("ServiceInitiatedEvent", office.call("K1", alice="Own phone"), "alice", "makeCall")
    pending.callback(Refused(500))
    assert office.answer_to(invoke_id) == csta.MakeCallResponse(calling_device=connection("K1", "alice"))


def test_a_call_that_alice_dials_herself_does_not_answer_make_call() -> None:
    office = Office()
    office.bw.answers(NEW, Deferred())
    invoke_id = office.ask(make_call())
    office.change("OriginatedEvent", office.call("K9", alice="Dialling"), "alice", "newCall")
    assert office.waits(invoke_id)


@pytest.mark.parametrize(("called", "waits"), [("carol", True), ("bob", False), ("", False)])
def test_a_click_to_dial_from_elsewhere_does_not_answer_make_call(called: str, waits: bool) -> None:
    office = Office()
    office.monitor("bob")
    office.bw.answers(NEW, Deferred())
    invoke_id = office.ask(make_call())
    office.change("ServiceInitiatedEvent", office.call("K9", alice="Own phone"), "alice", "makeCall", called=user(called) if called else "")
    assert office.waits(invoke_id) is waits


def test_make_call_tells_the_announced_id_of_a_call_that_is_known_by_an_alias() -> None:
    office = Office()
    office.table.alias(office.call("K1", alice="Own phone"), "K7")
    office.bw.answers(NEW, start_info("a1", "K7"))
    assert office.answer(make_call()).calling_device.call_id == "K1"


def test_make_call_finds_the_call_by_its_leg_when_broadworks_tells_no_tracking_id() -> None:
    office = Office()
    office.call("K1", alice="Own phone")
    office.bw.answers(NEW, start_info("a1", ""))
    assert office.answer(make_call()).calling_device.call_id == "K1"


@pytest.mark.parametrize("body", [start_info("", ""), b"<html/>"])
def test_make_call_whose_answer_tells_no_id_is_as_good_as_unanswered(body: bytes) -> None:
    office = Office()
    office.bw.answers(NEW, body)
    assert office.error(make_call()) == "systemResourceAvailibility networkBusy"


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (Refused(400), "operation invalidCalledDeviceID"),
        (Refused(403), "stateIncompatibility invalidCallingDeviceState"),
        (Refused(404), "operation invalidCallingDeviceID"),
        (Refused(403, 110842), "systemResourceAvailibility resourceOutOfService"),
        (OutcomeUnknown("time-out"), "systemResourceAvailibility networkBusy"),
        (NoXspAvailable("none"), "systemResourceAvailibility networkOutOfService"),
    ],
)
def test_make_call_refused(failure: Exception, error: str) -> None:
    office = Office()
    office.bw.answers(NEW, failure)
    assert office.error(make_call()) == error


def test_make_call_from_an_unknown_device_asks_once_a_minute() -> None:
    office = Office()
    for _ in range(3):
        assert office.error(make_call("nobody")) == "operation invalidCallingDeviceID"
    assert office.bw.looked_up == ["GET user/nobody/profile"]
    assert office.bw.asked == []


@pytest.mark.parametrize("called", ["10 02", "<1002>"])
def test_make_call_to_what_cannot_be_dialled(called: str) -> None:
    office = Office()
    assert office.error(make_call(called=called)) == "operation invalidCalledDeviceID"
    assert office.bw.asked == []


def test_second_make_call_at_a_device_waits_for_the_first() -> None:
    office = Office()
    first: Deferred[object] = Deferred()
    office.bw.answers(NEW, first, start_info("a2", "K2"))
    one, two = office.ask(make_call()), office.ask(make_call())
    assert office.bw.asked == [NEW]
    assert office.waits(two)
    first.callback(start_info("a1", "K1"))
    assert office.answer_to(one).calling_device.call_id == "K1"
    assert office.answer_to(two).calling_device.call_id == "K2"


def test_second_make_call_is_refused_when_the_first_takes_too_long() -> None:
    office = Office()
    first: Deferred[object] = Deferred()
    office.bw.answers(NEW, first)
    one, two = office.ask(make_call()), office.ask(make_call())
    office.clock.advance(2)
    error = office.answer_to(two)
    assert (error.category, error.value) == ("subscribedResourceAvailability", "outstandingReqLimitExceeded")
    first.callback(start_info("a1", "K1"))
    assert office.answer_to(one).calling_device.call_id == "K1"
    office.bw.answers(NEW, start_info("a3", "K3"))
    assert office.answer(make_call()).calling_device.call_id == "K3"


def test_second_make_call_can_be_refused_at_once() -> None:
    office = Office(P_PEND=0)
    office.bw.answers(NEW, Deferred())
    office.ask(make_call())
    assert office.error(make_call()) == "subscribedResourceAvailability outstandingReqLimitExceeded"


def test_make_calls_of_two_devices_do_not_wait_for_each_other() -> None:
    office = Office()
    office.bw.answers(NEW, Deferred())
    office.bw.answers("POST user/bob/calls/new?address=1003", start_info("b1", "K2"))
    office.ask(make_call())
    assert office.answer(make_call("bob", "1003")).calling_device == connection("K2", "bob")


# AnswerCall


def answer_call(call_id: str = "K1", device: str = "bob") -> csta.AnswerCall:
    return csta.AnswerCall(call_to_be_answered=connection(call_id, device))


TALK = "PUT user/bob/calls/b1/talk"


def test_answer_call() -> None:
    office = Office()
    office.call("K1", alice="Dialling", bob="Alerting")
    assert office.answer(answer_call()) == csta.AnswerCallResponse()
    assert office.bw.asked == [TALK]
    assert [(i.service, i.call_ids) for i in office.switch.intents] == [("AnswerCall", ("b1",))]
    office.clock.advance(6)
    assert list(office.switch.intents) == []


def test_answer_call_is_answered_before_its_event() -> None:
    office = Office()
    call = office.call("K1", alice="Dialling", bob="Alerting")
    office.monitor("bob")
    office.bw.answers(TALK, Deferred())
    invoke_id = office.ask(answer_call())
    office.change("HeldEvent", call, "bob")
    office.change("EstablishedEvent", call, "alice")
    assert office.waits(invoke_id)
    office.change("EstablishedEvent", call, "bob")
    assert [sent for sent, _, _ in office.link.sent[-2:]] == [invoke_id, "9999"]


@pytest.mark.parametrize("name", ["bob", "bob@example.net", "1002", "+15550001002", "5550001002"])
def test_a_connection_is_found_by_any_name_of_its_device(name: str) -> None:
    office = Office()
    office.call("K1", alice="Dialling", bob="Alerting")
    assert office.answer(answer_call("K1", name)) == csta.AnswerCallResponse()


def test_a_call_is_found_by_any_live_alias() -> None:
    office = Office()
    office.table.alias(office.call("K1", bob="Alerting"), "K5")
    assert office.answer(answer_call("K5")) == csta.AnswerCallResponse()


@pytest.mark.parametrize(
    ("call_id", "device", "error"),
    [
        ("K7", "bob", "operation invalidCallID"),
        ("K1", "carol", "operation invalidConnectionID"),
        ("K1", "nobody", "operation invalidConnectionID"),
        ("K1", None, "operation invalidConnectionID"),
        ("K1", "alice", "stateIncompatibility noCallToAnswer"),
        (None, "carol", "operation invalidConnectionID"),
        (None, "nobody", "operation invalidDeviceID"),
    ],
)
def test_answer_call_checks_before_it_asks(call_id: str | None, device: str | None, error: str) -> None:
    office = Office()
    office.call("K1", alice="Active", bob="Alerting")
    request = csta.AnswerCall(call_to_be_answered=connection(call_id, device))
    assert office.error(request) == error
    assert office.bw.asked == []


def test_a_device_alone_will_do_while_it_has_one_call() -> None:
    office = Office()
    office.call("K1", bob="Alerting")
    request = csta.AnswerCall(call_to_be_answered=connection(None, "bob"))
    assert office.answer(request) == csta.AnswerCallResponse()
    office.call("K2", bob="Held")
    assert office.error(request) == "operation invalidConnectionID"


@pytest.mark.parametrize(
    ("status", "error"), [(403, "operation requestIncompatibleWithConnection"), (404, "stateIncompatibility noCallToAnswer")]
)
def test_answer_call_refused(status: int, error: str) -> None:
    office = Office()
    office.call("K1", bob="Alerting")
    office.bw.refuses(TALK, status)
    assert office.error(answer_call()) == error


def test_answer_call_that_somebody_else_was_quicker_to_answer() -> None:
    office = Office()
    call = office.call("K1", bob="Alerting")
    pending: Deferred[object] = Deferred()
    office.bw.answers(TALK, pending)
    invoke_id = office.ask(answer_call())
    call.connection(user("bob")).state = "null"
    pending.callback(Refused(403))
    assert office.answer_to(invoke_id).value == "noCallToAnswer"


def test_a_leg_that_broadworks_does_not_know_has_its_user_compared() -> None:
    office = Office()
    office.call("K1", bob="Alerting")
    office.bw.refuses(TALK, 404)
    office.answer(answer_call())
    assert office.subscriptions.refreshed == [user("bob")]


def test_a_comparison_that_fails_changes_nothing_for_the_client(log_text: io.StringIO) -> None:
    office = Office()
    office.call("K1", bob="Alerting")
    office.bw.refuses(TALK, 404)
    office.subscriptions.outcome = Refused(503)
    assert office.error(answer_call()) == "stateIncompatibility noCallToAnswer"
    assert "the calls of bob@example.net could not be compared" in log_text.getvalue()


def test_a_name_that_broadworks_cannot_be_asked_about() -> None:
    office = Office()
    office.call("K1", bob="Alerting")
    office.bw.answers("GET user/1002/profile", NoXspAvailable("none"))
    assert office.error(answer_call("K1", "1002")) == "systemResourceAvailibility networkOutOfService"


def test_answer_call_of_a_phone_that_cannot_be_made_to_answer() -> None:
    office = Office(P_ALLOW="refuse")
    call = office.call("K1", bob="Alerting")
    assert office.error(answer_call()) == "operation requestIncompatibleWithConnection"
    (leg,) = call.connection(user("bob")).legs
    leg.allow_answer = True
    assert office.answer(answer_call()) == csta.AnswerCallResponse()


CALLS = '<Calls xmlns="http://schema.broadsoft.com/xsi"><call><callId>{}</callId></call><call><callId>{}</callId></call></Calls>'
CALL = (
    '<Call xmlns="http://schema.broadsoft.com/xsi"><callId>{}</callId><extTrackingId>{}</extTrackingId>'
    "<personality>Terminator</personality><state>Alerting</state><remoteParty><userId>alice@example.net</userId></remoteParty></Call>"
)


def test_the_leg_of_a_user_whom_nobody_monitors_is_asked_for() -> None:
    office = Office()
    office.call("K1", alice="Dialling", bob="alerting")
    office.bw.answers("GET user/bob/calls", Response(200, {}, CALLS.format("b8", "b9").encode()))
    office.bw.answers("GET user/bob/calls/b8", Response(200, {}, CALL.format("b8", "K8").encode()))
    office.bw.answers("GET user/bob/calls/b9", Response(200, {}, CALL.format("b9", "K1").encode()))
    assert office.answer(answer_call()) == csta.AnswerCallResponse()
    assert office.bw.asked[-1] == "PUT user/bob/calls/b9/talk"


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (Response(200, {}, b'<Calls xmlns="http://schema.broadsoft.com/xsi"/>'), "operation invalidConnectionID"),
        (Refused(403), "operation invalidConnectionID"),
        (NoXspAvailable("none"), "systemResourceAvailibility networkOutOfService"),
    ],
)
def test_the_leg_of_a_user_whom_nobody_monitors_cannot_be_found(outcome: object, error: str) -> None:
    office = Office()
    office.call("K1", alice="Dialling", bob="alerting")
    office.bw.answers("GET user/bob/calls", outcome)
    assert office.error(answer_call()) == error


def test_the_connection_of_an_external_party_cannot_be_controlled() -> None:
    office = Office()
    call = office.call("K1", alice="Active")
    call.connection("+15559990000").state = "alerting"
    assert office.error(answer_call("K1", "+15559990000")) == "operation invalidConnectionID"
    assert office.bw.asked == []


# HoldCall, RetrieveCall


def test_hold_call() -> None:
    office = Office()
    office.call("K1", alice="Active", bob="Active")
    assert office.answer(csta.HoldCall(call_to_be_held=connection("K1", "bob"))) == csta.HoldCallResponse()
    assert office.bw.asked == ["PUT user/bob/calls/b1/hold"]


def test_hold_call_is_answered_before_its_event() -> None:
    office = Office()
    call = office.call("K1", alice="Active", bob="Active")
    office.monitor("alice")
    office.bw.answers("PUT user/bob/calls/b1/hold", Deferred())
    invoke_id = office.ask(csta.HoldCall(call_to_be_held=connection("K1", "bob")))
    office.change("HeldEvent", call, "bob")
    assert office.link.sent[-2:] == [(invoke_id, csta.HoldCallResponse(), ED3), ("9999", "HeldEvent", ED3)]


def test_hold_call_of_a_held_call() -> None:
    office = Office()
    office.call("K1", alice="Active", bob="Held")
    assert office.error(csta.HoldCall(call_to_be_held=connection("K1", "bob"))) == "stateIncompatibility invalidConnectionState"


def test_hold_call_refused() -> None:
    office = Office()
    office.call("K1", bob="Active")
    office.bw.refuses("PUT user/bob/calls/b1/hold")
    assert office.error(csta.HoldCall(call_to_be_held=connection("K1", "bob"))) == "stateIncompatibility invalidConnectionState"


def test_retrieve_call() -> None:
    office = Office()
    office.call("K1", bob="Held")
    assert office.answer(csta.RetrieveCall(call_to_be_retrieved=connection("K1", "bob"))) == csta.RetrieveCallResponse()
    assert office.bw.asked == [TALK]


def test_retrieve_call_of_a_connected_call() -> None:
    office = Office()
    office.call("K1", bob="Remote Held")
    assert office.error(csta.RetrieveCall(call_to_be_retrieved=connection("K1", "bob"))) == "stateIncompatibility noHeldCall"


def test_retrieve_call_refused() -> None:
    office = Office()
    office.call("K1", bob="Held")
    office.bw.refuses(TALK)
    assert office.error(csta.RetrieveCall(call_to_be_retrieved=connection("K1", "bob"))) == "stateIncompatibility invalidConnectionState"


def test_a_controller_holds_and_retrieves_the_conference() -> None:
    office = Office()
    call = office.call("K1", alice="Active", bob="Active")
    call.controller = user("alice")
    office.answer(csta.HoldCall(call_to_be_held=connection("K1", "alice")))
    call.connection(user("alice")).state = "hold"
    office.answer(csta.RetrieveCall(call_to_be_retrieved=connection("K1", "alice")))
    assert office.bw.asked == ["PUT user/alice/calls/Conference/Hold", "PUT user/alice/calls/Conference/Talk"]


# ClearConnection, ClearCall


def clear(call_id: str | None, device: str | None) -> csta.ClearConnection:
    return csta.ClearConnection(connection_to_be_cleared=connection(call_id, device))


def test_clear_connection() -> None:
    office = Office()
    office.call("K1", alice="Active", bob="Active")
    assert office.answer(clear("K1", "alice")) == csta.ClearConnectionResponse()
    assert office.bw.asked == ["DELETE user/alice/calls/a1"]


def test_clear_connection_by_device_alone() -> None:
    office = Office()
    office.call("K1", alice="Own phone")
    assert office.answer(clear(None, "alice")) == csta.ClearConnectionResponse()
    assert office.bw.asked == ["DELETE user/alice/calls/a1"]


def test_clear_connection_of_an_alerting_call_declines_it() -> None:
    office = Office()
    office.call("K1", alice="Dialling", bob="Alerting")
    office.answer(clear("K1", "bob"))
    assert office.bw.asked == ["DELETE user/bob/calls/b1?decline=true"]


def test_clear_connection_of_a_party_without_a_leg_releases_the_leg_of_the_other_one() -> None:
    office = Office()
    call = office.call("K1", alice="Active")
    call.connection("+15559990000").state = "connected"
    assert office.answer(clear("K1", "+15559990000")) == csta.ClearConnectionResponse()
    assert office.bw.asked == ["DELETE user/alice/calls/a1"]


def test_clear_connection_in_a_call_that_nobody_monitors() -> None:
    office = Office()
    office.call("K1", alice="connected", bob="alerting")
    office.bw.answers("GET user/bob/calls", Response(200, {}, CALLS.format("b1", "b2").encode()))
    office.bw.answers("GET user/bob/calls/b1", Response(200, {}, CALL.format("b1", "K1").encode()))
    office.bw.answers("GET user/bob/calls/b2", Response(200, {}, CALL.format("b2", "K2").encode()))
    assert office.answer(clear("K1", "bob")) == csta.ClearConnectionResponse()
    assert office.bw.asked[-1] == "DELETE user/bob/calls/b1?decline=true"


def test_clear_connection_of_a_conference_member_releases_the_leg_towards_it() -> None:
    office = Office()
    call = office.call("K1")
    call.controller = user("alice")
    office.join(call, "alice", "Active", "a1", remote="bob")
    office.join(call, "alice", "Active", "a2", remote="carol")
    for name in ("bob", "carol"):
        office.join(call, name, "connected")
    assert office.answer(clear("K1", "carol")) == csta.ClearConnectionResponse()
    assert office.bw.asked == ["DELETE user/alice/calls/a2"]


def test_clear_connection_of_the_controller_ends_the_conference() -> None:
    office = Office()
    call = office.call("K1", alice="Active", bob="Active", carol="Active")
    call.controller = user("alice")
    office.answer(clear("K1", "alice"))
    assert office.bw.asked == ["DELETE user/alice/calls/Conference"]


def test_clear_connection_of_a_connection_that_is_null() -> None:
    office = Office()
    office.call("K1", alice="Active", bob="null")
    assert office.error(clear("K1", "bob")) == "stateIncompatibility noConnectionToClear"


def test_clear_connection_refused() -> None:
    office = Office()
    office.call("K1", alice="Active")
    office.bw.refuses("DELETE user/alice/calls/a1")
    assert office.error(clear("K1", "alice")) == "stateIncompatibility invalidConnectionState"
    office.bw.refuses("DELETE user/alice/calls/a1", 404)
    assert office.error(clear("K1", "alice")) == "operation invalidConnectionID"


def test_clear_connection_is_answered_before_its_events() -> None:
    office = Office()
    call = office.call("K1", alice="Active", bob="Active")
    office.monitor("alice")
    office.bw.answers("DELETE user/alice/calls/a1", Deferred())
    invoke_id = office.ask(clear("K1", "alice"))
    office.change("ConnectionClearedEvent", call, "alice", "normalClearing")
    assert [sent for sent, _, _ in office.link.sent[-2:]] == [invoke_id, "9999"]


def test_clear_call_releases_any_leg() -> None:
    office = Office()
    office.call("K1", alice="Active", bob="connected")
    assert office.answer(csta.ClearCall(call_to_be_cleared=connection("K1", "bob"))) == csta.ClearCallResponse()
    assert office.bw.asked == ["DELETE user/alice/calls/a1"]


def test_clear_call_by_device_alone() -> None:
    office = Office()
    office.call("K1", alice="Active", bob="connected")
    office.answer(csta.ClearCall(call_to_be_cleared=connection(None, "alice")))
    assert office.bw.asked == ["DELETE user/alice/calls/a1"]


def test_clear_call_of_a_conference() -> None:
    office = Office()
    call = office.call("K1", bob="Active", alice="Active")
    call.controller = user("alice")
    office.answer(csta.ClearCall(call_to_be_cleared=connection("K1")))
    assert office.bw.asked == ["DELETE user/alice/calls/Conference"]


@pytest.mark.parametrize(
    ("identity", "error"),
    [
        (connection("K9"), "operation invalidCallID"),
        (connection("K1"), "stateIncompatibility noCallToClear"),
        (None, "operation atLeastOneConditionalParameterNotProvided"),
    ],
)
def test_clear_call_checks_before_it_asks(identity: csta.ConnectionID | None, error: str) -> None:
    office = Office()
    office.call("K1", alice="null")
    assert office.error(csta.ClearCall(call_to_be_cleared=identity)) == error


# Digits and data


def digits(characters: str | None) -> csta.GenerateDigits:
    return csta.GenerateDigits(connection_to_send_digits=connection("K1", "alice"), characters_to_send=characters)


def test_generate_digits() -> None:
    office = Office()
    office.call("K1", alice="Active")
    assert office.answer(digits("12*#,d")) == csta.GenerateDigitsResponse()
    assert office.bw.asked == ["PUT user/alice/calls/a1/TransmitDTMF?playdtmf=12%2A%23%2CD"]


@pytest.mark.parametrize("characters", ["12x", "", None])
def test_generate_digits_that_are_none(characters: str | None) -> None:
    office = Office()
    office.call("K1", alice="Active")
    assert office.error(digits(characters)) == "operation charactersToSendNotSupported"


def test_generate_digits_into_a_held_call() -> None:
    office = Office()
    office.call("K1", alice="Held")
    assert office.error(digits("1")) == "stateIncompatibility invalidConnectionState"


def test_generate_digits_refused() -> None:
    office = Office()
    office.call("K1", alice="Active")
    office.bw.refuses("PUT user/alice/calls/a1/TransmitDTMF?playdtmf=1")
    assert office.error(digits("1")) == "operation requestIncompatibleWithConnection"


def test_data_travels_as_client_session_info() -> None:
    office = Office()
    office.call("K1", alice="Active")
    one = csta.AssociateData(existing_call=connection("K1", "alice"), correlator_data=b"order 7")
    two = csta.SendUserInformation(existing_call=connection("K1", "alice"), user_data="Grüße".encode())
    assert office.answer(one) == csta.AssociateDataResponse()
    assert office.answer(two) == csta.SendUserInformationResponse()
    path = "PUT user/alice/calls/a1/ClientSessionInfo?info="
    assert office.bw.asked == [path + "order%207", path + "Gr%C3%BC%C3%9Fe"]


@pytest.mark.parametrize(
    ("data", "error"),
    [(None, "operation atLeastOneConditionalParameterNotProvided"), (b"\xff\xfe", "operation invalidParameterValue")],
)
def test_data_that_cannot_be_sent(data: bytes | None, error: str) -> None:
    office = Office()
    office.call("K1", alice="Active")
    assert office.error(csta.AssociateData(existing_call=connection("K1", "alice"), correlator_data=data)) == error
    assert office.bw.asked == []
