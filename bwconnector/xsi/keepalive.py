"""One keep-alive connection to an XSP: requests out, answers in the same order back.

What the requests are, and what becomes of those that a lost connection leaves without an answer, is its owner's business.
"""

from __future__ import annotations

import typing
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionClosed, ConnectionDone, TimeoutError
from twisted.internet.interfaces import IHandshakeListener, ISSLTransport, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from zope.interface import implementer

from bwconnector.xsi.http1 import Answer, AnswerReader, BadAnswer

__all__ = ["CONNECT_TIMEOUT", "IDLE_TIMEOUT", "KeepAlive", "Owner", "connect"]

CONNECT_TIMEOUT = 3.0
"""Seconds for a connection, and once more for its TLS. Below the time for an answer, so that an XSP that does not even accept connections
is told from one that does not answer: only the latter may have acted."""
IDLE_TIMEOUT = 3.0
"""XSPs close a connection that was idle for 4 s; one of ours must never be used in the moment when that happens."""
_CLOSE_TIMEOUT = 1.0

T = TypeVar("T")


class Owner(typing.Protocol[T]):
    """What a connection tells."""

    def answered(self, request: T, answer: Answer) -> None: ...

    def ready(self, connection: KeepAlive[T]) -> None:
        """It has read whatever has come, and can take more."""

    def gone(self, connection: KeepAlive[T], unanswered: list[T], reason: Exception) -> None:
        """It is lost, with these requests; a BadAnswer if that was because of what the server sent."""


@implementer(IHandshakeListener)
class KeepAlive(Protocol, Generic[T]):
    """One connection.

    :param max_body: see :class:`~bwconnector.xsi.http1.AnswerReader`
    :param roomy: see there
    :ivar opened: fires with this when it can be used, TLS included
    :ivar under_way: the requests that are written and not answered
    :ivar idle_since: when the last answer came
    """

    transport: Any

    def __init__(self, reactor: Any, owner: Owner[T], max_body: int | None = None, roomy: Callable[[], bool] = lambda: True) -> None:
        self.opened: Deferred[KeepAlive[T]] = Deferred(lambda _: self.abort())
        self.under_way: deque[T] = deque()
        self.usable = False
        self.idle_since = 0.0
        self.reactor = reactor
        self._owner = owner
        self._answers = AnswerReader(max_body, roomy)
        self._owned = False
        self._direct = False
        self._reason: Exception | None = None
        self._closing: Any = None

    @property
    def held(self) -> int:
        """Bytes of an answer that is not complete yet."""
        return self._answers.held

    @property
    def stale(self) -> bool:
        """Idle for so long that the XSP may be closing it just now."""
        return not self.under_way and self.reactor.seconds() - self.idle_since > IDLE_TIMEOUT

    def write(self, request: T, data: bytes) -> None:
        """Send ``data``, which is the whole of ``request``."""
        self.under_way.append(request)
        if self._direct:
            # A request is alone on its way and small: the socket takes it at once, where the reactor would have to be asked when it does.
            sent = self.transport.writeSomeData(data)
            if sent == len(data):
                return
            self._direct = False
            data = data[sent:] if isinstance(sent, int) else data
        self.transport.write(data)

    def abort(self, reason: Exception | None = None) -> None:
        """Drop the connection."""
        self.usable = False
        self._reason = self._reason or reason
        self.transport.abortConnection()

    def close(self) -> None:
        """End an idle connection in order."""
        self.usable = False
        self._closing = self.reactor.callLater(_CLOSE_TIMEOUT, self.transport.abortConnection)
        self.transport.loseConnection()

    def connectionMade(self) -> None:
        if hasattr(self.transport, "setTcpNoDelay"):
            self.transport.setTcpNoDelay(True)
        if not ISSLTransport.providedBy(self.transport):
            self._open()

    def handshakeCompleted(self) -> None:
        # The certificate may have been refused at the same time; then the connection is on its way out.
        if not self.transport.disconnecting:
            self._open()

    def _open(self) -> None:
        self.usable = True
        self.idle_since = self.reactor.seconds()
        if not self.opened.called:
            self._owned = True
            self.opened.callback(self)

    def write_directly(self) -> None:
        """Whoever owns it promises that each request waits for the answer to the one before."""
        # TLS transports pass on what they do not have themselves, so only the very class of a bare socket will do.
        self._direct = isinstance(self.transport, Connection) and not ISSLTransport.providedBy(self.transport)

    def dataReceived(self, data: bytes) -> None:
        answers = self._answers
        answers.receive_data(data)
        try:
            for answer in answers:
                if not self.under_way:
                    raise BadAnswer("an answer without a request")
                if not answer.reusable:
                    self.abort(ConnectionClosed("the XSP has ended it"))
                self._owner.answered(self.under_way.popleft(), answer)
                if not self.usable:
                    return
            if not self.under_way and not answers.between:
                raise BadAnswer("more bytes than the answer has")
        except BadAnswer as error:
            self.abort(error.with_traceback(None))  # its frames would keep what has come until the garbage collector looks at them
            return
        if not self.under_way:
            self.idle_since = self.reactor.seconds()
        self._owner.ready(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.usable = False
        if self._closing is not None:
            if self._closing.active():
                self._closing.cancel()
            self._closing = None
        cause = self._reason or cast(Exception, reason.value)
        if not self._owned:
            if not self.opened.called:
                self.opened.errback(Failure(cause))
            return
        last = self._answers.end() if reason.check(ConnectionDone) and self.under_way else None
        self._answers.clear()
        if last is not None:
            self._owner.answered(self.under_way.popleft(), last)
        unanswered = list(self.under_way)
        self.under_way.clear()
        self._owner.gone(self, unanswered, cause)


def connect(endpoint: IStreamClientEndpoint, connection: KeepAlive[T]) -> Deferred[KeepAlive[T]]:
    """Fires with ``connection`` when it can be used, TLS included."""
    factory = Factory.forProtocol(lambda: connection)
    factory.noisy = False

    def too_slow(_: object, __: float) -> Failure:
        return Failure(TimeoutError(string="no TLS in time"))

    def shake_hands(_: object) -> Deferred[KeepAlive[T]]:
        opened = connection.opened
        return opened if opened.called else opened.addTimeout(CONNECT_TIMEOUT, connection.reactor, too_slow)

    attempt: Deferred[KeepAlive[T]] = endpoint.connect(factory).addCallback(shake_hands)
    return attempt
