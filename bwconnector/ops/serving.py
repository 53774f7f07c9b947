"""HTTP for a few readers, none of whom is trusted: one request for each connection, small, asked and read in a bounded time, for a host
that we are."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from io import BytesIO
from ipaddress import ip_address
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from bwconnector.bridge.ports import Clock, DelayedCall

__all__ = ["DEADLINE", "MAX_BODY", "MAX_CONNECTIONS", "GuardedSite", "is_own_host", "own_hosts"]

MAX_CONNECTIONS = 64
"""A few monitoring systems, a few people, and the streams of these; who opens more is turned away."""
MAX_BODY = 4096
"""Bytes of a request's body, which nothing here needs; larger ones are not even received."""
DEADLINE = 30.0
"""Seconds from connecting until the whole answer has been read; a stream has all the time it wants, as long as it reads."""


def own_hosts(configured: Iterable[str]) -> frozenset[str]:
    """Names by which clients may call this server, besides its addresses."""
    return frozenset(name.lower().rstrip(".") for name in ("localhost", socket.gethostname(), *configured))


def is_own_host(header: str | None, names: frozenset[str]) -> bool:
    """Whether a Host header means this server: an address, or one of ``names``.

    A page from elsewhere may have its own name lead to an address here, and its scripts would then read what is here. The browser tells
    that name in the header. Who tells none is no browser.
    """
    if header is None:
        return True
    name = header.rpartition("]")[0].removeprefix("[") if header.startswith("[") else header.partition(":")[0]
    try:
        ip_address(name)
    except ValueError:
        return name.lower().rstrip(".") in names
    return True


class GuardedRequest(Request):
    """A request that has no body to speak of."""

    _too_large = False

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()
        if length is None or length > MAX_BODY:
            self._too_large = True
            channel: Any = self.channel
            channel.transport.write(b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            channel.loseConnection()

    def handleContentChunk(self, data: bytes) -> None:
        if not self._too_large:
            super().handleContentChunk(data)  # type: ignore[no-untyped-call]

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        if not self._too_large:
            super().requestReceived(command, path, version)  # type: ignore[no-untyped-call]


class GuardedChannel(HTTPChannel):
    """A connection."""

    site: GuardedSite
    deadline: DelayedCall | None = None

    def connectionMade(self) -> None:
        super().connectionMade()  # type: ignore[no-untyped-call]
        self.deadline = self.site.clock.callLater(DEADLINE, self._cut)

    def checkPersistence(self, request: object, version: object) -> bool:
        """The next request has a connection, and a deadline, of its own."""
        return False

    def stay(self) -> None:
        """This one is a stream."""
        if self.deadline is not None and self.deadline.active():
            self.deadline.cancel()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.stay()
        self.site.connections -= 1
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def _cut(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()


class _TurnedAway(Protocol):
    """A connection too many. (A factory that returns no protocol is more than a TLS listener can take.)"""

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()


class GuardedSite(Site):
    """A site that does not log each request: probes come every few seconds.

    :ivar connections: how many are open
    """

    noisy = False
    protocol = GuardedChannel  # type: ignore[assignment]
    requestFactory = GuardedRequest

    def __init__(self, pages: Resource, clock: Clock) -> None:
        # the deadline takes the place of Twisted's time-out, which each byte puts off
        super().__init__(pages, GuardedRequest, timeout=None)  # type: ignore[no-untyped-call]
        self.clock = clock
        self.connections = 0

    def buildProtocol(self, addr: IAddress | None) -> Any:
        if self.connections >= MAX_CONNECTIONS:
            return _TurnedAway()
        self.connections += 1
        return super().buildProtocol(addr)  # type: ignore[no-untyped-call]

    def log(self, request: object) -> None:
        pass
