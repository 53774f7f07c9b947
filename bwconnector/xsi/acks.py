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
from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from bwconnector.xsi.eventrequests import event_response
from bwconnector.xsi.http1 import Answer
from bwconnector.xsi.keepalive import KeepAlive, connect
from bwconnector.xsi.tracing import Trace
from bwconnector.xsi.xsp import XspSettings, header_lines

__all__ = ["Acks"]

# Two seconds of 5,000 events each. An XSP that has not taken an acknowledgement by then has given the event to another channel anyway.
_MAX_WAITING = 10_000
_ANSWER_TIMEOUT = 4.0
_RECONNECT_DELAY = 0.5
_LOG_INTERVAL = 60.0


@attrs.define(slots=True, eq=False)
class _Ack:
    event_id: str
    data: bytes = attrs.field(repr=False)
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
        self._head = (
            f"POST {settings.path('events')}channel/eventresponse HTTP/1.1\r\n{header_lines(settings.headers)}"
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
                connection.take(ack)
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
        attempt = connect(self._endpoint, _Connection(self))
        self._connecting.add(attempt)
        attempt.addBoth(self._attempted, attempt)

    def _attempted(self, result: Any, attempt: Deferred[Any]) -> None:
        self._connecting.discard(attempt)
        if isinstance(result, _Connection):
            self._connections.add(result)
            if self.depth == 1:
                result.write_directly()
            self.ready(result)
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

    def ready(self, connection: KeepAlive[_Ack]) -> None:
        """``connection`` can take another acknowledgement."""
        assert isinstance(connection, _Connection)
        while self._waiting and not connection.full:
            connection.take(self._waiting.popleft())
        if not connection.full and connection not in self._free:
            self._free.append(connection)

    def answered(self, ack: _Ack, answer: Answer) -> None:
        if 200 <= answer.status < 300:
            self.sent += 1
        else:
            self._fail(f"HTTP status {answer.status}")

    def gone(self, connection: KeepAlive[_Ack], unanswered: list[_Ack], reason: Exception) -> None:
        """``connection`` is lost; what it had not answered is tried once more elsewhere."""
        assert isinstance(connection, _Connection)
        self._connections.discard(connection)
        if connection in self._free:
            self._free.remove(connection)
        for ack in unanswered:
            self._retry(ack, str(reason))
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


class _Connection(KeepAlive[_Ack]):
    """A connection that looks after the time of its acknowledgements."""

    def __init__(self, acks: Acks) -> None:
        super().__init__(acks.reactor, acks)
        self._acks = acks
        self._timer: Any = None

    @property
    def full(self) -> bool:
        return not self.usable or len(self.under_way) >= self._acks.depth

    def take(self, ack: _Ack) -> None:
        ack.written = self.reactor.seconds()
        if self._acks.trace is not None:
            self._acks.trace(self._acks.name, "ack", ack.event_id)
        self.write(ack, ack.data)
        if self._timer is None:
            self._timer = self.reactor.callLater(_ANSWER_TIMEOUT, self._check)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().connectionLost(reason)

    def _check(self) -> None:
        # One timer per connection that moves on with the oldest acknowledgement, since one for each would cost as much as sending it.
        self._timer = None
        if self.under_way:
            left = self.under_way[0].written + _ANSWER_TIMEOUT - self.reactor.seconds()
            if left > 0:
                self._timer = self.reactor.callLater(left, self._check)
            else:
                self.abort(ConnectionClosed("no answer in time"))
