"""Pictures of the figures as SVG: bars and curves, no more than they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from xml.sax.saxutils import escape

__all__ = ["bars", "curves"]

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 60, 60
COLOURS = ("#2b6cb0", "#c05621", "#2f855a", "#6b46c1")


def bars(title: str, subtitle: str, unit: str, values: Mapping[str, float]) -> str:
    """One bar for each value, with its number above it."""
    top = max(values.values()) * 1.1
    slot = (WIDTH - LEFT - RIGHT) / len(values)
    parts = []
    for number, (name, value) in enumerate(values.items()):
        x, y = LEFT + number * slot, _scale(value, top)
        parts.append(
            f'<rect x="{x + slot * 0.15:.1f}" y="{y:.1f}" width="{slot * 0.7:.1f}" height="{HEIGHT - BOTTOM - y:.1f}" fill="{COLOURS[0]}"/>'
        )
        parts.append(_text(x + slot / 2, y - 6, f"{value:,.0f}" if value >= 100 else f"{value:.1f}"))
        parts.append(_text(x + slot / 2, HEIGHT - BOTTOM + 18, name))
    return _document(title, subtitle, unit, top, parts)


def curves(
    title: str, subtitle: str, unit: str, series: Mapping[str, Sequence[tuple[float, float]]], x_name: Callable[[float], str]
) -> str:
    """A line for each series of points; ``x_name`` writes the ends of the horizontal axis."""
    points = [point for line in series.values() for point in line]
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    top = max(y for _, y in points) * 1.1

    def place(x: float, y: float) -> str:
        return f"{LEFT + (x - left) / (right - left or 1) * (WIDTH - LEFT - RIGHT):.1f},{_scale(y, top):.1f}"

    parts = []
    for number, (name, line) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{" ".join(place(*point) for point in line)}"/>')
        parts.append(_text(LEFT + 10, TOP + 16 + 18 * number, name, "start", colour))
    ends = [_text(LEFT, HEIGHT - BOTTOM + 18, x_name(left)), _text(WIDTH - RIGHT - 20, HEIGHT - BOTTOM + 18, x_name(right))]
    return _document(title, subtitle, unit, top, [*parts, *ends])


def _scale(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)


def _text(x: float, y: float, text: str, anchor: str = "middle", colour: str = "#333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'


def _document(title: str, subtitle: str, unit: str, top: float, parts: Sequence[str]) -> str:
    step = top / 4
    grid = []
    for number in range(1, 4):
        y = _scale(number * step, top)
        grid.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#ddd"/>')
        grid.append(_text(LEFT - 8, y + 4, f"{number * step:,.0f}" if top >= 20 else f"{number * step:.2f}", "end", "#777"))
    base = HEIGHT - BOTTOM
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
            f'<text x="{LEFT}" y="22" font-size="16" fill="#111">{escape(title)}</text>',
            _text(LEFT, 40, subtitle, "start", "#777"),
            *grid,
            *parts,
            f'<line x1="{LEFT}" y1="{base}" x2="{WIDTH - RIGHT}" y2="{base}" stroke="#333"/>',
            _text(LEFT, HEIGHT - 14, unit, "start", "#777"),
            "</svg>\n",
        ]
    )
