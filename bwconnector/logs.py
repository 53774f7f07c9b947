"""The log as section ``[log]`` wants it: as text or as JSON, from which level on, and what repeats itself said once and then counted."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

import attrs
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, formatEventAsClassicLogText
from twisted.python.logfile import LogFile
from zope.interface import implementer

from bwconnector.bridge.audit import NAMESPACE as AUDIT
from bwconnector.options import LogOptions

__all__ = ["MOST", "WINDOW", "LogOutput", "Repeats", "log_file"]

WINDOW = 60.0
"""Seconds in which a warning that comes again is only counted."""

MOST = 200
"""Lines with the same words that are written within that time, whatever they are about. Peers decide how often and of what some are said:
they must not fill a disk, nor take the time of others."""

_LEVELS = {level.name: level for level in LogLevel.iterconstants()}
_FIELDS = re.compile(r"\{(\w+)")
_PORT = re.compile(r":\d+$")
# Of Twisted's older kind of event; what they say is in the message.
_LEGACY = frozenset(("message", "time", "system", "format", "isError", "why", "failure", "logLevel", "printed"))


@attrs.define(slots=True)
class _Seen:
    event: LogEvent
    since: float
    count: int = 0


class Repeats:
    """What has been said already.

    Two are the same if they have the same words and are about the same: numbers, such as that of seconds until the next try, may differ.
    Once something else than a warning is said of a link, such as that its channel is up, its warnings are new again. What is audited, and
    what is for debugging, is said of every request, and so is no news. Beyond :data:`MOST`, all that has the same words counts as the
    same, but for what is audited, of which every line counts.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[object, ...], _Seen] = {}
        self._lines: dict[str, _Seen] = {}
        """By words."""

    def admit(self, event: LogEvent, now: float) -> bool:
        """Whether this is to be said; else it is counted."""
        if event.get("log_namespace") == AUDIT:
            return True
        warning = event.get("log_level", LogLevel.info) >= LogLevel.warn
        key = _key(event) if warning else ()
        seen = self._seen.get(key)
        if seen is None:
            words = event.get("log_format") or ""
            lines = self._lines.setdefault(words, _Seen(event, now))
            lines.count += 1
            if lines.count <= MOST:
                if warning:
                    self._seen[key] = _Seen(event, now)
                return True
            seen = self._seen.setdefault((words, None), _Seen(event, now))
        seen.event = event
        seen.count += 1
        return False

    def over(self, now: float, event: LogEvent | None = None) -> list[tuple[LogEvent, int]]:
        """What came again within a time that is over now: the last of them, and how many there were. They are said anew then.

        :param event: what is going to be said
        """
        news = event is not None and event.get("log_level") is LogLevel.info and event.get("log_namespace") != AUDIT
        link = event.get("link") if event is not None and news else None
        ended = [key for key, seen in self._seen.items() if now - seen.since >= WINDOW or (link is not None and key[1] == link)]
        gone = [self._seen.pop(key) for key in ended]
        for words in [words for words, lines in self._lines.items() if now - lines.since >= WINDOW]:
            del self._lines[words]
        return [(seen.event, seen.count) for seen in gone if seen.count]


def _key(event: LogEvent) -> tuple[object, ...]:
    words = event.get("log_format") or ""
    values = (event.get(name) for name in _FIELDS.findall(words))
    failure = event.get("log_failure")
    what = "" if failure is None else f"{failure.type} {failure.value}"
    return (words, event.get("link"), what, *(_PORT.sub("", str(value)) for value in values if not isinstance(value, int | float)))


@implementer(ILogObserver)
class LogOutput:
    """Writes the log.

    :param file: takes whole lines, each flushed
    """

    def __init__(self, file: LogFile | TextIO, options: LogOptions) -> None:
        self._file = file
        self._repeats = Repeats()
        self._lock = threading.RLock()
        self.change(options)

    def change(self, options: LogOptions) -> None:
        """From the next line on."""
        self._line = _FORMATS[options.format]
        self._level = _LEVELS[options.level]
        # the longest first: the one that says most of a namespace decides
        self._levels = sorted(((name, _LEVELS[level]) for name, level in options.levels), reverse=True, key=lambda each: len(each[0]))

    def __call__(self, event: LogEvent) -> None:
        if not self._wanted(event):
            return
        now = event.get("log_time", 0.0)
        with self._lock:  # what runs in a thread logs as well
            for last, count in self._repeats.over(now, event):
                self._write(last, count)
            if self._repeats.admit(event, now):
                self._write(event, 0)

    def flush(self) -> None:
        """The end: say what has been counted."""
        with self._lock:
            for last, count in self._repeats.over(float("inf")):
                self._write(last, count)

    def _wanted(self, event: LogEvent) -> bool:
        namespace = event.get("log_namespace") or ""
        level = next((level for name, level in self._levels if f"{namespace}.".startswith(f"{name}.")), self._level)
        return bool(event.get("log_level", LogLevel.info) >= level)

    def _write(self, event: LogEvent, repeated: int) -> None:
        line = self._line(event, repeated)
        if line:
            self._file.write(line)
            self._file.flush()


def _as_text(event: LogEvent, repeated: int) -> str:
    line = formatEventAsClassicLogText(event) or ""
    if repeated and line:
        first, newline, rest = line.partition("\n")
        line = f"{first} (repeated {_times(repeated)}){newline}{rest}"
    return line


def _as_json(event: LogEvent, repeated: int) -> str:
    """One object in one line: ``time``, ``level``, ``namespace``, ``message``, and what the message is about, such as ``link``."""
    level = event.get("log_level", LogLevel.info)
    entry: dict[str, Any] = {
        "time": _time(event.get("log_time")),
        "level": level.name,
        "namespace": event.get("log_namespace") or "",
        "message": formatEvent(event),
    }
    if not entry["message"] and event.get("log_failure") is None:
        return ""
    for name, value in event.items():
        if not name.startswith("log_") and name not in _LEGACY and name not in entry and value is not None:
            entry[name] = value if isinstance(value, str | int | float) else str(value)
    if event.get("log_failure") is not None:
        entry["traceback"] = event["log_failure"].getTraceback()
    if repeated:
        entry["repeated"] = repeated
    return json.dumps(entry, ensure_ascii=False) + "\n"


_FORMATS = {"text": _as_text, "json": _as_json}


def _times(count: int) -> str:
    return "once more" if count == 1 else f"{count} times"


def _time(when: float | None) -> str:
    return "-" if when is None else datetime.fromtimestamp(when, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def log_file(twistd: Mapping[str, Any] | None) -> LogFile | TextIO | None:
    """Where twistd was told to log, by its own options.

    :returns: None where it has been given something else than a file: ``--syslog`` or ``--logger``
    """
    if twistd is None or twistd.get("syslog") or twistd.get("logger"):
        return None
    name = twistd.get("logfile")
    if twistd.get("nodaemon") and name in ("-", "", None):
        return sys.stdout
    if name == "-":
        return None  # twistd itself says that a daemon cannot
    return LogFile.fromFullPath(name or "twistd.log")  # type: ignore[no-any-return]
