"""A small SVG of bars and lines, written by hand: what README.md shows beside a table."""

from collections.abc import Mapping
from html import escape
from math import log10

_LEFT, _BAR, _WIDTH = 250, 22, 760
_COLOURS = ("#2f6f4f", "#7a4f9a", "#b5651d", "#3a6ea5")
_STYLE = (
    "text{font:13px sans-serif;fill:#444}.own{font-weight:bold}line,path{stroke:#999;fill:none}"
    "@media(prefers-color-scheme:dark){text{fill:#ccc}}"
)


def bars(title: str, values: Mapping[str, float], goal: Mapping[str, float], top: int) -> list[str]:
    """Horizontal bars, longest first, with a mark where each goal lies; x is logarithmic."""
    least, most = min(values.values()) / 1.5, max(values.values()) * 1.2

    def x(value: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - 60) * log10(value / least) / log10(most / least)

    made = [f'<text x="0" y="{top + 14}" class="own">{escape(title)}</text>']
    at = top + 30
    for name, value in sorted(values.items(), key=lambda one: -one[1]):
        own = name.startswith("lakeferry")
        fill = _COLOURS[0] if own else "#a9a9a9"
        style = ' class="own"' if own else ""
        made += [
            f'<text x="{_LEFT - 8}" y="{at + 14}" text-anchor="end"{style}>{escape(name)}</text>',
            f'<rect x="{_LEFT}" y="{at}" width="{x(value) - _LEFT:.0f}" height="16" '
            f'fill="{fill}"/>',
            f'<text x="{x(value) + 6:.0f}" y="{at + 13}">{value:.2f}</text>',
        ]
        if name in goal:
            mark = f"{x(goal[name]):.0f}"
            made.append(
                f'<line x1="{mark}" x2="{mark}" y1="{at - 3}" y2="{at + 19}" style="stroke:#c00"/>'
            )
        at += _BAR
    return made


def lines(title: str, curves: Mapping[str, Mapping[int, float]], unit: str, top: int) -> list[str]:
    """Curves over the same numbers, from 0; the last point of each has its name."""
    height, right = 150, _WIDTH - 220
    most_x = max(x for curve in curves.values() for x in curve)
    most_y = 1.2 * max(y for curve in curves.values() for y in curve.values())
    floor = top + 30 + height
    made = [
        f'<text x="0" y="{top + 14}" class="own">{escape(title)}</text>',
        f'<path d="M50 {top + 30}V{floor}H{right}"/>',
        f'<text x="46" y="{top + 40}" text-anchor="end">{most_y:.0f}</text>',
        f'<text x="46" y="{floor}" text-anchor="end">0</text>',
    ]
    made += [
        f'<text x="{50 + (right - 50) * x / most_x:.0f}" y="{floor + 16}" text-anchor="middle">'
        f"{x} {unit}</text>"
        for x in next(iter(curves.values()))
    ]
    ends: list[float] = []
    for (name, curve), colour in zip(curves.items(), _COLOURS, strict=False):
        points = [
            (50 + (right - 50) * x / most_x, floor - height * y / most_y) for x, y in curve.items()
        ]
        place = points[-1][1] + 4
        while any(abs(place - other) < 15 for other in ends):
            place += 3
        ends.append(place)
        path = "L".join(f"{x:.0f} {y:.0f}" for x, y in points)
        made += [
            f'<path d="M{path}" style="stroke:{colour};stroke-width:2"/>',
            f'<text x="{right + 6}" y="{place:.0f}">{escape(name)}</text>',
        ]
    return made


def svg(parts: list[str], height: int) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}">'
        f"<style>{_STYLE}</style>\n{body}\n</svg>\n"
    )
