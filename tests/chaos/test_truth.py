"""Whatever people do with their phones: what a T-Server makes of its events is what the switch has, in any order of arrival."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bwconnector.simulator.config import SimulatorConfig
from bwconnector.xsi.collective import Scope

from . import EXAMPLES, PHASES, REPEATABLE
from .phones import QUEUES, USERS
from .world import CONFIGS, SETTLED, World

DRIFT = 0.14
"""Seconds that a stream may be behind: even twice that is less than a later event waits for an earlier one."""

MONITORED = st.lists(st.sets(st.sampled_from((*USERS, *QUEUES))).map(sorted), min_size=1, max_size=2)
CHOICES = st.integers(0, 1_000_000)
PAUSES = st.sampled_from([1.0, 2.0])


SCRIPTS = st.lists(st.tuples(CHOICES, PAUSES), min_size=5, max_size=40)
SCOPES = st.sampled_from([Scope("group", "ExampleEnt/sales"), Scope("serviceprovider", "ExampleEnt")])


@settings(max_examples=12 * EXAMPLES, derandomize=REPEATABLE, phases=PHASES)
@given(CONFIGS, MONITORED, SCRIPTS, CHOICES)
def test_pictures_are_true(config: SimulatorConfig, monitored: list[list[str]], script: list[tuple[int, float]], seed: int) -> None:
    play(World(config, monitored, drift=DRIFT, seed=seed), script)


@settings(max_examples=4 * EXAMPLES, derandomize=REPEATABLE, phases=PHASES)
@given(SCOPES, CONFIGS, MONITORED, SCRIPTS, CHOICES)
def test_pictures_are_true_with_collective_subscriptions(
    scope: Scope, config: SimulatorConfig, monitored: list[list[str]], script: list[tuple[int, float]], seed: int
) -> None:
    play(World(config, monitored, drift=DRIFT, seed=seed, scope=scope), script)


def play(world: World, script: list[tuple[int, float]]) -> None:
    for choice, pause in script:
        world.use_phone(choice)
        world.run(pause)
    world.run(SETTLED)
    world.check_pictures()
    world.close()
