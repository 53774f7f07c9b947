"""Calls that wait: what the switch tells the queue, its agents and its callers, and what it writes on the wire."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from switch_scripts import A, B, C, X, line

from bwconnector.simulator import packages
from bwconnector.simulator.directory import make_users, make_virtual_users
from bwconnector.simulator.model import QueueRules, ServiceState, SimEvent, SwitchError, Variation
from bwconnector.simulator.render import Envelope, event_data, event_document
from bwconnector.simulator.switch import Switch
from bwconnector.xsi.events import SubscriptionEvent
from bwconnector.xsi.parse import parse
from bwconnector.xsi.queues import QueueEvent, QueueSubscription

Q, R = "queue1@example.net", "route1@example.net"
Y = "+15559990001"


class Office:
    """A switch with a call center and a route point, and all that it tells."""

    def __init__(self, *, agents: int = 2, variation: dict[str, Any] | None = None, **rules: Any) -> None:
        self.events: list[SimEvent] = []
        ticks = itertools.count(1_700_000_000_000, 1000)
        users = (*make_users(6, "example.net"), *make_virtual_users(2, 1, "example.net"))
        self.switch = Switch(users, now=lambda: next(ticks), emit=self.events.append, variation=Variation(**(variation or {})))
        self.switch.rules = QueueRules(agents, **rules)

    def told(self, user: str) -> list[str]:
        """What was told of a user or queue since the last time, without hook status."""
        events = [event for event in self.events if event.user_id == user and event.type != "HookStatusEvent"]
        self.events[:] = [event for event in self.events if event.user_id != user]
        return [_line(event) for event in events]

    def line(self, queue: str = Q) -> list[str]:
        return [waiting.entry.remote.user_id or waiting.entry.remote.address for waiting in self.switch.waiting(queue)]


def _line(event: SimEvent) -> str:
    if not event.entries:
        return line(event)
    (entry,) = event.entries
    parts = [f"{event.type.removesuffix('Event')} {entry.tracking_id} >{entry.remote.user_id or entry.remote.address}"]
    parts += [str(event.position)] * bool(event.position) + [event.reason] * bool(event.reason)
    parts += [f"by {step.party.user_id} {step.reason}" for step in event.redirections]
    parts += [f"to {event.redirect.address}"] if event.redirect else []
    parts += [f"answered by {entry.answering_user_id} {entry.answering_call_id}"] if entry.answering_user_id else []
    return ", ".join(parts)


def test_a_call_waits_hears_music_and_rings_at_a_free_agent() -> None:
    office = Office()
    office.switch.dial(C, "1501")
    assert office.told(Q) == ["ACDCallAdded 77:1 >carol@example.net, 1", "ACDCallOfferedToAgent 77:1 >carol@example.net"]
    assert office.told(C) == ["CallOriginated 77:1 Or Alerting >queue1", "CallAnswered 77:1 Or Active >queue1"]
    assert office.told(A) == ["CallReceived 77:1 Te Alerting >queue1"]
    assert office.told(B) == []


def test_an_agent_answers() -> None:
    office = Office()
    office.switch.dial(C, "1501")
    (ringing,) = office.switch.legs(A)
    for user in (A, B, C, Q):
        office.told(user)
    office.switch.answer(A)
    assert office.told(Q) == [f"ACDCallAnsweredByAgent 77:1 >carol@example.net, answered by {A} {ringing.call.call_id}"]
    assert office.told(A) == ["CallAnswered 77:1 Te Active >queue1"]
    assert office.told(C) == ["CallUpdated 77:1 Or Active >alice"]
    assert office.line() == []
    assert office.switch.truth()[0].legs == {(A, "Active"), (C, "Active")}
    office.switch.hang_up(A)
    assert office.told(C) == ["CallReleased 77:1 Or Released >alice, remote"]


def test_a_caller_is_not_shown_the_agent_without_colp() -> None:
    office = Office(variation={"colp": False})
    office.switch.dial(C, "1501")
    office.told(C)
    office.switch.answer(A)
    assert office.told(C) == []


def test_agents_are_asked_in_turn_and_only_those_who_are_free() -> None:
    office = Office()
    for caller in (X, Y):
        office.switch.dial(caller, "1501")
    office.switch.dial(C, "1501")
    assert [leg.owner.user_id for waiting in office.switch.waiting(Q) for leg in waiting.offers] == [A, B]
    office.switch.answer(A)
    office.switch.hang_up(A)
    assert [leg.owner.user_id for waiting in office.switch.waiting(Q) for leg in waiting.offers] == [B, A]


def test_an_agent_with_do_not_disturb_is_not_asked() -> None:
    office = Office(agents=1)
    office.switch.services.change(A, ServiceState("DoNotDisturb", active=True))
    office.switch.dial(X, "1501")
    assert office.switch.legs(A) == ()


def test_a_call_that_nobody_takes_bounces_to_the_next_agent() -> None:
    office = Office()
    office.switch.dial(X, "1501")
    for user in (A, Q):
        office.told(user)
    office.switch.no_answer(A)
    assert office.told(A) == [
        "CallRedirected 77:1 Te Detached >queue1, to tel:1501 no-answer",
        "CallReleased 77:1 Te Released >queue1, to tel:1501 no-answer, local",
    ]
    assert office.told(Q) == [f"ACDCallBounced 77:1 >tel:{X}, 1", f"ACDCallOfferedToAgent 77:1 >tel:{X}"]
    office.switch.reject(B)
    assert office.told(B)[-1] == "CallReleased 77:1 Te Released >queue1, local"
    assert office.told(Q) == [f"ACDCallBounced 77:1 >tel:{X}, 1"]
    assert office.switch.waiting(Q)[0].entry.bounced


def test_a_bounced_call_may_be_sent_away() -> None:
    office = Office(bounce_to="1003")
    office.switch.dial(X, "1501")
    office.told(Q)
    office.switch.no_answer(A)
    assert office.told(Q) == [f"ACDCallBounced 77:1 >tel:{X}, to tel:1003"]
    assert office.told(C) == [f"CallReceived 77:1 Te Alerting >{X}, by queue1 no-answer"]


def test_a_caller_gives_up_while_the_call_rings() -> None:
    office = Office()
    office.switch.dial(C, "1501")
    for user in (A, Q):
        office.told(user)
    office.switch.hang_up(C)
    assert office.told(Q) == ["ACDCallAbandoned 77:1 >carol@example.net"]
    assert office.told(A) == ["CallReleased 77:1 Te Released >queue1, remote"]
    assert office.switch.truth() == []


def test_an_offered_call_is_neither_picked_up_nor_deflected() -> None:
    office = Office()
    office.switch.dial(X, "1501")
    for operation, arguments in (("pickup", (C, A)), ("deflect", (A, "1003")), ("offer", (Q, B))):
        with pytest.raises(SwitchError):
            getattr(office.switch, operation)(*arguments)


def test_a_waiting_call_is_held_but_not_joined_with_others() -> None:
    office = Office()
    office.switch.dial(C, "1501")
    for operation in (office.switch.park, office.switch.conference_start):
        with pytest.raises(SwitchError):
            operation(C)
    office.switch.hold(C)
    office.switch.answer(A)
    assert office.told(A)[-1] == "CallHeld 77:1 Te Remote Held >queue1"


def test_a_caller_transfers_its_waiting_call() -> None:
    office = Office(agents=1)
    office.switch.dial(C, "1002")
    office.switch.answer(B)
    office.switch.consult(B, "1501")
    for user in (A, Q):
        office.told(user)
    office.switch.transfer_consult(B)
    assert office.told(Q) == ["ACDCallUpdated 78:1 >carol@example.net, Call Transferred"]
    assert office.told(A) == ["CallUpdated 78:1 Te Alerting >queue1"]
    assert office.switch.legs(A)[0].call.acd.caller.user_id == C  # type: ignore[union-attr]
    office.switch.answer(A)
    assert {leg.owner.user_id for leg in office.switch.legs(C)} == {C}
    assert office.switch.legs(C)[0].peer is office.switch.legs(A)[0]


def test_overflow_by_size_and_by_time() -> None:
    office = Office(agents=1, size=1, overflow_to="1003")
    office.switch.dial(X, "1501")
    office.told(Q)
    office.switch.dial(Y, "1501")
    assert office.told(Q) == [f"ACDCallOverflowed 78:1 >tel:{Y}, size, to tel:1003"]
    office.switch.overflow(Q)
    assert office.told(Q) == [f"ACDCallOverflowed 77:1 >tel:{X}, time, to tel:1003"]
    assert len(office.switch.legs(C)) == 2
    assert office.switch.legs(A) == ()


def test_overflow_without_a_destination_ends_the_call() -> None:
    office = Office()
    office.switch.dial(C, "1501")
    office.switch.overflow(Q)
    assert office.told(Q)[-1] == "ACDCallOverflowed 77:1 >carol@example.net, time"
    assert office.switch.truth() == []


@pytest.mark.parametrize(
    ("mode", "event", "reason"),
    [
        ("night", "ACDNightPolicyApplied", "time-of-day"),
        ("holiday", "ACDHolidayPolicyApplied", "time-of-day"),
        ("forced", "ACDCallForwarded", "unconditional"),
    ],
)
def test_a_closed_queue_sends_its_calls_elsewhere(mode: Any, event: str, reason: str) -> None:
    office = Office()
    office.switch.queue_mode(Q, mode, "1003")
    office.switch.dial(B, "1501")
    assert office.told(Q) == [f"{event} 77:1 >bob@example.net, to tel:1003"]
    assert office.told(C) == [f"CallReceived 77:1 Te Alerting >bob, by queue1 {reason}"]
    assert office.told(B)[1] == "CallForwarded 77:1 Or Alerting >carol"
    office.switch.queue_mode(Q)
    office.switch.dial(X, "1501")
    assert office.line() == [f"tel:{X}"]


def test_a_call_may_overflow_to_another_queue() -> None:
    office = Office(agents=1, size=1, overflow_to="1502")
    office.switch.dial(X, "1501")
    office.switch.dial(Y, "1501")
    assert office.line("queue2") == [f"tel:{Y}"]
    assert office.told("queue2@example.net") == [f"ACDCallAdded 78:1 >tel:{Y}, 1, by {Q} call-center"]


def test_supervisors_move_calls() -> None:
    office = Office(agents=1)
    for caller in (X, Y, C):
        office.switch.dial(caller, "1501")
    office.told(Q)
    office.switch.promote(Q, "0-Highest", office.switch.waiting(Q)[2].entry.call_id)
    office.switch.reorder(Q, 2, office.switch.waiting(Q)[2].entry.call_id)
    assert office.line() == [C, f"tel:{Y}", f"tel:{X}"]
    assert office.told(Q) == ["ACDCallPromoted 79:1 >carol@example.net, 1", f"ACDCallReordered 78:1 >tel:{Y}, 2"]
    office.switch.transfer_waiting(Q, "1002")
    assert office.told(Q) == ["ACDCallTransferred 79:1 >carol@example.net, to tel:1002"]
    assert office.told(B) == ["CallReceived 79:1 Te Alerting >carol, by queue1 transfer"]
    for wrong in (("promote", (Q, "4-None")), ("reorder", (Q, 9)), ("transfer_waiting", (Q, "999")), ("strand", ("queue2",))):
        with pytest.raises(SwitchError):
            getattr(office.switch, wrong[0])(*wrong[1])


@pytest.mark.parametrize(("operation", "event"), [("strand", "ACDCallStranded"), ("release_waiting", "ACDCallReleased")])
def test_a_queue_ends_a_call(operation: str, event: str) -> None:
    office = Office(agents=1)
    office.switch.dial(C, "1501")
    getattr(office.switch, operation)(Q)
    assert office.told(Q)[-1] == f"{event} 77:1 >carol@example.net"
    assert office.told(C)[-1] == "CallReleased 77:1 Or Released >queue1, remote"
    assert office.switch.truth() == []


def test_a_caller_escapes_to_the_voice_mail_system() -> None:
    office = Office(agents=1)
    office.switch.dial(C, "1501")
    office.switch.escape(C)
    assert office.told(Q)[-1] == "ACDCallEscaped 77:1 >carol@example.net"
    assert office.told(C)[-1] == "CallAnswered 77:1 Or Active >9000"


def test_calls_at_a_route_point_ring_at_whom_they_are_given() -> None:
    office = Office()
    office.switch.dial(X, "1701")
    assert office.told(R) == [f"RoutePointCallAdded 77:1 >tel:{X}, 1"]
    office.switch.offer(R, C)
    office.switch.answer(C)
    assert [told.split(" ")[0] for told in office.told(R)] == ["RoutePointCallOfferedToAgent", "RoutePointCallAnsweredByAgent"]


# on the wire


def _read(event: SimEvent) -> Any:
    document = parse(event_document(Envelope("e", 1, "admin", "app", "s", event.user_id), "c", event_data(event)))
    assert isinstance(document, SubscriptionEvent)
    return document.data


@pytest.mark.parametrize(("number", "package", "queue"), [("1501", "Call Center Queue", Q), ("1701", "Route Point Queue", R)])
def test_what_is_told_of_a_queue_can_be_read(number: str, package: str, queue: str) -> None:
    office = Office(overflow_to="1003")
    office.switch.dial(C, number)
    office.switch.dial(X, number)
    snapshot = packages.initial_event(office.switch, package, queue)
    assert snapshot is not None
    read = _read(snapshot)
    assert isinstance(read, QueueSubscription)
    assert [entry.remote.user_id or entry.remote.address for entry in read.entries] == [C, f"tel:{X}"]
    office.switch.overflow(queue)
    office.switch.transfer_waiting(queue, "1004")
    events = [event for event in office.events if event.user_id == queue]
    assert all(packages.contains(package, event.type) for event in events)
    assert not any(packages.contains("Advanced Call", event.type) for event in events)
    told = [_read(event) for event in events]
    assert all(isinstance(data, QueueEvent) for data in told)
    kinds = [data.kind for data in told if data.kind != "OfferedToAgent"]
    assert kinds == ["Added", "Added", "Overflowed", "Transferred"]
    overflowed = next(data for data in told if data.kind == "Overflowed")
    assert overflowed.reason == "time"
    assert overflowed.redirect.address == "tel:1003"
    assert overflowed.entry.tracking_id == "77:1"


def test_an_agent_is_shown_the_queue_and_its_caller() -> None:
    office = Office()
    office.switch.dial(C, "1501")
    received = next(event for event in office.events if event.type == "CallReceivedEvent")
    (call,) = _read(received).calls
    assert (call.acd_user_id, call.acd_calling_party.user_id, call.remote.user_id) == (Q, C, Q)


def test_a_night_event_is_flat() -> None:
    office = Office()
    office.switch.queue_mode(Q, "night", "1003")
    office.switch.dial(C, "1501")
    (event,) = [event for event in office.events if event.user_id == Q]
    assert "queueEntry" not in event_data(event)
    read = _read(event)
    assert (read.kind, read.entry.tracking_id, read.entry.remote.user_id, read.redirect.reason) == (
        "NightPolicyApplied",
        "77:1",
        C,
        "time-of-day",
    )


def test_a_party_of_a_conference_that_waits_in_a_queue_stays_in_the_conference() -> None:
    office = Office(agents=1)
    office.switch.dial(C, "1002")
    office.switch.answer(B)
    office.switch.consult(C, X)
    office.switch.answer(X)
    office.switch.conference_start(C)
    office.switch.transfer_blind(B, "1501")
    office.switch.consult(C, "1002")
    office.switch.answer(B)
    with pytest.raises(SwitchError):
        office.switch.transfer_consult(C)
