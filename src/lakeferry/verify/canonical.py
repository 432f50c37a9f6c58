"""One 128-bit number for each value of an Arrow array, the same whatever reader made the array.

A value is hashed by what it means, not by how it is stored: integers of any width by value, floats
as 64-bit floats, decimals as their integer at the column's scale, times as microseconds in UTC,
text and binary by their bytes, nested values from their parts. A number is a pair of 64-bit lanes,
one numpy array each, mixed by two different finalisers (splitmix64, murmur3), so that the lanes
fail independently. Not a defence against someone who looks for collisions. Pure.

What is equal on purpose: NaN of any payload; `string`, `large_string`, `string_view` and
dictionaries of them; timestamps of any unit and zone, with and without a zone (the schema tells
those apart, and some readers lose the zone); map entries and struct fields in any order.
What is told apart on purpose: 0.0 and -0.0, for files keep both; null, empty list and empty text.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

Words: TypeAlias = npt.NDArray[np.uint64]


class Lanes(NamedTuple):
    """Two independent hashes of the same values."""

    first: Words
    second: Words


class Seed(NamedTuple):
    """Where a value stands: what tells column `a` from column `b`, text from binary."""

    first: np.uint64
    second: np.uint64


def _u64(number: int) -> np.uint64:
    return np.uint64(number & 0xFFFF_FFFF_FFFF_FFFF)


@cache
def seed(text: str) -> Seed:
    """The seed of a name; equal names give equal seeds in every process and version."""
    number = xxhash.xxh3_128_intdigest(text.encode())
    return Seed(_u64(number >> 64), _u64(number))


_NULL = seed("null")
_SHIFTS = ((30, 27, 31), (33, 29, 32))  # splitmix64; murmur3, its last two shifts our own
_FACTORS = (
    (_u64(0xBF58476D1CE4E5B9), _u64(0x94D049BB133111EB)),
    (_u64(0xFF51AFD7ED558CCD), _u64(0xC4CEB9FE1A85EC53)),
)
_ODD = (_u64(0x9E3779B97F4A7C15), _u64(0xD6E8FEB86659FD93))  # strides between positions
_NAN = _u64(0x7FF8000000000000)
_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}


def _finalise(words: Words, lane: int) -> Words:
    """Mix every bit of each word into every other, in place; a bijection."""
    shifts, factors = _SHIFTS[lane], _FACTORS[lane]
    scratch = np.right_shift(words, np.uint64(shifts[0]))
    words ^= scratch
    words *= factors[0]
    np.right_shift(words, np.uint64(shifts[1]), out=scratch)
    words ^= scratch
    words *= factors[1]
    np.right_shift(words, np.uint64(shifts[2]), out=scratch)
    words ^= scratch
    return words


def mix(lanes: Lanes, salt: Seed) -> Lanes:
    """New lanes: the same values at the place that `salt` names."""
    return Lanes(
        _finalise(lanes.first ^ salt.first, 0),
        _finalise(lanes.second ^ salt.second, 1),
    )


def _hash_words(*words: Words, salt: Seed) -> Lanes:
    """Lanes of values made of one or several 64-bit words, the most significant last."""
    lanes = mix(Lanes(words[0], words[0]), salt)
    for word in words[1:]:
        lanes = Lanes(
            _finalise(lanes.first * _ODD[0] + word, 0),
            _finalise(lanes.second * _ODD[1] + word, 1),
        )
    return lanes


def is_void(data_type: pa.DataType) -> bool:
    """True for Delta's `void`: readers differ in whether they show such a column at all."""
    return bool(pa.types.is_null(data_type))


def hash_values(array: pa.Array) -> Lanes:
    """Lanes of each value of `array`; length as the array's.

    Raises:
        TypeError: a type that no Delta column can have (interval, union).
    """
    array = _plain(array)
    if pa.types.is_null(array.type):
        return _constant(_NULL, len(array))
    lanes = _hash_by_type(array) if len(array) else _constant(_NULL, 0)
    if array.null_count:
        absent = array.is_null().to_numpy(zero_copy_only=False)
        lanes.first[absent] = _NULL.first
        lanes.second[absent] = _NULL.second
    return lanes


def _constant(salt: Seed, length: int) -> Lanes:
    return Lanes(
        np.full(length, salt.first, dtype=np.uint64), np.full(length, salt.second, dtype=np.uint64)
    )


def _plain(array: pa.Array) -> pa.Array:
    """Without wrappers that change no value: extension types, run ends, list views."""
    if isinstance(array, pa.ExtensionArray):
        return _plain(array.storage)
    kind = array.type
    if pa.types.is_run_end_encoded(kind):
        return _plain(pc.run_end_decode(array))
    if pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind):
        return _list_of_view(array)
    return array


def _list_of_view(array: pa.ListViewArray) -> pa.LargeListArray:
    """The same lists one after another. pyarrow 26's own cast goes wrong where one is null."""
    sizes = array.sizes.to_numpy().astype(np.int64)
    sizes[array.is_null().to_numpy(zero_copy_only=False)] = 0
    bounds = np.concatenate(([0], np.cumsum(sizes)))
    shift = np.repeat(array.offsets.to_numpy().astype(np.int64) - bounds[:-1], sizes)
    values = array.values.take(pa.array(np.arange(bounds[-1]) + shift))
    return pa.LargeListArray.from_arrays(bounds, values, mask=array.is_null())


def _hash_by_type(array: pa.Array) -> Lanes:
    """Lanes of a plain array that is not empty; those of null places are of no meaning."""
    hash_kind = next((hashes for fits, hashes in _KINDS if fits(array.type)), _hash_fixed)
    return hash_kind(array)


def _values(array: pa.Array, dtype: npt.DTypeLike) -> npt.NDArray[np.generic]:
    """The values buffer as it lies, null places included: to_numpy would turn ints to floats."""
    raw = np.frombuffer(array.buffers()[1], dtype=dtype, count=array.offset + len(array))
    return raw[array.offset :]


def _hash_fixed(array: pa.Array) -> Lanes:
    """Booleans, integers, floats, dates and times."""
    kind, types = array.type, pa.types
    if types.is_boolean(kind):
        return _hash_words(_integers(array.cast(pa.uint8())), salt=seed("boolean"))
    if types.is_integer(kind):
        return _hash_words(_integers(array), salt=seed("integer"))
    if types.is_floating(kind):
        wide = _values(array, kind.to_pandas_dtype()).astype(np.float64)  # a copy: NaNs are set
        bits = wide.view(np.uint64)
        bits[np.isnan(wide)] = _NAN
        return _hash_words(bits, salt=seed("float"))
    if types.is_date(kind):
        days = _values(array, np.int32 if types.is_date32(kind) else np.int64).astype(np.int64)
        days = days if types.is_date32(kind) else np.floor_divide(days, 86_400_000)
        return _hash_words(days.view(np.uint64), salt=seed("date"))
    if types.is_timestamp(kind):
        ticks = _values(array, np.int64).astype(np.int64)
        # Delta keeps microseconds; finer ticks are cut downwards, as Spark cuts them.
        micros = ticks // 1000 if kind.unit == "ns" else ticks * _MICROSECONDS[kind.unit]
        return _hash_words(micros.view(np.uint64), salt=seed("timestamp"))
    raise TypeError(f"no Delta column has the Arrow type {kind}")


def _integers(array: pa.Array) -> Words:
    wide = _values(array, array.type.to_pandas_dtype())
    signed = pa.types.is_signed_integer(array.type)
    return wide.astype(np.int64 if signed else np.uint64).view(np.uint64)


def _hash_decimal(array: pa.Array) -> Lanes:
    scale = array.type.scale
    if not pa.types.is_decimal128(array.type):
        array = array.cast(pa.decimal128(38, scale))
    words = np.frombuffer(
        array.buffers()[1], dtype=np.uint64, count=2 * (array.offset + len(array))
    ).reshape(-1, 2)[array.offset :]
    return _hash_words(words[:, 0], words[:, 1], salt=seed(f"decimal:{scale}"))


def _hash_text(array: pa.Array) -> Lanes:
    return _hash_bytes(array, seed("string"))


def _hash_binary(array: pa.Array) -> Lanes:
    return _hash_bytes(array, seed("binary"))


def _hash_bytes(array: pa.Array, salt: Seed) -> Lanes:
    """Each distinct value is hashed once: columns of text repeat themselves."""
    encoded = array.cast(pa.large_binary()).dictionary_encode()
    distinct = encoded.dictionary.to_numpy(zero_copy_only=False)
    digests = b"".join(map(xxhash.xxh3_128_digest, distinct))
    words = np.frombuffer(digests, dtype=">u8").astype(np.uint64).reshape(-1, 2)
    hashed = _hash_words(words[:, 0], words[:, 1], salt=salt)
    return _take(hashed, encoded.indices)


def _hash_dictionary(array: pa.DictionaryArray) -> Lanes:
    return _take(hash_values(array.dictionary), array.indices)


def _take(lanes: Lanes, indices: pa.Array) -> Lanes:
    """The lanes at `indices`; a null index becomes null."""
    # One more place, at the end, stands for null: a dictionary of nothing has no place 0.
    last = len(lanes.first)
    places = indices.cast(pa.int64()).fill_null(last).to_numpy()
    return Lanes(
        np.append(lanes.first, _NULL.first)[places], np.append(lanes.second, _NULL.second)[places]
    )


def _hash_struct(array: pa.StructArray) -> Lanes:
    """Fields are told apart by name, so their order means nothing; void fields do not count."""
    total = _constant(seed("struct"), len(array))
    for position, field in enumerate(array.type):
        if is_void(field.type):
            continue
        part = mix(hash_values(array.field(position)), seed(f"field:{field.name}"))
        total.first[:] += part.first
        total.second[:] += part.second
    return mix(total, seed("struct"))


def _bounds(array: pa.Array) -> npt.NDArray[np.int64]:
    """Where each list begins in the values, and the end of the last one."""
    if pa.types.is_fixed_size_list(array.type):
        size = int(array.type.list_size)
        return np.arange(array.offset, array.offset + len(array) + 1, dtype=np.int64) * size
    return np.asarray(array.offsets.to_numpy(), dtype=np.int64)


def _sum_within(lanes: Lanes, bounds: npt.NDArray[np.int64], salt: Seed) -> Lanes:
    """Add up the lanes of each list; its length counts too.

    Differences of running sums: add.reduceat would give an empty list its neighbour's element.
    """
    lengths = np.diff(bounds).astype(np.uint64)
    sums = []
    for lane, words in enumerate(lanes):
        running = np.zeros(len(words) + 1, dtype=np.uint64)
        np.cumsum(words, out=running[1:])
        sums.append(running[bounds[1:]] - running[bounds[:-1]] + lengths * _ODD[lane])
    return mix(Lanes(*sums), salt)


def _hash_list(array: pa.Array) -> Lanes:
    bounds = _bounds(array)
    values = array.values.slice(bounds[0], bounds[-1] - bounds[0])
    bounds = bounds - bounds[0]
    position = np.arange(len(values)) - np.repeat(bounds[:-1], np.diff(bounds))
    places = position.astype(np.uint64)
    elements = hash_values(values)
    placed = Lanes(
        _finalise(elements.first + places * _ODD[0], 0),
        _finalise(elements.second + places * _ODD[1], 1),
    )
    return _sum_within(placed, bounds, seed("list"))


def _hash_map(array: pa.MapArray) -> Lanes:
    """Entries are added up, so their order means nothing."""
    bounds = _bounds(array)
    begin, length = bounds[0], bounds[-1] - bounds[0]
    keys = mix(hash_values(array.keys.slice(begin, length)), seed("key"))
    values = mix(hash_values(array.items.slice(begin, length)), seed("value"))
    entries = mix(Lanes(keys.first + values.first, keys.second + values.second), seed("entry"))
    return _sum_within(entries, bounds - begin, seed("map"))


_KINDS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], Lanes]], ...] = (
    (pa.types.is_dictionary, _hash_dictionary),
    (pa.types.is_struct, _hash_struct),
    (pa.types.is_map, _hash_map),
    (pa.types.is_list, _hash_list),
    (pa.types.is_large_list, _hash_list),
    (pa.types.is_fixed_size_list, _hash_list),
    (pa.types.is_decimal, _hash_decimal),
    (pa.types.is_string, _hash_text),
    (pa.types.is_large_string, _hash_text),
    (pa.types.is_string_view, _hash_text),
    (pa.types.is_binary, _hash_binary),
    (pa.types.is_large_binary, _hash_binary),
    (pa.types.is_binary_view, _hash_binary),
    (pa.types.is_fixed_size_binary, _hash_binary),
)
