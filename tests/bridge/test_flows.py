"""Every golden call flow, in every arrival order and for every set of monitored devices, gives each monitor its exact sequence."""

from __future__ import annotations

from itertools import combinations

import pytest

from tests.bridge import scenarios_conference, scenarios_transfer, scenarios_voice
from tests.bridge.flows import Flow, Stream, interleavings
from tests.bridge.scenarios import SCENARIOS, Scenario

assert scenarios_conference and scenarios_transfer and scenarios_voice  # importing them adds their scenarios

CASES = [
    pytest.param(scenario, monitored, id=f"{scenario.name}-{''.join(monitored)}")
    for scenario in SCENARIOS
    for size in range(len(scenario.hears), 0, -1)
    for monitored in combinations(sorted(scenario.hears), size)
    if size == len(scenario.hears) or "skip" not in scenario.only
]


def play(scenario: Scenario, monitored: tuple[str, ...], order: list[Stream]) -> Flow:
    flow = Flow(monitored, scenario.policy)
    for user, data in order:
        flow.say(user, data)
    flow.finish()
    return flow


def expected(scenario: Scenario, monitored: tuple[str, ...]) -> dict[str, list[str]]:
    differs = {} if len(monitored) == len(scenario.hears) else scenario.only.get("".join(monitored), {})
    return {device: differs.get(device, scenario.hears[device]) for device in monitored}


@pytest.mark.parametrize(("scenario", "monitored"), CASES)
def test_golden_flow(scenario: Scenario, monitored: tuple[str, ...]) -> None:
    wanted = expected(scenario, monitored)
    for order in interleavings(scenario.script, most=40):
        flow = play(scenario, monitored, order)
        for device, sequence in wanted.items():
            if flow.heard[device] != scenario.either.get(device):
                assert flow.heard[device] == sequence, f"{device} in order {[user for user, _ in order]}"
        if len(monitored) == len(scenario.hears):
            assert flow.holds() == scenario.leaves
        assert len(flow.model.world.steps) == 0


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_no_call_outlives_its_legs(scenario: Scenario) -> None:
    """I7: after the last leg is released and P-FAR has passed, no call, alias or timer is left."""
    flow = play(scenario, tuple(scenario.hears), next(interleavings(scenario.script)))
    if not scenario.leaves:
        assert len(flow.model.table) == 0
        assert not flow.clock.getDelayedCalls()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_repeated_events_change_nothing(scenario: Scenario) -> None:
    """28: what a slower stream says again is absorbed (one user's events are repeated next to one another)."""
    flow = Flow(scenario.hears, scenario.policy)
    for user, data in next(interleavings(scenario.script)):
        flow.say(user, data)
        flow.say(user, data)
    flow.finish()
    assert flow.heard == scenario.hears
