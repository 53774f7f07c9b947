"""A BroadWorks that plays prepared events: XSPs on real sockets, so lean that they are not what is measured.

It speaks just enough HTTP for the connector: channels, subscriptions, profiles, acknowledgements. Nothing of it knows the connector's
code, and acknowledgements are only kept while a measurement goes on; they are looked at afterwards.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any

from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from bench.workload import chunk

__all__ = ["FIRST_PACKAGE", "NOT_FOUND", "BroadWorks", "XspPort", "xml_answer"]

_NAMESPACES = 'xmlns:xsi="http://schema.broadsoft.com/xsi" xmlns:xsi1="http://www.w3.org/2001/XMLSchema-instance"'
_SNAPSHOT = (
    f'<?xml version="1.0" encoding="UTF-8"?><xsi:Event {_NAMESPACES} xsi1:type="xsi:SubscriptionEvent">'
    "<xsi:eventID>initial-{0}-{1}</xsi:eventID><xsi:sequenceNumber>{1}</xsi:sequenceNumber><xsi:userId>ctiadmin@example.net</xsi:userId>"
    "<xsi:subscriptionId>{0}</xsi:subscriptionId><xsi:channelId>{2}</xsi:channelId><xsi:targetId>{3}</xsi:targetId>"
    '<xsi:eventData xsi1:type="xsi:CallSubscriptionEvent"><xsi:calls/></xsi:eventData></xsi:Event>'
)
_HEARTBEAT = b'<ChannelHeartBeat xmlns="http://schema.broadsoft.com/xsi"/>'
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
_STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nTransfer-Encoding: chunked\r\n\r\n"
_ACK_END = b"</EventResponse>"
_REQUEST = re.compile(rb"([A-Z]+) [^ ]*?/v2\.0/([^ ?]*)[^\r]*\r\n")
_LENGTH = re.compile(rb"\r\nContent-Length: *(\d+)\r\n", re.IGNORECASE)
_EVENT = re.compile(rb"<event>([^<]*)</event>")
_ACKNOWLEDGED = re.compile(rb"<eventID>([^<]*)</eventID><statusCode>(\d+)</statusCode>")
FIRST_PACKAGE = b"Advanced Call"
EXPIRES = 86400


def xml_answer(body: str) -> bytes:
    data = f'<?xml version="1.0" encoding="UTF-8"?>{body}'.encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n%b" % (len(data), data)


class BroadWorks:
    """What the XSPs have in common.

    :param delay: seconds that an XSP takes for every answer
    :param packages: event packages that its users have; None = all
    :ivar subscriptions: user id to the id of the subscription that tells its calls
    :ivar requests: by kind: ``profile``, ``subscribe``, ``renew`` …
    :ivar acknowledged: how many events were acknowledged
    :ivar pipelined: the most acknowledgements that came at once on one connection
    :ivar on_acknowledged: called when that number has grown
    """

    def __init__(self, reactor: Any, delay: float = 0.0, packages: frozenset[bytes] | None = None) -> None:
        self.reactor = reactor
        self.delay = delay
        self.packages = packages
        self.subscriptions: dict[str, str] = {}
        self.requests: Counter[str] = Counter()
        self.acknowledged = 0
        self.pipelined = 0
        self.on_acknowledged: Callable[[], None] = lambda: None
        self.streams: list[Stream] = []
        self._known: dict[str, tuple[str, bool]] = {}
        self._sequences: Counter[str] = Counter()
        self._acks: list[bytes] = []
        self._numbers = count(1)
        self._turn = 0

    def take_acknowledgements(self) -> list[tuple[str, int]]:
        """Event ids and status codes since the last call, in their order."""
        data, self._acks = b"".join(self._acks), []
        return [(event_id.decode(), int(status)) for event_id, status in _ACKNOWLEDGED.findall(data)]

    def acknowledge(self, data: bytes, number: int) -> None:
        self._acks.append(data)
        self.acknowledged += number
        self.pipelined = max(self.pipelined, number)
        self.on_acknowledged()

    def serve(self, method: bytes, path: str, body: bytes) -> bytes:
        """The answer to any request but those for channels."""
        parts = path.split("/")
        if parts[0] == "user" and parts[-1] == "profile":
            self.requests["profile"] += 1
            user = parts[1] if "@" in parts[1] else f"{parts[1]}@example.net"
            name = user.partition("@")[0]
            return xml_answer(
                f'<Profile xmlns="http://schema.broadsoft.com/xsi"><details><userId>{user}</userId><firstName>Agent</firstName>'
                f"<lastName>{name}</lastName><number>555{name[5:]}0000</number><extension>{name[5:]}</extension><serviceProvider>bench</serviceProvider></details>"
                "<countryCode>1</countryCode></Profile>"
            )
        if parts[0] == "user" and method == b"POST":
            self.requests["subscribe"] += 1
            return self._subscribe(parts[1], body)
        if parts[0] == "subscription" and method == b"PUT":
            self.requests["renew"] += 1
            return self._renew(parts[1])
        if parts[0] == "subscription":
            self.requests["unsubscribe"] += 1
            return _OK
        if parts[0] == "channel" and parts[-1] == "heartbeat":
            self._echo(parts[1])
        return _OK

    def _subscribe(self, user: str, body: bytes) -> bytes:
        found = _EVENT.search(body)
        package = found[1] if found else b""
        if self.packages is not None and package not in self.packages:
            return NOT_FOUND
        subscription = f"5d0d2f3e-6f0e-4b53-9c3e-{next(self._numbers):012x}"
        first = package == FIRST_PACKAGE
        self._known[subscription] = (user, first)
        if first:
            self.subscriptions[user] = subscription
            self._snapshot(subscription, user)
        return self._granted(subscription)

    def _renew(self, subscription: str) -> bytes:
        if subscription not in self._known:
            return NOT_FOUND
        user, first = self._known[subscription]
        if first:
            self._snapshot(subscription, user)
        return self._granted(subscription)

    def _granted(self, subscription: str) -> bytes:
        return xml_answer(
            f'<Subscription xmlns="http://schema.broadsoft.com/xsi"><subscriptionId>{subscription}</subscriptionId>'
            f"<expires>{EXPIRES}</expires></Subscription>"
        )

    def _snapshot(self, subscription: str, user: str) -> None:
        """The initial event, on the streams in turn."""
        if self.streams:
            self._turn += 1
            stream = self.streams[self._turn % len(self.streams)]
            self._sequences[subscription] += 1
            stream.write(chunk(_SNAPSHOT.format(subscription, self._sequences[subscription], stream.id, user).encode()))

    def _echo(self, channel: str) -> None:
        for stream in self.streams:
            if stream.id == channel:
                stream.write(chunk(_HEARTBEAT))


class Stream:
    """An open event channel."""

    def __init__(self, transport: Any, number: int) -> None:
        self.id = f"0f8c2c6e-1d0b-4f5e-8a44-{number:012x}"
        self._transport = transport

    def write(self, chunks: bytes) -> None:
        self._transport.write(chunks)


class XspPort:
    """One XSP, which can be lost and come back at the same port."""

    def __init__(self, broadworks: BroadWorks) -> None:
        self._broadworks = broadworks
        self._factory = _Factory(broadworks)
        self._listening = broadworks.reactor.listenTCP(0, self._factory, 500, "127.0.0.1")
        self.port: int = self._listening.getHost().port

    def lose(self) -> Any:
        """Close the port and cut all connections; returns a Deferred that fires when the port is closed."""
        for connection in list(self._factory.connections):
            connection.transport.abortConnection()
        return self._listening.stopListening()

    def return_(self) -> None:
        self._listening = self._broadworks.reactor.listenTCP(self.port, self._factory, 500, "127.0.0.1")


class _Factory(Factory):
    noisy = False

    def __init__(self, broadworks: BroadWorks) -> None:
        self.broadworks = broadworks
        self.connections: set[_Connection] = set()
        self._streams = count(1)

    def buildProtocol(self, addr: Any) -> _Connection:
        return _Connection(self)

    def next_stream(self) -> int:
        return next(self._streams)


class _Connection(Protocol):
    """Requests in, answers out; or, once a channel was asked for, a stream."""

    transport: Any

    def __init__(self, factory: _Factory) -> None:
        self._factory = factory
        self._broadworks = factory.broadworks
        self._buffer = b""
        self._stream: Stream | None = None

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        self._factory.connections.add(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._factory.connections.discard(self)
        if self._stream in self._broadworks.streams:
            self._broadworks.streams.remove(self._stream)

    def dataReceived(self, data: bytes) -> None:
        self._buffer += data
        if self._buffer.endswith(_ACK_END):
            # nothing but whole acknowledgements: no other request of the connector comes on their connections
            acks, self._buffer = self._buffer, b""
            number = acks.count(_ACK_END)
            self.transport.write(_OK * number)
            self._broadworks.acknowledge(acks, number)
            return
        while (head := self._buffer.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._buffer, 0, head + 2)
            end = head + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < end:
                return
            request, self._buffer = self._buffer[:end], self._buffer[end:]
            self._serve(request, request[head + 4 :])

    def _serve(self, request: bytes, body: bytes) -> None:
        line = _REQUEST.match(request)
        assert line is not None, request[:200]
        method, path = line[1], line[2].decode()
        if path == "channel/eventresponse":
            self.transport.write(_OK)
            self._broadworks.acknowledge(request, 1)
        elif path == "channel" and method == b"POST":
            self._open()
        elif self._broadworks.delay:
            answer = self._broadworks.serve(method, path, body)
            self._broadworks.reactor.callLater(self._broadworks.delay, self.transport.write, answer)
        else:
            self.transport.write(self._broadworks.serve(method, path, body))

    def _open(self) -> None:
        self._stream = Stream(self.transport, self._factory.next_stream() * 256 + len(self._broadworks.streams))
        self.transport.write(_STREAM)
        opened = (
            f'<Channel xmlns="http://schema.broadsoft.com/xsi"><channelId>{self._stream.id}</channelId><expires>3600</expires></Channel>'
        )
        self._stream.write(chunk(opened.encode()))
        self._broadworks.streams.append(self._stream)
