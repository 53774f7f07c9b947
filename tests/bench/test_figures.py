"""Medians, ratios, percentiles and verdicts."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from bench import pictures
from bench.__main__ import table
from bench.figures import Goal, Row, percentile, ratios


def test_the_median_is_what_counts_and_the_goal_what_it_is_held_against() -> None:
    row = Row("W1", "one link", "ratio", (0.2, 0.04, 0.09), "9 of 100", Goal(0.05, 0.08, 0.15))
    assert row.median == 0.09
    assert row.verdict == "target"
    assert row.as_dict()["median"] == 0.09
    text = table([row])
    assert "ratio: 0.09 (0.04 to 0.2 in 3)" in text
    assert "target" in text


@pytest.mark.parametrize(("value", "verdict"), [(0.04, "missed"), (0.05, "must"), (0.08, "target"), (0.2, "beyond")])
def test_goals_of_which_more_is_better(value: float, verdict: str) -> None:
    assert Goal(0.05, 0.08, 0.15).verdict(value) == verdict


@pytest.mark.parametrize(("value", "verdict"), [(2.1, "missed"), (2.0, "must"), (1.4, "target"), (1.0, "beyond")])
def test_goals_of_which_less_is_better(value: float, verdict: str) -> None:
    assert Goal(2.0, 1.4, 1.15, more=False).verdict(value) == verdict


def test_ratios_are_those_of_the_same_round() -> None:
    assert ratios((2.0, 9.0), (4.0, 3.0)) == (0.5, 3.0)
    with pytest.raises(ValueError):
        ratios((1.0,), (1.0, 2.0))


def test_percentiles_are_measured_values() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert (percentile(values, 50), percentile(values, 99), percentile(values, 0)) == (50.0, 99.0, 1.0)
    assert percentile([7.0], 99) == 7.0


def test_pictures_are_svg_with_every_value() -> None:
    bars = ElementTree.fromstring(pictures.bars("Cost & more", "machine", "µs", {"split": 4.25, "parse": 120.0}))
    texts = [element.text for element in bars.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Cost & more", "machine", "split", "parse", "4.2", "120"} <= set(texts)
    lines = ElementTree.fromstring(pictures.curves("L", "m", "µs", {"a": [(0, 1.0), (99, 5.0)], "b": [(0, 2.0), (99, 2.0)]}, str))
    assert len(list(lines.iter("{http://www.w3.org/2000/svg}polyline"))) == 2
