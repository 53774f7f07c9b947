"""The audit log: a line for everything that is done for a T-Server, and no secret in any."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from bwconnector.bridge.access import Access, Kind
from bwconnector.bridge.audit import LONGEST, NAMESPACE, about
from bwconnector.bridge.services import ONE_WAY, SERVICES
from bwconnector.bridge.switching import Options
from bwconnector.csta import messages as csta
from bwconnector.xsi.requests import Response

from .office import Office, connection, start_info
from .test_access import REQUESTS

CONTROLS = [service for service, row in SERVICES.items() if row.kind is Kind.CONTROLS]
SECRETS = {"account_code": b"7391", "auth_code": b"8264", "password": b"5173", "correlator_data": b"9442", "user_data": b"6617"}
"""Parameters that may hold what nobody else is to know."""


@pytest.fixture
def audited() -> Iterator[list[LogEvent]]:
    events: list[LogEvent] = []

    def observer(event: LogEvent) -> None:
        if event.get("log_namespace") == NAMESPACE:
            events.append(event)

    globalLogPublisher.addObserver(observer)
    yield events
    globalLogPublisher.removeObserver(observer)


def fields(event: LogEvent) -> dict[str, str]:
    """The line as whoever reads the log takes it apart."""
    line = formatEvent(event)
    found = re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)', line)
    assert " ".join("=".join(pair) for pair in found) == line
    return {name: json.loads(value) if value.startswith('"') else value for name, value in found}


def office() -> Office:
    office = Office(kinds={"r1": "routepoint"})
    office.call("K1", alice="Active", bob="Active")
    return office


def secretive(request: csta.Message) -> csta.Message:
    """The request with secrets wherever its class has room for them."""
    known = {field.name for field in attrs.fields(type(request))}
    secrets: dict[str, Any] = {name: value for name, value in SECRETS.items() if name in known}
    if isinstance(request, csta.GenerateDigits):
        secrets["characters_to_send"] = "3358"
    return attrs.evolve(request, **secrets)


@pytest.mark.parametrize("service", CONTROLS, ids=lambda service: service.__name__)
def test_every_service_that_controls_is_audited(service: type[csta.Message], audited: list[LogEvent]) -> None:
    here = office()
    request = secretive(REQUESTS.get(service) or service())
    here.session.received("0042", request, here.session._association.namespace)
    for pending in list(here.clock.getDelayedCalls()):
        here.clock.advance(max(0.0, pending.getTime() - here.clock.seconds()))
    (event,) = audited
    line = fields(event)
    assert (line["link"], line["peer"], line["service"], line["invoke"]) == ("tserver-1", "10.1.0.5:40001", service.__name__, "0042")
    assert line["outcome"] == "done" or "/" in line["outcome"]
    assert not any(secret in formatEvent(event) for secret in [*(value.decode() for value in SECRETS.values()), "3358"])
    if service is not csta.RouteRegisterCancel:
        assert line["device"] != "-" or line["call"] != "-"


@pytest.mark.parametrize("service", [service for service, row in SERVICES.items() if row.kind is not Kind.CONTROLS])
def test_what_only_reads_is_not_audited(service: type[csta.Message], audited: list[LogEvent]) -> None:
    here = office()
    if service in REQUESTS:
        here.ask(REQUESTS[service])
        assert audited == []


def test_parameters_that_are_told_exist_and_hold_no_secrets() -> None:
    for service, row in (*SERVICES.items(), *ONE_WAY.items()):
        named = {*row.what, getattr(row, "subject", "")} - {""}
        known = {field.name for field in attrs.fields(service)}
        assert named <= known - SECRETS.keys() - {"characters_to_send", "extensions"}, service.__name__


@pytest.mark.parametrize(
    ("message", "what"),
    [
        (csta.RouteSelect(cross_ref_identifier="7", route_selected="1002"), "7 1002"),
        (csta.RouteReject(cross_ref_identifier="7"), "7"),
        (csta.RouteEnd(cross_ref_identifier="7"), "7"),
    ],
)
def test_what_has_no_response_is_audited_as_taken(message: csta.Message, what: str, audited: list[LogEvent]) -> None:
    office().session.received("0007", message, "")
    (event,) = audited
    assert (fields(event)["service"], fields(event)["what"], fields(event)["outcome"]) == (type(message).__name__, what, "taken")


def test_a_call_that_is_made(audited: list[LogEvent]) -> None:
    here = office()
    here.bw.answers("POST user/carol/calls/new?address=1009", Response(201, {}, start_info("c9", "K9")))
    here.link.certificate = "tserver-a.example.net"
    here.ask(csta.MakeCall(calling_device="carol", called_directory_number="1009"))
    here.clock.advance(0.5)
    (event,) = audited
    assert formatEvent(event) == (
        "link=tserver-1 peer=10.1.0.5:40001 certificate=tserver-a.example.net service=MakeCall device=carol call=K9 what=1009 "
        "outcome=done invoke=5001 ms=0.0"
    )


def test_what_was_refused(audited: list[LogEvent]) -> None:
    here = Office(options=Options(status_on_connect=False, access=(Access(name="looks", read_only=True),)))
    here.ask(csta.SetForwarding(device="alice", activate_forward=True, forward_dn="0900123,,4711"))
    (event,) = audited
    line = fields(event)
    assert (line["device"], line["what"]) == ("alice", "on 0900123")
    assert line["outcome"] == "operation/privilegeViolationSpecifiedDevice"


def test_what_exceeds_the_rate_is_only_counted(audited: list[LogEvent]) -> None:
    here = Office(options=Options(status_on_connect=False, request_rate=1))
    for _ in range(30):
        here.ask(csta.SetDoNotDisturb(device="nobody", do_not_disturb_on=True))
    assert len(audited) == 10
    assert here.switch.refused == {("tserver-1", "rate"): 20}


@pytest.mark.parametrize("name", ["x outcome=done", "x\nlink=tserver-9", 'x" y="', "x" * 1000, "‮"])
def test_what_a_client_writes_makes_no_line_of_its_own(name: str, audited: list[LogEvent]) -> None:
    here = office()
    here.session.received("0001", csta.MakeCall(calling_device=name, called_directory_number="1"), "")
    (event,) = audited
    assert "\n" not in formatEvent(event) and formatEvent(event).isascii()
    assert fields(event)["device"] == name[:LONGEST]
    assert fields(event)["link"] == "tserver-1"


def test_private_data_name_the_device() -> None:
    hot = csta.Escape(private_data={"guestAssociatedExtension": "", "hostDevice": "1001", "guestDevice": "1002"})
    line = csta.Escape(private_data={"acdPromote": "0", "callID": "K1", "deviceID": "sales"})
    assert attrs.astuple(about(hot, "private_data")) == ("1001", "", "guestAssociatedExtension")
    assert attrs.astuple(about(line, "private_data")) == ("sales", "K1", "acdPromote")
    assert attrs.astuple(about(csta.Escape(), "private_data")) == ("", "", "")


def test_two_calls() -> None:
    request = csta.TransferCall(held_call=connection("K1", "alice"), active_call=connection("K2", "alice"))
    row = SERVICES[csta.TransferCall]
    assert attrs.astuple(about(request, row.subject, row.what)) == ("alice", "K2", "K1/alice")
