from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from bwconnector.xsi.channel import Channel, State
from bwconnector.xsi.channelset import ChannelSet, Link
from bwconnector.xsi.errors import NO_CHANNEL_SET, NoXspAvailable, OutcomeUnknown, Refused, XsiFailure
from bwconnector.xsi.opening import NEVER, ChannelSettings

from .fakes import Asked, FakeAcks, FakeXsp
from .samples import terminated

SET = "channelset/set"


def channel_set(*channel_ids: str) -> bytes:
    channels = "".join(
        f"<channel><channelId>{each}</channelId><channelSetId>set</channelSetId><expires>60</expires></channel>" for each in channel_ids
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><ChannelSet xmlns="http://schema.broadsoft.com/xsi">{channels}</ChannelSet>'.encode()


class World:
    """Two XSPs, with what is asked of each under control."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.xsps = [FakeXsp(f"link-{number}") for number in range(2)]
        links = [Link(xsp, FakeAcks(), ChannelSettings("set", "app", heartbeat_interval=0)) for xsp in self.xsps]
        for xsp in self.xsps:
            xsp.orphans = True
        self.set = ChannelSet(self.clock, links)
        self.set.start()

    def come_up(self, number: int, channel_id: str = "") -> None:
        self.xsps[number].opened[-1].come_up(channel_id or f"ch-{number}", NEVER)

    def lose(self, number: int) -> None:
        self.xsps[number].opened[-1].receiver.stream_ended("connection lost")

    def refuse(self, number: int) -> None:
        self.xsps[number].opened[-1].refuse(NoXspAvailable("connection refused"))

    def asked(self, method: str, path: str) -> Asked:
        """The request, at whichever XSP it is waiting; there is no other."""
        assert self.waiting == [f"{method} {path}"]
        (xsp,) = [xsp for xsp in self.xsps if xsp.waiting]
        return xsp.take(method, path)

    @property
    def waiting(self) -> list[str]:
        return [request for xsp in self.xsps for request in xsp.waiting]

    @property
    def channels(self) -> list[Channel]:
        return self.set._channels


def test_channels_of_an_earlier_process_are_deleted() -> None:
    world = World()
    world.come_up(0)
    assert world.waiting == []  # the other one may be in the set already, but its id is not known yet
    world.come_up(1)
    world.asked("GET", SET).answer(channel_set("old-1", "ch-0", "old-2", "ch-1"))
    world.asked("DELETE", "channel/old-1").answer()
    world.asked("DELETE", "channel/old-2").answer()
    assert world.waiting == []
    assert world.set.up_count == 2


def test_an_xsp_that_cannot_be_reached_is_not_waited_for() -> None:
    world = World()
    world.refuse(1)
    assert world.waiting == []
    world.come_up(0)
    world.asked("GET", SET).answer(channel_set("ch-0", "old"))
    world.asked("DELETE", "channel/old").answer()


def test_a_channel_that_is_being_opened_when_the_answer_comes_is_spared() -> None:
    world = World()
    world.refuse(1)
    world.come_up(0)
    question = world.asked("GET", SET)
    world.clock.advance(2.0)
    assert world.channels[1].status.state is State.OPENING
    question.answer(channel_set("ch-0", "ch-1", "old"))
    assert world.waiting == []
    world.come_up(1)
    world.asked("GET", SET).answer(channel_set("ch-0", "ch-1", "old"))
    world.asked("DELETE", "channel/old").answer()
    assert world.waiting == []


def test_a_channel_that_was_lost_is_deleted_by_another_xsp() -> None:
    world = World()
    world.come_up(0)
    world.come_up(1)
    world.asked("GET", SET).answer(channel_set("ch-0", "ch-1"))
    assert world.waiting == []
    world.lose(1)
    world.asked("GET", SET).answer(channel_set("ch-0", "ch-1"))
    world.asked("DELETE", "channel/ch-1").answer()
    assert world.waiting == []
    assert world.channels[0].up


def test_the_only_channel_is_deleted_once_the_next_one_is_up() -> None:
    world = World()
    world.refuse(1)
    world.come_up(0)
    world.asked("GET", SET).answer(channel_set("ch-0"))
    world.lose(0)
    assert world.waiting == []
    world.clock.advance(2.0)
    world.refuse(1)
    world.come_up(0, "ch-2")
    world.asked("GET", SET).answer(channel_set("ch-0", "ch-2"))
    world.asked("DELETE", "channel/ch-0").answer()


def test_a_channel_that_another_process_has_deleted_is_no_reason_for_a_fight() -> None:
    world = World()
    world.come_up(0)
    world.come_up(1)
    world.asked("GET", SET).answer(channel_set("ch-0", "ch-1"))
    world.xsps[0].opened[-1].bring(terminated("ExplicitDelete", "ch-0"))
    assert world.channels[0].status.state is State.BACKOFF
    assert world.waiting == []


def test_an_opening_that_was_given_up_may_have_left_a_channel() -> None:
    world = World()
    world.come_up(0)
    while world.channels[1].status.state is State.OPENING:
        assert world.waiting == []
        world.clock.advance(0.1)
    world.asked("GET", SET).answer(channel_set("ch-0", "never-read"))
    world.asked("DELETE", "channel/never-read").answer()


@pytest.mark.parametrize("failure", [Refused(403), Refused(404), OutcomeUnknown("no answer"), NoXspAvailable("connection refused")])
def test_a_deletion_that_fails_is_tried_at_the_other_xsp_and_costs_nothing(failure: XsiFailure) -> None:
    world = World()
    world.come_up(0)
    world.come_up(1)
    world.asked("GET", SET).answer(channel_set("old-1", "old-2"))
    for _ in world.xsps:
        world.asked("DELETE", "channel/old-1").fail(failure)
    world.asked("DELETE", "channel/old-2").answer()
    assert world.waiting == []
    assert world.set.up_count == 2


@pytest.mark.parametrize("failure", [Refused(503), OutcomeUnknown("no answer")])
def test_a_question_that_is_not_answered_is_asked_again_when_a_channel_changes(failure: XsiFailure) -> None:
    world = World()
    world.come_up(0)
    world.come_up(1)
    for _ in world.xsps:
        world.asked("GET", SET).fail(failure)
    assert world.waiting == []
    assert world.set.up_count == 2
    world.lose(1)
    world.asked("GET", SET).answer(channel_set("ch-0"))


def test_a_set_that_is_not_known_has_nothing_to_delete() -> None:
    world = World()
    world.come_up(0)
    world.come_up(1)
    for _ in world.xsps:
        world.asked("GET", SET).fail(Refused(403, NO_CHANNEL_SET))
    assert world.waiting == []
    assert world.set.up_count == 2


def test_what_is_answered_after_the_stop_does_nothing() -> None:
    world = World()
    world.come_up(0)
    world.come_up(1)
    question = world.asked("GET", SET)
    world.set.stop()
    for number in range(2):
        world.xsps[number].take("DELETE", f"channel/ch-{number}").answer()
        world.xsps[number].opened[-1].receiver.stream_ended("closed")
    question.answer(channel_set("old"))
    assert world.waiting == []
