"""Two small pictures as SVG text: histograms and curves. Small enough to need no library, so every report has them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, LEFT, BOTTOM = 260, 120, 30, 18  # of a picture; of its axes' margins
LEAST_DOT, LARGEST_DOT = 0.8, 4.5  # radius of a point
GOOD, REST, GREY = "#0072B2", "#D55E00", "#888"  # Okabe and Ito's blue and vermilion, told apart by everybody


def histogram(counts: Sequence[int], title: str, colour: str) -> str:
    """Bars over [0, 1]; the highest is named."""
    inner, tall = WIDTH - LEFT - 8, HEIGHT - BOTTOM - 16
    most, step = max(1, *counts), inner / len(counts)
    bars = "".join(
        f'<rect x="{LEFT + place * step + 0.5:.1f}" y="{16 + tall * (1 - count / most):.1f}" '
        f'width="{step - 1:.1f}" height="{tall * count / most:.1f}" fill="{colour}"/>'
        for place, count in enumerate(counts)
        if count
    )
    return _picture(bars + _text(LEFT - 4, 24, f"{max(counts):,}", "end"), title)


def curve(points: Sequence[tuple[float, float, int]], title: str, x: str, y: str) -> str:
    """Points in [0, 1] by [0, 1], joined, beside the line where both are equal.

    A point's area says how many documents it is of, so that one of few is not taken for one of many.
    """
    inner, tall = WIDTH - LEFT - 8, HEIGHT - BOTTOM - 16
    most = max((many for _, _, many in points), default=1)
    at = [(LEFT + inner * one, 16 + tall * (1 - two), many) for one, two, many in points]
    line = " ".join(f"{one:.1f},{two:.1f}" for one, two, _ in at)
    dots = "".join(
        f'<circle cx="{one:.1f}" cy="{two:.1f}" r="{max(LEAST_DOT, LARGEST_DOT * math.sqrt(many / most)):.1f}" '
        f'fill="{GOOD}"><title>{many:,}</title></circle>'
        for one, two, many in at
    )
    body = (
        f'<line x1="{LEFT}" y1="{16 + tall}" x2="{LEFT + inner}" y2="16" stroke="{GREY}" stroke-dasharray="3 3"/>'
        f'<polyline points="{line}" fill="none" stroke="{GOOD}"/>{dots}'
        f"{_text(LEFT + inner / 2, HEIGHT - 4, x, 'middle')}{_text(LEFT - 4, 24, '1', 'end')}"
        f'<text transform="translate(12 {16 + tall / 2}) rotate(-90)" text-anchor="middle">{escape(y)}</text>'
    )
    return _picture(body, title)


def _picture(body: str, title: str) -> str:
    floor = HEIGHT - BOTTOM
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title>{_text(LEFT, 11, title)}'
        f'<line x1="{LEFT}" y1="{floor}" x2="{WIDTH - 8}" y2="{floor}" stroke="{GREY}"/>'
        f"{_text(LEFT, HEIGHT - 5, '0', 'middle')}{_text(WIDTH - 8, HEIGHT - 5, '1', 'middle')}{body}</svg>"
    )


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'
