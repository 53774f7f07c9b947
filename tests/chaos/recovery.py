"""All XSPs lost and back, with many monitors: how long it takes until every monitor is live again, and how many requests."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults

from bwconnector.config import Config, ConnectorOptions, CstaOptions, WebOptions
from bwconnector.csta.messages import Message, MonitorObject, MonitorStart, MonitorStartResponse, SystemStatus
from bwconnector.ops.client import connect
from bwconnector.service import ConnectorService
from bwconnector.simulator.config import SimulatorConfig

SCOPES = {"user": "", "group": "ExampleEnt/sales", "enterprise": "ExampleEnt"}
"""What one subscription may cover, and its id at the simulator."""

GIVE_UP = 120.0
"""Seconds after which a step that has not happened is a failure."""


class Recovery:
    """One connector under ``repair``, one T-Server with ``monitors`` monitors, three XSPs that vanish and return."""

    def __init__(self, reactor: Any, monitors: int, scope: str = "user") -> None:
        self._reactor = reactor
        self._monitors = monitors
        self._status = ""
        connector = ConnectorOptions(
            channel_set_name="recovery",
            app_controller="recovery",
            link_loss_policy="repair",
            subscription_scope=scope,
            subscription_scope_id=SCOPES[scope],
        )
        config = Config(
            connector=connector,
            csta=CstaOptions(listen=("tcp:0:interface=127.0.0.1",)),
            web=WebOptions(listen=""),
            simulator=SimulatorConfig(xsps=3, users=monitors, demo=False, admin=False),
        )
        self._service = ConnectorService(config, reactor)

    async def run(self) -> bool:
        """True when the monitors were live again; prints the figures."""
        self._service.startService()
        try:
            await self._until(lambda: self._service.channel_set.up_count == 3)
            (port,) = self._service.getServiceNamed("links").ports
            address = port._waitingForPort.result.getHost()
            client = await connect(self._reactor, ("127.0.0.1", address.port), self._heard)
            started = self._reactor.seconds()
            starts = [
                ensureDeferred(client.request(MonitorStart(monitor_object=MonitorObject(device_object=name)), MonitorStartResponse))
                for name in self._names()
            ]
            await gatherResults(starts, consumeErrors=True)
            print(f"{self._monitors} monitors started in {self._reactor.seconds() - started:.1f} s, {self._requests()} Xsi requests")
            return await self._lose_all(started)
        finally:
            await self._service.stopService()

    async def _lose_all(self, started: float) -> bool:
        simulator = self._service.getServiceNamed("simulator")
        # the packages beyond the first are subscribed in the background, as the present is asked for with collective subscriptions
        await self._until(lambda: len(self._service.bridge._seeded) == self._monitors)
        print(f"the state of all devices known after {self._reactor.seconds() - started:.1f} s, {self._requests()} Xsi requests")
        await task.deferLater(self._reactor, 2.0)
        for xsp in simulator.xsps.values():
            await xsp.stop()
        await self._until(lambda: self._status == "disabled")
        before = self._requests()
        for xsp in simulator.xsps.values():
            xsp.start()
        back = self._reactor.seconds()
        await self._until(lambda: self._service.channel_set.up_count > 0)
        up = self._reactor.seconds()
        await self._until(lambda: self._status == "normal")
        now = self._reactor.seconds()
        print(
            f"all XSPs back: first channel up after {up - back:.1f} s, all {self._monitors} monitors live {now - up:.1f} s later "
            f"({now - back:.1f} s in all), {self._requests() - before} Xsi requests"
        )
        return now - up <= GIVE_UP

    def _names(self) -> list[str]:
        return [user.extension for user in self._service.getServiceNamed("simulator").broadworks.switch.directory.users.values()]

    def _heard(self, message: Message) -> None:
        if isinstance(message, SystemStatus):
            self._status = message.system_status

    def _requests(self) -> int:
        return sum(sum(xsp.requests.values()) for xsp in self._service.xsps.values())

    async def _until(self, condition: Any) -> None:
        deadline = self._reactor.seconds() + GIVE_UP
        while not condition():
            if self._reactor.seconds() > deadline:
                raise TimeoutError("it did not happen in time")
            await task.deferLater(self._reactor, 0.02)


def main() -> None:
    """``python -m tests.chaos.recovery [--monitors N] [--scope user|group|enterprise]``"""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--monitors", type=int, default=2000)
    parser.add_argument("--scope", choices=SCOPES, default="user", help="what one subscription covers")
    options = parser.parse_args()
    fine: list[bool] = []

    def go(reactor: Any) -> Deferred[Any]:
        return ensureDeferred(Recovery(reactor, options.monitors, options.scope).run()).addCallback(fine.append)

    try:
        task.react(go)
    except SystemExit:
        sys.exit(0 if fine == [True] else 1)


if __name__ == "__main__":
    main()
