"""Rows W6 and W8: what monitors and live calls take of memory, how long the garbage collector pauses; the start at a large site."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.task import deferLater

from bench.children import Child, config_text
from bench.figures import Goal, Row
from bench.tserver import BenchError, TServer
from bench.workload import device_name

__all__ = ["LargeSite", "Memory"]

START_TIMEOUT = 240.0
BATCH = 500
"""Events at a time: a link that were told of thousands at once would be taken for one that does not read."""


async def _connected(reactor: Any, child: Child, link: TServer) -> dict[str, Any]:
    """Begin; what the process says of itself before anything is monitored."""
    await child.started()
    await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", child.port), link)
    while link.status != "normal":
        await deferLater(reactor, 0.05)
    return await child.ask("collect")


async def _monitored(reactor: Any, link: TServer, monitors: int) -> None:
    """Start so many monitors; in :data:`START_TIMEOUT` seconds, or it fails."""
    started = link.start_monitors([device_name(number) for number in range(monitors)], 200)
    started.addTimeout(START_TIMEOUT, reactor)
    await started


class Memory:
    """One process for each way in which users may have event packages: all that are asked for, or only that of calls."""

    def __init__(self, reactor: Any, directory: Path, *, monitors: int, calls: int) -> None:
        self._reactor = reactor
        self._directory = directory
        self._monitors = monitors
        self._calls = calls
        self._found: dict[str, tuple[float, float, float]] = {}

    async def run(self) -> None:
        for packages in ("calls", "all"):
            self._found[packages] = await self._measure(packages)

    async def _measure(self, packages: str) -> tuple[float, float, float]:
        """KB for each monitor and each call, seconds of the longest pause."""
        config = self._directory / f"W6-{packages}.toml"
        # The flight recorder's ring is of one size, whatever there is: it belongs to neither monitors nor calls.
        config.write_text(config_text([1], resync_interval=0) + "[recorder]\nsize = 0\n")
        config.chmod(0o600)
        child = Child(self._reactor, "W6", "memory_subject.py", str(config), packages)
        link = TServer("tserver-1")
        try:
            before = await _connected(self._reactor, child, link)
            await _monitored(self._reactor, link, self._monitors)
            subscriptions = -1
            while subscriptions != (subscriptions := (await child.ask())["subscriptions"]):
                await deferLater(self._reactor, 0.5)
            monitored = await child.ask("collect")
            link.begin()
            for sent in range(BATCH, 2 * self._calls + BATCH, BATCH):
                last = min(sent, 2 * self._calls)
                await child.ask(f"calls {self._calls} {last}")
                deadline = time.perf_counter() + START_TIMEOUT
                while link.received < last:  # until then they wait in the process to be sent
                    if time.perf_counter() > deadline:
                        raise BenchError(f"W6: {last - link.received} events did not come\n{child.log}")
                    await deferLater(self._reactor, 0.02)
            called = await child.ask("collect")
            if called["calls"] != self._calls or len(link.monitors) != self._monitors:
                raise BenchError(f"W6: {len(link.monitors)} monitors and {called['calls']} calls, not what was asked for\n{child.log}")
        finally:
            link.transport.abortConnection()
            await child.end()
        return (
            (monitored["memory"] - before["memory"]) / 1024 / self._monitors,
            (called["memory"] - monitored["memory"]) / 1024 / self._calls,
            called["pause"],
        )

    def rows(self) -> Iterator[Row]:
        monitor, call, pause = self._found["calls"]
        full, _, full_pause = self._found["all"]
        yield Row(
            "W6 monitor",
            f"memory, {self._monitors} monitors on users with the call package",
            "KB for each",
            (monitor,),
            f"{full:.2f} KB where users have all nine packages",
            Goal(1.5, 1.0, 0.7, more=False),
        )
        yield Row("W6 call", f"memory, {self._calls} live calls", "KB for each", (call,), "", Goal(1.5, 1.0, 0.65, more=False))
        yield Row(
            "W6 pause",
            "the garbage collector's longest pause",
            "ms",
            (1000 * pause,),
            f"{1000 * full_pause:.0f} ms with all nine packages",
        )


class LargeSite:
    """W8: one process that knows every device of an enterprise from its directory, and starts monitors on some of them.

    All is done by requests to XSPs in memory, so the seconds are those of the connector alone.
    """

    def __init__(self, reactor: Any, directory: Path, *, monitors: int, devices: int) -> None:
        self._reactor = reactor
        self._directory = directory
        self._monitors = monitors
        self._devices = devices
        self._took = 0.0
        self._found: dict[str, Any] = {}

    async def run(self) -> None:
        config = self._directory / "W8.toml"
        options = {"subscription_scope": "enterprise", "subscription_scope_id": "bench", "resync_interval": 0}
        config.write_text(config_text([1], **options) + "[recorder]\nsize = 0\n")
        config.chmod(0o600)
        child = Child(self._reactor, "W8", "memory_subject.py", str(config), "calls", str(self._devices))
        link = TServer("tserver-1")
        try:
            before = await _connected(self._reactor, child, link)
            began = time.perf_counter()
            await _monitored(self._reactor, link, self._monitors)
            requests = -1
            while requests != (requests := (await child.ask())["requests"]):
                self._took = time.perf_counter() - began  # until the last device was asked for what is going on there
                await deferLater(self._reactor, 0.5)
            self._found = await child.ask("collect")
            if len(link.monitors) != self._monitors or self._found["devices"] < self._devices:
                raise BenchError(
                    f"W8: {len(link.monitors)} monitors and {self._found['devices']} devices, not what was asked for\n{child.log}"
                )
        finally:
            link.transport.abortConnection()
            await child.end()
        self._found["memory"] -= before["memory"]
        self._found["cpu"] -= before["cpu"]

    def rows(self) -> Iterator[Row]:
        found = self._found
        yield Row(
            "W8",
            f"start of {self._monitors} monitors at a site of {self._devices} devices, XSPs in memory",
            "seconds",
            (self._took,),
            f"{found['cpu']:.1f} s of CPU; {found['requests']} requests; {found['memory'] / 1e6:.0f} MB; "
            f"the garbage collector's longest pause {1000 * found['pause']:.0f} ms",
        )
