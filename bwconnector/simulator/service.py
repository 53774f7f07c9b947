"""The simulator as a service: a switch, its XSPs, the admin port, and the demo."""

from __future__ import annotations

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.logger import Logger

from bwconnector.simulator.admin import Admin
from bwconnector.simulator.broadworks import BroadWorks
from bwconnector.simulator.config import SimulatorConfig
from bwconnector.simulator.contacts import Contacts
from bwconnector.simulator.demo import Demo
from bwconnector.simulator.server import HttpServer, ServerReactor
from bwconnector.simulator.xsp import Xsp

__all__ = ["SimulatorConfig", "SimulatorService", "make_simulator"]


class SimulatorService(MultiService):
    """BroadWorks in a box. Everything listens as soon as ``startService`` returns; ``stopService`` fires when the sockets are gone.

    :ivar broadworks: what stands behind the XSPs; its ``switch`` makes calls
    :ivar contacts: posts the events of subscriptions that have an HTTP contact
    :ivar xsps: the XSPs by name (``xsp1`` …)
    """

    name = "simulator"
    log = Logger()

    def __init__(self, config: SimulatorConfig, reactor: ServerReactor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.contacts = Contacts(reactor, config.ack_timeout)
        self.broadworks = BroadWorks(config, reactor, self.contacts.post)
        self.xsps: dict[str, Xsp] = {}
        for index in range(config.xsps):
            name = f"xsp{index + 1}"
            self.xsps[name] = Xsp(name, self.broadworks, reactor, config.base_port and config.base_port + index)
        self._admin: HttpServer | None = None
        if config.admin:
            self._admin = HttpServer(Admin(self.broadworks, self.xsps), reactor, "127.0.0.1", config.admin_port, config.keep_alive)
        if config.demo:
            Demo(self.broadworks.switch, reactor, config.demo_calls, config.seed).setServiceParent(self)  # type: ignore[no-untyped-call]

    @property
    def xsp_addresses(self) -> list[tuple[str, int]]:
        """Host and port of every XSP."""
        return [(xsp.http.host, xsp.http.port) for xsp in self.xsps.values()]

    @property
    def admin_address(self) -> tuple[str, int] | None:
        """Host and port of the admin port; None when there is none."""
        return None if self._admin is None else (self._admin.host, self._admin.port)

    def startService(self) -> None:
        """Listen, then begin the demo."""
        for xsp in self.xsps.values():
            xsp.start()
        if self._admin is not None:
            self._admin.start()
            self.log.info("simulator's remote control: http://{host}:{port}/calls", host=self._admin.host, port=self._admin.port)
        super().startService()  # type: ignore[no-untyped-call]

    def stopService(self) -> Deferred[list[object]]:
        """Stop the demo, cut every connection, and end every timer."""
        stopped = [maybeDeferred(super().stopService), *(xsp.stop() for xsp in self.xsps.values())]
        if self._admin is not None:
            stopped.append(self._admin.stop())
        self.broadworks.stop()
        self.contacts.stop()
        return gatherResults(stopped, consumeErrors=True)


def make_simulator(config: SimulatorConfig, reactor: ServerReactor) -> SimulatorService:
    """A simulator, not yet started."""
    return SimulatorService(config, reactor)
