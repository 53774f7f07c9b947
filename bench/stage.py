"""Where a measurement is played: a BroadWorks, a connector or a relay in a process of its own, T-Servers, and rounds of events."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.task import deferLater

from bench.broadworks import BroadWorks, XspPort
from bench.children import ROOT, Child, config_text
from bench.tserver import BenchError, TServer
from bench.verify import check_acknowledgements, check_documents, check_events
from bench.workload import DOMAIN, Mix6, XsiEvent, chunk

__all__ = ["ConnectorStage", "RelayStage", "Round", "Stage"]

BATCH = 16
"""Events that are written to a stream at a time, as BroadWorks' own buffers would have it under load."""
WINDOW = 400
"""Events that may be unanswered at a time: enough that the connector always has some to read, few enough that no buffer only grows."""
ROUND_TIMEOUT = 60.0
SETTLE = 0.1
"""Seconds after the last event that is due in which there must be no further one."""


@dataclass(frozen=True)
class Round:
    """What one round of events took.

    :ivar events: Xsi events
    :ivar cpu: seconds of CPU of the measured process
    :ivar wall: seconds
    :ivar generator: seconds of CPU of this process
    :ivar latencies: seconds from writing an event to reading the CSTA event that it implies; only of a paced round
    """

    events: int
    cpu: float
    wall: float
    generator: float
    latencies: tuple[float, ...] = ()

    @property
    def rate(self) -> float:
        """Events for each second of CPU."""
        return self.events / self.cpu

    @property
    def cost(self) -> float:
        """Microseconds of CPU for each event."""
        return 1e6 * self.cpu / self.events


class Stage(ABC):
    """What connector and relay have in common: rounds."""

    child: Child

    def __init__(self, reactor: Any, channels: int = 1) -> None:
        self.reactor = reactor
        self.broadworks = BroadWorks(reactor)
        self.xsps = [XspPort(self.broadworks) for _ in range(channels)]
        self.links: list[TServer] = []

    async def play(self, sent: Sequence[tuple[int, XsiEvent]], pace: float = 0.0) -> Round:
        """Send events and wait until everything that they imply has come.

        :param pace: events a second; 0 = as fast as the connector takes them
        """
        feed = _Feed(self, sent, pace)
        before = await self.child.ask()
        for link in self.links:
            link.begin()
        began, own = time.perf_counter(), time.process_time()
        await feed.run()
        wall, generator = time.perf_counter() - began, time.process_time() - own
        after = await self.child.ask()
        await deferLater(self.reactor, SETTLE)
        self.check([event for _, event in sent])
        return Round(len(sent), after["cpu"] - before["cpu"], wall, generator, feed.latencies())

    @abstractmethod
    def due(self, events: int) -> int:
        """How many CSTA events a round of so many Xsi events implies on all links."""

    @property
    @abstractmethod
    def answered(self) -> int:
        """Events that have been acknowledged, or forwarded where nothing is acknowledged, since the start."""

    @abstractmethod
    def check(self, events: Sequence[XsiEvent]) -> None:
        """Raise BenchError if something else came out of these events than they imply."""

    async def end(self) -> None:
        for link in self.links:
            link.transport.abortConnection()
        await self.child.end()
        for xsp in self.xsps:
            await xsp.lose()

    async def _connect(self, name: str) -> TServer:
        link = TServer(name)
        await connectProtocol(TCP4ClientEndpoint(self.reactor, "127.0.0.1", self.child.port), link)
        self.links.append(link)
        return link

    async def until(self, condition: Callable[[], bool], what: str, timeout: float = ROUND_TIMEOUT) -> None:
        deadline = time.perf_counter() + timeout
        while not condition():
            if time.perf_counter() > deadline:
                raise BenchError(f"{self.child.name}: {what} did not happen within {timeout:.0f} s\n{self.child.log}")
            await deferLater(self.reactor, 0.005)


class ConnectorStage(Stage):
    """A connector with its T-Servers.

    :param shared: every link monitors every device; otherwise each device is monitored by one link, in turn
    :param options: of ``[Connector]``
    """

    def __init__(
        self,
        reactor: Any,
        directory: Path,
        name: str,
        devices: Iterable[str],
        *,
        channels: int = 1,
        links: int = 1,
        shared: bool = True,
        checkout: Path = ROOT,
        **options: str | int,
    ) -> None:
        super().__init__(reactor, channels)
        self.devices = list(devices)
        self._link_count, self._shared = links, shared
        self.mix = Mix6(self.devices, channels)
        config = directory / f"{name}.toml"
        # this process plays the XSPs too: on a busy machine it may be late with the echo of a heartbeat
        config.write_text(config_text([xsp.port for xsp in self.xsps], **{"kpl_tolerance": 3, **options}))
        config.chmod(0o600)
        self.child = Child(reactor, name, "subject.py", str(config), checkout=checkout)

    async def start(self) -> None:
        """Start it, and a monitor on every device; every package is subscribed when this is over."""
        await self.child.started()
        await self.until(lambda: len(self.broadworks.streams) == len(self.xsps), "the opening of all channels")
        links = [await self._connect(f"tserver-{number + 1}") for number in range(self._link_count)]
        await self.until(lambda: all(link.status == "normal" for link in links), "the system status normal")
        for number, link in enumerate(links):
            await link.start_monitors(self._devices_of(number))
        await self.quiet()
        self.broadworks.take_acknowledgements()

    async def quiet(self) -> None:
        """Wait until there are no more requests."""
        before = -1
        while before != (before := self.broadworks.requests.total()):
            await deferLater(self.reactor, 0.5)

    def _devices_of(self, number: int) -> list[str]:
        return self.devices if self._shared else self.devices[number :: self._link_count]

    def events(self, cycles: int) -> list[tuple[int, XsiEvent]]:
        """The next events."""
        subscriptions = {device: self.broadworks.subscriptions[f"{device}@{DOMAIN}"] for device in self.devices}
        return list(self.mix.cycles(cycles, subscriptions, [stream.id for stream in self.broadworks.streams]))

    def due(self, events: int) -> int:
        return events * (self._link_count if self._shared else 1)

    @property
    def answered(self) -> int:
        return self.broadworks.acknowledged

    def check(self, events: Sequence[XsiEvent]) -> None:
        check_acknowledgements(self.broadworks.take_acknowledgements(), events)
        for link in self.links:
            check_events(link.name, link.monitors, link.kept, events)


class RelayStage(Stage):
    """relaydoc with its one receiver."""

    def __init__(self, reactor: Any) -> None:
        super().__init__(reactor)
        self.child = Child(reactor, "relaydoc", "relay.py", str(self.xsps[0].port))
        self._before = 0

    async def start(self) -> None:
        await self.child.started()
        await self._connect("relay")
        await self.until(lambda: bool(self.broadworks.streams), "the opening of its stream")
        await deferLater(self.reactor, SETTLE)  # the document that opens the channel is forwarded too
        self.links[0].begin()

    def due(self, events: int) -> int:
        return events

    @property
    def answered(self) -> int:
        return self.links[0].received

    def check(self, events: Sequence[XsiEvent]) -> None:
        check_documents(self.links[0].kept, events)


class _Feed:
    """Sends the events of one round, prepared before it begins, and notices its end."""

    def __init__(self, stage: Stage, sent: Sequence[tuple[int, XsiEvent]], pace: float) -> None:
        self._stage = stage
        self._count = len(sent)
        self._due = stage.due(len(sent))
        self._pace = pace
        size = 1 if pace else BATCH
        self._batches = [_batch(sent[start : start + size]) for start in range(0, len(sent), size)]
        self._size = size
        self._next = 0
        self._written: list[float] = []
        self._over: Deferred[None] = Deferred()

    async def run(self) -> None:
        stage = self._stage
        self._answered = stage.answered
        stage.broadworks.on_acknowledged = self._progress
        for link in stage.links:
            link.on_received = self._progress
        self._over.addTimeout(ROUND_TIMEOUT, stage.reactor)
        if self._pace:
            self._began = time.perf_counter()
            self._write_due()
        else:
            self._progress()
        try:
            await self._over
        except TimeoutError:
            missing = self._due - sum(link.received for link in stage.links)
            unanswered = self._count - (stage.answered - self._answered)
            raise BenchError(
                f"{stage.child.name}: {missing} events and {unanswered} acknowledgements did not come\n{stage.child.log}"
            ) from None
        finally:
            stage.broadworks.on_acknowledged = lambda: None
            for link in stage.links:
                link.on_received = lambda: None

    def latencies(self) -> tuple[float, ...]:
        if not self._pace:
            return ()
        (link,) = self._stage.links
        return tuple(link.arrival(number) - written for number, written in enumerate(self._written))

    def _progress(self) -> None:
        answered = self._stage.answered - self._answered
        if not self._pace:
            while self._next < len(self._batches) and self._next * self._size - answered <= WINDOW - self._size:
                self._write()
        if answered >= self._count and sum(link.received for link in self._stage.links) >= self._due and not self._over.called:
            self._over.callback(None)

    def _write(self) -> None:
        for stream, data in self._batches[self._next].items():
            self._stage.broadworks.streams[stream].write(data)
        self._next += 1

    def _write_due(self) -> None:
        now = time.perf_counter()
        while self._next < len(self._batches) and now >= (due := self._began + self._next / self._pace):
            self._written.append(time.perf_counter())
            self._write()
        if self._next < len(self._batches):
            self._stage.reactor.callLater(max(0.0, due - now), self._write_due)


def _batch(sent: Sequence[tuple[int, XsiEvent]]) -> dict[int, bytes]:
    """The chunks of a few events by stream."""
    chunks: dict[int, list[bytes]] = {}
    for stream, event in sent:
        chunks.setdefault(stream, []).append(chunk(event.document))
    return {stream: b"".join(parts) for stream, parts in chunks.items()}
