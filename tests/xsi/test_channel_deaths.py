"""Every way in which an event channel can die is noticed in time: after the tolerated heartbeats, one more, and two seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bwconnector.xsi.channel import State
from bwconnector.xsi.errors import NoXspAvailable, OutcomeUnknown, Refused
from bwconnector.xsi.opening import NEVER

from .samples import HEARTBEAT, channel, event, terminated
from .test_channel import World

STEP = 0.125
GRACE = 2.0

Answer = Callable[[World, Any], None]
"""What becomes of a heartbeat."""


def well(world: World, beat: Any) -> None:
    beat.answer()
    world.last.bring(HEARTBEAT)


def without_echo(world: World, beat: Any) -> None:
    beat.answer()


def echo_only(world: World, beat: Any) -> None:
    world.last.bring(HEARTBEAT)


def silence(world: World, beat: Any) -> None:
    pass


def failing(failure: Exception) -> Answer:
    return lambda world, beat: beat.fail(failure)


def live(world: World, seconds: float, answer: Answer = well) -> float:
    """Let so much time pass, or until the channel is down; the seconds that it took."""
    start = world.clock.seconds()
    seen = len(world.xsp.asked)
    while world.clock.seconds() - start < seconds and world.state() is State.UP:
        world.clock.advance(STEP)
        for beat in world.xsp.asked[seen:]:
            answer(world, beat)
        seen = len(world.xsp.asked)
    return world.clock.seconds() - start


SILENT: dict[str, Answer] = {
    "silence without an end of the connection": silence,
    "heartbeats without an echo": without_echo,
    "no answer in time": failing(OutcomeUnknown("slow")),
    "nobody listens": failing(NoXspAvailable("connection refused")),
    "the channel is unknown": failing(Refused(404)),
    "the account is refused": failing(Refused(401)),
    "the XSP is overloaded": failing(Refused(503)),
}


@pytest.mark.parametrize("phase", [0.5, 5.0, 9.5])
@pytest.mark.parametrize("tolerance", [0, 1, 3])
@pytest.mark.parametrize("death", SILENT)
def test_a_silent_death_is_noticed_in_time(death: str, tolerance: int, phase: float) -> None:
    world = World(heartbeat_interval=10.0, heartbeat_tolerance=tolerance).up(NEVER)
    live(world, 30.0 + phase)
    assert world.state() is State.UP
    assert live(world, 1000.0, SILENT[death]) <= (tolerance + 1) * 10.0 + GRACE
    assert world.state() is State.BACKOFF
    assert world.channel.status.reason
    assert world.last.stream.aborted


@pytest.mark.parametrize("death", SILENT)
def test_with_short_intervals(death: str) -> None:
    world = World(heartbeat_interval=1.0, heartbeat_tolerance=2).up(NEVER)
    live(world, 5.0)
    assert live(world, 1000.0, SILENT[death]) <= 3 * 1.0 + GRACE


def test_a_busy_stream_has_time_for_the_echo_until_the_next_heartbeat() -> None:
    def busy(world: World, beat: Any) -> None:
        world.clock.callLater(1.0, world.last.bring, event("HookStatusEvent"))
        world.clock.callLater(2.0, beat.fail, OutcomeUnknown("slow"))
        world.clock.callLater(8.0, world.last.bring, HEARTBEAT)

    world = World(heartbeat_interval=10.0).up(NEVER)
    assert live(world, 100.0, busy) == 100.0


def test_a_stream_that_brings_events_but_no_echo_is_given_up_at_the_next_heartbeat() -> None:
    def talkative(world: World, beat: Any) -> None:
        beat.answer()
        for seconds in range(1, 10):
            world.clock.callLater(seconds, world.last.bring, event("HookStatusEvent"))

    world = World(heartbeat_interval=10.0).up(NEVER)
    assert live(world, 100.0, talkative) == 20.0


def test_an_echo_is_enough_although_the_answer_is_slow() -> None:
    world = World(heartbeat_interval=10.0).up(NEVER)
    assert live(world, 100.0, echo_only) == 100.0


def test_a_single_missed_heartbeat_within_the_tolerance_is_forgotten() -> None:
    world = World(heartbeat_interval=10.0, heartbeat_tolerance=1).up(NEVER)
    for _ in range(5):
        live(world, 10.0, silence)
        live(world, 10.0)
    assert world.state() is State.UP


SUDDEN: dict[str, Callable[[World], None]] = {
    **{
        f"the stream ends: {how}": lambda world, how=how: world.last.receiver.stream_ended(how)  # type: ignore[misc]
        for how in ("closed by the XSP", "connection lost", "closed without a length")
    },
    **{
        f"terminated: {reason}": lambda world, reason=reason: world.last.bring(terminated(reason))  # type: ignore[misc]
        for reason in ("", "ExplicitDelete", "Expired", "NonResponsiveChannel", "UnknownChannel", "DuplicateChannelSet", "UserDeleted")
    },
    "rubbish on the stream": lambda world: world.last.bring(b"rubbish" * 10_000),
}


@pytest.mark.parametrize("death", SUDDEN)
def test_a_sudden_death_is_noticed_at_once(death: str) -> None:
    world = World().up(NEVER)
    live(world, 15.0)
    SUDDEN[death](world)
    assert world.state() is State.BACKOFF


@pytest.mark.parametrize("interval", [0.0, 10.0])
@pytest.mark.parametrize("failure", [OutcomeUnknown("slow"), NoXspAvailable("gone"), Refused(503)])
def test_a_channel_whose_life_is_over_is_not_taken_for_alive(failure: Exception, interval: float) -> None:
    def answer(world: World, beat: Any) -> None:
        if beat.request.path.endswith("heartbeat"):
            well(world, beat)
        else:
            beat.fail(failure)

    world = World(heartbeat_interval=interval).up(expires=120)
    assert live(world, 1000.0, answer) <= 120.0 + GRACE
    assert "renewal" in world.channel.status.reason


def test_a_renewal_that_fails_for_a_while_costs_nothing() -> None:
    tries = iter([OutcomeUnknown("slow"), None] * 100)

    def answer(world: World, beat: Any) -> None:
        if beat.request.path.endswith("heartbeat"):
            well(world, beat)
        elif (failure := next(tries)) is not None:
            beat.fail(failure)
        else:
            beat.answer(channel("ch-1", 120))

    world = World().up(expires=120)
    assert live(world, 1000.0, answer) == 1000.0


@pytest.mark.parametrize("why", ["DNS lookup failed", "TLS to XSP failed, check its certificate and ca-file", "connection refused"])
def test_an_xsp_that_cannot_be_reached_again_is_tried_for_ever_and_comes_back(why: str) -> None:
    world = World(retry_cap=30.0).up(NEVER)
    world.last.receiver.stream_ended("connection lost")
    for tries in range(1, 30):
        while len(world.xsp.opened) == tries:
            world.clock.advance(1.0)
        world.last.refuse(NoXspAvailable(why))
        assert world.channel.status.reason == why
    assert world.clock.seconds() < 30 * 31.0
    world.clock.advance(31.0)
    world.last.come_up("ch-2", NEVER)
    assert world.state() is State.UP
    assert world.channel.status.reason == ""
