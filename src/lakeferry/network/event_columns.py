"""Columns of log events, looked at as texts, as codes of distinct texts, and as exact numbers.

Each view is made once a batch, when the first rule asks for it, and shared by all rules.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Number = int | Fraction

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_DIGITS = 18  # that many always fit 64 bits
_LONGEST = 400  # characters; beyond, no double could hold the number that CloudWatch keeps


def exact_number(text: str) -> Number | None:
    """The number that a token states, without rounding; None where it states none.

    A number that no double can hold is none: CloudWatch's values are doubles.
    """
    if len(text) > _LONGEST or not _NUMBER.fullmatch(text):
        return None
    near = float(text)
    if near in (float("inf"), float("-inf")):
        return None
    if near == 0:  # 1e-999999 as a fraction would have a million digits
        return 0
    exact = Fraction(text)
    return exact.numerator if exact.denominator == 1 else exact


@dataclass(frozen=True)
class Numbers:
    """A column as numbers.

    values: int64, one a row, 0 where `plain` is false. plain: the row holds an integer of at most
    18 digits. odd: the other rows that hold a number, by row.
    """

    values: np.ndarray
    plain: np.ndarray
    odd: Mapping[int, Number]


class Column:
    """One field of the events of a batch; null where an event lacks the field."""

    def __init__(self, texts: pa.StringArray) -> None:
        self.texts = texts

    @cached_property
    def encoded(self) -> tuple[np.ndarray, pa.StringArray]:
        """Codes (int32, one a row, -1 where absent) into the array of distinct texts."""
        return encode(self.texts)

    @property
    def is_encoded(self) -> bool:
        return "encoded" in self.__dict__

    @cached_property
    def absent(self) -> np.ndarray | None:
        """Which rows lack the field; None where no row does."""
        if not self.texts.null_count:
            return None
        return np.asarray(self.texts.is_null())

    @cached_property
    def numbers(self) -> Numbers:
        # Arrow's cast alone would read hexadecimal too, and refuse a whole column for one `-`.
        short = pc.less_equal(pc.binary_length(self.texts), _DIGITS)
        plain = pc.fill_null(pc.and_(pc.ascii_is_decimal(self.texts), short), False)
        mask = np.asarray(plain)
        if mask.all():
            return Numbers(np.asarray(self.texts.cast(pa.int64())), mask, {})
        values = np.zeros(len(self.texts), dtype=np.int64)
        values[mask] = np.asarray(self.texts.filter(plain).cast(pa.int64()))
        rest = np.flatnonzero(~mask)
        codes, distinct = encode(self.texts.take(pa.array(rest)))
        # Most often the rest is `-` alone: one text to look at, and no row that holds a number.
        numbers = [*map(exact_number, distinct.to_pylist()), None]
        kept = np.array([number is not None for number in numbers])[codes]
        pairs = zip(rest[kept].tolist(), codes[kept].tolist(), strict=True)
        odd = {row: number for row, code in pairs if (number := numbers[code]) is not None}
        return Numbers(values, mask, odd)


def encode(texts: pa.StringArray) -> tuple[np.ndarray, pa.StringArray]:
    """Codes (int32, -1 for null) and the distinct texts."""
    found = texts.dictionary_encode()
    codes = found.indices
    if codes.null_count:
        codes = codes.fill_null(-1)
    return np.asarray(codes), found.dictionary
