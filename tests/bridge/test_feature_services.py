"""Do Not Disturb and call forwarding as services: set, asked for, refused, and answered before their events."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from bwconnector.bridge.switching import Options
from bwconnector.csta import messages as csta
from bwconnector.xsi.errors import OutcomeUnknown, Refused
from bwconnector.xsi.events import DoNotDisturbState, ForwardingState
from bwconnector.xsi.requests import Request, Response

from .office import ED3, Office, user

DND = "user/alice/services/DoNotDisturb"
TYPES = {
    "forwardImmediate": "CallForwardingAlways",
    "forwardBusy": "CallForwardingBusy",
    "forwardNoAns": "CallForwardingNoAnswer",
}
PACKAGES = {
    "forwardImmediate": "Call Forwarding Always",
    "forwardBusy": "Call Forwarding Busy",
    "forwardNoAns": "Call Forwarding No Answer",
}
EACH_TYPE = pytest.mark.parametrize("kind", TYPES)


class Bodies(Office):
    """An office that keeps the bodies of what BroadWorks is asked for."""

    def __init__(self, **more: object) -> None:
        super().__init__(**more)  # type: ignore[arg-type]
        self.bodies: list[str] = []
        perform = self.bw.perform

        async def keep(request: Request) -> Response:
            if request.body:
                self.bodies.append(request.body.decode().partition("xsi")[2].partition(">")[2].rpartition("</")[0])
            return await perform(request)

        self.bw.perform = keep  # type: ignore[method-assign]


def set_dnd(on: bool = True) -> csta.SetDoNotDisturb:
    return csta.SetDoNotDisturb(device="1001", do_not_disturb_on=on)


def forward(
    kind: str | None = "forwardImmediate", to: str | None = "1003", on: bool = True, rings: int | None = None
) -> csta.SetForwarding:
    return csta.SetForwarding(device="1001", forwarding_type=kind, activate_forward=on, forward_dn=to, ring_count=rings)


# Do Not Disturb


@pytest.mark.parametrize("on", [True, False])
def test_set_do_not_disturb(on: bool) -> None:
    office = Bodies()
    assert office.answer(set_dnd(on)) == csta.SetDoNotDisturbResponse()
    assert office.bw.asked == [f"PUT {DND}"]
    assert office.bodies == [f"<active>{str(on).lower()}</active>"]


def test_set_do_not_disturb_is_answered_before_its_event() -> None:
    office = Office()
    office.monitor("alice")
    office.features.apply(user("alice"), DoNotDisturbState())
    office.bw.answers(f"PUT {DND}", Deferred())
    invoke_id = office.ask(set_dnd())
    office.features.apply(user("bob"), DoNotDisturbState(active=True))
    office.features.apply(user("alice"), DoNotDisturbState())
    office.features.apply(user("alice"), ForwardingState("Call Forwarding Always", active=True))
    assert office.waits(invoke_id)
    office.features.apply(user("alice"), DoNotDisturbState(active=True))
    assert office.link.sent[-2:] == [(invoke_id, csta.SetDoNotDisturbResponse(), ED3), ("9999", "DoNotDisturbEvent", ED3)]


def test_get_do_not_disturb_from_memory() -> None:
    office = Office()
    office.features.apply(user("alice"), DoNotDisturbState(active=True))
    assert office.answer(csta.GetDoNotDisturb(device="1001")) == csta.GetDoNotDisturbResponse(do_not_disturb_on=True)
    assert office.bw.asked == []


def test_get_do_not_disturb_of_a_device_that_nobody_monitors() -> None:
    office = Office()
    office.bw.answers(f"GET {DND}", b"<DoNotDisturb><active>true</active><ringSplash>false</ringSplash></DoNotDisturb>")
    assert office.answer(csta.GetDoNotDisturb(device="alice")).do_not_disturb_on is True
    assert office.bw.asked == [f"GET {DND}"]


def test_do_not_disturb_that_the_user_does_not_have() -> None:
    office = Office()
    office.features.apply(user("alice"), DoNotDisturbState(unassigned=True))
    assert office.error(set_dnd()) == "operation invalidFeature"
    assert office.error(csta.GetDoNotDisturb(device="alice")) == "operation invalidFeature"
    assert office.bw.asked == []


@pytest.mark.parametrize("status", [403, 404])
def test_do_not_disturb_refused(status: int) -> None:
    office = Office()
    office.bw.refuses(f"PUT {DND}", status)
    office.bw.refuses(f"GET {DND}", status)
    assert office.error(set_dnd()) == "operation invalidFeature"
    assert office.error(csta.GetDoNotDisturb(device="alice")) == "operation invalidFeature"


def test_do_not_disturb_that_broadworks_cannot_tell_now() -> None:
    office = Office()
    office.bw.answers(f"PUT {DND}", OutcomeUnknown("no answer"))
    office.bw.answers(f"GET {DND}", Refused(503))
    assert office.error(set_dnd()) == "systemResourceAvailibility networkBusy"
    assert office.error(csta.GetDoNotDisturb(device="alice")) == "systemResourceAvailibility resourceBusy"
    office.bw.answers(f"GET {DND}", OutcomeUnknown("no answer"))
    assert office.error(csta.GetDoNotDisturb(device="alice")) == "systemResourceAvailibility networkBusy"


# Forwarding


@EACH_TYPE
def test_set_forwarding(kind: str) -> None:
    office = Bodies()
    assert office.answer(forward(kind)) == csta.SetForwardingResponse()
    assert office.bw.asked == [f"PUT user/alice/services/{TYPES[kind]}"]
    assert office.bodies == ["<active>true</active><forwardToPhoneNumber>1003</forwardToPhoneNumber>"]


@EACH_TYPE
def test_set_forwarding_off(kind: str) -> None:
    office = Bodies()
    office.answer(forward(kind, to=None, on=False))
    assert office.bodies == ["<active>false</active>"]


@EACH_TYPE
def test_only_no_answer_has_rings(kind: str) -> None:
    office = Bodies()
    office.answer(forward(kind, to=None, rings=5))
    assert office.bodies == ["<active>true</active>" + "<numberOfRings>5</numberOfRings>" * (kind == "forwardNoAns")]


def test_set_forwarding_without_a_type_forwards_all_calls() -> None:
    office = Office()
    office.answer(forward(None))
    assert office.bw.asked == ["PUT user/alice/services/CallForwardingAlways"]


@EACH_TYPE
def test_set_forwarding_is_answered_before_its_event(kind: str) -> None:
    office = Office()
    office.monitor("alice")
    service, rings = PACKAGES[kind], 4 if kind == "forwardNoAns" else None
    office.features.apply(user("alice"), ForwardingState(service))
    office.bw.answers(f"PUT user/alice/services/{TYPES[kind]}", Deferred())
    invoke_id = office.ask(forward(kind, rings=rings))
    office.features.apply(user("alice"), ForwardingState(service, active=True, forward_to="tel:1004", number_of_rings=rings))
    if rings is not None:
        office.features.apply(user("alice"), ForwardingState(service, active=True, forward_to="tel:1003", number_of_rings=2))
    assert office.waits(invoke_id)
    office.features.apply(user("alice"), ForwardingState(service, active=True, forward_to="tel:1003", number_of_rings=rings))
    assert office.link.sent[-2:] == [(invoke_id, csta.SetForwardingResponse(), ED3), ("9999", "ForwardingEvent", ED3)]


def test_set_forwarding_checks_before_it_asks() -> None:
    office = Office()
    assert office.error(forward("forwardDND")) == "operation invalidForwardingType"
    assert office.error(forward(to="10 03")) == "operation invalidForwardingDestination"
    office.features.apply(user("alice"), ForwardingState("Call Forwarding Always", unassigned=True))
    assert office.error(forward()) == "operation invalidFeature"
    assert office.bw.asked == []


@pytest.mark.parametrize(
    ("status", "value"), [(400, "invalidParameterValue"), (403, "invalidForwardingDestination"), (404, "invalidFeature")]
)
@EACH_TYPE
def test_set_forwarding_refused(kind: str, status: int, value: str) -> None:
    office = Office()
    office.bw.refuses(f"PUT user/alice/services/{TYPES[kind]}", status)
    assert office.error(forward(kind)) == f"operation {value}"


def settings(answer: csta.GetForwardingResponse) -> list[tuple[str | None, bool, str | None, int | None]]:
    return [(each.forwarding_type, each.forward_status, each.forward_dn, each.ring_count) for each in answer.forwarding_list or ()]


def test_get_forwarding_from_memory_and_from_broadworks() -> None:
    office = Office()
    office.features.apply(user("alice"), ForwardingState("Call Forwarding Always", active=True, forward_to="tel:1003"))
    office.features.apply(user("alice"), ForwardingState("Call Forwarding Busy", unassigned=True))
    body = b"<CallForwardingNoAnswer><active>false</active><numberOfRings>3</numberOfRings></CallForwardingNoAnswer>"
    office.bw.answers("GET user/alice/services/CallForwardingNoAnswer", body)
    answer = office.answer(csta.GetForwarding(device="1001"))
    assert settings(answer) == [("forwardImmediate", True, "1003", None), ("forwardNoAns", False, None, 3)]
    assert office.bw.asked == ["GET user/alice/services/CallForwardingNoAnswer"]


def test_get_forwarding_of_a_user_who_has_none() -> None:
    office = Office()
    for service in TYPES.values():
        office.bw.refuses(f"GET user/alice/services/{service}", 404)
    assert office.error(csta.GetForwarding(device="alice")) == "operation invalidFeature"


def test_features_of_a_device_that_the_link_does_not_monitor() -> None:
    office = Office(options=Options(status_on_connect=False, monitored_only=True))
    assert office.error(set_dnd()) == "operation privilegeViolationSpecifiedDevice"
    assert office.error(forward()) == "operation privilegeViolationSpecifiedDevice"
    office.features.apply(user("alice"), DoNotDisturbState())
    assert office.answer(csta.GetDoNotDisturb(device="alice")).do_not_disturb_on is False


def test_unknown_devices() -> None:
    office = Office()
    assert office.error(csta.SetDoNotDisturb(device="nobody", do_not_disturb_on=True)) == "operation invalidDeviceID"
    assert office.error(csta.GetForwarding(device="nobody")) == "operation invalidDeviceID"


@pytest.mark.parametrize(
    "request_",
    [
        csta.SetDoNotDisturb(device="alice", do_not_disturb_on=True, call_origination=frozenset({"internal"})),
        csta.SetDoNotDisturb(device="alice", do_not_disturb_on=True, calling_device_list=("bob",)),
        csta.SetForwarding(device="alice", activate_forward=True, ring_duration=20),
    ],
    ids=["callOrigination", "callingDeviceList", "ringDuration"],
)
def test_parameters_without_a_counterpart(request_: csta.Request) -> None:
    assert Office(P_STRICT="reject").error(request_) == "operation parameterNotSupported"
    assert not isinstance(Office().answer(request_), csta.CSTAErrorCode)


def test_what_is_announced() -> None:
    answer = Office().answer(csta.GetCSTAFeatures())
    assert {"setDoNotDisturb", "getDoNotDisturb", "setForwarding", "getForwarding"} <= answer.supported_services["logicalServList"].keys()
