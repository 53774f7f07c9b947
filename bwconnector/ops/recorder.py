"""The flight recorder: the last of both wires and of the call model, kept in memory, always on.

What passes is referred to as it is, never copied or formatted; only secrets are masked on the way in. The ring consists of segments.
Each begins with a *keyframe*, what there was at that moment, so that a replay has something to begin with whatever was overwritten.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, cast

import attrs

from bwconnector.bridge.changes import Change
from bwconnector.bridge.devices import Device
from bwconnector.csta.framing import HEADER
from bwconnector.csta.messages import MonitorFilter
from bwconnector.xsi.channel import ChannelStatus
from bwconnector.xsi.errors import Refused, XsiFailure
from bwconnector.xsi.requests import Request, Response

__all__ = ["CSTA", "MODEL", "XSI", "ChangeNote", "Entry", "Failed", "Keyframe", "Moment", "MonitorNote", "Recorder", "Recording"]

XSI = frozenset({"document", "ack", "request", "answer", "state"})
CSTA = frozenset({"in", "out", "open", "closed"})
MODEL = frozenset({"change"})

SEGMENTS = 8
"""When a new one begins the oldest is dropped, so that at least three quarters of the ring are always there."""
ENTRY = 200
"""Bytes that an entry takes besides what it refers to: its tuple, its time, its place in a list, the object's own head."""
REQUEST = 600
"""Bytes of a request or an answer besides its body, about."""
CHANGE = 700
"""Bytes of a change, about; most of it are its connection states."""

_SECRET = re.compile(rb"(<(?:[\w.-]+:)?(password|agentPassword|accountCode|authCode)\b[^>]*>)(.*?)(</(?:[\w.-]+:)?\2\s*>|\Z)", re.S)
_DIGITS = re.compile(rb"(<(?:[\w.-]+:)?(charactersToSend)\b[^>]*>)(.*?)(</(?:[\w.-]+:)?\2\s*>|\Z)", re.S)


class ChangeNote(NamedTuple):
    """A change of the call model: the kind of its event, and where it left whom.

    :ivar states: device key to its local connection state
    :ivar secondary: id of the other call of a transfer or a conference, empty without one
    """

    call_id: str
    kind: str
    device: str
    cause: str
    target: str
    states: Mapping[str, str]
    secondary: str


class Failed(NamedTuple):
    """An Xsi request without a positive answer: the class of its XsiFailure; ``status`` and ``code`` of a Refused."""

    kind: str
    why: str
    status: int = 0
    code: int = 0


class Entry(NamedTuple):
    """Something that passed.

    :ivar time: clock seconds
    :ivar word: one of :data:`XSI`, :data:`CSTA` or :data:`MODEL`
    :ivar link: name of the XSP's link, or of the T-Server's
    :ivar what: ``document``, ``in``, ``out``, ``open``, ``closed``: bytes; ``ack``: event id; ``request``: Request; ``answer``: the Request
        and a Response or :class:`Failed`; ``state``: ChannelStatus; ``change``: :class:`ChangeNote`
    """

    time: float
    word: str
    link: str
    what: Any


class MonitorNote(NamedTuple):
    cross_ref: str
    link: str
    device: str
    named: str
    namespace: str
    filter: MonitorFilter


@attrs.frozen(slots=True, kw_only=True)
class Keyframe:
    """What there was at one moment.

    :ivar channels: their states
    :ivar links: T-Servers, and where they were
    :ivar calls: names of the calls that were going on, aliases among them
    """

    time: float
    channels: tuple[ChannelStatus, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    monitors: tuple[MonitorNote, ...] = ()
    devices: tuple[Device, ...] = ()
    calls: frozenset[str] = frozenset()


@attrs.frozen(slots=True)
class Moment:
    """What makes a keyframe when one is asked for; until then it refers to what there was, and costs next to nothing.

    :ivar size: bytes that it takes, about
    """

    time: float
    size: int
    keyframe: Callable[[], Keyframe]


@attrs.frozen(slots=True)
class Recording:
    """What the ring holds, or held when it was written to a file."""

    keyframe: Keyframe
    entries: list[Entry]


@attrs.define(slots=True, eq=False)
class _Segment:
    began: Moment
    entries: list[tuple[float, str, str, object]] = attrs.Factory(list)
    size: int = 0


class Recorder:
    """A ring of ``size`` bytes, about.

    :param seconds: tells the time
    :param mask_digits: digits that are sent into calls are not kept
    :ivar moment: tells what there is
    """

    def __init__(self, seconds: Callable[[], float], size: int, mask_digits: bool = False) -> None:
        self.moment: Callable[[], Moment] = lambda: Moment(now := seconds(), 0, lambda: Keyframe(time=now))
        self._seconds = seconds
        self._size = size
        self._mask_digits = mask_digits
        self._segments: deque[_Segment] = deque()
        self._begin()

    # What passes

    def xsi(self, link: str, word: str, what: object) -> None:
        """A :data:`~bwconnector.xsi.tracing.Trace`."""
        if word == "document":
            self._add(word, link, what, len(what))  # type: ignore[arg-type]
        elif word == "request":
            request = self._masked_request(cast(Request, what))
            self._add(word, link, request, REQUEST + len(request.body or b""))
        elif word == "answer":
            asked, outcome = cast(tuple[Request, "Response | XsiFailure"], what)
            kept = _outcome(outcome)
            self._add(word, link, (self._masked_request(asked), kept), REQUEST + (len(kept.body) if isinstance(kept, Response) else 0))
        else:
            self._add(word, link, what, 0)

    def csta(self, link: str, word: str, data: bytes) -> None:
        """A :data:`~bwconnector.csta.link.Trace`."""
        if word == "in":
            data = self._masked_frame(data)
        self._add(word, link, data, len(data))

    def change(self, change: Change) -> None:
        """An observer of :class:`~bwconnector.bridge.monitors.Monitors`."""
        second = change.secondary.call_id if change.secondary is not None else ""
        subject = change.subject
        note = (subject.call_id, change.kind, subject.device, change.cause, change.target, change.states, second)
        self._add("change", "", note, CHANGE)

    # What was kept

    @property
    def used(self) -> int:
        """Bytes, about."""
        return sum(segment.size for segment in self._segments)

    @property
    def since(self) -> float:
        """Clock time from which on everything is there."""
        return self._segments[0].began.time

    def hold(self) -> Callable[[], Recording]:
        """Keep what there is now. What is returned makes a recording of it, in any thread, as that may take a while."""
        *ended, current = self._segments
        return partial(_recording, [*(segment.entries for segment in ended), list(current.entries)], self._segments[0].began)

    def recording(self) -> Recording:
        """What there is now."""
        return self.hold()()

    # The ring

    def _add(self, word: str, link: str, what: object, size: int) -> None:
        self._entries.append((self._seconds(), word, link, what))
        segment = self._segment
        segment.size += size + ENTRY
        if segment.size > self._full:
            self._begin()

    def _begin(self) -> None:
        began = self.moment()
        self._segment = segment = _Segment(began, size=began.size)
        self._entries = segment.entries
        # a keyframe must not fill its segment, however large the site is
        self._full = max(self._size // SEGMENTS, 2 * began.size)
        self._segments.append(segment)
        while len(self._segments) > 1 and self.used + self._full - segment.size > self._size:
            self._segments.popleft()

    # Secrets

    def _masked_request(self, request: Request) -> Request:
        if not self._mask_digits or not request.path.endswith("/TransmitDTMF"):
            return request
        return attrs.evolve(request, query=tuple((name, "*" * len(value)) for name, value in request.query))

    def _masked_frame(self, frame: bytes) -> bytes:
        body = frame[HEADER.size :]
        if b"\0" in body:
            # Not UTF-8: whatever it is, nobody could tell where its secrets are.
            return frame[: HEADER.size] + b"*" * len(body)
        if b"assword" in body or b"Code>" in body:
            body = _SECRET.sub(_mask(b"0"), body)
        if self._mask_digits and b"charactersToSend" in body:
            body = _DIGITS.sub(_mask(b"*"), body)
        return frame[: HEADER.size] + body


def _mask(character: bytes) -> Callable[[re.Match[bytes]], bytes]:
    """The content of an element, as long as it was: a frame says its length."""
    return lambda found: found[1] + character * len(found[3]) + found[4]


def _outcome(outcome: Response | XsiFailure) -> Response | Failed:
    """An answer without its cookies; a failure without its traceback, which would keep alive whatever it has seen."""
    if isinstance(outcome, Refused):
        return Failed("Refused", outcome.summary, outcome.status, outcome.error_code)
    if isinstance(outcome, XsiFailure):
        return Failed(type(outcome).__name__, str(outcome))
    if "set-cookie" in outcome.headers:
        return attrs.evolve(outcome, headers={name: value for name, value in outcome.headers.items() if name != "set-cookie"})
    return outcome


def _recording(segments: list[list[tuple[float, str, str, object]]], began: Moment) -> Recording:
    entries = [Entry(when, word, link, _noted(word, what)) for segment in segments for when, word, link, what in segment]
    return Recording(began.keyframe(), entries)


def _noted(word: str, what: Any) -> Any:
    return ChangeNote(*what) if word == "change" else what
