"""Recordings that were made into tests (``bwctl replay FILE --test NAME``): this version sends what they expect."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from bench.recorder import rounds
from bwconnector.ops.differences import differences, sent_of
from bwconnector.ops.dump import DumpError, read_dump
from bwconnector.ops.fixture import write_fixture
from bwconnector.ops.recorder import Recording
from bwconnector.ops.replay import replay

FOLDER = Path(__file__).parent.parent / "replays"
FILES = sorted(FOLDER.glob("*.jsonl*"))
HELD = FOLDER / "held-call.jsonl"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.partition(".")[0])
def test_replay(file: Path) -> None:
    dump = read_dump(file)
    replayed = replay(dump)
    assert differences(dump.recording, replayed) == []
    assert replayed.errors == []
    assert sent_of(dump.recording) != []


def test_what_is_missing_is_told() -> None:
    dump = read_dump(HELD)
    entries = [e for e in dump.recording.entries if not (e.word == "answer" and e.what[0].path.endswith("/talk"))]
    replayed = replay(attrs.evolve(dump, recording=Recording(dump.recording.keyframe, entries)))
    assert any(line.startswith("PUT ") and line.endswith("/talk") for line in replayed.missing)


def test_settings_of_another_version() -> None:
    dump = read_dump(HELD)
    with pytest.raises(DumpError, match="no usable settings"):
        replay(attrs.evolve(dump, settings={}))
    other = attrs.evolve(dump, settings={**dump.settings, "policy": {"P-OF-ANOTHER-VERSION": 1}, "more": True})
    assert differences(dump.recording, replay(other)) == []


def test_a_replay_is_the_same_each_time() -> None:
    dump = read_dump(HELD)
    assert replay(dump) == replay(dump)


def test_a_fixture_expects_what_this_version_sends(tmp_path: Path) -> None:
    dump = read_dump(HELD)
    entries = [entry for entry in dump.recording.entries if b"DeliveredEvent" not in (entry.what if entry.word == "out" else b"")]
    old = attrs.evolve(dump, recording=Recording(dump.recording.keyframe, entries))
    replayed = replay(old)
    assert differences(old.recording, replayed) != []
    fixture = read_dump(write_fixture(old, replayed, "fixed", tmp_path))
    assert differences(fixture.recording, replay(fixture)) == []
    assert {entry.word for entry in fixture.recording.entries} <= {"document", "request", "answer", "state", "in", "out", "open", "closed"}


@pytest.mark.parametrize(("name", "problem"), [("a/b", "is no name"), ("", "is no name"), ("held-call", "exists already")])
def test_a_fixture_that_cannot_be(name: str, problem: str) -> None:
    dump = read_dump(HELD)
    with pytest.raises(DumpError, match=problem):
        write_fixture(dump, replay(dump), name, FOLDER)


def test_a_fixture_needs_the_sources(tmp_path: Path) -> None:
    dump = read_dump(HELD)
    with pytest.raises(DumpError, match="tree of the sources"):
        write_fixture(dump, replay(dump), "new", tmp_path / "tests" / "replays")


def test_the_recorders_cost_can_be_measured() -> None:
    shares, cost = rounds(1)
    assert len(shares) == 1
    assert shares[0] > 0 and cost > 0
