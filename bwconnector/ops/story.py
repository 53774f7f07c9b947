"""One call's story on one time line: what BroadWorks said of it, what the call model made of that, and what each link was told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from xml.sax.saxutils import escape, unescape

from bwconnector.csta.framing import HEADER
from bwconnector.ops.differences import clock_time, frame_line, monitors_of
from bwconnector.ops.recorder import ChangeNote, Entry, Failed, Recording
from bwconnector.xsi.errors import BadDocument
from bwconnector.xsi.events import CallEvent, CallSubscription, SubscriptionEvent
from bwconnector.xsi.parse import parse
from bwconnector.xsi.requests import Request

__all__ = ["HEADS", "Line", "Unknown", "document_line", "story"]

HEADS = ("time", "ms", "where", "", "what")

_TRACKING = re.compile(rb"<(?:\w+:)?extTrackingId>([^<]*)<")
_LEG = re.compile(rb"<(?:\w+:)?callId>([^<]*)<")
_CALL = re.compile(rb"<callID>([^<]*)<")


class Unknown(Exception):
    """Nothing of this call was recorded."""


class Line(NamedTuple):
    """A row of the table: clock time, milliseconds since the first row, XSP or T-Server or ``model``, direction, what happened."""

    time: str
    milliseconds: str
    where: str
    direction: str
    what: str


def story(recording: Recording, call_id: str) -> list[Line]:
    """The rows of a call, by any of its ids: callID, extTrackingId, or a callId of BroadWorks.

    :raises Unknown: nothing is known of it
    """
    names, documents = _search(recording.entries, call_id)
    monitors = monitors_of(recording)
    acknowledged = {entry.what: entry.time for entry in reversed(recording.entries) if entry.word == "ack"}
    told: dict[int, str] = {}
    for number, entry in enumerate(recording.entries):
        if number in documents:
            told[number] = _event(entry, names, acknowledged)
        elif entry.word in _TOLD and (text := _TOLD[entry.word](entry.what, names, monitors)):
            told[number] = text
    for pair in _pairs(recording.entries):
        if told.keys() & pair:  # the request or the response need not name the call
            told.update((number, frame_line(recording.entries[number].what, monitors)) for number in pair)
    if not told:
        raise Unknown(f"nothing of call {call_id} was recorded, or it has been overwritten")
    began = recording.entries[min(told)].time
    return [_line(recording.entries[number], began, told[number]) for number in sorted(told)]


def _line(entry: Entry, began: float, text: str) -> Line:
    return Line(clock_time(entry.time), f"{(entry.time - began) * 1000:+.1f}", entry.link or "model", _ARROWS[entry.word], text)


def _pairs(entries: list[Entry]) -> Iterator[frozenset[int]]:
    """The places of each T-Server's request and its answer."""
    asked: dict[tuple[str, bytes], int] = {}
    for number, entry in enumerate(entries):
        if entry.word == "in":
            asked[entry.link, entry.what[4:8]] = number
        elif entry.word == "out" and (b"Response xmlns" in entry.what or b"<CSTAErrorCode" in entry.what):
            first = asked.pop((entry.link, entry.what[4:8]), None)
            if first is not None:
                yield frozenset((first, number))


_ARROWS = {"document": ">", "request": "<", "answer": ">", "change": "=", "in": ">", "out": "<"}
"""Towards the connector, away from it, or within it."""


class _Names(NamedTuple):
    """What one call is called: all of its names, and those that are callIds of its legs."""

    calls: set[str]
    legs: set[str]


def _search(entries: list[Entry], call_id: str) -> tuple[_Names, set[int]]:
    """All names of a call, and the places of the documents that bear any of them.

    They are found by going from one name to the next: an event of a leg shows a tracking id, a transfer ties two calls together.
    """
    names = _Names(set(), set())
    documents = [(number, entry.what) for number, entry in enumerate(entries) if entry.word == "document"]
    ties = [{e.what.call_id, e.what.secondary} for e in entries if e.word == "change" and e.what.secondary]
    found: set[int] = set()
    new = {call_id}
    while new:
        name = new.pop()
        names.calls.add(name)
        mark = b">" + escape(name).encode() + b"<"
        found.update(number for number, document in documents if mark in document)
        calls = set().union(*(tie for tie in ties if name in tie), *(_tied(entries[number].what, names) for number in found))
        new |= calls - names.calls
    return names, found


def _tied(document: bytes, names: _Names) -> set[str]:
    """The names in a document that belong together; none of a snapshot, whose calls have nothing to do with one another."""
    calls, legs = _all(_TRACKING, document), _all(_LEG, document)
    if len(calls) != 1 or b"CallSubscriptionEvent" in document:
        return set()
    names.legs.update(legs)
    return calls | legs


def _all(pattern: re.Pattern[bytes], data: bytes) -> set[str]:
    return {unescape(found.decode("utf-8", "replace")) for found in pattern.findall(data)}


def _event(entry: Entry, names: _Names, acknowledged: dict[str, float]) -> str:
    event_id, text = document_line(entry.what, names.calls)
    acked = acknowledged.get(event_id)
    ack = "not acknowledged" if acked is None else f"acknowledged after {(acked - entry.time) * 1000:.1f} ms"
    return f"{text}  {ack}" if event_id else text


def document_line(document: bytes, calls: set[str] | None = None) -> tuple[str, str]:
    """The event id of a document, empty if it has none, and what it says in one line.

    :param calls: names of the calls that are told of; None for all
    """
    try:
        event = parse(document)
    except BadDocument as error:
        return "", f"unreadable: {error}"
    if not isinstance(event, SubscriptionEvent):
        return "", type(event).__name__
    data = event.data
    parts = [event.target_id, getattr(data, "type", "") or type(data).__name__]
    if isinstance(data, CallEvent | CallSubscription):
        own = (call for call in data.calls if calls is None or call.tracking_id in calls or call.call_id in calls)
        parts += [" ".join(filter(None, (call.call_id, call.personality, call.state))) for call in own]
    return event.event_id, "  ".join(filter(None, (*parts, f"no. {event.sequence}")))


def _request(request: Request, names: _Names, monitors: dict[str, str]) -> str:
    segments = request.target.replace("?", "/").split("/")
    return f"{request.method} {request.target}" if any(segment in names.legs for segment in segments) else ""


def _answer(what: tuple[Request, object], names: _Names, monitors: dict[str, str]) -> str:
    request, outcome = what
    asked = _request(request, names, monitors)
    result = f"{outcome.kind} {outcome.status or ''} {outcome.why}" if isinstance(outcome, Failed) else getattr(outcome, "status", "")
    return asked and f"{result} to {asked}"


def _change(note: ChangeNote, names: _Names, monitors: dict[str, str]) -> str:
    if note.call_id not in names.calls:
        return ""
    states = " ".join(f"{device}:{state}" for device, state in note.states.items())
    second = f"with {note.secondary}" if note.secondary else ""
    target = f"to {note.target}" if note.target else ""
    return "  ".join(filter(None, (note.kind.removesuffix("Event"), note.call_id, note.device, note.cause, target, second, states)))


def _frame(frame: bytes, names: _Names, monitors: dict[str, str]) -> str:
    return frame_line(frame, monitors) if _all(_CALL, frame[HEADER.size :]) & names.calls else ""


_TOLD: dict[str, Callable[[Any, _Names, dict[str, str]], str]] = {
    "request": _request,
    "answer": _answer,
    "change": _change,
    "in": _frame,
    "out": _frame,
}
"""What an entry has to do with the call, by its word; empty if nothing."""
