"""Rows W4 and W7: the start of many monitors, and their return when all XSPs were lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.internet.defer import gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.task import deferLater

from bench.broadworks import BroadWorks, XspPort
from bench.children import Child
from bench.figures import Goal, Row, ratios
from bench.stage import ConnectorStage
from bench.tserver import BenchError, TServer
from bench.workload import device_name

__all__ = ["Recovery", "Starts"]

XSP_DELAY = 0.01
"""Seconds that an XSP takes for an answer in W4."""
UNDER_WAY = 500
"""MonitorStart requests that a T-Server has under way."""
START_TIMEOUT = 120.0
RECOVERY_TIMEOUT = 60.0


class Starts:
    """W4: a new connector in each round, and as many requests of bare treq beside it."""

    def __init__(self, reactor: Any, directory: Path, *, monitors: int, rounds: int) -> None:
        self._reactor = reactor
        self._directory = directory
        self._monitors = monitors
        self._rounds = rounds
        self._rates: list[float] = []
        self._references: list[float] = []

    async def run(self) -> None:
        for number in range(self._rounds):
            self._references.append(self._monitors / await self._reference())
            self._rates.append(self._monitors / await self._start(number))

    async def _reference(self) -> float:
        broadworks = BroadWorks(self._reactor, XSP_DELAY)
        xsp = XspPort(broadworks)
        child = Child(self._reactor, "treq", "treq_client.py", str(xsp.port), str(self._monitors))
        try:
            return float((await child.told)["seconds"])
        finally:
            await child.end()
            await xsp.lose()

    async def _start(self, number: int) -> float:
        devices = [device_name(each) for each in range(self._monitors)]
        stage = ConnectorStage(self._reactor, self._directory, f"W4-{number}", devices)
        stage.broadworks.delay = XSP_DELAY
        try:
            await stage.child.started()
            await stage.until(lambda: bool(stage.broadworks.streams), "the opening of the channel")
            link = TServer("tserver-1")
            await connectProtocol(TCP4ClientEndpoint(self._reactor, "127.0.0.1", stage.child.port), link)
            stage.links.append(link)
            await stage.until(lambda: link.status == "normal", "the system status normal")
            began = time.perf_counter()
            started = link.start_monitors(devices, UNDER_WAY)
            started.addTimeout(START_TIMEOUT, self._reactor)
            await started
            took = time.perf_counter() - began
            if len(link.monitors) != self._monitors or len(stage.broadworks.subscriptions) != self._monitors:
                raise BenchError(f"{len(link.monitors)} monitors and {len(stage.broadworks.subscriptions)} subscriptions were started")
            return took
        finally:
            await stage.end()

    def rows(self) -> Iterator[Row]:
        values = "; ".join(
            f"{name} {min(rates):.0f} to {max(rates):.0f} a second"
            for name, rates in (("monitors", self._rates), ("treq", self._references))
        )
        yield Row(
            "W4",
            f"start of {self._monitors} monitors, XSPs that take 10 ms",
            "rate ÷ bare treq, 32 under way",
            ratios(self._rates, self._references),
            values,
            Goal(1, 2, 4),
        )


class Recovery:
    """W7: three XSPs vanish and return under ``repair``, a few times."""

    def __init__(self, reactor: Any, directory: Path, *, monitors: int, rounds: int) -> None:
        self._reactor = reactor
        self._rounds = rounds
        self._monitors = monitors
        devices = [device_name(number) for number in range(monitors)]
        self._stage = ConnectorStage(
            reactor, directory, "W7", devices, channels=3, link_loss_policy="repair", link_recovery_tout=1, kpl_tolerance=0
        )
        self._took: list[float] = []
        self._up: list[float] = []
        self._requests: list[int] = []

    async def run(self) -> None:
        stage = self._stage
        try:
            await stage.start()
            (link,) = stage.links
            for _ in range(self._rounds):
                await gatherResults([xsp.lose() for xsp in stage.xsps])
                await stage.until(lambda: link.status == "disabled", "the system status disabled")
                await deferLater(self._reactor, 0.5)
                stage.broadworks.requests.clear()
                began = time.perf_counter()
                for xsp in stage.xsps:
                    xsp.return_()
                await stage.until(lambda: bool(stage.broadworks.streams), "the return of a channel", RECOVERY_TIMEOUT)
                up = time.perf_counter()
                self._up.append(up - began)
                await stage.until(lambda: link.status == "normal", "the system status normal", RECOVERY_TIMEOUT)
                self._took.append(time.perf_counter() - up)
                await stage.quiet()
                self._requests.append(stage.broadworks.requests.total())
                if stage.broadworks.requests["renew"] < self._monitors:
                    raise BenchError(f"only {stage.broadworks.requests['renew']} subscriptions of {self._monitors} devices were renewed")
        finally:
            await stage.end()

    def rows(self) -> Iterator[Row]:
        yield Row(
            "W7",
            f"all XSPs lost and back, {self._monitors} monitors, repair",
            "seconds from the first channel until all are live",
            tuple(self._took),
            f"it is up {min(self._up):.1f} to {max(self._up):.1f} s after the XSPs; "
            f"{min(self._requests)} to {max(self._requests)} requests",
            Goal(10, 5, 2, more=False),
        )
