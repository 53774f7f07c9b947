from __future__ import annotations

from typing import Any, cast

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel

from bwconnector.xsi import channelset, requests
from bwconnector.xsi.channel import ChannelStatus, State
from bwconnector.xsi.channelset import GAP_TIMEOUT, ChannelSet, Link, instance_name
from bwconnector.xsi.errors import NoXspAvailable, OutcomeUnknown, Refused
from bwconnector.xsi.events import SubscriptionEvent
from bwconnector.xsi.opening import NEVER, ChannelSettings
from bwconnector.xsi.requests import Request, Response

from .fakes import FakeAcks, FakeXsp
from .samples import event


class World:
    """A channel set of several XSPs."""

    def __init__(self, count: int = 3, up: bool = True, rate: float = 0.0, gap_timeout: float = GAP_TIMEOUT) -> None:
        self.clock = Clock()
        self.xsps = [FakeXsp(f"link-{number}") for number in range(count)]
        self.acks = [FakeAcks() for _ in range(count)]
        self.statuses: list[ChannelStatus] = []
        self.set = ChannelSet(
            self.clock,
            [
                Link(xsp, acks, ChannelSettings("set", "app", heartbeat_interval=0), rate)
                for xsp, acks in zip(self.xsps, self.acks, strict=True)
            ],
            self.statuses.append,
            gap_timeout,
        )
        self.events: list[tuple[SubscriptionEvent, str]] = []
        self.gaps: list[str] = []
        self.lost: list[str] = []
        self.set.on_event = lambda event, link: self.events.append((event, link))
        self.set.on_gap = self.gaps.append
        self.set.on_lost = self.lost.append
        self.set.start()
        if up:
            for number, xsp in enumerate(self.xsps):
                xsp.opened[-1].come_up(f"ch-{number}", NEVER)

    def bring(self, link: int, sequence: int, event_id: str = "", kind: str = "HookStatusEvent", subscription: str = "s-1") -> None:
        """An event arrives on the stream of one XSP."""
        self.xsps[link].opened[-1].bring(event(kind, event_id=event_id or f"e-{sequence}", sequence=sequence, subscription=subscription))

    @property
    def sequences(self) -> list[int]:
        return [event.sequence for event, _ in self.events]


def test_the_name_of_an_instance() -> None:
    name = instance_name("bwc-east", "GenesysConnector", "host-1")
    assert name == "bwc-east-36543509f176" == instance_name("bwc-east", "GenesysConnector", "host-1")
    assert len({name, instance_name("bwc-east", "GenesysConnector", "host-2"), instance_name("bwc-east", "Other", "host-1")}) == 3
    assert "/" not in instance_name("a/b", "", "")
    assert len(instance_name("x" * 300, "", "")) <= 256


# Merging


def test_events_of_all_channels_in_order_and_acknowledged_where_they_came() -> None:
    world = World()
    world.set.adopt("s-1")
    world.bring(0, 1)
    world.bring(2, 3)
    assert world.acks[2].sent == [("e-3", 200)]
    world.bring(1, 2)
    assert [(event.sequence, link) for event, link in world.events] == [(1, "link-0"), (2, "link-1"), (3, "link-2")]
    assert [acks.sent for acks in world.acks] == [[("e-1", 200)], [("e-2", 200)], [("e-3", 200)]]
    assert not world.clock.getDelayedCalls()


def test_acknowledged_before_it_is_processed() -> None:
    world = World(1)
    world.set.adopt("s-1")
    acknowledged: list[list[tuple[str, int]]] = []
    world.set.on_event = lambda event, link: acknowledged.append(list(world.acks[0].sent))
    world.bring(0, 1)
    assert acknowledged == [[("e-1", 200)]]


def test_repetitions_are_acknowledged_and_dropped() -> None:
    world = World()
    world.set.adopt("s-1")
    world.bring(0, 1)
    world.bring(1, 1)
    world.bring(2, 1, event_id="another")
    assert world.sequences == [1]
    assert world.set.duplicates == 2
    assert [acks.sent for acks in world.acks] == [[("e-1", 200)], [("e-1", 200)], [("another", 200)]]


def test_a_gap_is_made_good_by_a_snapshot_and_later_events_wait_for_it() -> None:
    world = World()
    world.set.adopt("s-1")
    world.bring(0, 1)
    world.bring(1, 4)
    world.clock.advance(0.2)
    world.bring(1, 3)
    assert not world.gaps
    world.clock.advance(0.1)
    assert (world.gaps, world.set.gaps) == (["s-1"], 1)
    world.bring(2, 6)
    world.clock.advance(1.9)
    assert world.sequences == [1]
    world.bring(0, 5, kind="CallSubscriptionEvent")
    assert world.sequences == [1, 5, 6]
    world.bring(2, 2)
    world.bring(2, 7)
    assert world.sequences == [1, 5, 6, 7]
    assert (world.gaps, world.lost) == (["s-1"], [])
    assert not world.clock.getDelayedCalls()
    assert [len(acks.sent) for acks in world.acks] == [2, 2, 3]


def test_how_long_an_earlier_event_is_waited_for() -> None:
    world = World(gap_timeout=1.5)
    world.set.adopt("s-1")
    world.bring(0, 2)
    world.clock.advance(1.4)
    assert not world.gaps
    world.clock.advance(0.1)
    assert world.gaps == ["s-1"]


def test_an_earlier_event_of_a_collective_subscription_is_waited_for_longer() -> None:
    world = World(gap_timeout=0.3)
    world.set.adopt("s-1", snapshots=False, collective=True)
    world.bring(0, 2)
    world.clock.advance(1.4)
    assert (world.gaps, world.sequences) == ([], [])
    world.clock.advance(0.2)
    assert (world.gaps, world.sequences) == (["s-1"], [2])


def test_a_gap_that_nothing_makes_good() -> None:
    world = World()
    world.set.adopt("s-1")
    world.bring(0, 1)
    told: list[int] = []
    world.set.on_lost = lambda subscription: told.append(len(world.events))
    world.bring(1, 4)
    world.clock.advance(0.3)
    world.bring(1, 3)
    world.clock.advance(1.9)
    assert world.sequences == [1]
    world.clock.advance(0.1)
    assert world.sequences == [1, 3, 4]
    assert (told, world.set.gaps) == ([1], 1)
    world.bring(2, 2)
    world.bring(2, 5)
    assert world.sequences == [1, 3, 4, 5]
    assert not world.clock.getDelayedCalls()


def test_a_gap_where_a_refresh_brings_no_snapshot() -> None:
    world = World()
    world.set.adopt("s-1", snapshots=False)
    world.bring(0, 1)
    world.bring(0, 3)
    world.clock.advance(0.3)
    assert world.sequences == [1, 3]
    assert (world.gaps, world.lost) == (["s-1"], [])


def test_a_gap_after_the_snapshot_has_its_own_time() -> None:
    world = World(1)
    world.set.adopt("s-1")
    world.bring(0, 2)
    world.clock.advance(0.3)
    world.bring(0, 7)
    world.bring(0, 4, kind="CallSubscriptionEvent")
    assert world.sequences == [4]
    world.clock.advance(0.3)
    assert world.gaps == ["s-1", "s-1"]


def test_a_snapshot_from_the_past_is_asked_for_again() -> None:
    world = World(1)
    world.set.adopt("s-1")
    for sequence in (1, 2, 3, 5):
        world.bring(0, sequence)
    world.bring(0, 2, event_id="slow", kind="CallSubscriptionEvent")
    assert world.gaps == ["s-1"]
    assert world.sequences == [1, 2, 3]
    world.bring(0, 6, kind="CallSubscriptionEvent")
    assert world.sequences == [1, 2, 3, 6]
    assert not world.clock.getDelayedCalls()


def test_after_the_loss_of_all_channels_every_subscription_waits_for_its_snapshot() -> None:
    world = World(2)
    for subscription in ("s-1", "s-2"):
        world.set.adopt(subscription)
        world.bring(0, 1, event_id=f"1/{subscription}", subscription=subscription)
    world.bring(0, 3)
    counts: list[int] = []
    world.statuses.clear()
    for xsp in world.xsps:
        xsp.opened[-1].receiver.stream_ended("lost")
        counts.append(len(world.events))
    assert counts == [2, 3]
    assert not world.gaps
    world.clock.advance(2.0)
    world.xsps[0].opened[-1].come_up("ch-9", NEVER)
    world.bring(0, 4)
    world.bring(0, 2, event_id="2/s-2", subscription="s-2")
    assert len(world.events) == 3
    world.bring(0, 5, kind="CallSubscriptionEvent")
    world.bring(0, 6)
    assert world.sequences[3:] == [5, 6]
    world.clock.advance(2.0)
    assert world.lost == ["s-2"]
    assert world.sequences[5:] == [2]


def test_no_gap_where_a_snapshot_follows() -> None:
    world = World()
    world.set.adopt("s-1")
    world.bring(0, 57, kind="CallSubscriptionEvent")
    world.bring(0, 58)
    world.clock.advance(0.3)
    assert world.sequences == [57, 58]
    assert not world.gaps
    assert world.set.gaps == 0


def test_subscriptions_are_independent() -> None:
    world = World()
    for subscription in ("s-1", "s-2"):
        world.set.adopt(subscription)
    world.bring(0, 2, event_id="a", subscription="s-1")
    world.bring(0, 1, event_id="b", subscription="s-2")
    assert [event.subscription_id for event, _ in world.events] == ["s-2"]


def test_a_fault_in_one_event_spares_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[LogEvent] = []
    monkeypatch.setattr(ChannelSet, "log", Logger(observer=cast(ILogObserver, logged.append)))
    world = World(1)
    world.set.adopt("s-1")

    def fail(event: SubscriptionEvent, link: str) -> None:
        raise ZeroDivisionError

    world.set.on_event = fail
    world.bring(0, 1)
    assert [(log["log_level"], log["event_id"]) for log in logged] == [(LogLevel.critical, "e-1")]
    assert world.set.up_count == 1


@settings(max_examples=100)
@given(st.data())
def test_any_interleaving_and_repetition_over_three_streams(data: st.DataObject) -> None:
    world = World()
    length = data.draw(st.integers(1, 8))
    sent = []
    for subscription in ("s-1", "s-2"):
        world.set.adopt(subscription)
        sent += [(subscription, sequence) for sequence in range(1, length + 1)]
    copies = data.draw(st.lists(st.sampled_from(sent), max_size=8))
    for subscription, sequence in data.draw(st.permutations(sent + copies)):
        link = data.draw(st.integers(0, 2))
        world.bring(link, sequence, event_id=f"{subscription}/{sequence}", subscription=subscription)
    for subscription in ("s-1", "s-2"):
        assert [event.sequence for event, _ in world.events if event.subscription_id == subscription] == list(range(1, length + 1))
    assert sum(len(acks.sent) for acks in world.acks) == len(sent) + len(copies)
    assert world.set.duplicates == len(copies)
    assert not world.gaps
    assert not world.clock.getDelayedCalls()


@settings(max_examples=100)
@given(st.data())
def test_any_loss_over_three_streams_is_healed_by_one_snapshot(data: st.DataObject) -> None:
    """What is delivered rises always, and after the snapshot nothing is missing."""
    world = World()
    world.set.adopt("s-1")
    length = data.draw(st.integers(2, 8))
    lost = data.draw(st.sets(st.integers(1, length - 1), min_size=1))
    for sequence in data.draw(st.permutations([each for each in range(1, length + 1) if each not in lost])):
        world.bring(data.draw(st.integers(0, 2)), sequence)
    world.clock.advance(0.3)
    assert world.gaps == ["s-1"]
    snapshot = length + 1 + data.draw(st.integers(0, 3))
    later = data.draw(st.permutations([*range(length + 1, snapshot), *range(snapshot + 1, snapshot + 4)]))
    position = data.draw(st.integers(0, len(later)))
    for sequence in later[:position]:
        world.bring(data.draw(st.integers(0, 2)), sequence)
    world.bring(0, snapshot, kind="CallSubscriptionEvent")
    for sequence in later[position:]:
        world.bring(data.draw(st.integers(0, 2)), sequence)
    assert world.sequences == sorted(world.sequences)
    assert world.sequences[-4:] == [*range(snapshot, snapshot + 4)]
    assert not world.lost
    assert not world.clock.getDelayedCalls()


# Strangers


def test_events_that_come_before_their_subscription_is_known() -> None:
    world = World()
    world.bring(1, 2)
    world.bring(0, 1)
    assert not any(acks.sent for acks in world.acks)
    world.clock.advance(1.9)
    world.set.adopt("s-1")
    assert world.sequences == [1, 2]
    assert [acks.sent for acks in world.acks] == [[("e-1", 200)], [("e-2", 200)], []]
    world.clock.advance(10.0)
    assert world.set.strangers == 0


def test_subscriptions_of_an_earlier_run_are_deleted() -> None:
    world = World(1)
    world.bring(0, 7)
    world.bring(0, 8, kind="SubscriptionTerminatedEvent")
    world.clock.advance(2.0)
    assert world.acks[0].sent == [("e-7", 481), ("e-8", 200)]
    world.bring(0, 9)
    assert world.acks[0].sent[2:] == [("e-9", 481)]
    assert not world.events
    assert world.set.strangers == 3


def test_a_retired_subscription() -> None:
    world = World(1)
    world.set.adopt("s-1")
    world.bring(0, 2)
    world.set.retire("s-1")
    world.bring(0, 3)
    world.bring(0, 4, kind="SubscriptionTerminatedEvent")
    assert world.acks[0].sent == [("e-2", 200), ("e-3", 481), ("e-4", 200)]
    assert not world.clock.getDelayedCalls()
    world.set.retire("never heard of")


def test_the_same_id_may_come_back() -> None:
    world = World(1)
    world.set.adopt("s-1")
    world.set.retire("s-1")
    world.set.adopt("s-1")
    world.set.adopt("s-1")
    world.bring(0, 1)
    assert world.sequences == [1]


def test_strangers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channelset, "_MAX_STRANGERS", 2)
    world = World(1)
    for sequence in (1, 2, 3):
        world.bring(0, sequence)
    assert world.acks[0].sent == [("e-3", 200)]
    world.set.adopt("s-1")
    assert world.sequences == [1, 2]


def test_delivering_may_retire() -> None:
    world = World(1)
    world.set.adopt("s-1")
    world.set.on_event = lambda event, link: world.set.retire("s-1")
    world.bring(0, 2)
    world.bring(0, 1)
    assert not world.clock.getDelayedCalls()


# Channels


def test_statuses() -> None:
    world = World(2, up=False)
    assert world.set.up_count == 0
    world.xsps[1].opened[-1].come_up("ch-1")
    assert world.set.up_count == 1
    assert [(status.link, status.state) for status in world.set.statuses] == [("link-0", State.OPENING), ("link-1", State.UP)]
    assert [(status.link, status.state) for status in world.statuses[-1:]] == [("link-1", State.UP)]


def test_stop() -> None:
    world = World(2)
    world.bring(0, 1, subscription="unknown")
    world.set.adopt("s-1")
    world.bring(0, 2)
    stopped = world.set.stop()
    world.xsps[0].opened[-1].receiver.stream_ended("closed")
    assert not stopped.called
    world.clock.advance(2.0)
    assert stopped.called
    assert all(each.closed for each in (*world.acks, *world.xsps))
    assert not world.clock.getDelayedCalls()


# Requests

SAFE = requests.calls("alice@ex.org")
UNSAFE = requests.dial("alice@ex.org", "77")


def performing(world: World, request: Request) -> Deferred[Response]:
    return ensureDeferred(world.set.perform(request))


def asked(world: World) -> list[int]:
    """Which XSPs wait for an answer to give."""
    return [number for number, xsp in enumerate(world.xsps) if xsp.waiting]


def result_of(performed: Deferred[Response]) -> Response:
    results: list[Response] = []
    performed.addCallback(results.append)
    (result,) = results
    return result


def failure_of(performed: Deferred[Response]) -> Any:
    failures: list[Any] = []
    performed.addErrback(lambda failure: failures.append(failure.value))
    (failure,) = failures
    return failure


def test_requests_go_round() -> None:
    world = World()
    used = []
    for _ in range(6):
        performed = performing(world, SAFE)
        (number,) = asked(world)
        used.append(number)
        world.xsps[number].asked[-1].answer(b"x")
        assert result_of(performed).body == b"x"
    assert sorted(used) == [0, 0, 1, 1, 2, 2]
    assert used[:3] == used[3:]


def test_no_channel_no_request() -> None:
    world = World(up=False)
    assert isinstance(failure_of(performing(world, SAFE)), NoXspAvailable)
    assert asked(world) == []


def test_only_xsps_that_are_up_are_asked() -> None:
    world = World()
    for xsp in world.xsps[:2]:
        xsp.opened[-1].receiver.stream_ended("lost")
    for _ in range(3):
        performing(world, SAFE)
    assert [len(xsp.waiting) for xsp in world.xsps] == [0, 0, 3]


@attrs.frozen
class Try:
    """What XSPs answer one after the other, how many were asked, and what comes of it."""

    request: Request
    answers: tuple[Exception, ...]
    asked: int
    outcome: type[Exception]


UNREACHABLE, LOST, BUSY, NO = NoXspAvailable("unreachable"), OutcomeUnknown("lost"), Refused(503), Refused(403)


@pytest.mark.parametrize(
    "given_",
    [
        Try(UNSAFE, (UNREACHABLE, UNREACHABLE, UNREACHABLE), 3, NoXspAvailable),
        Try(UNSAFE, (UNREACHABLE, LOST), 2, OutcomeUnknown),
        Try(UNSAFE, (BUSY,), 1, Refused),
        Try(SAFE, (LOST, LOST, LOST), 3, OutcomeUnknown),
        Try(SAFE, (BUSY, BUSY, BUSY), 3, Refused),
        Try(SAFE, (LOST, UNREACHABLE, UNREACHABLE), 3, OutcomeUnknown),
        Try(SAFE, (BUSY, UNREACHABLE, UNREACHABLE), 3, Refused),
        Try(SAFE, (NO,), 1, Refused),
        Try(SAFE, (UNREACHABLE, NO), 2, Refused),
    ],
)
def test_trying_elsewhere(given_: Try) -> None:
    world = World()
    performed = performing(world, given_.request)
    for answer in given_.answers:
        (number,) = asked(world)
        world.xsps[number].asked[-1].fail(answer)
    assert isinstance(failure_of(performed), given_.outcome)
    assert sum(len(xsp.asked) for xsp in world.xsps) == given_.asked


def test_another_xsp_saves_the_request() -> None:
    world = World()
    performed = performing(world, UNSAFE)
    (number,) = asked(world)
    world.xsps[number].asked[-1].fail(UNREACHABLE)
    (other,) = asked(world)
    assert other != number
    world.xsps[other].asked[-1].answer(b"x", 201)
    assert result_of(performed).status == 201


def test_a_forgotten_channel_set_is_opened_anew_but_not_over_and_over() -> None:
    world = World(2)

    def refuse() -> None:
        performed = performing(world, UNSAFE)
        (number,) = asked(world)
        world.xsps[number].asked[-1].fail(Refused(403, 110842))
        assert failure_of(performed).error_code == 110842

    refuse()
    assert world.set.up_count == 2
    world.clock.advance(5.0)
    refuse()
    assert world.set.up_count == 0
    world.clock.advance(2.0)
    for xsp in world.xsps:
        assert len(xsp.opened) == 2
        xsp.opened[-1].come_up("ch-2")
    refuse()
    assert world.set.up_count == 2


def test_six_seconds_in_all() -> None:
    world = World()
    performed = performing(world, SAFE)
    timeouts = []
    for seconds in (3.0, 2.0, 1.5):
        (number,) = asked(world)
        timeouts.append(world.xsps[number].asked[-1].timeout)
        world.clock.advance(seconds)
        world.xsps[number].asked[-1].fail(LOST)
    assert timeouts == [4.0, 3.0, 1.0]
    assert isinstance(failure_of(performed), OutcomeUnknown)


# The budget of an XSP


def test_no_xsp_gets_more_requests_than_its_rate() -> None:
    world = World(2, rate=10.0)
    performed = [performing(world, SAFE) for _ in range(40)]
    sent = []
    for _ in range(25):
        sent.append([len(xsp.asked) for xsp in world.xsps])
        world.clock.advance(0.1)
    assert sent[:3] == [[1, 1], [2, 2], [3, 3]]
    assert sent[-1] == [20, 20]
    for xsp in world.xsps:
        for asked_ in xsp.asked:
            asked_.answer(b"x")
    assert all(result_of(each).body == b"x" for each in performed)
    assert not world.clock.getDelayedCalls()


def test_what_would_come_too_late_is_refused_at_once() -> None:
    world = World(1, rate=1.0)
    performed = [performing(world, SAFE) for _ in range(8)]
    assert [each.called for each in performed] == [False] * 6 + [True] * 2
    assert "request-rate" in str(failure_of(performed[7]))
    performed[6].addErrback(lambda failure: None)
    stopped = world.set.stop()
    world.clock.advance(2.0)
    assert stopped.called
    assert [isinstance(failure_of(each), NoXspAvailable) for each in performed[1:6]] == [True] * 5


def test_a_request_that_waited_for_an_xsp_which_is_lost_goes_to_another_one() -> None:
    world = World(2, rate=1.0)
    for _ in range(2):
        performing(world, UNSAFE)
    waiting = performing(world, UNSAFE)
    first = 0 if world.set.members.askable()[0].budget.wait > 1.0 else 1
    world.xsps[first].opened[-1].receiver.stream_ended("lost")
    other = world.xsps[1 - first]
    world.clock.advance(1.0)
    assert len(other.asked) == 2
    other.asked[-1].answer(b"x")
    assert result_of(waiting).body == b"x"


# Nothing is sure


def test_a_channel_lost_while_no_other_one_had_been_up_for_long_leaves_everything_in_doubt() -> None:
    world, doubts = World(2), []
    world.set.on_doubt = lambda: doubts.append(world.clock.seconds())
    world.clock.advance(20.0)
    world.bring(1, 1)
    world.xsps[1].opened[-1].receiver.stream_ended("lost")
    assert not doubts
    world.clock.advance(2.0)
    world.xsps[1].opened[-1].come_up("ch-2", NEVER)
    world.clock.advance(1.0)
    world.xsps[0].opened[-1].receiver.stream_ended("lost")
    assert doubts == [23.0]


def test_a_channel_without_heartbeats_may_have_been_dead_since_it_was_last_read() -> None:
    world, doubts = World(2), []
    world.set.on_doubt = lambda: doubts.append(world.clock.seconds())
    world.clock.advance(10.0)
    world.bring(0, 1)
    world.bring(1, 2)
    world.xsps[1].opened[-1].receiver.stream_ended("lost")
    world.clock.advance(2.0)
    world.xsps[1].opened[-1].come_up("ch-2", NEVER)
    world.clock.advance(100_000.0)
    assert not doubts
    world.xsps[0].opened[-1].receiver.stream_ended("lost")
    assert doubts == [100_012.0]


def test_a_channel_lost_beside_one_that_had_been_up_for_long_costs_nothing() -> None:
    world, doubts = World(2), []
    world.set.on_doubt = lambda: doubts.append(world.clock.seconds())
    world.clock.advance(20.0)
    world.bring(0, 1)
    world.clock.advance(20.0)
    world.xsps[0].opened[-1].receiver.stream_ended("lost")
    world.xsps[1].opened[-1].receiver.stream_ended("lost")  # now all are lost: that is told otherwise
    assert not doubts
