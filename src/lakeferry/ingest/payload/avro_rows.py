"""Payloads of Avro -> Arrow: a message names the schema that it was written by, rows have one.

What registries put before a datum is read here, and the schemas that they keep are given as files:
nothing is asked of a registry while records are read.

Source: Apache Avro Specification 1.12, "Single-object encoding", "Schema Resolution"; Confluent
Platform, "Wire format"; awslabs/aws-glue-schema-registry, `AWSSchemaRegistryConstants`.
"""

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Literal
from uuid import UUID

import pyarrow as pa

from lakeferry.ingest.payload.avro_nodes import record_node
from lakeferry.ingest.payload.avro_page import read_page
from lakeferry.ingest.payload.avro_schema import avro_columns, fingerprint, parsed_avro, reader_avro
from lakeferry.ingest.payload.json_rows import Unfit
from lakeferry.ingest.payload.repair import Parsed, halved, with_provenance
from lakeferry.ingest.payload.rows import Bad, Fault, Rows

# What stands before a datum: nothing, `C3 01` and a fingerprint, `00` and a number, or `03` and a
# UUID.
Framing = Literal["bare", "single-object", "confluent", "glue"]
SINGLE_OBJECT = b"\xc3\x01"
_GLUE_PLAIN, _GLUE_ZLIB = 0, 5
MOST_INFLATED = 64 << 20  # bytes of one datum; records have at most 10 MiB


@dataclass(frozen=True, slots=True)
class AvroForm:
    """How records are written, and by what. Texts are the JSON of schemas."""

    framing: Framing
    reader: str  # that rows are made by; records may have been written by it, too
    # Others that records were written by: of a number or a UUID for registries, of any name else.
    writers: Mapping[str, str] = field(default_factory=dict)


class AvroReader:
    """Reads records by the schemas of a form.

    Raises:
        FerryError: LF-7061 a schema is none; LF-7011 the reader's cannot be columns.
    """

    def __init__(self, form: AvroForm) -> None:
        self.schema = avro_columns(form.reader, "schema")
        self._framing = form.framing
        self._reader = reader_avro(form.reader, "schema")
        own = parsed_avro(form.reader, "schema")
        texts = [("schema", form.reader), *form.writers.items()]
        parsed = {name: parsed_avro(text, f"writer {name}") for name, text in form.writers.items()}
        self._by_id: Mapping[Any, Any] = parsed
        if form.framing == "single-object":
            known = {"schema": own, **parsed}
            self._by_id = {fingerprint(text, name): known[name] for name, text in texts}
        # What is bare was all written by one: another than the reader's, if one is given.
        self._writer = next(iter(parsed.values()), own)
        # Who writes as is read: nothing is to be matched.
        self._alike = [one for one in (own, *parsed.values()) if one == own]
        self._at_once = record_node(own)

    def page(self, records: Sequence[bytes]) -> tuple[list[int], pa.Table] | None:
        """Places of good records, and their rows, in order; those that are left may be good, too.

        Nothing where this cannot be said of the records at once.
        """
        if self._at_once is None or not records:
            return None
        places: Sequence[int] = range(len(records))
        bodies = records
        if self._framing != "bare":
            apart = dict(self._alike_of(records))
            places, bodies = list(apart), list(apart.values())
        elif not any(self._writer is one for one in self._alike):
            return None
        found = read_page(bodies, self._at_once, self.schema) if bodies else None
        return None if found is None else ([places[at] for at in found[0]], found[1])

    def _alike_of(self, records: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
        for place, one in enumerate(records):
            with suppress(Unfit):
                writer, body = self._taken_apart(one)
                if any(writer is alike for alike in self._alike):
                    yield place, body

    def datum(self, record: bytes) -> dict[str, Any]:
        """The fields of a record. Raises Unfit."""
        from fastavro import schemaless_reader
        from fastavro.read import SchemaResolutionError

        writer, body = self._taken_apart(record)
        stream = BytesIO(body)
        try:
            found = schemaless_reader(stream, writer, self._reader)
        except SchemaResolutionError as error:
            raise Unfit(f"its schema cannot be read as the one of the rows: {error}") from error
        except (EOFError, IndexError, struct.error) as error:
            raise Unfit("it ends before its datum does") from error
        except (ValueError, TypeError, KeyError, OverflowError, ArithmeticError) as error:
            raise Unfit(f"it is no datum of its schema: {error!r}") from error
        except (MemoryError, RecursionError) as error:
            raise Unfit("it is no datum of its schema") from error
        left = len(body) - stream.tell()
        if left:
            raise Unfit(f"{left} bytes follow its datum")
        return found  # type: ignore[return-value]

    def _taken_apart(self, record: bytes) -> tuple[Any, bytes]:
        """The schema that a record was written by, and its datum."""
        match self._framing:
            case "bare":
                return self._writer, record
            case "single-object":
                if not record.startswith(SINGLE_OBJECT):
                    raise Unfit("it does not begin with C3 01, as a single object does")
                return self._known(record[2:10], record[2:10].hex()), record[10:]
            case "confluent":
                if record[:1] != b"\x00" or len(record) < 5:
                    raise Unfit("it does not begin with 00 and the number of a schema")
                number = str(int.from_bytes(record[1:5], "big"))
                return self._known(number, number), record[5:]
            case "glue":
                return self._of_glue(record)

    def _of_glue(self, record: bytes) -> tuple[Any, bytes]:
        if record[:1] != b"\x03" or len(record) < 18 or record[1] not in (_GLUE_PLAIN, _GLUE_ZLIB):
            raise Unfit("it does not begin with 03 and the UUID of a schema's version")
        uuid, body = str(UUID(bytes=record[2:18])), record[18:]
        writer = self._known(uuid, uuid)
        return writer, _inflated(body) if record[1] == _GLUE_ZLIB else body

    def _known(self, key: Any, name: str) -> Any:
        if key not in self._by_id:
            raise Unfit(f"it was written by schema {name}, which is not given")
        return self._by_id[key]


def _inflated(body: bytes) -> bytes:
    whole = zlib.decompressobj()
    try:
        found = whole.decompress(body, MOST_INFLATED)
    except zlib.error as error:
        raise Unfit(f"it cannot be decompressed: {error}") from error
    if whole.unused_data:
        raise Unfit(f"{len(whole.unused_data)} bytes follow its datum")
    if not whole.eof:
        raise Unfit("it cannot be decompressed: it is not whole, or larger than 64 MiB")
    return found


def parse_avro(rows: Rows, reader: AvroReader, *, provenance: bool = True) -> Parsed:
    """The rows of a page: columns of `reader.schema`.

    A field that the record's schema lacks has the default of the reader's.
    """
    _, table, faults = _at_once(rows.data, reader) or _one_by_one(rows.data, reader)
    places = sorted(faults)
    left = rows.without(places) if places else rows
    return Parsed(
        with_provenance(table, left) if provenance else table,
        left,
        Bad(rows.at(places), tuple(faults[place] for place in places)),
    )


Sorted = tuple[list[int], pa.Table, dict[int, Fault]]


def _at_once(data: Sequence[bytes], reader: AvroReader) -> Sorted | None:
    """None where a record that was left is good."""
    found = reader.page(data)
    if found is None:
        return None
    faults: dict[int, Fault] = {}
    for place in sorted(set(range(len(data))).difference(found[0])):
        try:
            row = reader.datum(data[place])
            _table([row], reader.schema)
            return None
        except Unfit as error:
            faults[place] = Fault(str(error))
    return *found, faults


def _one_by_one(records: Sequence[bytes], reader: AvroReader) -> Sorted:
    data: dict[int, dict[str, Any]] = {}
    faults: dict[int, Fault] = {}
    for place, one in enumerate(records):
        try:
            data[place] = reader.datum(one)
        except Unfit as error:
            faults[place] = Fault(str(error))

    def table_of(places: Sequence[int]) -> pa.Table:
        return _table([data[place] for place in places], reader.schema)

    kept, table = list(data), _or_none(lambda: table_of(list(data)))
    if table is None:
        good, bad = halved(kept, table_of)
        faults |= {place: Fault(why) for place, why in bad.items()}
        kept, table = good.places, table_of(good.places)
    return kept, table, faults


def _or_none(read: Callable[[], pa.Table]) -> pa.Table | None:
    try:
        return read()
    except Unfit:
        return None


def _table(data: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Raises Unfit, as for a decimal with more digits than it may have."""
    columns = []
    for one in schema:
        try:
            column = pa.array([row[one.name] for row in data], one.type)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
            raise Unfit(f"`{one.name}`: {error}") from error
        if column.null_count and not one.nullable:
            raise Unfit(f"`{one.name}` is null, and may not be")
        columns.append(column)
    return pa.Table.from_arrays(columns, schema=schema)
