"""Requests to one XSP over connections that are kept, each of which waits for an answer before it takes the next request.

A general HTTP client costs ten times as much as the rest of what a start of monitors needs. This one knows what an XSP is asked:
requests that are written at once, and answers of bounded size.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.python.failure import Failure

from bwconnector.xsi import keepalive
from bwconnector.xsi.http1 import Answer
from bwconnector.xsi.keepalive import KeepAlive, connect

__all__ = ["Late", "Lost", "NotSent", "Pool"]

# What one XSP serves at a time is far below this. Requests beyond wait for a connection, those of a connector that is asked for too much.
_MAX_CONNECTIONS = 256
# The largest answer is a directory page or a list of calls, well below 1 MB.
_MAX_BODY = 8 * 1024 * 1024
# What all answers take that are not complete yet. Beyond it only small ones are read on, which are 16 MB more at the most: so many
# connections with an answer of the greatest length each would take 2 GB.
_MAX_BODIES = 16 * 1024 * 1024


class NotSent(Exception):
    """Nothing of the request was sent.

    :ivar cause: what was in the way
    """

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Late(Exception):
    """The request was sent; the time for its answer is over."""


class Lost(Exception):
    """The request was sent; the connection was lost before the answer was complete, or the answer was none.

    :ivar cause: how; a BadAnswer if the server sent something that cannot be an answer
    """

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class _Asked(Deferred[Answer]):
    """A request, which fires with its answer; ``connection`` None = it is not written yet."""

    def __init__(self, data: bytes, give_up: Callable[[Any], None]) -> None:
        super().__init__(give_up)
        self.data = data
        self.timer: Any = None
        self.connection: KeepAlive[_Asked] | None = None


class Pool:
    """The connections.

    :param opened: is shown the transport of each new connection
    """

    def __init__(self, reactor: Any, endpoint: IStreamClientEndpoint, opened: Callable[[Any], None] = lambda transport: None) -> None:
        self._reactor = reactor
        self._endpoint = endpoint
        self._opened = opened
        self._kept = True
        self._waiting: deque[_Asked] = deque()
        self._attempts: set[Deferred[Any]] = set()
        self._era = 0
        self._connections: dict[KeepAlive[_Asked], int] = {}
        """With the era in which each began."""
        self._idle: deque[KeepAlive[_Asked]] = deque()
        """The last one is that which was used last."""
        self._answering = False
        """An answer is told; its connection is free in a moment."""
        self._sweep: Any = None
        self._emptied: list[Deferred[None]] = []

    def ask(self, data: bytes, timeout: float) -> Deferred[Answer]:
        """Send a whole request; fires with the answer, after ``timeout`` seconds at most.

        If it is cancelled, that is as if the time were over.

        :raises NotSent: nothing was sent
        :raises Late: no answer came in time
        :raises Lost: no answer came
        """
        asked = _Asked(data, self._give_up)
        asked.timer = self._reactor.callLater(timeout, self._give_up, asked)
        connection = self._take()
        if connection is not None:
            self._write(connection, asked)
        else:
            self._waiting.append(asked)
            if not self._answering:
                self._connect()
        return asked

    def lead_to(self, endpoint: IStreamClientEndpoint, keep: bool) -> None:
        """Further connections are made there. Those that exist are used on if ``keep`` is true, and else for nothing new."""
        self._endpoint = endpoint
        if not keep:
            self._era += 1
            self._close_idle()

    def close(self) -> Deferred[None]:
        """Close idle connections, and from now on each connection after its answer; fires when no idle one is left."""
        self._kept = False
        self._close_idle()
        for attempt in list(self._attempts)[len(self._waiting) :]:
            attempt.cancel()
        emptied: Deferred[None] = Deferred()
        self._emptied.append(emptied)
        self._look_whether_empty()
        return emptied

    def _take(self) -> KeepAlive[_Asked] | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.stale:
                return connection
            connection.close()
        return None

    def _write(self, connection: KeepAlive[_Asked], asked: _Asked) -> None:
        asked.connection = connection
        connection.write(asked, asked.data)

    def _connect(self) -> None:
        while len(self._attempts) < len(self._waiting) and len(self._attempts) + len(self._connections) < _MAX_CONNECTIONS:
            attempt = connect(self._endpoint, KeepAlive(self._reactor, self, _MAX_BODY, self._roomy))
            self._attempts.add(attempt)
            attempt.addBoth(self._attempted, attempt, self._era)

    def _attempted(self, result: KeepAlive[_Asked] | Failure, attempt: Deferred[Any], era: int) -> None:
        self._attempts.discard(attempt)
        if isinstance(result, Failure):
            # As many requests fail as connections do. Only those that nobody waits for are cancelled.
            if self._waiting and not result.check(CancelledError, ConnectingCancelledError):
                self._end(self._waiting.popleft(), NotSent(cast(Exception, result.value)))
            self._connect()
        else:
            self._connections[result] = era
            result.write_directly()
            self._opened(result.transport)
            self.ready(result)

    def ready(self, connection: KeepAlive[_Asked]) -> None:
        if connection.under_way or not connection.usable:
            return
        if self._connections[connection] != self._era:
            connection.close()
        elif self._waiting:
            self._write(connection, self._waiting.popleft())
        elif not self._kept:
            connection.close()
        elif connection not in self._idle:
            self._idle.append(connection)
            self._sweep_later()
        self._connect()

    def _roomy(self) -> bool:
        return sum(connection.held for connection in self._connections) <= _MAX_BODIES

    def answered(self, asked: _Asked, answer: Answer) -> None:
        self._answering = True
        self._end(asked, answer)
        self._answering = False

    def gone(self, connection: KeepAlive[_Asked], unanswered: list[_Asked], reason: Exception) -> None:
        self._connections.pop(connection, None)
        if connection in self._idle:
            self._idle.remove(connection)
        if any(not asked.called for asked in unanswered):
            self._close_idle()  # the XSP has most likely gone, or restarted: what is tried again is to find a new connection
        for asked in unanswered:
            self._end(asked, Lost(reason))
        self._connect()
        self._look_whether_empty()

    def _give_up(self, asked: _Asked) -> None:
        if asked.connection is None:
            self._waiting.remove(asked)
            self._end(asked, NotSent(TimeoutError("there was no connection in time")))
        else:
            asked.connection.abort()
            self._end(asked, Late("no answer in time"))

    def _end(self, asked: _Asked, result: Answer | Exception) -> None:
        if asked.called:
            return  # the connection that is lost now was given up with it
        if asked.timer.active():
            asked.timer.cancel()
        if isinstance(result, Answer):
            asked.callback(result)
        else:
            asked.errback(Failure(result))

    # Idle connections.

    def _sweep_later(self) -> None:
        if self._sweep is None and self._idle:
            left = self._idle[0].idle_since + keepalive.IDLE_TIMEOUT - self._reactor.seconds()
            self._sweep = self._reactor.callLater(max(0.0, left), self._sweep_idle)

    def _sweep_idle(self) -> None:
        self._sweep = None
        now = self._reactor.seconds()
        while self._idle and now - self._idle[0].idle_since >= keepalive.IDLE_TIMEOUT:
            self._idle.popleft().close()
        self._sweep_later()

    def _close_idle(self) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        while self._idle:
            self._idle.pop().close()

    def _look_whether_empty(self) -> None:
        if self._emptied and all(connection.under_way for connection in self._connections):
            emptied, self._emptied = self._emptied, []
            for each in emptied:
                each.callback(None)
