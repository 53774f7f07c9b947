"""One opening of an Event Channel: the stream, heartbeats, renewals, and its end.

It lives as long as BroadWorks' channel does. Another try is another object, so nothing that comes late from an earlier one can act on the
present one.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import attrs
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from bwconnector.xsi.answers import read_channel
from bwconnector.xsi.errors import BadDocument, OutcomeUnknown, Refused, XsiFailure
from bwconnector.xsi.eventrequests import add_channel, delete_channel, heartbeat, renew_channel
from bwconnector.xsi.events import ChannelOpened, ChannelTerminated, Document, Heartbeat, OtherDocument, SubscriptionEvent
from bwconnector.xsi.parse import event_id_of, parse
from bwconnector.xsi.requests import Request, Response
from bwconnector.xsi.stream import DocumentStream
from bwconnector.xsi.tracing import Trace
from bwconnector.xsi.xsp import TRY_TIMEOUT, Stream, StreamReceiver

__all__ = ["NEVER", "ChannelSettings", "Ending", "Listener", "Opening", "Requester"]

NEVER = 2147483647
"""``expires`` of a channel or subscription without end."""

# The first document follows the headers within milliseconds; later than this it will not come.
_OPEN_TIMEOUT = 2 * TRY_TIMEOUT
# An answer, and its echo, follow a heartbeat within milliseconds. With this a dead channel is noticed after its tolerated heartbeats,
# one more, and two seconds, whichever way it died.
_ECHO_TIMEOUT = 2.0
_NO_ECHO = "a heartbeat was not echoed on the stream"
# A stop of the whole connector has 5 s.
_CLOSE_TIMEOUT = 2.0
_RENEW_RETRY = 30.0
_MIN_RENEW = 10.0


@attrs.frozen(slots=True)
class ChannelSettings:
    """What a channel asks of BroadWorks; times in seconds.

    :ivar heartbeat_interval: 0 = no heartbeats
    :ivar heartbeat_tolerance: heartbeats in a row that may be missed
    :ivar retry_cap: longest wait between two tries to open
    :ivar read: how a document of the stream is read
    """

    channel_set_id: str
    application_id: str
    priority: int = 1
    weight: int = 50
    expires: int = 3600
    heartbeat_interval: float = 10.0
    heartbeat_tolerance: int = 0
    retry_cap: float = 30.0
    read: Callable[[bytes], Document] = parse


@attrs.frozen(slots=True)
class Ending:
    """Why a channel ended, for the log; ``slow`` = do not open it again soon."""

    reason: str
    slow: bool = False


DELETED = "deleted by an administrator or another application"
"""Why a channel is down that somebody has taken away, but not this process."""

# ChannelTerminatedEvent's reasons. Reopening at once helps with most; where another instance or an administrator took the channel away on
# purpose, it would only begin a fight.
_TERMINATIONS = {
    "": Ending("terminated by BroadWorks"),
    "ExplicitDelete": Ending(DELETED),
    "Expired": Ending("expired, because it was not renewed in time"),
    "NonResponsiveChannel": Ending("ended by BroadWorks, which got no acknowledgements of events"),
    "UnknownChannel": Ending("ended by BroadWorks, since an acknowledgement said that the channel is unknown"),
    "DuplicateChannelSet": Ending(
        "taken over by another channel set with the same application and user: give each connector its own channel-set-name", slow=True
    ),
    "UserDeleted": Ending("ended because its user was deleted: check user-id", slow=True),
}


class Requester(Protocol):
    """The part of :class:`~bwconnector.xsi.xsp.Xsp` that a channel uses."""

    name: str
    trace: Trace | None

    async def perform(self, request: Request, timeout: float = TRY_TIMEOUT) -> Response: ...

    async def open_stream(self, request: Request, receiver: StreamReceiver, timeout: float = TRY_TIMEOUT) -> Stream: ...

    def close(self) -> Deferred[None]: ...


class Listener(Protocol):
    """What an opening tells: the channel."""

    link: str
    read_at: float
    """Clock time at which the stream was read last."""
    trace: Trace | None
    """Is shown each document."""

    def opened(self) -> None:
        """The first document has come."""

    def received(self, event: SubscriptionEvent) -> None: ...

    def unreadable(self, error: BadDocument, event_id: str) -> None:
        """A document was skipped; it was this event, if that can be seen."""

    def ended(self, ending: Ending) -> None:
        """The channel could not be opened, or is lost."""


class Opening:
    """One opening of a channel, from the request to open it until it is dropped; what happens is told to ``channel``."""

    log = Logger()

    def __init__(self, channel: Listener, clock: Any, xsp: Requester, settings: ChannelSettings) -> None:
        self._channel: Listener | None = channel
        self._clock = clock
        self._xsp = xsp
        self._settings = settings
        self._documents = DocumentStream()
        self._request: Deferred[Stream] | None = None
        self._stream: Stream | None = None
        self._timers: dict[str, Any] = {}
        self._missed = 0
        self._echo_due = False
        self._beat_at = 0.0
        self._up_since: float | None = None
        self.channel_id = ""
        self.heartbeat: float | None = None
        """Clock time of the last echo."""
        self._expires = 0

    @property
    def lasted(self) -> float:
        """Seconds since the channel came up."""
        return 0.0 if self._up_since is None else self._clock.seconds() - self._up_since

    def begin(self) -> None:
        self._at("open", _OPEN_TIMEOUT, self._end, Ending("no answer to the request to open it"))
        settings = self._settings
        request = add_channel(settings.channel_set_id, settings.priority, settings.weight, settings.expires, settings.application_id)
        self._request = ensureDeferred(self._xsp.open_stream(request, self))
        self._request.addCallbacks(self._accepted, self._rejected)

    def keep(self) -> None:
        self._up_since = self._clock.seconds()
        self._cancel("open")
        self._renew_after(self._expires)
        if self._settings.heartbeat_interval:
            self._at("heartbeat", self._settings.heartbeat_interval, self._beat)

    def change(self, settings: ChannelSettings) -> None:
        """Heartbeats come in the new interval at once; the rest holds from the next renewal, or the next opening."""
        before, self._settings = self._settings, settings
        if self._up_since is not None and settings.heartbeat_interval != before.heartbeat_interval:
            self._cancel("heartbeat")
            if settings.heartbeat_interval:
                self._at("heartbeat", settings.heartbeat_interval, self._beat)

    def delete(self) -> None:
        for name in ("heartbeat", "echo", "renew", "expiry"):
            self._cancel(name)
        self._at("close", _CLOSE_TIMEOUT, self._end, Ending("closed"))
        self._run(self._delete())

    def drop(self) -> None:
        """The end: nothing more is told."""
        self._channel = None
        for name in list(self._timers):
            self._cancel(name)
        if self._request is not None:
            self._request.cancel()
        if self._stream is not None:
            self._stream.abort()

    # The stream.

    def data_received(self, data: bytes) -> None:
        if self._channel is not None:
            self._channel.read_at = self._clock.seconds()
        self._documents.receive_data(data)
        try:
            for document in self._documents:
                if self._channel is None:
                    return
                self._read(document)
        except BadDocument as error:
            self._end(Ending(f"the stream is unreadable: {error}"))

    def stream_ended(self, reason: str) -> None:
        self._end(Ending(f"stream {reason}"))

    def _read(self, document: bytes) -> None:
        assert self._channel is not None
        if self._channel.trace is not None:
            self._channel.trace(self._channel.link, "document", document)
        try:
            value = self._settings.read(document)
        except BadDocument as error:
            # The rest of the stream is in order. What this event would have told is noticed as a gap in its subscription.
            self._channel.unreadable(error, event_id_of(document))
            return
        except Exception:
            self.log.failure("event channel {link}: a document could not be dealt with", link=self._channel.link)
            self._channel.unreadable(BadDocument("an error in this program, see above"), event_id_of(document))
            return
        if isinstance(value, SubscriptionEvent):
            self._channel.received(value)
        else:
            self._control(value)

    def _control(self, document: Document) -> None:
        assert self._channel is not None
        match document:
            case Heartbeat():
                self.heartbeat = self._clock.seconds()
                self._echo_due = False
                self._missed = 0
            case ChannelOpened(channel_id, expires) if not self.channel_id:
                self.channel_id, self._expires = channel_id, expires or self._settings.expires
                self._channel.opened()
            case ChannelTerminated(_, reason):
                self._end(_TERMINATIONS.get(reason) or Ending(f"terminated by BroadWorks: {reason}"))
            case OtherDocument(root) if not self.channel_id:
                self._end(Ending(f"its stream begins with <{root}>, no Channel: check async-context, and what is between here and the XSP"))
            case other:
                self.log.debug("event channel {link} brought {document!r}", link=self._channel.link, document=other)

    # Requests.

    def _accepted(self, stream: Stream) -> None:
        self._request = None
        self._stream = stream
        if self._channel is None:
            stream.abort()

    def _rejected(self, failure: Failure) -> None:
        self._request = None
        if isinstance(failure.value, Refused):
            self._end(_refusal(failure.value))
        elif isinstance(failure.value, XsiFailure) or self._channel is None:
            self._end(Ending(str(failure.value)))
        else:
            self.log.failure("event channel {link} could not be opened", failure, link=self._channel.link)
            self._end(Ending("an error in this program, see the log"))

    def _beat(self) -> None:
        self._judge()
        if self._channel is None:
            return
        self._echo_due = True
        self._beat_at = self._clock.seconds()
        interval = self._settings.heartbeat_interval
        self._at("heartbeat", interval, self._beat)
        if interval > _ECHO_TIMEOUT:
            # Once more round the reactor: after a pause of this process, what the stream has brought meanwhile is read first.
            self._at("echo", _ECHO_TIMEOUT, self._at, "echo", 0.0, self._doubt)
        self._run(self._heartbeat())

    async def _heartbeat(self) -> None:
        try:
            await self._xsp.perform(heartbeat(self.channel_id), _ECHO_TIMEOUT)
        except Refused as refused:
            if refused.status == 404:
                self._end(Ending("the XSP does not know the channel any more"))
            else:
                self._judge(f"a heartbeat was refused with {refused}")
        except OutcomeUnknown as unknown:
            self._doubt(f"a heartbeat was not answered: {unknown}")
        except XsiFailure as failure:
            self._judge(f"a heartbeat was not answered: {failure}")

    def _doubt(self, reason: str = _NO_ECHO) -> None:
        """An echo is late. What has brought anything since the heartbeat is not dead, but may be so busy that the echo is far behind in
        the stream: it has time until the next heartbeat."""
        if self._channel is not None and self._channel.read_at <= self._beat_at:
            self._judge(reason)

    def _judge(self, reason: str = _NO_ECHO) -> None:
        """The time for an echo is over, for whatever reason: is it one too many that is missing?"""
        if not self._echo_due:
            return
        self._echo_due = False
        self._missed += 1
        if self._missed > self._settings.heartbeat_tolerance:
            self._end(Ending(reason))

    def _renew_after(self, expires: int) -> None:
        if 0 < expires < NEVER:
            self._at("renew", max(expires / 2, _MIN_RENEW), lambda: self._run(self._renew()))
            self._at("expiry", max(expires, 2 * _MIN_RENEW), self._end, Ending("its lifetime is over, since its renewal was not answered"))

    async def _renew(self) -> None:
        try:
            response = await self._xsp.perform(renew_channel(self.channel_id, self._settings.expires))
            granted = read_channel(response.body).expires
        except Refused as refused:
            if refused.status < 500:
                self._end(Ending(f"its renewal was refused with {refused}"))
            else:
                self._renew_soon()
        except XsiFailure:
            self._renew_soon()
        else:
            self._renew_after(granted)

    def _renew_soon(self) -> None:
        self._at("renew", _RENEW_RETRY, lambda: self._run(self._renew()))

    async def _delete(self) -> None:
        try:
            await self._xsp.perform(delete_channel(self.channel_id), _CLOSE_TIMEOUT)
        except XsiFailure as failure:
            self._end(Ending(str(failure)))

    def _end(self, ending: Ending) -> None:
        if self._channel is not None:
            self._channel.ended(ending)

    def _at(self, name: str, delay: float, call: Callable[..., object], *args: object) -> None:
        self._cancel(name)
        if self._channel is not None:
            self._timers[name] = self._clock.callLater(delay, self._due, name, call, args)

    def _due(self, name: str, call: Callable[..., object], args: tuple[object, ...]) -> None:
        del self._timers[name]
        call(*args)

    def _cancel(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _run(self, task: Coroutine[Any, Any, None]) -> None:
        ensureDeferred(task).addErrback(lambda failure: Opening.log.failure("a request of an event channel failed", failure))


def _refusal(refused: Refused) -> Ending:
    """What an administrator may do about a channel that cannot be opened."""
    match refused.status:
        case 401:
            return Ending(f"BroadWorks refused the credentials ({refused}): check user-id and password", slow=True)
        case 403:
            return Ending(
                f"BroadWorks refused the channel ({refused}): check the rights of user-id and the number of its channels", slow=True
            )
        case 404:
            return Ending(f"the XSP has no such address ({refused}): check async-context")
        case _:
            return Ending(f"the XSP refused the channel ({refused})")
