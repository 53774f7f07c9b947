from __future__ import annotations

import gc
import random
from collections.abc import Callable
from typing import Any
from weakref import ref

import attrs
import pytest
from lxml import etree
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs

from bwconnector.bridge.ports import SubscriptionPort
from bwconnector.xsi.errors import NoXspAvailable, OutcomeUnknown, Refused
from bwconnector.xsi.events import EventData, HookStatus, SubscriptionEvent, SubscriptionTerminated
from bwconnector.xsi.opening import NEVER
from bwconnector.xsi.requests import Request, Response
from bwconnector.xsi.subscriptions import Subscriptions, SubscriptionSettings

from .fakes import FakeXsp
from .samples import subscription

ALICE = "alice@ex.org"
CALLS = "Advanced Call"
DND = "Do Not Disturb"
POST = f"POST user/{ALICE}"
NO_CHANNEL_SET = Refused(403, 110842)
ON_HOOK = HookStatus("On-Hook")
NO_SUBSCRIPTION = Refused(403, 110862)


class FakeChannels(FakeXsp):
    """What is left of a channel set: requests, and which subscriptions are ours."""

    on_event: Callable[[SubscriptionEvent, str], None]
    on_gap: Callable[[str], None]
    on_lost: Callable[[str], None]

    def __init__(self) -> None:
        super().__init__()
        self.ours: list[str] = []
        self.with_snapshots: list[str] = []

    def adopt(self, subscription_id: str, snapshots: bool = True, collective: bool = False, first: int = 1) -> None:
        self.ours.append(subscription_id)
        if snapshots:
            self.with_snapshots.append(subscription_id)

    def retire(self, subscription_id: str) -> None:
        self.ours.remove(subscription_id)

    async def perform(self, request: Request, timeout: float = 4.0) -> Response:
        return await super().perform(request, timeout)


class World:
    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        # A clock at 0 hides what adds instead of comparing.
        self.clock.advance(1000.0)
        self.channels = FakeChannels()
        self.events: list[tuple[str, SubscriptionEvent]] = []
        self.subscriptions = Subscriptions(
            self.clock,
            self.channels,
            attrs.evolve(SubscriptionSettings("set", "app", resync_interval=0), **settings),
            lambda target, event: self.events.append((target, event)),
            uniform=lambda low, high: high,
        )

    def subscribe(self, *packages: str, target: str = ALICE) -> Deferred[None]:
        return ensureDeferred(self.subscriptions.subscribe(target, packages or (CALLS,)))

    def answer(self, subscription_id: str = "s-1", expires: int = 86400, target: str = ALICE) -> None:
        self.channels.take("POST", f"user/{target}").answer(subscription(subscription_id, expires))

    def live(self, *packages: str, expires: int = 86400) -> World:
        """One target with all its packages subscribed, as s-1, s-2 and so on."""
        subscribed = self.subscribe(*packages)
        for number in range(1, len(packages or (CALLS,)) + 1):
            self.answer(f"s-{number}", expires)
        assert subscribed.called
        assert self.waiting == []
        return self

    @property
    def waiting(self) -> list[str]:
        return self.channels.waiting

    def event(self, subscription_id: str = "s-1", data: EventData = ON_HOOK, target: str = "") -> None:
        self.channels.on_event(SubscriptionEvent("e", 1, subscription_id, data, target_id=target), "link-a")


def failure_of(waiting: Deferred[None]) -> Any:
    failures: list[Any] = []
    waiting.addErrback(lambda failure: failures.append(failure.value))
    (failure,) = failures
    return failure


def packages_asked(world: World) -> list[str]:
    return [
        str(etree.fromstring(asked.request.body or b"").findtext("{*}event"))
        for asked in world.channels.asked
        if asked.request.method == "POST"
    ]


def test_it_is_the_port_that_the_bridge_needs() -> None:
    port: SubscriptionPort = World().subscriptions
    assert port.subscribed(ALICE) is False


# Subscribing and releasing


def test_one_subscription_however_many_want_it() -> None:
    world = World()
    first, second = world.subscribe(), world.subscribe()
    assert world.waiting == [POST]
    assert not world.subscriptions.subscribed(ALICE)
    world.answer()
    assert first.called and second.called
    assert world.subscriptions.subscribed(ALICE)
    assert world.subscribe().called
    assert world.waiting == []
    world.subscriptions.release(ALICE)
    assert world.waiting == ["DELETE subscription/s-1"]
    assert not world.subscriptions.subscribed(ALICE)
    assert world.channels.ours == []


class CallsOnly(FakeChannels):
    """Whoever asks has nothing but calls, and is told so at once."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals: list[ref[Refused]] = []

    async def perform(self, request: Request, timeout: float = 4.0) -> Response:
        if CALLS.encode() not in (request.body or b""):
            raise self.refusal()
        return Response(200, {}, subscription("s-1"))

    def refusal(self) -> Refused:
        refused = Refused(404)
        self.refusals.append(ref(refused))
        return refused


def test_refused_packages_leave_nothing_to_the_garbage_collector() -> None:
    """They are eight for each of thousands of users at once: what they left would be a third of the memory that a monitor takes."""
    world = World()
    channels = CallsOnly()
    world.subscriptions = Subscriptions(
        world.clock, channels, SubscriptionSettings("set", "app"), lambda target, event: None, uniform=lambda low, high: high
    )
    gc.disable()
    try:
        assert world.subscribe(CALLS, DND, "Call Park").called
        assert [refused() for refused in channels.refusals] == [None, None]
    finally:
        gc.enable()
    assert [status.package for status in world.subscriptions.statuses() if status.refused] == ["Call Park", DND]


def test_route_points_are_subscribed_to_in_the_name_of_their_controller() -> None:
    world = World(controller_id="router")
    world.subscribe("Route Point Queue")
    world.subscribe(CALLS, target="bob@ex.org")
    applications = {
        asked.request.target: etree.fromstring(asked.request.body or b"").findtext("{*}applicationId") for asked in world.channels.asked
    }
    assert applications == {f"user/{ALICE}": "router", "user/bob@ex.org": "app"}


@pytest.mark.parametrize("status", [400, 403, 404, 405, 501])
def test_further_packages_follow_the_first(status: int) -> None:
    world = World()
    subscribed = world.subscribe(CALLS, DND, "Call Park")
    assert packages_asked(world) == [CALLS]
    world.answer("s-1")
    assert subscribed.called
    assert packages_asked(world) == [CALLS, DND, "Call Park"]
    world.channels.take("POST", f"user/{ALICE}").fail(Refused(status, 4000))
    world.answer("s-3")
    assert world.channels.ours == ["s-1", "s-3"]
    world.clock.advance(1000.0)
    world.subscribe(CALLS, DND, "Call Park")
    world.subscriptions.channels_restored()
    assert world.waiting == ["PUT subscription/s-1", "PUT subscription/s-3"]
    world.subscriptions.release(ALICE)
    world.subscriptions.release(ALICE)
    assert world.waiting[2:] == ["DELETE subscription/s-1", "DELETE subscription/s-3"]


@pytest.mark.parametrize("failure", [Refused(404), Refused(403, 1), OutcomeUnknown("slow"), NoXspAvailable("none")])
def test_a_refused_first_package_is_the_callers_business(failure: Exception) -> None:
    world = World()
    waiting = [world.subscribe(CALLS, DND), world.subscribe()]
    world.channels.take("POST", f"user/{ALICE}").fail(failure)
    assert [failure_of(each) for each in waiting] == [failure, failure]
    assert world.waiting == []
    assert not world.clock.getDelayedCalls()
    world.subscribe()
    assert world.waiting == [POST]


def test_an_answer_that_cannot_be_read() -> None:
    for body in (b"<html>", b"<Subscription/>"):
        world = World()
        waiting = world.subscribe()
        world.channels.take("POST", f"user/{ALICE}").answer(body)
        assert isinstance(failure_of(waiting), OutcomeUnknown)


def test_released_before_the_answer() -> None:
    world = World()
    waiting = world.subscribe()
    world.subscriptions.release(ALICE)
    world.answer()
    assert waiting.called
    assert world.waiting == ["DELETE subscription/s-1"]
    assert world.channels.ours == []


def test_released_and_wanted_again_before_the_answer() -> None:
    world = World()
    world.subscribe()
    world.subscriptions.release(ALICE)
    world.subscribe()
    second = world.channels.asked[-1]
    second.answer(subscription("s-2"))
    world.answer("s-1")
    assert world.waiting == ["DELETE subscription/s-1"]
    assert world.channels.ours == ["s-2"]


@pytest.mark.parametrize("failure", [Refused(503), OutcomeUnknown("slow"), NO_CHANNEL_SET])
def test_a_further_package_that_fails_for_now_is_tried_again(failure: Exception) -> None:
    world = World()
    world.subscribe(CALLS, DND)
    world.answer("s-1")
    for _ in range(2):
        world.channels.take("POST", f"user/{ALICE}").fail(failure)
        world.clock.advance(4.0)
    world.answer("s-2")
    assert world.channels.ours == ["s-1", "s-2"]


def test_a_failed_delete_is_nobodys_business() -> None:
    world = World().live()
    world.subscriptions.release(ALICE)
    world.channels.take("DELETE", "subscription/s-1").fail(NoXspAvailable("none"))
    world.subscriptions.release(ALICE)


def test_the_start_of_many_is_paced() -> None:
    world = World()
    waiting = [world.subscribe(target=f"u{number}") for number in range(100)]
    assert len(world.waiting) == 32
    for number in range(100):
        world.channels.take("POST", f"user/u{number}").answer(subscription(f"s-{number}"))
        assert len(world.waiting) == min(32, 99 - number)
    assert all(each.called for each in waiting)
    assert world.subscriptions.live == 100


def test_monitors_that_start_do_not_wait_for_further_packages() -> None:
    world = World()
    for number in range(20):
        world.subscribe(CALLS, DND, target=f"u{number}")
        world.answer(f"s-{number}", target=f"u{number}")
    assert len(world.waiting) == 16
    world.subscribe(target="late")
    assert world.waiting[16:] == ["POST user/late"]
    for number, target in enumerate([*(f"u{number}" for number in range(20)), "late"]):
        world.answer(f"d-{number}", target=target)
    assert world.subscriptions.live == 41


# Events


def test_events_bear_their_target() -> None:
    world = World().live()
    world.event()
    world.event(target="ALICE@ex.org")
    world.event("s-9")
    assert [(target, event.target_id) for target, event in world.events] == [(ALICE, ALICE), (ALICE, "ALICE@ex.org")]


def test_only_the_calls_are_told_anew_by_a_refresh() -> None:
    world = World().live(CALLS, DND)
    assert world.channels.with_snapshots == ["s-1"]


def test_a_lost_event_is_told_of_its_target() -> None:
    world = World().live()
    lost: list[str] = []
    world.subscriptions.on_lost = lost.append
    world.channels.on_lost("s-1")
    world.channels.on_lost("never heard of")
    assert lost == [ALICE]


def test_events_that_waited_for_the_answer_find_their_subscription() -> None:
    world = World()
    world.channels.adopt = lambda subscription_id, *_: world.event(subscription_id)  # type: ignore[method-assign]
    world.subscribe()
    world.answer()
    assert [target for target, _ in world.events] == [ALICE]


def test_a_terminated_subscription_is_renewed() -> None:
    world = World().live()
    world.event(data=SubscriptionTerminated())
    assert not world.events
    assert not world.subscriptions.subscribed(ALICE)
    assert world.channels.ours == []
    world.clock.advance(2.0)
    world.answer("s-2")
    assert world.channels.ours == ["s-2"]
    world.event("s-2", SubscriptionTerminated())
    world.clock.advance(2.0)
    assert world.waiting == []
    world.clock.advance(1.0)
    assert world.waiting == [POST]
    world.subscriptions.release(ALICE)
    world.channels.take("POST", f"user/{ALICE}").fail(Refused(404))
    assert not any(call.active() and call.getTime() < 1100 for call in world.clock.getDelayedCalls())


# Keeping them


def test_renewed_at_half_of_what_was_granted() -> None:
    world = World().live(expires=7200)
    world.clock.advance(3599.0)
    assert world.waiting == []
    world.clock.advance(1.0)
    renewal = world.channels.take("PUT", "subscription/s-1")
    assert b"<expires>86400</expires>" in (renewal.request.body or b"")
    renewal.answer(subscription("s-1", 3600))
    world.clock.advance(1800.0)
    assert world.waiting == ["PUT subscription/s-1"]


def test_the_first_package_is_refreshed_regularly() -> None:
    world = World(resync_interval=1800.0).live(CALLS, DND, expires=NEVER)
    world.clock.advance(2399.0)
    assert world.waiting == []
    world.clock.advance(1.0)
    assert world.waiting == ["PUT subscription/s-1"]


@pytest.mark.parametrize(("before", "after", "refreshed"), [(0, 1800, 2400), (7200, 1800, 2400), (1800, 7200, 2400), (1800, 0, 2400)])
def test_another_interval_of_refreshes_holds_at_once_if_it_is_shorter(before: int, after: int, refreshed: int) -> None:
    world = World(resync_interval=before).live(CALLS, DND)
    world.subscriptions.change(SubscriptionSettings("set", "app", resync_interval=after))
    world.clock.advance(refreshed - 1)
    assert world.channels.waiting == []
    world.clock.advance(1)
    assert world.channels.waiting == ["PUT subscription/s-1"]


def test_states_of_agents_are_refreshed_as_regularly_as_calls() -> None:
    world = World(resync_interval=1800.0).live(CALLS, "Call Center Agent", DND, expires=NEVER)
    world.clock.advance(2400.0)
    assert world.waiting == ["PUT subscription/s-1", "PUT subscription/s-2"]


def test_without_end_and_without_resync_nothing_is_due() -> None:
    world = World().live(expires=NEVER)
    assert not world.clock.getDelayedCalls()


def test_what_is_due_first_comes_first() -> None:
    world = World()
    for number, expires in enumerate((9000, 7200, 8000)):
        world.subscribe(target=f"u{number}")
        world.answer(f"s-{number}", expires, target=f"u{number}")
    assert len(world.clock.getDelayedCalls()) == 1
    order: list[str] = []
    for seconds in (3600.0, 400.0, 500.0):
        world.clock.advance(seconds)
        order += world.waiting[len(order) :]
    assert order == ["PUT subscription/s-1", "PUT subscription/s-2", "PUT subscription/s-0"]


def test_a_renewal_that_fails_is_tried_again() -> None:
    world = World().live(expires=7200)
    world.clock.advance(3600.0)
    for wait in (2.0, 3.0, 5.0):
        world.channels.take("PUT", "subscription/s-1").fail(OutcomeUnknown("slow"))
        assert world.waiting == []
        world.clock.advance(wait)
    assert world.waiting == ["PUT subscription/s-1"]


@pytest.mark.parametrize("failure", [NO_SUBSCRIPTION, NO_CHANNEL_SET, Refused(404)])
def test_a_subscription_that_is_gone_is_made_anew(failure: Refused) -> None:
    world = World().live()
    refreshed = ensureDeferred(world.subscriptions.refresh(ALICE))
    world.channels.take("PUT", "subscription/s-1").fail(failure)
    assert world.channels.ours == []
    assert not refreshed.called
    world.answer("s-2")
    assert refreshed.called
    assert world.channels.ours == ["s-2"]


def test_no_channel_set_yet() -> None:
    world = World()
    waiting = world.subscribe()
    world.channels.take("POST", f"user/{ALICE}").fail(NO_CHANNEL_SET)
    assert world.waiting == []
    world.clock.advance(2.0)
    world.answer()
    assert waiting.called
    assert world.channels.ours == ["s-1"]


def test_no_channel_set_for_long() -> None:
    world = World().live()
    world.channels.on_gap("s-1")
    world.channels.take("PUT", "subscription/s-1").fail(NO_CHANNEL_SET)
    for wait in (2.0, 2.0):
        world.channels.take("POST", f"user/{ALICE}").fail(NO_CHANNEL_SET)
        world.clock.advance(wait)
    assert world.waiting == [POST]


def test_refresh() -> None:
    world = World().live()
    refreshed = ensureDeferred(world.subscriptions.refresh(ALICE))
    world.channels.take("PUT", "subscription/s-1").answer(subscription())
    assert refreshed.called
    refused = ensureDeferred(world.subscriptions.refresh(ALICE))
    world.channels.take("PUT", "subscription/s-1").fail(Refused(500))
    assert failure_of(refused).status == 500
    assert ensureDeferred(world.subscriptions.refresh("nobody")).called


def test_gaps_are_refreshed_one_at_a_time() -> None:
    world = World().live()
    for _ in range(3):
        world.channels.on_gap("s-1")
    world.channels.on_gap("never heard of")
    assert world.waiting == ["PUT subscription/s-1"]
    world.channels.take("PUT", "subscription/s-1").answer(subscription())
    assert world.waiting == ["PUT subscription/s-1"]
    world.channels.take("PUT", "subscription/s-1").answer(subscription())
    assert world.waiting == []


def test_all_channels_were_lost() -> None:
    world = World()
    for number in (0, 1):
        world.subscribe(CALLS, DND, target=f"u{number}")
        for package in (0, 1):
            world.answer(f"s-{number}{package}", target=f"u{number}")
    world.subscriptions.channels_restored()
    assert world.waiting == [f"PUT subscription/s-{each}" for each in ("00", "10", "01", "11")]
    world.channels.take("PUT", "subscription/s-00").answer(subscription("s-00"))
    world.channels.take("PUT", "subscription/s-10").fail(NO_SUBSCRIPTION)
    world.answer("s-12", target="u1")
    assert world.channels.ours == ["s-00", "s-01", "s-11", "s-12"]


def test_a_repair_of_all_is_paced_calls_first_and_nobody_who_waits_queues_behind_it() -> None:
    world = World()
    for number in range(40):
        world.subscribe(CALLS, DND, target=f"u{number}")
        for package in (0, 1):
            world.answer(f"s-{number}-{package}", target=f"u{number}")
    assert world.waiting == []
    world.subscriptions.channels_restored()
    assert len(world.waiting) == 16
    world.channels.on_gap("s-39-1")
    refreshed = ensureDeferred(world.subscriptions.refresh("u39"))
    world.subscribe(target="late")
    assert world.waiting[16:] == ["PUT subscription/s-39-0", "POST user/late"]
    world.channels.take("PUT", "subscription/s-39-0").answer(subscription("s-39-0"))
    assert refreshed.called
    world.answer("s-late", target="late")
    order = []
    while world.waiting:
        path = world.waiting[0].removeprefix("PUT ")
        order.append(path)
        world.channels.take("PUT", path).answer(subscription(path.removeprefix("subscription/")))
        assert len(world.waiting) <= 16
    assert order == [f"subscription/s-{number}-{package}" for package in (0, 1) for number in range(40)] + ["subscription/s-39-1"]


def test_refreshes_that_are_asked_for_in_a_burst_are_paced() -> None:
    world = World()
    for number in range(100):
        world.subscribe(target=f"u{number}")
        world.answer(f"s-{number}", target=f"u{number}")
    refreshed = [ensureDeferred(world.subscriptions.refresh(f"u{number}")) for number in range(100)]
    for number in range(100):
        assert len(world.waiting) == min(32, 100 - number)
        world.channels.take("PUT", f"subscription/s-{number}").answer(subscription(f"s-{number}"))
    assert all(each.called for each in refreshed)


def test_the_regular_refreshes_of_many_are_spread() -> None:
    world = World(resync_interval=1800.0, expires=NEVER)
    world.subscriptions._uniform = random.Random(1).uniform
    for number in range(300):
        world.subscribe(target=f"u{number}")
        world.answer(f"s-{number}", NEVER, target=f"u{number}")
    world.clock.advance(1799.0)
    assert world.waiting == []
    begun = []
    for _ in range(10):
        before = len(world.channels.asked)
        for _ in range(61):
            world.clock.advance(1.0)
            for path in [each.removeprefix("PUT ") for each in world.waiting]:
                world.channels.take("PUT", path).answer(subscription(path.removeprefix("subscription/"), NEVER))
        begun.append(len(world.channels.asked) - before)
    assert sum(begun) == 300
    assert all(10 < count < 60 for count in begun)


def test_a_device_that_is_lost_is_told_once_and_tried_ever_more_slowly() -> None:
    world = World().live()
    with capturedLogs() as logs:
        world.channels.on_gap("s-1")
        world.channels.take("PUT", "subscription/s-1").fail(NO_SUBSCRIPTION)
        for wait in (2.0, 3.0, 5.0, 9.0, 17.0, 33.0, 61.0, 61.0):
            world.channels.take("POST", f"user/{ALICE}").fail(Refused(404))
            world.clock.advance(wait)
    assert len([log for log in logs if log["log_level"] == LogLevel.warn]) == 1
    assert world.waiting == [POST]
    world.answer("s-2")
    assert world.subscriptions.subscribed(ALICE)


def test_stop() -> None:
    world = World().live()
    world.subscriptions.stop()
    world.subscriptions.release(ALICE)
    assert world.waiting == []
    assert not world.clock.getDelayedCalls()


@pytest.mark.parametrize("answer", [subscription("s-1", 86400), NoXspAvailable("none")])
def test_a_request_that_is_under_way_when_it_stops_leaves_no_timer(answer: Any) -> None:
    world = World()
    subscribed = world.subscribe()
    subscribed.addErrback(lambda failure: failure.trap(NoXspAvailable))
    request = world.channels.take("POST", f"user/{ALICE}")
    world.subscriptions.stop()
    (request.fail if isinstance(answer, Exception) else request.answer)(answer)
    assert subscribed.called
    assert world.clock.getDelayedCalls() == []


# What ails them


def test_nothing_ails_a_subscription_that_is_renewed() -> None:
    world = World()
    subscribed = world.subscribe()
    assert world.subscriptions.ailing == ()
    world.answer("s-1", expires=3600)
    assert subscribed.called
    assert world.subscriptions.ailing == ()
    (status,) = world.subscriptions.statuses(ALICE)
    assert (status.package, status.id, status.expires, status.trouble) == (CALLS, "s-1", world.clock.seconds() + 3600, "")


def test_one_that_cannot_be_renewed_ails_when_its_grant_is_over() -> None:
    world = World().live(expires=3600)
    over = world.clock.seconds() + 3600
    while world.clock.seconds() < over - 100.0:
        world.clock.advance(50.0)
        while world.waiting:
            world.channels.take("PUT", "subscription/s-1").fail(OutcomeUnknown("no answer"))
    assert world.subscriptions.ailing == ()
    (status,) = world.subscriptions.statuses()
    assert status.trouble == "no answer"
    world.clock.advance(over - world.clock.seconds())
    (ailing,) = world.subscriptions.ailing
    assert (ailing.target, ailing.id, ailing.trouble) == (ALICE, "s-1", "no answer")
    if not world.waiting:
        world.clock.advance(100.0)
    world.channels.take("PUT", "subscription/s-1").answer(subscription("s-1", 3600))
    assert world.subscriptions.ailing == ()


def test_one_that_was_ended_ails_until_it_is_back() -> None:
    world = World().live()
    world.event(data=SubscriptionTerminated())
    (ailing,) = world.subscriptions.ailing
    assert (ailing.target, ailing.id) == (ALICE, "")
    assert "ended" in ailing.trouble
    world.clock.advance(5.0)
    world.answer("s-2")
    assert world.subscriptions.ailing == ()


def test_what_is_not_wanted_any_more_does_not_ail() -> None:
    world = World().live()
    world.event(data=SubscriptionTerminated())
    world.clock.advance(5.0)
    world.subscriptions.release(ALICE)
    world.channels.take("POST", f"user/{ALICE}").fail(OutcomeUnknown("no answer"))
    assert world.subscriptions.ailing == ()
    assert list(world.subscriptions.statuses(ALICE)) == []


def test_a_further_package_does_not_make_a_device_ail() -> None:
    world = World()
    world.subscribe(CALLS, DND)
    world.answer("s-1")
    world.channels.take("POST", f"user/{ALICE}").fail(OutcomeUnknown("no answer"))
    assert world.subscriptions.ailing == ()
    calls, dnd = world.subscriptions.statuses()
    assert (calls.trouble, dnd.trouble, dnd.id) == ("", "no answer", "")


def test_what_was_subscribed_before_is_resumed() -> None:
    world = World()
    world.subscriptions.resume("s-7", ALICE, CALLS, 41)
    assert world.subscriptions.subscribed(ALICE)
    assert world.channels.ours == ["s-7"]
    world.event("s-7")
    assert [target for target, _ in world.events] == [ALICE]
