"""Where the CSTA of a replay differs from what a recording says was sent; the times of both are not compared."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from difflib import SequenceMatcher

import attrs

from bwconnector.csta.errors import UnreadableMessage
from bwconnector.csta.framing import HEADER
from bwconnector.csta.messages import CSTAErrorCode, Event, Message, MonitorStart, SystemStatus
from bwconnector.csta.xml import decode
from bwconnector.ops.recorder import Recording
from bwconnector.ops.replay import Replayed, Sent
from bwconnector.ops.watch import event_line

__all__ = ["clock_time", "differences", "frame_line", "monitors_of", "sent_lines", "sent_of"]

_CALL_ID = re.compile(rb"<callID>([^<]*)</callID>")


def sent_of(recording: Recording) -> list[Sent]:
    """What a recording says was sent to T-Servers."""
    return [Sent(entry.time, entry.link, entry.what) for entry in recording.entries if entry.word == "out"]


def sent_lines(sent: Iterable[Sent], monitors: dict[str, str]) -> Iterator[str]:
    """Frames as lines for people.

    :param monitors: devices by monitorCrossRefID
    """
    for each in sent:
        yield f"{clock_time(each.time)}  {each.link:<10}  {frame_line(each.frame, monitors)}"


def differences(recording: Recording, replayed: Replayed) -> list[str]:
    """Lines that begin with ``-`` for what was sent and is not any more, with ``+`` for what is sent and was not; empty if all is equal.

    Calls that were going on when the recording begins are left out: of them the replay knows less than the connector knew. What comes
    after the recording's end is only looked at for what it has missed.
    """
    end = recording.entries[-1].time if recording.entries else 0.0
    sent = sent_of(recording)
    left_out = _grown([*sent, *replayed.sent], set(recording.keyframe.calls))
    before, after = (_comparable(recording, side, left_out) for side in (sent, replayed.sent))
    monitors = monitors_of(recording)
    lines: list[str] = []
    for link in dict.fromkeys(each.link for each in [*before, *after]):
        lines += _of_link([e for e in before if e.link == link], [e for e in after if e.link == link], monitors, end)
    return lines


def monitors_of(recording: Recording) -> dict[str, str]:
    """Device by monitorCrossRefID, as far as the recording tells."""
    known = {note.cross_ref: note.named for note in recording.keyframe.monitors}
    asked: dict[tuple[str, str], str] = {}
    for entry in recording.entries:
        if entry.word in ("in", "out") and b"MonitorStart" in entry.what:
            message = _message(entry.what)
            key = (entry.link, _invoke_id(entry.what))
            if isinstance(message, MonitorStart):
                asked[key] = message.monitor_object.device_object or ""
            elif (cross_ref := getattr(message, "monitor_cross_ref_id", None)) and key in asked:
                known[cross_ref] = asked.pop(key)
    return known


def _comparable(recording: Recording, sent: list[Sent], left_out: set[str]) -> list[Sent]:
    """Without the frames of calls that are left out, and without the answers to requests that name these."""
    asked = deque((e.time, e.link, e.what[4:8]) for e in recording.entries if e.word == "in" and _calls(e.what) & left_out)
    waiting: Counter[tuple[str, bytes]] = Counter()
    kept = []
    for each in sent:
        while asked and asked[0][0] <= each.time:
            waiting[asked.popleft()[1:]] += 1
        if waiting[each.link, each.frame[4:8]]:
            waiting[each.link, each.frame[4:8]] -= 1
        elif not _calls(each.frame) & left_out:
            kept.append(each)
    return kept


def _grown(frames: list[Sent], calls: set[str]) -> set[str]:
    """With the calls that these became."""
    grown = set(calls)
    while True:
        new = set().union(*(named for each in frames if (named := _calls(each.frame)) & grown)) - grown
        if not new:
            return grown
        grown |= new


def _calls(frame: bytes) -> set[str]:
    return {found.decode("utf-8", "replace") for found in _CALL_ID.findall(frame)}


def _of_link(before: list[Sent], after: list[Sent], monitors: dict[str, str], end: float) -> list[str]:
    lines: list[str] = []
    old, new = ([each.frame[HEADER.size :] for each in side] for side in (before, after))
    for what, first, last, first_new, last_new in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal" or (what == "insert" and after[first_new].time > end):
            continue
        was = list(sent_lines(before[first:last], monitors))
        now = list(sent_lines(after[first_new:last_new], monitors))
        lines += [f"- {line}" for line in was]
        lines += [f"+ {line}" for line in now]
        if len(was) == len(now) == 1 and was[0][12:] == now[0][12:]:
            lines += [f"-   {old[first].decode('utf-8', 'replace')}", f"+   {new[first_new].decode('utf-8', 'replace')}"]
    return lines


def frame_line(frame: bytes, monitors: dict[str, str]) -> str:
    """What a frame says, in one line."""
    message = _message(frame)
    match message:
        case None:
            return f"unreadable: {frame[HEADER.size :][:80]!r}"
        case Event():
            cross_ref = getattr(message, "monitor_cross_ref_id", "")
            return event_line(monitors.get(cross_ref, f"#{cross_ref}"), message)
        case SystemStatus():
            return f"{_invoke_id(frame)} SystemStatus {message.system_status}"
        case CSTAErrorCode():
            return f"{_invoke_id(frame)} refused: {message.category} {message.value}"
    return f"{_invoke_id(frame)} {type(message).__name__}{_about(message)}"


def _about(message: Message) -> str:
    """The devices and connections that a request or a response names."""
    told = []
    for field in attrs.fields(type(message)):  # type: ignore[arg-type]
        value = getattr(message, field.name)
        if hasattr(value, "call_id"):
            told.append(f"{value.call_id or '-'}/{value.device_id or '-'}")
        elif isinstance(value, str) and value:
            told.append(value)
        elif (device := getattr(value, "device_object", None)) is not None:
            told.append(device)
    return "".join(f" {each}" for each in told)


def _message(frame: bytes) -> Message | None:
    try:
        return decode(frame[HEADER.size :]).message
    except UnreadableMessage:
        return None


def _invoke_id(frame: bytes) -> str:
    return frame[4:8].decode("ascii", "replace")


def clock_time(seconds: float) -> str:
    """Local time of the day, with milliseconds."""
    moment = datetime.fromtimestamp(seconds)
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"
