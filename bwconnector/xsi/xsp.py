"""One XSP (BroadWorks' web server for Xsi) as the connector uses it: requests with answers, and streams.

Every request carries the credentials and goes to this XSP only: redirects are not followed, since they could carry the password elsewhere.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

import attrs
from OpenSSL import SSL
from service_identity import VerificationError
from treq.client import HTTPClient
from treq.cookies import IndexableCookieJar
from twisted.internet import defer, error
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IConsumer, IProtocol, IStreamClientEndpoint
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web._newclient import RequestNotSent
from twisted.web.client import Agent, HTTPConnectionPool, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IAgentEndpointFactory, IBodyProducer, IResponse
from zope.interface import implementer

from bwconnector.xsi.answers import read_error_info
from bwconnector.xsi.errors import NoXspAvailable, OutcomeUnknown, Refused, XsiFailure
from bwconnector.xsi.requests import Context, Request, Response
from bwconnector.xsi.tls import client_tls, explanation
from bwconnector.xsi.tracing import Trace

__all__ = ["TRY_TIMEOUT", "Stream", "StreamReceiver", "Xsp", "XspSettings"]

TRY_TIMEOUT = 4.0
"""Seconds for one try of a request, from connecting to the last byte of the answer."""

# Below TRY_TIMEOUT, so that an XSP that does not even accept connections is told from one that does not answer: only the latter may have
# acted.
_CONNECT_TIMEOUT = 3.0
# XSPs close a connection that was idle for 4 s; one of ours must never be used in the moment when that happens.
_IDLE_TIMEOUT = 3
# Requests at a time towards one XSP that find an open connection; more open further ones.
_CACHED_CONNECTIONS = 32
# The largest answer is a directory page or a list of calls, well below 1 MB.
_MAX_BODY = 8 * 1024 * 1024


@attrs.frozen(slots=True)
class XspSettings:
    """How to reach one XSP.

    :ivar name: name of the link in configuration, logs and metrics
    :ivar ca_file: PEM file of the certificates to trust; empty = the system's
    :ivar cert_file: PEM file of the certificate to show; empty = none
    :ivar key_file: PEM file of its key; empty = it is in ``cert_file``
    :ivar protocol_version: value of X-BroadWorks-Protocol-Version; empty = do not send it
    """

    name: str
    hostname: str
    port: int = 443
    tls: bool = True
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    user_id: str = ""
    password: str = attrs.field(default="", repr=False)
    actions_context: str = "/com.broadsoft.xsi-actions"
    events_context: str = "/com.broadsoft.xsi-events"
    async_context: str = "/com.broadsoft.async/com.broadsoft.xsi-events"
    protocol_version: str = ""

    @property
    def origin(self) -> str:
        host = f"[{self.hostname}]" if ":" in self.hostname else self.hostname
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    @property
    def authorization(self) -> str:
        """Value of the Authorization header: a secret."""
        return "Basic " + base64.b64encode(f"{self.user_id}:{self.password}".encode()).decode()

    def path(self, context: Context) -> str:
        """The beginning of every path in this context, with a slash at its end."""
        base: str = {"actions": self.actions_context, "events": self.events_context, "async": self.async_context}[context]
        return base.rstrip("/") + "/v2.0/"

    def endpoint(self, reactor: Any) -> IStreamClientEndpoint:
        """Where to connect, TLS included.

        :raises OSError: a certificate or key cannot be used
        """
        endpoint = HostnameEndpoint(reactor, self.hostname.encode("idna").decode(), self.port, timeout=_CONNECT_TIMEOUT)
        if not self.tls:
            return endpoint
        return wrapClientTLS(client_tls(self.hostname, self.ca_file, self.cert_file, self.key_file), endpoint)


class StreamReceiver(Protocol):
    """What takes a stream's bytes."""

    def data_received(self, data: bytes) -> None: ...

    def stream_ended(self, reason: str) -> None:
        """The last call: the stream is over, whoever ended it, other than by :meth:`Stream.abort`."""


class Stream(Protocol):
    """A stream that is open."""

    def abort(self) -> None:
        """Close the connection at once; nothing more is delivered."""


class Xsp:
    """Requests and streams of one XSP.

    :ivar requests: number of requests so far by HTTP status, or ``timeout``, ``lost`` or ``unreachable`` where there was none
    :ivar certificate_expires: when the certificate that it has shown last expires, in seconds since the epoch; None without TLS
    :ivar trace: is shown each request and its answer, streams aside
    """

    def __init__(self, reactor: Any, settings: XspSettings) -> None:
        self.name = settings.name
        self.settings = settings
        self.requests: Counter[str] = Counter()
        self.certificate_expires: float | None = None
        self.trace: Trace | None = None
        self._reactor = reactor
        self._endpoint = _Quiet(settings.endpoint(reactor))
        self._pool = HTTPConnectionPool(reactor)
        self._pool.maxPersistentPerHost = _CACHED_CONNECTIONS
        self._pool.cachedConnectionTimeout = _IDLE_TIMEOUT
        self._pool.retryAutomatically = False
        # Requests and streams share the session, so that a load balancer before the XSPs keeps both at the same one.
        self._cookies = IndexableCookieJar()
        self._client = HTTPClient(Agent.usingEndpointFactory(reactor, _To(self._endpoint), self._pool), self._cookies, _Bytes)

    def change(self, settings: XspSettings, endpoint: IStreamClientEndpoint) -> None:
        """From the next request on these credentials hold, and from the next connection on the rest. Open streams are left alone.

        :param endpoint: made of ``settings``
        """
        self._endpoint.lead_to(endpoint)
        self.certificate_expires = None if not settings.tls else self.certificate_expires
        self.settings = settings

    async def perform(self, request: Request, timeout: float = TRY_TIMEOUT) -> Response:
        """Send ``request`` and wait for its answer, ``timeout`` seconds at most.

        When the connection is lost, a safe request is repeated once: an XSP may close an idle connection just as it is used.

        :raises Refused: BroadWorks answered with another status than 2xx
        :raises NoXspAvailable: it could not be reached, so nothing was sent
        :raises OutcomeUnknown: no answer came
        """
        if self.trace is None:
            return await self._perform(request, timeout)
        self.trace(self.name, "request", request)
        outcome: Response | XsiFailure | None = None
        try:
            outcome = await self._perform(request, timeout)
        except XsiFailure as failure:
            outcome = failure
            raise
        finally:
            if outcome is not None:
                self.trace(self.name, "answer", (request, outcome))
        return outcome

    async def _perform(self, request: Request, timeout: float) -> Response:
        deadline = self._reactor.seconds() + timeout
        try:
            return await self._perform_once(request, timeout)
        except _Lost:
            left = deadline - self._reactor.seconds()
            if not request.safe or left <= 0:
                raise
            return await self._perform_once(request, left)

    async def open_stream(self, request: Request, receiver: StreamReceiver, timeout: float = TRY_TIMEOUT) -> Stream:
        """Send ``request`` on a connection of its own and deliver the answer's body as it comes.

        :raises XsiFailure: as :meth:`perform`
        """
        once = _Once(self._endpoint)
        agent = Agent.usingEndpointFactory(self._reactor, _To(once), HTTPConnectionPool(self._reactor, persistent=False))
        client = HTTPClient(_Plain(agent), self._cookies, _Bytes)
        answer = self._send(client, request)
        answer.addTimeout(timeout, self._reactor)
        try:
            response = self._look_at_certificate(await answer)
            if response.code == 200:
                self.requests["200"] += 1
                body = _StreamBody(receiver, once.abort)
                response.deliverBody(body)
                return body
            collected = _collect(response)
            collected.addTimeout(timeout, self._reactor)
            text = await collected
        except Exception as cause:
            once.abort()
            raise self._translated(cause) from cause
        once.abort()
        raise self._refused(response, text)

    def close(self) -> defer.Deferred[None]:
        """Close idle connections; fires when they are gone. Those that are in use are closed when they are not any more."""
        self._pool.cachedConnectionTimeout = 0
        closed: defer.Deferred[None] = self._pool.closeCachedConnections()
        return closed

    async def _perform_once(self, request: Request, timeout: float) -> Response:
        answer: defer.Deferred[Any] = self._send(self._client, request)
        answer.addCallback(self._look_at_certificate)
        answer.addCallback(lambda response: _collect(response).addCallback(lambda body: (response, body)))
        answer.addTimeout(timeout, self._reactor)
        try:
            response, body = await answer
        except Exception as cause:
            raise self._translated(cause) from cause
        if not 200 <= response.code < 300:
            raise self._refused(response, body)
        self.requests[str(response.code)] += 1
        headers = {name.decode("latin-1").lower(): values[-1].decode("latin-1") for name, values in response.headers.getAllRawHeaders()}
        return Response(response.code, headers, body)

    def _send(self, client: HTTPClient, request: Request) -> defer.Deferred[Any]:
        headers = Headers({"Authorization": [self.settings.authorization]})
        if request.body is not None:
            headers.setRawHeaders("Content-Type", ["application/xml; charset=UTF-8"])
        if self.settings.protocol_version:
            headers.setRawHeaders("X-BroadWorks-Protocol-Version", [self.settings.protocol_version])
        url = self.settings.origin + self.settings.path(request.context) + request.target
        return client.request(
            request.method, url, headers=headers, data=request.body, allow_redirects=False, unbuffered=True, reactor=self._reactor
        )

    def _look_at_certificate(self, response: Any) -> Any:
        """An answer begins, so the newest connection has most likely shown its certificate. If not, or if it is lost, the next tells."""
        transport = getattr(self._endpoint.newest, "transport", None)
        if self.settings.tls and getattr(transport, "connected", False):
            shown = transport.getPeerCertificate()  # type: ignore[union-attr]
            if shown is not None:
                self._endpoint.newest = None
                self.certificate_expires = shown.to_cryptography().not_valid_after_utc.timestamp()
        return response

    def _refused(self, response: IResponse, body: bytes) -> Refused:
        self.requests[str(response.code)] += 1
        info = read_error_info(body)
        summary = info.summary
        if 300 <= response.code < 400:
            location = response.headers.getRawHeaders("location", ["nowhere"])[0]
            summary = f"redirected to {location}, which is not followed: configure that address if it is meant"
        return Refused(response.code, info.code, summary)

    def _translated(self, cause: Exception) -> XsiFailure:
        """What a failure of the transport means for the caller."""
        if isinstance(cause, error.ConnectError | error.DNSLookupError | RequestNotSent | error.ConnectingCancelledError):
            self.requests["unreachable"] += 1
            return NoXspAvailable(f"XSP {self.name} at {self.settings.origin} cannot be reached: {cause}")
        reasons = [reason.value for reason in getattr(cause, "reasons", ())]
        tls = next((reason for reason in reasons if isinstance(reason, SSL.Error | VerificationError)), None)
        if tls is not None:
            self.requests["unreachable"] += 1
            why = explanation(tls, self.settings.hostname, self.settings.ca_file)
            return NoXspAvailable(f"TLS to XSP {self.name} at {self.settings.origin} failed: {why}")
        # The Agent wraps the cancellation that a time-out is.
        if isinstance(cause, defer.TimeoutError) or any(isinstance(reason, defer.CancelledError) for reason in reasons):
            self.requests["timeout"] += 1
            return OutcomeUnknown(f"XSP {self.name} did not answer in time")
        self.requests["lost"] += 1
        return _Lost(f"XSP {self.name} closed the connection before it answered: {reasons or cause!r}")


class _Lost(OutcomeUnknown):
    """The connection was lost, rather than too slow."""


@implementer(IAgentEndpointFactory)
class _To:
    """Connections go to one endpoint, whatever the URL."""

    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        self._endpoint = endpoint

    def endpointForURI(self, uri: Any) -> IStreamClientEndpoint:
        return self._endpoint


@implementer(IStreamClientEndpoint)
class _Quiet:
    """An endpoint whose connections are not logged one by one.

    :ivar newest: the last connection, until its certificate has been looked at
    """

    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        self._endpoint = endpoint
        self.newest: Any = None

    def lead_to(self, endpoint: IStreamClientEndpoint) -> None:
        """Further connections are made there."""
        self._endpoint = endpoint

    def connect(self, protocolFactory: Any) -> defer.Deferred[IProtocol]:
        def remember(protocol: IProtocol) -> IProtocol:
            self.newest = protocol
            return protocol

        protocolFactory.noisy = False
        return self._endpoint.connect(protocolFactory).addCallback(remember)


class _Once(_Quiet):
    """An endpoint that is connected to once and remembers the connection: HTTP has no way to cut off a body whose sender is silent."""

    def abort(self) -> None:
        transport = getattr(self.newest, "transport", None)
        if transport is not None:
            transport.abortConnection()


@implementer(IAgent)
class _Plain:
    """Asks for no compression, which would hold back documents until a block of them is full."""

    def __init__(self, agent: IAgent) -> None:
        self._agent = agent

    def request(
        self, method: bytes, uri: bytes, headers: Headers | None = None, bodyProducer: IBodyProducer | None = None
    ) -> defer.Deferred[IResponse]:
        if headers is not None:
            headers.removeHeader(b"accept-encoding")
        return self._agent.request(method, uri, headers, bodyProducer)


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
    """Collects a body of bounded size."""

    def __init__(self) -> None:
        self.done: defer.Deferred[bytes] = defer.Deferred(lambda _: self._stop())
        self._parts: list[bytes] = []
        self._size = 0

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > _MAX_BODY:
            self._stop()
        else:
            self._parts.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.done.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss) and self._size <= _MAX_BODY:
            self.done.callback(b"".join(self._parts))
        else:
            self.done.errback(reason)

    def _stop(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()


def _collect(response: IResponse) -> defer.Deferred[bytes]:
    body = _Body()
    response.deliverBody(body)
    return body.done
