"""What holds for every call and every arrival order (I1-I8): random calls at the simulated switch, over streams that drift."""

from __future__ import annotations

import random
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from bwconnector.bridge.changes import Change
from bwconnector.bridge.monitors import Monitors
from bwconnector.csta import messages as csta
from bwconnector.csta.xml import ED3
from tests.bridge.flows import Flow, line
from tests.bridge.links import FakeLink
from tests.bridge.scenarios import talk
from tests.bridge.switchboard import BASIC, CONFERENCES, EVERYTHING, HELPING, MOVING, NAMES, Switchboard, script, variation

SEEDS = st.integers(min_value=0, max_value=2**32)


def board(seed: int, operations: tuple[str, ...], pause: float = 0.0, watch: Callable[[Switchboard], object] | None = None) -> Switchboard:
    """A day at the switch, until all have hung up."""
    rng = random.Random(seed)
    monitored = [name for name in NAMES if rng.random() < 0.7] or ["alice"]
    switchboard = Switchboard(monitored, variation(rng), rng)
    if watch is not None:
        watch(switchboard)
    for happening in script(rng, operations, 60, pause):
        switchboard.do(happening)
    switchboard.quiet()
    switchboard.hang_up_everywhere()
    return switchboard


def describe(switchboard: Switchboard, device: str) -> list[str]:
    return [line(change, device) for change in switchboard.heard[device]]


def by_call(switchboard: Switchboard, device: str) -> dict[str, list[str]]:
    """What a monitor heard of each call; two calls of one device are told in streams of their own, whose order nobody knows."""
    told: dict[str, list[str]] = {}
    for change in switchboard.heard[device]:
        told.setdefault(change.subject.call_id, []).append(line(change, device))
    return told


_BIRTHS = frozenset(
    {"ServiceInitiatedEvent", "OriginatedEvent", "DeliveredEvent", "QueuedEvent", "EstablishedEvent", "RetrievedEvent", "DivertedEvent"}
)


class _View:
    """The calls of one monitor, as it has been told of them."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.calls: set[str] = set()

    def hear(self, change: Change) -> None:
        call, local = change.subject.call_id, change.states[self.device]
        if change.items:
            self._renamed(change)
        elif call not in self.calls:
            assert change.kind in _BIRTHS, f"{line(change, self.device)} is no birth"
            assert change.subject.device == self.device, f"{line(change, self.device)} is about somebody else"
            self.calls.add(call)
        if local == "null":
            self.calls.discard(call)

    def _renamed(self, change: Change) -> None:
        mine = [item for item in change.items if item.new.device == self.device]
        entering = change.kind == "ConferencedEvent" and change.target == self.device
        known = {change.subject.call_id, change.secondary.call_id if change.secondary else ""} & self.calls
        assert known or entering, f"{line(change, self.device)} tells of calls that were never told"
        self.calls -= known
        self.calls |= {item.new.call_id for item in mine}


@given(seed=SEEDS, operations=st.sampled_from([BASIC, MOVING, CONFERENCES, HELPING, EVERYTHING]))
def test_i1_every_view_begins_with_a_birth_and_ends_with_null(operations: tuple[str, ...], seed: int) -> None:
    switchboard = board(seed, operations)
    for device, changes in switchboard.heard.items():
        view = _View(device)
        for change in changes:
            view.hear(change)
        assert view.calls == set(), describe(switchboard, device)


@given(seed=SEEDS)
def test_i2_nothing_is_told_twice(seed: int) -> None:
    switchboard = board(seed, EVERYTHING)
    for device, changes in switchboard.heard.items():
        told = [(change.kind, change.subject, change.secondary) for change in changes]
        for before, after in zip(told, told[1:], strict=False):
            assert before != after, describe(switchboard, device)


@given(seed=SEEDS)
def test_i3_a_monitored_device_that_answers_was_alerting(seed: int) -> None:
    unannounced: list[str] = []

    def watch(switchboard: Switchboard) -> None:
        def look(change: Change, devices: tuple[str, ...]) -> None:
            device = change.subject.device
            answers = change.kind == "EstablishedEvent" and change.cause != "callPickup"
            if answers and device in switchboard.monitored and not change.call.connections[device].alerted:
                unannounced.append(line(change, device))

        switchboard.watchers.append(look)

    board(seed, EVERYTHING, watch=watch)
    assert unannounced == []


@given(seed=SEEDS)
def test_i4_held_and_retrieved_alternate(seed: int) -> None:
    held: set[tuple[str, str]] = set()
    wrong: list[str] = []

    def look(change: Change, devices: tuple[str, ...]) -> None:
        key = (change.subject.call_id, change.subject.device)
        if change.belated:
            return
        if change.items:
            # a conference ends its controller's hold, a transfer the transferring device's; others go on under the new callID
            renamed = {(i.old.call_id, i.old.device): (i.new.call_id, i.new.device) for i in change.items if i.old is not None}
            going_on = {renamed.get(one, one) for one in held if one[1] != change.acting or one not in renamed}
            held.clear()
            held.update(going_on)
        elif change.kind in ("HeldEvent", "RetrievedEvent") and change.cause != "park":
            if (key in held) == (change.kind == "HeldEvent"):
                wrong.append(line(change, change.subject.device))
            held.symmetric_difference_update({key})
        elif change.kind == "ConnectionClearedEvent":
            held.discard(key)

    board(seed, (*BASIC, *CONFERENCES), watch=lambda switchboard: switchboard.watchers.append(look))
    assert wrong == []


@given(seed=SEEDS)
def test_i5_old_connections_were_announced(seed: int) -> None:
    announced: set[str] = set()
    strangers: list[str] = []

    def watch(switchboard: Switchboard) -> None:
        def look(change: Change, devices: tuple[str, ...]) -> None:
            olds = [item.old for item in change.items if item.old is not None]
            strangers.extend(f"{old} in {line(change, devices[0])}" for old in olds if old.call_id not in announced and devices)
            announced.update([change.subject.call_id, *(item.new.call_id for item in change.items)])

        switchboard.watchers.append(look)

    board(seed, EVERYTHING, watch=watch)
    assert strangers == []


@given(seed=SEEDS, drift=st.sampled_from([0.05, 0.1, 0.2]), operations=st.sampled_from([BASIC, MOVING, CONFERENCES, HELPING]))
def test_i6_the_order_of_arrival_does_not_matter(operations: tuple[str, ...], seed: int, drift: float) -> None:
    heard = []
    for late in (0.0, drift):
        rng = random.Random(seed)
        monitored = [name for name in NAMES if rng.random() < 0.7] or ["alice"]
        switchboard = Switchboard(monitored, variation(rng), random.Random(seed + 1), late)
        for happening in script(rng, operations, 40, 1.5):
            switchboard.do(happening)
        switchboard.quiet()
        heard.append({device: by_call(switchboard, device) for device in switchboard.heard})
    assert heard[0] == heard[1]


@given(seed=SEEDS)
def test_i7_nothing_is_left_when_all_have_hung_up(seed: int) -> None:
    switchboard = board(seed, EVERYTHING)
    switchboard.quiet()
    left = {call.id: {c.device: c.state for c in call.alive()} for call in switchboard.model.table}
    assert left == {}
    assert len(switchboard.model.world.steps) == 0
    assert switchboard.clock.getDelayedCalls() == []


def test_i8_two_links_with_the_same_monitors_hear_the_same() -> None:
    monitors = Monitors(str, lambda device, link: False)
    links = [FakeLink("one"), FakeLink("two")]
    for link in links:
        for device in "AB":
            monitors.start(link, device, device, ED3, csta.MonitorFilter())
    flow = Flow("AB")
    flow.model.world.reports._deliver = monitors.deliver
    for user, data in talk():
        flow.say(user, data)
    first, second = links
    assert first.kinds == second.kinds
    assert first.kinds.count("EstablishedEvent") == 2
