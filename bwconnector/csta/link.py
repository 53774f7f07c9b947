"""The sockets of the T-Servers: a Link per connection, and the factory that makes them. What is said on a link is the application's."""

from __future__ import annotations

import itertools
import socket
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any
from typing import Protocol as Interface

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall, IPushProducer, IReactorTime, ITCPTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from bwconnector.csta.association import CSTAErrorCode
from bwconnector.csta.connection import CstaConnection, Received, Unreadable
from bwconnector.csta.errors import CstaError, EncodeError
from bwconnector.csta.framing import FramingError, encode_frame
from bwconnector.csta.kinds import Message, Request, Response
from bwconnector.csta.networks import Network, within
from bwconnector.csta.xml import EventReport

__all__ = ["CLOSE_TIMEOUT", "DEAD_AFTER", "Application", "Link", "LinkFactory", "LinkSession", "Trace"]

log = Logger()

CLOSE_TIMEOUT = 3.0
"""Seconds that a link gets to take what is still to be sent to it when it is closed. A stop of the server has 5 s for everything."""

DEAD_AFTER = 60.0
"""Seconds after which a peer is dead that acknowledges nothing of what waits for it, or takes nothing of it. Systems wait a quarter of an
hour by themselves, and two hours for one that is only silent."""

_KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": int(DEAD_AFTER * 1000)}
"""What the system is told, as far as it knows it: seconds of silence, seconds between probes, probes, milliseconds."""

Trace = Callable[[str, str, bytes], None]
"""Called with a link's name, ``in`` or ``out`` and a whole frame; or ``open`` and the peer; or ``closed`` and why."""


class LinkSession(Interface):
    """What the application holds for one link."""

    def received(self, invoke_id: str, message: Message, namespace: str) -> None:
        """A message came in. An answer takes the same invoke id and namespace."""

    def unreadable(self, invoke_id: str, error: CstaError, namespace: str, detail: str) -> None:
        """A request came in that cannot be read; ``error`` is what to answer."""

    def closed(self, reason: str) -> None:
        """The link is gone; nothing can be sent any more."""


class Application(Interface):
    """What is behind the links."""

    def link_opened(self, link: Link) -> LinkSession:
        """A T-Server has connected. It may be spoken to at once."""


@implementer(IPushProducer)
class Link(Protocol):
    """One T-Server's connection.

    :ivar name: unique among the links that are open, e.g. ``tserver-1``; free for the next one when this link is gone
    :ivar peer: address and port of the other side
    :ivar host: its address alone; empty for a local socket
    :ivar messages_in: frames received
    :ivar messages_out: frames handed to the transport or waiting for it
    """

    factory: LinkFactory
    _transport: Any
    """An ITCPTransport that is an IConsumer too, or TLS around one."""

    def __init__(self, name: str, factory: LinkFactory) -> None:
        self.name = name
        self.factory = factory
        self.peer = "?"
        self.host = ""
        self._certificate = ""
        self.messages_in = 0
        self.messages_out = 0
        self._connection = CstaConnection()
        self._session: LinkSession | None = None
        self._end: str | None = None
        """Why we have ended the link, once we have."""
        self._paused = False
        """The transport has enough to send for now."""
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._closing: IDelayedCall | None = None
        self._overdue: IDelayedCall | None = None
        """A whole message has to come until then: the first one, or one that has begun."""

    @property
    def ended(self) -> bool:
        """Nothing more is read or sent: the link is closed, or on its way there."""
        return self._end is not None

    @property
    def certificate(self) -> str:
        """Common name of the certificate by which the other side has shown who it is; empty before that, and without one."""
        if not self._certificate and self._end is None:
            shown = getattr(self._transport, "getPeerCertificate", lambda: None)()
            self._certificate = (shown.get_subject().CN or "") if shown is not None else ""
        return self._certificate

    @property
    def unsent(self) -> int:
        """Bytes that wait for the transport to take them."""
        return self._waiting_bytes

    # from the transport

    def connectionMade(self) -> None:
        self._transport = self.transport
        peer = self._transport.getPeer()
        self.peer, self.host = _address(peer), getattr(peer, "host", "")
        if ITCPTransport.providedBy(self._transport):
            # an event is one small write: it must not wait for the acknowledgement of the one before
            self._transport.setTcpNoDelay(True)
            self._transport.setTcpKeepAlive(True)
            _notice_death(self._transport)
        self._transport.registerProducer(self, True)
        log.info("link {link} to {peer} is open", link=self.name, peer=self.peer)
        self._trace("open", self.peer.encode())
        try:
            self._session = self.factory.application.link_opened(self)
        except Exception:
            log.failure("link {link}: the application could not take it; closing it", link=self.name)
            self._abort("the application could not take it")
        if self._end is None:
            self._expect_message()

    def dataReceived(self, data: bytes) -> None:
        if self._end is not None:
            return
        before = self.messages_in
        self._connection.receive_data(data)
        try:
            for item in self._connection:
                self.messages_in += 1
                self._trace("in", item.body, item.invoke_id)
                self._deliver(item)
                if self.ended:
                    return
        except FramingError as error:
            log.warn(
                "link {link} to {peer} is closed: {error}. Check what kind of client connects to this port",
                link=self.name,
                peer=self.peer,
                error=error,
            )
            self.factory.dropped["framing"] += 1
            self.close(str(error))
            return
        if self.messages_in > before:
            self._expect_nothing()
        if self._connection.partial and self._overdue is None:
            self._expect_message()

    def _expect_message(self) -> None:
        """A whole message has to come in time: a link that says nothing, or breaks off, takes the place of another."""
        if self.factory.message_tout:
            self._overdue = self.factory.clock.callLater(self.factory.message_tout, self._too_late)

    def _expect_nothing(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def _too_late(self) -> None:
        self._overdue = None
        log.warn(
            "link {link} to {peer} is cut off: no whole message came from it within {limit} s ([csta] message-tout). "
            "Check what kind of client connects to this port",
            link=self.name,
            peer=self.peer,
            limit=self.factory.message_tout,
        )
        self.factory.dropped["silent"] += 1
        self._abort("no whole message came from it in time")

    def _deliver(self, item: Received | Unreadable) -> None:
        """Hand one message to the session. Whatever goes wrong with it, the link lives on."""
        assert self._session is not None
        expects_answer = item.answerable if isinstance(item, Unreadable) else isinstance(item.message, Request)
        try:
            if isinstance(item, Received):
                self._session.received(item.invoke_id, item.message, item.namespace)
            elif item.answerable:
                self._session.unreadable(item.invoke_id, item.error, item.namespace, item.detail)
            else:
                log.warn("link {link}: a message that cannot be read is ignored: {detail}", link=self.name, detail=item.detail)
        except Exception:
            log.failure("link {link}: invoke id {invoke_id} could not be dealt with", link=self.name, invoke_id=item.invoke_id)
            if expects_answer:
                self.send(item.invoke_id, CSTAErrorCode("operation", "generic"), item.namespace)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        why = self._end or reason.getErrorMessage()
        self._end = why
        if self._closing is not None and self._closing.active():
            self._closing.cancel()
        self._expect_nothing()
        self._waiting.clear()
        self._waiting_bytes = 0
        log.info("link {link} to {peer} is gone: {reason}", link=self.name, peer=self.peer, reason=why)
        self._trace("closed", why.encode())
        try:
            if self._session is not None:
                self._session.closed(why)
        except Exception:
            log.failure("link {link}: the application failed when it closed", link=self.name)
        finally:
            self.factory.gone(self)

    # to the transport

    def send(self, invoke_id: str, message: Message, namespace: str) -> None:
        """Send an answer, or a request of our own with an invoke id from :meth:`next_invoke_id`.

        An answer that cannot be encoded is a bug, and is replaced by an error: its sender must not wait in vain.
        """
        try:
            frame = self._connection.send(invoke_id, message, namespace)
        except EncodeError:
            log.failure("link {link}: {name} could not be sent", link=self.name, name=type(message).__name__)
            if not isinstance(message, Response):
                return
            frame = self._connection.send(invoke_id, CSTAErrorCode("operation", "generic"), namespace)
        self._transmit(frame)

    def send_event(self, message: Message, namespace: str) -> None:
        """Send an event report. One that cannot be encoded is a bug; it is logged and left out."""
        try:
            frame = self._connection.send_event(message, namespace)
        except EncodeError:
            log.failure("link {link}: {name} could not be sent", link=self.name, name=type(message).__name__)
            return
        self._transmit(frame)

    def send_report(self, report: EventReport, cross_ref_id: str, namespace: str) -> None:
        """Send an event report that other monitors get too; otherwise like :meth:`send_event`."""
        try:
            frame = self._connection.send_report(report, cross_ref_id, namespace)
        except EncodeError:
            log.failure("link {link}: {name} could not be sent", link=self.name, name=report.name)
            return
        self._transmit(frame)

    def next_invoke_id(self) -> str:
        """An invoke id for a request of our own."""
        return self._connection.next_invoke_id()

    def _transmit(self, frame: bytes) -> None:
        if self._end is not None:
            return
        self.messages_out += 1
        if self.factory.trace is not None:
            self.factory.trace(self.name, "out", frame)
        if not self._paused:
            self._transport.write(frame)
            return
        self._waiting.append(frame)
        self._waiting_bytes += len(frame)
        if self._waiting_bytes > self.factory.send_queue_limit:
            log.warn(
                "link {link} to {peer} is cut off: it does not read, and {unsent} bytes wait for it (send-queue-limit is {limit}). "
                "Check the T-Server and the network to it",
                link=self.name,
                peer=self.peer,
                unsent=self._waiting_bytes,
                limit=self.factory.send_queue_limit,
            )
            self.factory.dropped["slow"] += 1
            self._abort("it does not read what is sent to it")

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        while self._waiting and not self._paused:
            frame = self._waiting.popleft()
            self._waiting_bytes -= len(frame)
            self._transport.write(frame)

    def stopProducing(self) -> None:
        """The transport is going away; :meth:`connectionLost` follows."""

    def close(self, reason: str) -> None:
        """End the link in order: what waits is still sent, for at most :data:`CLOSE_TIMEOUT`. ``reason`` is for the log."""
        if self._end is not None:
            return
        self._end = reason
        self._expect_nothing()
        transport = self._transport
        transport.unregisterProducer()
        transport.writeSequence(list(self._waiting))
        self._waiting.clear()
        self._waiting_bytes = 0
        transport.loseConnection()
        self._closing = self.factory.clock.callLater(CLOSE_TIMEOUT, transport.abortConnection)

    def _trace(self, what: str, data: bytes, invoke_id: str = "") -> None:
        if self.factory.trace is not None:
            self.factory.trace(self.name, what, encode_frame(invoke_id, data) if invoke_id else data)

    def _abort(self, reason: str) -> None:
        """Drop the connection with whatever waits for it."""
        self._end = reason
        self._expect_nothing()
        self._waiting.clear()
        self._waiting_bytes = 0
        self._transport.abortConnection()


class _Refused(Protocol):
    """A connection that does not become a link. (A factory that returns no protocol is more than a TLS listener can take.)"""

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()


class LinkFactory(Factory):
    """Makes the links and knows those that are open.

    :ivar links: open links by name
    :ivar dropped: how many links we ended or refused: ``framing``, ``slow``, ``silent``, ``limit``, ``address``
    """

    noisy = False

    def __init__(
        self,
        application: Application,
        clock: IReactorTime,
        *,
        max_links: int = 32,
        send_queue_limit: int = 8 * 1024 * 1024,
        message_tout: float = 0,
        allow: Sequence[Network] = (),
        trace: Trace | None = None,
    ) -> None:
        """
        :param max_links: connections beyond that are refused
        :param send_queue_limit: bytes that may wait for one link before it is cut off
        :param message_tout: seconds within which a first message must come, and any message that has begun; 0 = for ever
        :param allow: networks that may connect; empty for any
        :param trace: is shown every frame, e.g. to record it
        """
        self.application = application
        self.clock = clock
        self.max_links = max_links
        self.send_queue_limit = send_queue_limit
        self.message_tout = message_tout
        self.allow = tuple(allow)
        self.trace = trace
        self.links: dict[str, Link] = {}
        self.dropped: Counter[str] = Counter()
        self._all_gone: Deferred[None] | None = None

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        peer = "?" if addr is None else _address(addr)
        if not self._allowed(addr):
            log.warn("connection from {peer} is refused: its address is not in [csta] allow", peer=peer)
            return self._refuse("address")
        if len(self.links) >= self.max_links:
            log.warn("connection from {peer} is refused: {limit} links are open ([csta] max-links)", peer=peer, limit=self.max_links)
            return self._refuse("limit")
        if self._all_gone is not None:
            return self._refuse("closing")
        name = next(name for name in map("tserver-{}".format, itertools.count(1)) if name not in self.links)
        link = self.links[name] = Link(name, self)
        return link

    def _refuse(self, why: str) -> Protocol:
        self.dropped[why] += 1
        return _Refused()

    def _allowed(self, addr: IAddress | None) -> bool:
        host = getattr(addr, "host", None)
        if not self.allow or host is None:
            # what has no address came by a local socket, which its file mode guards
            return True
        return within(host, self.allow)

    def gone(self, link: Link) -> None:
        """A link has been lost."""
        self.links.pop(link.name, None)
        if self._all_gone is not None and not self.links:
            self._all_gone.callback(None)

    def close_all(self, reason: str) -> Deferred[None]:
        """Close every link and take no more. Fires when the last socket is gone, which takes :data:`CLOSE_TIMEOUT` at most."""
        self._all_gone = Deferred()
        for link in list(self.links.values()):
            link.close(reason)
        if not self.links:
            self._all_gone.callback(None)
        return self._all_gone


def _notice_death(transport: Any) -> None:
    """Have the system notice a peer that is gone without a word, or that takes nothing any more."""
    connection = getattr(transport, "socket", None)
    for name, value in _KEEPALIVE.items():
        if connection is not None and hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _address(addr: object) -> str:
    host, port = getattr(addr, "host", None), getattr(addr, "port", None)
    return str(addr) if host is None else f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
