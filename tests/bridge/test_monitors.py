"""Monitors: every link has its own, with its own filter, names and namespace; each event that goes out is what the schema allows."""

from __future__ import annotations

import pytest

from bwconnector.bridge.changes import Change
from bwconnector.bridge.monitors import Monitors
from bwconnector.csta import messages as csta
from bwconnector.csta.xml import ED3, EventReport
from tests.bridge import scenarios_conference, scenarios_transfer
from tests.bridge.flows import Flow, Stream, ev, interleavings, leg
from tests.bridge.links import FakeLink
from tests.bridge.scenarios import SCENARIOS, Scenario, talk

assert scenarios_conference and scenarios_transfer  # importing them adds their scenarios
ED5 = "http://www.ecma-international.org/standards/ecma-323/csta/ed5"


class World:
    """A flow whose changes reach links through monitors."""

    def __init__(self, monitored: str = "AB", policy: dict[str, str | int] | None = None) -> None:
        self.asking: set[tuple[str, str]] = set()
        self.monitors = Monitors(str.lower, lambda device, link: (device, link) in self.asking)
        self.flow = Flow(monitored, policy)
        self.flow.model.world.reports._deliver = self.monitors.deliver
        self.links = [FakeLink("one"), FakeLink("two")]

    def start(self, link: int, device: str, *, named: str = "", namespace: str = ED3, blocked: str = "") -> str:
        wanted = csta.MonitorFilter(frozenset(blocked.split()))
        return self.monitors.start(self.links[link], device, named or device, namespace, wanted)

    def play(self, *script: Stream) -> None:
        for user, data in script:
            self.flow.say(user, data)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_event_of_every_golden_flow_is_what_the_schema_allows(scenario: Scenario) -> None:
    world = World("".join(scenario.hears), scenario.policy)
    for device in scenario.hears:
        world.start(0, device)
    world.play(*next(interleavings(scenario.script)))
    world.flow.finish()
    assert len(world.links[0].events) == sum(map(len, scenario.hears.values()))  # FakeLink has checked each


def test_each_monitor_gets_the_event_once_with_its_own_reference() -> None:
    world = World()
    references = [world.start(0, "A"), world.start(0, "A"), world.start(0, "B"), world.start(1, "B")]
    world.play(*talk())
    established = [(m.monitor_cross_ref_id, m.local_connection_info) for m in world.links[0].events if isinstance(m, csta.EstablishedEvent)]
    assert established == [(reference, "connected") for reference in references[:3]]
    assert world.links[1].kinds == ["DeliveredEvent", "EstablishedEvent"]


def test_a_filter_keeps_events_from_its_own_monitor_only() -> None:
    world = World()
    first, second = world.start(0, "B", blocked="delivered"), world.start(0, "B")
    world.play(*talk()[:2])
    assert [m.monitor_cross_ref_id for m in world.links[0].events if isinstance(m, csta.DeliveredEvent)] == [second]
    world.monitors.change_filter(world.links[0], first, csta.MonitorFilter())
    world.play(*talk()[2:])
    assert world.links[0].kinds == ["DeliveredEvent", "EstablishedEvent", "EstablishedEvent"]


def test_a_device_is_named_as_its_link_named_it_and_otherwise_as_shown() -> None:
    world = World()
    world.start(0, "B", named="1002")
    world.start(1, "B", named="+15550001002")
    world.start(1, "A", named="alice@example.net")
    world.play(*talk()[:2])
    seen = [next(m for m in link.events if isinstance(m, csta.DeliveredEvent)) for link in world.links]
    assert [(m.alerting_device.device, m.calling_device.device) for m in seen] == [("1002", "a"), ("+15550001002", "alice@example.net")]


def test_links_that_name_the_devices_alike_share_one_report() -> None:
    world = World()
    world.links.append(FakeLink("three"))
    world.start(0, "B")
    world.start(0, "B")
    world.start(1, "B", namespace=ED5)
    world.start(2, "B", named="2002")
    world.play(*talk())
    one, two, three = world.links
    assert len(one.reports) == 2 * len(two.reports) == 4
    assert one.reports[0] is one.reports[1] is two.reports[0]
    assert three.reports[0] is not one.reports[0]
    assert b"<deviceID>2002</deviceID>" in three.bodies[0]
    assert [event.monitor_cross_ref_id for event in (*one.events[:2], two.events[0], three.events[0])] == ["1", "2", "3", "4"]  # type: ignore[attr-defined]


def test_an_event_is_sent_in_the_namespace_of_its_monitor_start() -> None:
    world = World()
    world.start(0, "B", namespace=ED5)
    world.start(1, "B")
    world.play(*talk()[:2])
    assert [ED5.encode() in body for body in world.links[0].bodies] == [True]
    assert [ED3.encode() in body for body in world.links[1].bodies] == [True]


def test_a_stopped_monitor_hears_nothing_and_its_reference_is_unknown() -> None:
    world = World()
    reference = world.start(0, "B")
    world.monitors.stop(world.links[0], reference)
    world.play(*talk())
    assert world.links[0].events == []
    assert world.monitors.count_of("B") == 0
    with pytest.raises(KeyError):
        world.monitors.get(world.links[0], reference)


def test_a_link_cannot_touch_another_links_monitor() -> None:
    world = World()
    reference = world.start(0, "B")
    world.start(1, "B")
    with pytest.raises(KeyError):
        world.monitors.stop(world.links[1], reference)


def test_closing_a_link_tells_which_devices_nobody_monitors_any_more() -> None:
    world = World()
    for device in "ABA":
        world.start(0, device)
    world.start(1, "B")
    assert world.monitors.close_link(world.links[0]) == ["A"]
    assert world.monitors.close_link(world.links[0]) == []
    world.play(*talk())
    assert world.links[0].events == []
    assert world.links[1].kinds == ["DeliveredEvent", "EstablishedEvent"]


def test_names_follow_the_monitors_that_are_left() -> None:
    world = World()
    link = world.links[0]
    world.start(0, "B", named="first")
    second = world.start(0, "B", named="second")
    assert world.monitors.name_for(link, "B") == "second"
    world.monitors.stop(link, second)
    assert world.monitors.name_for(link, "B") == "first"
    assert world.monitors.name_for(link, "C") == "c"


def test_whoever_asked_for_a_snapshot_gets_it_as_the_answer() -> None:
    world = World()
    world.start(0, "B")
    world.start(0, "A")
    world.start(1, "B")
    world.play(*talk())
    for link in world.links:
        link.events.clear()
    world.asking.add(("B", "one"))
    world.monitors.snapshot_of = "B"
    world.play(("B", ev("Held", leg("b1", "K1 Te He A"))))
    told = [(m.monitor_cross_ref_id, m.local_connection_info) for m in world.links[0].events if isinstance(m, csta.HeldEvent)]
    assert told == [("2", "connected")]  # the asking link's monitor on the other device
    assert world.links[1].kinds == ["HeldEvent"]


def test_observers_see_each_change_once_and_before_any_link() -> None:
    world = World()
    world.start(0, "A")
    world.start(0, "B")
    order: list[str] = []

    def observe(change: Change) -> None:
        order.append(f"{change.kind} {len(world.links[0].events)}")

    world.monitors.observers.append(observe)
    world.play(talk()[1], talk()[0])  # B's Delivered overtakes A's Originated, so A is told of it again
    assert order == ["DeliveredEvent 0", "OriginatedEvent 1"]
    assert world.links[0].kinds == ["DeliveredEvent", "OriginatedEvent", "DeliveredEvent"]


def test_an_incoming_external_call_says_so() -> None:
    world = World("A")
    world.start(0, "A")
    world.play(("A", ev("Received", leg("a1", "K1 Te Al X"))))
    (event,) = world.links[0].events
    assert isinstance(event, csta.DeliveredEvent)
    assert event.connection == csta.ConnectionID("K1", "A")
    assert event.network_calling_device == csta.PartyDevice("x")
    assert event.network_called_device == csta.PartyDevice("A")
    assert event.associated_calling_device == csta.NOT_KNOWN
    assert event.associated_called_device is None
    assert event.last_redirection_device == csta.NOT_REQUIRED


def test_an_outgoing_external_call_says_so() -> None:
    world = World("A")
    world.start(0, "A")
    world.play(("A", ev("Originated", leg("a1", "K1 Or Al X"))))
    (event,) = world.links[0].events
    assert isinstance(event, csta.OriginatedEvent)
    assert event.associated_called_device == csta.NOT_KNOWN
    assert event.network_calling_device is None


def test_a_withheld_caller_is_restricted_but_has_a_connection() -> None:
    world = World("A")
    world.start(0, "A")
    world.play(
        ("A", ev("Received", leg("a1", "K1 Te Al ?"))),
        ("A", ev("Answered", leg("a1", "K1 Te Ac ?"))),
        ("A", ev("Released", leg("a1", "K1 Te Re ?", release="remote"))),
    )
    delivered, _, cleared, _ = world.links[0].events
    assert isinstance(delivered, csta.DeliveredEvent) and isinstance(cleared, csta.ConnectionClearedEvent)
    assert delivered.calling_device == csta.RESTRICTED
    assert cleared.dropped_connection == csta.ConnectionID("K1", "ext-K1")
    assert cleared.releasing_device == csta.RESTRICTED


def test_a_link_that_goes_while_an_event_is_told_costs_the_others_nothing() -> None:
    world = World()
    first, second = world.links
    world.start(0, "B")
    world.start(0, "B")
    world.start(1, "B")
    told = first.send_report

    def go(report: EventReport, cross_ref_id: str, namespace: str) -> None:
        told(report, cross_ref_id, namespace)
        world.monitors.close_link(first)

    first.send_report = go  # type: ignore[method-assign]
    world.play(*talk())
    assert first.kinds == ["DeliveredEvent"]
    assert second.kinds == ["DeliveredEvent", "EstablishedEvent"]
