"""Channels on a clock of the test: who gets an event, what a response does, and what silence does."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import attrs
import pytest
from twisted.internet.task import Clock

from bwconnector.simulator.channels import Channel, Channels, Delivery
from bwconnector.simulator.config import SimulatorConfig
from bwconnector.simulator.faults import Faults
from bwconnector.simulator.model import SwitchError

CONFIG = SimulatorConfig(event_timeout=30, ack_timeout=5)


@attrs.define(eq=False)
class Stream:
    """Keeps what is written."""

    documents: list[bytes] = attrs.Factory(list)
    end: str = ""

    def write(self, document: bytes) -> None:
        self.documents.append(document)

    def finish(self) -> None:
        self.end = self.end or "finished"

    def abort(self) -> None:
        self.end = self.end or "aborted"

    def ended(self) -> None:
        self.end = self.end or "lost"

    def reason(self) -> str:
        return self.documents[-1].partition(b"<xsi:reason>")[2].partition(b"<")[0].decode()


class Box:
    """Channels, and events ``e1``, ``e2`` … to send on them."""

    def __init__(self, **config: Any) -> None:
        self.clock = Clock()
        self.strays: list[str] = []
        ids = (f"c{number}" for number in itertools.count(1))
        self.channels = Channels(self.clock, attrs.evolve(CONFIG, **config), lambda: next(ids), self.strays.append)
        self.streams: list[Stream] = []
        self.opened: list[Channel] = []

    def open(
        self, set_id: str = "set", xsp: str = "xsp1", priority: int = 1, weight: int = 50, application_id: str = "", **faults: Any
    ) -> Stream:
        stream = Stream()
        options = {"set_id": set_id, "application_id": application_id, "priority": priority, "weight": weight}
        channel = self.channels.add(xsp, Faults(**faults), stream, owner="admin", expires=3600, **options)
        self.streams.append(stream)
        self.opened.append(channel)
        return stream

    def send(self, event_id: str) -> None:
        self.channels.deliver(Delivery(event_id, "s1", "set", lambda channel_id: f"{event_id} on {channel_id}".encode()))

    def got(self) -> list[list[str]]:
        return [[document.decode() for document in stream.documents] for stream in self.streams]

    def idle(self) -> bool:
        """Nothing waits for a response any more."""
        self.channels.stop()
        return not self.clock.getDelayedCalls()


def test_events_are_spread_by_weight() -> None:
    box = Box()
    box.open(weight=50)
    box.open(weight=25)
    for number in range(30):
        box.send(f"e{number}")
    counts = Counter(document.partition(" on ")[2] for documents in box.got() for document in documents)
    assert counts == {"c1": 20, "c2": 10}


def test_a_lower_priority_number_gets_all() -> None:
    box = Box()
    box.open(priority=2)
    box.open(priority=1)
    for event in ("e1", "e2"):
        box.send(event)
    assert box.got() == [[], ["e1 on c2", "e2 on c2"]]


@pytest.mark.parametrize("status", ["200", "400"])
def test_an_event_that_is_responded_to_is_done(status: str) -> None:
    box = Box()
    box.open()
    box.open()
    box.send("e1")
    box.channels.respond("xsp1", "e1", status)
    box.clock.advance(29)
    assert box.got() == [["e1 on c1"], []]
    assert box.idle()


def test_500_goes_to_the_next_channel() -> None:
    box = Box()
    box.open()
    box.open()
    box.send("e1")
    box.channels.respond("xsp1", "e1", "500")
    assert box.got() == [["e1 on c1"], ["e1 on c2"]]


def test_404_closes_the_channel_and_goes_to_the_next() -> None:
    box = Box()
    first = box.open()
    box.open()
    box.send("e1")
    box.channels.respond("xsp1", "e1", "404")
    assert (first.end, first.reason()) == ("finished", "UnknownChannel")
    assert box.got()[1] == ["e1 on c2"]


def test_481_reports_the_stray_subscription() -> None:
    box = Box()
    box.open()
    box.send("e1")
    box.channels.respond("xsp1", "e1", "481")
    assert box.strays == ["s1"]


def test_a_response_at_another_xsp_is_refused() -> None:
    box = Box()
    box.open(xsp="xsp1")
    box.send("e1")
    with pytest.raises(SwitchError) as refused:
        box.channels.respond("xsp2", "e1", "200")
    assert refused.value.status == 404


def test_an_unknown_status_is_refused_and_a_late_response_is_not() -> None:
    box = Box()
    with pytest.raises(SwitchError) as refused:
        box.channels.respond("xsp1", "e1", "302")
    assert refused.value.status == 400
    box.channels.respond("xsp1", "e1", "200")


def test_silence_leads_to_the_next_channel_and_at_last_to_none() -> None:
    box = Box()
    streams = [box.open(), box.open()]
    box.send("e1")
    box.clock.advance(5)
    assert box.got() == [["e1 on c1"], ["e1 on c2"]]
    box.clock.advance(5)
    assert [stream.reason() for stream in streams] == ["NonResponsiveChannel", "NonResponsiveChannel"]
    assert list(box.channels) == []


def test_dropped_responses_are_like_silence() -> None:
    box = Box()
    box.open(drop_acks=True)
    box.open()
    box.send("e1")
    box.channels.respond("xsp1", "e1", "200")
    box.clock.advance(5)
    assert box.got() == [["e1 on c1"], ["e1 on c2"]]


def test_what_a_lost_stream_did_not_confirm_goes_to_the_next() -> None:
    box = Box()
    box.open()
    box.open()
    box.send("e1")
    box.channels.lost(box.opened[0])
    assert box.got()[1] == ["e1 on c2"]


def test_duplicates_are_the_same_document_twice() -> None:
    box = Box()
    box.open(duplicate_events=True)
    box.send("e1")
    assert box.got() == [["e1 on c1", "e1 on c1"]]


def test_heartbeats_keep_a_channel_and_are_echoed() -> None:
    box = Box()
    stream = box.open()
    box.clock.advance(29)
    box.channels.heartbeat("xsp1", "c1")
    box.clock.advance(29)
    assert b"ChannelHeartBeat" in stream.documents[-1]
    assert stream.end == ""
    box.clock.advance(1)
    assert stream.end == "aborted"


def test_heartbeats_at_another_xsp_or_for_an_unknown_channel_are_refused() -> None:
    box = Box()
    box.open(xsp="xsp1")
    for xsp, channel in (("xsp2", "c1"), ("xsp1", "c9")):
        with pytest.raises(SwitchError) as refused:
            box.channels.heartbeat(xsp, channel)
        assert refused.value.status == 404


def test_the_echo_can_be_missing() -> None:
    box = Box()
    stream = box.open(echo=False)
    box.channels.heartbeat("xsp1", "c1")
    assert stream.documents == []


def test_lifetime_is_raised_renewed_and_ends() -> None:
    box = Box(granted_expires=7200, event_timeout=100_000)
    stream = box.open()
    assert box.channels.remaining(box.opened[0]) == 7200
    box.clock.advance(7000)
    assert box.channels.renew("c1", 60) == 7200
    box.clock.advance(7199)
    assert stream.end == ""
    box.clock.advance(1)
    assert stream.reason() == "Expired"


def test_another_set_of_the_same_application_ends_the_first() -> None:
    box = Box()
    first, same, foreign = (
        box.open("one", application_id="app"),
        box.open("one", application_id="app"),
        box.open("two", application_id="other"),
    )
    box.open("two", application_id="app")
    assert [stream.end for stream in (first, same, foreign)] == ["finished", "finished", ""]
    assert first.reason() == "DuplicateChannelSet"


def test_delete_says_so() -> None:
    box = Box()
    stream = box.open()
    box.channels.delete("c1")
    assert (stream.end, stream.reason()) == ("finished", "ExplicitDelete")
    with pytest.raises(SwitchError) as refused:
        box.channels.delete("c1")
    assert refused.value.status == 403


def test_an_unknown_set_has_its_own_code() -> None:
    with pytest.raises(SwitchError) as refused:
        Box().channels.of_set("set")
    assert (refused.value.status, refused.value.code) == (403, 110842)
