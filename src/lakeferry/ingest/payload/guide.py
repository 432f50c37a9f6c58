"""A quick second opinion on single records: which are likely bad, and what is wrong where.

pyarrow's reader decides; what is refused here alone it would refuse, too. It spares bisecting where
a page has several bad records, and it names the field at fault, which pyarrow does not.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import pyarrow as pa

from lakeferry.ingest.payload.rows import Fault

_NO = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
# A value of another kind than declared: text for a number, a fraction for an integer. Of all else
# that msgspec refuses, pyarrow takes some: NaN, timestamps without `T`.
_SURE = "Expected `"
_COLUMN = re.compile(r"Column\(/([^/)]+)[/)]")  # as pyarrow tells where in a record it was
_HALF = {8: 2**7, 16: 2**15, 32: 2**31}
_PLAIN = {pa.bool_(): bool, pa.float32(): float, pa.float64(): float}


class Guide:
    """Looks at records one by one, by a declared schema."""

    def __init__(self, read_as: pa.Schema) -> None:
        self._read_as = read_as
        self._narrow: dict[str, Guide] = {}
        # To the column that all bad records of the page before were bad in; None: they were not,
        # or there were none.
        self.doubted: Guide | None = None
        try:
            kind: Any = _struct("Payload", list(read_as))
        except ValueError:  # a name with quotes or control characters: no opinion, then
            kind = dict
        self._decoder = msgspec.json.Decoder(kind)

    def narrowed(self, why: str) -> "Guide | None":
        """A guide to the one column that the reader refused a page for, if it says which.

        It steps over all others, which takes a quarter of the time.
        """
        found = _COLUMN.search(why)
        name = found[1] if found else ""
        if name not in self._read_as.names:
            return None
        if name not in self._narrow:
            self._narrow[name] = Guide(pa.schema([self._read_as.field(name)]))
        return self._narrow[name]

    def sorted_out(self, data: Sequence[bytes]) -> tuple[dict[int, Fault], list[int]]:
        """Places of records that pyarrow's reader surely refuses, and why; and of doubtful ones."""
        decode = self._decoder.decode
        faults: dict[int, Fault] = {}
        doubtful: list[int] = []
        for place, one in enumerate(data):
            try:
                decode(one)
            except _NO as error:
                said = str(error)
                if said.startswith(_SURE):
                    faults[place] = _told(said)
                else:
                    doubtful.append(place)
        return faults, doubtful

    def fault(self, one: bytes, why: str) -> Fault:
        """What is wrong with a record that the reader refused with `why`."""
        try:
            self._decoder.decode(one)
        except msgspec.ValidationError as error:
            return _told(str(error))
        except _NO:
            pass
        return Fault(why.removesuffix(" in row 0"))


def _told(said: str) -> Fault:
    what, _, path = said.partition(" - at `")
    return Fault(what, path.rstrip("`") or None)


def _struct(name: str, fields: Sequence[pa.Field]) -> type[msgspec.Struct]:
    """Every field by its own name, whatever letters that has; unknown ones are stepped over."""
    members = [
        (f"f{at}", kind if not one.nullable else kind | None, *_default(one))
        for at, one in enumerate(fields)
        for kind in [_kind(one.type, f"{name}{at}")]
    ]
    rename = {f"f{at}": one.name for at, one in enumerate(fields)}
    return msgspec.defstruct(name, members, rename=rename, gc=False, kw_only=True)


def _default(one: pa.Field) -> tuple[None, ...]:
    return (None,) if one.nullable else ()


def _kind(kind: pa.DataType, name: str) -> Any:
    types = pa.types
    if types.is_struct(kind):
        return _struct(name, [kind.field(at) for at in range(kind.num_fields)])
    if types.is_list(kind):
        return list[_kind(kind.value_type, name) | None]  # type: ignore[misc]
    if types.is_signed_integer(kind):
        half = _HALF.get(kind.bit_width)  # msgspec has no bounds beyond 64 bits; pyarrow has
        return int if half is None else Annotated[int, msgspec.Meta(ge=-half, lt=half)]
    if types.is_decimal(kind):
        return Decimal
    if types.is_timestamp(kind):
        return datetime
    return _PLAIN.get(kind, str)
