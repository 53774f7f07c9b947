"""JoinCall: a device barges in, listens, or coaches."""

from __future__ import annotations

import attrs
import pytest
from twisted.internet.defer import Deferred

from bwconnector.bridge.switching import Options
from bwconnector.csta import messages as csta

from .office import ED3, Office, connection, user

ENTRANCES = {
    "active": ("POST user/dave/calls/DirectedCallPickupBargeIn?address=1002", None),
    "silent": ("POST user/dave/calls/SilentMonitor?address=1002", None),
    "coach": ("POST user/dave/calls/CoachAgent?address=1002", {"coach": "true"}),
}
EACH = pytest.mark.parametrize("how", ENTRANCES)


def join(how: str = "active", device: str | None = "dave") -> csta.JoinCall:
    _, private = ENTRANCES.get(how, ("", None))
    participation = "silent" if how == "coach" else how
    return csta.JoinCall(
        active_call=connection("K1", "1002"),
        joining_device=device,
        auto_originate="doNotPrompt",
        participation_type=participation,
        extensions=private,
    )


def talking(**office: object) -> Office:
    made = Office(**office)  # type: ignore[arg-type]
    made.call("K1", alice="Active", bob="Active")
    return made


@EACH
def test_join_call(how: str) -> None:
    office = talking()
    invoke_id = office.ask(join(how))
    assert office.bw.asked == [ENTRANCES[how][0]]
    assert office.waits(invoke_id)
    call = office.table.find("K1")
    assert call is not None
    office.change("ConferencedEvent", call, "bob", "intrude", target=user("carol"))
    assert office.waits(invoke_id)
    office.change("ConferencedEvent", call, "bob", "intrude", target=user("dave"))
    assert office.answer_to(invoke_id) == csta.JoinCallResponse(conferenced_call=connection("K1", "dave"))


@pytest.mark.parametrize(
    ("private", "how"),
    [({"coach": ""}, "coach"), ({"coach": "false"}, "silent"), ({"other": "true"}, "silent")],
    ids=["empty", "false", "other"],
)
def test_who_coaches(private: dict[str, str], how: str) -> None:
    office = talking()
    office.ask(attrs.evolve(join("silent"), extensions=private))
    assert office.bw.asked == [ENTRANCES[how][0]]


def test_join_call_is_answered_before_its_event() -> None:
    office = talking()
    office.monitor("bob")
    office.bw.answers(ENTRANCES["active"][0], Deferred())
    invoke_id = office.ask(join())
    call = office.table.find("K1")
    assert call is not None
    office.change("ConferencedEvent", call, "bob", "intrude", target=user("dave"))
    response = csta.JoinCallResponse(conferenced_call=connection("K1", "dave"))
    assert office.link.sent[-2:] == [(invoke_id, response, ED3), ("9999", "ConferencedEvent", ED3)]


def test_join_call_that_no_event_tells() -> None:
    office = talking()
    invoke_id = office.ask(join())
    office.clock.advance(0.2)
    assert office.answer_to(invoke_id).conferenced_call == connection("K1", "dave")


@EACH
def test_join_call_refused(how: str) -> None:
    office = talking()
    office.bw.refuses(ENTRANCES[how][0])
    assert office.error(join(how)) == "operation privilegeViolationSpecifiedDevice"


def test_join_call_checks_before_it_asks() -> None:
    office = talking()
    assert office.error(join("none")) == "operation invalidParticipationType"
    assert office.error(join(device="nobody")) == "operation invalidDeviceID"
    assert office.error(join(device=None)) == "operation atLeastOneConditionalParameterNotProvided"
    ringing = Office()
    ringing.call("K1", alice="Dialling", bob="Alerting")
    assert ringing.error(join()) == "stateIncompatibility invalidObjectState"
    assert office.bw.asked == ringing.bw.asked == []


def test_join_call_needs_a_monitor_of_the_device_that_joins() -> None:
    office = talking(options=Options(status_on_connect=False, monitored_only=True))
    office.monitor("bob")
    assert office.error(join()) == "operation privilegeViolationSpecifiedDevice"
    office.monitor("dave")
    invoke_id = office.ask(join())
    office.clock.advance(0.2)
    assert isinstance(office.answer_to(invoke_id), csta.JoinCallResponse)


def test_a_parameter_that_is_mandatory_is_not_refused_as_optional() -> None:
    office = talking(P_STRICT="reject")
    invoke_id = office.ask(join())
    office.clock.advance(0.2)
    assert isinstance(office.answer_to(invoke_id), csta.JoinCallResponse)


@pytest.mark.parametrize("how", ["silent", "coach"])
def test_single_step_conference_call_of_one_who_listens(how: str) -> None:
    office = talking(P_SSC="on")
    invoke_id = office.ask(
        csta.SingleStepConferenceCall(
            active_call=connection("K1", "1002"), device_to_join="dave", participation_type="silent", extensions=ENTRANCES[how][1]
        )
    )
    office.clock.advance(0.2)
    assert office.bw.asked == [ENTRANCES[how][0]]
    assert office.answer_to(invoke_id) == csta.SingleStepConferenceCallResponse(conferenced_call=connection("K1", "dave"))
