"""Dollar figures in texts: where they stand, and what they say. See test_dollar_figures.py."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

_NUMBER = r"-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|-?[0-9]+(?:\.[0-9]+)?"
# What follows a number that counts something else than money.
_COUNTED = r"\s*(?:%|[KMGT]i?B\b|PiB\b|PB\b|bytes\b|Gbit|days?\b|hours?\b|h\b|s\b|ms\b|x\b|MB/s)"

_MONEY = (
    rf"(?:US)?\$\s?(?P<a>{_NUMBER})",
    rf"(?:USD|usd)\s(?P<b>{_NUMBER})(?!{_COUNTED})",
    rf"(?P<c>{_NUMBER})\s?(?:USD|dollars?|cents?)\b",
    # `limit_usd: 20000`, `--push-usd-hour 0.8`, `usd_per_gb=0.05`, `"usd": "0.05"`
    rf"\busd[a-z_-]*[\"'`]?\s*[:= ]\s*[\"'`]?(?P<d>{_NUMBER})\b",
    rf"_usd[a-z_]*[\"'`]?\s*[:=]\s*[\"'`]?(?P<e>{_NUMBER})\b",
    rf"-usd[a-z-]*[ =](?P<f>{_NUMBER})\b",
    rf"\"price\":\s*\"(?P<g>{_NUMBER})\"",
    rf"--price\s+\S+?=(?P<h>{_NUMBER})\b",
    rf"\bprice:\s*\{{\s*[\w.-]+:\s*(?P<j>{_NUMBER})",
    rf"\bcredits[\"'`]?\s*[:= ]\s*(?P<k>{_NUMBER})\b",
    # Cents after thousands are money, wherever they stand.
    rf"(?<![\w.,$])(?P<i>-?[0-9]{{1,3}}(?:,[0-9]{{3}})+\.[0-9]{{2,}})\b(?!{_COUNTED})",
)
_FIGURE = re.compile("|".join(_MONEY))
# On a page that speaks of money, what has cents is money, unless it counts something or is a
# version.
_CENTS = re.compile(
    rf"(?<![\w.,$-])(?<!Python )(?<!SQLite )-?[0-9]+\.[0-9]{{2,}}\b(?!\.[0-9]|%|{_COUNTED})"
)
_OF_MONEY = re.compile(r"\b(USD|dollars?)\b|\$[0-9]")
_SHOWN = re.compile(r"(?<![\w.,-])-?[0-9][0-9,]*\.[0-9]{2,}(?![\w.])")
_SAID = re.compile(r"  # -> (.*)$", re.MULTILINE)
_FENCE = re.compile(r"^```([a-z]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a text."""

    text: str  # as it stands: `113,505.46`
    line: int  # from 1

    @property
    def usd(self) -> Decimal:
        return Decimal(self.text.replace(",", ""))

    @property
    def places(self) -> int:
        """Digits after the point."""
        return len(self.text.partition(".")[2])


@dataclass(frozen=True, slots=True)
class Output:
    """What a document shows as the answer of a command: a block `text` after one without a name."""

    command: str  # the last of the block before
    lines: tuple[str, ...]
    line: int

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Every number with two digits after the point or more, whatever it counts."""
        return tuple(
            Figure(found[0], self.line + at)
            for at, line in enumerate(self.lines, 1)
            for found in _SHOWN.finditer(line)
        )


def figures_in(text: str) -> Iterator[Figure]:
    """The dollar figures of a text, but for what commands answer in it (see `outputs_in`)."""
    rest = _SAID.sub("", text)  # what Python prints is held to what it does print
    for output in outputs_in(text):
        shown = "\n".join(output.lines)
        rest = rest.replace(shown, "\n" * (len(output.lines) - 1), 1)
    has_cents = bool(_OF_MONEY.search(text))
    for number, line in enumerate(rest.splitlines(), 1):
        said = [next(one for one in found.groups() if one) for found in _FIGURE.finditer(line)]
        if has_cents:
            said += (one for one in _CENTS.findall(line) if one not in said)
        yield from (Figure(one, number) for one in said)


def outputs_in(text: str) -> Iterator[Output]:
    """Each answer that is shown, with its command."""
    command = ""
    for block in _FENCE.finditer(text):
        name, body = block.groups()
        if not name:
            typed = [line for line in body.replace("\\\n", " ").splitlines() if line.strip()]
            command = " ".join(typed[-1].split()) if typed else ""
        elif name == "text" and command:
            line = text.count("\n", 0, block.start(2))
            yield Output(command, tuple(body.rstrip("\n").split("\n")), line)
            command = ""
        else:
            command = ""


def told_wrong(text: str) -> Iterator[str]:
    """Run the blocks of Python in a text, one after another, in the working directory.

    Yields what an expression prints other than the `# ->` after it says.
    """
    names: dict[str, object] = {}
    for block in _FENCE.finditer(text):
        name, body = block.groups()
        if name == "python":
            lines = body.splitlines()
            for part in ast.parse(body).body:
                said = _SAID.search(lines[(part.end_lineno or 1) - 1])
                source = ast.unparse(part)
                if said is None:
                    exec(source, names)
                elif (printed := str(eval(source, names))) != said[1]:
                    yield f"`{source}` is {printed}, not {said[1]}"
