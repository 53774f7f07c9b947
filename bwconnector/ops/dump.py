"""Recordings as files: one JSON object a line, compressed when the file's name ends in ``.gz``, for ``bwctl replay`` and for people.

The first line tells what made the file and with what settings, the second is the keyframe; each other one is something that passed.
Bytes are text here: UTF-8, with what is none of it as surrogates, so that every byte comes back.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import attrs

from bwconnector.bridge.devices import Device
from bwconnector.csta.framing import HEADER, encode_frame
from bwconnector.csta.messages import MonitorFilter
from bwconnector.ops.recorder import CSTA, XSI, ChangeNote, Entry, Failed, Keyframe, MonitorNote, Recording
from bwconnector.xsi.channel import ChannelStatus, State
from bwconnector.xsi.requests import Request, Response

__all__ = ["FORMAT", "Dump", "DumpError", "read_dump", "write_dump"]

FORMAT = 1
"""Number of the format; a reader refuses numbers that it does not know."""

KEPT_HEADERS = ("location", "content-location", "content-type")


class DumpError(Exception):
    """A file that cannot be read as a recording; the text says why."""


@attrs.frozen(slots=True, kw_only=True)
class Dump:
    """A recording with what is needed to replay it.

    :ivar version: of the connector that made it
    :ivar made: clock seconds
    :ivar settings: see :func:`bwconnector.ops.flight.replay_settings`
    """

    recording: Recording
    version: str = ""
    made: float = 0.0
    reason: str = ""
    settings: Mapping[str, Any] = attrs.Factory(dict)


# Writing


def write_dump(path: Path, dump: Dump) -> None:
    """Make a file that nobody but its owner can read.

    :raises FileExistsError: there is one already
    :raises OSError: it cannot be written
    """
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as raw:
        try:
            if path.suffix == ".gz":
                with gzip.GzipFile("", "wb", 5, raw, mtime=0) as packed:
                    _write(packed, dump)
            else:
                _write(raw, dump)
        except BaseException:
            path.unlink()  # half a file would be taken for a whole one
            raise


def _write(file: IO[bytes] | gzip.GzipFile, dump: Dump) -> None:
    for line in _lines(dump):
        file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")


def _lines(dump: Dump) -> Iterator[dict[str, Any]]:
    yield {"recording": FORMAT, "version": dump.version, "made": dump.made, "reason": dump.reason, "settings": dict(dump.settings)}
    yield {"keyframe": _keyframe(dump.recording.keyframe)}
    numbers = _Numbers()
    for entry in dump.recording.entries:
        wire = "xsi" if entry.word in XSI else "csta" if entry.word in CSTA else "model"
        yield {"t": round(entry.time, 6), wire: entry.word, "link": entry.link, **_what(entry, numbers)}


class _Numbers:
    """Tells which request an answer belongs to: the oldest that is like it and waits."""

    def __init__(self) -> None:
        self._last = 0
        self._waiting: dict[tuple[str, Request], list[int]] = {}

    def of_request(self, link: str, request: Request) -> int:
        self._last += 1
        self._waiting.setdefault((link, request), []).append(self._last)
        return self._last

    def of_answer(self, link: str, request: Request) -> int | None:
        waiting = self._waiting.get((link, request))
        return waiting.pop(0) if waiting else None


def _what(entry: Entry, numbers: _Numbers) -> dict[str, Any]:
    what = entry.what
    match entry.word:
        case "document" | "open" | "closed":
            return {"text": _text(what)}
        case "ack":
            return {"event": what}
        case "request":
            return {"n": numbers.of_request(entry.link, what), **_request(what)}
        case "answer":
            request, outcome = what
            number = numbers.of_answer(entry.link, request)
            # what was asked is told again only where that line was overwritten
            return {"n": number, **({} if number else _request(request)), **_outcome(outcome)}
        case "state":
            return {"state": what.state.value, "channel": what.channel_id, "reason": what.reason}
        case "in" | "out":
            _, _, invoke_id = HEADER.unpack_from(what)
            return {"invoke": invoke_id.decode(), "body": _text(what[HEADER.size :])}
        case _:
            return {key: dict(value) if key == "states" else value for key, value in what._asdict().items()}


def _request(request: Request) -> dict[str, Any]:
    line: dict[str, Any] = {"method": request.method, "path": request.path, "context": request.context}
    if request.query:
        line["query"] = [list(pair) for pair in request.query]
    if request.body is not None:
        line["body"] = _text(request.body)
    return line | ({"safe": True} if request.safe else {})


def _outcome(outcome: Response | Failed) -> dict[str, Any]:
    if isinstance(outcome, Failed):
        return {"failed": list(outcome)}
    headers = {name: outcome.headers[name] for name in KEPT_HEADERS if name in outcome.headers}
    return {"status": outcome.status, "headers": headers, "answer": _text(outcome.body)}


def _keyframe(keyframe: Keyframe) -> dict[str, Any]:
    return {
        "t": keyframe.time,
        "channels": [{"link": status.link, "state": status.state.value, "channel": status.channel_id} for status in keyframe.channels],
        "links": [list(link) for link in keyframe.links],
        "monitors": [[*note[:5], sorted(note.filter.blocked)] for note in keyframe.monitors],
        "devices": [attrs.asdict(device) for device in keyframe.devices],
        "calls": sorted(keyframe.calls),
    }


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


# Reading


def read_dump(path: Path | str) -> Dump:
    """Read a file that :func:`write_dump` has made.

    :raises DumpError: it is none
    """
    path = Path(path)
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            return _dump(file)
    except (OSError, EOFError) as error:
        raise DumpError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DumpError(f"{path} is no recording, or a damaged one: {error!r}") from None


def _dump(file: IO[bytes] | gzip.GzipFile) -> Dump:
    head = json.loads(file.readline() or "{}")
    if not isinstance(head, dict) or head.get("recording") != FORMAT:
        raise ValueError(f"it does not begin as a recording of format {FORMAT}")
    keyframe = _read_keyframe(json.loads(file.readline())["keyframe"])
    asked: dict[int, Request] = {}
    entries = [_entry(json.loads(line), asked) for line in file if line.strip()]
    return Dump(
        recording=Recording(keyframe, entries),
        version=head["version"],
        made=head["made"],
        reason=head["reason"],
        settings=head["settings"],
    )


def _entry(line: dict[str, Any], asked: dict[int, Request]) -> Entry:
    word = line.get("xsi") or line.get("csta") or line["model"]
    return Entry(line["t"], word, line["link"], _read_what(word, line, asked))


def _read_what(word: str, line: dict[str, Any], asked: dict[int, Request]) -> Any:
    match word:
        case "document" | "open" | "closed":
            return _bytes(line["text"])
        case "ack":
            return line["event"]
        case "request":
            asked[line["n"]] = request = _read_request(line)
            return request
        case "answer":
            return asked.pop(line["n"]) if line["n"] else _read_request(line), _read_outcome(line)
        case "state":
            return ChannelStatus(line["link"], State(line["state"]), line["t"], line["reason"], line["channel"])
        case "in" | "out":
            return encode_frame(line["invoke"], _bytes(line["body"]))
        case "change":
            return ChangeNote(**{name: line[name] for name in ChangeNote._fields})
        case _:
            raise ValueError(f"unknown word {word}")


def _read_request(line: dict[str, Any]) -> Request:
    body = _bytes(line["body"]) if "body" in line else None
    query = tuple((name, value) for name, value in line.get("query", ()))
    return Request(line["method"], line["path"], query, body, line["context"], line.get("safe", False))


def _read_outcome(line: dict[str, Any]) -> Response | Failed:
    return Failed(*line["failed"]) if "failed" in line else Response(line["status"], line["headers"], _bytes(line["answer"]))


def _read_keyframe(told: dict[str, Any]) -> Keyframe:
    return Keyframe(
        time=told["t"],
        channels=tuple(ChannelStatus(c["link"], State(c["state"]), told["t"], "", c["channel"]) for c in told["channels"]),
        links=tuple((name, peer) for name, peer in told["links"]),
        monitors=tuple(MonitorNote._make([*note[:5], MonitorFilter(frozenset(note[5]))]) for note in told["monitors"]),
        devices=tuple(Device(**device) for device in told["devices"]),
        calls=frozenset(told["calls"]),
    )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
