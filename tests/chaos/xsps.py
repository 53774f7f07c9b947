"""XSPs without sockets, in front of the simulator's BroadWorks, which can be killed, hung and revived at any moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from twisted.internet.defer import Deferred, TimeoutError, succeed

from bwconnector.simulator.action_requests import action_routes
from bwconnector.simulator.broadworks import BroadWorks
from bwconnector.simulator.event_requests import add_channel, event_routes
from bwconnector.simulator.faults import Faults
from bwconnector.simulator.model import SwitchError
from bwconnector.simulator.routes import Asked, Reply
from bwconnector.xsi.errors import NoXspAvailable, OutcomeUnknown, Refused
from bwconnector.xsi.requests import Request, Response
from bwconnector.xsi.xsp import TRY_TIMEOUT, Stream, StreamReceiver

__all__ = ["MemoryXsp"]

WAY = 0.002
"""Seconds that a request, and an answer, take."""


class MemoryStream:
    """Both ends of a stream: for the simulator's channel and (by :class:`_Near`) for the connector's."""

    def __init__(self, xsp: MemoryXsp, receiver: StreamReceiver) -> None:
        self._xsp = xsp
        self._receiver: StreamReceiver | None = receiver
        self._kept: list[Callable[[], None]] = []
        self._latest = 0.0

    def write(self, document: bytes) -> None:
        self._later(lambda: self._receiver is not None and self._receiver.data_received(document))

    def finish(self) -> None:
        self._later(lambda: self._end("closed by the XSP"))

    def abort(self) -> None:
        """Cut by the XSP: what was on its way is lost."""
        self._xsp.clock.callLater(0.0, self._end, "connection lost")
        self._kept.clear()
        self._latest = float("inf")

    def ended(self) -> None:
        pass

    def flush(self) -> None:
        """The XSP is no longer hung."""
        kept, self._kept = self._kept, []
        for arrive in kept:
            arrive()

    def close(self) -> None:
        """Closed by the connector, which a hung XSP does not notice."""
        self._receiver = None
        if not self._xsp.hung:
            for channel in self._xsp.broadworks.channels:
                if channel.stream is self:
                    self._xsp.broadworks.channels.lost(channel)

    def _later(self, arrive: Callable[[], Any]) -> None:
        """In order, but each at its own pace."""
        if self._latest == float("inf"):
            return
        self._latest = max(self._latest, self._xsp.clock.seconds() + self._xsp.delay())
        self._xsp.clock.callLater(self._latest - self._xsp.clock.seconds(), self._arrive, arrive)

    def _arrive(self, arrive: Callable[[], Any]) -> None:
        if self._xsp.hung:
            self._kept.append(arrive)
        elif self._latest != float("inf"):
            arrive()

    def _end(self, reason: str) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.stream_ended(reason)


@attrs.frozen
class _Near:
    """The connector's end of a stream."""

    stream: MemoryStream

    def abort(self) -> None:
        self.stream.close()


class MemoryXsp:
    """Implements Requester and Acknowledger.

    :param delay: gives the seconds that each document takes on a stream, which it does not overtake others on
    :ivar up: it takes connections
    :ivar hung: it has stopped doing anything, but its connections stay
    """

    def __init__(self, name: str, broadworks: BroadWorks, clock: Any, delay: Callable[[], float]) -> None:
        self.name = name
        self.broadworks = broadworks
        self.clock = clock
        self.delay = delay
        self.up = True
        self.hung = False
        self.faults = Faults()
        self._routes = {"actions": action_routes(broadworks), "events": event_routes(broadworks)}
        self._waiting: set[Deferred[Any]] = set()
        self._streams: list[MemoryStream] = []

    # What happens to it

    def kill(self) -> None:
        """Every connection is cut, and none is taken any more."""
        self.up = self.hung = False
        for channel in self.broadworks.channels:
            if channel.xsp == self.name:
                self.broadworks.channels.drop(channel)
        for waiting in list(self._waiting):
            waiting.errback(OutcomeUnknown(f"XSP {self.name} closed the connection before it answered"))
        # What BroadWorks had given up before is cut as well.
        for stream in self._streams:
            stream.abort()
        self._streams.clear()

    def hang(self) -> None:
        self.hung = self.up

    def revive(self) -> None:
        """All is well again."""
        self.up, self.hung = True, False
        for stream in self._streams:
            stream.flush()

    # Requester

    async def perform(self, request: Request, timeout: float = TRY_TIMEOUT) -> Response:
        return await self._exchange(lambda: self._serve(request), timeout)  # type: ignore[no-any-return]

    async def open_stream(self, request: Request, receiver: StreamReceiver, timeout: float = TRY_TIMEOUT) -> Stream:
        stream = MemoryStream(self, receiver)

        def open_stream() -> MemoryStream:
            self._streams.append(stream)
            return stream

        asked = Asked(self.name, self.broadworks.config.user_id, request.body or b"")
        try:
            await self._exchange(lambda: add_channel(self.broadworks, asked, self.faults, open_stream), timeout)
        except BaseException:
            stream.close()
            raise
        return _Near(stream)

    def _serve(self, request: Request) -> Response:
        handler, parts = self._routes[request.context].find(request.method, request.path)
        parameters = {name.lower(): value for name, value in request.query}
        reply: Reply = handler(Asked(self.name, self.broadworks.config.user_id, request.body or b"", parts, parameters))
        return Response(reply.status, {name.lower(): value for name, value in reply.headers}, reply.body)

    async def _exchange(self, serve: Callable[[], Any], timeout: float) -> Any:
        if not self.up:
            raise NoXspAvailable(f"XSP {self.name} cannot be reached: connection refused")
        waiting: Deferred[Any] = Deferred()
        self._waiting.add(waiting)
        timer = self.clock.callLater(WAY, self._arrived, serve, waiting)
        waiting.addTimeout(timeout, self.clock)
        try:
            return await waiting
        except TimeoutError:
            raise OutcomeUnknown(f"XSP {self.name} did not answer in time") from None
        finally:
            self._waiting.discard(waiting)
            if timer.active():
                timer.cancel()

    def _arrived(self, serve: Callable[[], Any], waiting: Deferred[Any]) -> None:
        if self.hung:
            return
        try:
            outcome = serve()
        except SwitchError as error:
            outcome = Refused(error.status, error.code, error.text)
        self.clock.callLater(WAY, self._answered, waiting, outcome)

    def _answered(self, waiting: Deferred[Any], outcome: Any) -> None:
        if self.hung or waiting.called:
            return
        self._waiting.discard(waiting)
        if isinstance(outcome, Exception):
            waiting.errback(outcome)
        else:
            waiting.callback(outcome)

    # Acknowledger

    def send(self, event_id: str, status_code: int = 200, reason: str = "OK") -> None:
        if self.up:
            self.clock.callLater(WAY, self._acknowledge, event_id, str(status_code))

    def _acknowledge(self, event_id: str, status: str) -> None:
        if self.up and not self.hung:
            try:
                self.broadworks.channels.respond(self.name, event_id, status)
            except SwitchError:
                pass  # it has been sent elsewhere meanwhile

    def close(self) -> Deferred[None]:
        return succeed(None)
