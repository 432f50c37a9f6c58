"""What of the part `streams` of a manifest only this room can judge, with its places. Pure."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from lakeferry.config.manifest import Manifest, StreamConfig
from lakeferry.config.problems import Problem
from lakeferry.config.references import references
from lakeferry.config.tree import Value
from lakeferry.errors import FerryError
from lakeferry.ingest.crew_size import MOST_WORKERS
from lakeferry.ingest.start import parse_start
from lakeferry.ingest.words import Unclear, named_stream, partition_column

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
    if one.format == "raw" and one.schema is not None:
        yield "schema", "LF-2001", "raw records are not parsed", "leave it out, or write json"
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


def _raw_key(columns: Sequence[str]) -> Iterator[Fault]:
    from lakeferry.ingest.rows import RAW_SCHEMA  # a check of a manifest is quick without Arrow

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
