"""The flags of `ingest`: what a stream of the manifest could say, laid upon it or in its place."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from os.path import isfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from lakeferry.cli.flag_types import AwsProfile, ExternalId, Many, Region, Role
from lakeferry.cli.manifest_flags import ManifestFlags, read
from lakeferry.cli.units import parse_pairs
from lakeferry.config.manifest import Deployment, StreamConfig
from lakeferry.config.overlay import Flag
from lakeferry.config.problems import refuse
from lakeferry.config.quantities import Unreadable, duration_s, size_bytes
from lakeferry.config.read import read_manifest
from lakeferry.errors import FerryError

if TYPE_CHECKING:
    from lakeferry.ingest.choices import Extras
    from lakeferry.ingest.settings import Ingest, SourceSettings, TargetSettings


@Parameter(name="*")
@dataclass(frozen=True)
class WhoFlags:
    """As whom the stream is read, and where Kinesis is met."""

    endpoint_url: Annotated[
        str | None, Parameter(help="URL in place of Kinesis' own, as of a VPC endpoint.")
    ] = None
    region: Region = None
    aws_profile: AwsProfile = None
    role: Role = None
    external_id: ExternalId = None


NOBODY = WhoFlags()


@Parameter(name="*")
@dataclass(frozen=True)
class StreamFlags:
    """Which stream, as whom, and what becomes of it."""

    from_: Annotated[
        str | None,
        Parameter(
            name="--from",
            help="Where a new ingest begins: latest, trim-horizon, at:2026-11-26T12:00:00Z, or "
            'Databricks\' words such as {"at_timestamp": "..."}. A known one goes on.',
        ),
    ] = None
    flush: Annotated[
        Many,
        Parameter(negative="", help="When a commit is due: 30s, 128MB, or both: 30s,128MB."),
    ] = None
    workers: Annotated[
        int | None, Parameter(help="Processes that read, up to 64; default 1, for one core.")
    ] = None
    name: Annotated[
        str | None,
        Parameter(
            name=["--name", "--app-id"],
            help="Of the positions in the table; default: the stream's name.",
        ),
    ] = None
    read_share: Annotated[
        str | None, Parameter(help="Of each shard's quota that is ours, such as 40%.")
    ] = None
    schema: Annotated[
        str | None,
        Parameter(help="File with the JSON of a Spark StructType or with DDL; or the DDL itself."),
    ] = None
    raw: Annotated[
        bool, Parameter(negative="", help="Rows as they come; so it is without --schema.")
    ] = False
    format: Annotated[
        Literal["json", "csv", "avro", "raw"] | None,
        Parameter(help="What a record holds; with --schema default: json."),
    ] = None
    csv_delimiter: Annotated[
        str | None, Parameter(help="Between two fields of a line; default: a comma.")
    ] = None
    avro_framing: Annotated[
        Literal["bare", "single-object", "confluent", "glue"] | None,
        Parameter(help="What stands before a datum: nothing, a fingerprint, or a registry's word."),
    ] = None
    avro_writer: Annotated[
        Many,
        Parameter(negative="", help="ID=FILE, another schema that records were written by."),
    ] = None
    on_new_fields: Annotated[
        Literal["ignore", "rescue", "evolve", "fail"] | None,
        Parameter(help="Of fields that are not declared; default: ignore."),
    ] = None
    no_provenance: Annotated[
        bool,
        Parameter(negative="", help="Parsed rows without _shardId, _sequenceNumber, _arrival."),
    ] = False
    bad_records: Annotated[
        Literal["quarantine", "rescue", "fail"] | None,
        Parameter(help="Of records that are not as declared; default: quarantine."),
    ] = None
    rejected: Annotated[
        str | None, Parameter(help="The table of bad records; default: beside the table.")
    ] = None
    max_bad: Annotated[
        str | None, Parameter(help="Of the last 100,000 records, before it stops; default 10%.")
    ] = None
    partition_by: Annotated[
        Many,
        Parameter(negative="", help="A column, day=date(ts), or hour=hour(ts); at each start."),
    ] = None
    dedup: Annotated[
        str | None, Parameter(help="Leave out what was seen: event_id:10m, or a,b:1h.")
    ] = None
    offsets: Annotated[
        Literal["auto", "domain", "sidecar"] | None,
        Parameter(help="Where the table keeps positions; default: auto."),
    ] = None
    on_data_loss: Annotated[
        Literal["fail", "go-on"] | None,
        Parameter(help="When records went out of retention unread; default: fail."),
    ] = None
    on_recreated: Annotated[
        Literal["fail", "restart"] | None,
        Parameter(help="When the stream is another of the same name; default: fail."),
    ] = None
    aggregation_out_of_range: Annotated[
        Literal["keep", "drop-record", "quarantine", "kcl"] | None,
        Parameter(help="Of records in KPL aggregates that belong to another shard; default: keep."),
    ] = None
    no_compact: Annotated[bool, Parameter(negative="", help="Leave small files as they are.")] = (
        False
    )
    single_writer: Annotated[
        bool, Parameter(negative="", help="Accept a store without put-if-absent.")
    ] = False
    store_option: Annotated[
        Many, Parameter(negative="", help="NAME=VALUE, a setting of the table's store.")
    ] = None
    who: WhoFlags = NOBODY

    def flags(self, name: str) -> Iterator[Flag]:
        """What they say of the stream of this name. Raises LF-2001 for what cannot be read."""
        at = ("streams", name)
        for flag, key, text in (
            ("--from", "start", self.from_), ("--name", "app_id", self.name),
            ("--workers", "workers", self.workers), ("--read-share", "read_share", self.read_share),
            ("--schema", "schema", _schema(self.schema)), ("--format", "format", self.format),
            ("--on-new-fields", "on_new_fields", self.on_new_fields),
            ("--bad-records", "bad_records", self.bad_records),
            ("--rejected", "dead_letter", self.rejected), ("--max-bad", "max_bad", self.max_bad),
            ("--offsets", "offsets", self.offsets),
            ("--on-data-loss", "on_data_loss", self.on_data_loss),
            ("--on-recreated", "on_recreated", self.on_recreated),
            ("--aggregation-out-of-range", "aggregation_out_of_range",
             self.aggregation_out_of_range),
            ("--endpoint-url", "endpoint", self.who.endpoint_url),
        ):  # fmt: skip
            if text is not None:
                yield Flag(flag, (*at, key), text)
        if self.raw:
            yield Flag("--raw", (*at, "format"), "raw")
        yield from self._form(at)
        if self.no_provenance:
            yield Flag("--no-provenance", (*at, "provenance"), False)
        if self.no_compact:
            yield Flag("--no-compact", (*at, "compact"), False)
        if self.single_writer:
            yield Flag("--single-writer", (*at, "single_writer"), True)
        if self.partition_by:
            yield Flag("--partition-by", (*at, "partition_by"), tuple(self.partition_by))
        if self.store_option:
            options = parse_pairs(self.store_option, "--store-option")
            yield Flag("--store-option", (*at, "store_options"), options)
        for key, text in flush_parts(self.flush or ()):
            yield Flag("--flush", (*at, "flush", key), text)
        if self.dedup is not None:
            columns, window = dedup_parts(self.dedup)
            yield Flag("--dedup", (*at, "dedup", "columns"), columns)
            yield Flag("--dedup", (*at, "dedup", "window"), window)

    def _form(self, at: tuple[str, ...]) -> Iterator[Flag]:
        """How lines and Avro are written."""
        if self.csv_delimiter is not None:
            yield Flag("--csv-delimiter", (*at, "csv", "delimiter"), self.csv_delimiter)
        if self.avro_framing is not None:
            yield Flag("--avro-framing", (*at, "avro", "framing"), self.avro_framing)
        if self.avro_writer:
            files = parse_pairs(self.avro_writer, "--avro-writer")
            known = {name: _schema(text) or text for name, text in files.items()}
            yield Flag("--avro-writer", (*at, "avro", "writers"), known)


NO_STREAM = StreamFlags()
FLUSHES = "write --flush 30s, --flush 128MB, or --flush 30s,128MB"


def _schema(text: str | None) -> str | None:
    """A file as seen from here, not from where a manifest lies."""
    # `isfile`, unlike Path's, says no to what is too long for a name: DDL of many columns.
    return str(Path(text).absolute()) if text is not None and isfile(text) else text


def flush_parts(given: list[str] | tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """`30s`, `128MB`, `30s,128MB` -> ('every', '30s'), ('size', '128MB'). Raises LF-2001."""
    said: dict[str, str] = {}
    for text in (part.strip() for one in given for part in one.split(",")):
        for key, reads in (("every", duration_s), ("size", size_bytes)):
            try:
                reads(text)
            except Unreadable as error:
                if error.code != "LF-2001":
                    raise _wrong(f"`{text}` {error.what}", "--flush", error.next_step) from error
            else:
                if key in said:
                    kind = "times" if key == "every" else "sizes"
                    raise _wrong(f"`{said[key]}` and `{text}` are two {kind}", "--flush", FLUSHES)
                said[key] = text
                break
        else:
            raise _wrong(f"`{text}` is neither a time nor a size", "--flush", FLUSHES)
    yield from said.items()


def dedup_parts(text: str) -> tuple[tuple[str, ...], str]:
    """`event_id:10m` -> (('event_id',), '10min'). Raises LF-2001."""
    columns, _, window = text.rpartition(":")
    names = tuple(filter(None, (one.strip() for one in columns.split(","))))
    if not names:
        step = "write --dedup event_id:10m, or --dedup tenant,event_id:1h"
        raise _wrong(f"`{text}` names no column, or no time", "--dedup", step)
    window = window.strip()
    return names, window.removesuffix("m") + "min" if window.endswith("m") else window


@dataclass(frozen=True, slots=True)
class Wanted:
    """One ingest as it was asked for."""

    said: StreamConfig
    folder: Path  # that relative paths of the manifest start at
    who: WhoFlags
    once: bool = False

    @property
    def extras(self) -> "Extras":
        from lakeferry.ingest.choices import Extras

        who = self.who
        return Extras(
            who.region, who.aws_profile, who.role, who.external_id, self.once, self.folder
        )

    def source(self) -> "SourceSettings":
        """Raises as `choices.source_of`."""
        from lakeferry.ingest.choices import source_of

        return source_of(self.said, self.extras)

    def target(self) -> "TargetSettings":
        """Raises as `choices.target_of`."""
        from lakeferry.ingest.choices import target_of

        return target_of(self.said, self.extras)

    def name(self) -> str:
        """Of the positions in the table. Raises LF-7001."""
        from lakeferry.ingest.choices import name_of

        return name_of(self.said)

    def ingest(self) -> "Ingest":
        """Raises as `choices.ingest_of`."""
        from lakeferry.ingest.choices import ingest_of

        return ingest_of(self.said, self.extras)


def wanted(
    stream: str,
    table: str | None,
    chosen: ManifestFlags,
    flags: StreamFlags,
    *,
    once: bool = False,
    only_stream: bool = False,
) -> Wanted:
    """The ingest of `STREAM TABLE`, or of a NAME in the manifest.

    Args:
        only_stream: nothing is asked of the table, which then need not be said.

    Raises:
        FerryError: LF-7063 where the manifest has no such stream, LF-2002 where there is none,
            LF-2001 where a stream that no manifest names lacks its table.
        ExceptionGroup: of FerryError, one for each fault.
    """
    if table is not None:
        return _of_flags(stream, table, flags, once)
    is_address = stream.startswith(("kinesis:", "arn:"))
    if only_stream and (is_address or stream not in read(chosen).manifest.streams):
        return _of_flags(stream, "./none", flags, once)
    if is_address:
        raise _wrong(
            f"`{stream}` goes into no table", "TABLE",
            f"name it: lakeferry ingest {stream} s3://BUCKET/PATH; only --infer needs none",
        )  # fmt: skip
    if chosen.path() is None:
        raise FerryError(
            "LF-2002", "there is no manifest", f"no lakeferry.yaml in {Path.cwd()} or above",
            f"name one with --file, or the table as well: lakeferry ingest {stream} TABLE",
        )  # fmt: skip
    found = read(chosen, is_needed=True)
    if stream not in found.manifest.streams:
        known = ", ".join(found.manifest.streams)
        raise FerryError(
            "LF-7063", f"the manifest has no stream `{stream}`",
            f"{found.manifest.file}; it has {known or 'none'}",
            "name one of them, or give stream and table: lakeferry ingest STREAM TABLE",
        )  # fmt: skip
    found = read(chosen, list(flags.flags(stream)), is_needed=True)
    file = Path(found.manifest.file)
    folder = file.parent if found.manifest.file != "-" else Path()
    return Wanted(found.manifest.streams[stream], folder, flags.who, once)


def _of_flags(stream: str, table: str, flags: StreamFlags, once: bool) -> Wanted:
    from lakeferry.ingest.stream_problems import stream_problems
    from lakeferry.ingest.words import Unclear, named_stream

    try:
        named = named_stream(stream)
    except Unclear as error:
        raise _wrong(error.what, "STREAM", error.next_step) from error
    name = _name(flags.name, named.name)
    at = ("streams", name)
    both = [Flag("STREAM", (*at, "from"), stream), Flag("TABLE", (*at, "to"), _absolute(table))]
    found = read_manifest(None, flags=[*both, *flags.flags(name)], streams=stream_problems)
    refuse(list(stream_problems(found.manifest)), found.document.texts)
    said = replace(found.manifest.streams[name], access=Deployment())
    return Wanted(said, Path(), flags.who, once)


def _name(flag: str | None, stream: str) -> str:
    """Of the positions: Kinesis allows names of streams that no path may have."""
    from lakeferry.ingest.position.state import checked_name
    from lakeferry.ingest.words import ingest_name

    try:
        return checked_name(ingest_name(flag or stream))
    except FerryError as error:
        step = "give --name another, such as --name clicks"
        raise FerryError(error.code, error.what, error.where, step) from error


def _absolute(table: str) -> str:
    """A local path that is relative stays what it is, and is told from one below a root."""
    if not table.strip() or "://" in table or table.startswith(("/", "~", ".", "file:")):
        return table  # what is empty, as of a variable that is not set, is not the folder here
    return f"./{table}"


def _wrong(what: str, where: str, next_step: str) -> FerryError:
    return FerryError("LF-2001", what, where, next_step)
