"""What links may do: which rule is for a link, which devices a rule has, and that every service asks."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bwconnector.bridge.access import EVERYTHING, NOTHING, Access, Devices, Kind, access_of
from bwconnector.bridge.limits import LIMITS
from bwconnector.bridge.services import SERVICES
from bwconnector.bridge.session import Session
from bwconnector.bridge.switching import Options
from bwconnector.csta import messages as csta

from .office import Link, Office, connection

PRIVILEGE = "operation privilegeViolationSpecifiedDevice"


# Devices


@pytest.mark.parametrize(
    ("pattern", "inside", "outside"),
    [
        ("1001", ["1001"], ["10011", "100"]),
        ("10*", ["10", "1001"], ["1", "2010"]),
        ("*@sales.example.net", ["Alice@Sales.Example.net"], ["alice@example.net"]),
        ("100[1-3]", ["1001", "1003"], ["1004"]),
        ("1000-1999", ["1000", "1500", "1999"], ["0999", "2000", "15000", "150", "1500x", "-1500", "١٥٠٠"]),
        ("+15551000-+15551999", ["+15551500"], ["15551500", "+15552000"]),
        ("15551000-15551999", ["15551500"], ["+15551500"]),
        ("sales-office", ["sales-office"], ["sales"]),
    ],
)
def test_patterns(pattern: str, inside: list[str], outside: list[str]) -> None:
    devices = Devices((pattern,))
    assert [name for name in inside if not devices.has([name])] == []
    assert [name for name in outside if devices.has([name])] == []


def test_any_name_of_a_device_will_do() -> None:
    assert Devices(("1001",)).has(["alice@example.net", "", "1001"])
    assert not Devices(("1001",)).has(["alice@example.net", ""])
    assert not Devices(()).has(["alice@example.net"])
    assert Devices().has([])


@pytest.mark.parametrize("pattern", ["1999-1000", "100-1999", "+1000-1999x-"])
def test_ranges_that_are_none(pattern: str) -> None:
    if pattern.endswith("-"):
        assert Devices((pattern,)).has([pattern])  # a name that happens to have hyphens
        return
    with pytest.raises(ValueError, match="no range of numbers"):
        Devices((pattern,))


@given(st.text(), st.lists(st.text()))
def test_no_name_breaks_the_match(name: str, patterns: list[str]) -> None:
    try:
        devices = Devices(tuple(patterns))
    except ValueError:
        return
    assert devices.has([name]) in (True, False)


# Links


INSIDE = Access(name="inside", networks=(ip_network("10.1.0.0/16"), ip_network("2001:db8::/32")))
CERTIFIED = Access(name="certified", certificates=("tserver-*.example.net",))
BOTH = Access(name="both", networks=INSIDE.networks, certificates=CERTIFIED.certificates)
REST = Access(name="rest")


@pytest.mark.parametrize(
    ("host", "certificate", "names"),
    [
        ("10.1.2.3", "", "inside rest"),
        ("::ffff:10.1.2.3", "", "inside rest"),
        ("10.2.0.1", "", "rest"),
        ("2001:db8::1%eth0", "", "inside rest"),
        ("", "", "rest"),
        ("10.2.0.1", "tserver-a.example.net", "certified rest"),
        ("10.2.0.1", "tserver-a.example.org", "rest"),
        ("10.1.2.3", "tserver-a.example.net", "both inside certified rest"),
    ],
)
def test_which_rules_are_for_a_link(host: str, certificate: str, names: str) -> None:
    rules = (BOTH, INSIDE, CERTIFIED, REST)
    assert " ".join(rule.name for rule in rules if rule.matches(host, certificate)) == names


def test_certificates_are_names_and_never_ranges() -> None:
    rule = Access(certificates=("20-10", "TServer-?.example.net"))
    assert rule.matches("", "20-10")
    assert not rule.matches("", "15")
    assert rule.matches("", "tserver-A.example.net")
    assert not Access(certificates=("*",)).matches("10.1.2.3", "")  # who has shown none has none


def test_the_first_one_holds() -> None:
    assert access_of((BOTH, INSIDE, REST), "10.1.2.3", "") is INSIDE
    assert access_of((REST, INSIDE), "10.1.2.3", "") is REST


def test_without_rules_everything_is_permitted_and_without_one_that_is_for_the_link_nothing() -> None:
    assert access_of((), "10.1.2.3", "") is EVERYTHING
    assert access_of((INSIDE,), "10.2.0.1", "") is NOTHING


# Services

KN = connection("K1", "bob")
REQUESTS: dict[type[csta.Message], csta.Message] = {
    type(request): request
    for request in (
        csta.GetLogicalDeviceInformation(device="bob"),
        csta.MonitorStart(monitor_object=csta.MonitorObject(device_object="bob")),
        csta.SnapshotDevice(snapshot_object="bob"),
        csta.SnapshotCall(snapshot_object=connection("K1")),
        csta.GetDoNotDisturb(device="bob"),
        csta.GetForwarding(device="bob"),
        csta.GetAgentState(device="bob"),
        csta.MakeCall(calling_device="bob", called_directory_number="1009"),
        csta.AnswerCall(call_to_be_answered=KN),
        csta.HoldCall(call_to_be_held=KN),
        csta.RetrieveCall(call_to_be_retrieved=KN),
        csta.ClearConnection(connection_to_be_cleared=KN),
        csta.ClearCall(call_to_be_cleared=connection("K1")),
        csta.GenerateDigits(connection_to_send_digits=KN, characters_to_send="1"),
        csta.AssociateData(existing_call=KN, correlator_data=b"x"),
        csta.SendUserInformation(existing_call=KN, user_data=b"x"),
        csta.ConsultationCall(existing_call=KN, consulted_device="1009"),
        csta.AlternateCall(held_call=KN, active_call=KN),
        csta.ReconnectCall(held_call=KN, active_call=KN),
        csta.TransferCall(held_call=KN, active_call=KN),
        csta.SingleStepTransferCall(active_call=KN, transferred_to="1009"),
        csta.ConferenceCall(held_call=KN, active_call=KN),
        csta.SingleStepConferenceCall(active_call=KN, device_to_join="1009", participation_type="active"),
        csta.DeflectCall(call_to_be_diverted=KN, new_destination=("1009",)),
        csta.DirectedPickupCall(call_to_be_picked_up=KN, requesting_device="alice"),
        csta.GroupPickupCall(new_destination="bob"),
        csta.ParkCall(parking=KN, park_to="1009"),
        csta.JoinCall(active_call=KN, joining_device="alice", auto_originate="doNotPrompt", participation_type="silent"),
        csta.RecordMessage(call_to_be_recorded=KN),
        csta.Stop(connection=KN),
        csta.Suspend(connection=KN),
        csta.Resume(connection=KN),
        csta.SetDoNotDisturb(device="bob", do_not_disturb_on=True),
        csta.SetForwarding(device="bob", activate_forward=True, forward_dn="1009"),
        csta.SetAgentState(device="bob", requested_agent_state="ready"),
        csta.Escape(private_data={"guestAssociatedExtension": "", "hostDevice": "alice", "guestDevice": "bob"}),
        csta.PlayMessage(message_to_be_played="1", over_connection=KN),
        csta.RouteRegister(routeing_device="r1"),
    )
}
"""What a link asks of bob and carol who has rights to alice only. In K1 are bob and carol."""

OF_THE_LINK = {csta.MonitorStop, csta.ChangeMonitorFilter, csta.RouteRegisterCancel, csta.GetSwitchingFunctionDevices}
"""About what the link itself has begun, or filtered by what it may see."""

RIGHTS = [service for service, row in SERVICES.items() if row.kind is not Kind.SYSTEM and service not in OF_THE_LINK]


def named(service: type[csta.Message]) -> str:
    return service.__name__


def office_of(*rules: Access, **options: Any) -> Office:
    office = Office(options=Options(status_on_connect=False, access=rules, **options), kinds={"r1": "routepoint"}, **{"P-SSC": "on"})
    office.call("K1", bob="Alerting" if not options else "Active", carol="Active")
    return office


ALICE = Access(name="alice", monitor=Devices(("1001",)), control=Devices(("alice",)))


@pytest.mark.parametrize("service", RIGHTS, ids=named)
def test_every_service_is_refused_at_a_device_without_a_right(service: type[csta.Message]) -> None:
    office = office_of(ALICE)
    assert office.error(REQUESTS[service]) == PRIVILEGE
    assert office.bw.asked == []
    assert office.subscriptions.targets.keys() == {"bob@example.net", "carol@example.net"}  # those of the call
    assert office.switch.refused == {("tserver-1", "access"): 1}


@pytest.mark.parametrize("service", RIGHTS, ids=named)
def test_no_service_is_refused_to_whom_everything_is_permitted(service: type[csta.Message]) -> None:
    office = office_of(Access(name="all"))
    invoke_id = office.ask(REQUESTS[service])
    assert office.waits(invoke_id) or getattr(office.answer_to(invoke_id), "value", "") != "privilegeViolationSpecifiedDevice"
    assert not office.switch.refused


@pytest.mark.parametrize("service", SERVICES, ids=named)
def test_who_may_only_read_is_refused_all_control_and_nothing_else(service: type[csta.Message]) -> None:
    office = office_of(Access(name="looks", read_only=True))
    office.session.received("0001", REQUESTS.get(service) or any_request(service), office.session._association.namespace)
    answers = [message for sent, message, _ in office.link.sent if sent == "0001"]
    refused = [f"{each.category} {each.value}" for each in answers if isinstance(each, csta.CSTAErrorCode)] == [PRIVILEGE]
    assert refused is (SERVICES[service].kind is Kind.CONTROLS)
    assert bool(office.switch.refused["tserver-1", "read-only"]) is refused


def any_request(service: type[csta.Message]) -> csta.Message:
    """One of those services whose requests name no device."""
    made: dict[type[csta.Message], csta.Message] = {
        csta.MonitorStop: csta.MonitorStop(monitor_cross_ref_id="1"),
        csta.ChangeMonitorFilter: csta.ChangeMonitorFilter(monitor_cross_ref_id="1", requested_filter_list=csta.MonitorFilter()),
        csta.SystemRegister: csta.SystemRegister(request_types=frozenset({"systemStatus"})),
        csta.StartApplicationSession: csta.StartApplicationSession(application_info=csta.ApplicationInfo()),
        csta.ResetApplicationSessionTimer: csta.ResetApplicationSessionTimer(session_id="1"),
        csta.StopApplicationSession: csta.StopApplicationSession(session_id="1"),
    }
    return made.get(service) or service()


def test_a_link_that_no_rule_is_for_may_ask_for_the_status_and_nothing_else() -> None:
    office = office_of(INSIDE)
    office.link.host = "192.0.2.1"
    assert office.error(REQUESTS[csta.MonitorStart]) == office.error(REQUESTS[csta.MakeCall]) == PRIVILEGE
    assert isinstance(office.answer(csta.RequestSystemStatus()), csta.RequestSystemStatusResponse)


def test_rules_that_change_hold_for_links_that_are_open() -> None:
    office = office_of()
    office.monitor("bob")
    office.switch.options.access = (ALICE,)
    assert office.error(REQUESTS[csta.MonitorStart]) == PRIVILEGE


def test_a_right_to_the_phone_is_none_to_the_agent() -> None:
    """Else any agent's state could be set by way of one's own phone."""
    office = office_of(ALICE)
    assert office.error(csta.SetAgentState(device="alice", agent_id="bob", requested_agent_state="ready")) == PRIVILEGE
    office.ask(csta.SetAgentState(device="alice", agent_id="alice", requested_agent_state="ready"))
    assert len(office.bw.asked) == 1


def test_a_silent_third_party_needs_a_right_to_both() -> None:
    office = office_of(Access(name="both", control=Devices(("bob",))), monitored_only=False)
    request = csta.SingleStepConferenceCall(active_call=KN, device_to_join="alice", participation_type="silent")
    assert office.error(request) == PRIVILEGE


def test_one_party_s_right_is_enough_to_end_a_call() -> None:
    office = office_of(Access(name="bob", control=Devices(("bob",))))
    office.ask(REQUESTS[csta.ClearCall])
    assert len(office.bw.asked) == 1


def test_devices_that_may_not_be_monitored_are_not_listed() -> None:
    office = office_of(Access(name="alice", monitor=Devices(("alice", "carol"))))
    office.monitor("alice")
    office.answer(csta.GetSwitchingFunctionDevices())
    (listed,) = [message for message in office.link.messages if isinstance(message, csta.SwitchingFunctionDevices)]
    assert [device.device_id for device in listed.device_list] == ["alice"]


def test_what_cannot_be_told_apart_is_not_permitted_by_a_name_it_may_have() -> None:
    """A number that belongs to nobody known has no extension."""
    office = office_of(ALICE)
    assert office.directory.names("+15550009999") == ("+15550009999", "+15550009999", "15550009999")


# How much


def test_requests_beyond_the_rate_are_refused_until_time_has_passed(log_text: Any) -> None:
    office = office_of(request_rate=2)
    snapshot = csta.SnapshotCall(snapshot_object=connection("K1"))
    assert all(isinstance(office.answer(snapshot), csta.SnapshotCallResponse) for _ in range(20))
    assert office.error(snapshot) == "performanceManagement performanceLimitExceeded"
    assert isinstance(office.answer(csta.RequestSystemStatus()), csta.RequestSystemStatusResponse)
    office.clock.advance(0.5)
    assert isinstance(office.answer(snapshot), csta.SnapshotCallResponse)
    assert office.error(snapshot) == "performanceManagement performanceLimitExceeded"
    assert office.switch.refused == {("tserver-1", "rate"): 2}
    assert set(log_text.getvalue().splitlines()) == {f"link tserver-1: a request is refused (rate): {LIMITS['rate'].advice}"}


def test_the_rate_is_of_each_link() -> None:
    office = office_of(request_rate=1)
    other = Link("tserver-2")
    session = Session(other, office.switch)
    for _ in range(11):
        office.ask(csta.SnapshotCall(snapshot_object=connection("K1")))
    assert office.switch.refused == {("tserver-1", "rate"): 1}
    office.ask(csta.SnapshotCall(snapshot_object=connection("K1")), session=session)
    assert isinstance(other.messages[0], csta.SnapshotCallResponse)


def test_a_rate_that_is_taken_back_holds_no_more() -> None:
    office = office_of(request_rate=1)
    for _ in range(11):
        office.ask(csta.SnapshotCall(snapshot_object=connection("K1")))
    office.switch.options.request_rate = 0
    assert isinstance(office.answer(csta.SnapshotCall(snapshot_object=connection("K1"))), csta.SnapshotCallResponse)
