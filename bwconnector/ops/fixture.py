"""A recording as a regression test: what came in, and what this version sends for it, as a file that a test plays again."""

from __future__ import annotations

import re
from pathlib import Path

import attrs

from bwconnector.ops.dump import Dump, DumpError, write_dump
from bwconnector.ops.recorder import Entry, Recording
from bwconnector.ops.replay import Replayed

__all__ = ["FOLDER", "write_fixture"]

FOLDER = Path("tests/replays")
"""Where the test looks for them, in a tree of the sources."""

KEPT = frozenset({"document", "request", "answer", "state", "in", "open", "closed"})
"""What a replay needs; all else follows from it."""


def write_fixture(dump: Dump, replayed: Replayed, name: str, folder: Path = FOLDER) -> Path:
    """Write ``<folder>/<name>.jsonl`` and return its path.

    :raises DumpError: it cannot be written
    """
    if not re.fullmatch(r"[\w-]+", name):
        raise DumpError(f"{name!r} is no name for a test: letters, digits, - and _ only")
    if not folder.is_dir():
        raise DumpError(f"there is no directory {folder} here: run this in a tree of the sources")
    path = folder / f"{name}.jsonl"
    came = [entry for entry in dump.recording.entries if entry.word in KEPT and not _heartbeat(entry)]
    sent = [Entry(each.time, "out", each.link, each.frame) for each in replayed.sent]
    entries = sorted([*came, *sent], key=lambda entry: entry.time)
    try:
        write_dump(path, attrs.evolve(dump, recording=Recording(dump.recording.keyframe, entries)))
    except FileExistsError:
        raise DumpError(f"{path} exists already") from None
    except OSError as error:
        raise DumpError(f"{path} cannot be written: {error.strerror}") from None
    return path


def _heartbeat(entry: Entry) -> bool:
    request = entry.what if entry.word == "request" else entry.what[0] if entry.word == "answer" else None
    return request is not None and request.path.endswith("/heartbeat")
