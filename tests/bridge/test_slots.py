"""Work that waits for its turn."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from bwconnector.bridge.slots import Slots


def test_so_many_at_a_time_and_in_order() -> None:
    slots = Slots(2, Deferred)
    begun: list[Deferred[int]] = []
    done: list[object] = []

    async def work() -> int:
        waiting: Deferred[int] = Deferred()
        begun.append(waiting)
        return await waiting

    for _ in range(4):
        Deferred.fromCoroutine(slots.run(work)).addBoth(done.append)
    assert len(begun) == 2
    begun[0].callback(0)
    assert (done, len(begun)) == ([0], 3)
    begun[1].errback(ValueError("one that fails makes room, too"))
    assert len(begun) == 4
    begun[2].callback(2)
    begun[3].callback(3)
    assert done[2:] == [2, 3]
    Deferred.fromCoroutine(slots.run(work))
    Deferred.fromCoroutine(slots.run(work))
    assert len(begun) == 6


def test_any_number_that_ends_at_once() -> None:
    slots = Slots(1, Deferred)
    blocking: Deferred[None] = Deferred()
    done: list[object] = []

    async def block() -> None:
        await blocking

    async def work() -> int:
        return 1

    Deferred.fromCoroutine(slots.run(block))
    for _ in range(5_000):
        Deferred.fromCoroutine(slots.run(work)).addBoth(done.append)
    blocking.callback(None)
    assert done == [1] * 5_000
