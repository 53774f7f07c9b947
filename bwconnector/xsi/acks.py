"""Acknowledges events at one XSP, over a few keep-alive connections of its own.

There is one acknowledgement per event, so it decides how many events a second the connector takes. A general HTTP client costs ten times
as much as everything else done for an event; this one knows a single request, whose bytes are a template.
"""

from __future__ import annotations

from collections import deque
from typing import Any
from xml.sax.saxutils import escape

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from bwconnector.xsi.eventrequests import event_response
from bwconnector.xsi.http1 import AnswerReader, BadAnswer
from bwconnector.xsi.tracing import Trace
from bwconnector.xsi.xsp import XspSettings

__all__ = ["Acks"]

# Two seconds of 5,000 events each. An XSP that has not taken an acknowledgement by then has given the event to another channel anyway.
_MAX_WAITING = 10_000
# XSPs close a connection that was idle for 4 s; one of ours must never be used in the moment when that happens.
_IDLE_TIMEOUT = 3.0
_ANSWER_TIMEOUT = 4.0
_RECONNECT_DELAY = 0.5
_LOG_INTERVAL = 60.0


@attrs.define(slots=True, eq=False)
class _Ack:
    event_id: str
    data: bytes
    tries_left: int = 2
    written: float = 0.0


class Acks:
    """Sends acknowledgements to one XSP; nobody waits for them.

    :param endpoint: where the XSP is
    :param connections: how many are opened at most, as far as there is work for them
    :param depth: acknowledgements that may be under way on one connection at a time
    :ivar sent: acknowledgements that the XSP accepted
    :ivar failed: acknowledgements that it refused, or that could not be delivered in two tries
    :ivar trace: is shown the id of each event whose acknowledgement is written
    """

    log = Logger()

    def __init__(self, reactor: Any, settings: XspSettings, endpoint: IStreamClientEndpoint, connections: int = 16, depth: int = 1) -> None:
        self.sent = 0
        self.failed = 0
        self.depth = depth
        self.trace: Trace | None = None
        self.reactor = reactor
        self.name = settings.name
        self._endpoint = endpoint
        self._limit = connections
        self._waiting: deque[_Ack] = deque()
        self._free: list[_Connection] = []
        self._connections: set[_Connection] = set()
        self._connecting: set[Deferred[Any]] = set()
        self._pause: Any = None
        self._closed = False
        self._next_log = 0.0
        self._failed_before = 0
        self._templates: dict[tuple[int, str], tuple[bytes, bytes]] = {}
        self.change(settings, endpoint)

    def change(self, settings: XspSettings, endpoint: IStreamClientEndpoint) -> None:
        """From the next acknowledgement on these credentials hold, and from the next connection on the endpoint."""
        self._endpoint = endpoint
        host = settings.origin.partition("//")[2]
        version = f"X-BroadWorks-Protocol-Version: {settings.protocol_version}\r\n" if settings.protocol_version else ""
        self._head = (
            f"POST {settings.path('events')}channel/eventresponse HTTP/1.1\r\nHost: {host}\r\n"
            f"Authorization: {settings.authorization}\r\n{version}"
            "Content-Type: application/xml; charset=UTF-8\r\nContent-Length: "
        ).encode()

    def send(self, event_id: str, status_code: int = 200, reason: str = "OK") -> None:
        """Acknowledge an event; see :func:`~bwconnector.xsi.requests.event_response` for the parameters."""
        template = self._templates.get((status_code, reason))
        if template is None:
            before, after = (event_response("@", status_code, reason).body or b"").split(b"@")
            template = self._templates[status_code, reason] = (before, after)
        body = escape(event_id).encode().join(template)
        self._submit(_Ack(event_id, b"%b%d\r\n\r\n%b" % (self._head, len(body), body)))

    def close(self) -> None:
        """Drop all connections and whatever waits for one."""
        self._closed = True
        self._waiting.clear()
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        for attempt in list(self._connecting):
            attempt.cancel()
        for connection in list(self._connections):
            connection.abort()

    @property
    def waiting(self) -> int:
        """Acknowledgements that no connection has taken yet."""
        return len(self._waiting)

    def _submit(self, ack: _Ack) -> None:
        if self._closed:
            return
        while self._free:
            connection = self._free[-1]
            if connection.stale:
                connection.abort()
            if not connection.full:
                connection.write(ack)
                return
            self._free.pop()
        if len(self._waiting) >= _MAX_WAITING:
            self._fail("the XSP is too slow")
            return
        self._waiting.append(ack)
        self._connect()

    def _connect(self) -> None:
        under_way = len(self._connecting)
        if self._closed or self._pause is not None or under_way >= len(self._waiting) or len(self._connections) + under_way >= self._limit:
            return
        factory = Factory.forProtocol(lambda: _Connection(self))
        factory.noisy = False
        attempt = self._endpoint.connect(factory)
        self._connecting.add(attempt)
        attempt.addBoth(self._attempted, attempt)

    def _attempted(self, result: Any, attempt: Deferred[Any]) -> None:
        self._connecting.discard(attempt)
        if not isinstance(result, Failure) or self._closed or self._connections or self._connecting:
            return
        # No connection and no hope of one: what waits for it has had a try.
        self._pause = self.reactor.callLater(_RECONNECT_DELAY, self._resume)
        unsent = list(self._waiting)
        self._waiting.clear()
        for ack in unsent:
            self._retry(ack, result.getErrorMessage())

    def _resume(self) -> None:
        self._pause = None
        self._connect()

    def opened(self, connection: _Connection) -> None:
        self._connections.add(connection)
        self.ready(connection)

    def ready(self, connection: _Connection) -> None:
        """``connection`` can take another acknowledgement."""
        while self._waiting and not connection.full:
            connection.write(self._waiting.popleft())
        if not connection.full and connection not in self._free:
            self._free.append(connection)

    def answered(self, status: int) -> None:
        if 200 <= status < 300:
            self.sent += 1
        else:
            self._fail(f"HTTP status {status}")

    def gone(self, connection: _Connection, unanswered: list[_Ack], reason: str) -> None:
        """``connection`` is lost; what it had not answered is tried once more elsewhere."""
        self._connections.discard(connection)
        if connection in self._free:
            self._free.remove(connection)
        for ack in unanswered:
            self._retry(ack, reason)
        self._connect()

    def _retry(self, ack: _Ack, reason: str) -> None:
        ack.tries_left -= 1
        if ack.tries_left:
            self._submit(ack)
        else:
            self._fail(reason)

    def _fail(self, reason: str) -> None:
        self.failed += 1
        now = self.reactor.seconds()
        if now >= self._next_log and not self._closed:
            count, self._failed_before = self.failed - self._failed_before, self.failed
            self._next_log = now + _LOG_INTERVAL
            self.log.warn(
                "{count} acknowledgements of events failed at XSP {link} ({reason}); without them BroadWorks ends the channel",
                count=count,
                link=self.name,
                reason=reason,
            )


class _Connection(Protocol):
    """One connection: acknowledgements out, answers in the same order back."""

    def __init__(self, acks: Acks) -> None:
        self._acks = acks
        self._answers = AnswerReader()
        self._under_way: deque[_Ack] = deque()
        self._idle_since = 0.0
        self._timer: Any = None
        self._reason = "connection lost"
        self._usable = True

    @property
    def full(self) -> bool:
        return not self._usable or len(self._under_way) >= self._acks.depth

    @property
    def stale(self) -> bool:
        """Idle for so long that the XSP may be closing it just now."""
        return not self._under_way and self._acks.reactor.seconds() - self._idle_since > _IDLE_TIMEOUT

    def write(self, ack: _Ack) -> None:
        ack.written = self._acks.reactor.seconds()
        self._under_way.append(ack)
        if self._acks.trace is not None:
            self._acks.trace(self._acks.name, "ack", ack.event_id)
        assert self.transport is not None
        self.transport.write(ack.data)
        if self._timer is None:
            self._timer = self._acks.reactor.callLater(_ANSWER_TIMEOUT, self._check)

    def abort(self, reason: str = "connection closed") -> None:
        self._usable = False
        self._reason = reason
        transport: Any = self.transport
        transport.abortConnection()

    def connectionMade(self) -> None:
        transport: Any = self.transport
        if hasattr(transport, "setTcpNoDelay"):
            transport.setTcpNoDelay(True)
        self._idle_since = self._acks.reactor.seconds()
        self._acks.opened(self)

    def dataReceived(self, data: bytes) -> None:
        self._answers.receive_data(data)
        try:
            for answer in self._answers:
                if not self._under_way:
                    raise BadAnswer("an answer without a request")
                self._under_way.popleft()
                self._acks.answered(answer.status)
                if not answer.reusable:
                    self.abort("the XSP ended the connection")
                    return
        except BadAnswer as error:
            self.abort(str(error))
            return
        if not self._under_way:
            self._idle_since = self._acks.reactor.seconds()
        self._acks.ready(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._usable = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        unanswered = list(self._under_way)
        self._under_way.clear()
        self._acks.gone(self, unanswered, self._reason)

    def _check(self) -> None:
        # One timer per connection that moves on with the oldest acknowledgement, since one for each would cost as much as sending it.
        self._timer = None
        if self._under_way:
            left = self._under_way[0].written + _ANSWER_TIMEOUT - self._acks.reactor.seconds()
            if left > 0:
                self._timer = self._acks.reactor.callLater(left, self._check)
            else:
                self.abort("no answer in time")
