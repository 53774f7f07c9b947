from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bwconnector.xsi.events import CallSubscription, EventData, HookStatus, SubscriptionEvent
from bwconnector.xsi.ordering import LAST_SEQUENCE, Order, Recent

ON_HOOK = HookStatus("On-Hook")


def of(sequence: int, data: EventData = ON_HOOK) -> SubscriptionEvent:
    return SubscriptionEvent(f"e-{sequence}", sequence, "s", data)


def added(order: Order, *sequences: int) -> list[list[int] | None]:
    return [numbers(order.add(of(sequence), "link")) for sequence in sequences]


def numbers(deliveries: Iterable[tuple[SubscriptionEvent, str]] | None) -> list[int] | None:
    return None if deliveries is None else [event.sequence for event, _ in deliveries]


def test_in_order() -> None:
    assert added(Order(), 1, 2, 3) == [[1], [2], [3]]


def test_an_early_event_waits() -> None:
    order = Order()
    assert added(order, 2, 4) == [[], []]
    assert order.waiting
    assert added(order, 1, 3) == [[1, 2], [3, 4]]
    assert not order.waiting


def test_repetitions() -> None:
    assert added(Order(), 1, 1, 3, 3, 2, 2, 3) == [[1], None, [], None, [2, 3], None, None]


def test_releasing() -> None:
    order = Order()
    assert added(order, 1, 5, 3) == [[1], [], []]
    assert numbers(order.release()) == [3, 5]
    assert not order.waiting
    assert added(order, 4, 2, 6) == [None, None, [6]]


def snapshot(order: Order, sequence: int) -> list[int] | None:
    return numbers(order.add(of(sequence, CallSubscription()), "link"))


def test_what_is_lost_is_made_good_by_a_snapshot_and_the_rest_waits_for_it() -> None:
    order = Order()
    assert added(order, 1, 3) == [[1], []]
    assert order.lose()
    assert added(order, 2, 4, 7) == [[], [], []]
    assert snapshot(order, 6) == [6, 7]
    assert not (order.lost or order.waiting)
    assert added(order, 5, 8) == [None, [8]]


def test_a_gap_after_the_snapshot_is_a_gap_of_its_own() -> None:
    order = Order()
    order.lose()
    assert added(order, 9) == [[]]
    assert snapshot(order, 6) == [6]
    assert order.waiting and not order.lost
    assert added(order, 7, 8) == [[7], [8, 9]]


def test_a_snapshot_that_has_come_makes_good_all_before_it() -> None:
    order = Order()
    assert added(order, 1, 3, 9) == [[1], [], []]
    assert numbers(order.skip()) == []
    assert snapshot(order, 5) == []
    assert snapshot(order, 7) == []
    assert added(order, 8) == [[]]
    assert numbers(order.skip()) == [7, 8, 9]
    assert added(order, 2, 6, 10) == [None, None, [10]]


def test_without_snapshots_nothing_waits_for_one() -> None:
    order = Order(snapshots=False)
    assert not order.lose()
    assert added(order, 1, 3) == [[1], []]


def test_what_was_lost_comes_in_order_when_no_snapshot_does() -> None:
    order = Order()
    order.lose()
    assert added(order, 4, 3) == [[], []]
    assert numbers(order.release()) == [3, 4]
    assert added(order, 5) == [[5]]


def test_numbers_begin_again_after_the_last_one() -> None:
    order = Order()
    order.lose()
    assert snapshot(order, LAST_SEQUENCE - 1) == [LAST_SEQUENCE - 1]
    assert added(order, 2, 1, LAST_SEQUENCE, LAST_SEQUENCE, 3) == [[], [], [LAST_SEQUENCE, 1, 2], None, [3]]
    order.lose()
    assert added(order, 5) == [[]]
    assert snapshot(order, 4) == [4, 5]


def test_a_snapshot_may_be_the_first_after_the_last_number() -> None:
    order = Order()
    order.lose()
    snapshot(order, LAST_SEQUENCE - 1)
    order.lose()
    assert added(order, 3, LAST_SEQUENCE) == [[], []]
    assert snapshot(order, 2) == [2, 3]


def test_a_snapshot_with_a_lower_number_may_be_old_and_the_next_one_decides() -> None:
    order = Order()
    assert added(order, 1, 2, 3, 7) == [[1], [2], [3], []]
    assert snapshot(order, 2) is None
    assert order.lost
    assert snapshot(order, 3) == [3]
    assert not (order.lost or order.waiting)
    assert added(order, 4, 5) == [[4], [5]]


@pytest.mark.parametrize("sequence", [0, -1, LAST_SEQUENCE + 1])
def test_no_number_no_order(sequence: int) -> None:
    order = Order()
    assert added(order, 2, sequence, sequence, 1) == [[], [sequence], [sequence], [1, 2]]


def test_the_link_stays_with_its_event() -> None:
    order = Order()
    order.add(of(2), "b")
    assert order.add(of(1), "a") == [(of(1), "a"), (of(2), "b")]


@given(st.integers(1, 12).flatmap(lambda n: st.lists(st.integers(1, n)).flatmap(lambda extra: st.permutations([*range(1, n + 1), *extra]))))
def test_any_order_with_any_repetition(sequences: list[int]) -> None:
    results = added(Order(), *sequences)
    assert [number for result in results if result for number in result] == sorted(set(sequences))
    assert results.count(None) == len(sequences) - len(set(sequences))


@given(st.integers(1, 20), st.lists(st.integers(0, 60)))
def test_recent_forgets_only_what_is_old(size: int, keys: list[int]) -> None:
    recent = Recent(size)
    for position, key in enumerate(keys):
        distinct = list(dict.fromkeys(str(each) for each in reversed(keys[:position])))
        known = str(key) in recent
        assert known or str(key) not in distinct[: min(size, 1)]
        assert recent.add(str(key)) is not known
        assert str(key) in recent
    assert len(recent._new) + len(recent._old) <= 2 * size


def test_recent_remembers_as_many_as_it_says() -> None:
    recent = Recent(10)
    for number in range(1000):
        recent.add(str(number))
        assert all(str(each) in recent for each in range(max(0, number - 9), number + 1))
