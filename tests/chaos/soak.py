"""The whole connector on real sockets, with two T-Servers, while XSPs are killed, hung and revived: what was lost, doubled or misplaced.

People play short stories with their phones, each story first while all is well, then over and over while things go wrong. Every monitor
is to hear of a story what it heard the first time. It ends by itself, with exit status 1 if that was not so.
"""

from __future__ import annotations

import argparse
import re
import socket
import statistics
import sys
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import attrs
from twisted.internet import task
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from bwconnector.config import Config, ConnectorOptions, CstaOptions, WebOptions
from bwconnector.csta.connection import CstaConnection, Received
from bwconnector.csta.xml import ED3
from bwconnector.service import ConnectorService
from bwconnector.simulator import demo
from bwconnector.simulator.config import SimulatorConfig
from bwconnector.simulator.service import SimulatorService
from bwconnector.simulator.switch import Switch
from bwconnector.simulator.xsp import Xsp
from bwconnector.xsi.channel import ChannelStatus, State

from .picture import Picture, truth
from .tserver import TServer

TRIOS = 60
"""Groups of three people; each group plays one story at a time."""

SHARED = (20, 40)
"""The first T-Server monitors the trios up to the second number, the other one those from the first number on."""

STORIES = (
    demo.short_call,
    demo.held_call,
    demo.consultation,
    demo.blind_transfer,
    demo.conference,
    demo.outgoing_call,
    demo.busy_number,
    demo.no_answer,
)

PAUSE = (0.7, 1.2)
"""Seconds between what people do: longer than streams drift, so that there is one right sequence."""

SETTLE = 1.5
"""Seconds after the last thing in a story until all of it must have been told."""

DRIFT = 0.1
"""Seconds that a stream may be behind the others."""

REASONS = ("ExplicitDelete", "Expired", "NonResponsiveChannel", "UnknownChannel", "")


class SocketLink(Protocol):
    """A T-Server's end of a link."""

    def __init__(self, tserver: TServer, tally: Tally) -> None:
        self._tserver = tserver
        self._tally = tally
        self._csta = CstaConnection()

    def connectionMade(self) -> None:
        self._tserver.opened(self._write)

    def dataReceived(self, data: bytes) -> None:
        self._csta.receive_data(data)
        for item in self._csta:
            assert isinstance(item, Received), item
            self._tally.events += item.invoke_id == "9999"
            self._tserver.received(item.invoke_id, item.message)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._tserver.closed()

    def _write(self, invoke_id: str, message: Any) -> None:
        transport: Any = self.transport
        transport.write(self._csta.send(invoke_id, message, ED3))


@attrs.define
class Tally:
    """What is counted."""

    events: int = 0
    stories: int = 0
    lost: int = 0
    doubled: int = 0
    misplaced: int = 0
    untrue: int = 0
    faults: Counter[str] = attrs.Factory(Counter)
    detection: list[float] = attrs.Factory(list)
    recovery: list[float] = attrs.Factory(list)
    examples: list[str] = attrs.Factory(list)

    def compare(self, where: str, expected: list[str], heard: list[str]) -> None:
        wanted, had = Counter(expected), Counter(heard)
        self.lost += (wanted - had).total()
        self.doubled += (had - wanted).total()
        self.misplaced += wanted == had and _by_call(expected) != _by_call(heard)
        if _by_call(expected) != _by_call(heard):
            self.examples.append("\n  ".join([f"{where} expected", *expected, "but heard", *heard]))

    @property
    def wrong(self) -> int:
        return self.lost + self.doubled + self.misplaced + self.untrue


def _by_call(lines: list[str]) -> dict[str, list[str]]:
    picture = Picture("")
    picture.heard = lines
    return picture.heard_by_call


class Connector(ConnectorService):
    """Tells when a channel comes or goes."""

    def __init__(self, config: Config, reactor: Any, changed: Callable[[ChannelStatus], None]) -> None:
        super().__init__(config, reactor)
        self._told = changed

    def _channel_changed(self, status: ChannelStatus) -> None:
        super()._channel_changed(status)
        self._told(status)


class Soak:
    """Plays until enough events were told.

    :param events: CSTA events after which it ends
    :param seconds: after which it ends at the latest
    """

    def __init__(self, reactor: Any, events: int, seconds: float, seed: int) -> None:
        self.tally = Tally()
        self._reactor = reactor
        self._events = events
        self._seconds = seconds
        self._random = Random(seed)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        config = Config(
            connector=ConnectorOptions(channel_set_name="soak", app_controller="soak", kpl_interval=2),
            csta=CstaOptions(listen=(f"tcp:{self._port}:interface=127.0.0.1",)),
            web=WebOptions(listen=""),
            simulator=SimulatorConfig(xsps=3, users=3 * TRIOS, demo=False, admin=False, lift_delay=0.5),
        )
        self._connector = Connector(config, reactor, self._channel_changed)
        self._since: dict[str, tuple[str, float]] = {}
        self._expected: dict[tuple[str, str], list[str]] = {}
        self._over = False

    async def run(self) -> None:
        self._connector.startService()
        simulator = self._connector.getServiceNamed("simulator")
        assert isinstance(simulator, SimulatorService)
        self._switch: Switch = simulator.broadworks.switch
        self._broadworks = simulator.broadworks
        self._xsps = simulator.xsps
        users = [user.user_id.partition("@")[0] for user in self._switch.directory.users.values()]
        self._trios = [tuple(users[index : index + 3]) for index in range(0, len(users), 3)]
        first, last = SHARED
        self._tservers = [
            TServer("tserver-1", self._reactor, [user for trio in self._trios[:last] for user in trio]),
            TServer("tserver-2", self._reactor, [user for trio in self._trios[first:] for user in trio]),
        ]
        await self._until(lambda: self._connector.channel_set.up_count == len(self._xsps))
        for tserver in self._tservers:
            endpoint = TCP4ClientEndpoint(self._reactor, "127.0.0.1", self._port)
            await connectProtocol(endpoint, SocketLink(tserver, self.tally))
        await self._until(lambda: all(tserver.ready for tserver in self._tservers))
        await self._all([self._story(trio, story) for trio, story in zip(self._trios, STORIES, strict=False)])
        self.tally.events = self.tally.stories = 0
        self._reactor.callLater(self._seconds, self._stop)
        began = self._reactor.seconds()
        await self._all([*(self._play(trio) for trio in self._trios), self._break_things()])
        self.took = self._reactor.seconds() - began
        self._check_truth()
        await self._connector.stopService()

    def _stop(self) -> None:
        self._over = True

    # Stories

    async def _play(self, trio: tuple[str, ...]) -> None:
        while not self._over:
            await self._sleep(self._random.uniform(0.0, 1.0))
            await self._story(trio, self._random.choice(STORIES))
            self._over = self._over or self.tally.events >= self._events

    async def _story(self, trio: tuple[str, ...], story: Callable[..., demo.Story]) -> None:
        outside = f"+1555999{self._trios.index(trio):04}"
        pictures = [
            (person, tserver.name, tserver.pictures[person]) for tserver in self._tservers for person in trio if person in tserver.devices
        ]
        for _, _, picture in pictures:
            picture.heard.clear()
        for _ in story(self._switch, *trio, outside):
            await self._sleep(self._random.uniform(*PAUSE))
        await self._sleep(SETTLE)
        self.tally.stories += 1
        roles = dict(zip((*trio, outside), "ABCX", strict=True))
        for person, tserver, picture in pictures:
            heard = _anonymous(picture.heard, roles)
            expected = self._expected.setdefault((story.__name__, roles[person]), heard)
            self.tally.compare(f"{tserver} of {person} in {story.__name__}", expected, heard)

    def _check_truth(self) -> None:
        for tserver in self._tservers:
            self.tally.untrue += tserver.stopped + len(set(tserver.statuses) - {"normal"}) + len(tserver.devices) - len(tserver.pictures)
            for person, picture in tserver.pictures.items():
                self.tally.untrue += picture.states != truth(self._switch, person)
                self.tally.untrue += len(picture.faults)
                self.tally.examples += picture.faults

    # Faults

    async def _break_things(self) -> None:
        """One XSP at a time, so that one is always well."""
        while not self._over:
            await self._sleep(self._random.uniform(0.5, 2.0))
            await self._until(lambda: self._over or self._connector.channel_set.up_count == len(self._xsps))
            if not self._over:
                name = self._random.choice(sorted(self._xsps))
                kind = self._random.choice(sorted(FAULTS))
                self.tally.faults[kind] += 1
                await FAULTS[kind](self, self._xsps[name])
        for xsp in self._xsps.values():
            xsp.start()
            xsp.faults.paths.clear()

    async def _kill(self, xsp: Xsp) -> None:
        self._since[xsp.name] = ("lost", self._reactor.seconds())
        await xsp.stop()
        await self._sleep(self._random.uniform(0.5, 4.0))
        self._since[xsp.name] = ("back", self._reactor.seconds())
        xsp.start()

    async def _hang(self, xsp: Xsp) -> None:
        self._since[xsp.name] = ("lost", self._reactor.seconds())
        xsp.faults.paths["/"] = "hang"
        await self._sleep(self._random.uniform(6.0, 9.0))
        self._since[xsp.name] = ("back", self._reactor.seconds())
        xsp.faults.paths.clear()

    async def _terminate(self, xsp: Xsp) -> None:
        reason = self._random.choice(REASONS)
        self._since[xsp.name] = ("lost", self._reactor.seconds())
        for channel in self._broadworks.channels:
            if channel.xsp == xsp.name:
                self._broadworks.channels.close(channel, reason)

    async def _garble(self, xsp: Xsp) -> None:
        """For a while every event comes twice, behind those of other streams, in chunks of any size."""
        xsp.faults.duplicate_events, xsp.faults.chunking, xsp.faults.drift = True, "scattered", DRIFT
        await self._sleep(self._random.uniform(1.0, 4.0))
        xsp.faults.duplicate_events, xsp.faults.chunking, xsp.faults.drift = False, "whole", 0.0

    def _channel_changed(self, status: ChannelStatus) -> None:
        what, since = self._since.get(status.link, ("", 0.0))
        passed = self._reactor.seconds() - since
        if what == "lost" and status.state is State.BACKOFF:
            self.tally.detection.append(passed)
            self._since[status.link] = ("gone", since)
        elif what == "back" and status.state is State.UP:
            self.tally.recovery.append(passed)
            del self._since[status.link]

    # Time

    def _sleep(self, seconds: float) -> Deferred[None]:
        return task.deferLater(self._reactor, seconds)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._sleep(0.02)

    async def _all(self, coroutines: list[Any]) -> None:
        for each in [ensureDeferred(coroutine) for coroutine in coroutines]:
            await each


FAULTS = {"kill": Soak._kill, "hang": Soak._hang, "terminate": Soak._terminate, "garble": Soak._garble}


def _anonymous(lines: list[str], roles: dict[str, str]) -> list[str]:
    """Events of a story without the names of who played it, and with its calls numbered as they appear."""
    calls: dict[str, str] = {}

    def connection(match: re.Match[str]) -> str:
        call_id, device = match.groups()
        return f"{{{calls.setdefault(call_id, f'K{len(calls) + 1}')},{roles.get(device, device)}}}"

    return [re.sub(r"\{([^,}]+),([^}]*)\}", connection, text) for text in lines]


def _times(name: str, values: list[float]) -> str:
    if not values:
        return f"{name}: none"
    return f"{name}: median {statistics.median(values):.2f} s, longest {max(values):.2f} s ({len(values)})"


def main() -> None:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--events", type=int, default=20_000, help="CSTA events to be told")
    parser.add_argument("--seconds", type=float, default=180.0, help="the longest time that it may take")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    async def soak(reactor: Any) -> None:
        run = Soak(reactor, options.events, options.seconds, options.seed)
        await run.run()
        tally = run.tally
        lines = [
            *tally.examples[:3],
            f"{tally.events} CSTA events of {tally.stories} stories in {run.took:.0f} s; faults: {dict(tally.faults)}",
            f"lost {tally.lost}, doubled {tally.doubled}, out of order {tally.misplaced}, untrue {tally.untrue}",
            _times("losses of channels noticed", tally.detection),
            _times("channels back after XSPs were", tally.recovery),
        ]
        sys.stdout.write("\n".join(lines) + "\n")
        if tally.wrong or not tally.stories:
            raise SystemExit(1)

    task.react(lambda reactor: ensureDeferred(soak(reactor)))


if __name__ == "__main__":
    main()
