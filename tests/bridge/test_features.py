"""Feature switches: one event per real change, and nothing for the state that is there when monitoring begins."""

from __future__ import annotations

import pytest

from bwconnector.bridge.features import FeatureEvent, Features
from bwconnector.bridge.monitors import Monitors
from bwconnector.csta import messages as csta
from bwconnector.csta.xml import ED3
from bwconnector.xsi.events import DoNotDisturbState, ForwardingState, MessageSummary
from tests.bridge.links import FakeLink


class World:
    def __init__(self) -> None:
        self.link = FakeLink("one")
        self.monitors = Monitors(str, lambda device, link: False)
        self.monitors.start(self.link, "A", "1001", ED3, csta.MonitorFilter())
        self.ringing: list[tuple[str, str, bool]] = []
        self.features = Features(self.monitors, lambda *state: self.ringing.append(state))

    def apply(self, *events: FeatureEvent) -> list[csta.Message]:
        for event in events:
            self.features.apply("A", event)
        return self.link.events


DND_OFF, DND_ON = DoNotDisturbState(), DoNotDisturbState(active=True)
ALWAYS_OFF = ForwardingState("Call Forwarding Always")
ALWAYS_ON = ForwardingState("Call Forwarding Always", active=True, forward_to="tel:1003")


@pytest.mark.parametrize("event", [DND_ON, ALWAYS_ON, MessageSummary(2)])
def test_where_no_state_is_told_at_first_all_are_changes(event: FeatureEvent) -> None:
    world = World()
    world.features = Features(world.monitors, lambda *state: None, lambda user: user == "A")
    assert len(world.apply(event, event)) == 1


@pytest.mark.parametrize("event", [DND_ON, ALWAYS_ON, MessageSummary(2)])
def test_the_first_state_is_no_change(event: FeatureEvent) -> None:
    world = World()
    assert world.apply(event) == []
    assert world.apply(event) == []


def test_do_not_disturb() -> None:
    (event,) = World().apply(DND_OFF, DND_ON, DND_ON)
    assert isinstance(event, csta.DoNotDisturbEvent)
    assert (event.device, event.do_not_disturb_on) == (csta.PartyDevice("1001"), True)


def test_call_forwarding_always() -> None:
    (event,) = World().apply(ALWAYS_OFF, ALWAYS_ON)
    assert isinstance(event, csta.ForwardingEvent)
    assert (event.forwarding_type, event.forward_status, event.forward_to) == ("forwardImmediate", True, "1003")


@pytest.mark.parametrize(("service", "kind"), [("Call Forwarding Busy", "forwardBusy"), ("Call Forwarding No Answer", "forwardNoAns")])
def test_other_call_forwarding(service: str, kind: str) -> None:
    (event,) = World().apply(ForwardingState(service), ForwardingState(service, active=True, forward_to="tel:1003", number_of_rings=4))
    assert isinstance(event, csta.ForwardingEvent)
    assert (event.forwarding_type, event.ring_count) == (kind, 4)


def test_a_service_that_is_taken_away_is_off_once() -> None:
    gone = ForwardingState("Call Forwarding Always", unassigned=True)
    (event,) = World().apply(ALWAYS_ON, gone, gone)
    assert isinstance(event, csta.ForwardingEvent)
    assert event.forward_status is False


def test_message_waiting_tells_whether_not_how_many() -> None:
    on, off = World().apply(MessageSummary(0), MessageSummary(1), MessageSummary(2), MessageSummary(0))
    assert isinstance(on, csta.MessageWaitingEvent) and isinstance(off, csta.MessageWaitingEvent)
    assert (on.message_waiting_on, off.message_waiting_on) == (True, False)


def test_a_filter_keeps_feature_events_away() -> None:
    world = World()
    world.monitors.change_filter(world.link, "1", csta.MonitorFilter(frozenset({"doNotDisturb"})))
    assert world.apply(DND_OFF, DND_ON) == []


def test_what_keeps_a_phone_from_ringing_is_told_to_the_call_model() -> None:
    world = World()
    world.apply(DND_ON, ALWAYS_ON, ForwardingState("Call Forwarding Busy", active=True), DND_OFF)
    assert world.ringing == [
        ("A", "Do Not Disturb", True),
        ("A", "Call Forwarding Always", True),
        ("A", "Do Not Disturb", False),
    ]


def test_a_forgotten_user_begins_anew() -> None:
    world = World()
    world.apply(DND_OFF)
    world.features.forget("A")
    assert world.apply(DND_ON) == []
    assert world.features.get("A", "Do Not Disturb") == DND_ON
