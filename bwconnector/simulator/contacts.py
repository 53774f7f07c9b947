"""HTTP contacts: events of a subscription without a channel are posted to a URI of the application, which acknowledges with 200."""

from __future__ import annotations

from collections import deque

import attrs
from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.web.client import Agent
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer, IResponse
from zope.interface import implementer

from bwconnector.simulator.server import ServerReactor

__all__ = ["Contacts"]

HEADERS = Headers({"Content-Type": ["application/xml; charset=UTF-8"]})


@implementer(IBodyProducer)
@attrs.frozen
class _Body:
    """A document as the body of a request."""

    document: bytes

    @property
    def length(self) -> int:
        return len(self.document)

    def startProducing(self, consumer: object) -> Deferred[None]:
        consumer.write(self.document)  # type: ignore[attr-defined]
        return succeed(None)

    def stopProducing(self) -> None:
        """Nothing is left to produce."""

    pauseProducing = resumeProducing = stopProducing


class _Ignored(Protocol):
    """The body of an answer, which says nothing; without a reader the connection would stay."""


class Contacts:
    """Posts to any number of contacts; to each in order, one event at a time.

    :param timeout: seconds that a contact has to answer
    :ivar lost: events that were not answered with 200. They are not sent again
    """

    def __init__(self, reactor: ServerReactor, timeout: float) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._agent = Agent(reactor, connectTimeout=timeout)
        self._waiting: dict[str, deque[bytes]] = {}
        self._posting: set[Deferred[IResponse]] = set()
        self.lost = 0

    def post(self, uri: str, document: bytes) -> None:
        """Send an event as soon as those before it are answered."""
        waiting = self._waiting.setdefault(uri, deque())
        waiting.append(document)
        if len(waiting) == 1:
            self._next(uri)

    def stop(self) -> None:
        """Drop what is under way and what waits."""
        self._waiting.clear()
        for posting in list(self._posting):
            posting.cancel()

    def _next(self, uri: str) -> None:
        posting = self._agent.request(b"POST", uri.encode(), HEADERS, _Body(self._waiting[uri][0]))
        self._posting.add(posting)
        posting.addTimeout(self._timeout, self._reactor)
        posting.addBoth(self._answered, uri, posting)

    def _answered(self, result: IResponse | Failure, uri: str, posting: Deferred[IResponse]) -> None:
        self._posting.discard(posting)
        if not isinstance(result, Failure):
            result.deliverBody(_Ignored())
        if isinstance(result, Failure) or result.code != 200:
            self.lost += 1
        waiting = self._waiting.get(uri)
        if waiting is None:
            return
        waiting.popleft()
        if waiting:
            self._next(uri)
        else:
            del self._waiting[uri]
