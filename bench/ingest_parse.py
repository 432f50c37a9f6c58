"""How many records a CPU second do the steps of ingest take: decode, take apart, parse, raw?

    python -m bench.ingest_parse [--records 10000] [--runs 7]

Pages of made events (`_events.py`), in one thread. Counted is CPU of this process, the best of the
runs; the peers do the same step as one would by hand.
"""

import argparse
import csv
import io
import json
import os
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence

import orjson
import pyarrow as pa
from fastavro import parse_schema, schemaless_writer

from bench._events import SCHEMA, events
from lakeferry.ingest.kinesis.wire import Record, records_page
from lakeferry.ingest.payload.avro_rows import AvroForm, AvroReader, parse_avro
from lakeferry.ingest.payload.csv_reader import CsvReader
from lakeferry.ingest.payload.csv_rows import parse_csv
from lakeferry.ingest.payload.guide import Guide
from lakeferry.ingest.payload.json_rows import declare
from lakeferry.ingest.payload.repair import parse
from lakeferry.ingest.payload.rows import Rows, page_rows, raw_table
from tests.ingest.kpl import aggregate

FIRST = 49590338271490256608559692538361571095921575989136588898
HALF = (0, 2**127 - 1)


def best(runs: int, step: Callable[[], object]) -> float:
    """CPU seconds of the fastest of some runs."""
    found = []
    for _ in range(runs):
        begun = time.process_time()
        step()
        found.append(time.process_time() - begun)
    return min(found)


def records(data: Sequence[bytes]) -> list[Record]:
    return [
        Record(str(FIRST + place), 1763942400.0 + place / 1000, one, f"user-{place}")
        for place, one in enumerate(data)
    ]


def body(found: Sequence[Record]) -> bytes:
    """What GetRecords would answer."""
    page = {
        "Records": [
            {
                "SequenceNumber": one.sequence_number,
                "ApproximateArrivalTimestamp": one.approximate_arrival_timestamp,
                "Data": b64encode(one.data).decode(),
                "PartitionKey": one.partition_key,
            }
            for one in found
        ],
        "NextShardIterator": "A" * 200,
        "MillisBehindLatest": 0,
    }
    return orjson.dumps(page)


def bad_at(data: Sequence[bytes], every: int) -> list[bytes]:
    """Every so many records one has a word for a number."""
    bad = [one.replace(b'"status":', b'"status":"x","was":') for one in data]
    return [bad[at] if at % every == every - 1 else one for at, one in enumerate(data)]


# Of lines and of Avro: the columns of the events that are no lists and no structs.
FLAT = pa.schema([one for one in SCHEMA if not pa.types.is_nested(one.type)]).with_metadata(None)


def as_lines(data: Sequence[bytes]) -> list[bytes]:
    """The same events as lines."""
    found = []
    for one in data:
        event = orjson.loads(one)
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="").writerow(
            [_written(event.get(name)) for name in FLAT.names]
        )
        found.append(buffer.getvalue().encode())
    return found


def _written(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def avro_of(kind: pa.DataType, path: str) -> object:
    """A type of Avro for one of Arrow, which may be null."""
    if pa.types.is_list(kind):
        return ["null", {"type": "array", "items": avro_of(kind.value_type, path)}]
    if pa.types.is_struct(kind):
        return ["null", json.loads(avro_record(kind, path))]
    return ["null", _AVRO.get(str(kind), "string")]


_AVRO = {"int32": "int", "int64": "long", "float": "float", "double": "double", "bool": "boolean"}


def avro_record(some: Iterable[pa.Field], name: str = "Event") -> str:
    fields = [{"name": one.name, "type": avro_of(one.type, f"{name}_{one.name}")} for one in some]
    return json.dumps({"type": "record", "name": name, "fields": fields})


AVRO, NESTED_AVRO = avro_record(FLAT), avro_record(SCHEMA)


def as_avro(data: Sequence[bytes], avro: str = AVRO) -> list[bytes]:
    """The same events as data of Avro; times are text, as they are in JSON."""
    schema, found = parse_schema(json.loads(avro)), []
    names = [one["name"] for one in json.loads(avro)["fields"]]
    for one in data:
        event, buffer = orjson.loads(one), io.BytesIO()
        schemaless_writer(buffer, schema, {name: event.get(name) for name in names})
        found.append(buffer.getvalue())
    return found


def by_botocore(answer: bytes) -> Callable[[], object]:
    """The same with the parser of boto3's clients."""
    from botocore.loaders import Loader
    from botocore.model import ServiceModel
    from botocore.parsers import JSONParser

    model = ServiceModel(Loader().load_service_model("kinesis", "service-2"))
    shape = model.operation_model("GetRecords").output_shape
    told = {"body": answer, "headers": {}, "status_code": 200}
    return lambda: JSONParser().parse(told, shape)


def steps(data: list[bytes]) -> dict[str, tuple[int, Callable[[], object]]]:
    """Each step with the records that it takes."""
    declared, rescue = declare(SCHEMA), declare(SCHEMA, on_new="rescue")
    guide, count = Guide(declared.read_as), len(data)
    found = records(data)
    answer = body(found)
    rows = page_rows("shardId-000000000000", found).rows
    keyed = [(f"user-{place}", one) for place, one in enumerate(data)]
    packed = records([aggregate(keyed[at : at + 80]) for at in range(0, count, 80)])

    def rows_of(other: Sequence[bytes]) -> Rows:
        return page_rows("shardId-000000000000", records(other)).rows

    one_percent, five_percent = rows_of(bad_at(data, 100)), rows_of(bad_at(data, 20))
    lines = rows_of(as_lines(data))
    bad_lines = rows_of(as_lines(bad_at(data, 100)))
    by_line = CsvReader(FLAT)
    reader, messages = AvroReader(AvroForm("bare", AVRO)), rows_of(as_avro(data))
    deep = AvroReader(AvroForm("bare", NESTED_AVRO))
    nested = rows_of(as_avro(data, NESTED_AVRO))
    newer = rows_of([one[:-1] + b',"new":1}' for one in data])
    return {
        "decode a page": (count, lambda: records_page(answer)),
        "decode a page, botocore": (count, by_botocore(answer)),
        "records as columns": (count, lambda: page_rows("s", found)),
        "take aggregates of 80 apart": (count, lambda: page_rows("s", packed)),
        "the same, hash keys looked at": (count, lambda: page_rows("s", packed, HALF)),
        "parse": (count, lambda: parse(rows, declared, guide)),
        "parse, without provenance": (
            count,
            lambda: parse(rows, declared, guide, provenance=False),
        ),
        "parse, look for new fields": (count, lambda: parse(rows, rescue, guide)),
        "parse, a new field in each": (count, lambda: parse(newer, rescue, guide)),
        "parse, 1 % bad": (count, lambda: parse(one_percent, declared, guide)),
        "parse, 5 % bad": (count, lambda: parse(five_percent, declared, guide)),
        "parse lines of CSV": (count, lambda: parse_csv(lines, by_line)),
        "parse lines of CSV, 1 % bad": (count, lambda: parse_csv(bad_lines, by_line)),
        "parse Avro": (count, lambda: parse_avro(messages, reader)),
        "parse Avro, a struct and an array in it": (count, lambda: parse_avro(nested, deep)),
        "json.loads, from_pylist": (
            count,
            lambda: pa.Table.from_pylist([json.loads(one) for one in data]),
        ),
        "raw": (count, lambda: raw_table(rows, "clicks")),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=10_000, help="in a page")
    parser.add_argument("--runs", type=int, default=7)
    asked = parser.parse_args()
    data = events(asked.records)
    size = sum(map(len, data)) / len(data)
    print(f"**Pages of {asked.records:,} records of {size:.0f} bytes, {len(SCHEMA)} columns**\n")
    print("| step | records a cpu s | µs a record |\n|---|---:|---:|")
    for name, (count, step) in steps(data).items():
        took = best(asked.runs, step)
        print(f"| {name} | {count / took:,.0f} | {took / count * 1e6:.2f} |", flush=True)
    print(f"\nLoad of the machine meanwhile: {os.getloadavg()[0]:.0f}")


if __name__ == "__main__":
    main()
