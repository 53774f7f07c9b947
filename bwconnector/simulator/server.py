"""An HTTP server that can be stopped and started again on its port, with all its connections."""

from __future__ import annotations

from typing import cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred, succeed
from twisted.internet.interfaces import IListeningPort, IReactorTCP, IReactorTime
from twisted.internet.protocol import ServerFactory
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.http import HTTPChannel, Request
from twisted.web.resource import Resource
from twisted.web.server import Site

__all__ = ["HttpServer", "ServerReactor"]


class ServerReactor(IReactorTCP, IReactorTime):
    """What a server needs of a reactor: to listen, and to time idle connections."""


class QuietChannel(HTTPChannel):
    """A connection whose end is no news: clients that keep one alive are expected to fall idle."""

    def timeoutConnection(self) -> None:
        """Close the connection, as the original does, and say nothing."""
        self.loseConnection()  # type: ignore[no-untyped-call]


class QuietSite(Site):
    """A Site without an access log."""

    noisy = False
    protocol = QuietChannel  # type: ignore[assignment]

    def log(self, request: Request) -> None:
        """Nobody reads it."""


class Connections(WrappingFactory):
    """Knows the open connections, so that all can be cut."""

    noisy = False
    _gone: Deferred[None] | None = None

    def unregisterProtocol(self, protocol: ProtocolWrapper) -> None:
        """A connection is gone."""
        super().unregisterProtocol(protocol)  # type: ignore[no-untyped-call]
        if self._gone is not None and not self.protocols:
            gone, self._gone = self._gone, None
            gone.callback(None)

    def cut(self) -> Deferred[None]:
        """Cut every connection; fires when the last one is gone."""
        if not self.protocols:
            return succeed(None)
        gone: Deferred[None] = Deferred()
        self._gone = gone
        for protocol in list(self.protocols):
            protocol.transport.abortConnection()
        return gone


class HttpServer:
    """Serves one resource.

    :param port: TCP port; 0 takes a free one at the first start and keeps it
    :param idle: seconds after which an idle connection is closed
    """

    def __init__(self, resource: Resource, reactor: ServerReactor, host: str, port: int, idle: int) -> None:
        self.host = host
        self.port = port
        self._reactor = reactor
        site = QuietSite(resource, reactor=reactor, timeout=idle)  # type: ignore[no-untyped-call]
        self._connections = Connections(site)  # type: ignore[no-untyped-call]
        self._listening: IListeningPort | None = None

    @property
    def listening(self) -> bool:
        return self._listening is not None

    def start(self) -> None:
        """Listen; a second start changes nothing.

        :raises twisted.internet.error.CannotListenError: when the port is taken
        """
        if self._listening is None:
            self._listening = self._reactor.listenTCP(self.port, cast(ServerFactory, self._connections), interface=self.host)
            self.port = cast(IPv4Address, self._listening.getHost()).port

    def stop(self) -> Deferred[list[object]]:
        """Stop listening and cut every connection; fires when all sockets are gone."""
        listening, self._listening = self._listening, None
        closing: list[Deferred[object]] = [maybeDeferred(self._connections.cut)]
        if listening is not None:
            closing.append(maybeDeferred(listening.stopListening))
        return gatherResults(closing)
