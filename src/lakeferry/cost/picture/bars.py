"""The picture of what each path costs: a bar for each, stacked by kind of line."""

from collections.abc import Sequence
from decimal import Decimal
from textwrap import wrap

from lakeferry.cost.path.money import dollars
from lakeferry.cost.path.quote import Part, Quote
from lakeferry.cost.picture.parts import (
    AXIS,
    BOUND,
    CHOSEN,
    COLOURS,
    EDGE,
    GRID,
    ON_COLOUR,
    WIDTH,
    Scale,
    block,
    line,
    short,
)
from lakeferry.network.picture_parts import INK, PALE, Box, Canvas, cells, columns

Named = tuple[str, Quote]

_LABEL_W, _TOTAL_W = 305, 225
_BAR, _GAP = 24, 12
_CELL = 7  # pixels of a character at size 11


def bars(canvas: Canvas, y: float, quotes: Sequence[Named], taken: str | None) -> float:
    """Draw from `y` on; returns where it ends."""
    canvas.text(EDGE, y + 16, "Cost by path, by kind of line", 600, size=16, bold=True)
    if not quotes:
        canvas.text(EDGE, y + 40, "no path leads from this source", 600, colour=PALE)
        return y + 60
    y = _legend(canvas, y + 40, quotes)
    high = max(float(_positive(quote)) for _, quote in quotes) or 1.0
    low = min(float(quote.of("credits")) for _, quote in quotes)
    scale = Scale(low, high, EDGE + _LABEL_W, WIDTH - EDGE - _TOTAL_W)
    bottom = y + len(quotes) * (_BAR + _GAP)
    for value in scale.ticks():
        x = scale.at(value)
        line(canvas, ((x, y - 4), (x, bottom)), GRID)
        canvas.text(x, bottom + 14, short(value), 60, size=11, colour=PALE, anchor="middle")
    line(canvas, ((scale.at(0), y - 4), (scale.at(0), bottom)), AXIS)
    for number, (name, quote) in enumerate(quotes):
        at = y + number * (_BAR + _GAP)
        _bar(canvas, at, scale, name, quote, is_taken=name == taken)
    said = f"{quotes[0][1].currency}, exact totals rounded once"
    canvas.text(scale.end, bottom + 30, said, 400, size=11, colour=PALE, anchor="end")
    return _unpriced(canvas, bottom + 54, quotes)


def _positive(quote: Quote) -> Decimal:
    return sum((usd for _, usd in _shares(quote) if usd > 0), Decimal(0))


def _shares(quote: Quote) -> list[tuple[Part, Decimal]]:
    return [(part, usd) for part in COLOURS if (usd := quote.of(part))]


def _bar(
    canvas: Canvas, y: float, scale: Scale, name: str, quote: Quote, *, is_taken: bool
) -> None:
    ink = CHOSEN if is_taken else INK
    canvas.text(
        EDGE + _LABEL_W - 10, y + 16, name, _LABEL_W - 10, anchor="end", bold=is_taken, colour=ink
    )
    right, left = 0.0, 0.0
    for part, exact_usd in _shares(quote):
        usd = float(exact_usd)
        start, end = (right, right + usd) if usd > 0 else (left + usd, left)
        right, left = (end, left) if usd > 0 else (right, start)
        box = Box(scale.at(start), y, max(scale.at(end) - scale.at(start), 1), _BAR)
        block(canvas, box, COLOURS[part], f"{name}, {part}: {dollars(exact_usd)}")
        said = dollars(exact_usd)
        if len(said) * _CELL + 10 < box.width:
            middle = box.x + box.width / 2
            canvas.text(middle, y + 16, said, box.width, size=11, colour=ON_COLOUR, anchor="middle")
    least = "at least " if quote.at_least else ""
    said = f"{least}{dollars(quote.total)}{'  taken' if is_taken else ''}"
    canvas.text(scale.at(right) + 8, y + 16, said, _TOTAL_W - 8, bold=True, colour=ink)


def _legend(canvas: Canvas, y: float, quotes: Sequence[Named]) -> float:
    """The kinds that are met, in rows; returns where the bars may begin."""
    x = float(EDGE)
    met = {part for _, quote in quotes for part, _ in _shares(quote)}
    for part in COLOURS:
        if part not in met:
            continue
        wide = 18 + cells(part) * 7.5 + 18
        if x + wide > WIDTH - EDGE:
            x, y = float(EDGE), y + 20
        block(canvas, Box(x, y - 10, 12, 12), COLOURS[part])
        canvas.text(x + 18, y, part, wide, size=12, colour=PALE)
        x += wide
    return y + 20


def _unpriced(canvas: Canvas, y: float, quotes: Sequence[Named]) -> float:
    """What has no price, by name: the bars do not show it."""
    by_item: dict[str, list[str]] = {}
    for name, quote in quotes:
        for one in quote.unpriced:
            by_item.setdefault(one.item, []).append(name)
    by_names: dict[tuple[str, ...], list[str]] = {}
    for item, names in by_item.items():
        by_names.setdefault(tuple(names), []).append(item)
    for where, items in by_names.items():
        paths = "any path" if len(where) == len(quotes) else ", ".join(where)
        said = f"without a price, and in no bar, of {paths}: {'; '.join(items)}"
        for row in wrap(said, columns(WIDTH - 2 * EDGE, 11), subsequent_indent="  "):
            canvas.text(EDGE, y, row, WIDTH - 2 * EDGE, size=11, colour=BOUND)
            y += 16
    return y
