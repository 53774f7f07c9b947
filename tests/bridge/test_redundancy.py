"""All channels lost and back, gaps that nothing heals, several links: what T-Servers hear, and what stays behind."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from bwconnector.bridge.bridge import LOST_PAUSE, Bridge
from bwconnector.bridge.gaps import EXAMPLES, KEPT, Gap, Gaps
from bwconnector.bridge.repair import LIMIT, STALL
from bwconnector.bridge.session import Session
from bwconnector.bridge.status import MONITOR_STOP, REPAIR
from bwconnector.bridge.switching import Options
from bwconnector.csta import messages as csta
from bwconnector.xsi.events import CallEvent, CallSubscription, XsiCall

from .office import DOMAIN, ED3, BroadWorks, FakeSubscriptions, Link, connection, leg, user

ORIG, TERM = "Originator", "Terminator"
UNAVAILABLE = ("systemResourceAvailibility", "networkOutOfService")


class Site:
    """The whole bridge between a scripted BroadWorks and one link, to begin with."""

    def __init__(self, policy: str = REPAIR) -> None:
        self.clock = Clock()
        self.clock.advance(1000.0)
        self.bw = BroadWorks()
        self.subscriptions = FakeSubscriptions()
        self.failures: list[object] = []
        self.bridge = Bridge(
            clock=self.clock,
            xsi=self.bw,
            subscriptions=self.subscriptions,
            make_waiter=Deferred,
            spawn=self.spawn,
            options=Options(status_on_connect=False),
            link_loss_policy=policy,
            default_domain=DOMAIN,
        )
        self.restored = 0
        self.bridge.restored = self._restored
        self.bridge.channels_changed(2)
        self.link = Link()
        self.session = self.bridge.link_opened(self.link)
        self._asked = 0

    def _restored(self) -> None:
        self.restored += 1

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        Deferred.fromCoroutine(coroutine).addErrback(self.failures.append)

    def open(self, name: str) -> tuple[Link, Session]:
        link = Link(name)
        return link, self.bridge.link_opened(link)

    def ask(self, request: csta.Message, session: Session | None = None) -> str:
        self._asked += 1
        (session or self.session).received(f"{5000 + self._asked}", request, ED3)
        assert not self.failures
        return f"{5000 + self._asked}"

    def answer(self, request: csta.Message) -> Any:
        invoke_id = self.ask(request)
        (found,) = [message for sent, message, _ in self.link.sent if sent == invoke_id]
        return found

    def monitor(self, *names: str, session: Session | None = None) -> None:
        """Monitor devices, whose users have no calls."""
        for name in names:
            self.ask(csta.MonitorStart(monitor_object=csta.MonitorObject(device_object=name)), session)
            self.truth(name)
        self.link.sent.clear()

    def happens(self, name: str, event: str, *legs: XsiCall) -> None:
        self.bridge.event(user(name), CallEvent(f"Call{event}Event", legs))

    def truth(self, name: str, *legs: XsiCall) -> None:
        self.bridge.event(user(name), CallSubscription(legs))

    def heard(self, link: Link | None = None) -> list[str]:
        """What a link got since this was asked last: events and requests by name, a status by its value."""
        link = link or self.link
        names = [m.system_status if isinstance(m, csta.SystemStatus) else m for m in link.messages]
        link.sent.clear()
        return [name if isinstance(name, str) else type(name).__name__ for name in names]

    def talk(self, call: str = "K1") -> None:
        """Alice calls bob, who answers."""
        self.happens("alice", "Originated", leg("a1", call, ORIG, "Alerting", "bob"))
        self.happens("bob", "Received", leg("b1", call, TERM, "Alerting", "alice"))
        self.happens("bob", "Answered", leg("b1", call, TERM, "Active", "alice", answer_time=1))
        self.happens("alice", "Answered", leg("a1", call, ORIG, "Active", "bob", answer_time=1))
        self.link.sent.clear()


# Losing all channels


def test_repair_tells_exactly_the_difference_and_normal_only_when_all_is_compared() -> None:
    site = Site()
    site.monitor("alice", "bob", "carol")
    site.talk()
    site.bridge.channels_changed(1)
    assert site.heard() == []
    site.bridge.channels_changed(0, "xsp1: connection lost")
    assert site.heard() == ["disabled"]
    site.clock.advance(60.0)
    site.bridge.channels_changed(1)
    assert site.restored == 1
    assert site.heard() == []
    site.truth("alice", leg("a1", "K1", ORIG, "Held", "bob", answer_time=1))
    assert site.heard() == ["HeldEvent", "HeldEvent"]
    site.truth("bob", leg("b1", "K1", TERM, "Remote Held", "alice", answer_time=1))
    assert site.heard() == []
    assert site.answer(csta.RequestSystemStatus()).system_status == "disabled"
    site.heard()
    site.truth("carol", leg("c1", "K2", TERM, "Alerting", "dave"))
    assert site.heard() == ["DeliveredEvent", "messagesLost", "normal"]
    assert site.answer(csta.RequestSystemStatus()).system_status == "normal"
    (gap,) = site.bridge.gaps
    assert (gap.started, gap.ended, gap.reason) == (1000.0, 1060.0, "xsp1: connection lost")
    assert (gap.devices, gap.examples, gap.uncompared) == (3, ("alice", "bob", "carol"), 0)
    assert not site.clock.getDelayedCalls()


def test_a_call_that_ended_while_all_was_lost_is_cleared_for_all_who_knew_it() -> None:
    site = Site()
    site.monitor("alice", "bob")
    site.talk()
    site.bridge.channels_changed(0)
    site.bridge.channels_changed(1)
    site.truth("alice")
    site.truth("bob")
    assert site.heard() == [
        "disabled",
        "ConnectionClearedEvent",
        "ConnectionClearedEvent",
        "ConnectionClearedEvent",
        "messagesLost",
        "normal",
    ]
    site.clock.advance(120.0)
    assert len(site.bridge.model.table) == 0


def test_nothing_changed_nothing_told() -> None:
    site = Site()
    site.monitor("alice", "bob")
    site.talk()
    site.bridge.channels_changed(0)
    site.bridge.channels_changed(1)
    site.truth("bob", leg("b1", "K1", TERM, "Active", "alice", answer_time=1))
    site.truth("alice", leg("a1", "K1", ORIG, "Active", "bob", answer_time=1))
    assert site.heard() == ["disabled", "messagesLost", "normal"]


def test_without_monitors_repair_is_done_at_once() -> None:
    site = Site()
    site.bridge.channels_changed(0)
    site.bridge.channels_changed(1)
    assert site.heard() == ["disabled", "messagesLost", "normal"]


def test_what_waited_for_others_events_is_told_before_the_loss_is() -> None:
    site = Site()
    site.monitor("alice", "bob")
    site.happens("alice", "Originated", leg("a1", "K1", ORIG, "Alerting", "bob"))
    site.happens("bob", "Received", leg("b1", "K1", TERM, "Alerting", "alice"))
    site.heard()
    site.happens("alice", "Answered", leg("a1", "K1", ORIG, "Active", "bob", answer_time=1))
    assert site.heard() == []
    site.bridge.channels_changed(0)
    assert site.heard() == ["EstablishedEvent", "EstablishedEvent", "disabled"]
    site.clock.advance(10.0)
    assert site.heard() == []


def test_a_fault_in_what_waited_does_not_keep_the_loss_from_being_told(logged_errors: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    site = Site()
    monkeypatch.setattr(site.bridge.model, "catch_up", fail)
    site.bridge.channels_changed(0)
    assert site.heard() == ["disabled"]
    assert len(logged_errors.take()) == 1


def test_requests_are_refused_while_nothing_is_up_and_served_while_it_is_repaired() -> None:
    site = Site()
    site.monitor("alice", "bob")
    site.talk()
    site.bridge.channels_changed(0)
    refused = site.answer(csta.HoldCall(call_to_be_held=connection("K1", "alice")))
    assert (refused.category, refused.value) == UNAVAILABLE
    assert site.bw.asked == []
    site.bridge.channels_changed(1)
    assert isinstance(site.answer(csta.HoldCall(call_to_be_held=connection("K1", "alice"))), csta.HoldCallResponse)
    assert site.answer(csta.RequestSystemStatus()).system_status == "disabled"


def test_devices_that_cannot_be_had_are_not_waited_for_for_ever(log_text: Any) -> None:
    site = Site()
    site.monitor("alice", "bob", "carol")
    site.bridge.channels_changed(0)
    site.bridge.channels_changed(1)
    site.clock.advance(STALL - 1.0)
    site.truth("alice")
    site.clock.advance(STALL - 1.0)
    assert site.heard() == ["disabled"]
    site.clock.advance(1.0)
    assert site.heard() == ["messagesLost", "normal"]
    (gap,) = site.bridge.gaps
    assert gap.uncompared == 2
    assert "2 devices could not be compared" in log_text.getvalue()
    site.truth("bob", leg("b1", "K1", TERM, "Alerting", "dave"))
    assert site.heard() == ["DeliveredEvent"]


def test_a_few_slow_devices_do_not_hold_up_a_site() -> None:
    site = Site()
    site.monitor("alice", "bob")
    repair = site.bridge.repair
    site.bridge.channels_changed(0)
    site.bridge.channels_changed(1)
    repair.begin(str(number) for number in range(100))
    for number in range(100):
        site.clock.pump([1.0] * int(STALL - 1.0))
        repair.compared(str(number))
    assert site.bridge.status.value == "normal"
    (gap,) = site.bridge.gaps
    assert gap.ended == 1000.0 + LIMIT
    assert gap.uncompared > 80


def test_lost_again_before_all_was_compared() -> None:
    site = Site()
    site.monitor("alice", "bob")
    site.bridge.channels_changed(0, "xsp1: connection lost")
    site.bridge.channels_changed(1)
    site.truth("alice")
    site.bridge.channels_changed(0, "xsp2: connection lost")
    site.truth("bob")
    site.clock.advance(2 * LIMIT)
    assert site.heard() == ["disabled"]
    site.bridge.channels_changed(1)
    assert site.restored == 2
    site.truth("bob")
    assert site.heard() == []
    site.truth("alice")
    assert site.heard() == ["messagesLost", "normal"]
    (gap,) = site.bridge.gaps
    assert (gap.reason, gap.ended) == ("xsp1: connection lost", site.clock.seconds())


def test_a_monitor_that_stops_meanwhile_is_not_waited_for() -> None:
    site = Site()
    site.monitor("alice", "bob")
    site.bridge.channels_changed(0)
    site.bridge.channels_changed(1)
    site.truth("alice")
    site.ask(csta.MonitorStop(monitor_cross_ref_id="2"))
    assert site.heard() == ["disabled", "messagesLost", "normal", "MonitorStopResponse"]
    assert not site.clock.getDelayedCalls()


def test_a_link_that_connects_while_it_is_repaired() -> None:
    site = Site()
    site.monitor("alice")
    site.bridge.channels_changed(0)
    site.bridge.channels_changed(1)
    link, session = site.open("tserver-2")
    session.received("1", csta.RequestSystemStatus(), ED3)
    session.received("2", csta.MonitorStart(monitor_object=csta.MonitorObject(device_object="bob")), ED3)
    assert site.heard(link) == ["RequestSystemStatusResponse", "MonitorStartResponse"]
    site.truth("alice")
    assert site.heard(link) == ["messagesLost", "normal"]


def test_monitor_stop_ends_the_monitors_drops_the_calls_and_is_enabled_at_once() -> None:
    site = Site(MONITOR_STOP)
    site.monitor("alice", "bob")
    site.talk()
    site.bridge.channels_changed(0, "xsp1: connection lost")
    assert site.heard() == ["disabled", "MonitorStop", "MonitorStop"]
    assert len(site.bridge.model.table) == 0
    assert site.subscriptions.targets == {}
    refused = site.answer(csta.MonitorStart(monitor_object=csta.MonitorObject(device_object="alice")))
    assert (refused.category, refused.value) == UNAVAILABLE
    site.heard()
    site.clock.advance(5.0)
    site.bridge.channels_changed(1)
    assert site.heard() == ["enabled", "normal"]
    assert site.restored == 0
    (gap,) = site.bridge.gaps
    assert (gap.started, gap.ended, gap.devices) == (1000.0, 1005.0, 2)
    assert not site.clock.getDelayedCalls()


@pytest.mark.parametrize("policy", [MONITOR_STOP, REPAIR])
def test_while_one_channel_lives_nothing_is_told(policy: str) -> None:
    site = Site(policy)
    site.monitor("alice")
    for up in (1, 2, 1, 2, 3, 1):
        site.bridge.channels_changed(up)
    assert site.heard() == []
    assert list(site.bridge.gaps) == []


# Gaps that nothing heals


def test_lost_events_are_told_together() -> None:
    site = Site()
    site.monitor("alice", "bob")
    site.bridge.events_lost(user("alice"))
    assert site.heard() == ["messagesLost", "normal"]
    site.clock.advance(1.0)
    for name in ("alice", "bob", "alice"):
        site.bridge.events_lost(user(name))
    assert site.heard() == []
    site.clock.advance(LOST_PAUSE - 1.0)
    assert site.heard() == ["messagesLost", "normal"]
    assert [(gap.devices, gap.examples) for gap in site.bridge.gaps] == [(1, ("alice",)), (2, ("alice", "bob"))]
    site.clock.advance(LOST_PAUSE)
    assert site.heard() == []
    assert not site.clock.getDelayedCalls()


def test_lost_events_are_no_news_where_all_is_compared_anyhow() -> None:
    site = Site()
    site.monitor("alice")
    site.bridge.channels_changed(0)
    site.bridge.events_lost(user("alice"))
    assert site.heard() == ["disabled"]
    site.bridge.stop()
    assert not site.clock.getDelayedCalls()


def test_the_record_of_gaps_is_bounded() -> None:
    gaps = Gaps()
    for number in range(KEPT + 10):
        gaps.add(Gap.of(number, number, "", {f"{each:03}" for each in range(EXAMPLES + 5)}))
    assert [gap.started for gap in gaps] == list(range(10, KEPT + 10))
    assert all((gap.devices, len(gap.examples)) == (EXAMPLES + 5, EXAMPLES) for gap in gaps)
    assert not gaps.lasts


# Several links


def test_the_other_link_of_a_pair_goes_on_without_a_gap() -> None:
    site = Site()
    other, backup = site.open("tserver-2")
    site.monitor("alice", "bob")
    for name in ("alice", "carol"):
        site.ask(csta.MonitorStart(monitor_object=csta.MonitorObject(device_object=name)), backup)
    site.truth("carol")
    site.heard(other)
    site.happens("alice", "Originated", leg("a1", "K1", ORIG, "Alerting", "bob"))
    site.happens("bob", "Received", leg("b1", "K1", TERM, "Alerting", "alice"))
    assert site.heard(other) == ["OriginatedEvent", "DeliveredEvent"]
    site.session.closed("connection lost")
    assert sorted(site.subscriptions.targets) == [user("alice"), user("carol")]
    site.happens("alice", "Answered", leg("a1", "K1", ORIG, "Active", "bob", answer_time=1))
    site.happens("alice", "Released", leg("a1", "K1", ORIG, "Released", "bob", releasing_party="localRelease"))
    site.clock.advance(5.0)
    assert site.heard(other) == ["EstablishedEvent", "ConnectionClearedEvent"]
    backup.closed("connection lost")
    site.clock.advance(120.0)
    assert site.subscriptions.targets == {}
    assert len(site.bridge.model.table) == 0


def test_links_that_come_and_go_leave_nothing() -> None:
    site = Site()
    site.monitor("alice")
    listeners = len(site.bridge.status.listeners)
    for number in range(300):
        _, session = site.open(f"passing-{number}")
        site.ask(csta.SystemRegister(request_types=frozenset({"systemStatus"})), session)
        if number % 3 == 0:
            site.ask(csta.MonitorStart(monitor_object=csta.MonitorObject(device_object="bob")), session)
        if number % 3 == 1:
            site.subscriptions.outcome = Deferred()
            site.ask(csta.MonitorStart(monitor_object=csta.MonitorObject(device_object="carol")), session)
        session.closed("connection lost")
        if number % 3 == 1:
            assert isinstance(site.subscriptions.outcome, Deferred)
            site.subscriptions.outcome.callback(None)
            site.subscriptions.outcome = None
    assert len(site.bridge.status.listeners) == listeners
    assert sorted(site.subscriptions.targets) == [user("alice")]
    assert site.bridge.monitors.devices() == [user("alice")]
    assert not site.bridge.switch.starting
    assert not site.clock.getDelayedCalls()
    assert not site.failures
