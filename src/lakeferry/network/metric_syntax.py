"""Metric math expressions, parsed: `INSIGHT_RULE_METRIC("r","Sum") * 8 / PERIOD(e1)`. Pure.

Source: CloudWatch User Guide, "Using metric math". Known here: numbers, ids, texts, lists in
brackets, + - * / ^, comparisons, AND, OR, and calls of functions.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Constant:
    value: int | float


@dataclass(frozen=True, slots=True)
class Text:
    value: str


@dataclass(frozen=True, slots=True)
class Id:
    name: str


@dataclass(frozen=True, slots=True)
class Listed:
    members: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Operation:
    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Call:
    function: str  # in capitals
    arguments: tuple["Node", ...]


Node = Constant | Text | Id | Listed | Operation | Call

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)
    |(?P<word>[A-Za-z][A-Za-z0-9_]*)
    |(?P<text>"[^"]*"|'[^']*')
    |(?P<sign>==|!=|<=|>=|&&|\|\||[-+*/^<>(),\[\]]))""",
    re.VERBOSE,
)
# Loosest first.
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("OR",), ("AND",), ("==", "!=", "<=", ">=", "<", ">"), ("+", "-"), ("*", "/"), ("^",),
)  # fmt: skip
_ALSO = {"||": "OR", "&&": "AND"}
DEEPEST = 50


class BadExpression(Exception):
    """The expression cannot be parsed or computed; `args[0]` says why."""


class NotFromLogs(BadExpression):
    """The expression is fine, but needs a metric that no log tells."""


def parse_expression(text: str) -> Node:
    """The tree of an expression. Raises BadExpression."""
    parser = _Parser(_tokens(text))
    tree = parser.expression(0)
    if parser.peek() is not None:
        raise BadExpression(f"{parser.peek()!r} was not expected in `{text}`")
    return tree


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise BadExpression(f"{text[at:].strip()[:20]!r} is no part of an expression")
        word = token[token.lastgroup or 0]
        found.append(_ALSO.get(word, word))
        at = token.end()
    return found


class _Parser:
    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, wanted: str | None = None) -> str:
        token = self.peek()
        if token is None or (wanted is not None and token != wanted):
            raise BadExpression(f"{wanted or 'more'!r} was expected, not {token or 'the end'!r}")
        self._at += 1
        return token

    def expression(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._signed()
        left = self.expression(level + 1)
        while (token := self.peek()) is not None and token.upper() in _LEVELS[level]:
            self._take()
            left = Operation(token.upper(), left, self.expression(level + 1))
        return left

    def _signed(self) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise BadExpression(f"nested more than {DEEPEST} deep")
        try:
            if self.peek() in ("-", "+"):
                sign = self._take()
                return Operation(sign, Constant(0), self._signed())
            return self._atom()
        finally:
            self._depth -= 1

    def _atom(self) -> Node:
        token = self._take()
        if token == "(":
            inner = self.expression(0)
            self._take(")")
            return inner
        if token == "[":
            return Listed(self._until("]"))
        if token[0] in "\"'":
            return Text(token[1:-1])
        if token[0].isdigit() or token[0] == ".":
            return Constant(int(token) if token.isdigit() else float(token))
        if not token[0].isalpha():
            raise BadExpression(f"{token!r} was not expected")
        if self.peek() == "(":
            self._take()
            return Call(token.upper(), self._until(")"))
        return Id(token)

    def _until(self, end: str) -> tuple[Node, ...]:
        members: list[Node] = []
        while self.peek() != end:
            members.append(self.expression(0))
            if self.peek() != end:
                self._take(",")
        self._take(end)
        return tuple(members)
