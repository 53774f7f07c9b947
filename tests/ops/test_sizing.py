from __future__ import annotations

import pytest

from bwconnector.ops.sizing import COSTS, SITES, Costs, Need, Site, lines, need
from bwconnector.options import RecorderOptions

from .test_ctl import bwctl

EXACT = Costs(event=100e-6, link=10e-6, process=1000, monitor=10, call=100, events=3, lasts=60, refreshed=100)


def test_what_a_site_needs() -> None:
    found = need(Site(agents=500, calls=36_000, links=3), 7, EXACT)
    assert found == Need(cpu=pytest.approx(30 * 120e-6), memory=1000 + 7 + 5000 + 60_000, events=30.0, requests=35.0)


@pytest.mark.parametrize("field", ["event", "link", "process", "monitor", "call", "events", "lasts"])
def test_each_cost_counts(field: str) -> None:
    before = need(SITES[1], 0)
    doubled = Costs(**{name: getattr(COSTS, name) * (1 + (name == field)) for name in Costs.__slots__ if not name.startswith("__")})
    after = need(SITES[1], 0, doubled)
    assert after.cpu + after.memory > before.cpu + before.memory


def test_size_prints_one_site_or_the_examples() -> None:
    code, printed, _ = bwctl("size", "--agents", "2000", "--calls", "24000", "--links", "2")
    assert (code, len(printed)) == (0, 2)
    assert printed[1].split("  ")[0] == "2,000"
    code, printed, _ = bwctl("size")
    assert (code, len(printed)) == (0, len(SITES) + 1)
    assert [line.split("  ")[0].strip() for line in printed[1:]] == [row[0] for row in lines(SITES, RecorderOptions().size)]


@pytest.mark.parametrize("wrong", ["-1", "many"])
def test_numbers_that_are_none(wrong: str) -> None:
    code, _, told = bwctl("size", "--agents", wrong)
    assert code == 2
    assert "--agents" in told
