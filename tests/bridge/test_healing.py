"""From the streams of two XSPs to what a T-Server hears, on a clock of the test: events that are lost, and how they are made good."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from bwconnector.bridge.bridge import Bridge
from bwconnector.bridge.status import REPAIR
from bwconnector.bridge.switching import Options
from bwconnector.csta import messages as csta
from bwconnector.xsi.channelset import ChannelSet
from bwconnector.xsi.channelset import Link as ChannelLink
from bwconnector.xsi.errors import Refused
from bwconnector.xsi.events import SubscriptionEvent
from bwconnector.xsi.opening import NEVER, ChannelSettings
from bwconnector.xsi.subscriptions import Subscriptions, SubscriptionSettings

from ..xsi.fakes import Asked, FakeAcks, FakeXsp
from ..xsi.samples import channel, event, subscription
from .office import ED3, Link, profile, user

PATIENCE = 1000
"""Steps within which everything must have come to rest."""


def call(state: str, number: str = "1", personality: str = "Terminator") -> str:
    """Content of an event about a call from outside."""
    return (
        f"<xsi:call><xsi:callId>c{number}</xsi:callId><xsi:extTrackingId>K{number}</xsi:extTrackingId>"
        f"<xsi:personality>{personality}</xsi:personality><xsi:state>{state}</xsi:state>"
        "<xsi:remoteParty><xsi:address>tel:+15559990000</xsi:address><xsi:callType>Network</xsi:callType></xsi:remoteParty></xsi:call>"
    )


class BroadWorks:
    """Answers what two XSPs are asked; events are told one by one."""

    def __init__(self) -> None:
        self.xsps = [FakeXsp("xsp1"), FakeXsp("xsp2")]
        self.calls: dict[str, str] = {}
        """What a refresh tells of a user's calls."""
        self.refuses = False
        """Refreshes are refused for now."""
        self.forgets = False
        """Subscriptions are unknown, as after a failure of the Application Server."""
        self.sequences: dict[str, int] = {}
        self.renewed: list[str] = []
        self._ids = 0
        self._turn = 0

    def answer_all(self) -> None:
        for xsp in self.xsps:
            for asked in [each for each in xsp.asked if not each.waiting.called]:
                self._answer(asked)

    def _answer(self, asked: Asked) -> None:
        method, path = asked.request.method, asked.request.path
        if path.endswith("/profile"):
            asked.answer(profile(path.split("/")[1].partition("@")[0]))
        elif path.endswith("/heartbeat"):
            asked.answer()
        elif method == "POST":
            name = path.removeprefix("user/").partition("@")[0]
            self._ids += 1
            subscription_id = f"{name}-{self._ids}"
            self.sequences[subscription_id] = 0
            asked.answer(subscription(subscription_id, NEVER))
            self.tell(subscription_id, "CallSubscriptionEvent", self.calls.get(name, ""))
        elif method == "PUT":
            subscription_id = path.removeprefix("subscription/")
            self.renewed.append(subscription_id)
            if self.refuses:
                asked.fail(Refused(503))
            elif self.forgets:
                asked.fail(Refused(403, 110862))
            else:
                asked.answer(subscription(subscription_id, NEVER))
                self.tell(subscription_id, "CallSubscriptionEvent", self.calls.get(subscription_id.partition("-")[0], ""))
        else:
            asked.answer()

    def tell(self, subscription_id: str, kind: str, content: str, lost: bool = False) -> None:
        """An event on one of the streams that are open, in turn; or one that gets lost on its way."""
        self.sequences[subscription_id] += 1
        number = self.sequences[subscription_id]
        data = f"<xsi:calls>{content}</xsi:calls>" if kind == "CallSubscriptionEvent" else content
        self._ids += 1
        document = event(
            kind, data, event_id=f"e-{self._ids}", sequence=number, subscription=subscription_id, target=user(subscription_id.split("-")[0])
        )
        opened = [xsp.opened[-1] for xsp in self.xsps]
        streams = [each for each in opened if each.waiting.called and not each.stream.aborted]
        if streams and not lost:
            self._turn += 1
            streams[self._turn % len(streams)].bring(document)


class Site:
    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000.0)
        self.bw = BroadWorks()
        self.failures: list[object] = []
        links = [ChannelLink(xsp, FakeAcks(), ChannelSettings("set", "app", heartbeat_interval=0)) for xsp in self.bw.xsps]
        self.channels = ChannelSet(self.clock, links, lambda status: self.bridge.channels_changed(self.channels.up_count, status.reason))
        self.subscriptions = Subscriptions(
            self.clock, self.channels, SubscriptionSettings("set", "app", resync_interval=0), self._event, uniform=lambda low, high: low
        )
        self.bridge = Bridge(
            clock=self.clock,
            xsi=self.channels,
            subscriptions=self.subscriptions,
            make_waiter=Deferred,
            spawn=self._spawn,
            options=Options(status_on_connect=False),
            link_loss_policy=REPAIR,
            default_domain="example.net",
        )
        self.bridge.restored = self.subscriptions.channels_restored
        self.subscriptions.on_lost = self.bridge.events_lost
        self.channels.start()
        for number, xsp in enumerate(self.bw.xsps):
            xsp.opened[-1].accept()
            xsp.opened[-1].bring(channel(f"ch-{number}", NEVER))
        self.link = Link()
        self.session = self.bridge.link_opened(self.link)

    def _event(self, target: str, event: SubscriptionEvent) -> None:
        self.bridge.event(target, event.data)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        Deferred.fromCoroutine(coroutine).addErrback(self.failures.append)

    def monitor(self, *names: str) -> None:
        for number, name in enumerate(names):
            start = csta.MonitorStart(monitor_object=csta.MonitorObject(device_object=name))
            self.session.received(str(number), start, ED3)
            self.rest()
        self.heard()

    def rest(self) -> None:
        """Everything that is asked now is answered."""
        for _ in range(PATIENCE):
            if not any(xsp.waiting for xsp in self.bw.xsps):
                return
            self.bw.answer_all()
        raise AssertionError("the requests never end")

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)
            self.rest()
        assert not self.failures

    def heard(self) -> list[str]:
        names = [m.system_status if isinstance(m, csta.SystemStatus) else m for m in self.link.messages]
        self.link.sent.clear()
        return [name if isinstance(name, str) else type(name).__name__ for name in names]

    def lose_all(self) -> None:
        for xsp in self.bw.xsps:
            xsp.opened[-1].stream.aborted = True
            xsp.opened[-1].receiver.stream_ended("connection lost")

    def regain(self, number: int = 0) -> None:
        xsp = self.bw.xsps[number]
        while xsp.opened[-1].waiting.called:
            self.clock.advance(0.1)
        xsp.opened[-1].come_up("ch-9", NEVER)
        self.rest()


def of(name: str, site: Site) -> str:
    """The subscription to the calls of a user: the first that was made."""
    return next(each for each in site.bw.sequences if each.startswith(name))


def test_an_event_that_never_comes_is_made_good_before_the_next_one_counts() -> None:
    site = Site()
    site.monitor("alice")
    alice = of("alice", site)
    site.bw.tell(alice, "CallReceivedEvent", call("Alerting"))
    site.bw.tell(alice, "CallAnsweredEvent", call("Active"), lost=True)
    site.bw.calls["alice"] = call("Active")
    site.bw.tell(alice, "HookStatusEvent", "<xsi:hookStatus>Off-Hook</xsi:hookStatus>")
    assert site.heard() == ["DeliveredEvent"]
    site.wait(0.3)
    assert site.bw.renewed == [alice]
    assert site.heard() == ["EstablishedEvent"]
    site.bw.tell(alice, "CallHeldEvent", call("Held"))
    assert site.heard() == ["HeldEvent"]
    assert site.channels.gaps == 1
    assert list(site.bridge.gaps) == []


def test_a_new_call_that_comes_after_a_lost_release_waits_for_the_comparison() -> None:
    site = Site()
    site.monitor("alice")
    alice = of("alice", site)
    site.bw.tell(alice, "CallReceivedEvent", call("Alerting"))
    site.heard()
    site.bw.tell(alice, "CallReleasedEvent", call("Released"), lost=True)
    site.bw.calls["alice"] = call("Alerting", "2")
    site.bw.tell(alice, "CallReceivedEvent", call("Alerting", "2"))
    assert site.heard() == []
    site.wait(0.4)
    assert site.heard() == ["ConnectionClearedEvent", "DeliveredEvent"]


def test_a_gap_that_cannot_be_healed_is_told_once_and_healed_later() -> None:
    site = Site()
    site.monitor("alice", "bob")
    alice = of("alice", site)
    site.bw.tell(alice, "CallReceivedEvent", call("Alerting"))
    site.heard()
    site.bw.refuses = True
    site.bw.tell(alice, "CallReleasedEvent", call("Released"), lost=True)
    site.bw.tell(alice, "CallReceivedEvent", call("Alerting", "2"))
    site.bw.calls["alice"] = call("Alerting", "2")
    site.wait(2.2)
    assert site.heard() == []
    site.wait(0.5)  # a second call's Delivered has to wait for P-GUARD
    assert site.heard() == ["messagesLost", "normal", "DeliveredEvent"]
    (gap,) = site.bridge.gaps
    assert gap.examples == ("alice",)
    site.bw.refuses = False
    site.wait(10.0)
    assert site.heard() == ["ConnectionClearedEvent"]


def test_all_channels_lost_and_the_calls_have_moved_on() -> None:
    site = Site()
    site.monitor("alice", "bob")
    site.bw.tell(of("alice", site), "CallReceivedEvent", call("Alerting"))
    site.bw.tell(of("bob", site), "CallReceivedEvent", call("Alerting", "3"))
    site.heard()
    site.lose_all()
    assert site.heard() == ["disabled"]
    site.bw.calls = {"alice": call("Active") + call("Alerting", "2"), "bob": ""}
    site.wait(2.0)
    site.regain()
    assert site.heard() == ["EstablishedEvent", "DeliveredEvent", "ConnectionClearedEvent", "messagesLost", "normal"]
    site.bw.tell(of("alice", site), "CallReleasedEvent", call("Released"))
    site.wait(1.0)
    assert site.heard() == ["ConnectionClearedEvent"]
    assert site.channels.gaps == 0


def test_all_channels_lost_and_broadworks_has_forgotten_the_subscriptions() -> None:
    site = Site()
    site.monitor("alice", "bob")
    site.bw.tell(of("alice", site), "CallReceivedEvent", call("Alerting"))
    site.heard()
    site.lose_all()
    before = set(site.bw.sequences)
    site.bw.forgets = True
    site.regain(1)
    assert site.heard() == ["disabled", "ConnectionClearedEvent", "messagesLost", "normal"]
    site.bw.forgets = False
    (alice, *_) = [each for each in site.bw.sequences if each not in before and each.startswith("alice")]
    site.bw.tell(alice, "CallReceivedEvent", call("Alerting", "5"))
    assert site.heard() == ["DeliveredEvent"]


def test_events_that_come_before_the_comparison_wait_for_it() -> None:
    site = Site()
    site.monitor("alice")
    alice = of("alice", site)
    site.bw.tell(alice, "CallReceivedEvent", call("Alerting"))
    site.heard()
    site.lose_all()
    xsp = site.bw.xsps[0]
    while xsp.opened[-1].waiting.called:
        site.clock.advance(0.1)
    xsp.opened[-1].come_up("ch-9", NEVER)
    # the refresh is on its way; meanwhile a call comes to its end of which only the end is seen
    site.bw.tell(alice, "CallReceivedEvent", call("Alerting", "2"), lost=True)
    site.bw.tell(alice, "CallReleasedEvent", call("Released", "2"))
    site.bw.calls["alice"] = ""
    assert site.heard() == ["disabled"]
    site.rest()
    assert site.heard() == ["ConnectionClearedEvent", "messagesLost", "normal"]


def test_a_restarted_application_server_counts_anew() -> None:
    site = Site()
    site.monitor("alice")
    alice = of("alice", site)
    for state, kind in (("Alerting", "CallReceivedEvent"), ("Active", "CallAnsweredEvent"), ("Held", "CallHeldEvent")):
        site.bw.tell(alice, kind, call(state))
    site.heard()
    site.bw.sequences[alice] = 0
    site.bw.tell(alice, "CallSubscriptionEvent", "")
    site.wait(0.5)
    assert site.bw.renewed == [alice]
    assert site.heard() == ["ConnectionClearedEvent"]
    site.bw.tell(alice, "CallReceivedEvent", call("Alerting", "2"))
    assert site.heard() == ["DeliveredEvent"]
