"""Channels come and go while the set works: whoever leaves is not missed."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, ensureDeferred

from bwconnector.xsi import requests
from bwconnector.xsi.channel import State
from bwconnector.xsi.members import DRAINED, Link
from bwconnector.xsi.opening import NEVER, ChannelSettings
from bwconnector.xsi.requests import Response

from .fakes import FakeAcks, FakeXsp
from .test_channelset import World

GET = requests.calls("alice@ex.org")


class Site(World):
    """A channel set whose channels are up, or not."""

    def add(self, name: str = "link-new", drained: bool = False) -> FakeXsp:
        self.xsps.append(FakeXsp(name))
        self.acks.append(FakeAcks())
        self.set.members.add(Link(self.xsps[-1], self.acks[-1], ChannelSettings("set", "app", heartbeat_interval=0), drained=drained))
        return self.xsps[-1]

    def ask(self) -> tuple[int, Deferred[Response]]:
        """Send a request; returns which XSP it went to."""
        before = [len(xsp.asked) for xsp in self.xsps]
        answer = ensureDeferred(self.set.perform(GET))
        (asked,) = (number for number, xsp in enumerate(self.xsps) if len(xsp.asked) > before[number])
        self.xsps[asked].asked[-1].answer()
        return asked, answer

    def asked(self) -> set[int]:
        """The XSPs that requests go to."""
        return {self.ask()[0] for _ in range(6)}

    def states(self) -> dict[str, State]:
        return {status.link: status.state for status in self.set.statuses}

    def deleted(self, number: int) -> bool:
        """Whether BroadWorks was asked to delete the channel of that XSP; if so, it is done."""
        waiting = f"DELETE channel/ch-{number}" in self.xsps[number].waiting
        if waiting:
            self.xsps[number].take("DELETE", f"channel/ch-{number}").answer()
            self.xsps[number].opened[-1].receiver.stream_ended("closed by the XSP")
        return waiting


def test_a_drained_link_gets_no_requests_and_its_channel_is_deleted() -> None:
    site = Site(2)
    site.set.members.drain("link-0")
    assert site.asked() == {1}
    assert site.deleted(0)
    assert site.states() == {"link-0": State.IDLE, "link-1": State.UP}
    assert [status.reason for status in site.set.statuses] == [DRAINED, ""]
    site.clock.advance(1000)
    assert len(site.xsps[0].opened) == 1
    assert not site.acks[0].closed


def test_it_stays_as_long_as_no_other_one_is_up() -> None:
    site = Site(2)
    site.xsps[1].opened[-1].receiver.stream_ended("lost")
    site.set.members.drain("link-0")
    assert site.states()["link-0"] is State.UP
    assert site.asked() == {0}
    site.set.adopt("s-1")
    site.bring(0, 1)
    assert site.sequences == [1]
    site.clock.advance(2)
    site.xsps[1].opened[-1].come_up("ch-1", NEVER)
    assert site.deleted(0)
    assert site.states() == {"link-0": State.IDLE, "link-1": State.UP}
    assert site.asked() == {1}


def test_nobody_notices_a_drain() -> None:
    site = Site(2)
    site.statuses.clear()
    site.set.members.drain("link-1")
    assert site.deleted(1)
    assert site.set.up_count == 1
    assert {status.link for status in site.statuses} == {"link-1"}


def test_it_is_used_again() -> None:
    site = Site(2)
    site.set.members.drain("link-0")
    assert site.deleted(0)
    site.set.members.drain("link-0", False)
    site.xsps[0].opened[-1].come_up("ch-0", NEVER)
    assert site.states() == {"link-0": State.UP, "link-1": State.UP}
    assert site.asked() == {0, 1}


def test_it_is_used_again_before_it_has_gone() -> None:
    site = Site(2)
    site.set.members.drain("link-0")
    site.set.members.drain("link-0", False)
    assert site.deleted(0)
    assert len(site.xsps[0].opened) == 2
    site.set.members.drain("link-1")
    site.set.members.drain("link-1", False)
    site.set.members.drain("link-1")
    assert not site.deleted(1) or site.states()["link-0"] is State.UP


def test_a_drained_link_that_is_down_is_not_tried_any_more() -> None:
    site = Site(2)
    for xsp in site.xsps:
        xsp.opened[-1].receiver.stream_ended("lost")
    site.set.members.drain("link-0")
    site.clock.advance(100)
    assert len(site.xsps[0].opened) == 1
    assert len(site.xsps[1].opened) == 2


def test_a_link_that_begins_drained_is_not_opened() -> None:
    site = Site(1, up=False)
    xsp = site.add(drained=True)
    site.set.stop()
    site.set.start()
    assert xsp.opened == []
    site.set.members.drain("link-new", False)
    assert len(xsp.opened) == 1


def test_a_link_is_added() -> None:
    site = Site(1)
    site.add().opened[-1].come_up("ch-1", NEVER)
    assert site.asked() == {0, 1}
    site.set.adopt("s-1")
    site.bring(1, 1)
    assert [link for _, link in site.events] == ["link-new"]


def test_a_removed_link_is_forgotten_when_its_channel_is_deleted() -> None:
    site = Site(2)
    site.set.adopt("s-1")
    site.bring(0, 1)
    name, gone = site.set.members.remove("link-0")
    assert name == "link-0 (leaving)"
    site.bring(0, 2)
    assert site.sequences == [1, 2]
    assert not gone.called
    assert site.deleted(0)
    assert gone.called
    assert list(site.states()) == ["link-1"]
    assert site.acks[0].closed and site.xsps[0].closed
    assert site.set.members.past_events == 2


def test_an_xsp_that_hangs_does_not_keep_its_link() -> None:
    site = Site(2)
    _, gone = site.set.members.remove("link-0")
    site.clock.advance(2.0)
    assert gone.called


def test_a_link_is_replaced_by_another_one_of_its_name() -> None:
    site = Site(1)
    _, gone = site.set.members.remove("link-0")
    replacement = site.add("link-0")
    assert site.states() == {"link-0 (leaving)": State.UP, "link-0": State.OPENING}
    assert site.asked() == {0}
    replacement.opened[-1].come_up("ch-1", NEVER)
    assert site.asked() == {1}
    assert site.deleted(0) and gone.called
    assert site.states() == {"link-0": State.UP}
    assert {status.state for status in site.statuses if status.link == "link-0"} >= {State.UP}


def test_replaced_twice_before_the_first_replacement_is_up() -> None:
    site = Site(1)
    site.set.members.remove("link-0")
    second = site.add("link-0")
    name, gone = site.set.members.remove("link-0")
    assert name == "link-0 (leaving 2)"
    assert gone.called, "what is not up serves nobody"
    third = site.add("link-0")
    assert second.opened[-1].cancelled
    assert site.states() == {"link-0 (leaving)": State.UP, "link-0": State.OPENING}
    third.opened[-1].come_up("ch-2", NEVER)
    assert site.deleted(0)


def test_an_unknown_link() -> None:
    site = Site(2)
    with pytest.raises(LookupError, match="there is no link xsp9; there are link-0, link-1"):
        site.set.members.drain("xsp9")


def test_stop_while_one_leaves() -> None:
    site = Site(3)
    site.set.members.drain("link-0")
    site.set.members.remove("link-1")
    stopped = site.set.stop()
    site.clock.advance(2.0)
    assert stopped.called
    assert not site.clock.getDelayedCalls()
    assert all(acks.closed for acks in site.acks)
