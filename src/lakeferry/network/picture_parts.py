"""Boxes, lines and texts of an SVG. A text is cut to the width that it has. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from unicodedata import combining, east_asian_width
from xml.sax.saxutils import escape

_FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_CELL = 0.62  # width of a character, of the font's size; monospaced fonts have 0.6
INK, PALE, GROUND = "#0f172a", "#475569", "#f8fafc"
_PAD = 12


@dataclass(frozen=True, slots=True)
class Box:
    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


@dataclass(slots=True)
class Canvas:
    """Parts in the order in which they are drawn: later ones cover earlier ones."""

    width: float
    parts: list[str] = field(default_factory=list)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        width: float,
        *,
        size: int = 12,
        colour: str = INK,
        bold: bool = False,
        anchor: str = "start",
    ) -> None:
        """A text on one line, at most `width` wide; the whole of a cut one in its tooltip."""
        shown = cut(text, columns(width, size))
        weight = ' font-weight="600"' if bold else ""
        side = f' text-anchor="{anchor}"' if anchor != "start" else ""
        tip = f"<title>{plain(text)}</title>" if shown != text else ""
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{colour}"{weight}{side}>'
            f"{tip}{plain(shown)}</text>"
        )

    def box(
        self, at: Box, title: str, details: Sequence[str] = (), *, stroke: str, mark: str = ""
    ) -> None:
        """A titled box; `mark` stands in its corner, and the title leaves it room."""
        self.parts.append(
            f'<rect x="{at.x:g}" y="{at.y:g}" width="{at.width:g}" height="{at.height:g}" rx="6" '
            f'fill="#ffffff" stroke="{stroke}" stroke-width="1.5"/>'
        )
        inner = at.width - 2 * _PAD
        room = (cells(mark) + 1) * 12 * _CELL if mark else 0
        self.text(at.x + _PAD, at.y + 21, title, inner - room, size=13, bold=True)
        for number, detail in enumerate(details):
            self.text(at.x + _PAD, at.y + 38 + 14 * number, detail, inner, size=11, colour=PALE)
        if mark:
            self.text(
                at.right - _PAD, at.y + 21, mark, inner, colour="#b91c1c", bold=True, anchor="end"
            )

    def curve(self, start: tuple[float, float], end: tuple[float, float], *, colour: str,
              dashed: bool = False, tip: str = "") -> None:  # fmt: skip
        (x, y), (to_x, to_y) = start, end
        bend = (to_x - x) / 2
        dash = ' stroke-dasharray="6 4"' if dashed else ""
        by = f"C{x + bend:g} {y:g} {to_x - bend:g} {to_y:g}"
        self.parts.append(
            f'<path d="M{x:g} {y:g} {by} {to_x:g} {to_y:g}" fill="none" stroke="{colour}" '
            f'stroke-width="1.6"{dash}><title>{plain(tip)}</title></path>'
        )

    def label(self, x: float, y: float, text: str, width: float, *, colour: str) -> None:
        """A text over lines, on its own ground."""
        shown = cut(text, columns(width, 12))
        wide = cells(shown) * 12 * _CELL + 8
        self.parts.append(
            f'<rect x="{x - 4:g}" y="{y - 13:g}" width="{wide:g}" height="18" fill="{GROUND}"/>'
        )
        self.text(x, y, text, width, colour=colour, bold=True)

    def document(
        self,
        height: float,
        *,
        title: str = "",
        about: str = "",
        dark: Mapping[str, str] | None = None,
    ) -> str:
        """The whole picture.

        Args:
            height: where it ends.
            title, about: what a screen reader says.
            dark: colour -> the one that takes its place where the reader's system is dark.
        """
        head = f"<title>{plain(title)}</title>\n" if title else ""
        head += f"<desc>{plain(about)}</desc>\n" if about else ""
        body = "\n".join(self.parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width:g}" height="{height:g}" '
            f'viewBox="0 0 {self.width:g} {height:g}" role="img" font-family="{_FONT}">\n'
            f"{head}{_style(dark or {})}"
            f'<rect width="100%" height="100%" fill="{GROUND}"/>\n{body}\n</svg>\n'
        )


def _style(dark: Mapping[str, str]) -> str:
    """Colours stand at each part; where it is dark, a rule by colour changes them."""
    if not dark:
        return ""
    rules = "".join(
        f'[fill="{one}"]{{fill:{other}}}[stroke="{one}"]{{stroke:{other}}}'
        for one, other in dark.items()
    )
    return f"<style>@media (prefers-color-scheme:dark){{{rules}}}</style>\n"


def columns(width: float, size: int) -> int:
    """How many characters of a size fit into a width."""
    return int(width / (size * _CELL))


def halves(text: str, most: int = 30) -> tuple[str, ...]:
    """A text on one line, or on two that break at a blank or after a dot."""
    if cells(text) <= most:
        return (text,)
    first = _begin(text, most)
    at = max(first.rfind(" "), first.rfind(".")) + 1
    at = at if at > most // 3 else len(first)
    return text[:at].rstrip(), text[at:]


def cells(text: str) -> int:
    """How many columns a monospaced font takes."""
    return sum(0 if combining(one) else 2 if east_asian_width(one) in "WF" else 1 for one in text)


def cut(text: str, most: int) -> str:
    """A text of at most `most` columns: its middle is left out, for ids differ at their ends."""
    if cells(text) <= most:
        return text
    if most < 3:
        return "…"[:most]
    head, tail = (most - 1) - (most - 1) // 3, (most - 1) // 3
    return f"{_begin(text, head)}…{_begin(text[::-1], tail)[::-1]}"


def _begin(text: str, most: int) -> str:
    kept, used = "", 0
    for one in text:
        used += cells(one)
        if used > most:
            break
        kept += one
    return kept


def plain(text: str) -> str:
    """Text as XML takes it; control characters, which it does not, as blanks."""
    return escape("".join(one if one.isprintable() else " " for one in text), {'"': "&quot;"})
