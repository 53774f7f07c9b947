"""The simulator as a service: its options, its demo, and its command."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import attrs
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import Clock
from twisted.python.usage import UsageError

from bwconnector.simulator.broadworks import BroadWorks, Target
from bwconnector.simulator.config import ConfigError, SimulatorConfig, read_section
from bwconnector.simulator.demo import STORIES, Demo
from bwconnector.simulator.directory import make_users
from bwconnector.simulator.faults import Faults
from bwconnector.simulator.model import SimEvent, SwitchError
from bwconnector.simulator.service import make_simulator
from bwconnector.simulator.switch import Switch
from bwconnector.simulator.tap import Options, makeService

DEMO_FILE = Path(__file__).parents[2] / "conf" / "demo.toml"


def run_demo(seconds: int, seed: int, calls: int = 4, users: int = 20) -> tuple[list[SimEvent], Switch]:
    clock = Clock()
    events: list[SimEvent] = []
    switch = Switch(make_users(users, "example.net"), now=lambda: int(clock.seconds() * 1000), emit=events.append)
    demo = Demo(switch, clock, calls, seed)
    demo.startService()
    clock.pump([0.5] * (seconds * 2))
    demo.stopService()
    assert clock.getDelayedCalls() == []
    return events, switch


def test_the_demo_repeats_with_its_seed() -> None:
    assert run_demo(300, seed=1)[0] == run_demo(300, seed=1)[0]
    assert run_demo(300, seed=1)[0] != run_demo(300, seed=2)[0]


def test_the_demo_shows_a_bit_of_everything() -> None:
    told = {event.type for event in run_demo(3600, seed=1)[0]}
    assert told >= {
        "CallOriginatedEvent", "CallReceivedEvent", "CallAnsweredEvent", "CallHeldEvent", "CallRetrievedEvent", "CallRedirectedEvent",
        "CallTransferredEvent", "CallPickedUpEvent", "CallReleasingEvent", "CallReleasedEvent", "ConferenceStartedEvent",
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(1, 11))
def test_whoever_watches_the_first_users_sees_something_soon(seed: int) -> None:
    clock = Clock()
    moments = [0.0]

    def note(event: SimEvent) -> None:
        if event.user_id in first and event.type.startswith("Call"):
            moments.append(clock.seconds())

    switch = Switch(make_users(50, "example.net"), now=lambda: int(clock.seconds() * 1000), emit=note)
    first = list(switch.directory.users)[:4]
    demo = Demo(switch, clock, 4, seed)
    demo.startService()
    clock.pump([0.1] * 3000)
    demo.stopService()
    assert moments[1] < 1, "calls begin at once"
    assert max(later - earlier for earlier, later in zip(moments, moments[1:], strict=False)) < 10
    assert moments[-1] > 290


@pytest.mark.parametrize("story", sorted(set(STORIES), key=lambda story: story.__name__))
def test_every_story_runs_to_its_end_and_leaves_no_call(story: object) -> None:
    switch = Switch(make_users(4, "example.net"), now=lambda: 0, emit=lambda event: None)
    assert callable(story)
    pauses = list(story(switch, *(user for user in list(switch.directory.users)[:3]), "+15559990000"))
    assert all(pause > 0 for pause in pauses)
    assert switch.truth() == []


def test_a_story_that_somebody_disturbs_ends_without_leaving_a_call() -> None:
    clock = Clock()
    switch = Switch(make_users(3, "example.net"), now=lambda: 0, emit=lambda event: None)
    demo = Demo(switch, clock, 1, 1)
    demo.startService()
    for _ in range(600):
        clock.advance(1)
        for user in switch.directory.users:
            for leg in switch.legs(user):
                if leg.connected and leg in switch.legs(user):
                    switch.hang_up(user, leg.call.call_id)
    clock.pump([1] * 30)
    assert len(switch.truth()) <= 1
    demo.stopService()


def test_ids_of_events_do_not_repeat_after_a_restart() -> None:
    first, second = (BroadWorks(SimulatorConfig(seed=1), Clock()) for _ in range(2))
    assert first.new_id() != second.new_id()


def test_subscriptions_expire_and_say_so() -> None:
    clock = Clock()
    broadworks = BroadWorks(SimulatorConfig(event_timeout=1e9, ack_timeout=1e9), clock)

    class Stream(list[bytes]):
        write = list.append

        def finish(self) -> None: ...
        def abort(self) -> None: ...
        def ended(self) -> None: ...

    stream = Stream()
    broadworks.channels.add("x", Faults(), stream, owner="o", set_id="s", application_id="", priority=1, weight=1, expires=90_000)
    subscription = broadworks.subscribe("o", Target("User", "alice"), "Advanced Call", "s", "app", 3600)
    clock.advance(0)
    assert b"CallSubscriptionEvent" in stream[-1]
    clock.advance(3600)
    assert b"SubscriptionTerminatedEvent" in stream[-1]
    assert subscription.id not in broadworks.subscriptions
    broadworks.stop()
    assert clock.getDelayedCalls() == []


class Documents(list[bytes]):
    """A stream that keeps what is written."""

    write = list.append

    def finish(self) -> None: ...
    def abort(self) -> None: ...
    def ended(self) -> None: ...


def subscribed(**config: Any) -> tuple[Clock, BroadWorks, Documents]:
    """Alice's calls, on the one channel that there is; what is told of them so far is not in its stream any more."""
    clock, stream = Clock(), Documents()
    broadworks = BroadWorks(SimulatorConfig(users=4, event_timeout=1e9, ack_timeout=1e9, **config), clock)
    broadworks.channels.add("x", Faults(), stream, owner="o", set_id="s", application_id="", priority=1, weight=1, expires=90_000)
    broadworks.subscribe("o", Target("User", "alice"), "Advanced Call", "s", "app", 3600)
    broadworks.subscribe("o", Target("User", "alice"), "Do Not Disturb", "s", "app", 3600)
    clock.advance(0)
    stream.clear()
    return clock, broadworks, stream


def test_another_application_server_tells_what_it_has_of_the_calls() -> None:
    _, broadworks, stream = subscribed()
    broadworks.switch.dial("bob", "alice")
    broadworks.switch.dial("carol", "alice")
    stream.clear()
    broadworks.fail_over(["bob"])
    (told,) = stream
    assert b"CallSubscriptionResyncEvent" in told
    assert told.count(b"<xsi:callId>") == 1
    assert b"carol@example.net" in told
    broadworks.stop()


def test_a_fail_over_without_losses_for_users_without_calls() -> None:
    _, broadworks, stream = subscribed()
    with pytest.raises(SwitchError):
        broadworks.fail_over(["nobody"])
    assert stream == []
    broadworks.fail_over()
    assert b"On-Hook" in stream[0]
    broadworks.stop()


def test_events_of_an_unknown_type() -> None:
    clock, broadworks, stream = subscribed(unknown_events=5.0)
    clock.pump([5.0] * 40)
    assert 0 < len(stream) < 40
    assert all(b"CallHistoryEvent" in document for document in stream)
    broadworks.stop()
    assert clock.getDelayedCalls() == []


def test_an_older_release_does_not_say_why_a_channel_ends() -> None:
    _, broadworks, stream = subscribed(older_release=True)
    (channel,) = broadworks.channels
    broadworks.channels.delete(channel.id)
    assert b"ChannelTerminatedEvent" in stream[0]
    assert b"reason" not in stream[0]
    broadworks.stop()


def test_the_demo_file_shows_every_option_with_its_default() -> None:
    section = tomllib.loads(DEMO_FILE.read_text())["simulator"]
    assert read_section(section) == SimulatorConfig()
    assert {name.replace("-", "_") for name in section} == {field.name for field in attrs.fields(SimulatorConfig)}


def test_everything_wrong_is_told_at_once() -> None:
    section = {"xsps": 0, "users": "many", "colours": 1, "demo": 1, "seed": True, "transfer-id": "third", "ring-time": 5}
    with pytest.raises(ConfigError) as refused:
        read_section(section)
    assert [problem.split()[1].rstrip(":") for problem in refused.value.problems] == [
        "xsps", "users", "colours", "demo", "seed", "transfer-id",
    ]  # fmt: skip


def test_the_command_reads_its_file_and_tells_what_is_wrong(tmp_path: Path) -> None:
    options = Options()
    options.parseOptions(["--config", str(DEMO_FILE)])
    assert options.simulator == SimulatorConfig()
    for text, complaint in (("[simulator]\nxspz = 2", "xspz"), ("simulator = 1", "section"), ("[", "TOML")):
        path = tmp_path / "sim.toml"
        path.write_text(text)
        with pytest.raises(UsageError, match=complaint):
            Options().parseOptions(["--config", str(path)])
    with pytest.raises(UsageError, match="cannot be read"):
        Options().parseOptions(["--config", str(tmp_path / "absent.toml")])


@pytest_twisted.ensureDeferred
async def test_the_service_listens_and_leaves_nothing_behind() -> None:
    options = Options()
    options.parseOptions([])
    made = makeService(options)
    made.startService()
    await made.stopService()
    simulator = make_simulator(SimulatorConfig(xsps=3, demo=False), reactor)
    simulator.startService()
    addresses = simulator.xsp_addresses
    assert len(set(addresses)) == 3
    assert all(port > 0 for _, port in addresses)
    assert simulator.admin_address is not None
    await simulator.stopService()
    again = make_simulator(SimulatorConfig(xsps=1, base_port=addresses[0][1], admin=False, demo=False), reactor)
    again.startService()
    assert again.xsp_addresses == addresses[:1]
    assert again.admin_address is None
    await again.stopService()
