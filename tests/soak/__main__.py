"""The product as a process under calls, faults, links and monitors that come and go, and hostile peers: is it at the end what it was?

Rounds of load end with a time of quiet, in which nobody is connected and nobody has a call. What the connector holds on to then must not
grow from the first such time, which is the warm-up's, to the last. It ends by itself, with exit status 1 if something has grown.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from random import Random
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Protocol

from bwconnector.csta import messages as csta
from tests.chaos.soak import SocketLink, Tally
from tests.chaos.tserver import TServer
from tests.soak.flat import Sample, problems, read, table
from tests.soak.site import Site

USERS = 40
TSERVERS = 6
MONITORED = 25
"""Devices that each T-Server monitors."""

QUIET = 90.0
"""Seconds within which nothing must be left once everybody is gone."""
SETTLED = 8.0
"""Seconds after which idle connections to XSPs are closed, and heartbeats are all that is done."""

SIMULATOR = f"users = {USERS}\ncall-centers = 1\nroute-points = 1\nqueue-time = 10.0\nroute-point-time = 5.0\nring-time = 10.0\n"
CONNECTOR = "[recorder]\nsize = 4194304\n"
"""A recorder that is full before the warm-up is over."""


class RestlessTServer(TServer):
    """A T-Server that stops monitors, too, and starts them again."""

    def restart_monitor(self, random: Random) -> None:
        if self._write is None or not self._monitors:
            return
        reference = random.choice(sorted(self._monitors))
        picture = self._monitors.pop(reference)
        self.pictures.pop(picture.device, None)
        self.ask(csta.MonitorStop(monitor_cross_ref_id=reference))
        self._later(random.uniform(0.0, 2.0), self._start_monitors)

    def received(self, invoke_id: str, message: csta.Message) -> None:
        if isinstance(message, csta.MonitorStop) and message.monitor_cross_ref_id not in self._monitors:
            return  # both have stopped it
        super().received(invoke_id, message)

    def _hear(self, event: csta.Event) -> None:
        if event.monitor_cross_ref_id in self._monitors:  # type: ignore[attr-defined]
            super()._hear(event)


class Link(SocketLink):
    """Its end of the link."""

    def drop(self, politely: bool) -> None:
        transport: Any = self.transport
        transport.loseConnection() if politely else transport.abortConnection()


class Soak:
    """One run.

    :param seconds: how long there is load, the warm-up aside
    :param warm_up: seconds of load before the first time of quiet
    :param rounds: times of quiet after that
    """

    def __init__(self, reactor: Any, seconds: float, warm_up: float, rounds: int, seed: int) -> None:
        self.samples: list[Sample] = []
        self.done: Counter[str] = Counter()
        self.tally = Tally()
        self.site = Site(reactor, 3, SIMULATOR, CONNECTOR)
        self._reactor = reactor
        self._parts = [warm_up, *([seconds / rounds] * rounds)]
        self._random = Random(seed)
        self._loaded = False

    async def run(self) -> None:
        self._began = self._reactor.seconds()
        self.site.start()
        await self.site.ready()
        users = await self.site.admin("GET", "/users")
        self._extensions = [user["extension"] for user in users]
        self._names = [user["user_id"] for user in users]
        self._tservers = [
            RestlessTServer(f"tserver-{number + 1}", self._reactor, self._extensions[number * 3 : number * 3 + MONITORED])
            for number in range(TSERVERS)
        ]
        for seconds in self._parts:
            await self._load(seconds)
            self.samples.append(await self._quiet())
            say(table(self.samples[-1:]).splitlines()[-1] if len(self.samples) > 1 else table(self.samples))

    # Load

    async def _load(self, seconds: float) -> None:
        self._loaded = True
        self._reactor.callLater(seconds, setattr, self, "_loaded", False)
        await gatherResults(
            [
                *(ensureDeferred(self._keep(tserver)) for tserver in self._tservers),
                self._often(0.1, self._phone),
                self._often(0.15, self._use_tserver),
                self._often(0.5, self._restart_monitor),
                self._often(6.0, self._one_fault),
                self._often(45.0, self._lose_all),
                self._often(1.0, self._hostile),
            ],
            consumeErrors=True,
        )

    def _often(self, pause: float, what: Callable[[], Awaitable[None]]) -> Deferred[None]:
        async def repeat() -> None:
            while self._loaded:
                await self._sleep(self._random.uniform(0.5, 1.5) * pause)
                if self._loaded:
                    await what()

        return ensureDeferred(repeat())

    async def _keep(self, tserver: TServer) -> None:
        """Its link comes and goes."""
        while self._loaded:
            await self._sleep(self._random.uniform(0.0, 2.0))
            endpoint = TCP4ClientEndpoint(self._reactor, "127.0.0.1", self.site.csta)
            link = Link(tserver, self.tally)
            try:
                await connectProtocol(endpoint, link)
            except ConnectError:
                continue  # others have taken its place for a while
            self.done["links"] += 1
            until = self._reactor.seconds() + self._random.uniform(5.0, 40.0)
            while self._loaded and tserver.connected and self._reactor.seconds() < until:
                await self._sleep(0.2)
            link.drop(politely=self._random.random() < 0.5)

    async def _phone(self) -> None:
        """Somebody does something with a telephone."""
        name = self._random.choice(OPERATIONS)
        party = self._random.choice(self._names) if self._random.random() < 0.9 else f"+1555999{self._random.randrange(50):04}"
        arguments = {"party": party}
        if name in ADDRESSED:
            arguments["address"] = self._random.choice([*self._extensions, "1501", "1701", "+15559990001"])
        if await self.site.admin("POST", f"/operations/{name}", **arguments) is not None:
            self.done["operations"] += 1
        self.done["operations asked for"] += 1

    async def _use_tserver(self) -> None:
        tserver = self._random.choice(self._tservers)
        if tserver.connected and tserver.pictures:
            tserver.use_phone(self._random, lambda device: self._extensions)
            self.done["requests"] += 1

    async def _restart_monitor(self) -> None:
        self._random.choice(self._tservers).restart_monitor(self._random)
        self.done["monitors restarted"] += 1

    # Faults

    async def _one_fault(self) -> None:
        name = self._random.choice(self.site.xsps)
        kind = self._random.choice(sorted(FAULTS))
        self.done[kind] += 1
        await FAULTS[kind](self, name)

    async def _kill(self, name: str) -> None:
        await self.site.admin("POST", f"/xsps/{name}/kill")
        await self._sleep(self._random.uniform(0.5, 4.0))
        await self.site.admin("POST", f"/xsps/{name}/revive")

    async def _drop(self, name: str) -> None:
        await self.site.admin("POST", f"/xsps/{name}/drop")

    async def _spoil(self, name: str, **faults: Any) -> None:
        await self.site.admin("POST", f"/xsps/{name}/faults", **faults)
        await self._sleep(self._random.uniform(2.0, 6.0))
        await self.site.admin("POST", f"/xsps/{name}/faults", **SOUND)

    async def _hang(self, name: str) -> None:
        await self._spoil(name, paths={"/": "hang"})

    async def _refuse(self, name: str) -> None:
        await self._spoil(name, paths={"/": "503"})

    async def _garble(self, name: str) -> None:
        await self._spoil(name, duplicate_events=True, chunking="scattered", drift=0.1)

    async def _ignore(self, name: str) -> None:
        await self._spoil(name, drop_acks=True, echo=False)

    async def _lose_all(self) -> None:
        self.done["all lost"] += 1
        await gatherResults([ensureDeferred(self._kill(name)) for name in self.site.xsps])

    async def _hostile(self) -> None:
        """Somebody connects who is no T-Server."""
        kind = self._random.choice(sorted(HOSTILE))
        self.done[kind] += 1
        endpoint = TCP4ClientEndpoint(self._reactor, "127.0.0.1", self.site.csta)
        for _ in range(20 if kind == "many links" else 1):
            try:
                link = await connectProtocol(endpoint, Protocol())
            except ConnectError:
                continue
            transport: Any = link.transport
            transport.write(HOSTILE[kind])
            self._reactor.callLater(self._random.uniform(0.0, 3.0), transport.abortConnection)

    # Quiet

    async def _quiet(self) -> Sample:
        """Everybody is gone, and has hung up; what is left."""
        for name in self.site.xsps:
            await self.site.admin("POST", f"/xsps/{name}/revive")
            await self.site.admin("POST", f"/xsps/{name}/faults", **SOUND)
        deadline = self._reactor.seconds() + QUIET
        while self._reactor.seconds() < deadline:
            await self._hang_up()
            await self._sleep(1.0)
            if (await self._sample()).idle:
                break
        await self._sleep(SETTLED)
        samples = []
        for _ in range(8):
            samples.append(await self._sample())
            await self._sleep(0.37)
        return min(samples, key=lambda sample: (sample.sockets, sample.timers))

    async def _hang_up(self) -> None:
        for user in await self.site.admin("GET", "/users"):
            for call in user["calls"]:
                for operation in ("hang_up", "no_answer", "reject"):
                    await self.site.admin("POST", f"/operations/{operation}", party=user["user_id"], call_id=call["call_id"])
        for number in range(50):
            await self.site.admin("POST", "/operations/hang_up", party=f"+1555999{number:04}")

    async def _sample(self) -> Sample:
        return read(self._reactor.seconds() - self._began, await self.site.metrics())

    def _sleep(self, seconds: float) -> Deferred[None]:
        return task.deferLater(self._reactor, seconds)


OPERATIONS = (
    *("dial",) * 6, *("answer",) * 6, *("hang_up",) * 4, "hold", "retrieve", "consult", "transfer_blind", "transfer_consult", "reject",
    "conference_start", "conference_release", "deflect", "park", "park_retrieve", "pickup", "to_voice_mail", "record", "stop_recording",
)  # fmt: skip
ADDRESSED = frozenset({"dial", "consult", "transfer_blind", "deflect"})

SOUND: dict[str, Any] = {"paths": {}, "echo": True, "chunking": "whole", "drift": 0, "duplicate_events": False, "drop_acks": False}
FAULTS: dict[str, Callable[[Soak, str], Coroutine[Any, Any, None]]] = {
    "XSP killed": Soak._kill,
    "stream dropped": Soak._drop,
    "XSP hangs": Soak._hang,
    "XSP refuses": Soak._refuse,
    "stream garbled": Soak._garble,
    "acknowledgements ignored": Soak._ignore,
}

HOSTILE = {
    "silence": b"",
    "half a frame": b"\x00\x00\x10\x000001<MonitorStart",
    "garbage": bytes(range(256)),
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "bad XML": b"\x00\x00\x00\x100001<<<<<<<<" * 100,
    "many links": b"",
}
"""What those send who are no T-Servers."""


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=360.0, help="of load, after the warm-up")
    parser.add_argument(
        "--warm-up", type=float, default=240.0, help="seconds of load before the first comparison, in which caches of bounded size fill"
    )
    parser.add_argument("--rounds", type=int, default=3, help="times of quiet after that")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    async def soak(reactor: Any) -> None:
        run = Soak(reactor, options.seconds, options.warm_up, options.rounds, options.seed)
        try:
            await run.run()
        finally:
            statuses = run.site.stop()
        found = problems(run.samples)
        found += [f"exit status {statuses[0]} of the connector"] if statuses[0] else []
        found += [f"{count} tracebacks in {run.site.folder}/bwconnector.log" for count in [run.site.log.count("Traceback (most")] if count]
        say(", ".join(f"{name}: {count}" for name, count in sorted(run.done.items())) + f", CSTA events: {run.tally.events}")
        say("\n".join(found) if found else "flat")
        if found:
            raise SystemExit(1)

    task.react(lambda reactor: ensureDeferred(soak(reactor)))


if __name__ == "__main__":
    main()
