"""What is due when."""

from __future__ import annotations

from twisted.internet.task import Clock

from bwconnector.xsi.agenda import Agenda


def test_the_earliest_comes_first_by_one_timer() -> None:
    clock = Clock()
    told: list[tuple[str, float]] = []
    agenda: Agenda[str] = Agenda(clock, lambda thing, when: told.append((thing, when)))
    for thing, when in (("late", 5.0), ("early", 2.0), ("late", 4.0)):
        agenda.add(thing, when)
    assert len(clock.getDelayedCalls()) == 1
    clock.advance(2.0)
    assert told == [("early", 2.0)]
    clock.advance(3.0)
    assert told == [("early", 2.0), ("late", 4.0), ("late", 5.0)]
    assert clock.getDelayedCalls() == []


def test_what_is_put_down_while_another_is_due() -> None:
    clock = Clock()
    told: list[str] = []
    agenda: Agenda[str] = Agenda(clock, lambda thing, when: (told.append(thing), thing == "a" and agenda.add("b", when + 1.0))[0])
    agenda.add("a", 1.0)
    clock.advance(1.0)
    clock.advance(1.0)
    assert told == ["a", "b"]


def test_clear() -> None:
    clock = Clock()
    told: list[str] = []
    agenda: Agenda[str] = Agenda(clock, lambda thing, when: told.append(thing))
    agenda.clear()
    agenda.add("a", 1.0)
    agenda.clear()
    clock.advance(2.0)
    assert told == [] and clock.getDelayedCalls() == []


def test_what_is_void_is_not_kept_until_it_would_be_due() -> None:
    """Subscriptions come and go by the minute, and would be due in half a day."""
    clock = Clock()
    told: list[int] = []
    wanted = set(range(0, 100_000, 1000))
    agenda: Agenda[int] = Agenda(clock, lambda thing, when: told.append(thing), lambda thing, when: thing in wanted)
    most = 0
    for number in range(100_000):
        agenda.add(number, 43_200.0 + number % 7)
        most = max(most, len(agenda._due))
    assert most <= 1000
    clock.advance(43_210.0)
    assert wanted <= set(told)
    assert len(told) < 1000
