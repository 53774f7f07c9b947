"""Streams of one XSP: requests whose answers do not end, each on a connection of its own.

They are opened by treq, as there are few of them and all that matters is that each byte is handed on as it comes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

import attrs
from OpenSSL import SSL
from service_identity import VerificationError
from treq.client import HTTPClient
from treq.cookies import IndexableCookieJar
from twisted.internet import defer, error
from twisted.internet.interfaces import IConsumer, IProtocol, IStreamClientEndpoint
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web._newclient import RequestNotSent
from twisted.web.client import Agent, HTTPConnectionPool, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IAgentEndpointFactory, IBodyProducer, IResponse
from zope.interface import implementer

from bwconnector.xsi.http1 import MAX_HEAD, BadAnswer
from bwconnector.xsi.pool import Late, Lost, NotSent

__all__ = ["MAX_REFUSAL", "Opening", "Refusal", "Stream", "StreamReceiver", "open_stream"]

MAX_REFUSAL = 64 * 1024
"""Bytes of an answer that opens no stream which are looked at; it says why in its first lines."""


class StreamReceiver(Protocol):
    """What takes a stream's bytes."""

    def data_received(self, data: bytes) -> None: ...

    def stream_ended(self, reason: str) -> None:
        """The last call: the stream is over, whoever ended it, other than by :meth:`Stream.abort`."""


class Stream(Protocol):
    """A stream that is open."""

    def abort(self) -> None:
        """Close the connection at once; nothing more is delivered."""


@attrs.frozen(slots=True)
class Opening:
    """How a stream is asked for.

    :ivar headers: a secret
    """

    method: str
    url: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes | None


class Refusal(Exception):
    """The answer is not the beginning of a stream.

    :ivar headers: values by lower-case name
    """

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers
        self.body = body


async def open_stream(
    reactor: Any,
    endpoint: IStreamClientEndpoint,
    cookies: IndexableCookieJar,
    opening: Opening,
    receiver: StreamReceiver,
    timeout: float,
    answered: Callable[[Any], None],
) -> Stream:
    """Ask for a stream, and deliver it to ``receiver`` as it comes.

    :param timeout: seconds until it begins
    :param answered: is shown the transport when an answer begins
    :raises Refusal: the answer has another status than 200
    :raises NotSent: nothing was sent
    :raises Late: no answer came in time
    :raises Lost: no answer came
    """
    once = _Once(endpoint)
    agent = Agent.usingEndpointFactory(reactor, _To(once), HTTPConnectionPool(reactor, persistent=False))
    client = HTTPClient(_Plain(agent), cookies, _Bytes)
    deadline = reactor.seconds() + timeout
    answer: defer.Deferred[Any] = client.request(
        opening.method,
        opening.url,
        headers=Headers({name: [value] for name, value in opening.headers.items()}),
        data=opening.body,
        allow_redirects=False,
        unbuffered=True,
        reactor=reactor,
    )
    answer.addTimeout(timeout, reactor)
    try:
        response = await answer
        once.begun = True
        answered(once.transport)
        if response.code == 200:
            body = _StreamBody(receiver, once.abort)
            response.deliverBody(body)
            return body
        beginning = _Body()
        response.deliverBody(beginning)
        text = await beginning.done.addTimeout(max(0.0, deadline - reactor.seconds()), reactor)
    except Exception as cause:
        once.abort()
        raise _translated(once.overlong or cause) from cause
    once.abort()
    headers = {name.decode("latin-1").lower(): values[-1].decode("latin-1") for name, values in response.headers.getAllRawHeaders()}
    raise Refusal(response.code, headers, text)


def _translated(cause: Exception) -> NotSent | Late | Lost:
    """What a failure of the Agent means."""
    if isinstance(cause, error.ConnectError | error.DNSLookupError | RequestNotSent | error.ConnectingCancelledError):
        return NotSent(cause)
    reasons = [reason.value for reason in getattr(cause, "reasons", ())]
    tls = next((reason for reason in reasons if isinstance(reason, SSL.Error | VerificationError)), None)
    if tls is not None:
        return NotSent(tls)
    # The Agent wraps the cancellation that a time-out is.
    if isinstance(cause, defer.TimeoutError) or any(isinstance(reason, defer.CancelledError) for reason in reasons):
        return Late()
    return Lost(reasons[0] if reasons else cause)


@implementer(IStreamClientEndpoint)
class _Once:
    """An endpoint that is connected to once and remembers the connection: HTTP has no way to cut off a body whose sender is silent.

    :ivar begun: the headers of the answer are complete
    :ivar overlong: set once they turned out to be too long
    """

    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        self._endpoint = endpoint
        self.transport: Any = None
        self.begun = False
        self.overlong: BadAnswer | None = None

    def connect(self, protocolFactory: Any) -> defer.Deferred[IProtocol]:
        def remember(protocol: Any) -> IProtocol:
            self.transport = protocol.transport
            return cast(IProtocol, protocol.wrappedProtocol)

        protocolFactory.noisy = False
        return self._endpoint.connect(_Heads(protocolFactory, self)).addCallback(remember)

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abortConnection()


class _Head(ProtocolWrapper):
    """Ends a connection whose headers do not end: the Agent would keep whatever comes until the time is over."""

    received = 0

    def dataReceived(self, data: bytes) -> None:
        once: _Once = self.factory.once
        if not once.begun and self.received > MAX_HEAD:
            once.overlong = BadAnswer(f"more than {MAX_HEAD} bytes of headers")
            once.abort()
            return
        self.received += len(data)
        super().dataReceived(data)  # type: ignore[no-untyped-call]


class _Heads(WrappingFactory):
    protocol = _Head
    noisy = False

    def __init__(self, factory: Any, once: _Once) -> None:
        super().__init__(factory)  # type: ignore[no-untyped-call]
        self.once = once


@implementer(IAgentEndpointFactory)
class _To:
    """Connections go to one endpoint, whatever the URL."""

    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        self._endpoint = endpoint

    def endpointForURI(self, uri: Any) -> IStreamClientEndpoint:
        return self._endpoint


@implementer(IAgent)
class _Plain:
    """Asks for no compression, which would hold back documents until a block of them is full, and takes none: 64 KB may become 64 MB."""

    def __init__(self, agent: IAgent) -> None:
        self._agent = agent

    def request(
        self, method: bytes, uri: bytes, headers: Headers | None = None, bodyProducer: IBodyProducer | None = None
    ) -> defer.Deferred[IResponse]:
        if headers is not None:
            headers.removeHeader(b"accept-encoding")
        return self._agent.request(method, uri, headers, bodyProducer).addCallback(self._as_it_comes)

    def _as_it_comes(self, response: IResponse) -> IResponse:
        """treq decodes what says that it is encoded. So it comes as no XML, which ends the stream."""
        response.headers.removeHeader(b"content-encoding")
        return response


@implementer(IBodyProducer)
class _Bytes:
    """A body that is short enough to be written at once."""

    def __init__(self, data: bytes) -> None:
        self.length = len(data)
        self._data = data

    def startProducing(self, consumer: IConsumer) -> defer.Deferred[None]:
        consumer.write(self._data)
        return defer.succeed(None)

    def stopProducing(self) -> None:
        pass

    def pauseProducing(self) -> None:
        pass

    def resumeProducing(self) -> None:
        pass


class _StreamBody(TwistedProtocol):
    """Hands a body on to its receiver."""

    def __init__(self, receiver: StreamReceiver, abort: Callable[[], None]) -> None:
        self._receiver: StreamReceiver | None = receiver
        self._abort = abort

    def dataReceived(self, data: bytes) -> None:
        if self._receiver is not None:
            self._receiver.data_received(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.stream_ended("closed by the XSP" if reason.check(ResponseDone, PotentialDataLoss) else "connection lost")

    def abort(self) -> None:
        self._receiver = None
        self._abort()


class _Body(TwistedProtocol):
    """Collects the beginning of a body."""

    def __init__(self) -> None:
        self.done: defer.Deferred[bytes] = defer.Deferred()
        self._body = b""

    def dataReceived(self, data: bytes) -> None:
        self._body += data
        if len(self._body) >= MAX_REFUSAL and not self.done.called:
            self.done.callback(self._body[:MAX_REFUSAL])

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.done.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.done.callback(self._body)
        else:
            self.done.errback(reason)
