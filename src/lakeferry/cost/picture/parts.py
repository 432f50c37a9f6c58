"""What pictures of cost are drawn of: colours, scales with their ticks, marks, free places.

Drawn by floats: a picture is read to a pixel, and every exact figure stands beside it as text.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lakeferry.cost.path.quote import Part
from lakeferry.network.picture_parts import GROUND, INK, PALE, Box, Canvas, plain

WIDTH, EDGE = 960, 24
GRID, AXIS, ON_COLOUR = "#dbe2ea", "#64748b", "#ffffff"
CHOSEN, BOUND, OTHER = "#15803d", "#b91c1c", "#64748b"
GATEWAY, INSTANCE = "#b45309", "#1d4ed8"

# By kind of line; in the order in which they are stacked.
COLOURS: Mapping[Part, str] = {
    "source egress": "#1d4ed8", "source requests": "#0e7490", "network path": "#b45309",
    "standby": "#be185d", "target requests": "#0f766e", "verification": "#a21caf",
    "workers": "#15803d", "monitoring": "#7e22ce", "stream": "#4d7c0f", "storage": "#57534e",
    "overrun": "#b91c1c", "credits": "#334155",
}  # fmt: skip

# Where the reader's system is dark: the same hue, light on dark.
DARK: Mapping[str, str] = {
    GROUND: "#0b1220", INK: "#f1f5f9", PALE: "#cbd5e1", GRID: "#26324a", AXIS: "#94a3b8",
    ON_COLOUR: "#0a0f1c",
    "#1d4ed8": "#7aa7ff", "#0e7490": "#22d3ee", "#b45309": "#f5a524", "#be185d": "#f472b6",
    "#0f766e": "#2dd4bf", "#15803d": "#4ade80", "#7e22ce": "#c69bff",
    "#4d7c0f": "#a3e635", "#57534e": "#d6d3d1", "#a21caf": "#f0abfc", "#b91c1c": "#f98080",
    "#334155": "#e2e8f0",
}  # fmt: skip

_LOG_FROM = 20  # a scale whose ends are further apart than so many times is logarithmic


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from `low` to `high` on the pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def at(self, value: float) -> float:
        return self.start + self._share(value) * (self.end - self.start)

    def _share(self, value: float) -> float:
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Round values within the scale, about five."""
        if self.is_log:
            return _log_ticks(self.low, self.high)
        step = _round_step((self.high - self.low) / 5)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


def scale_of(values: Iterable[float], start: float, end: float) -> Scale:
    """A scale with some room on both sides of values, logarithmic where they are far apart."""
    found = list(values)
    low, high = min(found), max(found)
    if low > 0 and high > low * _LOG_FROM:
        room = (high / low) ** 0.06
        return Scale(low / room, high * room, start, end, is_log=True)
    room = (high - low) * 0.1 or max(abs(high), 1.0) * 0.1
    return Scale(max(0.0, low - room) if low >= 0 else low - room, high + room, start, end)


def short(value: float) -> str:
    """A tick: `250`, `1.5k`, `113k`, `2M`."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size * 0.9995:
            return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"


def line(
    canvas: Canvas,
    points: Sequence[tuple[float, float]],
    colour: str,
    *,
    width: float = 1,
    dashed: bool = False,
    tip: str = "",
) -> None:
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    said = f"<title>{plain(tip)}</title>" if tip else ""
    canvas.parts.append(
        f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="{width:g}"{dash}>'
        f"{said}</path>"
    )


def block(canvas: Canvas, at: Box, colour: str, tip: str = "") -> None:
    """A filled box, told from its neighbour by a thin line of the ground."""
    said = f"<title>{plain(tip)}</title>" if tip else ""
    canvas.parts.append(
        f'<rect x="{at.x:.1f}" y="{at.y:.1f}" width="{at.width:.1f}" height="{at.height:.1f}" '
        f'fill="{colour}" stroke="{GROUND}" stroke-width="1">{said}</rect>'
    )


def dot(
    canvas: Canvas, x: float, y: float, r: float, colour: str, *, hollow: bool = False, tip: str
) -> None:
    fill = GROUND if hollow else colour
    canvas.parts.append(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:g}" fill="{fill}" stroke="{colour}" '
        f'stroke-width="1.5"><title>{plain(tip)}</title></circle>'
    )


def grid(canvas: Canvas, across: Scale, up: Scale, x_title: str, y_title: str) -> None:
    """The lines behind a chart, their values at its left and foot, and what they are of."""
    left, right, bottom, top = across.start, across.end, up.start, up.end
    for value in up.ticks():
        y = up.at(value)
        line(canvas, ((left, y), (right, y)), GRID)
        canvas.text(left - 8, y + 4, short(value), 60, size=11, colour=PALE, anchor="end")
    for value in across.ticks():
        x = across.at(value)
        line(canvas, ((x, top), (x, bottom)), GRID)
        canvas.text(x, bottom + 16, short(value), 60, size=11, colour=PALE, anchor="middle")
    line(canvas, ((left, top), (left, bottom), (right, bottom)), AXIS)
    x_said, y_said = (
        f"{title} (log)" if one.is_log else title
        for one, title in ((across, x_title), (up, y_title))
    )
    canvas.text(EDGE, top - 10, y_said, 80, size=11, colour=PALE)
    canvas.text(right, bottom + 34, x_said, 600, size=11, colour=PALE, anchor="end")


def overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.right
        and other.x < one.right
        and one.y < other.bottom
        and other.y < one.bottom
    )


def free_place(
    x: float, y: float, width: float, height: float, taken: Sequence[Box], inside: Box
) -> Box | None:
    """The nearest place to a point for a text that covers nothing; None where all is full."""
    for ring in range(1, 40):
        away = 4 + 6 * ring
        for turn in range(8 + 4 * ring):
            angle = 2 * math.pi * turn / (8 + 4 * ring) - math.pi / 4
            middle_x = x + math.cos(angle) * (away + width / 2)
            middle_y = y + math.sin(angle) * (away + height / 2)
            found = Box(middle_x - width / 2, middle_y - height / 2, width, height)
            within = (
                inside.x <= found.x
                and found.right <= inside.right
                and inside.y <= found.y
                and found.bottom <= inside.bottom
            )
            if within and not any(overlap(found, one) for one in taken):
                return found
    return None


def _round_step(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * one for one in (1, 2, 5, 10) if power * one >= least * (1 - 1e-9))


def _log_ticks(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [10.0**power for power in powers if low <= 10.0**power <= high]
    if len(found) >= 3:
        every = -(-len(found) // 8)
        return found[::every]
    more = (10.0**power * one for power in powers for one in (1, 2, 5))
    return [value for value in more if low <= value <= high]
