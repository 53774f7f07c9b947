"""Rates of the last minutes, and the record of channels that were lost."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from bwconnector.ops.inspection import LATENCY_BOUNDS, Histogram, Recovery
from bwconnector.ops.recoveries import KEPT as RECOVERIES
from bwconnector.ops.recoveries import Recoveries
from bwconnector.ops.trend import INTERVAL, KEPT, Counters, Trend
from bwconnector.xsi.channel import ChannelStatus, State


class Traffic:
    """Counters of two channels and one link."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.events = {"xsp1": 0, "xsp2": 0}
        self.messages = {"tserver-1": 0}
        self.latency = [0] * (len(LATENCY_BOUNDS) + 1)
        self.trend = Trend(self.clock, self.counters)
        self.trend.start()

    def counters(self) -> Counters:
        return Counters(self.clock.seconds(), dict(self.events), dict(self.messages), Histogram(tuple(self.latency), 0.0))

    def interval(self, first: int, second: int) -> None:
        self.events["xsp1"] += first
        self.events["xsp2"] += second
        self.messages["tserver-1"] += first
        self.latency[0] += first + second
        self.clock.advance(INTERVAL)


def test_counts_what_has_come_lately() -> None:
    traffic = Traffic()
    traffic.interval(100, 50)
    traffic.interval(200, 50)
    recent = traffic.trend.recent()
    assert recent.seconds == 2 * INTERVAL
    assert recent.events == {"xsp1": 300, "xsp2": 100}
    assert recent.rates == (15.0, 25.0)
    assert recent.rate(recent.messages["tserver-1"]) == 15.0
    assert sum(recent.latency.counts) == 400


def test_forgets_what_is_older_than_minutes() -> None:
    traffic = Traffic()
    traffic.interval(1_000_000, 0)
    for _ in range(KEPT):
        traffic.interval(10, 10)
    recent = traffic.trend.recent()
    assert recent.seconds == (KEPT - 1) * INTERVAL
    assert recent.events == {"xsp1": 10 * (KEPT - 1), "xsp2": 10 * (KEPT - 1)}
    assert max(recent.rates) == 2.0


def test_what_came_since_the_last_look_counts() -> None:
    traffic = Traffic()
    traffic.events["xsp1"] += 7
    traffic.clock.advance(1.0)
    assert traffic.trend.recent().events["xsp1"] == 7


def test_a_link_of_the_same_name_begins_anew() -> None:
    traffic = Traffic()
    traffic.interval(100, 0)
    traffic.trend.stop()
    traffic.trend = Trend(traffic.clock, traffic.counters)
    traffic.trend.start()
    traffic.messages = {"tserver-1": 3, "tserver-2": 4}
    assert traffic.trend.recent().messages == {"tserver-1": 3, "tserver-2": 4}


def test_ends() -> None:
    traffic = Traffic()
    traffic.trend.stop()
    assert traffic.clock.getDelayedCalls() == []


def status(state: State, since: float, reason: str = "", link: str = "xsp1") -> ChannelStatus:
    return ChannelStatus(link, state, since, reason)


def test_a_loss_lasts_from_down_until_up() -> None:
    record = Recoveries()
    record.changed(status(State.UP, 1.0))
    assert record.all() == ()
    record.changed(status(State.BACKOFF, 5.0, "stream closed"))
    record.changed(status(State.OPENING, 6.0))
    record.changed(status(State.BACKOFF, 7.0, "no answer"))
    assert record.all() == (Recovery("xsp1", 5.0, None, "stream closed"),)
    record.changed(status(State.UP, 9.0))
    assert record.all() == (Recovery("xsp1", 5.0, 9.0, "stream closed"),)
    assert record.losses == {"xsp1": 1}


@pytest.mark.parametrize("state", [State.CLOSING, State.IDLE])
def test_what_never_was_up_or_is_closed_was_not_lost(state: State) -> None:
    record = Recoveries()
    record.changed(status(State.BACKOFF, 1.0, "no answer"))
    record.changed(status(State.UP, 2.0))
    record.changed(status(state, 3.0))
    record.changed(status(State.BACKOFF, 4.0))
    assert record.all() == ()


def test_only_so_many_are_remembered() -> None:
    record = Recoveries()
    for number in range(RECOVERIES + 5):
        record.changed(status(State.UP, number))
        record.changed(status(State.BACKOFF, number + 0.5, "lost"))
    assert len(record.all()) == RECOVERIES + 1
    assert record.all()[-1].ended is None
