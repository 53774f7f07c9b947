"""What waits at a queue, compared with BroadWorks: monitors started while calls wait, lost events, Application Server failover."""

from __future__ import annotations

import pytest

from bwconnector.bridge.devices import CALL_CENTER
from bwconnector.bridge.watchdog import Limits, Watchdog
from bwconnector.csta import messages as csta
from bwconnector.xsi.events import Party
from bwconnector.xsi.queues import QueueEntry, QueueSubscription
from tests.bridge.flows import Flow, acd, agent_leg, ev, leg, truth, waiting
from tests.bridge.test_healing import Site as LostEvents

from .office import DOMAIN, Office

WAITS = {"K1": {"X": "connected", "Q": "queued"}}
Q_KEY = f"queue1@{DOMAIN}"


def test_a_monitor_that_starts_while_calls_wait_hears_what_comes_next() -> None:
    flow = Flow("Q")
    flow.say("Q", waiting("q1 K1 X", "q2 K2 Y"), silent=True)
    assert flow.heard["Q"] == []
    assert flow.holds() == {**WAITS, "K2": {"Y": "connected", "Q": "queued"}}
    flow.say("Q", acd("CallAnsweredByAgent", "q1 K1 X", agent="G g1"))
    flow.finish()
    assert flow.heard["Q"] == ["Diverted{K1,Q} null distributed X>Q lr=Q to=G"]


def test_the_first_snapshot_of_a_queue_tells_its_caller() -> None:
    flow = Flow("AQ")
    flow.say("A", ev("Originated", leg("a1", "K1 Or Al Q")))
    flow.say("Q", waiting("q1 K1 A"), silent=True)
    assert flow.heard["Q"] == []
    assert flow.heard["A"] == ["Originated{K1,A} connected newCall A>Q", "Queued{K1,Q} connected enteringDistribution A>Q"]


def test_positions_come_from_the_snapshot_and_from_events() -> None:
    flow = Flow("Q")
    flow.say("Q", waiting("q1 K1 X", "q2 K2 Y", "q3 K3 A"))

    def line() -> list[str]:
        return [leg.call_id for leg in sorted(flow.model.table.legs_of("Q"), key=lambda leg: leg.position)]

    assert line() == ["q1", "q2", "q3"]
    flow.say("Q", acd("CallReordered", "q3 K3 A", position=1))
    assert line() == ["q3", "q1", "q2"]
    flow.say("Q", acd("CallEscaped", "q1 K1 X"))
    assert line() == ["q3", "q2"]
    flow.say("Q", acd("CallAdded", "q4 K4 B", position=2))
    assert line() == ["q3", "q4", "q2"]
    assert [leg.position for leg in sorted(flow.model.table.legs_of("Q"), key=lambda leg: leg.position)] == [1, 2, 3]


def test_a_comparison_without_differences_tells_nothing() -> None:
    flow = Flow("Q")
    flow.say("Q", acd("CallAdded", "q1 K1 X", position=1))
    flow.say("Q", waiting("q1 K1 X"))
    assert flow.heard["Q"] == ["Queued{K1,Q} queued enteringDistribution X>Q"]


def test_a_comparison_comes_after_what_waited_for_others() -> None:
    flow = Flow("GQ")
    flow.say("Q", acd("CallAdded", "q1 K1 X", position=1))
    flow.say("Q", acd("CallOfferedToAgent", "q1 K1 X"))
    flow.say("Q", waiting("q1 K1 X"))
    assert [heard.partition("{")[0] for heard in flow.heard["Q"]] == ["Queued", "Delivered"]
    assert len(flow.model.world.steps) == 0


@pytest.mark.parametrize(
    "event", [acd("CallOfferedToAgent", "q1 K1 X"), acd("CallReordered", "q1 K1 X", position=1), acd("CallUpdated", "q1 K1 X")]
)
def test_a_call_first_seen_while_it_waits_is_queued(event: object) -> None:
    flow = Flow("Q")
    flow.say("Q", event)  # type: ignore[arg-type]
    assert flow.heard["Q"][0] == "Queued{K1,Q} queued enteringDistribution X>Q"
    assert flow.holds() == WAITS


@pytest.mark.parametrize("kind", ["AnsweredByAgent", "Abandoned", "Transferred", "Escaped", "Released", "Stranded"])
def test_the_end_of_an_unknown_call_is_nothing(kind: str) -> None:
    flow = Flow("Q")
    flow.say("Q", acd(f"Call{kind}", "q1 K1 X"))
    flow.finish()
    assert flow.heard["Q"] == []
    assert len(flow.model.table) == 0


def test_when_the_queue_is_monitored_no_longer_its_caller_keeps_its_call() -> None:
    flow = Flow("AQ")
    flow.say("A", ev("Originated", leg("a1", "K1 Or Al Q")))
    flow.say("Q", acd("CallAdded", "q1 K1 A", position=1))
    flow.monitored.discard("Q")
    flow.model.forget("Q")
    flow.finish()
    flow.say("A", ev("Released", leg("a1", "K1 Or Re Q", release="local")))
    flow.finish()
    assert flow.heard["A"][-1] == "ConnectionCleared{K1,A} null callCancelled"
    assert len(flow.model.table) == 0


def test_a_caller_adopted_while_it_waits() -> None:
    flow = Flow("A")
    flow.say("A", truth(leg("a1", "K1 Or Ac Q")), silent=True)
    assert flow.holds() == {"K1": {"A": "connected", "Q": "queued"}}
    flow.say("A", ev("Updated", leg("a1", "K1 Or Ac G")))
    flow.finish()
    assert [heard.partition(" ")[0] for heard in flow.heard["A"]] == ["Diverted{K1,Q}", "Established{K1,G}"]


def test_an_agent_whose_offer_was_lost_is_told_by_its_own_snapshot() -> None:
    flow = Flow("GQ")
    flow.say("Q", acd("CallAdded", "q1 K1 X", position=1))
    flow.say("G", truth(agent_leg("g1", "K1 Te Al X")))
    assert flow.heard["G"] == ["Delivered{K1,G} alerting distributed X>Q lr=Q"]


# through the bridge


def entries(*tracking_ids: str) -> tuple[QueueEntry, ...]:
    return tuple(QueueEntry(f"q-{each}", each, Party(address="tel:+15559990000", call_type="Network")) for each in tracking_ids)


def test_the_first_snapshot_of_a_queue_counts_as_its_comparison() -> None:
    bridge = LostEvents().bridge
    compared: list[str] = []
    bridge.repair.compared = compared.append  # type: ignore[method-assign]
    bridge.event(Q_KEY, QueueSubscription(entries("K1")))
    assert compared == [Q_KEY]
    assert [c.state for c in bridge.model.table.connections_of(Q_KEY)] == ["queued"]
    bridge.stop()


def test_the_watchdog_compares_calls_that_wait_for_long_and_leaves_them() -> None:
    office = Office(kinds={"queue1": CALL_CENTER})
    office.monitor("queue1")
    office.model.apply(Q_KEY, QueueSubscription(entries("K1")), silent=True)
    compared: list[str] = []

    async def compare(device: str) -> None:
        compared.append(device)
        office.model.apply(device, QueueSubscription(entries("K1")))

    watchdog = Watchdog(office.clock, office.table, lambda device: True, compare, office.spawn, Limits(age=3600.0, alerting=60.0))
    watchdog.start()
    office.clock.pump([30.0] * 100)
    assert compared == []
    office.clock.pump([30.0] * 30)
    assert compared == [Q_KEY]
    assert [c.state for c in office.table.connections_of(Q_KEY)] == ["queued"]
    assert isinstance(office.link.messages[0], csta.MonitorStartResponse)
    assert len(office.link.messages) == 1
    watchdog.stop()
