"""XSPs without sockets: a test sees each request and decides when and how it is answered."""

from __future__ import annotations

import attrs
from twisted.internet.defer import Deferred, succeed

from bwconnector.xsi.errors import NO_CHANNEL_SET, Refused
from bwconnector.xsi.requests import Request, Response
from bwconnector.xsi.xsp import TRY_TIMEOUT, Stream, StreamReceiver

from .samples import channel


class FakeStream:
    def __init__(self) -> None:
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


@attrs.define(eq=False)
class Asked:
    """A request that waits for its answer."""

    request: Request
    timeout: float
    waiting: Deferred[Response]

    def answer(self, body: bytes = b"", status: int = 200) -> None:
        self.waiting.callback(Response(status, {}, body))

    def fail(self, failure: Exception) -> None:
        self.waiting.errback(failure)


@attrs.define(eq=False)
class Opened:
    """A stream that was asked for."""

    request: Request
    receiver: StreamReceiver
    waiting: Deferred[Stream]
    stream: FakeStream = attrs.field(factory=FakeStream)
    cancelled: bool = False

    def accept(self) -> None:
        self.waiting.callback(self.stream)

    def bring(self, *documents: bytes) -> None:
        for document in documents:
            self.receiver.data_received(document)

    def come_up(self, channel_id: str = "ch-1", expires: int = 3600) -> None:
        self.accept()
        self.bring(channel(channel_id, expires))

    def refuse(self, failure: Exception) -> None:
        self.waiting.errback(failure)


class FakeXsp:
    def __init__(self, name: str = "link-a") -> None:
        self.name = name
        self.asked: list[Asked] = []
        self.opened: list[Opened] = []
        self.closed = False
        self.orphans = False
        """What is in the channel set is asked like anything else; else there is nothing in it."""

    def close(self) -> Deferred[None]:
        self.closed = True
        return succeed(None)

    async def perform(self, request: Request, timeout: float = TRY_TIMEOUT) -> Response:
        if request.path.startswith("channelset/") and not self.orphans:
            raise Refused(403, NO_CHANNEL_SET)
        asked = Asked(request, timeout, Deferred())
        self.asked.append(asked)
        return await asked.waiting

    async def open_stream(self, request: Request, receiver: StreamReceiver, timeout: float = TRY_TIMEOUT) -> Stream:
        def cancelled(_: object) -> None:
            opened.cancelled = True

        opened = Opened(request, receiver, Deferred(cancelled))
        self.opened.append(opened)
        return await opened.waiting

    def take(self, method: str, path: str) -> Asked:
        """The oldest request to ``path`` that waits for its answer."""
        for asked in self.asked:
            if not asked.waiting.called and (asked.request.method, asked.request.path) == (method, path):
                return asked
        raise AssertionError(
            f"{method} {path} is not among {[(a.request.method, a.request.path) for a in self.asked if not a.waiting.called]}"
        )

    @property
    def waiting(self) -> list[str]:
        """What waits for an answer."""
        return [f"{asked.request.method} {asked.request.path}" for asked in self.asked if not asked.waiting.called]


class FakeAcks:
    def __init__(self) -> None:
        self.sent: list[tuple[str, int]] = []
        self.closed = False

    def send(self, event_id: str, status_code: int = 200, reason: str = "OK") -> None:
        assert reason
        self.sent.append((event_id, status_code))

    def close(self) -> None:
        self.closed = True
