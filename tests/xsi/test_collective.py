"""Collective subscriptions: one per package for a whole group, and what is going on at each device asked for by requests."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock

from bwconnector.bridge.ports import SubscriptionPort
from bwconnector.xsi.agents import AgentSubscription
from bwconnector.xsi.collective import CollectiveSubscriptions, Scope
from bwconnector.xsi.errors import NoXspAvailable, Refused
from bwconnector.xsi.events import CallEvent, CallSubscription, EventData, HookStatus, SubscriptionEvent, SubscriptionTerminated, XsiCall
from bwconnector.xsi.queues import QueueSubscription
from bwconnector.xsi.subscriptions import SubscriptionSettings

from .samples import subscription
from .test_subscriptions import FakeChannels

ALICE, BOB, STRANGER = "alice@ex.org", "bob@ex.org", "stranger@other.org"
CALLS = "Advanced Call"
GROUP = "serviceprovider/Ent/group/sales"
NO_CALLS = b'<Calls xmlns="http://schema.broadsoft.com/xsi"/>'
ONE_CALL = b'<Calls xmlns="http://schema.broadsoft.com/xsi"><call><callId>a1</callId></call></Calls>'
THE_CALL = (
    b'<Call xmlns="http://schema.broadsoft.com/xsi"><callId>a1</callId><extTrackingId>K1</extTrackingId>'
    b"<personality>Originator</personality><state>Active</state></Call>"
)


def of(kind: str, call_id: str) -> CallEvent:
    return CallEvent(kind, (XsiCall(call_id, "K", "Originator", "Active"),))


class World:
    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        self.channels = FakeChannels()
        self.told: list[tuple[str, EventData]] = []
        self.lost: list[str] = []
        self.subscriptions = CollectiveSubscriptions(
            self.clock,
            self.channels,
            attrs.evolve(SubscriptionSettings("set", "app", resync_interval=0), **settings),
            Scope("group", "Ent/sales"),
            lambda target: target.endswith("@ex.org"),
            lambda target, event: self.told.append((target, event.data)),
        )
        self.subscriptions.on_lost = self.lost.append
        self._sequence = 0

    def subscribe(self, target: str = ALICE, *packages: str) -> Deferred[None]:
        return ensureDeferred(self.subscriptions.subscribe(target, packages or (CALLS,)))

    def live(self, *targets: str) -> World:
        """These devices, subscribed, and without a call."""
        for target in targets:
            self.subscribe(target)
            if GROUP in self.asked:
                self.take(GROUP).answer(subscription("s-1", 86400))
            self.take(f"user/{target}/calls").answer(NO_CALLS)
        self.told.clear()
        return self

    @property
    def asked(self) -> list[str]:
        """Paths of the requests that wait for their answers."""
        return [line.partition(" ")[2] for line in self.channels.waiting]

    def take(self, path: str) -> Any:
        """The oldest request to ``path`` that waits for its answer."""
        return next(each for each in self.channels.asked if not each.waiting.called and each.request.path == path)

    def event(self, data: EventData, target: str = ALICE, subscription_id: str = "s-1") -> None:
        self._sequence += 1
        self.channels.on_event(SubscriptionEvent(str(self._sequence), self._sequence, subscription_id, data, target), "xsp1")


def test_it_is_a_subscription_port() -> None:
    port: SubscriptionPort = World().subscriptions
    assert port.subscribed(ALICE) is False


def test_many_devices_share_one_subscription_for_each_package() -> None:
    world = World()
    first, second = world.subscribe(ALICE), world.subscribe(BOB)
    assert world.asked == [GROUP]
    assert not world.subscriptions.subscribed(ALICE)
    world.take(GROUP).answer(subscription("s-1", 86400))
    assert first.called and second.called
    assert world.subscriptions.subscribed(ALICE) and world.subscriptions.subscribed(BOB)
    assert world.channels.with_snapshots == []  # a renewal would bring nothing
    assert world.subscriptions.live == 1
    assert sorted(world.asked) == [f"user/{ALICE}/calls", f"user/{BOB}/calls"]


def test_the_present_is_told_as_an_initial_event_would_be() -> None:
    world = World()
    world.subscribe(ALICE)
    world.take(GROUP).answer(subscription("s-1", 86400))
    world.take(f"user/{ALICE}/calls").answer(ONE_CALL)
    world.take(f"user/{ALICE}/calls/a1").answer(THE_CALL)
    assert world.told == [(ALICE, CallSubscription((XsiCall("a1", "K1", "Originator", "Active"),)))]


def test_events_that_come_while_the_present_is_asked_for_follow_it() -> None:
    world = World()
    world.subscribe(ALICE)
    world.take(GROUP).answer(subscription("s-1", 86400))
    started = of("CallOriginatedEvent", "a2")
    world.event(started)
    assert world.told == []
    world.take(f"user/{ALICE}/calls").answer(NO_CALLS)
    assert world.told == [(ALICE, CallSubscription()), (ALICE, started)]


def test_an_event_of_a_call_that_is_over_is_not_believed_but_looked_into() -> None:
    world = World().live(ALICE)
    world.event(of("CallAnsweredEvent", "a1"))
    assert world.told == []
    world.take(f"user/{ALICE}/calls").answer(ONE_CALL)
    world.take(f"user/{ALICE}/calls/a1").answer(THE_CALL)
    answered = of("CallAnsweredEvent", "a1")
    world.event(answered)
    assert [type(data) for _, data in world.told] == [CallSubscription, CallEvent]


def test_what_began_since_is_believed() -> None:
    world = World().live(ALICE)
    events = [of("CallReceivedEvent", "a1"), of("CallAnsweredEvent", "a1"), HookStatus("On-Hook")]
    for event in events:
        world.event(event)
    assert world.told == [(ALICE, event) for event in events]
    assert world.asked == []


def test_events_of_devices_that_nobody_wants_are_dropped() -> None:
    world = World().live(ALICE)
    world.event(of("CallReceivedEvent", "b1"), BOB)
    assert world.told == []
    assert world.subscriptions.wants(ALICE) and not world.subscriptions.wants(BOB)


def test_the_owner_of_a_subscription_is_named_otherwise() -> None:
    world = World().live(ALICE)
    event = SubscriptionEvent("e", 1, "s-1", of("CallReceivedEvent", "a1"), "", owner_id=ALICE)
    world.channels.on_event(event, "xsp1")
    assert world.told == [(ALICE, event.data)]


def test_a_device_outside_is_subscribed_by_itself() -> None:
    world = World().live(ALICE)
    world.subscribe(STRANGER)
    world.take(f"user/{STRANGER}").answer(subscription("s-2", 86400))
    assert world.subscriptions.subscribed(STRANGER) and world.subscriptions.wants(STRANGER)
    assert not world.subscriptions.only_changes(STRANGER) and world.subscriptions.only_changes(ALICE)
    assert world.channels.with_snapshots == ["s-2"]
    world.event(HookStatus("On-Hook"), STRANGER, "s-2")
    assert world.told == [(STRANGER, HookStatus("On-Hook"))]
    ensureDeferred(world.subscriptions.refresh(STRANGER))
    assert world.asked == ["subscription/s-2"]


def test_a_lost_event_is_nobodys_so_everybody_is_asked_for() -> None:
    world = World().live(ALICE, BOB)
    world.channels.on_gap("s-1")
    assert sorted(world.asked) == [f"user/{ALICE}/calls", f"user/{BOB}/calls"]


def test_a_subscription_that_had_ended_and_is_made_anew() -> None:
    world = World().live(ALICE)
    world.event(SubscriptionTerminated())
    world.clock.advance(5.0)
    world.take(GROUP).answer(subscription("s-2", 86400))
    assert world.asked == [f"user/{ALICE}/calls"]


def test_all_channels_were_lost() -> None:
    world = World().live(ALICE)
    world.subscriptions.channels_restored()
    assert sorted(world.asked) == ["subscription/s-1", f"user/{ALICE}/calls"]


def test_refresh() -> None:
    world = World().live(ALICE)
    refreshed = ensureDeferred(world.subscriptions.refresh(ALICE))
    assert not refreshed.called
    world.take(f"user/{ALICE}/calls").answer(NO_CALLS)
    assert refreshed.called
    assert world.told == [(ALICE, CallSubscription())]


def test_a_refresh_while_the_present_is_asked_for_asks_once_more() -> None:
    world = World().live(ALICE)
    first, second = (ensureDeferred(world.subscriptions.refresh(ALICE)) for _ in range(2))
    assert second.called and not first.called
    world.take(f"user/{ALICE}/calls").answer(NO_CALLS)
    world.take(f"user/{ALICE}/calls").answer(NO_CALLS)
    assert first.called
    assert world.told == [(ALICE, CallSubscription())] * 2


def test_a_refresh_that_fails() -> None:
    world = World().live(ALICE)
    refreshed = ensureDeferred(world.subscriptions.refresh(ALICE))
    world.take(f"user/{ALICE}/calls").fail(NoXspAvailable("down"))
    assert refreshed.result.type is NoXspAvailable
    refreshed.addErrback(lambda _: None)


def test_a_present_that_cannot_be_had_is_asked_for_again_and_told_as_a_loss() -> None:
    world = World().live(ALICE)
    world.channels.on_gap("s-1")
    world.take(f"user/{ALICE}/calls").fail(NoXspAvailable("down"))
    assert world.lost == [ALICE]
    world.clock.advance(10.0)
    world.take(f"user/{ALICE}/calls").answer(NO_CALLS)
    assert world.told == [(ALICE, CallSubscription())]


def test_a_device_without_calls_to_ask_for_is_left_alone() -> None:
    world = World().live(ALICE)
    world.channels.on_gap("s-1")
    world.take(f"user/{ALICE}/calls").fail(Refused(403))
    world.clock.advance(60.0)
    assert (world.lost, world.asked) == ([], [])


def test_devices_are_asked_for_one_after_the_other() -> None:
    world = World(resync_interval=100.0).live(ALICE, BOB)
    world.clock.advance(100.0)
    assert world.asked == [f"user/{ALICE}/calls"]
    world.clock.advance(50.0)
    assert world.asked == [f"user/{ALICE}/calls", f"user/{BOB}/calls"]


def test_another_interval_holds_at_once() -> None:
    world = World(resync_interval=5000.0).live(ALICE)
    world.subscriptions.change(SubscriptionSettings("set", "app", resync_interval=100.0))
    world.clock.advance(100.0)
    assert world.asked == [f"user/{ALICE}/calls"]
    world.take(f"user/{ALICE}/calls").answer(NO_CALLS)
    world.subscriptions.change(SubscriptionSettings("set", "app", resync_interval=0))
    world.clock.advance(1000.0)
    assert world.asked == []
    world.subscriptions.stop()


def test_a_device_that_comes_and_goes_has_one_turn() -> None:
    world = World(resync_interval=100.0).live(ALICE, BOB)
    for _ in range(3):
        world.subscriptions.release(ALICE)
        world.live(ALICE)
    for _ in range(2):
        world.clock.advance(50.0)
    world.clock.advance(50.0)
    assert sorted(world.asked) == [f"user/{ALICE}/calls", f"user/{BOB}/calls"]


def test_the_last_release_ends_the_subscription() -> None:
    world = World().live(ALICE, BOB)
    world.subscriptions.release(ALICE)
    assert world.asked == []
    world.subscriptions.release(BOB)
    assert world.asked == ["subscription/s-1"]
    assert world.channels.ours == []


@pytest.mark.parametrize("failure", [Refused(403), NoXspAvailable("down")])
def test_refused(failure: Exception) -> None:
    world = World()
    subscribed = world.subscribe(ALICE)
    world.take(GROUP).fail(failure)
    assert subscribed.result.value is failure
    subscribed.addErrback(lambda _: None)
    assert not world.subscriptions.wants(ALICE)


def test_queues_of_the_group() -> None:
    world = World()
    world.subscribe("queue@ex.org", "Call Center Queue")
    world.take(GROUP).answer(subscription("s-1", 86400))
    world.take("callcenter/queue@ex.org/calls").answer(b'<ACDQueue xmlns="http://schema.broadsoft.com/xsi"/>')
    assert world.told == [("queue@ex.org", QueueSubscription())]


def test_states_of_agents_are_asked_for_as_well() -> None:
    world = World()
    world.subscribe(ALICE, CALLS, "Call Center Agent", "Do Not Disturb")
    world.take(GROUP).answer(subscription("s-1", 86400))
    world.take(f"user/{ALICE}/calls").answer(NO_CALLS)
    world.take(f"user/{ALICE}/services/CallCenter").answer(
        b'<CallCenter xmlns="http://schema.broadsoft.com/xsi"><agentACDState>Available</agentACDState></CallCenter>'
    )
    (calls, agent) = world.told
    assert calls == (ALICE, CallSubscription())
    assert isinstance(agent[1], AgentSubscription) and agent[1].state is not None and agent[1].state.state == "Available"


def test_who_is_no_agent_has_no_state_as_one() -> None:
    world = World()
    subscribed = world.subscribe(ALICE, CALLS, "Call Center Agent")
    world.take(GROUP).answer(subscription("s-1", 86400))
    world.take(f"user/{ALICE}/calls").answer(NO_CALLS)
    world.take(f"user/{ALICE}/services/CallCenter").fail(Refused(403))
    assert subscribed.called and world.told == [(ALICE, CallSubscription())] and world.lost == []


def test_stop() -> None:
    world = World(resync_interval=100.0).live(ALICE)
    world.channels.on_gap("s-1")
    world.take(f"user/{ALICE}/calls").fail(NoXspAvailable("down"))
    world.subscriptions.stop()
    assert world.clock.getDelayedCalls() == []
