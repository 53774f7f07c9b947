"""Figures of rounds: medians, spreads, ratios round by round, and the goals that they are held against."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

__all__ = ["Goal", "Row", "machine", "percentile", "ratios"]


@dataclass(frozen=True)
class Goal:
    """What a row is to reach; ``more`` tells whether more is better."""

    must: float
    target: float
    beyond: float
    more: bool = True

    def verdict(self, value: float) -> str:
        """The best of the three that ``value`` reaches, or ``missed``."""
        for name in ("beyond", "target", "must"):
            goal = getattr(self, name)
            if value >= goal if self.more else value <= goal:
                return name
        return "missed"

    def __str__(self) -> str:
        sign = "≥" if self.more else "≤"
        return f"{sign} {self.must:g} · {self.target:g} · {self.beyond:g}"


@dataclass(frozen=True)
class Row:
    """One line of the table.

    :ivar rounds: what counts, round by round
    :ivar values: what it was made of, in words
    :ivar goal: None where nothing is judged
    """

    code: str
    what: str
    measure: str
    rounds: tuple[float, ...]
    values: str = ""
    goal: Goal | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def verdict(self) -> str:
        return self.goal.verdict(self.median) if self.goal else ""

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "median": self.median, "verdict": self.verdict}


def ratios(values: Sequence[float], references: Sequence[float]) -> tuple[float, ...]:
    """Each value by the reference of the same round, since the machine's speed differs from round to round."""
    return tuple(value / reference for value, reference in zip(values, references, strict=True))


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of ``values`` that is not below ``percent`` per cent of them."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100).__int__() - 1)]


def machine() -> dict[str, str]:
    """On what it was measured."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0] if names else model
    packages = " ".join(f"{name} {version(name)}" for name in ("Twisted", "lxml", "treq"))
    return {
        "cpu": f"{os.cpu_count()} × {model}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": packages,
        "system": f"{platform.system()} {platform.release()}",
    }
