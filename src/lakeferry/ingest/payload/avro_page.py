"""Data of Avro -> Arrow, all of a page at once: field by field, items by items.

A page's records have one schema most of the time, so that each step is one for all of them: their
first field, then their second; of arrays and maps their first items, then their second ones. Ten
times as fast as a record after the other. It says nothing of a record that it does not read to its
last byte: fastavro is the judge of those.

Source: Apache Avro Specification 1.12, "Binary Encoding".
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from lakeferry.ingest.payload.avro_columns import (
    Bytes,
    Column,
    Places,
    Unsuited,
    array,
    joined,
    spread,
    taken,
)
from lakeferry.ingest.payload.avro_nodes import Node

_PAD = 16  # bytes behind the last record: more than a number has
_WHOLE: dict[str, type[np.signedinteger[Any]]] = {"int": np.int32, "long": np.int64}
_FLOATS = {"float": 4, "double": 8}  # bytes
_MOST_BYTES = 2**31 - 1  # of a page, and so of a column
# Arrays of a few records that are far longer than those of the others: step by step through them
# takes longer than record by record.
_MANY_ITEMS, _FEW_RECORDS = 64, 16


def read_page(
    bodies: Sequence[bytes], record: Node, schema: pa.Schema
) -> tuple[list[int], pa.Table] | None:
    """Places of the records that were read to their last byte, and their rows.

    Nothing where a text of one of them is no UTF-8, all are more than a column holds, or they are
    sooner read one by one.
    """
    page = _Page(bodies)
    if len(page.bytes) > _MOST_BYTES:
        return None
    try:
        columns = [page.column(one, np.arange(len(bodies))) for one in record.inner]
        page.fits &= page.at == page.ends
        rows = np.flatnonzero(page.fits)
        arrays = [
            array(page.bytes, taken(column, rows), one.type)
            for column, one in zip(columns, schema, strict=True)
        ]
    except (pa.ArrowInvalid, Unsuited):
        return None
    return rows.tolist(), pa.Table.from_arrays(arrays, schema=schema)


class _Page:
    """All records one behind the other, and how far each of them is read."""

    def __init__(self, bodies: Sequence[bytes]) -> None:
        self.bytes: Bytes = np.frombuffer(b"".join([*bodies, bytes(_PAD)]), np.uint8)
        sizes = np.fromiter(map(len, bodies), np.int64, len(bodies))
        self.ends = np.cumsum(sizes)
        self.at = self.ends - sizes
        self.fits = np.ones(len(bodies), bool)

    def column(self, node: Node, rows: Places) -> Column:
        """Read the next value of these records, each of which is there once."""
        if node.null is None:
            return self._values(node, rows)
        branch = self._numbers(rows)
        self._refuse(rows[(branch != 0) & (branch != 1)])
        valid = branch == 1 - node.null
        there = np.flatnonzero(valid)
        return replace(spread(self._values(node, rows[there]), there, len(rows)), valid=valid)

    def _values(self, node: Node, rows: Places) -> Column:
        match node.kind:
            case "record":
                fields = tuple(self.column(one, rows) for one in node.inner)
                found = Column(np.zeros(len(rows), bool), fields=fields)
            case "array":
                found = self._items(node.inner[0], rows)
            case "map":
                found = self._items(Node("record", inner=node.inner), rows)
            case "string" | "bytes":
                found = self._texts(self._numbers(rows), rows)
            case "fixed":
                found = self._texts(np.full(len(rows), node.size), rows)
            case _:
                found = self._single(node, rows)
        return found

    def _single(self, node: Node, rows: Places) -> Column:
        match node.kind:
            case "boolean":
                said = self._taken(rows, 1)[:, 0]
                self._refuse(rows[said > 1])
                return Column(said == 1)
            case "float" | "double":
                size = _FLOATS[node.kind]
                return Column(self._taken(rows, size).view(f"<f{size}")[:, 0])
            case "enum":
                places = self._within(rows, 0, len(node.symbols) - 1)
                return Column(places, symbols=node.symbols)
        kind = _WHOLE[node.kind]
        factor, least, most = node.time or (1, int(np.iinfo(kind).min), int(np.iinfo(kind).max))
        found = self._within(rows, least, most)
        return Column((found * factor).astype(kind))

    def _within(self, rows: Places, least: int, most: int) -> Places:
        found = self._numbers(rows)
        self._refuse(rows[(found < least) | (found > most)])
        return np.clip(found, least, most)

    def _texts(self, sizes: Places, rows: Places) -> Column:
        begins = self.at[rows]
        wrong = (sizes < 0) | (sizes > self.ends[rows] - begins)
        self._refuse(rows[wrong])
        sizes = np.where(wrong, 0, sizes)
        self.at[rows] += sizes
        return Column(sizes, begins=begins)

    def _items(self, item: Node, rows: Places) -> Column:
        """Blocks of items, up to one of none; each tells first how many it has."""
        left = np.zeros(len(rows), np.int64)  # of the block that is read
        over = ~self.fits[rows]
        places: list[Places] = [np.zeros(0, np.int64)]
        found = [self.column(item, rows[:0])]
        items = 0
        while True:
            asked = np.flatnonzero(~over & (left == 0))
            left[asked] = self._counts(rows[asked])
            over |= (left == 0) | ~self.fits[rows]
            some = np.flatnonzero(~over)
            if not len(some):
                break
            if len(found) > _MANY_ITEMS and items < _FEW_RECORDS * len(found):
                raise Unsuited
            places.append(some)
            found.append(self.column(item, rows[some]))
            left[some] -= 1
            items += len(some)
        whose = np.concatenate(places)
        in_order = taken(joined(found), np.argsort(whose, kind="stable"))
        return Column(np.bincount(whose, minlength=len(rows)), items=in_order)

    def _counts(self, rows: Places) -> Places:
        """How many items the next block of some records has: each takes a byte at least."""
        found = self._numbers(rows)
        sized = np.flatnonzero(found < 0)  # then its bytes are told, too
        self._numbers(rows[sized])
        found[sized] *= -1
        wrong = (found < 0) | (found > self.ends[rows] - self.at[rows])
        self._refuse(rows[wrong])
        return np.where(wrong, 0, found)

    def _numbers(self, rows: Places) -> Places:
        """The next number of some records: seven bits a byte, the lowest first, zigzag."""
        at = self.at[rows]
        byte = self.bytes[at]
        found = (byte & 0x7F).astype(np.uint64)
        at += 1
        more, shift = np.flatnonzero(byte & 0x80), 7
        while len(more) and shift < 64:
            byte = self.bytes[at[more]]
            at[more] += 1
            if shift == 63:
                self._refuse(rows[more[byte > 1]])  # it has more than 64 bits
            found[more] |= (byte & 0x7F).astype(np.uint64) << np.uint64(shift)
            more, shift = more[byte & 0x80 != 0], shift + 7
        self._moved(rows, at)
        half: Places = (found >> np.uint64(1)).astype(np.int64)
        sign: Places = -(found & np.uint64(1)).astype(np.int64)
        return half ^ sign

    def _taken(self, rows: Places, size: int) -> Bytes:
        """So many bytes of some records."""
        begins = self.at[rows]
        self._moved(rows, begins + size)
        found: Bytes = self.bytes[begins[:, None] + np.arange(size)]
        return found

    def _moved(self, rows: Places, at: Places) -> None:
        """None is read beyond its end: what came from there is another's."""
        ends = self.ends[rows]
        self._refuse(rows[at > ends])
        self.at[rows] = np.minimum(at, ends)

    def _refuse(self, rows: Places) -> None:
        self.fits[rows] = False
