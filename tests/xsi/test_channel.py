from __future__ import annotations

from typing import Any

import pytest
from lxml import etree
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs

from bwconnector.xsi.channel import TRANSITIONS, Channel, Input, State
from bwconnector.xsi.errors import NoXspAvailable, OutcomeUnknown, Refused
from bwconnector.xsi.events import Document, SubscriptionEvent
from bwconnector.xsi.opening import NEVER, ChannelSettings
from bwconnector.xsi.parse import parse
from bwconnector.xsi.stream import MAX_GARBAGE

from ..conftest import LoggedErrors
from .fakes import FakeAcks, FakeXsp, Opened
from .samples import HEARTBEAT, channel, event, terminated


class World:
    """One channel at one XSP, with a clock."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        self.xsp = FakeXsp()
        self.acks = FakeAcks()
        self.events: list[SubscriptionEvent] = []
        self.states: list[State] = []
        self.channel = Channel(
            self.clock,
            self.xsp,
            self.acks,
            ChannelSettings("set", "app", **settings),
            lambda event, channel: self.events.append(event),
            lambda channel: self.states.append(channel.status.state),
            jitter=lambda: 0.25,
        )

    def state(self) -> State:
        return self.channel.status.state

    @property
    def last(self) -> Opened:
        return self.xsp.opened[-1]

    def up(self, expires: int = 3600) -> World:
        self.channel.start()
        self.last.come_up(expires=expires)
        return self

    def in_state(self, state: State) -> World:
        if state is not State.IDLE:
            self.channel.start()
        if state in (State.UP, State.CLOSING):
            self.last.come_up()
        if state is State.CLOSING:
            self.channel.stop()
        if state is State.BACKOFF:
            self.last.refuse(NoXspAvailable("gone"))
        assert self.state() is state
        return self

    def echo(self, seconds: float, interval: float = 10.0) -> None:
        """Let time pass with every heartbeat answered and echoed."""
        for _ in range(int(seconds // interval)):
            self.clock.advance(interval)
            self.xsp.take("PUT", "channel/ch-1/heartbeat").answer()
            self.last.bring(HEARTBEAT)


# The whole grid


def test_the_table_names_every_pair_and_only_methods() -> None:
    assert set(TRANSITIONS) == {(state, what) for state in State for what in Input}
    assert all(callable(getattr(Channel, action)) for _, action in TRANSITIONS.values())


def give(world: World, what: Input) -> None:
    """Bring about ``what`` as it really comes, as far as it can in this state."""
    match what:
        case Input.START:
            world.channel.start()
        case Input.STOP:
            world.channel.stop()
        case Input.OPENED if world.xsp.opened:
            if not world.last.waiting.called:
                world.last.accept()
            world.last.bring(channel())
        case Input.ENDED if world.xsp.opened:
            world.last.receiver.stream_ended("connection lost")
        case Input.RETRY:
            world.clock.advance(1.0)


GRID = {
    State.IDLE: {Input.START: State.OPENING},
    State.OPENING: {Input.STOP: State.IDLE, Input.OPENED: State.UP, Input.ENDED: State.BACKOFF},
    State.UP: {Input.STOP: State.CLOSING, Input.ENDED: State.BACKOFF},
    State.CLOSING: {Input.ENDED: State.IDLE},
    State.BACKOFF: {Input.STOP: State.IDLE, Input.RETRY: State.OPENING},
}


@pytest.mark.parametrize("what", Input)
@pytest.mark.parametrize("state", State)
def test_every_input_in_every_state(state: State, what: Input) -> None:
    world = World().in_state(state)
    world.states.clear()
    opened = len(world.xsp.opened)
    if (state, what) == (State.CLOSING, Input.START):
        with pytest.raises(RuntimeError):
            give(world, what)
    else:
        give(world, what)
    expected = GRID[state].get(what, state)
    assert world.state() is expected
    assert world.states == ([expected] if expected is not state else [])
    assert len(world.xsp.opened) - opened == (expected is State.OPENING and state is not State.OPENING)
    if expected is State.IDLE:
        assert not world.clock.getDelayedCalls()
    if expected in (State.IDLE, State.BACKOFF):
        assert all(each.stream.aborted or each.cancelled or each.waiting.called for each in world.xsp.opened)


# Opening


def test_the_request_that_opens_a_channel() -> None:
    world = World(priority=2, weight=30, expires=7200)
    world.channel.start()
    request = world.last.request
    assert (request.method, request.path, request.context) == ("POST", "channel", "async")
    assert [element.text for element in etree.fromstring(request.body or b"")] == ["set", "2", "30", "7200", "app"]
    world.last.come_up("ch-7")
    assert world.channel.status.channel_id == "ch-7"
    assert world.channel.up


def test_no_first_document() -> None:
    world = World()
    world.channel.start()
    world.last.accept()
    world.clock.advance(8.0)
    assert world.state() is State.BACKOFF
    assert world.last.stream.aborted


def test_a_stream_that_opens_after_the_stop_is_closed() -> None:
    world = World()
    world.channel.start()
    stopped = world.channel.stop()
    assert stopped.called
    assert world.last.cancelled


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_slow_down_and_are_told_loudly(status: int) -> None:
    world = World()
    with capturedLogs() as logs:
        world.channel.start()
        world.last.refuse(Refused(status))
    assert [log["log_level"] for log in logs] == [LogLevel.error]
    assert "user-id" in world.channel.status.reason
    world.clock.advance(299.0)
    assert len(world.xsp.opened) == 1
    world.clock.advance(1.0)
    assert len(world.xsp.opened) == 2


def test_back_off_grows_to_its_cap_with_jitter() -> None:
    world = World(retry_cap=3.0)
    world.channel.start()
    waits = []
    for _ in range(7):
        world.last.refuse(OutcomeUnknown("slow"))
        (retry,) = world.clock.getDelayedCalls()
        waits.append(retry.getTime() - world.clock.seconds())
        world.clock.advance(waits[-1])
    assert waits == [pytest.approx(min(0.5 * 1.5**n, 3.0) + 0.25) for n in range(7)]


def test_back_off_starts_anew_only_after_a_stable_time() -> None:
    world = World()
    world.up()
    for lasted, expected in [(0, 0.75), (10, 1.0), (20, 1.375), (30, 0.75)]:
        world.echo(lasted)
        world.last.receiver.stream_ended("connection lost")
        (retry,) = world.clock.getDelayedCalls()
        assert retry.getTime() - world.clock.seconds() == pytest.approx(expected)
        world.clock.advance(expected)
        world.last.come_up()


# Ends


@pytest.mark.parametrize("end", ["closed by the XSP", "connection lost", "whatever"])
def test_the_end_of_the_stream_is_the_end_of_the_channel(end: str) -> None:
    world = World().up()
    world.last.receiver.stream_ended(end)
    assert world.state() is State.BACKOFF
    assert end in world.channel.status.reason
    assert world.channel.status.channel_id == ""


@pytest.mark.parametrize(
    ("reason", "wait"),
    [
        ("", 1.0),
        ("ExplicitDelete", 1.0),
        ("Expired", 1.0),
        ("NonResponsiveChannel", 1.0),
        ("UnknownChannel", 1.0),
        ("SomethingNew", 1.0),
        ("DuplicateChannelSet", 300.0),
        ("UserDeleted", 300.0),
    ],
)
def test_terminated(reason: str, wait: float) -> None:
    world = World().up()
    with capturedLogs() as logs:
        world.last.bring(terminated(reason))
    assert world.state() is State.BACKOFF
    assert world.last.stream.aborted
    assert [log["log_level"] for log in logs] == [LogLevel.error if wait == 300.0 else LogLevel.warn]
    world.clock.advance(wait - 0.5)
    assert world.state() is State.BACKOFF
    world.clock.advance(0.5)
    assert world.state() is State.OPENING


def test_garbage_on_the_stream() -> None:
    """Without another declaration behind it, the next document cannot be found."""
    world = World().up()
    world.last.bring(event("HookStatusEvent") + b"oops", b"o" * MAX_GARBAGE, event("HookStatusEvent"))
    assert world.state() is State.BACKOFF
    assert len(world.events) == 1
    assert "oops" in world.channel.status.reason


BAD = {
    "not well-formed": b"<e><f></e>",
    "a DTD": b'<?xml version="1.0"?><!DOCTYPE e [<!ENTITY a "b">]><e>&a;</e>',
    "text": b"oops",
    "never ended": event("HookStatusEvent").replace(b"</xsi:Event>", b""),
    "bad UTF-8": b"<e>\xff</e>",
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_one_unreadable_document_is_skipped(bad: bytes) -> None:
    world = World().up()
    world.last.bring(bad, event("HookStatusEvent"), bad, event("HookStatusEvent"))
    assert world.state() is State.UP
    assert (len(world.events), world.channel.status.unreadable) == (2, 2)


def test_an_unreadable_event_is_acknowledged() -> None:
    """Without that, BroadWorks offers it to each channel of the set, and ends one after the other."""
    world = World().up()
    world.last.bring(event("HookStatusEvent", event_id="e-7").replace(b"HookStatusEvent", b"&nonsense;"), b"<e><f></e>")
    assert world.channel.status.unreadable == 2
    assert world.acks.sent == [("e-7", 200)]


def test_a_bug_costs_one_document(logged_errors: LoggedErrors) -> None:
    def read(document: bytes) -> Document:
        if b"HookStatus" in document:
            raise ZeroDivisionError
        return parse(document)

    world = World(read=read).up()
    world.last.bring(event("HookStatusEvent", event_id="e-7"), event("CallHeldEvent"))
    (failure,) = logged_errors.take()
    assert "a document could not be dealt with" in failure
    assert world.state() is State.UP
    assert (len(world.events), world.channel.status.unreadable, world.acks.sent) == (1, 1, [("e-7", 200)])


def test_a_page_instead_of_a_channel() -> None:
    world = World()
    world.channel.start()
    world.last.accept()
    world.last.bring(b"<html><body>Please log in</body></html>")
    assert world.state() is State.BACKOFF
    assert "begins with <html>" in world.channel.status.reason


# Events


def test_events_are_handed_on_and_counted() -> None:
    world = World().up()
    world.last.bring(event("HookStatusEvent", event_id="1") + event("HookStatusEvent", event_id="2"), b"<News/>", channel("ch-9"))
    assert [each.event_id for each in world.events] == ["1", "2"]
    assert world.channel.status.events == 2
    assert world.channel.status.channel_id == "ch-1"


def test_what_an_earlier_stream_brings_late_is_ignored() -> None:
    world = World().up()
    old = world.last
    old.receiver.stream_ended("connection lost")
    world.clock.advance(0.75)
    world.last.come_up("ch-2")
    old.bring(event("HookStatusEvent"), terminated("UserDeleted"))
    old.receiver.stream_ended("connection lost")
    assert world.state() is State.UP
    assert not world.events


# Heartbeats


def test_answered_and_echoed_heartbeats_keep_it_up() -> None:
    world = World().up()
    world.echo(100.0)
    assert world.state() is State.UP
    assert len(world.xsp.asked) == 10
    assert world.channel.status.heartbeat == 100.0


def test_a_heartbeat_without_echo() -> None:
    world = World().up()
    world.clock.advance(10.0)
    world.xsp.take("PUT", "channel/ch-1/heartbeat").answer()
    world.clock.advance(1.9)
    assert world.state() is State.UP
    world.clock.advance(0.1)
    assert world.state() is State.BACKOFF
    assert world.last.stream.aborted


def test_tolerance() -> None:
    world = World(heartbeat_tolerance=2).up()
    world.clock.pump([1.0] * 25)
    assert world.state() is State.UP
    world.last.bring(HEARTBEAT)
    world.clock.pump([1.0] * 26)
    assert world.state() is State.UP
    world.clock.pump([1.0])
    assert world.state() is State.BACKOFF


@pytest.mark.parametrize("failure", [Refused(503), Refused(401), OutcomeUnknown("slow"), NoXspAvailable("gone")])
def test_a_heartbeat_without_answer(failure: Exception) -> None:
    world = World(heartbeat_tolerance=1).up()
    world.clock.advance(10.0)
    world.xsp.take("PUT", "channel/ch-1/heartbeat").fail(failure)
    assert world.state() is State.UP
    world.clock.advance(10.0)
    world.xsp.take("PUT", "channel/ch-1/heartbeat").fail(failure)
    assert world.state() is State.BACKOFF


def test_an_unknown_channel_is_lost_at_once() -> None:
    world = World(heartbeat_tolerance=5).up()
    world.clock.advance(10.0)
    world.xsp.take("PUT", "channel/ch-1/heartbeat").fail(Refused(404))
    assert world.state() is State.BACKOFF


def test_no_heartbeats() -> None:
    world = World(heartbeat_interval=0).up()
    world.clock.advance(1000.0)
    assert world.state() is State.UP
    assert not world.xsp.asked


# Renewal


def test_renewed_at_half_of_what_was_granted() -> None:
    world = World(heartbeat_interval=0).up(expires=86400)
    world.clock.advance(43199.0)
    assert not world.xsp.asked
    world.clock.advance(1.0)
    renewal = world.xsp.take("PUT", "channel/ch-1")
    assert b"<expires>3600</expires>" in (renewal.request.body or b"")
    renewal.answer(channel("ch-1", 7200))
    world.clock.advance(3600.0)
    world.xsp.take("PUT", "channel/ch-1").fail(OutcomeUnknown("slow"))
    world.clock.advance(30.0)
    world.xsp.take("PUT", "channel/ch-1").answer(b"<html>")
    world.clock.advance(30.0)
    world.xsp.take("PUT", "channel/ch-1").fail(Refused(404))
    assert world.state() is State.BACKOFF


def test_a_channel_without_end_is_not_renewed() -> None:
    world = World(heartbeat_interval=0).up(expires=NEVER)
    assert not world.clock.getDelayedCalls()


# Stop


@pytest.mark.parametrize("end", ["terminated", "stream", "refused", "silence"])
def test_stop_deletes_the_channel(end: str) -> None:
    world = World().up()
    stopped = world.channel.stop()
    delete = world.xsp.take("DELETE", "channel/ch-1")
    if end != "refused":
        delete.answer()
    assert not stopped.called
    match end:
        case "terminated":
            world.last.bring(terminated("ExplicitDelete"))
        case "stream":
            world.last.receiver.stream_ended("closed by the XSP")
        case "refused":
            delete.fail(Refused(403))
        case "silence":
            world.clock.advance(2.0)
    assert stopped.called
    assert world.state() is State.IDLE
    assert world.last.stream.aborted
    assert not world.clock.getDelayedCalls()


def test_events_are_taken_until_the_end() -> None:
    world = World().up()
    world.channel.stop()
    world.last.bring(event("HookStatusEvent"))
    assert len(world.events) == 1


def test_each_stop_is_answered_and_a_start_follows() -> None:
    world = World().up()
    stops = [world.channel.stop(), world.channel.stop()]
    world.last.receiver.stream_ended("closed")
    assert all(stop.called for stop in stops)
    world.channel.start()
    assert world.state() is State.OPENING


def test_a_late_answer_after_the_end_does_nothing() -> None:
    world = World().up(expires=60)
    world.clock.advance(10.0)
    world.last.bring(HEARTBEAT)
    world.clock.advance(10.0)
    world.last.bring(HEARTBEAT)
    world.clock.advance(10.0)
    renewal, beat = world.xsp.take("PUT", "channel/ch-1"), world.xsp.take("PUT", "channel/ch-1/heartbeat")
    world.channel.stop()
    world.last.receiver.stream_ended("closed")
    renewal.answer(channel("ch-1", 60))
    beat.fail(Refused(404))
    assert world.state() is State.IDLE
    assert not world.clock.getDelayedCalls()


# Changes while it works


def test_another_interval_of_heartbeats_holds_at_once() -> None:
    world = World(heartbeat_interval=600).up()
    world.channel.change(ChannelSettings("set", "app", heartbeat_interval=5))
    world.clock.advance(5)
    assert world.xsp.waiting == ["PUT channel/ch-1/heartbeat"]
    world.channel.change(ChannelSettings("set", "app", heartbeat_interval=0))
    world.last.bring(HEARTBEAT)
    world.clock.advance(100)
    assert len(world.xsp.waiting) == 1
    assert world.state() is State.UP


def test_another_tolerance_holds_at_once() -> None:
    world = World(heartbeat_interval=10).up()
    world.channel.change(ChannelSettings("set", "app", heartbeat_interval=10, heartbeat_tolerance=1))
    world.clock.pump([1] * 15)
    assert State.BACKOFF not in world.states
    world.clock.pump([1] * 8)
    assert State.BACKOFF in world.states


def test_a_channel_that_waits_is_tried_at_once() -> None:
    world = World()
    world.channel.start()
    world.last.refuse(Refused(401))
    world.clock.advance(200)
    assert len(world.xsp.opened) == 1
    world.channel.change(ChannelSettings("set", "app", retry_cap=1))
    world.clock.advance(0)
    assert len(world.xsp.opened) == 2
    for _ in range(8):
        world.last.refuse(NoXspAvailable("gone"))
        world.clock.advance(1.25)
    assert len(world.xsp.opened) == 10


def test_a_change_while_it_is_opened_or_closed() -> None:
    world = World(heartbeat_interval=600)
    world.channel.start()
    world.channel.change(ChannelSettings("set", "app", heartbeat_interval=5))
    world.last.come_up()
    world.clock.advance(5)
    assert world.xsp.waiting == ["PUT channel/ch-1/heartbeat"]
    world.channel.stop()
    world.channel.change(ChannelSettings("set", "app", heartbeat_interval=1))
    world.clock.advance(1.5)
    assert world.xsp.waiting == ["PUT channel/ch-1/heartbeat", "DELETE channel/ch-1"]
