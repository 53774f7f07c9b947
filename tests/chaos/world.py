"""Telephones, BroadWorks, the connector and its T-Servers on one simulated clock, without a socket."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from random import Random
from typing import Any

import attrs
from hypothesis import note
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from bwconnector.bridge.bridge import Bridge
from bwconnector.bridge.devices import ROUTE_POINT
from bwconnector.bridge.status import MONITOR_STOP
from bwconnector.simulator.broadworks import BroadWorks
from bwconnector.simulator.config import SimulatorConfig
from bwconnector.xsi.channelset import ChannelSet, Link
from bwconnector.xsi.collective import CollectiveSubscriptions, Scope
from bwconnector.xsi.events import Document, SubscriptionEvent
from bwconnector.xsi.opening import ChannelSettings
from bwconnector.xsi.parse import parse, unwanted
from bwconnector.xsi.subscriptions import Subscriptions, SubscriptionSettings

from .phones import ROUTE, USERS, entangled, free_numbers, use_phone
from .picture import truth
from .tserver import MemoryLink, TServer
from .xsps import MemoryXsp

__all__ = ["CONFIGS", "World"]

DOMAIN = "example.net"

CONFIG = SimulatorConfig(users=len(USERS), agents=len(USERS), domain=DOMAIN, ring_time=100_000.0, wrap_up_time=0.1, route_point_time=0.0)
"""Nothing happens by itself but that a click-to-dial's user lifts after a second, and that an agent is soon ready for the next call."""

CONFIGS = st.builds(
    lambda **variation: attrs.evolve(CONFIG, **variation),
    transfer_id=st.sampled_from(["first", "second", "new"]),
    transfer_event=st.sampled_from(["CallTransferredEvent", "CallUpdatedEvent"]),
    released_after_redirected=st.booleans(),
    updated_on_ringing=st.booleans(),
    treatment=st.booleans(),
    colp=st.booleans(),
)
"""All variations of BroadWorks."""

SETTLED = 3.0
"""Longer than everything that waits for something else when all channels are well."""


class World:
    """Everything, with all channels up and all monitors started.

    :param monitored: for each T-Server the devices that it monitors
    :param scope: of collective subscriptions; None with subscriptions of each device
    :param drift: longest time in seconds that a stream may take for a document; how long each takes is random
    """

    def __init__(
        self,
        config: SimulatorConfig,
        monitored: Sequence[Sequence[str]],
        *,
        xsps: int = 3,
        drift: float = 0.0,
        seed: int = 0,
        link_loss_policy: str = MONITOR_STOP,
        scope: Scope | None = None,
    ) -> None:
        self.clock = Clock()
        self.clock.rightNow = 1_700_000_000.0
        self.failures: list[object] = []
        self.scope = scope
        self.broadworks = BroadWorks(config, self.clock)
        self.switch = self.broadworks.switch
        for user in USERS:
            self.switch.agents.set_state(user, "Available")
        self._random = Random(seed)

        def delay() -> float:
            return self._random.uniform(0.001, drift) if drift else 0.001

        self.xsps = [MemoryXsp(f"xsp{number}", self.broadworks, self.clock, delay) for number in range(xsps)]
        settings = ChannelSettings("set", "app", read=self._read)
        self.channels = ChannelSet(self.clock, [Link(xsp, xsp, settings) for xsp in self.xsps], lambda status: self._channel_changed())
        asked = SubscriptionSettings("set", "app")
        self.subscriptions: Subscriptions | CollectiveSubscriptions = (
            Subscriptions(self.clock, self.channels, asked, self._event)
            if scope is None
            else CollectiveSubscriptions(
                self.clock, self.channels, asked, scope, lambda target: self.bridge.directory.in_scope(target), self._event
            )
        )
        self.bridge = Bridge(
            clock=self.clock,
            xsi=self.channels,
            subscriptions=self.subscriptions,
            make_waiter=Deferred,
            spawn=self._spawn,
            link_loss_policy=link_loss_policy,
            default_domain=DOMAIN,
            account=config.user_id,
            kinds={f"{ROUTE}@{DOMAIN}": ROUTE_POINT},
            scope_id=scope.id if scope is not None else "",
        )
        self.bridge.restored = self.channels.on_doubt = self.subscriptions.channels_restored
        self.tservers = [TServer(f"tserver-{number}", self.clock, devices) for number, devices in enumerate(monitored, 1)]
        self._links: dict[str, MemoryLink] = {}
        self.channels.start()
        self.run(1.0)
        for tserver in self.tservers:
            self.connect(tserver)
        self.run(1.0)

    def connect(self, tserver: TServer) -> None:
        self._links[tserver.name] = MemoryLink(tserver, self.bridge)

    def drop(self, tserver: TServer) -> None:
        """The T-Server's link breaks."""
        self._links.pop(tserver.name).drop()

    def _channel_changed(self) -> None:
        self.bridge.channels_changed(self.channels.up_count)

    def _read(self, document: bytes) -> Document:
        return unwanted(document, self.subscriptions.wants) or parse(document)

    def _event(self, target: str, event: SubscriptionEvent) -> None:
        self.bridge.event(target, event.data)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        Deferred.fromCoroutine(coroutine).addErrback(self.failures.append)

    def run(self, seconds: float) -> None:
        """Let time pass, from one thing that is due to the next."""
        end = self.clock.seconds() + seconds
        while self.clock.calls and self.clock.calls[0].getTime() <= end:
            self.clock.advance(max(0.0, self.clock.calls[0].getTime() - self.clock.seconds()))
        self.clock.advance(end - self.clock.seconds())

    def use_phone(self, choice: int, but: frozenset[str] = frozenset()) -> None:
        """Somebody does something with a phone, but none of the operations ``but``."""
        self.tell(use_phone(self.switch, choice, but=but))

    def use_tserver(self, choice: int) -> None:
        """An agent does something with a desktop."""
        random = Random(choice)
        connected = [tserver for tserver in self.tservers if tserver.connected and tserver.devices]
        if connected:
            tserver = random.choice(connected)
            self.tell(
                tserver.use_phone(
                    random,
                    lambda device: free_numbers(self.switch, device),
                    lambda operation, device: entangled(self.switch, operation, [device]),
                )
            )

    def fail_over(self, number: int) -> None:
        """Another Application Server takes over without the calls of one user."""
        self.tell(f"fail over without the calls of {USERS[number]}")
        self.broadworks.fail_over([USERS[number]])

    def tell(self, text: str) -> None:
        """Say what happens, for the report of a failure."""
        note(f"{self.clock.seconds() - 1_700_000_000:8.3f} {text}")

    # What is to be true

    def check_pictures(self, *, complete: bool = True) -> None:
        """Every T-Server sees each of its devices as it is, and was told nothing twice.

        :param complete: nothing was lost or late, so that each call's events begin at its beginning, too
        """
        assert not self.failures
        for tserver in self.tservers:
            for device, picture in tserver.pictures.items():
                heard = "\n".join(picture.heard)
                true = truth(self.switch, device)
                assert picture.states == true, f"{tserver.name} about {device}: {picture.calls} is to be {true}:\n{heard}"
                faults = [fault for fault in picture.faults if complete or fault.startswith("twice")]
                assert not faults, f"{tserver.name} about {device}: {faults} in\n{heard}"

    def heard(self) -> dict[tuple[str, str], list[str]]:
        """What each monitor heard, by T-Server and device."""
        return {(tserver.name, device): picture.heard for tserver in self.tservers for device, picture in tserver.pictures.items()}

    def close(self) -> None:
        """End everything; nothing may be left."""
        for tserver in self.tservers:
            if tserver.connected:
                self.drop(tserver)
        self.run(SETTLED)
        self.subscriptions.stop()
        self.channels.stop()
        self.run(SETTLED)
        self.bridge.stop()
        self.broadworks.stop()
        self.run(SETTLED)
        assert not self.failures
        assert self.clock.getDelayedCalls() == []
