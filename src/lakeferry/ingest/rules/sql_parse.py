"""Text of a condition or of a generation expression -> what it says. Pure.

A small part of Spark's SQL with Spark's precedence; where its settings or versions differ about the
meaning of a text, the text is not taken: two strings side by side, backslashes, hints, comments.

Source: apache/spark `SqlBaseParser.g4`, `booleanExpression`, `valueExpression`, `predicate`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from lakeferry.ingest.rules.sql_nodes import Apply, Literal, Name, NotTaken, Written

DEEPEST = 100  # levels of parentheses, signs, sums and NOT; what people write has a few
_TOKEN = re.compile(
    r"(?P<blank>\s+)"
    r"|(?P<double>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+[dD]?|[dD])(?!\w))"
    r"|(?P<fraction>(?:\d+\.\d*|\.\d+)(?![\w.]))"
    r"|(?P<whole>\d+[lL]?(?!\w))"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|`(?P<quoted>(?:[^`]|``)+)`"
    r"|'(?P<text>[^'\\]*)'"
    r'|"(?P<either>[^"\\]*)"'
    r"|(?P<sign><=>|<=|>=|<>|!=|==|[=<>(),.+\-*/%!])",
    re.ASCII,  # of figures and blanks, as in Spark; texts and quoted names have any signs
)
_COMPARED = ("=", "==", "<>", "!=", "<", "<=", ">", ">=", "<=>")
_RESERVED = frozenset(
    {"AND", "OR", "NOT", "IN", "IS", "BETWEEN", "LIKE", "NULL", "TRUE", "FALSE", "CASE", "WHEN"}
    | {"THEN", "ELSE", "END", "FROM", "FOR", "AS", "ESCAPE", "RLIKE", "ILIKE", "REGEXP", "DIV"}
    | {"EXISTS", "INTERVAL", "SELECT", "DISTINCT", "COLLATE"}
)


def parse_sql(text: str) -> Written:
    """What a text says.

    Raises:
        NotTaken: it is none of the language.
    """
    return _Parser(list(_tokens(text))).whole()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # of `_TOKEN`, or 'end'
    text: str

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text.upper() in words

    def is_sign(self, *signs: str) -> bool:
        return self.kind == "sign" and self.text in signs

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else f"`{self.text}`"


def _tokens(text: str) -> Iterator[_Token]:
    at, before = 0, ""
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or text.startswith(("--", "/*"), at):
            raise NotTaken(f"`{text[at : at + 10]}` is not understood")
        kind = str(found.lastgroup)
        if kind in ("text", "either") and before in ("text", "either"):
            raise NotTaken("two strings side by side mean one or another to versions of Spark")
        if kind != "blank":
            yield _Token(kind, found[kind].replace("``", "`") if kind == "quoted" else found[kind])
            before = kind
        at = found.end()
    yield _Token("end", "")


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._deep = 0

    def whole(self) -> Written:
        found = self._either()
        if self._next.kind != "end":
            raise NotTaken(f"{self._next} is not understood where it stands")
        return found

    # --- tokens -----------------------------------------------------------------------------

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._next
        self._at += token.kind != "end"
        return token

    def _took(self, *words: str) -> bool:
        """Whether these words come next, in any case; then they are behind us."""
        ahead = self._tokens[self._at : self._at + len(words)]
        if len(ahead) < len(words) or not all(
            token.is_word(word) for token, word in zip(ahead, words, strict=True)
        ):
            return False
        self._at += len(words)
        return True

    def _took_sign(self, *signs: str) -> str:
        return self._take().text if self._next.is_sign(*signs) else ""

    def _want(self, sign: str) -> None:
        if not self._took_sign(sign):
            raise NotTaken(f"{self._next} stands where `{sign}` is wanted")

    def _deeper(self) -> None:
        self._deep += 1
        if self._deep > DEEPEST:
            raise NotTaken(f"it is nested deeper than {DEEPEST} levels")

    # --- conditions, the loosest first ------------------------------------------------------

    def _either(self) -> Written:
        found = [self._both()]
        while self._took("OR"):
            found.append(self._both())
        return found[0] if len(found) == 1 else Apply("OR", tuple(found))

    def _both(self) -> Written:
        found = [self._negated()]
        while self._took("AND"):
            found.append(self._negated())
        return found[0] if len(found) == 1 else Apply("AND", tuple(found))

    def _negated(self) -> Written:
        if self._took("NOT") or self._took_sign("!"):
            self._deeper()
            found = Apply("NOT", (self._negated(),))
            self._deep -= 1
            return found
        return self._predicated()

    def _predicated(self) -> Written:
        """A comparison, and at most one of IS, IN, BETWEEN and LIKE behind all of it."""
        left = self._compared()
        if self._took("IS"):
            return self._is(left)
        negated = self._took("NOT")
        if self._took("BETWEEN"):
            low = self._compared()
            if not self._took("AND"):
                raise NotTaken(f"{self._next} stands where AND is wanted")
            bounds = Apply(">=", (left, low)), Apply("<=", (left, self._compared()))
            found = Apply("AND", bounds)
        elif self._took("IN"):
            found = Apply("IN", (left, *self._list()))
        elif self._took("LIKE"):
            found = Apply("LIKE", (left, self._sum()))
        elif negated:
            raise NotTaken(f"{self._next} is not understood behind NOT")
        else:
            return left
        return Apply("NOT", (found,)) if negated else found

    def _is(self, left: Written) -> Written:
        negated = self._took("NOT")
        word = next((one for one in ("NULL", "TRUE", "FALSE") if self._took(one)), None)
        if word is None:
            raise NotTaken(f"{self._next} is not understood behind IS")
        found = Apply(f"IS {word}", (left,))
        return Apply("NOT", (found,)) if negated else found

    def _list(self) -> tuple[Written, ...]:
        self._want("(")
        found = [self._either()]
        while self._took_sign(","):
            found.append(self._either())
        self._want(")")
        return tuple(found)

    # --- values -----------------------------------------------------------------------------

    def _compared(self) -> Written:
        left = self._sum()
        sign = self._took_sign(*_COMPARED)
        if not sign:
            return left
        found = Apply({"==": "=", "!=": "<>"}.get(sign, sign), (left, self._sum()))
        if self._next.is_sign(*_COMPARED):
            raise NotTaken("one comparison of another's outcome")
        return found

    def _sum(self) -> Written:
        left = self._product()
        while sign := self._took_sign("+", "-"):
            self._deeper()
            left = Apply(sign, (left, self._product()))
        return left

    def _product(self) -> Written:
        left = self._signed()
        while sign := self._took_sign("*", "/", "%"):
            self._deeper()
            left = Apply(sign, (left, self._signed()))
        return left

    def _signed(self) -> Written:
        sign = self._took_sign("-", "+")
        if not sign:
            return self._primary()
        if sign == "-" and self._next.kind in ("whole", "fraction", "double"):
            return _number(self._take(), "-")
        self._deeper()
        found = self._signed()
        self._deep -= 1
        return Apply("-", (Literal("whole", 0), found)) if sign == "-" else found

    def _primary(self) -> Written:
        token = self._take()
        match token.kind:
            case "whole" | "fraction" | "double":
                return _number(token)
            case "text":
                return Literal("text", token.text)
            case "either":  # a string, unless Spark was told to take such for names
                return Literal("either", token.text)
            case "quoted":
                return self._name(token)
            case "word":
                return self._of_word(token)
        if not token.is_sign("("):
            raise NotTaken(f"{token} is not understood where it stands")
        self._deeper()
        found = self._either()
        self._deep -= 1
        self._want(")")
        return found

    def _of_word(self, token: _Token) -> Written:
        word = token.text.upper()
        if word in ("TRUE", "FALSE"):
            return Literal("boolean", word == "TRUE")
        if word == "NULL":
            return Literal("null")
        if self._next.kind == "text":
            return _typed(word, self._take().text)
        if word in _RESERVED:
            raise NotTaken(f"`{token.text}` is not understood where it stands")
        if self._next.is_sign("("):
            return self._call(word)
        return self._name(token)

    def _name(self, token: _Token) -> Name:
        path = [token.text]
        while self._took_sign("."):
            inner = self._take()
            if inner.kind not in ("word", "quoted"):
                raise NotTaken(f"{inner} stands where the name of a field is wanted")
            path.append(inner.text)
        return Name(tuple(path))

    def _call(self, word: str) -> Written:
        self._deeper()
        self._want("(")
        args = [] if self._next.is_sign(")") else [self._either()]
        if word in ("CAST", "TRY_CAST") and self._took("AS"):
            args.append(Literal("type", self._take().text.upper()))
        elif word in ("SUBSTRING", "SUBSTR") and self._took("FROM"):
            args.append(self._either())
            if self._took("FOR"):
                args.append(self._either())
        while self._took_sign(","):
            args.append(self._either())
        self._want(")")
        self._deep -= 1
        return Apply(word, tuple(args))


def day_of(text: str) -> date:
    """The day of `2026-11-26`. Raises NotTaken."""
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise NotTaken(f"'{text}' is no date like 2026-11-26")


def _number(token: _Token, sign: str = "") -> Literal:
    text = sign + token.text
    if token.kind == "whole":
        return Literal("whole", int(text.rstrip("lL")), text[-1] in "lL")
    if token.kind == "fraction":
        return Literal("fraction", Decimal(text))
    return Literal("double", float(text.rstrip("dD")))


def _typed(word: str, text: str) -> Literal:
    """`DATE '2026-11-26'`."""
    if word == "DATE":
        return Literal("date", day_of(text))
    if word == "TIMESTAMP":
        return Literal("timestamp", text)
    if word == "TIMESTAMP_NTZ":
        return Literal("timestamp_ntz", text)
    raise NotTaken(f"`{word} '{text}'` is not understood")
