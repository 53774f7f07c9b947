"""A web server of a few lines whose every byte a test decides, and waiting for what it sees."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import repeat
from typing import Any, ParamSpec, cast

import attrs
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ServerEndpoint
from twisted.internet.interfaces import IPullProducer
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from zope.interface import implementer

reactor: Any = global_reactor
P = ParamSpec("P")


def asynchronous(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Run a test on the reactor."""
    return cast(Callable[P, None], pytest_twisted.ensureDeferred(test))


@attrs.frozen
class Seen:
    """A request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: Connection


class Connection(Protocol):
    def __init__(self, server: Server) -> None:
        self._server = server
        self._buffer = b""
        self.closed = False

    def connectionMade(self) -> None:
        self._server.connections.append(self)

    def dataReceived(self, data: bytes) -> None:
        self._buffer += data
        while True:
            head, separator, rest = self._buffer.partition(b"\r\n\r\n")
            if not separator:
                return
            first, *lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            length = int(headers.get("content-length", 0))
            if len(rest) < length:
                return
            self._buffer = rest[length:]
            method, target, _ = first.split(" ")
            seen = Seen(method, target, headers, rest[:length], self)
            self._server.seen.append(seen)
            self.answer(self._server.answer(seen))

    def close_soon(self) -> None:
        """Close when what is being answered has been written."""
        transport: Any = self.transport
        reactor.callLater(0, transport.loseConnection)

    def answer(self, data: bytes | None) -> None:
        """Write ``data``, or drop the connection."""
        transport: Any = self.transport
        if data is None:
            transport.abortConnection()
        else:
            transport.write(data)

    def connectionLost(self, reason: object = None) -> None:
        self.closed = True


class Server:
    """:ivar answer: what to write for a request; None drops the connection, b"" leaves it without an answer"""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.connections: list[Connection] = []
        self.port = 0
        self.answer: Callable[[Seen], bytes | None] = lambda seen: http(200)


@implementer(IPullProducer)
class Endless:
    """Writes one piece after the other, as fast as they are taken.

    :ivar taken: bytes so far
    """

    def __init__(self, seen: Seen, pieces: Iterator[bytes]) -> None:
        self.taken = 0
        self._pieces = pieces
        self._transport: Any = seen.connection.transport
        self._transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        piece = next(self._pieces)
        self.taken += len(piece)
        self._transport.write(piece)

    def stopProducing(self) -> None:
        pass


def endless(server: Server, head: bytes, piece: bytes) -> list[Endless]:
    """Have every request answered without an end; what is doing so."""
    writers: list[Endless] = []

    def answer(seen: Seen) -> bytes:
        reactor.callLater(0, lambda: writers.append(Endless(seen, repeat(piece))))
        return head

    server.answer = answer
    return writers


def http(status: int, body: bytes = b"", *headers: str, length: bool = True) -> bytes:
    lines = [f"HTTP/1.1 {status} Some reason", *headers, *([f"Content-Length: {len(body)}"] if length else [])]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(status: int, *chunks: bytes, end: bool = True) -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + (b"0\r\n\r\n" if end else b"")
    return http(status, body, "Transfer-Encoding: chunked", length=False)


@asynccontextmanager
async def serving(context: Any = None) -> AsyncIterator[Server]:
    """A server on a free port of this machine, with TLS if a context is given."""
    server = Server()
    factory = Factory.forProtocol(lambda: Connection(server))
    endpoint: Any = (
        SSL4ServerEndpoint(reactor, 0, context, interface="127.0.0.1") if context else TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    )
    port = await endpoint.listen(factory)
    server.port = port.getHost().port
    try:
        yield server
    finally:
        await maybeDeferred(port.stopListening)
        for connection in server.connections:
            if not connection.closed:
                connection.answer(None)
        await until(lambda: all(connection.closed for connection in server.connections))


async def until(condition: Callable[[], object]) -> None:
    """Let the reactor run until ``condition`` holds; the bound only ends a broken test."""
    for _ in range(2000):
        if condition():
            return
        await deferLater(reactor, 0.005)
    raise AssertionError("the awaited condition never came")
