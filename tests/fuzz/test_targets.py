"""The targets of ``make fuzz`` on what it begins with, on each input that was trouble once, and on damaged ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bwconnector.xsi.stream import DocumentStream

from .seeds import CORPUS, seeds
from .targets import TARGETS, xsi_stream

INPUTS = [(name, number) for name in TARGETS for number, _ in enumerate(seeds(name))]


def test_every_folder_of_the_corpus_is_that_of_a_target() -> None:
    assert {path.name for path in CORPUS.iterdir() if path.is_dir()} <= set(TARGETS)


@pytest.mark.parametrize(("name", "number"), INPUTS)
def test_known_inputs(name: str, number: int) -> None:
    TARGETS[name](list(seeds(name))[number])


@settings(max_examples=len(TARGETS) * settings.default.max_examples)
@given(st.sampled_from(sorted(TARGETS)), st.data())
def test_damaged_inputs(name: str, data: st.DataObject) -> None:
    known = data.draw(st.sampled_from(list(seeds(name))))
    start = data.draw(st.integers(0, len(known)))
    end = data.draw(st.integers(start, min(len(known), start + 40)))
    TARGETS[name](known[:start] + data.draw(st.binary(max_size=20) | st.sampled_from(WORDS)) + known[end:])


@settings(max_examples=len(TARGETS) * settings.default.max_examples)
@given(st.sampled_from(sorted(TARGETS)), st.binary(max_size=200))
def test_noise(name: str, noise: bytes) -> None:
    TARGETS[name](noise)


def test_a_broken_promise_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DocumentStream, "receive_data", lambda self, data: self._buffer.extend(data[:5]))
    with pytest.raises(AssertionError):
        xsi_stream(b"\x02<e></e><e></e>")


WORDS = [
    line[1:-1].encode("ascii").decode("unicode_escape").encode("latin-1")
    for line in (Path(__file__).parent / "words.dict").read_text().splitlines()
]
