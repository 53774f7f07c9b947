"""What the switch tells each user, scenario by scenario: own order of events, states, ids."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from switch_scripts import A, B, C, D, Recorded, X

from bwconnector.simulator.model import ServiceState, SwitchError


def talking(**variation: Any) -> Recorded:
    """Alice has called bob, and both talk; recording starts after that."""
    run = Recorded(**variation)
    run.switch.dial(A, "1002")
    run.switch.answer(B)
    run.clear()
    return run


def consulting(**variation: Any) -> Recorded:
    """Alice's call is on hold at bob, who talks to carol."""
    run = talking(**variation)
    run.switch.consult(B, "1003")
    run.switch.answer(C)
    run.clear()
    return run


def conference(**variation: Any) -> Recorded:
    """Alice has bob and carol in a conference."""
    run = talking(**variation)
    run.switch.consult(A, "1003")
    run.switch.answer(C)
    run.clear()
    run.switch.conference_start(A)
    return run


def truth(run: Recorded) -> list[dict[str, str]]:
    return [{user.partition("@")[0]: state for user, state in call.legs} for call in run.switch.truth()]


def test_internal_call_tells_both_ends_and_the_hook() -> None:
    run = Recorded()
    run.switch.dial(A, "1002")
    run.switch.answer(B)
    run.switch.hang_up(A)
    assert run.take(A) == [
        "CallOriginated 77:1 Or Alerting >bob",
        "CallUpdated 77:1 Or Alerting >bob",
        "CallAnswered 77:1 Or Active >bob",
        "CallReleased 77:1 Or Released >bob, local",
    ]
    assert run.take(B) == [
        "CallReceived 77:1 Te Alerting >alice",
        "CallAnswered 77:1 Te Active >alice",
        "CallReleased 77:1 Te Released >alice, remote",
    ]
    hooks = [(event.user_id, event.hook_status) for event in run.events if event.hook_status]
    assert hooks == [(A, "Off-Hook"), (B, "Off-Hook"), (A, "On-Hook"), (B, "On-Hook")]
    assert truth(run) == []


def test_without_the_updated_variation_the_originator_hears_nothing_while_it_rings() -> None:
    run = Recorded(updated_on_ringing=False)
    run.switch.dial(A, "1002")
    assert run.take(A) == ["CallOriginated 77:1 Or Alerting >bob"]


def test_caller_gives_up() -> None:
    run = Recorded()
    run.switch.dial(A, "1002")
    run.clear()
    run.switch.hang_up(A)
    assert run.take(A) == ["CallReleased 77:1 Or Released >bob, local"]
    assert run.take(B) == ["CallReleased 77:1 Te Released >alice, remote"]


def test_outgoing_and_incoming_external_calls_tell_only_the_user() -> None:
    run = Recorded()
    run.switch.dial(A, X)
    run.switch.answer(X)
    run.switch.hang_up(X)
    assert {event.user_id for event in run.events} == {A}
    assert run.take(A)[-2:] == [f"CallAnswered 77:1 Or Active >{X}", f"CallReleased 77:1 Or Released >{X}, remote"]
    run.clear()
    run.switch.dial(X, "+15550001001")
    assert run.take(A) == [f"CallReceived 78:1 Te Alerting >{X}"]
    assert run.events[0].calls[0].remote.call_type == "Network"
    assert truth(run) == [{"alice": "Alerting", X: "Alerting"}]


def test_an_anonymous_caller_shows_neither_name_nor_address() -> None:
    run = Recorded()
    run.switch.dial("anonymous", "1001")
    remote = run.events[0].calls[0].remote
    assert remote.private
    assert (remote.name, remote.address) == ("", "")


def test_click_to_dial_keeps_its_ids_when_the_user_lifts() -> None:
    run = Recorded()
    leg = run.switch.click_to_dial(A, "1002")
    assert leg.call.allow_answer
    run.switch.lift(A)
    assert run.take(A) == [
        "CallOriginating 77:1 CtD Alerting >1002",
        "CallOriginated 77:1 Or Alerting >bob",
        "CallUpdated 77:1 Or Alerting >bob",
    ]
    assert {call.call_id for event in run.events if event.user_id == A for call in event.calls} == {leg.call.call_id}


@pytest.mark.parametrize(("operation", "side"), [("not_lifted", "remote"), ("hang_up", "local")])
def test_click_to_dial_that_nobody_lifts_for(operation: str, side: str) -> None:
    run = Recorded()
    run.switch.click_to_dial(A, "1002")
    with pytest.raises(SwitchError) as refused:
        run.switch.click_to_dial(A, "1003")
    assert refused.value.status == 403
    getattr(run.switch, operation)(A)
    assert run.take(A)[1:] == [f"CallReleased 77:1 CtD Released >1002, {side}"]
    assert run.take(B) == []


@pytest.mark.parametrize("treatment", [True, False])
def test_unknown_number_fails_with_or_without_announcement(treatment: bool) -> None:
    run = Recorded(treatment=treatment)
    run.switch.dial(A, "5551")
    announcement = ["CallReleasing 77:1 Or Active >5551, Translation Failure"] if treatment else []
    assert run.take(A)[1:] == [*announcement, "CallReleased 77:1 Or Released >5551, Translation Failure, remote"]


def test_busy_user_with_call_waiting_off() -> None:
    run = talking()
    run.switch.services.change(A, ServiceState("CallWaiting", active=False))
    run.clear()
    run.switch.dial(C, "1001")
    assert run.take(A) == ["CallReceived 78:1 Te Alerting >carol", "CallReleased 78:1 Te Released >carol, Busy, local"]
    assert run.take(C)[-1] == "CallReleased 78:1 Or Released >alice, Busy, remote"
    assert truth(run) == [{"alice": "Active", "bob": "Active"}]


def test_do_not_disturb_is_busy_for_the_caller() -> None:
    run = Recorded()
    run.switch.services.change(B, ServiceState("DoNotDisturb", active=True))
    run.switch.dial(A, "1002")
    assert run.take(A)[-1] == "CallReleased 77:1 Or Released >bob, Busy, remote"


def test_outside_number_found_busy_by_the_network() -> None:
    run = Recorded()
    run.switch.dial(A, X)
    run.switch.busy(X)
    assert run.take(A)[-2:] == [f"CallReleasing 77:1 Or Active >{X}, Busy", f"CallReleased 77:1 Or Released >{X}, Busy, remote"]


def test_reject_plays_no_treatment() -> None:
    run = Recorded()
    run.switch.dial(A, "1002")
    run.clear()
    run.switch.reject(B)
    assert run.take(B) == ["CallReleased 77:1 Te Released >alice, local"]
    assert run.take(A) == ["CallReleased 77:1 Or Released >bob, Busy, remote"]


def test_no_answer_without_forwarding_has_no_cause() -> None:
    run = Recorded()
    run.switch.dial(A, "1002")
    run.clear()
    run.switch.no_answer(B)
    assert run.take(B) == ["CallReleased 77:1 Te Released >alice, remote"]
    assert run.take(A) == ["CallReleased 77:1 Or Released >bob, remote"]


def test_second_call_waits_and_answering_it_holds_the_first() -> None:
    run = talking()
    run.switch.dial(X, "1001")
    run.switch.answer(A)
    assert run.take(A) == [
        f"CallReceived 78:1 Te Alerting >{X}",
        "CallHeld 77:1 Or Held >bob",
        f"CallAnswered 78:1 Te Active >{X}",
    ]
    assert run.take(B) == ["CallHeld 77:1 Te Remote Held >alice"]


def test_both_hold_and_retrieve() -> None:
    run = talking()
    for operation, user in (("hold", B), ("hold", A), ("retrieve", A), ("retrieve", B)):
        getattr(run.switch, operation)(user)
    assert run.take(B) == ["CallHeld 77:1 Te Held >alice", "CallRetrieved 77:1 Te Active >alice"]
    assert run.take(A) == [
        "CallHeld 77:1 Or Remote Held >bob",
        "CallHeld 77:1 Or Held >bob",
        "CallRetrieved 77:1 Or Remote Held >bob",
        "CallRetrieved 77:1 Or Active >bob",
    ]


def test_held_leg_shows_when_and_that_it_can_be_retrieved() -> None:
    run = talking()
    run.switch.hold(B)
    held = run.events[0].calls[0]
    assert held.allow_retrieve
    assert held.held_time > held.answer_time > held.start_time
    run.switch.retrieve(B)
    assert run.events[-2].calls[0].held_time == 0


@pytest.mark.parametrize("transfer_id", ["first", "second", "new"])
@pytest.mark.parametrize("transfer_event", ["CallTransferredEvent", "CallUpdatedEvent"])
@pytest.mark.parametrize("released", [True, False])
def test_consultation_transfer(transfer_id: str, transfer_event: str, released: bool) -> None:
    run = consulting(transfer_id=transfer_id, transfer_event=transfer_event, released_after_redirected=released)
    run.switch.transfer_consult(B)
    kx = {"first": "77:1", "second": "78:1", "new": "79:1"}[transfer_id]
    one, two = "77:1 Te {} >alice, to tel:1003 transfer", "78:1 Or {} >carol, to tel:1001 transfer"
    assert run.take(B) == [
        f"CallRedirected {one.format('Detached')} + {two.format('Detached')}",
        *([f"CallReleased {leg.format('Released')}, local" for leg in (one, two)] if released else []),
    ]
    assert run.take(A) == [f"CallTransferred {kx} Or Active >carol"]
    assert run.take(C) == [f"{transfer_event.removesuffix('Event')} {kx} Te Active >alice"]
    assert truth(run) == [{"alice": "Active", "carol": "Active"}]


def test_transfer_while_the_consulted_party_rings() -> None:
    run = talking()
    run.switch.consult(B, "1003")
    run.clear()
    run.switch.transfer_consult(B)
    run.switch.answer(C)
    assert run.take(A) == ["CallTransferred 78:1 Or Alerting >carol", "CallAnswered 78:1 Or Active >carol"]
    assert run.take(C) == ["CallTransferred 78:1 Te Alerting >alice", "CallAnswered 78:1 Te Active >alice"]


@pytest.mark.parametrize(("transfer_id", "kx"), [("first", "77:1"), ("second", "78:1"), ("new", "78:1")])
def test_blind_transfer(transfer_id: str, kx: str) -> None:
    run = talking(transfer_id=transfer_id)
    answered = run.switch.legs(A)[0].call.answer_time
    run.switch.transfer_blind(B, "1003")
    run.switch.answer(C)
    assert run.take(B) == [
        "CallRedirected 77:1 Te Detached >alice, to tel:1003 transfer",
        "CallReleased 77:1 Te Released >alice, to tel:1003 transfer, local",
    ]
    assert run.take(A) == [
        f"CallTransferred {kx} Or Alerting >carol",
        f"CallUpdated {kx} Or Alerting >carol",
        f"CallAnswered {kx} Or Active >carol",
    ]
    assert run.take(C) == [
        f"CallReceived {kx} Te Alerting >alice, by bob transfer",
        f"CallAnswered {kx} Te Active >alice, by bob transfer",
    ]
    assert run.switch.legs(A)[0].call.answer_time == answered


def test_a_called_user_who_is_transferred_does_not_ring() -> None:
    run = talking()
    run.switch.transfer_blind(A, "1003")
    assert run.take(B)[0] == "CallTransferred 78:1 Te Alerting >carol"
    assert not run.switch.legs(B)[0].call.allow_answer
    with pytest.raises(SwitchError):
        run.switch.answer(B)
    run.switch.answer(C)
    assert truth(run) == [{"bob": "Active", "carol": "Active"}]


def test_deflected_call_keeps_its_id() -> None:
    run = Recorded()
    run.switch.dial(A, "1002")
    run.clear()
    run.switch.deflect(B, "1003")
    assert run.take(B)[0] == "CallRedirected 77:1 Te Detached >alice, to tel:1003 deflection"
    assert run.take(A)[0] == "CallForwarded 77:1 Or Alerting >carol"
    assert run.take(C) == ["CallReceived 77:1 Te Alerting >alice, by bob deflection"]


@pytest.mark.parametrize(
    ("service", "reason"),
    [("CallForwardingAlways", "unconditional"), ("CallForwardingBusy", "user-busy"), ("CallForwardingNoAnswer", "no-answer")],
)
def test_forwarding(service: str, reason: str) -> None:
    run = Recorded()
    run.forward(B, service, "1003")
    run.clear()
    run.switch.dial(A, "1002")
    if reason == "user-busy":
        run.switch.reject(B)
    elif reason == "no-answer":
        run.switch.no_answer(B)
    assert run.take(B) == [
        "CallReceived 77:1 Te Alerting >alice",
        f"CallRedirected 77:1 Te Detached >alice, to tel:1003 {reason}",
        f"CallReleased 77:1 Te Released >alice, to tel:1003 {reason}, local",
    ]
    assert run.take(A)[-2:] == ["CallForwarded 77:1 Or Alerting >carol", "CallUpdated 77:1 Or Alerting >carol"]
    assert run.take(C) == [f"CallReceived 77:1 Te Alerting >alice, by bob {reason}"]


def test_without_colp_the_caller_does_not_see_where_the_call_went() -> None:
    run = Recorded(colp=False)
    run.forward(B, "CallForwardingAlways", "1003")
    run.switch.dial(A, "1002")
    assert run.take(A)[1] == "CallForwarded 77:1 Or Alerting >bob"


def test_forwarding_in_a_circle_ends() -> None:
    run = Recorded()
    run.forward(B, "CallForwardingAlways", "1003")
    run.forward(C, "CallForwardingAlways", "1002")
    run.switch.dial(A, "1002")
    assert run.take(A)[-1].startswith("CallReleased 77:1 Or Released")
    assert "Forbidden" in run.take(A)[-1]
    assert truth(run) == []


def test_forwarding_needs_a_destination() -> None:
    with pytest.raises(SwitchError) as refused:
        Recorded().switch.services.change(B, ServiceState("CallForwardingAlways", active=True))
    assert refused.value.status == 403


@pytest.mark.parametrize("target", [B, ""])
def test_pick_up(target: str) -> None:
    run = Recorded()
    run.switch.dial(A, "1002")
    run.clear()
    run.switch.pickup(D, target)
    assert run.take(D) == ["CallOriginated 78:1 Or Alerting >bob", "CallAnswered 78:1 Or Active >alice"]
    assert run.take(A) == ["CallPickedUp 78:1 Or Alerting >dave", "CallAnswered 78:1 Or Active >dave"]
    assert run.take(B) == ["CallReleased 77:1 Te Released >alice, remote"]


def test_park_and_retrieve() -> None:
    run = talking()
    assert run.switch.park(B, "1004") == "1004"
    assert run.take(B) == ["CallReleased 77:1 Te Released >alice, local"]
    assert run.take(A) == ["CallHeld 77:1 Or Remote Held >bob"]
    assert run.take(D) == ["CallParkedAgainst alice"]
    run.clear()
    run.switch.park_retrieve(C, "1004")
    assert run.take(C) == ["CallOriginated 78:1 Or Alerting >dave", "CallAnswered 78:1 Or Active >alice"]
    assert run.take(A) == ["CallParkRetrieved 78:1 Or Active >carol"]
    assert run.take(D) == ["CallParkedAgainst"]


def test_a_parked_caller_who_hangs_up_leaves_the_place_free() -> None:
    run = talking()
    place = run.switch.park(B)
    run.clear()
    run.switch.hang_up(A)
    assert [event.party for event in run.events if event.type == "CallParkedAgainstEvent"] == [None]
    with pytest.raises(SwitchError):
        run.switch.park_retrieve(C, place)


def test_conference_is_told_to_its_controller_only() -> None:
    run = conference()
    assert run.take(A) == ["ConferenceStarted Active [0,1]", "CallRetrieved 77:1 Or Active >bob"]
    assert run.take(B) == ["CallRetrieved 77:1 Te Active >alice"]
    assert run.take(C) == []
    assert truth(run) == [{"alice": "Active", "bob": "Active", "carol": "Active"}]
    run.clear()
    run.switch.conference_hold(A)
    run.switch.conference_retrieve(A)
    assert run.take(A) == ["ConferenceHeld Held [0,1]", "ConferenceRetrieved Active [0,1]"]


def test_conference_grows_and_shrinks() -> None:
    run = conference()
    run.switch.consult(A, "1004")
    run.switch.answer(D)
    run.clear()
    run.switch.conference_add(A, run.switch.legs(A)[2].call.call_id)
    assert run.take(A) == ["ConferenceRetrieved Active [0,1]", "ConferenceUpdated Active [0,1,2]"]
    run.clear()
    run.switch.hang_up(C)
    assert run.take(C) == ["CallReleased 78:1 Te Released >alice, local"]
    assert run.take(A) == ["CallReleased 78:1 Or Released >carol, remote", "ConferenceUpdated Active [0,2]"]
    run.clear()
    run.switch.hang_up(D)
    assert run.take(A)[-1] == "ConferenceReleased Released []"
    assert truth(run) == [{"alice": "Active", "bob": "Active"}]


def test_the_controller_ends_the_conference() -> None:
    run = conference()
    run.clear()
    run.switch.hang_up(A)
    assert run.take(A) == [
        "ConferenceReleased Released []",
        "CallReleased 77:1 Or Released >bob, local",
        "CallReleased 78:1 Or Released >carol, local",
    ]
    assert run.take(B) == ["CallReleased 77:1 Te Released >alice, remote"]
    assert run.take(C) == ["CallReleased 78:1 Te Released >alice, remote"]


def test_a_controller_cannot_transfer() -> None:
    run = conference()
    for refused in (lambda: run.switch.transfer_consult(A), lambda: run.switch.transfer_blind(A, "1004"), lambda: run.switch.park(A)):
        with pytest.raises(SwitchError):
            refused()


@pytest.mark.parametrize(("kind", "told"), [("Barge-In", "CallBargedIn"), ("Silently Monitored", "CallMonitored")])
def test_supervisor_enters_and_leaves(kind: str, told: str) -> None:
    run = talking()
    run.switch.barge_in(D, B, kind)
    assert run.take(D) == [
        "CallOriginated 78:1 Or Alerting >bob",
        "CallAnswered 78:1 Or Active >bob",
        f"ConferenceStarted {kind} [0]",
    ]
    assert run.take(A) == [f"{told} 78:1 Or Active >bob"]
    assert run.take(B) == [f"{told} 78:1 Te Active >alice"]
    run.clear()
    run.switch.hang_up(D)
    assert run.take(A) == run.take(B) == []
    assert truth(run) == [{"alice": "Active", "bob": "Active"}]


def test_alternate_and_consultation_cleared() -> None:
    run = consulting()
    run.switch.retrieve(B)
    assert run.take(B) == ["CallHeld 78:1 Or Held >carol", "CallRetrieved 77:1 Te Active >alice"]
    run.clear()
    run.switch.hang_up(C)
    assert run.take(B) == ["CallReleased 78:1 Or Released >carol, remote"]


def test_voice_mail_answers_at_once() -> None:
    run = talking()
    run.switch.to_voice_mail(B)
    assert run.take(A)[-1] == "CallAnswered 78:1 Or Active >9000"


def test_session_info_reaches_both_ends() -> None:
    run = talking()
    run.switch.session_info(A, "crm-4711")
    assert [event.calls[0].client_session_info for event in run.events] == ["crm-4711", "crm-4711"]


def test_a_recording_from_start_to_end() -> None:
    run = talking()
    seen = []
    for operation in ("record", "pause_recording", "resume_recording", "stop_recording"):
        getattr(run.switch, operation)(A)
        seen.append(run.events[-1].calls[0].recording_controls)
    assert [event.type.removeprefix("CallRecording").removesuffix("Event") for event in run.events] == [
        "Starting", "Started", "Paused", "Resumed", "Stopped",
    ]  # fmt: skip
    assert [event.calls[0].recording for event in run.events] == ["Pending", "Started", "Paused", "Started", ""]
    assert seen == ["pause-stop", "resume-stop", "pause-stop", "record"]
    assert run.events[-1].reason == "User Requested"
    assert {event.user_id for event in run.events} == {A}


@pytest.mark.parametrize("operation", ["pause_recording", "resume_recording", "stop_recording"])
def test_a_call_that_is_not_recorded(operation: str) -> None:
    run = talking()
    with pytest.raises(SwitchError):
        getattr(run.switch, operation)(A)
    assert run.events == []


def test_a_recorder_that_gives_up() -> None:
    run = talking()
    run.switch.record(A)
    run.switch.stop_recording(A, reason="Failure")
    assert (run.events[-1].type, run.events[-1].reason) == ("CallRecordingStoppedEvent", "Failure")


def test_an_agent_escalates_a_call() -> None:
    run = talking()
    run.switch.escalate(B)
    assert run.take(B) == ["CallHeld 77:1 Te Held >alice", "CallOriginated 78:1 Or Alerting >carol", "CallUpdated 78:1 Or Alerting >carol"]
    (received,) = [event for event in run.events if event.user_id == C]
    assert received.calls[0].escalation == "Normal"
    assert all(not event.calls[0].escalation for event in run.events if event.calls and event.user_id == B)


def test_an_agent_escalates_an_emergency() -> None:
    run = talking()
    run.switch.emergency_escalate(B, "1004")
    (received,) = [event for event in run.events if event.user_id == D]
    assert received.calls[0].escalation == "Emergency"
    run.clear()
    run.switch.answer(D)
    assert run.take(B) == ["CallAnswered 78:1 Or Active >dave", "ConferenceStarted Active [0,1]"]
    (one,) = truth(run)
    assert one == {"alice": "Active", "bob": "Active", "dave": "Active"}


def test_a_supervisor_who_answers_too_late_talks_to_the_agent_alone() -> None:
    run = talking()
    run.switch.emergency_escalate(B, "1004")
    run.switch.hang_up(A)
    run.switch.answer(D)
    assert truth(run) == [{"bob": "Active", "dave": "Active"}]


@pytest.mark.parametrize("number", ["911", "112"])
def test_an_emergency_number_is_one(number: str) -> None:
    run = Recorded()
    run.switch.dial(A, number)
    assert run.events[-1].calls[0].remote.call_type == "Emergency"
    run.switch.answer(number)
    assert truth(run) == [{"alice": "Active", number: "Active"}]


def test_a_service_that_is_taken_away() -> None:
    run = Recorded()
    run.switch.services.unassign(A, "DoNotDisturb")
    assert run.events[-1].service == ServiceState("DoNotDisturb", assigned=False)
    with pytest.raises(SwitchError) as refused:
        run.switch.services.change(A, ServiceState("DoNotDisturb", active=True))
    assert refused.value.status == 404


def test_tracking_ids_can_be_uuids_and_repeat_with_the_seed() -> None:
    first, second = Recorded(tracking_ids="uuid"), Recorded(tracking_ids="uuid")
    for run in (first, second):
        run.switch.dial(A, "1002")
    assert first.events == second.events
    assert len(first.events[-1].calls[0].tracking_id) == 36


@pytest.mark.parametrize(
    ("operation", "arguments", "status"),
    [
        ("dial", (A, " "), 400),
        ("dial", ("nobody", "1002"), 404),
        ("answer", (A,), 403),
        ("hold", (A, "callhalf-9:9"), 404),
        ("hang_up", (A,), 403),
        ("pickup", (D,), 403),
        ("park_retrieve", (D,), 403),
        ("conference_start", (A,), 403),
        ("barge_in", (D, A), 403),
        ("busy", (A,), 403),
        ("record", (A,), 403),
        ("escalate", (A, "1002"), 403),
        ("emergency_escalate", (A, "1002"), 403),
    ],
)
def test_what_is_not_possible_changes_nothing(operation: str, arguments: tuple[str, ...], status: int) -> None:
    run = Recorded()
    with pytest.raises(SwitchError) as refused:
        getattr(run.switch, operation)(*arguments)
    assert refused.value.status == status
    assert run.events == []
    assert run.switch.truth() == []


@pytest.mark.parametrize(
    ("address", "prefix"), list(product(["1002", "+15550001002", "15550001002", "5550001002", B, "bob"], ["", "tel:"]))
)
def test_every_form_of_an_address_finds_its_user(address: str, prefix: str) -> None:
    found = Recorded().switch.directory.resolve(prefix + address)
    assert found is not None
    assert found.user_id == B
