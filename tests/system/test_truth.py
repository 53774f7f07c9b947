"""A busy hour in seconds: whatever people do with their phones, what the T-Servers have heard adds up to what BroadWorks has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from random import Random

import pytest
import pytest_twisted

from bwconnector.csta import messages as csta
from bwconnector.simulator.demo import STORIES
from tests.system.exchange import Exchange, TServer, sleep, until
from tests.system.variations import VARIATIONS

STORIES_TOLD = 24
LOOK_AFTER = 15
"""Steps after which it is compared what is known."""
STATES = {"Alerting": "connected", "Active": "connected", "Remote Held": "connected", "Held": "hold"}


def lives(exchange: Exchange, people: Sequence[str], random: Random) -> Iterator[object]:
    """Three users live through one story after the other; each step is a moment when something has happened."""
    for _ in range(STORIES_TOLD):
        story = random.choice(STORIES)
        caller, called, third = random.sample(people, 3)
        yield from story(exchange.switch, caller, called, third, f"+1555999{random.randrange(10_000):04}")
        yield None


def states(tserver: TServer) -> dict[str, dict[str, str]]:
    """By device and callID, the states that the device's connections have according to its events."""
    known: dict[str, dict[str, str]] = {device: {} for device in tserver.monitors.values()}
    for event in tserver.messages:
        if not isinstance(event, csta.Event):
            continue
        device = known[tserver.monitors[event.monitor_cross_ref_id]]  # type: ignore[attr-defined]
        state = event.local_connection_info  # type: ignore[attr-defined]
        if isinstance(event, csta.TransferedEvent | csta.ConferencedEvent):
            items = event.transferred_connections if isinstance(event, csta.TransferedEvent) else event.conference_connections
            (call,) = {item.new_connection.call_id for item in items if item.new_connection is not None}
            for old in filter(None, (event.primary_old_call, event.secondary_old_call)):
                device.pop(old.call_id or "", None)
        else:
            subject = next(value for name in event.__slots__ if isinstance(value := getattr(event, name, None), csta.ConnectionID))
            call = subject.call_id
        if state == "null":
            device.pop(call or "", None)
        else:
            device[call or ""] = state
    return known


def heard(tserver: TServer) -> dict[str, list[str]]:
    return {device: sorted(calls.values()) for device, calls in states(tserver).items()}


def truth(exchange: Exchange, devices: Sequence[str]) -> dict[str, list[str]]:
    """The states of the calls of each device at BroadWorks; a conference is one call."""
    found = {}
    for device in devices:
        calls = ["alerting" if leg.ringing else STATES[leg.state] for leg in exchange.switch.legs(device)]
        found[device] = sorted(set(calls) if exchange.switch.bridge(device) else calls)
    return found


@pytest.mark.parametrize("exchange", VARIATIONS[::3], indirect=True)
@pytest_twisted.ensureDeferred
async def test_what_is_heard_adds_up(exchange: Exchange) -> None:
    random = Random(5)
    devices = [user.partition("@")[0] for user in exchange.switch.directory.users]
    tservers = [await exchange.connect(), await exchange.connect()]
    for tserver in tservers:
        await tserver.monitor(*devices)
    groups = [lives(exchange, devices[:4], random), lives(exchange, devices[4:], random)]
    for number in count(1):
        if not groups:
            break
        if number % LOOK_AFTER == 0:
            for tserver in tservers:
                await until(lambda tserver=tserver: heard(tserver) == truth(exchange, devices))  # type: ignore[misc]
                assert heard(tserver) == truth(exchange, devices)
        group = random.choice(groups)
        try:
            next(group)
        except StopIteration:
            groups.remove(group)
        await sleep(random.choice((0, 0, 0.01, 0.05)))
    await exchange.forgotten()
    for tserver in tservers:
        assert states(tserver) == {device: {} for device in devices}
        assert tserver.wrong == []
    first, second = ({device: [line for line in t.told if line.startswith(f"{device} ")] for device in devices} for t in tservers)
    assert first == second
    assert exchange.service.channel_set.gaps == 0
