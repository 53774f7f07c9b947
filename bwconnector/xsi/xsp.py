"""One XSP (BroadWorks' web server for Xsi) as the connector uses it: requests with answers, and streams.

Every request carries the credentials and goes to this XSP only: redirects are not followed, since they could carry the password elsewhere.
"""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Mapping
from email.message import Message
from typing import Any, cast
from urllib.parse import quote
from urllib.request import Request as CookieRequest

import attrs
from OpenSSL import SSL
from service_identity import VerificationError
from treq.cookies import IndexableCookieJar
from twisted.internet import defer
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import ISSLTransport, IStreamClientEndpoint

from bwconnector.xsi import streaming
from bwconnector.xsi.answers import read_error_info
from bwconnector.xsi.errors import NoXspAvailable, OutcomeUnknown, Refused, XsiFailure
from bwconnector.xsi.http1 import BadAnswer
from bwconnector.xsi.keepalive import CONNECT_TIMEOUT
from bwconnector.xsi.pool import Late, Lost, NotSent, Pool
from bwconnector.xsi.requests import Context, Request, Response
from bwconnector.xsi.streaming import Stream, StreamReceiver
from bwconnector.xsi.tls import client_tls, explanation
from bwconnector.xsi.tracing import Trace

__all__ = ["TRY_TIMEOUT", "Stream", "StreamReceiver", "Xsp", "XspSettings"]

TRY_TIMEOUT = 4.0
"""Seconds for one try of a request, from connecting to the last byte of the answer."""

_WITH_CONTENT = frozenset(("POST", "PUT"))
_XML = "application/xml; charset=UTF-8"
# All that cannot stand in the first line of a request as it is (RFC 3986 section 2).
_UNFIT = re.compile(r"[^!#-;=?-\[\]_a-z~]+")


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

    @property
    def headers(self) -> dict[str, str]:
        """Those of every request: a secret."""
        headers = {"Host": self.origin.partition("//")[2], "Authorization": self.authorization}
        if self.protocol_version:
            headers["X-BroadWorks-Protocol-Version"] = self.protocol_version
        return headers

    def path(self, context: Context) -> str:
        """The beginning of every path in this context, with a slash at its end."""
        base: str = {"actions": self.actions_context, "events": self.events_context, "async": self.async_context}[context]
        return base.rstrip("/") + "/v2.0/"

    def endpoint(self, reactor: Any) -> IStreamClientEndpoint:
        """Where to connect, TLS included.

        :raises OSError: a certificate or key cannot be used
        """
        endpoint = HostnameEndpoint(reactor, self.hostname.encode("idna").decode(), self.port, timeout=CONNECT_TIMEOUT)
        if not self.tls:
            return endpoint
        return wrapClientTLS(client_tls(self.hostname, self.ca_file, self.cert_file, self.key_file), endpoint)


def header_lines(headers: Mapping[str, str]) -> str:
    """As they stand in a request."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


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
        self._endpoint = settings.endpoint(reactor)
        self._pool = Pool(reactor, self._endpoint, self._note_certificate)
        # Requests and streams share the session, so that a load balancer before the XSPs keeps both at the same one.
        self._cookies = IndexableCookieJar()
        self._any_cookies = False
        self._headers = header_lines(settings.headers)

    def change(self, settings: XspSettings, endpoint: IStreamClientEndpoint) -> None:
        """From the next request on these credentials hold, and from the next connection on the rest. Open streams are left alone.

        :param endpoint: made of ``settings``
        """
        before, self.settings = self.settings, settings
        self._endpoint = endpoint
        self._headers = header_lines(settings.headers)
        self._pool.lead_to(endpoint, keep=_end(settings) == _end(before))
        self.certificate_expires = None if not settings.tls else self.certificate_expires

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
        headers = dict(self.settings.headers)
        del headers["Host"]
        if request.body is not None:
            headers["Content-Type"] = _XML
        opening = streaming.Opening(request.method, self.settings.origin + self._target(request), headers, request.body)
        try:
            stream = await streaming.open_stream(
                self._reactor, self._endpoint, self._cookies, opening, receiver, timeout, self._note_certificate
            )
        except streaming.Refusal as refusal:
            self._any_cookies = bool(len(self._cookies))
            raise self._refused(refusal.status, refusal.headers, refusal.body) from None
        except (NotSent, Late, Lost) as cause:
            raise self._translated(cause) from cause
        self._any_cookies = bool(len(self._cookies))
        self.requests["200"] += 1
        return stream

    def close(self) -> defer.Deferred[None]:
        """Close idle connections; fires when they are gone. Those that are in use are closed when they are not any more."""
        return self._pool.close()

    async def _perform_once(self, request: Request, timeout: float) -> Response:
        try:
            answer = await self._pool.ask(self._message(request), timeout)
        except (NotSent, Late, Lost) as cause:
            raise self._translated(cause) from cause
        fields = answer.fields
        if "set-cookie" in (headers := dict(fields)):
            self._keep_cookies(request, fields)
        if not 200 <= answer.status < 300:
            raise self._refused(answer.status, headers, answer.body)
        self.requests[str(answer.status)] += 1
        return Response(answer.status, headers, answer.body)

    def _target(self, request: Request) -> str:
        target = self.settings.path(request.context) + request.target
        return _UNFIT.sub(lambda unfit: quote(unfit[0], safe=""), target) if _UNFIT.search(target) else target

    def _message(self, request: Request) -> bytes:
        """The request as it is written."""
        target = self._target(request)
        body = request.body
        head = f"{request.method} {target} HTTP/1.1\r\n{self._headers}"
        if body is not None:
            head += f"Content-Type: {_XML}\r\nContent-Length: {len(body)}\r\n"
        elif request.method in _WITH_CONTENT:
            head += "Content-Length: 0\r\n"
        if self._any_cookies:
            head += self._cookie_line(target)
        return f"{head}\r\n".encode() + (body or b"")

    def _cookie_line(self, target: str) -> str:
        asked = CookieRequest(self.settings.origin + target)
        self._cookies.add_cookie_header(asked)
        value = asked.get_header("Cookie")
        return f"Cookie: {value}\r\n" if value else ""

    def _keep_cookies(self, request: Request, fields: list[tuple[str, str]]) -> None:
        answer = Message()
        for name, value in fields:
            answer[name] = value
        answered = cast(Any, _Answered(answer))
        self._cookies.extract_cookies(answered, CookieRequest(self.settings.origin + self._target(request)))
        self._any_cookies = bool(len(self._cookies))

    def _note_certificate(self, transport: Any) -> None:
        """A connection can be used, so it has shown its certificate; unless it is lost already."""
        if ISSLTransport.providedBy(transport):
            shown: Any = transport.getPeerCertificate()
            if shown is not None:
                self.certificate_expires = shown.to_cryptography().not_valid_after_utc.timestamp()

    def _refused(self, status: int, headers: Mapping[str, str], body: bytes) -> Refused:
        self.requests[str(status)] += 1
        info = read_error_info(body)
        summary = info.summary
        if 300 <= status < 400:
            location = headers.get("location", "nowhere")
            summary = f"redirected to {location}, which is not followed: configure that address if it is meant"
        return Refused(status, info.code, summary)

    def _translated(self, cause: NotSent | Late | Lost) -> XsiFailure:
        """What a failure of the transport means for the caller."""
        where = f"XSP {self.name} at {self.settings.origin}"
        match cause:
            case NotSent(cause=SSL.Error() | VerificationError() as tls):
                self.requests["unreachable"] += 1
                return NoXspAvailable(f"TLS to {where} failed: {explanation(tls, self.settings.hostname, self.settings.ca_file)}")
            case NotSent():
                self.requests["unreachable"] += 1
                return NoXspAvailable(f"{where} cannot be reached: {cause}")
            case Late():
                self.requests["timeout"] += 1
                return OutcomeUnknown(f"XSP {self.name} did not answer in time")
            case Lost(cause=BadAnswer() as bad):
                self.requests["lost"] += 1
                return OutcomeUnknown(f"XSP {self.name} sent what cannot be read as an answer: {bad}")
        self.requests["lost"] += 1
        return _Lost(f"XSP {self.name} closed the connection before it answered: {cause.cause!r}")


class _Lost(OutcomeUnknown):
    """The connection was lost, rather than too slow."""


def _end(settings: XspSettings) -> tuple[str, ...]:
    """What the connections of these settings lead to, and as whom."""
    return settings.origin, settings.ca_file, settings.cert_file, settings.key_file


class _Answered:
    """An answer as a cookie jar looks at it."""

    def __init__(self, headers: Message) -> None:
        self._headers = headers

    def info(self) -> Message:
        return self._headers
