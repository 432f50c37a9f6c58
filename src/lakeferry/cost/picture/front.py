"""The picture of dollars against days over where workers run and which path the bytes take."""

from decimal import Decimal
from itertools import pairwise
from math import hypot
from string import ascii_uppercase

from lakeferry.cost.path.front import Front, Point
from lakeferry.cost.path.money import dollars, exact
from lakeferry.cost.path.names import point_name, why_of
from lakeferry.cost.picture.parts import (
    BOUND,
    CHOSEN,
    EDGE,
    INSTANCE,
    OTHER,
    WIDTH,
    Scale,
    dot,
    free_place,
    grid,
    line,
    scale_of,
)
from lakeferry.network.picture_parts import INK, PALE, Box, Canvas, columns, halves

_LEFT, _HIGH = EDGE + 60, 280
_LETTER = 8  # pixels of a letter at size 12
_NEAR = 20  # further away a text is tied to its point by a line


def front_picture(canvas: Canvas, y: float, found: Front, hours: int) -> float:
    """Draw from `y` on; returns where it ends.

    Args:
        hours: that were asked for: a line across the picture.
    """
    canvas.text(EDGE, y + 16, "Dollars against days", 600, size=16, bold=True)
    for said in halves(_headline(found), columns(WIDTH - 2 * EDGE, 12)):
        canvas.text(EDGE, y + 38, said, WIDTH - 2 * EDGE, colour=PALE)
        y += 17
    if not found.points:
        return y + 56
    top = y + 62
    days = [float(one.days) for one in found.points]
    across = scale_of([*days, hours / 24], _LEFT, WIDTH - EDGE)
    up = scale_of((float(one.quote.total) for one in found.points), top + _HIGH, top)
    grid(canvas, across, up, "days", found.points[0].quote.currency)
    limit = across.at(hours / 24)
    line(canvas, ((limit, top - 4), (limit, up.start)), BOUND, dashed=True, width=1.2)
    anchor = "end" if limit > WIDTH / 2 else "start"
    aside = -4 if anchor == "end" else 4
    asked = f"asked for: {_time(hours)}"
    canvas.text(limit + aside, top - 10, asked, 300, size=11, colour=BOUND, anchor=anchor)
    named = _named(found)
    _dots(canvas, found, named, across, up)
    _letters(canvas, found, named, across, up, limit)
    return _key(canvas, found, named, up.start + 58)


def _headline(found: Front) -> str:
    if found.chosen is None:
        return f"none is chosen: {why_of(found)}"
    one = found.chosen
    least = "at least " if one.quote.at_least else ""
    usd, time = f"{least}{dollars(one.quote.total)}", _time(one.hours)
    return f"chosen: {point_name(one)}, {usd} in {time}: {why_of(found)}"


def _named(found: Front) -> dict[Point, str]:
    """The front and the chosen, by letter, fastest last; beyond 26 by two letters."""
    chosen = [found.chosen] if found.chosen and found.chosen not in found.best else []
    names = [*ascii_uppercase, *(f"{one}{two}" for one in ascii_uppercase for two in "ABCDEF")]
    return dict(zip([*found.best, *chosen], names, strict=False))


def _dots(canvas: Canvas, found: Front, named: dict[Point, str], across: Scale, up: Scale) -> None:
    steps = _steps(found, across, up)
    if len(steps) > 1:
        line(canvas, steps, INSTANCE, width=1.5)
    for one in (*(one for one in found.points if one not in named), *named):
        x, y = across.at(float(one.days)), up.at(float(one.quote.total))
        colour = CHOSEN if one is found.chosen else INSTANCE if one in named else OTHER
        radius = 7 if one is found.chosen else 5 if one in named else 3.5
        dot(canvas, x, y, radius, colour, hollow=one.quote.at_least, tip=_told(one))


def _steps(found: Front, across: Scale, up: Scale) -> list[tuple[float, float]]:
    """The line of the front. Between two options nothing is had, hence steps.

    A lower bound beats nobody, so what is dearer and slower may still belong to the front: as a
    point, beside the line.
    """
    steps: list[tuple[float, float]] = []
    least: Decimal | None = None
    for one in sorted(found.best, key=lambda one: (one.hours, one.quote.total)):
        if least is not None and one.quote.total >= least:
            continue
        least = one.quote.total
        x, y = across.at(float(one.days)), up.at(float(one.quote.total))
        steps += [(x, steps[-1][1]), (x, y)] if steps else [(x, y)]
    return steps


def _letters(
    canvas: Canvas,
    found: Front,
    named: dict[Point, str],
    across: Scale,
    up: Scale,
    limit: float,
) -> None:
    """A letter near each point of the front, and the name of the chosen; none covers another."""
    inside = Box(_LEFT + 4, up.end + 2, WIDTH - EDGE - _LEFT - 8, _HIGH - 6)
    taken = [_around(one, across, up) for one in found.points]
    steps = _steps(found, across, up)
    taken += [_between(one, other) for one, other in pairwise(steps)]
    taken.append(_between((limit, up.end), (limit, up.start)))
    for one, letter in named.items():
        said = f"{letter}: {point_name(one)}" if one is found.chosen else letter
        x, y = across.at(float(one.days)), up.at(float(one.quote.total))
        at = free_place(x, y, len(said) * _LETTER + 4, 16, taken, inside)
        if at is None:
            continue  # the list below names it
        taken.append(at)
        colour = CHOSEN if one is found.chosen else INSTANCE
        near_x, near_y = min(max(x, at.x), at.right), min(max(y, at.y), at.bottom)
        if hypot(near_x - x, near_y - y) > _NEAR:
            line(canvas, ((x, y), (near_x, near_y)), colour, width=0.8)
        middle = at.x + at.width / 2
        canvas.text(
            middle, at.y + 12, said, at.width + 20, colour=colour, bold=True, anchor="middle"
        )


def _around(one: Point, across: Scale, up: Scale) -> Box:
    x, y = across.at(float(one.days)), up.at(float(one.quote.total))
    return Box(x - 8, y - 8, 16, 16)


def _between(one: tuple[float, float], other: tuple[float, float]) -> Box:
    """What a straight line takes, which goes across or down."""
    x, y = min(one[0], other[0]) - 1, min(one[1], other[1]) - 1
    return Box(x, y, abs(one[0] - other[0]) + 2, abs(one[1] - other[1]) + 2)


def _key(canvas: Canvas, found: Front, named: dict[Point, str], y: float) -> float:
    """The options of the front by letter, with their figures."""
    for one, letter in named.items():
        is_chosen = one is found.chosen
        ink = CHOSEN if is_chosen else INK
        said = f"{letter}: {_told(one)}" + ("  (chosen)" if is_chosen else "")
        canvas.text(EDGE, y, said, WIDTH - 2 * EDGE, bold=is_chosen, colour=ink)
        y += 18
    others = len(found.points) - len(named)
    if others:
        said = f"grey: {others} more; for each, one of these costs no more and takes no longer"
        canvas.text(EDGE, y, said, WIDTH - 2 * EDGE, size=11, colour=PALE)
        y += 16
    if any(one.quote.at_least for one in found.points):
        said = "hollow: some price is missing, so the dollars are a lower bound"
        canvas.text(EDGE, y, said, WIDTH - 2 * EDGE, size=11, colour=PALE)
        y += 16
    return y


def _told(one: Point) -> str:
    least = "at least " if one.quote.at_least else ""
    return f"{point_name(one)}: {least}{dollars(one.quote.total)}, {_time(one.hours)}"


@exact()
def _time(hours: int) -> str:
    if hours < 48:
        return f"{hours} h"
    shown = f"{Decimal(hours) / 24:,.1f}"
    return f"{shown.removesuffix('.0')} days"
