"""*relaydoc*, the floor: a process that reads a chunked stream, splits documents, frames and forwards them, and nothing else.

It uses the connector's own splitter and framing under Twisted, and treats XML as bytes: what is left of an event's cost when nothing is
understood and nothing acknowledged. Same questions as :mod:`bench.subject`.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet import stdio
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.protocols.basic import LineOnlyReceiver

reactor: Any = _reactor
HEADER_SIZE = 8


class Upstream(Protocol):
    """Asks an XSP for a stream, and takes its chunks apart."""

    transport: Any

    def __init__(self, relay: Relay) -> None:
        from bwconnector.xsi.stream import DocumentStream

        self._relay = relay
        self._documents = DocumentStream()
        self._buffer = b""
        self._in_body = False

    def connectionMade(self) -> None:
        self.transport.write(b"POST /com.broadsoft.async/com.broadsoft.xsi-events/v2.0/channel HTTP/1.1\r\nContent-Length: 0\r\n\r\n")

    def dataReceived(self, data: bytes) -> None:
        buffer = self._buffer + data
        position = 0
        if not self._in_body:
            position = buffer.find(b"\r\n\r\n") + 4
            if position < 4:
                self._buffer = buffer
                return
            self._in_body = True
        documents = self._documents
        while (line := buffer.find(b"\r\n", position)) >= 0:
            begin = line + 2
            end = begin + int(buffer[position:line], 16)
            if len(buffer) < end + 2:
                break
            documents.receive_data(buffer[begin:end])
            position = end + 2
        self._buffer = buffer[position:]
        for document in documents:
            self._relay.forward(document)


class Downstream(Protocol):
    """Whoever connects gets the documents."""

    transport: Any

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        self._relay.link = self.transport


class Relay:
    """From the stream to the link."""

    def __init__(self) -> None:
        from bwconnector.csta.framing import encode_frame

        self.link: Any = None
        self._encode_frame = encode_frame

    def forward(self, document: bytes) -> None:
        if self.link is not None:
            self.link.write(self._encode_frame("9999", document))


class Control(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line: bytes) -> None:
        self.tell({"cpu": time.process_time(), "memory": 0, "pause": 0.0})

    def tell(self, found: dict[str, Any]) -> None:
        self.sendLine(json.dumps(found).encode())

    def connectionLost(self, reason: Any = None) -> None:
        if reactor.running:
            reactor.stop()


def main() -> None:
    relay = Relay()
    listening = reactor.listenTCP(0, Factory.forProtocol(lambda: Downstream(relay)), 5, "127.0.0.1")
    upstream = ClientFactory.forProtocol(lambda: Upstream(relay))
    reactor.connectTCP("127.0.0.1", int(sys.argv[1]), upstream)

    def begin() -> None:
        control = Control()
        stdio.StandardIO(control)
        control.tell({"port": listening.getHost().port})

    reactor.callWhenRunning(begin)
    reactor.run()


if __name__ == "__main__":
    main()
