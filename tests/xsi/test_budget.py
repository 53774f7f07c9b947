from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from bwconnector.xsi.budget import Backlog, Budget


def test_a_budget_spreads_requests_evenly() -> None:
    clock = Clock()
    clock.advance(1000.0)
    budget = Budget(clock, 4.0)
    assert [budget.take() for _ in range(4)] == [0.0, 0.25, 0.5, 0.75]
    clock.advance(0.5)
    assert budget.wait == 0.5
    clock.advance(100.0)
    assert [budget.take() for _ in range(2)] == [0.0, 0.25]


def test_no_rate_no_limit() -> None:
    budget = Budget(Clock(), 0)
    assert {budget.take() for _ in range(100)} == {0.0}


def test_a_backlog_is_worked_off_in_order_and_so_much_at_a_time() -> None:
    backlog, begun = Backlog(2), []

    async def work(number: int) -> None:
        ended: Deferred[None] = Deferred()
        begun.append((number, ended))
        await ended

    for number in range(5):
        backlog.add(lambda number=number: work(number))  # type: ignore[misc]
    for position in range(5):
        assert [number for number, _ in begun] == list(range(min(5, position + 2)))
        begun[position][1].callback(None)


def test_a_backlog_makes_room_while_somebody_waits_for_other_work() -> None:
    busy, begun = [True], []

    async def work() -> None:
        ended: Deferred[None] = Deferred()
        begun.append(ended)
        await ended

    backlog = Backlog(3, lambda: busy[0])
    for _ in range(5):
        backlog.add(work)
    assert len(begun) == 1
    begun[0].callback(None)
    assert len(begun) == 2  # it never stands still
    busy[0] = False
    backlog.begin()
    assert len(begun) == 4


def test_much_that_ends_at_once() -> None:
    backlog, first, done = Backlog(1), Deferred[None](), []

    async def wait() -> None:
        await first

    async def work() -> None:
        done.append(None)

    backlog.add(wait)
    for _ in range(10_000):
        backlog.add(work)
    first.callback(None)
    assert len(done) == 10_000


def test_a_failure_costs_nobody_else(logged_errors: Any) -> None:
    backlog, done = Backlog(1), []

    async def fail() -> None:
        raise ZeroDivisionError

    async def work() -> None:
        done.append(None)

    backlog.add(fail)
    backlog.add(work)
    assert done == [None]
    assert len(logged_errors.take()) == 1


def test_what_is_cleared_is_not_begun() -> None:
    backlog, first, done = Backlog(1), Deferred[None](), []

    async def wait() -> None:
        await first

    async def work() -> None:
        done.append(None)

    backlog.add(wait)
    backlog.add(work)
    backlog.clear()
    first.callback(None)
    assert done == []
