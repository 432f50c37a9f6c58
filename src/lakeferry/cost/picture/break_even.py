"""The picture of NAT instances against NAT gateways over the volume, with what they can carry."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import permutations, product

from lakeferry.cost.path.break_even import break_even
from lakeferry.cost.path.money import dollars, exact
from lakeferry.cost.path.quote import Quote
from lakeferry.cost.picture.parts import (
    BOUND,
    CHOSEN,
    EDGE,
    GATEWAY,
    INSTANCE,
    WIDTH,
    Scale,
    dot,
    grid,
    line,
    scale_of,
)
from lakeferry.network.picture_parts import INK, PALE, Canvas, cells

_LEFT, _HIGH = EDGE + 60, 250
_STEPS = 120  # pieces of a curve
_CELL = 6.9  # pixels of a character at size 11
_FLAG = 17  # height of a line of text above the chart


@dataclass(frozen=True, slots=True)
class Way:
    """Dollars of one kind of NAT device: what the time costs, and each GB on the wire."""

    name: str
    fixed: Decimal
    per_gb: Decimal

    @exact()
    def at(self, gb: Decimal) -> Decimal:
        return self.fixed + gb * self.per_gb


@dataclass(frozen=True, slots=True)
class Crossing:
    """Both ways over the volume. GB are of 2^30 bytes on the wire."""

    gateway: Way
    instance: Way
    planned_gb: Decimal
    capacity_gb: Decimal  # what the instances carry in the time, with one of them lost
    bound: str  # how that is reckoned

    @property
    def gb(self) -> Decimal | None:
        """From which on instances are cheaper; None: never, as a GB by them costs no less."""
        if self.instance.per_gb >= self.gateway.per_gb:
            return None
        ways = self.instance, self.gateway
        return break_even(ways[0].fixed, ways[0].per_gb, ways[1].fixed, ways[1].per_gb)

    @property
    def said(self) -> str:
        found = self.gb
        if found is None:
            return "a GB by instances costs no less: gateways are never dearer for their bytes"
        if found <= 0:
            return f"instances are cheaper from the first byte, up to {_gb(self.capacity_gb)}"
        said = f"instances are cheaper from {_gb(found)} on"
        if found >= self.capacity_gb:
            return f"{said}, and carry only {_gb(self.capacity_gb)}: gateways"
        return f"{said}, and carry {_gb(self.capacity_gb)}"


@exact()
def way_of(name: str, quote: Quote, wire_gb: Decimal) -> Way | None:
    """The NAT part of a migration's quote; None where one of its lines has no price."""
    lines = [one for one in quote.lines if one.part in ("network path", "standby")]
    if any(one.usd is None for one in lines):
        return None
    by_bytes = [one.usd for one in lines if one.grows_with == "bytes" and one.usd is not None]
    fixed = [one.usd for one in lines if one.grows_with != "bytes" and one.usd is not None]
    bytes_usd, fixed_usd = sum(by_bytes, Decimal(0)), sum(fixed, Decimal(0))
    return Way(name, fixed_usd, bytes_usd / wire_gb if wire_gb else Decimal(0))


def crossing_picture(canvas: Canvas, y: float, found: Crossing | None, why: str = "") -> float:
    """Draw from `y` on; returns where it ends. Without a crossing, `why` there is none."""
    title = "NAT instances against NAT gateways, by volume"
    canvas.text(EDGE, y + 16, title, 800, size=16, bold=True)
    said = found.said if found else why
    canvas.text(EDGE, y + 38, said, WIDTH - 2 * EDGE, colour=PALE)
    if found is None:
        return y + 56
    marks = _marks(found)
    top = y + 66 + len(marks) * _FLAG
    across, up = _scales(found, top)
    grid(canvas, across, up, "GB of 2^30 bytes on the wire", "USD")
    flags = [_Flag(across.at(float(gb)), text, colour) for gb, text, colour in marks]
    for number, one in enumerate(_arranged(flags)):
        _draw_flag(canvas, one, top - 20 - number * _FLAG, up.start)
    _curves(canvas, found, across, up)
    _key(canvas, found, up.start + 34)
    return up.start + 52


def _scales(found: Crossing, top: float) -> tuple[Scale, Scale]:
    volumes = [float(one) for one in (found.planned_gb, found.capacity_gb, found.gb) if one]
    positive = [one for one in volumes if one > 0] or [1.0]
    # Always a thousandfold, so that both the flat and the rising part of a gateway's cost show.
    low, high = min(*positive, max(positive) / 1_000), max(positive) * 1.6
    across = Scale(low, high, _LEFT, WIDTH - EDGE, is_log=True)
    ends = [Decimal(low), Decimal(high)]
    usd = [float(way.at(gb)) for way in (found.gateway, found.instance) for gb in ends]
    positive_usd = [one for one in usd if one > 0] or [1.0]
    return across, scale_of(positive_usd, top + _HIGH, top)


def _marks(found: Crossing) -> list[tuple[Decimal, str, str]]:
    marks = [(found.planned_gb, f"planned {_gb(found.planned_gb)}", INK)]
    marks.append((found.capacity_gb, f"capacity {_gb(found.capacity_gb)}: {found.bound}", BOUND))
    if found.gb is not None and found.gb > 0:
        usd = dollars(found.gateway.at(found.gb))
        marks.append((found.gb, f"break-even {_gb(found.gb)}, {usd} each", CHOSEN))
    return [one for one in marks if one[0] > 0]


@dataclass(frozen=True, slots=True)
class _Flag:
    """A line at a volume, with its text in a row of its own above the chart."""

    x: float
    text: str
    colour: str
    is_left: bool = False  # the text is left of the line

    @property
    def span(self) -> tuple[float, float]:
        """What the text takes."""
        wide = cells(self.text) * _CELL
        return (self.x - 4 - wide, self.x - 4) if self.is_left else (self.x + 4, self.x + 4 + wide)


def _arranged(flags: Sequence[_Flag]) -> Sequence[_Flag]:
    """From the lowest row up, with sides such that no line goes through another's text."""

    def badness(row: Sequence[_Flag]) -> int:
        crossed = sum(
            below.span[0] - 2 <= above.x <= below.span[1] + 2
            for at, below in enumerate(row)
            for above in row[at + 1 :]
        )
        outside = sum(one.span[0] < EDGE or one.span[1] > WIDTH - EDGE for one in row)
        return crossed + len(row) * outside

    sided = product(*([replace(one, is_left=left) for left in (False, True)] for one in flags))
    return min((row for one in sided for row in permutations(one)), key=badness)


def _draw_flag(canvas: Canvas, flag: _Flag, y: float, bottom: float) -> None:
    line(canvas, ((flag.x, y + 4), (flag.x, bottom)), flag.colour, dashed=True, width=1.2,
         tip=flag.text)  # fmt: skip
    anchor, at = ("end", flag.x - 4) if flag.is_left else ("start", flag.x + 4)
    room = at - EDGE if flag.is_left else WIDTH - EDGE - at
    canvas.text(at, y + 2, flag.text, room, size=11, colour=flag.colour, anchor=anchor, bold=True)


def _curves(canvas: Canvas, found: Crossing, across: Scale, up: Scale) -> None:
    most = float(found.capacity_gb)
    volumes = sorted({*_volumes(across), min(max(most, across.low), across.high)})
    for way, colour in ((found.gateway, GATEWAY), (found.instance, INSTANCE)):
        points = [(gb, float(way.at(Decimal(gb)))) for gb in volumes]
        drawn = [(gb, across.at(gb), up.at(usd)) for gb, usd in points if usd > 0]
        is_bound = way is found.instance
        inside = [(x, y) for gb, x, y in drawn if not is_bound or gb <= most]
        if len(inside) > 1:
            line(canvas, inside, colour, width=2.5, tip=way.name)
        beyond: Sequence[tuple[float, float]] = [(x, y) for gb, x, y in drawn if gb >= most]
        if is_bound and len(beyond) > 1:
            line(canvas, beyond, colour, width=1.2, dashed=True, tip=f"{way.name}: more are needed")
    if found.gb is not None and found.gb > 0:
        usd = found.gateway.at(found.gb)
        if usd > 0:
            tip = f"break-even: {_gb(found.gb)}, {dollars(usd)}"
            dot(canvas, across.at(float(found.gb)), up.at(float(usd)), 5, CHOSEN, tip=tip)


def _volumes(across: Scale) -> list[float]:
    return [
        across.low * (across.high / across.low) ** (step / _STEPS) for step in range(_STEPS + 1)
    ]


def _key(canvas: Canvas, found: Crossing, y: float) -> None:
    x = float(_LEFT)
    for way, colour in ((found.gateway, GATEWAY), (found.instance, INSTANCE)):
        line(canvas, ((x, y - 4), (x + 22, y - 4)), colour, width=2.5)
        canvas.text(x + 28, y, way.name, 280, size=11)
        x += 28 + len(way.name) * 7 + 24


def _gb(value: Decimal) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".") + " GB"
