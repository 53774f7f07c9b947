"""``bwctl replay`` and ``bwctl call`` as commands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import attrs

from bwconnector.ops.dump import read_dump, write_dump
from bwconnector.ops.recorder import Recording

ROOT = Path(__file__).parent.parent.parent
HELD = ROOT / "tests" / "replays" / "held-call.jsonl"


def bwctl(*arguments: str, cwd: Path = ROOT) -> tuple[int, list[str], str]:
    """Exit code, lines, and what went to standard error."""
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from bwconnector.ctl import main; main()"
    done = subprocess.run([sys.executable, "-c", program, *arguments], cwd=cwd, capture_output=True, text=True, timeout=50)
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_replay_prints_what_comes_out() -> None:
    code, lines, errors = bwctl("replay", str(HELD))
    assert (code, errors) == (0, "")
    assert any("Delivered " in line and "tserver-1" in line for line in lines)


def test_replay_prints_differences(tmp_path: Path) -> None:
    assert bwctl("replay", str(HELD), "--diff") == (0, [], "")
    dump = read_dump(HELD)
    entries = [entry for entry in dump.recording.entries if not (entry.word == "out" and b"<HeldEvent" in entry.what)]
    write_dump(tmp_path / "other.jsonl.gz", attrs.evolve(dump, recording=Recording(dump.recording.keyframe, entries)))
    code, lines, _ = bwctl("replay", str(tmp_path / "other.jsonl.gz"), "--diff")
    assert code == 1
    assert [line[0] for line in lines] == ["+", "+"]
    assert all("Held" in line for line in lines)


def test_replay_makes_a_test(tmp_path: Path) -> None:
    (tmp_path / "tests" / "replays").mkdir(parents=True)
    code, lines, errors = bwctl("replay", str(HELD), "--test", "again", cwd=tmp_path)
    assert (code, errors) == (0, "")
    assert "tests/replays/again.jsonl" in lines[0]
    assert read_dump(tmp_path / "tests" / "replays" / "again.jsonl").recording.entries


def test_call_tells_its_story() -> None:
    call = next(e.what for e in read_dump(HELD).recording.entries if e.word == "out" and b"<callID>" in e.what)
    call_id = call.partition(b"<callID>")[2].partition(b"<")[0].decode()
    code, lines, _ = bwctl("call", call_id, "--file", str(HELD))
    assert code == 0
    assert lines[0].split() == ["time", "ms", "where", "what"]
    assert any("CallReceivedEvent" in line for line in lines)
    assert any("Held " in line for line in lines)


def test_what_cannot_be_is_told_in_words(tmp_path: Path) -> None:
    code, lines, errors = bwctl("call", "4711:1", "--file", str(HELD))
    assert (code, lines) == (1, [])
    assert errors.startswith("bwctl: nothing of call 4711:1")
    code, _, errors = bwctl("replay", str(tmp_path / "none"))
    assert code == 1
    assert "cannot be read" in errors
