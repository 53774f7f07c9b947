"""Whatever goes wrong with XSPs, channels and links while people make calls: what T-Servers see is true, and all of it is told once."""

from __future__ import annotations

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from bwconnector.bridge.status import MONITOR_STOP, REPAIR
from bwconnector.simulator.config import SimulatorConfig
from bwconnector.xsi.collective import Scope

from . import EXAMPLES, PHASES, REPEATABLE
from .faults import HARMLESS, HARSH, Fault, apply, faults, heal
from .phones import QUEUES, USERS
from .picture import Picture
from .world import CONFIGS, SETTLED, World

DRIFT = 0.1
"""Seconds that streams may be behind."""

NOTICED = 25.0
"""Seconds after which every fault has been noticed, and its consequences are over."""

SLOW_RETRY = 330.0
"""Seconds after which a channel is opened again that somebody took away on purpose."""

CHOICES = st.integers(0, 1_000_000)
PAUSES = st.sampled_from([1.0, 2.0, 7.0])
POLICIES = st.sampled_from([MONITOR_STOP, REPAIR])
SCOPES = st.sampled_from([None, Scope("group", "ExampleEnt/sales")])
MONITORED = st.lists(st.sets(st.sampled_from((*USERS, *QUEUES))).map(sorted), min_size=2, max_size=2)


@attrs.frozen
class Act:
    """What happens next: somebody uses a phone or a desktop, or something goes wrong; then time passes."""

    who: str
    choice: int
    fault: Fault
    pause: float

    def play(self, world: World, *, with_faults: bool = True, one_stays: bool = True, but: frozenset[str] = frozenset()) -> None:
        match self.who:
            case "phone":
                world.use_phone(self.choice, but)
            case "desktop":
                world.use_tserver(self.choice)
            case "fault" if with_faults:
                apply(world, self.fault, one_stays=one_stays)
        world.run(self.pause)


def scripts(who: tuple[str, ...], kinds: tuple[str, ...]) -> st.SearchStrategy[list[Act]]:
    return st.lists(st.builds(Act, st.sampled_from(who), CHOICES, faults(*kinds), PAUSES), min_size=5, max_size=30)


@settings(max_examples=2 * EXAMPLES, derandomize=REPEATABLE, phases=PHASES)
@given(SCOPES, CONFIGS, MONITORED, scripts(("phone", "phone", "desktop", "fault"), HARSH), CHOICES)
def test_one_channel_is_enough(
    scope: Scope | None, config: SimulatorConfig, monitored: list[list[str]], script: list[Act], seed: int
) -> None:
    world = World(config, monitored, drift=DRIFT, seed=seed, scope=scope)
    for act in script:
        act.play(world)
    heal(world)
    world.run(NOTICED)
    world.check_pictures(complete=False)
    for tserver in world.tservers:
        assert set(tserver.statuses) == {"normal"}
        assert not tserver.stopped
    world.close()


def _untold(config: SimulatorConfig) -> frozenset[str]:
    """Operations whose own events do not say what they are: it depends on who is heard first.

    Who parks a call is released as by hanging up; only the place where it is parked tells the difference, on another subscription. Who
    barges in has an ordinary call, if it is the id of that which goes on, until its ConferenceStarted, or another party's event, comes.
    """
    return frozenset({"park", "barge_in"} if config.transfer_id == "second" else {"park"})


def _without_private_calls(picture: Picture) -> dict[str, list[str]]:
    """What was heard of each call, but for the private call with which a device enters that of others: it may be over when it is told."""
    calls = picture.heard_by_call
    return {call: told for call, told in calls.items() if len(told) != 2 or not told[-1].endswith(" null callPickup")}


@settings(max_examples=2 * EXAMPLES, derandomize=REPEATABLE, phases=PHASES)
@given(CONFIGS, st.sets(st.sampled_from((*USERS, *QUEUES)), min_size=1).map(sorted), scripts(("phone", "fault"), HARMLESS), CHOICES)
def test_all_is_told_once_and_in_order(config: SimulatorConfig, monitored: list[str], script: list[Act], seed: int) -> None:
    heard: list[dict[str, dict[str, list[str]]]] = []
    for with_faults in (True, False):
        # The second link, which comes and goes, makes nothing known that the first one would not know.
        world = World(config, [monitored, monitored[1:]], drift=DRIFT if with_faults else 0.0, seed=seed)
        for act in script:
            act.play(world, with_faults=with_faults, but=_untold(config))
        world.run(SETTLED)
        world.check_pictures()
        heard.append({device: _without_private_calls(picture) for device, picture in world.tservers[0].pictures.items()})
        world.close()
    for device in heard[0]:
        assert heard[0][device] == heard[1][device], device


@settings(max_examples=2 * EXAMPLES, derandomize=REPEATABLE, phases=PHASES)
@given(SCOPES, POLICIES, CONFIGS, MONITORED, scripts(("phone", "desktop", "fault"), (*HARSH, "kill", "kill")), CHOICES)
def test_after_all_channels_were_lost(
    scope: Scope | None, link_loss_policy: str, config: SimulatorConfig, monitored: list[list[str]], script: list[Act], seed: int
) -> None:
    world = World(config, monitored, drift=DRIFT, seed=seed, link_loss_policy=link_loss_policy, scope=scope)
    for act in script:
        act.play(world, one_stays=False)
    heal(world)
    world.run(SLOW_RETRY)
    world.check_pictures(complete=False)
    world.close()
