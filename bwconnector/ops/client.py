"""A small CSTA client: what bwctl is on the wire, and a T-Server for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectBindError, ConnectError, ConnectionRefusedError, DNSLookupError
from twisted.internet.error import TimeoutError as ConnectTimeoutError
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from bwconnector.csta.connection import CstaConnection, Received, Unreadable
from bwconnector.csta.framing import FramingError
from bwconnector.csta.messages import (
    CSTAErrorCode,
    Message,
    MonitorStop,
    MonitorStopResponse,
    Request,
    Response,
    SystemStatus,
    SystemStatusResponse,
)
from bwconnector.csta.xml import ED3

__all__ = ["ANSWER_TIMEOUT", "ClientError", "CstaClient", "RequestRefused", "address_of", "connect"]

CONNECT_TIMEOUT = 5.0
ANSWER_TIMEOUT = 10.0
"""Seconds that an answer may take; a connector that works answers within one."""

Answer = TypeVar("Answer", bound=Response)

ANSWERS: dict[type[Message], Response] = {SystemStatus: SystemStatusResponse(), MonitorStop: MonitorStopResponse()}
"""What a server's own requests are answered with; all others are refused."""
NOT_SUPPORTED = CSTAErrorCode(category="operation", value="serviceNotSupported")


class ClientError(Exception):
    """What went wrong, in words for the person at the terminal."""


class RequestRefused(ClientError):
    """The server's answer is an error.

    :ivar category: category of the error, such as ``operation``
    :ivar value: value within the category, such as ``invalidDeviceID``
    """

    def __init__(self, service: str, error: CSTAErrorCode) -> None:
        super().__init__(f"{service} was refused: {error.category} {error.value}".rstrip())
        self.category = error.category
        self.value = error.value


class CstaClient(Protocol):
    """One link to a CSTA server.

    :ivar closed: fires with the reason in words when the link has ended, whoever ended it
    """

    def __init__(self, clock: Any, heard: Callable[[Message], None]) -> None:
        """
        :param clock: times the answers
        :param heard: is called with every event, and with every request of the server, which is answered already
        """
        self.closed: Deferred[str] = Deferred()
        self._clock = clock
        self._heard = heard
        self._connection = CstaConnection()
        self._waiting: dict[str, tuple[str, Deferred[Response]]] = {}

    async def request(self, message: Request, answer: type[Answer]) -> Answer:
        """Send a request and return its answer, which is of class ``answer``.

        :raises RequestRefused: the server refused it
        :raises ClientError: there was no answer, or none that makes sense
        """
        service = type(message).__name__
        invoke_id = self._connection.next_invoke_id()
        answered: Deferred[Response] = Deferred()
        self._waiting[invoke_id] = service, answered
        self._send(invoke_id, message)
        answered.addTimeout(ANSWER_TIMEOUT, self._clock)
        try:
            response = await answered
        except TimeoutError:
            raise ClientError(f"{service} was not answered within {ANSWER_TIMEOUT:.0f} s") from None
        finally:
            self._waiting.pop(invoke_id, None)
        if isinstance(response, CSTAErrorCode):
            raise RequestRefused(service, response)
        if not isinstance(response, answer):
            raise ClientError(f"{service} was answered with {type(response).__name__}")
        return response

    async def close(self) -> None:
        """End the link, and return when it has ended."""
        if self.transport is not None:
            self.transport.loseConnection()
            await self.closed

    def dataReceived(self, data: bytes) -> None:
        self._connection.receive_data(data)
        try:
            for received in self._connection:
                self._take(received)
        except FramingError as error:
            self._fail(f"what the server sends is no CSTA: {error}")
            assert self.transport is not None
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.transport = None
        text = f"the link was closed: {reason.getErrorMessage()}"
        self._fail(text)
        self.closed.callback(text)

    def _take(self, received: Received | Unreadable) -> None:
        if isinstance(received, Unreadable):
            self._settle(received.invoke_id, Failure(ClientError(f"the server sent what cannot be read: {received.detail}")))
            return
        message = received.message
        if isinstance(message, Response):
            self._settle(received.invoke_id, message)
            return
        if isinstance(message, Request):
            self._send(received.invoke_id, ANSWERS.get(type(message), NOT_SUPPORTED))
        self._heard(message)

    def _send(self, invoke_id: str, message: Message) -> None:
        if self.transport is None:
            raise ClientError("the link is closed")
        self.transport.write(self._connection.send(invoke_id, message, ED3))

    def _settle(self, invoke_id: str, result: Response | Failure) -> None:
        """An answer, to whoever waits for it; one that came too late is dropped."""
        _, answered = self._waiting.pop(invoke_id, ("", None))
        if answered is not None:
            answered.callback(result)  # a Failure starts the errbacks

    def _fail(self, text: str) -> None:
        waiting, self._waiting = self._waiting, {}
        for service, answered in waiting.values():
            answered.errback(ClientError(f"{service} was not answered: {text}"))


def address_of(text: str) -> tuple[str, int]:
    """``HOST:PORT``, with an IPv6 address in brackets.

    :raises ValueError: it is none
    """
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is no HOST:PORT")
    return host, int(port)


WHY: tuple[tuple[type[Exception], str], ...] = (
    (ConnectionRefusedError, "nothing listens there; is the connector running?"),
    (DNSLookupError, "there is no such host"),
    (ConnectTimeoutError, "no answer; is there a firewall between?"),
)


async def connect(reactor: Any, address: tuple[str, int], heard: Callable[[Message], None]) -> CstaClient:
    """Open a link to a host and port.

    :raises ClientError: it cannot be opened, and why
    """
    factory = Factory.forProtocol(lambda: CstaClient(reactor, heard))
    factory.noisy = False
    host, port = address
    try:
        client = await HostnameEndpoint(reactor, host, port, timeout=CONNECT_TIMEOUT).connect(factory)
    except (ConnectError, ConnectBindError, DNSLookupError) as error:
        why = next((words for kind, words in WHY if isinstance(error, kind)), str(error))
        raise ClientError(f"cannot connect to {host}:{port}: {why}") from None
    assert isinstance(client, CstaClient)
    return client
