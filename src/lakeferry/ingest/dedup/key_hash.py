"""Keys of rows as numbers: two of 64 bits for each row, by seeds that no producer knows. Pure.

All rows of a page are hashed at once, word by word of eight bytes. The first number is a chain of
bijections, the second a sum of products with random odd factors; they fail independently.

Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (the mixer); Lemire,
Kaser, "Strongly universal string hashing is fast" (the sum).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.errors import FerryError

Words = npt.NDArray[np.uint64]
WORDS = 16  # longer texts are first made 16 bytes each by a hash of their own
_WORD = 8  # bytes
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FACTORS = WORDS + 2  # of one column: its words and its length


@dataclass(frozen=True, slots=True)
class Seeds:
    """What makes the numbers of one window; they mean nothing elsewhere."""

    chain: np.uint64
    factors: Words  # odd; (columns, _FACTORS)


def seeds(columns: int, random: np.random.Generator) -> Seeds:
    """Seeds for keys of up to so many columns."""
    drawn = random.integers(0, 2**64, size=(columns, _FACTORS), dtype=np.uint64)
    chain = random.integers(0, 2**64, dtype=np.uint64)
    return Seeds(chain, drawn | np.uint64(1))


def refuse_unfit(schema: pa.Schema, columns: Sequence[str]) -> None:
    """Raises FerryError LF-7081 where a key column is not there, or has no equality of its own."""
    for name in columns:
        at = schema.get_field_index(name)
        if at >= 0 and not pa.types.is_nested(schema.field(at).type):
            continue
        why = "there is no such column" if at < 0 else f"it is a {schema.field(at).type}"
        raise FerryError(
            "LF-7081",
            f"`{name}` cannot be part of the key by which doubles are found",
            f"{why}; columns are {', '.join(schema.names)}",
            "name columns of text, numbers, dates or timestamps",
        )


def key_hashes(table: pa.Table, columns: Sequence[str], by: Seeds) -> tuple[Words, Words]:
    """The two numbers of each row's key, in order of the rows.

    Equal keys have equal numbers. Of unequal keys of one window, n of them, one in 2**128 / n does;
    who keeps fewer bits keeps the first number's high ones. Rows with a null in their key have
    numbers, too, which say nothing.
    """
    chain = np.full(table.num_rows, by.chain, np.uint64)
    total = np.zeros(table.num_rows, np.uint64)
    with np.errstate(over="ignore"):
        for name, factors in zip(columns, by.factors, strict=False):
            _add(_flat(table.column(name)), factors, chain, total)
        return _mixed(chain), _mixed(total)


def has_whole_key(table: pa.Table, columns: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which rows have a value in every key column."""
    found = np.ones(table.num_rows, np.bool_)
    for name in columns:
        if table.column(name).null_count:
            found &= table.column(name).is_valid().to_numpy()
    return found


def _mixed(words: Words) -> Words:
    words = words ^ (words >> np.uint64(30))
    words *= np.uint64(0xBF58476D1CE4E5B9)
    words ^= words >> np.uint64(27)
    words *= np.uint64(0x94D049BB133111EB)
    words ^= words >> np.uint64(31)
    return words


def _flat(column: pa.ChunkedArray) -> pa.Array:
    """One array of whole numbers or of bytes."""
    kind = column.type
    if pa.types.is_floating(kind):
        # 0.0 and -0.0 are equal, but not their bits.
        column = pc.add(column.cast(pa.float64()), pa.scalar(0.0))
    elif pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    elif pa.types.is_decimal(kind) or pa.types.is_dictionary(kind):
        column = column.cast(pa.string())
    found = column.combine_chunks()
    return found.chunk(0) if isinstance(found, pa.ChunkedArray) else found


def _add(column: pa.Array, factors: Words, chain: Words, total: Words) -> None:
    """Take one column into both numbers of every row."""
    if not pa.types.is_primitive(column.type):
        _add_texts(column, factors, chain, total)
        return
    wide = {1: pa.int8(), 2: pa.int16(), 4: pa.int32(), 8: pa.int64()}[column.type.bit_width // 8]
    values = column.view(wide).fill_null(0).to_numpy(zero_copy_only=False)
    words = values.astype(np.int64).view(np.uint64)
    chain[:] = _mixed(chain + _GOLDEN ^ words)
    total += words * factors[0] + (words >> np.uint64(32)) * factors[1]


def _add_texts(column: pa.Array, factors: Words, chain: Words, total: Words) -> None:
    lengths, starts, body = _laid_out(column)
    if len(lengths) and int(lengths.max()) > WORDS * _WORD:
        lengths, starts, body = _laid_out(_shortened(column))
    # Eight more bytes behind the last text, so that a word may begin at each of its bytes.
    padded = np.concatenate([body, np.zeros(_WORD, np.uint8)])
    at_byte: Words = np.ndarray((len(padded) - _WORD + 1,), "<u8", padded, strides=(1,))
    same = len(lengths) > 0 and int(lengths.min()) == int(lengths.max())
    rows: slice | npt.NDArray[np.intp] = slice(None)
    for number in range(-(-int(lengths.max(initial=0)) // _WORD)):
        if not same:
            rows = np.flatnonzero(lengths > number * _WORD)
        words = at_byte[starts[rows] + number * _WORD]
        left = lengths[rows] - number * _WORD
        unused = (_WORD - np.minimum(left, _WORD)).astype(np.uint64) * np.uint64(8)
        if not same or int(left[0]) < _WORD:
            words = words << unused >> unused
        chain[rows] = _mixed(chain[rows] + _GOLDEN ^ words)
        total[rows] += words * factors[number] + (words >> np.uint64(32)) * factors[number + 1]
    sizes = lengths.astype(np.uint64)
    chain[:] = _mixed(chain + _GOLDEN ^ sizes)
    total += sizes * factors[-1]


def _laid_out(
    column: pa.Array,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Lengths, first bytes, and the bytes in which they count."""
    column = column.cast(pa.large_binary())
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    if not len(column):
        ends = np.zeros(1, np.int64)
    first, last = int(ends[0]), int(ends[-1])
    body = np.frombuffer(data, np.uint8)[first:last] if data else np.zeros(0, np.uint8)
    return np.diff(ends), ends[:-1] - first, body


def _shortened(column: pa.Array) -> pa.Array:
    """Long texts by a hash of 128 bits, with a byte more than short ones may have."""
    longest = WORDS * _WORD
    values = column.cast(pa.large_binary()).to_pylist()
    short = [
        one if one is None or len(one) < longest else _digest(one) + bytes(longest - 16)
        for one in values
    ]
    return pa.array(short, pa.large_binary())


def _digest(text: bytes) -> bytes:
    return blake2b(text, digest_size=16).digest()
