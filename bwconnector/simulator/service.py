"""The simulator as a service: a switch, its XSPs, the admin port, and the demo."""

from __future__ import annotations

from typing import cast

from twisted.application.service import MultiService
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IReactorTCP, IReactorTime
from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger

from bwconnector.simulator.admin import Admin
from bwconnector.simulator.broadworks import BroadWorks
from bwconnector.simulator.config import SimulatorConfig
from bwconnector.simulator.demo import Demo
from bwconnector.simulator.xsp import QuietSite, Xsp

__all__ = ["SimulatorConfig", "SimulatorReactor", "SimulatorService", "make_simulator"]


class SimulatorReactor(IReactorTCP, IReactorTime):
    """What the simulator needs of a reactor: to listen, and to know the time."""


class SimulatorService(MultiService):
    """BroadWorks in a box. Everything listens as soon as ``startService`` returns; ``stopService`` fires when the sockets are gone.

    :ivar broadworks: what stands behind the XSPs; its ``switch`` makes calls
    :ivar xsps: the XSPs by name (``xsp1`` …)
    """

    name = "simulator"
    log = Logger()

    def __init__(self, config: SimulatorConfig, reactor: SimulatorReactor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.broadworks = BroadWorks(config, reactor)
        self.xsps = {
            f"xsp{index + 1}": Xsp(f"xsp{index + 1}", self.broadworks, config.host, config.base_port and config.base_port + index)
            for index in range(config.xsps)
        }
        self._config = config
        self._reactor = reactor
        self._admin: IListeningPort | None = None
        if config.demo:
            Demo(self.broadworks.switch, reactor, config.demo_calls, config.seed).setServiceParent(self)  # type: ignore[no-untyped-call]

    @property
    def xsp_addresses(self) -> list[tuple[str, int]]:
        """Host and port of every XSP."""
        return [(xsp.host, xsp.port) for xsp in self.xsps.values()]

    @property
    def admin_address(self) -> tuple[str, int] | None:
        """Host and port of the admin port; None when there is none."""
        if self._admin is None:
            return None
        address = cast(IPv4Address, self._admin.getHost())
        return (address.host, address.port)

    def startService(self) -> None:
        """Listen, then begin the demo."""
        for xsp in self.xsps.values():
            xsp.start(self._reactor)
        if self._config.admin:
            site = QuietSite(Admin(self.broadworks, self.xsps, self._reactor), reactor=self._reactor)  # type: ignore[no-untyped-call]
            self._admin = self._reactor.listenTCP(self._config.admin_port, cast(ServerFactory, site), interface="127.0.0.1")
            self.log.info(
                "simulator's remote control: http://{host}:{port}/calls",
                host="127.0.0.1",
                port=cast(IPv4Address, self._admin.getHost()).port,
            )
        super().startService()  # type: ignore[no-untyped-call]

    def stopService(self) -> Deferred[list[object]]:
        """Stop the demo, cut every connection, and end every timer."""
        admin, self._admin = self._admin, None
        stopped = [maybeDeferred(super().stopService), *(xsp.stop() for xsp in self.xsps.values())]
        if admin is not None:
            stopped.append(maybeDeferred(admin.stopListening))
        self.broadworks.stop()
        return gatherResults(stopped, consumeErrors=True)


def make_simulator(config: SimulatorConfig, reactor: SimulatorReactor) -> SimulatorService:
    """A simulator, not yet started."""
    return SimulatorService(config, reactor)
