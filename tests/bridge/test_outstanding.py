from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from bwconnector.bridge.calls import Call
from bwconnector.bridge.changes import Change, ConnectionId
from bwconnector.bridge.outstanding import Outstanding, Proven
from bwconnector.bridge.turns import Turns
from bwconnector.xsi.errors import Refused


def change(kind: str = "HeldEvent") -> Change:
    return Change(kind, Call("K1"), ConnectionId("K1", "alice"), "normal", {})


def outstanding(clock: Clock | None = None) -> Outstanding:
    return Outstanding(clock or Clock(), Deferred, Deferred.fromCoroutine)  # type: ignore[arg-type]


async def action(answer: Deferred[Any]) -> Any:
    return await answer


def held(seen: Change) -> bool:
    return seen.kind == "HeldEvent"


def test_the_waiting_service_goes_on_before_observe_returns() -> None:
    waiting, order = outstanding(), []

    async def service() -> None:
        proven = await waiting.proven(action(Deferred()), held)
        order.append(proven.change)

    Deferred.fromCoroutine(service())
    seen = change()
    waiting.observe(change("RetrievedEvent"))
    assert order == []
    waiting.observe(seen)
    assert order == [seen]


@given(st.permutations(["answer", "held", "held", "other"]), st.booleans())
def test_whatever_comes_first_settles_it_once(order: list[str], fails: bool) -> None:
    waiting, answer, outcomes = outstanding(), Deferred[Any](), []
    Deferred.fromCoroutine(waiting.proven(action(answer), held)).addBoth(outcomes.append)
    for step in order:
        if step == "answer":
            answer.callback("done") if not fails else answer.errback(Refused(403))
        else:
            waiting.observe(change("HeldEvent" if step == "held" else "OtherEvent"))
    (outcome,) = outcomes
    if order.index("held") < order.index("answer"):
        assert outcome.change.kind == "HeldEvent"
    elif fails:
        outcome.trap(Refused)
    else:
        assert outcome == Proven(answer="done")
    waiting.observe(change())
    assert len(outcomes) == 1


def test_several_services_may_wait_for_the_same_change() -> None:
    waiting, outcomes = outstanding(), []
    for _ in range(3):
        Deferred.fromCoroutine(waiting.change(held, 1.0)).addBoth(outcomes.append)
    seen = change()
    waiting.observe(seen)
    assert outcomes == [seen, seen, seen]


def test_a_change_is_awaited_for_so_long_only() -> None:
    clock, outcomes = Clock(), []
    waiting = outstanding(clock)
    Deferred.fromCoroutine(waiting.change(held, 0.2)).addBoth(outcomes.append)
    clock.advance(0.2)
    assert outcomes == [None]
    waiting.observe(change())
    assert outcomes == [None]
    assert clock.getDelayedCalls() == []


# Turns


@pytest.mark.parametrize("waiters", [1, 3])
def test_turns_are_given_in_the_order_of_asking(waiters: int) -> None:
    clock, order = Clock(), []
    turns = Turns(clock, Deferred)
    for number in range(waiters + 1):
        Deferred.fromCoroutine(turns.take("alice", 2.0)).addCallback(lambda granted, number=number: order.append((number, granted)))
    assert order == [(0, True)]
    for _ in range(waiters + 1):
        turns.give("alice")
    assert order == [(number, True) for number in range(waiters + 1)]
    assert clock.getDelayedCalls() == []


@given(st.lists(st.sampled_from(["take", "give", "wait"]), max_size=30))
def test_never_two_hold_the_same_turn(steps: list[str]) -> None:
    clock, holders, refused = Clock(), [], []
    turns = Turns(clock, Deferred)
    asked = given_back = 0
    for step in steps:
        if step == "take":
            asked += 1
            Deferred.fromCoroutine(turns.take("alice", 2.0)).addCallback(lambda granted: (holders if granted else refused).append(1))
        elif step == "give" and len(holders) > given_back:
            given_back += 1
            turns.give("alice")
        else:
            clock.advance(1.0)
        assert len(holders) - given_back in (0, 1)
    clock.advance(2.0)
    assert len(holders) + len(refused) == asked
