"""What is due when."""

from __future__ import annotations

from math import inf

import pytest
from twisted.internet.task import Clock

from bwconnector.xsi.agenda import PERIOD, Agenda


class Diary:
    """What is to be done, by an agenda.

    :ivar told: what was done, and when
    :ivar follows: what is put down for which time when something is done
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.due: dict[str, float] = {}
        self.told: list[tuple[str, float]] = []
        self.follows: dict[str, tuple[str, float]] = {}
        self.agenda: Agenda[str] = Agenda(self.clock, self.do, lambda thing: self.due.get(thing, inf))

    def put(self, thing: str, when: float) -> None:
        self.due[thing] = when
        self.agenda.add(thing)

    def do(self, thing: str) -> None:
        self.told.append((thing, self.clock.seconds()))
        if thing in self.follows:
            self.put(*self.follows[thing])


def test_what_is_not_to_be_done_needs_no_timer() -> None:
    diary = Diary()
    diary.put("never", inf)
    assert len(diary.agenda) == 0
    assert not diary.clock.getDelayedCalls()


def test_the_earliest_comes_first_by_one_timer() -> None:
    diary = Diary()
    for thing, when in (("late", 5.0), ("early", 2.0), ("later", 7 * PERIOD + 3.0), ("latest", 7 * PERIOD + 4.0), ("next", 7 * PERIOD)):
        diary.put(thing, when)
        assert len(diary.clock.getDelayedCalls()) == 1
    diary.clock.pump([1.0] * int(8 * PERIOD))
    assert diary.told == [
        ("early", 2.0),
        ("late", 5.0),
        ("next", 7 * PERIOD),
        ("later", 7 * PERIOD + 3.0),
        ("latest", 7 * PERIOD + 4.0),
    ]
    assert diary.clock.getDelayedCalls() == []
    assert len(diary.agenda) == 0


@pytest.mark.parametrize("first", [5.0, 2 * PERIOD + 5.0])
@pytest.mark.parametrize("then", [1.0, 9.0, 2 * PERIOD + 1.0, 2 * PERIOD + 9.0, 5 * PERIOD])
def test_what_is_put_down_again_is_done_only_then(first: float, then: float) -> None:
    diary = Diary()
    diary.put("a", first)
    diary.put("a", then)
    diary.clock.pump([1.0] * int(6 * PERIOD))
    assert diary.told == [("a", then)]
    assert len(diary.agenda) == 0


@pytest.mark.parametrize("when", [5.0, 2 * PERIOD])
def test_what_is_wanted_no_more_is_not_done(when: float) -> None:
    diary = Diary()
    diary.put("a", when)
    del diary.due["a"]
    diary.clock.advance(3 * PERIOD)
    assert diary.told == [] and diary.clock.getDelayedCalls() == []


def test_what_is_put_down_while_another_is_due() -> None:
    diary = Diary()
    diary.follows["a"] = ("b", 2.0)
    diary.put("a", 1.0)
    diary.clock.advance(1.0)
    diary.clock.advance(1.0)
    assert diary.told == [("a", 1.0), ("b", 2.0)]


def test_clear() -> None:
    diary = Diary()
    diary.agenda.clear()
    diary.put("a", 1.0)
    diary.put("b", 2 * PERIOD)
    diary.agenda.clear()
    diary.clock.advance(3 * PERIOD)
    assert diary.told == [] and diary.clock.getDelayedCalls() == []
    assert len(diary.agenda) == 0


def test_what_is_void_is_not_kept_until_it_would_be_due() -> None:
    """Subscriptions come and go by the minute, and would be due in half a day."""
    diary = Diary()
    most = 0
    for number in range(100_000):
        diary.put(f"{number}", 43_200.0 + number % 700)
        if number % 1000:
            del diary.due[f"{number}"]
        most = max(most, len(diary.agenda))
    assert most <= 1000
    diary.clock.advance(44_000.0)
    assert {thing for thing, _ in diary.told} == set(diary.due)
    assert len(diary.told) == 100
