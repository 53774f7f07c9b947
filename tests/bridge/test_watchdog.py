"""Calls that are older than anybody believes are compared with BroadWorks, and no call too often."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from bwconnector.bridge.bridge import Bridge
from bwconnector.bridge.calls import Call, CallTable, Leg
from bwconnector.bridge.watchdog import AT_A_TIME, INTERVAL, Limits, Watchdog
from bwconnector.csta import messages as csta
from bwconnector.xsi.errors import OutcomeUnknown
from bwconnector.xsi.events import CallEvent, CallSubscription, XsiCall

from .office import DOMAIN, ED3, BroadWorks, FakeSubscriptions, Link, leg, user

ALERTING, AGE = 300.0, 14400.0


class Answering(FakeSubscriptions):
    """Subscriptions whose refreshes are answered by a table."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: dict[str, tuple[XsiCall, ...]] = {}
        self.bridge: Bridge | None = None

    async def refresh(self, target: str) -> None:
        await super().refresh(target)
        assert self.bridge is not None
        self.bridge.event(target, CallSubscription(self.calls.get(target, ())))


class Site:
    def __init__(self, alerting: float = ALERTING, age: float = AGE) -> None:
        self.clock = Clock()
        self.clock.advance(1_000_000.0)
        self.subscriptions = Answering()
        self.failures: list[object] = []
        self.bridge = self.subscriptions.bridge = Bridge(
            clock=self.clock,
            xsi=BroadWorks(),
            subscriptions=self.subscriptions,
            make_waiter=Deferred,
            spawn=self.spawn,
            default_domain=DOMAIN,
            limits=Limits(age, alerting),
        )
        self.bridge.channels_changed(1)
        self.link = Link()
        self.session = self.bridge.link_opened(self.link)
        for number, name in enumerate(("alice", "bob")):
            monitor = csta.MonitorStart(monitor_object=csta.MonitorObject(device_object=name))
            self.session.received(str(number), monitor, ED3)
            self.bridge.event(user(name), CallSubscription())
        self.link.sent.clear()

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        Deferred.fromCoroutine(coroutine).addErrback(self.failures.append)

    def ring(self, call_id: str = "b1", tracking_id: str = "K1", state: str = "Alerting", event: str = "Received") -> XsiCall:
        """A call of dave's, whom nobody monitors, rings at bob's."""
        at_bob = leg(call_id, tracking_id, "Terminator", state, "dave", answer_time=int(state == "Active"))
        self.bridge.event(user("bob"), CallEvent(f"Call{event}Event", (at_bob,)))
        return at_bob

    def wait(self, seconds: float) -> list[str]:
        """Let time pass; the devices that were compared meanwhile."""
        self.subscriptions.refreshed.clear()
        self.clock.pump([10.0] * int(seconds / 10.0))
        assert not self.failures
        return self.subscriptions.refreshed

    def heard(self) -> list[str]:
        return [m for m in self.link.messages if isinstance(m, str)]


def test_a_call_that_rings_for_too_long_and_is_gone_is_ended(log_text: Any) -> None:
    site = Site()
    site.ring()
    assert site.wait(290.0) == []
    assert site.heard() == ["DeliveredEvent"]
    assert site.wait(60.0) == [user("bob")]
    assert site.heard() == ["DeliveredEvent", "ConnectionClearedEvent"]
    assert site.bridge.model.world.counts["repaired"] == 1
    assert "call K1 was stuck" in log_text.getvalue()
    assert site.wait(1000.0) == []
    assert len(site.bridge.model.table) == 0


def test_a_call_that_was_answered_unnoticed_is_corrected() -> None:
    site = Site()
    site.ring()
    site.subscriptions.calls[user("bob")] = (leg("b1", "K1", "Terminator", "Active", "dave", answer_time=1),)
    site.wait(400.0)
    assert site.heard() == ["DeliveredEvent", "EstablishedEvent"]
    assert site.bridge.model.world.counts["repaired"] == 1


def test_a_call_that_really_rings_is_compared_once_within_the_limit() -> None:
    site = Site()
    site.subscriptions.calls[user("bob")] = (site.ring(),)
    assert len(site.wait(3000.0)) == 3000.0 / ALERTING
    assert site.heard() == ["DeliveredEvent"]
    assert site.bridge.model.world.counts["repaired"] == 0


def test_an_old_call_is_compared_and_goes_on() -> None:
    site = Site()
    site.ring()
    site.subscriptions.calls[user("bob")] = (site.ring(state="Active", event="Answered"),)
    assert site.wait(AGE - 20.0) == []
    assert site.wait(60.0) == [user("bob")]
    assert site.wait(AGE - 100.0) == []
    assert site.heard() == ["DeliveredEvent", "EstablishedEvent"]


@pytest.mark.parametrize(("limits", "compared"), [((0.0, AGE), 2), ((ALERTING, 0.0), 96), ((0.0, 0.0), 0)])
def test_a_limit_of_0_is_none(limits: tuple[float, float], compared: int) -> None:
    site = Site(*limits)
    site.subscriptions.calls[user("bob")] = (site.ring(),)
    assert len(site.wait(2.0 * AGE)) == compared
    assert bool(site.clock.getDelayedCalls()) is bool(compared)


def test_many_are_compared_in_turn_each_device_once() -> None:
    clock, table, compared = Clock(), CallTable(), []

    async def compare(device: str) -> None:
        compared.append(device)

    def spawn(coroutine: Coroutine[Any, Any, None]) -> None:
        Deferred.fromCoroutine(coroutine)

    for number in range(50):
        call = Call(f"K{number}")
        table.add(call)
        connection = call.connection(f"u{number // 2}")
        table.add_leg(Leg(connection.device, f"c{number}", call.id, connection))
    watchdog = Watchdog(clock, table, lambda device: device != "u7", compare, spawn, Limits(age=100.0))
    watchdog.start()
    watchdog.start()
    counts = []
    for _ in range(6):
        clock.advance(INTERVAL)
        counts.append(len(compared))
    assert counts == [0, 0, 0, AT_A_TIME // 2 - 1, AT_A_TIME - 1, 24]
    assert compared == [f"u{number}" for number in range(25) if number != 7]
    watchdog.stop()
    assert not clock.getDelayedCalls()


def test_without_a_channel_nothing_is_asked_and_it_goes_on_later(log_text: Any) -> None:
    site = Site()
    site.ring()
    site.bridge.status.operational = False
    assert site.wait(400.0) == []
    site.bridge.status.operational = True
    assert site.wait(400.0) == [user("bob")]


def test_a_comparison_that_cannot_be_had_is_tried_again(log_text: Any) -> None:
    site = Site()
    site.ring()
    site.subscriptions.outcome = OutcomeUnknown("slow")
    assert site.wait(400.0) == [user("bob")]
    site.subscriptions.outcome = None
    assert site.wait(300.0) == [user("bob")]
    assert site.heard() == ["DeliveredEvent", "ConnectionClearedEvent"]


def test_the_end() -> None:
    site = Site()
    site.ring()
    site.subscriptions.outcome = waiting = Deferred()
    site.wait(400.0)
    site.bridge.stop()
    site.subscriptions.outcome = None
    waiting.callback(None)
    site.wait(10.0)
    assert not site.clock.getDelayedCalls()


def test_other_limits_hold_at_once() -> None:
    site = Site(alerting=0, age=0)
    site.bridge.watchdog.change(Limits(0, 100))
    site.subscriptions.calls[user("bob")] = (site.ring(),)
    assert site.wait(90.0) == []
    assert site.wait(60.0) == [user("bob")]
    site.bridge.watchdog.change(Limits(0, 1000))
    assert site.wait(800.0) == []
    site.bridge.watchdog.change(Limits())
    assert site.wait(3000.0) == []
    site.bridge.stop()
    assert not site.clock.getDelayedCalls()


def test_other_limits_before_the_first_channel_is_up() -> None:
    site = Site()
    site.bridge.watchdog.stop()
    site.bridge.watchdog.change(Limits(0, 100))
    site.ring()
    assert site.wait(500.0) == []


def test_suspects_are_those_beyond_a_limit_whether_compared_or_not() -> None:
    site = Site()
    site.ring()
    site.subscriptions.calls[user("bob")] = (site.ring(),)  # BroadWorks has it, too
    site.wait(ALERTING - 10.0)
    assert list(site.bridge.watchdog.suspects()) == []
    site.wait(3 * INTERVAL)
    ((call, limit),) = site.bridge.watchdog.suspects()
    assert (call.id, limit) == ("K1", ALERTING)
