"""What of the part `streams` of a manifest only this room can judge, with its places. Pure."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from lakeferry.config.manifest import Manifest, StreamConfig
from lakeferry.config.problems import Problem
from lakeferry.config.references import references
from lakeferry.config.tree import Value
from lakeferry.errors import FerryError
from lakeferry.ingest.crew.crew_size import MOST_WORKERS
from lakeferry.ingest.position.start import parse_start
from lakeferry.ingest.words import Unclear, is_delimiter, named_stream, partition_column

# Whether a time has passed is asked of the service's clock when it begins.
_EVER_MS = round(datetime(9999, 12, 31, tzinfo=UTC).timestamp() * 1000)


def stream_problems(manifest: Manifest) -> Iterator[Problem]:
    """Every fault of `streams`, with its place."""
    for name, one in manifest.streams.items():
        at = manifest.root.get("streams", name)
        assert at is not None
        for key, code, what, next_step in _faults(one):
            place = at.get(*key.split(".")) or at
            yield Problem(code, place.place, f"streams.{name}.{key}: {what}", next_step)
        yield from _connection(manifest, name, at)


Fault = tuple[str, str, str, str]  # key, code, what is wrong, what to do


def _faults(one: StreamConfig) -> Iterator[Fault]:
    yield from _source(one)
    yield from _payload(one)
    for share, key in ((one.read_share, "read_share"), (one.max_bad, "max_bad")):
        if share is not None and not 0 < share <= 1:
            yield key, "LF-2001", "it is above 0% and at most 100%", "write it as in `40%`"
    for number, key in (
        (one.flush_s, "flush.every"), (one.flush_bytes, "flush.size"),
        (one.dedup_window_s, "dedup.window"), (one.buffer_bytes, "buffer"),
    ):  # fmt: skip
        if number is not None and number < 1:
            yield key, "LF-2001", "it is more than nothing", "give more"
    if one.workers is not None and one.workers > MOST_WORKERS:
        yield (
            "workers", "LF-7067", f"{one.workers:,} are more than {MOST_WORKERS}",
            "take one for each core that is free, and at most one for each shard",
        )  # fmt: skip
    for text in one.partition_by:
        try:
            partition_column(text)
        except Unclear as error:
            yield "partition_by", "LF-2001", error.what, error.next_step
    if one.root is None and not _is_address(one.target):
        yield (
            "to", "LF-2001", f"`{one.target}` is relative, and there is no target.root",
            "give the table's whole address",
        )  # fmt: skip


def _source(one: StreamConfig) -> Iterator[Fault]:
    try:
        if not references(one.source):
            named_stream(one.source)
    except Unclear as error:
        yield "from", "LF-2001", error.what, error.next_step
    if one.start is None or references(one.start):
        return
    try:
        parse_start(one.start, _EVER_MS)
    except FerryError as error:
        yield "start", error.code, f"{error.what}: {error.where}", error.next_step


def _payload(one: StreamConfig) -> Iterator[Fault]:
    if one.format == "json" and one.schema is None:
        yield (
            "format", "LF-2001", "records of JSON need a schema",
            "declare it with `schema`; `lakeferry ingest NAME --infer 10000` proposes one",
        )  # fmt: skip
    if one.format in ("csv", "avro") and one.schema is None:
        of = "the columns in their order" if one.format == "csv" else "a file with Avro's own"
        yield "format", "LF-2001", f"records of {one.format} need a schema", f"declare it: {of}"
    if one.format == "raw" and one.schema is not None:
        yield "schema", "LF-2001", "raw records are not parsed", "leave it out, or write json"
    yield from _form(one)
    if one.schema is not None:
        return
    for key, given in (
        ("on_new_fields", one.on_new_fields), ("provenance", one.provenance),
    ):  # fmt: skip
        if given is not None:
            yield key, "LF-2001", "raw records have no fields", "declare a `schema`"
    if one.dedup_columns:
        yield from _raw_key(one.dedup_columns)
    if one.bad_records == "rescue":
        yield "bad_records", "LF-2001", "raw records have no fields", "declare a `schema`"


def _form(one: StreamConfig) -> Iterator[Fault]:
    """Of lines and of Avro: what tells how they are written, and what they cannot have."""
    for name, given in (("csv", one.csv_delimiter), ("avro", one.avro_framing)):
        if given is not None and one.format != name:
            step = f"leave it out, or write format: {name}"
            yield name, "LF-2001", f"records are not of {name}", step
    if one.format in ("csv", "avro") and one.on_new_fields not in (None, "ignore"):
        what = f"records of {one.format} have the fields of their schema, and no others"
        yield "on_new_fields", "LF-2001", what, "leave it out"
    if one.csv_delimiter is not None and not is_delimiter(one.csv_delimiter):
        what = f"`{one.csv_delimiter}` cannot stand between fields"
        step = "write one character of ASCII, no quote and no line break; `\\t` is a tab"
        yield "csv.delimiter", "LF-2001", what, step
    if one.format == "avro" and one.avro_framing is None:
        yield (
            "format", "LF-2001", "nothing says what stands before a datum of Avro",
            "write `avro: {framing: bare}`, single-object, confluent or glue",
        )  # fmt: skip
    if one.avro_framing is not None:
        yield from _writers(one.avro_framing, tuple(one.avro_writers))


# What records name their schemas by, where a registry gives it.
_IDS = {
    "confluent": (re.compile(r"[0-9]{1,10}"), "the number that the registry gave it, such as 17"),
    "glue": (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "its version's UUID"),
}


def _writers(framing: str, names: Sequence[str]) -> Iterator[Fault]:
    key = "avro.writers"
    if framing == "bare" and len(names) > 1:
        what = "records that name no schema were written by one, and several are given"
        yield key, "LF-2001", what, "name the one, or take records that say theirs"
    if framing not in _IDS:
        return
    pattern, example = _IDS[framing]
    if not names:
        yield (
            "avro",
            "LF-2001",
            "no schema is known by what records name it by",
            (f"give each under `writers`, by {example}"),
        )
    for name in names:
        if pattern.fullmatch(name) is None:
            what = f"`{name}` is nothing that records name a schema by"
            yield f"{key}.{name}", "LF-2001", what, f"write {example}"


def _raw_key(columns: Sequence[str]) -> Iterator[Fault]:
    from lakeferry.ingest.payload.rows import (
        RAW_SCHEMA,  # a check of a manifest is quick without Arrow
    )

    unknown = [one for one in columns if one not in RAW_SCHEMA.names]
    if unknown:
        known = ", ".join(RAW_SCHEMA.names)
        what = f"raw records have no column `{unknown[0]}`"
        yield "dedup", "LF-2001", what, f"name some of {known}, or declare a `schema`"


def _connection(manifest: Manifest, name: str, at: Value) -> Iterator[Problem]:
    link = at.get("connection")
    if link is None:
        return
    kind = manifest.root.get("connections", link.text, "kind")
    if kind is not None and kind.text != "aws":
        what = f"streams.{name}.connection: `{link.text}` is of kind {kind.text}"
        yield Problem("LF-2001", link.place, what, "name one of kind aws")


def _is_address(text: str) -> bool:
    return "://" in text or text.startswith(("/", "~", ".", "file:", "${"))
