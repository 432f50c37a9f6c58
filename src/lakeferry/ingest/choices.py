"""What a manifest or flags say of a stream -> the settings of its ingest. Resolves and reads files.

What is left out has its default in `settings`; what cannot be was refused by `stream_problems`.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from lakeferry.config.manifest import StreamConfig
from lakeferry.config.target_encryption import with_encryption
from lakeferry.connect.aws import AwsAccess, usual_region
from lakeferry.connect.references import resolved
from lakeferry.errors import FerryError
from lakeferry.ingest.kinesis.signing import endpoint_of
from lakeferry.ingest.payload.avro_rows import AvroForm, Framing
from lakeferry.ingest.payload.avro_schema import avro_columns, parsed_avro
from lakeferry.ingest.payload.csv_rows import CsvForm
from lakeferry.ingest.payload.declared_schema import declared_schema, refuse_twins
from lakeferry.ingest.payload.repair import PROVENANCE
from lakeferry.ingest.payload.row_schema import may_reject, refuse_own, row_schema
from lakeferry.ingest.position.state import checked_name
from lakeferry.ingest.settings import (
    DedupSettings,
    Ingest,
    PayloadSettings,
    Rhythm,
    SourceSettings,
    TargetSettings,
)
from lakeferry.ingest.words import Unclear, delimiter, ingest_name, named_stream, partition_column
from lakeferry.store.open import is_within, locate

_OWN = {field.name for field in PROVENANCE}
USUAL_WINDOW_S = 600  # of keys
_DDL = "name a file with --schema, or write DDL: --schema 'event_id STRING, ts TIMESTAMP'"
_AVRO_FILE = "name files with Avro's JSON: --schema clicks.avsc, --avro-writer 17=clicks-17.avsc"
# A host of Kinesis' own, or of a VPC endpoint, says its Region.
_HOST = re.compile(r"(?:^|\.)kinesis(?:-fips)?\.([a-z]{2}(?:-[a-z]+)+-[0-9]+)\.")


@dataclass(frozen=True, slots=True)
class Extras:
    """What no manifest says: as whom AWS is asked now, and how this run goes."""

    region: str | None = None
    profile: str | None = None  # of the AWS configuration files
    role: str | None = None
    external_id: str | None = None
    once: bool = False
    folder: Path = Path()  # that relative paths of the manifest start at


def ingest_of(said: StreamConfig, extras: Extras) -> Ingest:
    """All settings of one ingest.

    Raises:
        FerryError: LF-7001 for a name that is none, LF-7061 and LF-7011 for its schema, LF-7081 for
            a key that no row has, LF-2103 for bad records in the table's own folder, LF-2001 for
            anything else that does not fit together, LF-2104 for an address that is none.
    """
    chosen: dict[str, Any] = {
        "workers": said.workers,
        "start": None if said.start is None else resolved(said.start),
        "on_loss": None if said.on_data_loss is None else said.on_data_loss.replace("-", " "),
        "on_recreated": said.on_recreated,
    }
    payload = _payload(said, extras.folder)
    source, target = source_of(said, extras), target_of(said, extras)
    if may_reject(payload, source):
        from lakeferry.ingest.table.quarantine import refuse_no_room  # looks alone need no table

        refuse_no_room(target)
    dedup = _dedup(said, payload)
    by_own = any(one.of in _OWN for one in target.partition_by)
    if payload.schema is not None and (by_own or dedup is not None):
        refuse_own(payload.schema, PROVENANCE)  # read even where rows come without
    return Ingest(
        name=name_of(said),
        source=source,
        target=target,
        payload=payload,
        dedup=dedup,
        rhythm=_rhythm(said),
        once=extras.once,
        **_given(chosen),
    )


def source_of(said: StreamConfig, extras: Extras) -> SourceSettings:
    """The stream, and how it is asked. Raises LF-2001 where Regions differ or none is said."""
    text = resolved(said.source)
    try:
        named = named_stream(text)
    except Unclear as error:
        raise _wrong(error.what, error.next_step) from error
    flag = extras.region
    if flag and named.region and flag != named.region:
        raise _wrong(f"`{text}` is in {named.region}, not in {flag}", "leave --region out")
    link = said.access
    profile = extras.profile or link.profile
    region = named.region or flag or link.region or usual_region(profile)
    if region is None:
        step = "say it: kinesis://us-east-1/NAME, --region, or AWS_REGION"
        raise _wrong(f"nothing says the Region of `{text}`", step)
    region = resolved(region)
    access = AwsAccess(
        region, profile, extras.role or link.role, extras.external_id or link.external_id
    )
    url = said.endpoint or _usual_endpoint()
    try:
        endpoint = endpoint_of(region, None if url is None else resolved(url))
    except ValueError as error:
        raise _wrong(str(error), "write it as in https://vpce-0a1b.kinesis...") from error
    told = _HOST.search(endpoint.host)
    if told is not None and told[1] != region:
        step = f"write kinesis://{told[1]}/{named.name}, or name an endpoint in {region}"
        raise _wrong(f"the endpoint {endpoint.host} is not in {region}", step)
    chosen = {
        "share": said.read_share,
        "out_of_range": said.out_of_range,
        "buffer_bytes": said.buffer_bytes,
    }
    return SourceSettings(named.stream, endpoint, access, **_given(chosen))


def _usual_endpoint() -> str | None:
    """As AWS's own SDKs find it. Source: SDKs Reference Guide, "Service-specific endpoints"."""
    names = ("AWS_ENDPOINT_URL_KINESIS", "AWS_ENDPOINT_URL")
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def name_of(said: StreamConfig) -> str:
    """Of the positions in the table. Raises LF-7001 for a name that is none."""
    return checked_name(ingest_name(said.app_id or said.name))


def target_of(said: StreamConfig, extras: Extras) -> TargetSettings:
    """The table. Raises LF-2104 for an address that is none, LF-2001 for an unknown option."""
    url = _place(said.target, said.root)
    chosen = {
        "quarantine": None if said.dead_letter is None else _place(said.dead_letter, said.root),
        "offsets": said.offsets,
        "single_writer": said.single_writer,
    }
    options = _store_options(url, said, extras)
    locate(url, options)
    return TargetSettings(
        url,
        options,
        tuple(partition_column(one) for one in said.partition_by),
        **_given(chosen),
    )


def _place(text: str, root: str | None) -> str:
    """An address as it is; a path below the root."""
    text = resolved(text)
    if root is None or "://" in text or text.startswith(("/", "~", ".", "file:")):
        return text
    return f"{resolved(root).rstrip('/')}/{text}"


def _store_options(url: str, said: StreamConfig, extras: Extras) -> Mapping[str, str]:
    """S3 is met as whoever reads the stream, unless it is said otherwise."""
    if not _is_in_s3(url):
        return dict(said.store_options)
    given, link = _as_the_target(url, said), said.access
    if "access_key_id" in given:
        return given
    usual = {"profile": extras.profile or link.profile, "role": extras.role or link.role}
    if usual["role"]:
        usual["external_id"] = extras.external_id or link.external_id
    return {**{key: value for key, value in usual.items() if value}, **given}


def _as_the_target(url: str, said: StreamConfig) -> Mapping[str, str]:
    """The options that are said; below the manifest's target, with its encryption and lock."""
    given, root = dict(said.store_options), resolved(said.root or "")
    if not _is_in_s3(root) or not is_within(locate(url, given), locate(root, given)):
        return given
    lock = {} if said.commit_lock is None else {"commit_lock": said.commit_lock}
    return {**lock, **(given if "sse" in given else with_encryption(given, said.encryption))}


def _is_in_s3(url: str) -> bool:
    return url.startswith(("s3://", "s3a://", "s3n://"))


def _payload(said: StreamConfig, folder: Path) -> PayloadSettings:
    schema, form = None, _form(said, folder)
    if said.schema is not None:
        text = resolved(said.schema)
        is_avro = isinstance(form, AvroForm)
        schema = avro_schema(text, folder) if is_avro else read_schema(text, folder)
    chosen = {
        "on_new": said.on_new_fields,
        "on_bad": said.bad_records,
        "provenance": said.provenance,
        "most_bad": said.max_bad,
    }
    payload = PayloadSettings(schema, form=form, **_given(chosen))
    row_schema(payload)
    return payload


def _form(said: StreamConfig, folder: Path) -> CsvForm | AvroForm | None:
    if said.format == "csv":
        return CsvForm(delimiter(said.csv_delimiter or ","))
    if said.format != "avro" or said.schema is None or said.avro_framing is None:
        return None
    reader, _ = _text_of(resolved(said.schema), folder, _AVRO_FILE)
    writers = {}
    for name, file in said.avro_writers.items():
        text, where = _text_of(resolved(file), folder, _AVRO_FILE)
        parsed_avro(text, where)
        writers[name] = text
    return AvroForm(cast(Framing, said.avro_framing), reader, writers)


def read_schema(text: str, folder: Path = Path()) -> Any:
    """The schema of a file, or of the text itself. Raises LF-7061, LF-2002."""
    return declared_schema(*_text_of(text, folder))


def avro_schema(text: str, folder: Path = Path()) -> Any:
    """The columns of Avro's schema in a file. Raises LF-7061, LF-7011, LF-2002."""
    said, where = _text_of(text, folder, _AVRO_FILE)
    schema = avro_columns(said, where)
    refuse_twins(schema, where)
    return schema


def _text_of(text: str, folder: Path, way_out: str = _DDL) -> tuple[str, str]:
    """What stands in a file, or the text itself; and where. Raises LF-2002."""
    path = folder / text
    looks_like_text = any(sign in text for sign in ' \n{"')
    try:
        if path.is_file() or not looks_like_text:
            return path.read_text(encoding="utf-8-sig"), str(path)
    except (OSError, UnicodeDecodeError) as error:
        if not looks_like_text:
            said = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
            raise FerryError(
                "LF-2002", "the schema cannot be read", f"{path}: {said}",
                way_out,
            ) from error  # fmt: skip
    return text, "schema"


def _dedup(said: StreamConfig, payload: PayloadSettings) -> DedupSettings | None:
    if not said.dedup_columns:
        return None
    if payload.on_new != "evolve":  # else the table may have columns that are not declared
        from lakeferry.ingest.dedup.key_hash import refuse_unfit  # looks alone need no NumPy

        refuse_unfit(row_schema(payload), said.dedup_columns)
    return DedupSettings(said.dedup_columns, said.dedup_window_s or USUAL_WINDOW_S)


def _rhythm(said: StreamConfig) -> Rhythm:
    chosen = {"every_s": said.flush_s, "file_bytes": said.flush_bytes}
    rhythm = Rhythm(**_given(chosen))
    return replace(rhythm, compact_every_s=None) if said.compact is False else rhythm


def _given(chosen: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in chosen.items() if value is not None}


def _wrong(what: str, next_step: str) -> FerryError:
    return FerryError("LF-2001", what, "the stream of an ingest", next_step)
