"""What counts as flat, and that what is left or grows is told."""

from __future__ import annotations

import attrs
import pytest

from bwconnector.ops.inspection import Inspection, LinkStatus
from bwconnector.ops.metrics import Metrics

from .flat import MEMORY_LEAST, SLACK, Sample, problems, read, table

FIRST = Sample(at=100, memory=80 * 2**20, sockets=19, timers=17, links=0, monitors=0, subscriptions=0, calls=0)


def test_the_same_is_flat() -> None:
    last = attrs.evolve(FIRST, at=700, memory=FIRST.memory + MEMORY_LEAST, sockets=FIRST.sockets + SLACK, timers=FIRST.timers - 9)
    assert problems([FIRST, last]) == []
    assert problems([FIRST, attrs.evolve(last, memory=last.memory + 160_000, remembered=1000)]) == []


@pytest.mark.parametrize(
    ("grown", "said"),
    [
        ({"memory": 80 * 2**20 + MEMORY_LEAST + 1}, "memory grew from 80.0 MB to 86.0 MB, while 0 ids came to be remembered"),
        (
            {"memory": 80 * 2**20 + MEMORY_LEAST + 161, "remembered": 1},
            "memory grew from 80.0 MB to 86.0 MB, while 1 ids came to be remembered",
        ),
        ({"sockets": 23}, "sockets grew from 19 to 23"),
        ({"timers": 21}, "timers grew from 17 to 21"),
    ],
)
def test_what_grows_is_told(grown: dict[str, int], said: str) -> None:
    assert problems([FIRST, attrs.evolve(FIRST, **grown)]) == [said]
    # only the first and the last count: in between a cache may have been filled, and emptied
    assert problems([FIRST, attrs.evolve(FIRST, **grown), FIRST]) == []


@pytest.mark.parametrize("left", ["links", "monitors", "subscriptions", "calls"])
def test_what_is_left_is_told_of_every_round(left: str) -> None:
    (said,) = problems([FIRST, attrs.evolve(FIRST, **{left: 1}), FIRST])
    assert said.startswith("not idle")


def test_samples_are_read_from_the_metrics() -> None:
    links = (LinkStatus("tserver-1", "x", 0.0, monitors=3), LinkStatus("tserver-2", "y", 0.0, monitors=4))
    now = Inspection("1", 0.0, 0.0, "normal", links=links, call_count=5, subscriptions=6, timers=8, remembered=9)
    sample = read(12.0, Metrics(lambda: now).text().decode())
    assert attrs.evolve(sample, memory=0, sockets=0) == Sample(12.0, 0, 0, 8, links=2, monitors=7, subscriptions=6, calls=5, remembered=9)
    assert sample.memory > 2**20
    assert sample.sockets > 2
    assert "12 s" in table([sample])
