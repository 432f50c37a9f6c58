"""Flags of `ingest` and streams of a manifest, as the settings that they make."""

import re
from pathlib import Path

import pyarrow as pa
import pytest

from lakeferry.cli.ingest.flags import StreamFlags, WhoFlags, dedup_parts, flush_parts, wanted
from lakeferry.cli.manifest_flags import NO_MANIFEST, ManifestFlags
from lakeferry.config.shape import Record
from lakeferry.config.stream_shape import STREAM
from lakeferry.connect.aws import AwsAccess
from lakeferry.demo.kinesis_feed_load import SCHEMA as MADE_UP
from lakeferry.errors import FerryError
from lakeferry.ingest.kinesis.signing import Endpoint
from lakeferry.ingest.payload.avro_rows import AvroForm
from lakeferry.ingest.payload.csv_rows import CsvForm
from lakeferry.ingest.payload.declared_schema import declared_schema
from lakeferry.ingest.payload.rows import RAW_SCHEMA
from lakeferry.ingest.settings import (
    DedupSettings,
    Ingest,
    PartitionColumn,
    PayloadSettings,
    Rhythm,
    SourceSettings,
    TargetSettings,
)

HERE = WhoFlags(region="eu-west-1")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_KINESIS", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)


def asked(stream: str, table: str | None, flags: StreamFlags) -> Ingest:
    return wanted(stream, table, NO_MANIFEST, flags).ingest()


def test_stream_and_table_are_enough() -> None:
    found = asked("kinesis://us-east-1/clicks", "s3://lake/clicks", StreamFlags())

    assert found == Ingest(
        "clicks",
        SourceSettings(
            "clicks", Endpoint("kinesis.us-east-1.amazonaws.com", "us-east-1"),
            AwsAccess("us-east-1"),
        ),
        TargetSettings("s3://lake/clicks"),
    )  # fmt: skip


def test_every_flag_is_a_setting(tmp_path: Path) -> None:
    (tmp_path / "clicks.sql").write_text("event_id STRING, ts TIMESTAMP")
    flags = StreamFlags(
        from_="at:2026-11-26T12:00:00Z", flush=["30s,128MB"], workers=2, name="lakeferry/c",
        read_share="40%", schema="clicks.sql", on_new_fields="rescue", bad_records="fail",
        rejected="s3://lake/bad", max_bad="5%", partition_by=["day=date(ts)"],
        dedup="event_id:10m", offsets="sidecar", on_data_loss="go-on", on_recreated="restart",
        aggregation_out_of_range="kcl", no_provenance=True, no_compact=True, single_writer=True,
        store_option=["checksum=none"],
        who=WhoFlags("https://vpce-1.kinesis.eu-west-1.vpce.amazonaws.com", "eu-west-1", "dev",
                     "arn:aws:iam::111122223333:role/r", "x"),
    )  # fmt: skip

    found = wanted("clicks", "s3://lake/clicks", NO_MANIFEST, flags, once=True).ingest()

    assert found == Ingest(
        name="c",
        source=SourceSettings(
            "clicks",
            Endpoint("vpce-1.kinesis.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
            AwsAccess("eu-west-1", "dev", "arn:aws:iam::111122223333:role/r", "x"),
            share=0.4,
            out_of_range="kcl",
        ),
        target=TargetSettings(
            "s3://lake/clicks",
            # S3 is met as the same identity.
            {"profile": "dev", "role": "arn:aws:iam::111122223333:role/r", "external_id": "x",
             "checksum": "none"},
            (PartitionColumn("day", "ts", "date"),),
            "s3://lake/bad", "sidecar", True,
        ),
        payload=PayloadSettings(
            pa.schema([("event_id", pa.string()), ("ts", pa.timestamp("us", "UTC"))]),
            "rescue", "fail", False, 0.05,
        ),
        dedup=DedupSettings(("event_id",), 600),
        rhythm=Rhythm(every_s=30, file_bytes=128_000_000, compact_every_s=None),
        workers=2, start="at:2026-11-26T12:00:00Z", once=True, on_loss="go on",
        on_recreated="restart",
    )  # fmt: skip


def test_a_declared_column_is_none_that_the_ingest_writes_itself() -> None:
    there, schema = ("kinesis://us-east-1/clicks", "s3://lake/clicks"), "id STRING, _ARRIVAL DATE"
    plain = StreamFlags(schema=schema)
    without = StreamFlags(schema=schema, no_provenance=True)
    window = StreamFlags(schema=schema, no_provenance=True, dedup="id:10m")

    for flags in (
        plain,
        window,
        StreamFlags(schema="_rescued_data STRING", on_new_fields="rescue"),
    ):
        with pytest.raises(FerryError) as refused:
            asked(*there, flags)
        assert refused.value.code == "LF-7061"
        assert "--no-provenance" in refused.value.next_step
    assert asked(*there, without).payload.provenance is False


def test_a_name_is_looked_for_in_the_manifest_and_flags_are_laid_upon_it(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "c.sql").write_text("event_id STRING")
    (tmp_path / "lakeferry.yaml").write_text(
        "version: 1\nconnections: {r: {kind: aws, region: us-west-2}}\n"
        "target: {root: s3://lake/, connection: r}\nstreams:\n"
        "  one: {from: clicks, to: streams/c, schema: schemas/c.sql, workers: 3, read_share: 50%,\n"
        "        dead_letter: streams/bad, flush: {every: 30 s, size: 64 MB}}\n"
    )
    below = tmp_path / "below"
    below.mkdir()

    found = wanted(
        "one", None, ManifestFlags(), StreamFlags(read_share="25%", flush=["5s"])
    ).ingest()

    assert (found.name, found.workers, found.source.share) == ("one", 3, 0.25)
    assert found.source.endpoint.host == "kinesis.us-west-2.amazonaws.com"
    assert (found.target.url, found.target.quarantine) == (
        "s3://lake/streams/c", "s3://lake/streams/bad",
    )  # fmt: skip
    assert (found.rhythm.every_s, found.rhythm.file_bytes) == (5, 64_000_000)
    assert found.payload.schema == pa.schema([("event_id", pa.string())])


def test_a_stream_that_the_manifest_does_not_have_is_told_with_those_it_has(
    tmp_path: Path,
) -> None:
    (tmp_path / "lakeferry.yaml").write_text(
        "version: 1\nstreams: {clicks: {from: clicks, to: /t}}\n"
    )

    with pytest.raises(FerryError) as refused:
        wanted("klicks", None, ManifestFlags(), StreamFlags())

    assert (refused.value.code, refused.value.where) == (
        "LF-7063", "lakeferry.yaml; it has clicks",
    )  # fmt: skip


def test_no_manifest_and_no_table_is_told() -> None:
    with pytest.raises(FerryError, match="LF-2002 there is no manifest"):
        wanted("clicks", None, ManifestFlags(), StreamFlags())


def test_an_address_that_is_empty_is_not_the_folder_here() -> None:
    with pytest.raises(ExceptionGroup) as refused:
        asked("kinesis://us-east-1/clicks", "", StreamFlags())

    assert "give the table's whole address" in str(refused.value.exceptions[0])


def test_a_region_is_not_told_twice_with_different_answers() -> None:
    with pytest.raises(FerryError, match="is in us-east-1, not in eu-west-1"):
        asked("kinesis://us-east-1/clicks", "/t", StreamFlags(who=HERE))


def test_an_endpoint_of_another_region_is_refused_before_anybody_is_asked() -> None:
    there = WhoFlags("https://vpce-1-x.kinesis.eu-west-1.vpce.amazonaws.com", "us-east-1")

    with pytest.raises(FerryError, match="is not in us-east-1") as refused:
        asked("clicks", "/t", StreamFlags(who=there))

    assert "kinesis://eu-west-1/clicks" in refused.value.next_step


def test_where_nothing_says_the_region_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "none")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)

    with pytest.raises(FerryError, match="nothing says the Region of `clicks`"):
        asked("clicks", "/t", StreamFlags())


def test_the_environment_may_say_another_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS", "http://localhost:4567")

    found = asked("clicks", "/t", StreamFlags(who=HERE))

    assert found.source.endpoint == Endpoint("localhost:4567", "eu-west-1", "/", False)
    assert found.source.access.endpoint is None  # other services are met as ever


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (StreamFlags(who=HERE, flush=["often"]), "`often` is neither a time nor a size"),
        (StreamFlags(who=HERE, flush=["128mb"]), "can mean 128 megabytes"),
        (StreamFlags(who=HERE, dedup="10m"), "`10m` names no column"),
        (StreamFlags(who=HERE, schema="nowhere.sql"), "nowhere.sql: No such file"),
        (StreamFlags(who=HERE, schema="a STRNG"), "`STRNG` is no type"),
        (StreamFlags(who=HERE, schema="a MAP<STRING, INT>"), "LF-7011"),
        (StreamFlags(who=HERE, name="a/b/c"), "`a/b/c` cannot be the name of an ingest"),
        (StreamFlags(who=HERE, store_option=["quick=yes"]), "unknown option `quick`"),
    ],
)
def test_a_flag_that_cannot_be_is_told_with_what_can(flags: StreamFlags, told: str) -> None:
    with pytest.raises((FerryError, ExceptionGroup)) as refused:
        asked("clicks", "s3://lake/t", flags)

    errors = getattr(refused.value, "exceptions", (refused.value,))
    assert told in str(errors[0])
    assert "next: " in str(errors[0])


def test_schema_may_be_ddl_itself() -> None:
    found = asked("clicks", "/t", StreamFlags(who=HERE, schema="a STRING, b INT"))

    assert found.payload.schema == pa.schema([("a", pa.string()), ("b", pa.int32())])


def test_ddl_may_be_longer_than_any_name_of_a_file() -> None:
    columns = [f"column_{number} STRING" for number in range(300)]

    found = asked("clicks", "/t", StreamFlags(who=HERE, schema=", ".join(columns)))

    assert len(found.payload.schema or ()) == 300


def test_a_flush_is_a_time_a_size_or_both() -> None:
    assert list(flush_parts(["30s", "128 MB"])) == [("every", "30s"), ("size", "128 MB")]
    assert list(flush_parts(["5 min, 1GB"])) == [("every", "5 min"), ("size", "1GB")]


@pytest.mark.parametrize("given", [["30s,40s"], ["128MB", "1 GB"]])
def test_a_flush_is_not_two_times_nor_two_sizes(given: list[str]) -> None:
    with pytest.raises(FerryError, match=r"are two (times|sizes)"):
        list(flush_parts(given))


@pytest.mark.parametrize(("stream", "name"), [("clicks", "a b/c"), ("x" * 65, None), ("_c", None)])
def test_a_name_that_no_path_may_have_is_one_error_that_says_name(
    stream: str, name: str | None
) -> None:
    """Kinesis allows 128 signs of a stream, and any of them first."""
    with pytest.raises(FerryError) as refused:
        asked(stream, "/t", StreamFlags(who=HERE, name=name))

    assert refused.value.code == "LF-7001"
    assert "--name" in refused.value.next_step
    assert asked(stream, "/t", StreamFlags(who=HERE, name="short")).name == "short"


@pytest.mark.parametrize("key", ["nope:10m", "geo:10m"])
def test_a_key_that_no_row_has_is_refused_before_a_table_is_made_for_it(key: str) -> None:
    schema = "a STRING, geo STRUCT<lat: DOUBLE>"
    with pytest.raises(FerryError, match="LF-7081"):
        asked("clicks", "/t", StreamFlags(who=HERE, schema=schema, dedup=key))

    assert asked("clicks", "/t", StreamFlags(who=HERE, schema=schema, dedup="a:10m")).dedup
    evolves = StreamFlags(who=HERE, schema=schema, dedup="nope:10m", on_new_fields="evolve")
    assert asked("clicks", "/t", evolves).dedup


@pytest.mark.parametrize(
    ("table", "rejected", "code", "told"),
    [
        ("s3://lake/clicks", "s3a://lake/clicks/", "LF-2103", "in one table"),
        ("s3://lake/clicks", "s3://lake/clicks/bad", "LF-2103", "bad records lies within"),
        ("s3://lake/bad/clicks", "s3://lake/bad", "LF-2103", "the table lies within"),
        ("s3://lake/clicks", "s4://lake/bad", "LF-2104", "s4://lake/bad"),
        ("s3://lake", None, "LF-2001", "no room for bad records"),
    ],
)
def test_bad_records_have_a_folder_of_their_own_or_all_is_refused(
    table: str, rejected: str | None, code: str, told: str
) -> None:
    flags = StreamFlags(who=HERE, rejected=rejected)

    with pytest.raises(FerryError, match=told) as refused:
        asked("clicks", table, flags)

    assert refused.value.code == code


def test_a_whole_bucket_may_be_a_table_where_bad_records_are_told_a_place_or_there_are_none() -> (
    None
):
    apart = StreamFlags(who=HERE, rejected="s3://bad/clicks")
    none = StreamFlags(who=HERE, schema="id BIGINT", bad_records="fail")

    assert asked("clicks", "s3://lake", apart).target.quarantine == "s3://bad/clicks"
    assert asked("clicks", "s3://lake", none).target.url == "s3://lake"


def test_a_window_of_keys_is_columns_and_a_time() -> None:
    assert dedup_parts("event_id:10m") == (("event_id",), "10min")
    assert dedup_parts("tenant, event_id: 1 h") == (("tenant", "event_id"), "1 h")


def test_the_defaults_that_the_manifest_tells_are_those_of_the_settings(tmp_path: Path) -> None:
    """Written out, they change nothing."""
    # Told in words, or of another format.
    wordy = ("app_id", "dead_letter", "format", "connection", "dedup", "csv", "avro")
    said = []
    for key, one in STREAM.fields.items():
        if isinstance(one.shape, Record) and key not in wordy:
            inner = ", ".join(f"{name}: {each.default}" for name, each in one.shape.fields.items())
            said.append(f"{key}: {{{inner}}}")
        elif one.default and key not in wordy:
            said.append(f"{key}: {one.default}")
    head = "version: 1\nstreams:\n  c:\n    from: kinesis://us-east-1/c\n    to: s3://lake/c\n"
    head += "    schema: a STRING\n"
    (tmp_path / "lakeferry.yaml").write_text(head)
    short = wanted("c", None, ManifestFlags(), StreamFlags()).ingest()

    (tmp_path / "lakeferry.yaml").write_text(head + "".join(f"    {one}\n" for one in said))
    long = wanted("c", None, ManifestFlags(), StreamFlags()).ingest()

    assert len(said) > 12
    assert long == short


def test_lines_of_csv_are_asked_for_by_flags() -> None:
    flags = StreamFlags(who=HERE, format="csv", schema="a INT, b STRING", csv_delimiter="\\t")

    found = asked("clicks", "/t", flags).payload

    assert found == PayloadSettings(
        pa.schema([("a", pa.int32()), ("b", pa.string())]), form=CsvForm("\t")
    )


AVRO = '{"type": "record", "name": "C", "fields": [{"name": "id", "type": "long"}]}'
OLDER = AVRO.replace("long", "int")


def test_avro_is_asked_for_by_flags_with_the_schemas_of_files(tmp_path: Path) -> None:
    (tmp_path / "c.avsc").write_text(AVRO)
    (tmp_path / "c-1.avsc").write_text(OLDER)
    flags = StreamFlags(
        who=HERE, format="avro", schema="c.avsc", avro_framing="confluent",
        avro_writer=["1=c-1.avsc", "2=c.avsc"],
    )  # fmt: skip

    found = asked("clicks", "/t", flags).payload

    assert found == PayloadSettings(
        pa.schema([pa.field("id", pa.int64(), nullable=False)]),
        form=AvroForm("confluent", AVRO, {"1": OLDER, "2": AVRO}),
    )


def test_avro_of_a_manifest_has_its_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "c.avsc").write_text(AVRO)
    (tmp_path / "m" / "lakeferry.yaml").write_text(
        "version: 1\nstreams:\n  c: {from: kinesis://us-east-1/c, to: s3://lake/c, format: avro, "
        "schema: ./c.avsc, avro: {framing: single-object, writers: {old: c.avsc}}}\n"
    )
    manifest = ManifestFlags(file=str(tmp_path / "m" / "lakeferry.yaml"))

    found = wanted("c", None, manifest, StreamFlags()).ingest().payload

    assert found.form == AvroForm("single-object", AVRO, {"old": AVRO})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "LF-7061"),
        (AVRO.replace('"long"', '["int", "string"]'), "LF-7011"),
        ('{"type": "record", "name": "C", "fields": [{"name": "id", "type": "long"}, '
         '{"name": "ID", "type": "long"}]}', "LF-7061"),
    ],
)  # fmt: skip
def test_a_schema_of_avro_that_makes_no_columns_is_refused(
    text: str, code: str, tmp_path: Path
) -> None:
    (tmp_path / "c.avsc").write_text(text)
    flags = StreamFlags(who=HERE, format="avro", schema="c.avsc", avro_framing="bare")

    with pytest.raises(FerryError, match=code):
        asked("clicks", "/t", flags)


def test_a_type_that_no_line_holds_is_refused_before_anything_is_read() -> None:
    flags = StreamFlags(who=HERE, format="csv", schema="a ARRAY<STRING>")

    with pytest.raises(FerryError, match="LF-7011"):
        asked("clicks", "/t", flags)


def test_what_is_wrong_with_flags_is_told_at_once() -> None:
    flags = StreamFlags(who=HERE, workers=0, read_share="0%", format="csv")

    with pytest.raises(ExceptionGroup) as refused:
        asked("clicks", "/t", flags)

    told = "\n".join(map(str, refused.value.exceptions))
    assert "records of csv need a schema" in told
    assert "read_share: it is above 0%" in told
    assert "workers: 0 is less than 1" in told


def test_the_example_reads_requests_by_the_schema_that_the_job_of_spark_has() -> None:
    """And both are what the demo's Kinesis makes up."""
    examples = Path(__file__).resolve().parents[2] / "examples"
    job = (examples / "api_requests" / "requests_table.py").read_text()
    (ddl,) = re.findall(r'^SCHEMA = """(.*?)"""', job, re.DOTALL | re.MULTILINE)
    manifest = ManifestFlags(file=str(examples / "ingest.yaml"))

    found = wanted("requests", None, manifest, StreamFlags()).ingest()
    raw = wanted("requests-raw", None, manifest, StreamFlags()).ingest()

    schema = found.payload.schema
    assert schema == declared_schema(ddl, "")
    assert schema.names == MADE_UP.names
    assert [one.type for one in schema][:-1] == [one.type for one in MADE_UP][:-1]
    assert found.target.partition_by == (PartitionColumn("arrived_on", "_arrival", "date"),)
    assert raw.target.partition_by[0].of in RAW_SCHEMA.names
