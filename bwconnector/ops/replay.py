"""``bwctl replay``: what was recorded passes through this version once more, on a simulated clock.

Channels, subscriptions, bridge and links are the real ones; the two ends of the wires are played from the recording: XSPs that send the
recorded documents and answer requests as they were answered, and T-Servers that make the recorded requests.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Coroutine, Iterator
from typing import Any, NamedTuple, cast

import attrs
from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, eventAsText, globalLogPublisher
from twisted.python.failure import Failure

from bwconnector.bridge.bridge import Bridge
from bwconnector.bridge.monitors import Monitor
from bwconnector.bridge.policy import ROWS, Policy
from bwconnector.bridge.switching import Options
from bwconnector.csta.link import Link, LinkFactory
from bwconnector.ops.dump import Dump, DumpError
from bwconnector.ops.recorder import Entry, Failed, Keyframe
from bwconnector.xsi.answers import read_subscription
from bwconnector.xsi.channel import ChannelStatus, State
from bwconnector.xsi.channelset import ChannelSet
from bwconnector.xsi.channelset import Link as ChannelLink
from bwconnector.xsi.collective import CollectiveSubscriptions, Scope
from bwconnector.xsi.errors import BadDocument, NoXspAvailable, OutcomeUnknown, Refused, XsiFailure
from bwconnector.xsi.events import CallEvent, CallSubscription, ConferenceEvent, SubscriptionEvent
from bwconnector.xsi.opening import NEVER, ChannelSettings
from bwconnector.xsi.parse import parse
from bwconnector.xsi.requests import Request, Response
from bwconnector.xsi.subscribing import SubscriptionSettings
from bwconnector.xsi.subscriptions import Subscriptions
from bwconnector.xsi.tracing import Trace
from bwconnector.xsi.xsp import TRY_TIMEOUT, Stream, StreamReceiver

__all__ = ["AFTERWARDS", "Replayed", "Sent", "replay"]

AFTERWARDS = 3.0
"""Seconds that are waited after the last entry for what is still to come."""

REOPEN = 0.001
"""Longest wait before a channel is opened again: when it was, the recording tells."""

CALLS = "Advanced Call"
"""The package of a subscription that was there before the recording begins, as far as its events tell."""

_CHANNEL = (
    '<?xml version="1.0" encoding="UTF-8"?><Channel xmlns="http://schema.broadsoft.com/xsi">'
    f"<channelId>{{}}</channelId><expires>{NEVER}</expires></Channel>"
)
_CROSS_REF = re.compile(rb"<MonitorStartResponse.*<monitorCrossRefID>(\d+)<", re.S)


class Sent(NamedTuple):
    """A frame that was sent to a T-Server."""

    time: float
    link: str
    frame: bytes


@attrs.define(slots=True)
class Replayed:
    """What came out.

    :ivar missing: requests to BroadWorks for which the recording has no answer, as ``METHOD path``
    :ivar errors: tracebacks and such that were logged
    """

    sent: list[Sent] = attrs.Factory(list)
    missing: list[str] = attrs.Factory(list)
    errors: list[str] = attrs.Factory(list)


def replay(dump: Dump) -> Replayed:
    """Let a recording pass through this version.

    :raises DumpError: its settings are not those of a connector
    """
    try:
        play = _Play(dump)
    except (KeyError, TypeError) as error:
        raise DumpError(f"the recording has no usable settings: {error!r}") from None
    observer = cast(ILogObserver, play.logged)
    globalLogPublisher.addObserver(observer)
    try:
        play.run()
    finally:
        globalLogPublisher.removeObserver(observer)
    return play.told


class _Play:
    """One replay."""

    def __init__(self, dump: Dump) -> None:
        self.told = Replayed()
        self._recording = dump.recording
        self._keyframe = dump.recording.keyframe
        self._clock = Clock()
        self._clock.rightNow = self._keyframe.time
        self._answers = _Answers(dump.recording.entries, self.told.missing)
        names = {e.link: None for e in dump.recording.entries if e.word in ("document", "state")}
        names |= {status.link: None for status in self._keyframe.channels}
        self._xsps = {name: _Xsp(name, self._answers) for name in names}
        self._make_parts(dump)
        self._links: dict[str, Link] = {}

    def _make_parts(self, dump: Dump) -> None:
        clock: Any = self._clock
        told = dump.settings
        policy = Policy({code: value for code, value in told["policy"].items() if code in ROWS})
        settings = ChannelSettings(told["channel_set_id"], told["application_id"], heartbeat_interval=0, retry_cap=REOPEN)
        links = [ChannelLink(xsp, _Acks(), settings) for xsp in self._xsps.values()]
        self._channels = ChannelSet(clock, links, self._channel_changed, policy.seconds("P-GAP"), jitter=lambda: 0.0)
        wanted = SubscriptionSettings(
            told["channel_set_id"],
            told["application_id"],
            told["subscription_expires"],
            resync_interval=0,
            controller_id=told.get("controller_id", ""),
        )
        scope = Scope(*told["scope"]) if told.get("scope") else None
        self._subscriptions = self._subscribe(wanted, scope)
        self._bridge = Bridge(
            clock=clock,
            xsi=self._channels,
            subscriptions=self._subscriptions,
            make_waiter=Deferred,
            spawn=self._spawn,
            policy=policy,
            options=Options(
                status_on_connect=told["status_on_connect"],
                max_monitors=told["max_monitors"],
                monitored_only=told["monitored_only"],
                broadworks_version=told.get("broadworks_version", ""),
            ),
            link_loss_policy=told["link_loss_policy"],
            default_domain=told["default_domain"],
            account=told["account"],
            kinds=told["kinds"],
            scope_id=scope.id if scope is not None else "",
        )
        self._bridge.restored = self._subscriptions.channels_restored
        self._subscriptions.on_lost = self._bridge.events_lost
        self._factory = LinkFactory(self._bridge, clock, max_links=1_000_000, trace=self._traced)

    def _subscribe(self, settings: SubscriptionSettings, scope: Scope | None) -> Subscriptions | CollectiveSubscriptions:
        clock: Any = self._clock
        if scope is None:
            return Subscriptions(clock, self._channels, settings, self._event, uniform=lambda low, high: high)
        return CollectiveSubscriptions(
            clock, self._channels, settings, scope, lambda target: self._bridge.directory.in_scope(target), self._event
        )

    # The course of things

    def run(self) -> None:
        self._begin(self._keyframe)
        self.told.sent.clear()  # which was to bring it to where the recording begins
        for entry in self._recording.entries:
            self._advance(entry.time)
            self._happen(entry)
        self._advance(self._clock.seconds() + AFTERWARDS)

    def _advance(self, moment: float) -> None:
        """Let time pass; what is due on the way sees the right time."""
        calls = self._clock.calls
        while calls and calls[0].getTime() <= moment:
            self._clock.advance(max(0.0, calls[0].getTime() - self._clock.seconds()))
        self._clock.advance(max(0.0, moment - self._clock.seconds()))

    def _begin(self, keyframe: Keyframe) -> None:
        for status in keyframe.channels:
            if status.state is State.UP:
                self._xsps[status.link].document(_CHANNEL.format(status.channel_id).encode())
        self._channels.start()
        for name, peer in keyframe.links:
            self._connect(name, peer)
        notes = [note for note in keyframe.monitors if note.link in self._links]
        monitors = [Monitor(n.cross_ref, self._links[n.link], n.device, n.named, n.namespace, n.filter) for n in notes]
        self._bridge.resume(keyframe.devices, monitors, _next_number(self._recording.entries, keyframe))
        for subscription in _held_before(self._recording.entries, {note.device for note in notes}):
            self._subscriptions.resume(*subscription)

    def _happen(self, entry: Entry) -> None:
        match entry.word:
            case "document":
                self._xsps[entry.link].document(entry.what)
            case "state" if entry.what.state is not State.UP:
                self._xsps[entry.link].end(entry.what.reason)
            case "answer":
                self._answers.come(*entry.what)
            case "open":
                self._connect(entry.link, entry.what.decode())
            case "in" if entry.link in self._links:
                self._links[entry.link].dataReceived(entry.what)
            case "closed" if entry.link in self._links:
                self._links.pop(entry.link).connectionLost(Failure(ConnectionDone()))

    def _connect(self, name: str, peer: str) -> None:
        link = self._links[name] = self._factory.links[name] = Link(name, self._factory)
        link.makeConnection(_Wire(peer))  # type: ignore[no-untyped-call]

    # What the parts tell

    def _channel_changed(self, status: ChannelStatus) -> None:
        self._bridge.channels_changed(self._channels.up_count, f"the last Event Channel, {status.link}: {status.reason}")

    def _event(self, target: str, event: SubscriptionEvent) -> None:
        self._bridge.event(target, event.data)

    def _traced(self, link: str, what: str, data: bytes) -> None:
        if what == "out":
            self.told.sent.append(Sent(self._clock.seconds(), link, data))

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        ensureDeferred(coroutine).addErrback(lambda failure: self.told.errors.append(failure.getTraceback()))

    def logged(self, event: LogEvent) -> None:
        if "log_failure" in event:
            self.told.errors.append(eventAsText(event, includeTimestamp=False, includeSystem=False))


# What was there before the recording begins


def _next_number(entries: list[Entry], keyframe: Keyframe) -> int:
    """The monitorCrossRefID that is given next."""
    given = [int(found[1]) for e in entries if e.word == "out" and (found := _CROSS_REF.search(e.what))]
    return min(given, default=max((int(note.cross_ref) for note in keyframe.monitors), default=0) + 1)


def _held_before(entries: list[Entry], devices: set[str]) -> Iterator[tuple[str, str, str, int]]:
    """The subscriptions to ``devices`` that BroadWorks had by then: id, target, package, and the number of the event that comes next.

    Their events tell of them; a device of which no call comes has one nevertheless.
    """
    granted = {read_subscription(outcome.body).id for request, outcome in _answers(entries) if _subscribes(request)}
    seen: dict[str, SubscriptionEvent] = {}
    for entry in entries:
        if entry.word == "document" and isinstance(event := _parsed(entry.what), SubscriptionEvent):
            seen.setdefault(event.subscription_id, event)
    held = [event for key, event in seen.items() if key not in granted and event.target_id in devices]
    for event in sorted(held, key=lambda event: not _of_calls(event)):
        yield event.subscription_id, event.target_id, CALLS if _of_calls(event) else type(event.data).__name__, event.sequence
    for device in sorted(devices - {event.target_id for event in held if _of_calls(event)}):
        yield f"before-{device}", device, CALLS, 1


def _answers(entries: list[Entry]) -> Iterator[tuple[Request, Response]]:
    for entry in entries:
        if entry.word == "answer" and isinstance(entry.what[1], Response):
            yield entry.what


def _subscribes(request: Request) -> bool:
    return request.context == "events" and request.method == "POST" and not request.path.startswith("channel")


def _of_calls(event: SubscriptionEvent) -> bool:
    return isinstance(event.data, CallEvent | CallSubscription | ConferenceEvent)


def _parsed(document: bytes) -> object:
    try:
        return parse(document)
    except BadDocument:
        return None


# The ends of the wires


class _Answers:
    """Requests are answered as they were, when they were; of equal ones the first one first, by whichever XSP."""

    def __init__(self, entries: list[Entry], missing: list[str]) -> None:
        self._left = Counter(_key(entry.what[0]) for entry in entries if entry.word == "answer")
        self._waiting: defaultdict[object, deque[Deferred[Response]]] = defaultdict(deque)
        self._unclaimed: defaultdict[object, deque[Response | Failed]] = defaultdict(deque)
        self._missing = missing

    def ask(self, request: Request) -> Deferred[Response]:
        key = _key(request)
        answer: Deferred[Response] = Deferred()
        if self._unclaimed[key]:
            _settle(answer, self._unclaimed[key].popleft())
        elif len(self._waiting[key]) < self._left[key]:
            self._waiting[key].append(answer)
        elif request.path.startswith("channel/"):
            answer.callback(Response(200, {}, _CHANNEL.format("").encode()))  # care for a channel is not what is replayed
        elif request.path.startswith("channelset/"):
            answer.errback(OutcomeUnknown("nor is the care for left-over channels"))
        else:
            self._missing.append(f"{request.method} {request.target}")
            answer.errback(OutcomeUnknown("the recording has no answer to this"))
        return answer

    def come(self, request: Request, outcome: Response | Failed) -> None:
        key = _key(request)
        self._left[key] -= 1
        waiting = self._waiting[key]
        if waiting:
            _settle(waiting.popleft(), outcome)
        else:
            self._unclaimed[key].append(outcome)


def _key(request: Request) -> tuple[str, str, bytes | None]:
    return request.method, request.target, request.body


def _settle(answer: Deferred[Response], outcome: Response | Failed) -> None:
    if isinstance(outcome, Failed):
        answer.errback(_failure(outcome))
    else:
        answer.callback(outcome)


def _failure(failed: Failed) -> XsiFailure:
    match failed.kind:
        case "Refused":
            return Refused(failed.status, failed.code, failed.why)
        case "NoXspAvailable":
            return NoXspAvailable(failed.why)
        case _:
            return OutcomeUnknown(failed.why)


class _Xsp:
    """An XSP whose channel brings the recorded documents; one that is not open yet brings them when it is."""

    trace: Trace | None = None

    def __init__(self, name: str, answers: _Answers) -> None:
        self.name = name
        self._answers = answers
        self._documents: deque[bytes] = deque()
        self._opening: Deferred[Stream] | None = None
        self._receiver: StreamReceiver | None = None
        self._open = False

    async def perform(self, request: Request, timeout: float = TRY_TIMEOUT) -> Response:
        return await self._answers.ask(request)

    async def open_stream(self, request: Request, receiver: StreamReceiver, timeout: float = TRY_TIMEOUT) -> Stream:
        self._receiver, self._open = receiver, False
        opening: Deferred[Stream] = Deferred(self._canceled)
        self._opening = opening
        self._bring()
        return await opening

    def close(self) -> Deferred[None]:
        return succeed(None)

    def document(self, data: bytes) -> None:
        self._documents.append(data)
        self._bring()

    def end(self, reason: str) -> None:
        """The channel was lost, if its documents have not said so before."""
        receiver = self._receiver if self._open else None
        if receiver is not None:
            self.abort()
            receiver.stream_ended(reason)

    def abort(self) -> None:
        self._receiver = self._opening = None
        self._open = False

    def _canceled(self, opening: Deferred[Stream]) -> None:
        self.abort()

    def _bring(self) -> None:
        while self._documents and self._receiver is not None:
            if self._opening is not None:
                opening, self._opening = self._opening, None
                self._open = True
                opening.callback(self)
            else:
                self._receiver.data_received(self._documents.popleft())


class _Acks:
    """Acknowledgements that nobody waits for."""

    trace: Trace | None = None

    def send(self, event_id: str, status_code: int = 200, reason: str = "OK") -> None:
        pass

    def close(self) -> None:
        pass


class _Wire:
    """The transport of a link to nobody: what is sent on it was shown to the trace before."""

    def __init__(self, peer: str) -> None:
        self._peer = peer

    def getPeer(self) -> str:
        return self._peer

    def registerProducer(self, producer: object, streaming: bool) -> None:
        pass

    def unregisterProducer(self) -> None:
        pass

    def write(self, data: bytes) -> None:
        pass

    def writeSequence(self, data: list[bytes]) -> None:
        pass

    def loseConnection(self) -> None:
        """The recording tells when it was gone."""

    def abortConnection(self) -> None:
        """Likewise."""
