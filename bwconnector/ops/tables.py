"""Tables of text, as wide as their cells, for terminals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

__all__ = ["LISTED", "print_table", "table_lines"]

LISTED = 200
"""Lines of a table; the rest is counted."""


def table_lines(heads: Sequence[str], rows: Iterable[Sequence[object]], limit: int = LISTED) -> list[str]:
    """The lines of a table, at most ``limit`` rows of it and how many there are more."""
    rest = iter(rows)
    lines = [tuple(heads), *(tuple(str(value) for value in row) for row in islice(rest, limit))]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    more = sum(1 for _ in rest)
    return [*shown, f"... and {more} more"] if more else shown


def print_table(heads: Sequence[str], rows: Iterable[Sequence[object]], limit: int = LISTED) -> None:
    for line in table_lines(heads, rows, limit):
        print(line)
