"""Published flow logs give their known totals, and odd ones are told, never guessed."""

import gzip
import json
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeferry.errors import FerryError
from lakeferry.network.fields import (
    CONNECTION_FORMAT,
    DEFAULT_FORMAT,
    FIELDS,
    RECOMMENDED_FORMAT,
    format_text,
    parse_format,
)
from lakeferry.network.flow_log import FlowBatch, ReadReport, read_flow_log
from tests.corpora import FLOWLOGS, required

HEADER = " ".join(DEFAULT_FORMAT).encode() + b"\n"
LINE = (
    b"2 123456789010 eni-1 10.0.0.1 10.0.0.2 443 49152 6 10 840 1439387263 1439387264 ACCEPT OK\n"
)
SHORT = ("version", "interface-id", "srcaddr", "dstaddr")
OF_SUBSCRIPTION = "cwl/otel-subscription-custom-4.json"

# records, Σ bytes, Σ packets, lines by action, by log-status, bad lines: as LIST.md states them.
PUBLISHED: dict[str, tuple[int, int, int, dict[str, int], dict[str, int], int]] = {
    "text-v2/docs-examples.log": (
        7, 18_025, 102, {"ACCEPT": 3, "REJECT": 2}, {"OK": 5, "NODATA": 1, "SKIPDATA": 1}, 0),
    "text-v2/flowlogs-reader.log": (
        6, 4_200, 50, {"ACCEPT": 2, "REJECT": 1}, {"OK": 3, "NODATA": 1, "SKIPDATA": 2}, 0),
    "text-v2/otel-nodata.log": (1, 0, 0, {}, {"NODATA": 1}, 0),
    "text-v2/otel-multi-no-final-newline.log": (
        2, 8_498, 40, {"ACCEPT": 1, "REJECT": 1}, {"OK": 2}, 0),
    "custom/docs-v3-tcp-flags-21.log": (8, 23_462_480, 17_121, {"ACCEPT": 8}, {"OK": 8}, 0),
    "custom/docs-nat-gateway-6.log": (4, 0, 0, {}, {}, 0),
    "custom/docs-nat-worker-6.log": (2, 0, 0, {}, {}, 0),
    "custom/docs-v3-transit-gateway-17.log": (4, 0, 0, {"ACCEPT": 4}, {"OK": 4}, 0),
    "custom/docs-v5-service-path-29.log": (2, 15_515, 21, {"ACCEPT": 2}, {"OK": 2}, 0),
    "custom/flowlogs-reader-v3-18.log": (2, 8_090, 20, {}, {}, 0),
    "custom/flowlogs-reader-v4-22.log": (2, 8_090, 20, {}, {}, 0),
    "custom/flowlogs-reader-v5-29-alphabetic.log": (2, 7_910, 31, {"ACCEPT": 2}, {"OK": 2}, 1),
    "custom/otel-v7-ecs-24.log": (1, 3_500, 15, {"ACCEPT": 1}, {"OK": 1}, 0),
    "cwl/otel-subscription-v2.json": (2, 8_498, 40, {"ACCEPT": 1, "REJECT": 1}, {"OK": 2}, 0),
    OF_SUBSCRIPTION: (2, 0, 0, {}, {}, 0),
    "parquet/flowlogs-reader.parquet": (3, 840, 10, {"ACCEPT": 1}, {"OK": 1, "NODATA": 2}, 0),
}  # fmt: skip


def chunks(body: bytes, size: int = 1 << 16) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


def read(
    body: bytes,
    *,
    fields: tuple[str, ...] | None = None,
    columns: tuple[str, ...] | None = None,
    text: bool = False,
    coded: bool = False,
    chunk: int = 1 << 16,
) -> tuple[list[FlowBatch], ReadReport]:
    report = ReadReport()
    found = read_flow_log(
        chunks(body, chunk), name="log", fields=fields, columns=columns, text=text, coded=coded,
        report=report,
    )  # fmt: skip
    return list(found), report


def column(batches: list[FlowBatch], name: str) -> list[object]:
    return [value for batch in batches for value in batch.rows[name].to_pylist()]


@pytest.mark.parametrize("path", PUBLISHED)
@pytest.mark.parametrize("chunk", [7, 1 << 16])
def test_every_published_log_gives_the_totals_that_are_known(path: str, chunk: int) -> None:
    body = required(FLOWLOGS / path).read_bytes()
    fields = SHORT if path == OF_SUBSCRIPTION else None
    batches, report = read(body, fields=fields, chunk=chunk)
    records, octets, packets, actions, statuses, bad = PUBLISHED[path]
    held = batches[0].rows.schema.names
    sums = [
        sum(value or 0 for value in column(batches, name)) if name in held else 0  # type: ignore[misc]
        for name in ("bytes", "packets")
    ]
    found = [value for value in (column(batches, "action") if "action" in held else []) if value]
    assert (report.records, sums, report.bad_lines) == (records, [octets, packets], bad)
    assert {value: found.count(value) for value in found} == actions
    assert report.by_status == statuses


def test_published_logs_cover_every_file_of_the_corpus() -> None:
    root = required(FLOWLOGS)
    files = [
        p for folder in ("text-v2", "custom", "cwl", "parquet") for p in root.glob(f"{folder}/*")
    ]
    assert {str(path.relative_to(root)) for path in files} == set(PUBLISHED)


def test_a_bad_line_is_shown_with_its_source_number_text_and_reason() -> None:
    _, report = read(HEADER + LINE + b"bogus line\n" + LINE)
    (bad,) = report.bad_samples
    assert (bad.source, bad.line, bad.text) == ("log", 3, "bogus line")
    assert bad.reason == "it has 2 fields where the format has 14"
    assert report.records == 2


def test_blanks_in_a_row_are_one() -> None:
    batches, report = read(HEADER + LINE.replace(b" ", b"  "))
    assert (column(batches, "bytes"), report.bad_lines) == ([840], 0)


def test_a_token_that_is_missing_beside_a_doubled_blank_is_seen() -> None:
    _, report = read(HEADER + LINE + LINE.replace(b" 840 ", b"  "))
    assert (report.records, report.bad_lines) == (1, 1)


@pytest.mark.parametrize("token", [b"0x1F", b"8.5", b"x", b"99999999999999999999"])
def test_a_token_that_is_no_integer_is_not_made_one(token: bytes) -> None:
    _, report = read(HEADER + LINE + LINE.replace(b" 840 ", b" %s " % token))
    assert (report.records, [bad.reason for bad in report.bad_samples]) == (
        1,
        ["bytes is no number"],
    )


@pytest.mark.parametrize("columns", [None, ("bytes",)])
def test_bytes_that_are_not_utf8_make_a_bad_line_only(columns: tuple[str, ...] | None) -> None:
    rows = HEADER + LINE + LINE.replace(b"eni-1", b"eni-\xff") + LINE

    _, report = read(rows, columns=columns)

    assert (report.records, [bad.reason for bad in report.bad_samples]) == (2, ["it is not UTF-8"])


def test_a_line_of_any_length_is_left_out_in_bounded_memory() -> None:
    report = ReadReport()
    huge = (b"x" * (1 << 20) for _ in range(20))

    def body() -> Iterator[bytes]:
        yield HEADER + LINE
        yield from huge
        yield b"\n" + LINE

    found = list(read_flow_log(body(), name="log", report=report))
    assert sum(batch.rows.num_rows for batch in found) == 2
    assert (report.bad_lines, report.bad_samples[0].line) == (1, 3)


@pytest.mark.parametrize("size", [70_000, 1 << 20, 3 << 20])
@pytest.mark.parametrize("text", [False, True])
def test_a_long_line_amid_a_block_is_a_bad_line_only(size: int, text: bool) -> None:
    batches, report = read(HEADER + LINE + b"x" * size + b"\n" + LINE, text=text)
    assert column(batches, "bytes").count("840" if text else 840) == 2
    assert (report.bad_lines, report.bad_samples[0].line) == (1, 3)


EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 30), st.binary(max_size=12)), max_size=6)


@settings(max_examples=150, deadline=None)
@given(EDITS, st.sampled_from(["text", "gzip", "parquet", "events"]), st.booleans())
def test_whatever_the_bytes_are_there_are_rows_or_a_refusal(
    edits: list[tuple[float, int, bytes]], kind: str, text: bool
) -> None:
    sink = pa.BufferOutputStream()
    pa.parquet.write_table(pa.table({"bytes": [7], "start": [60]}), sink)
    event = b'{"timestamp": 60000, "message": "%s"}\n' % LINE.strip()
    body = {
        "text": HEADER + LINE, "gzip": gzip.compress(HEADER + LINE),
        "parquet": sink.getvalue().to_pybytes(), "events": event,
    }[kind]  # fmt: skip
    for where, gone, come in edits:
        at = int(where * len(body))
        body = body[:at] + come + body[at + gone :]

    try:
        read(body, text=text)
    except FerryError as refused:
        assert refused.code.startswith("LF-62")  # noqa: PT017 - not every damage is seen


def test_a_header_with_a_byte_that_is_not_utf8_names_the_fields_that_it_names() -> None:
    header = HEADER.replace(b"account-id", b"account-\xff")

    batches, _ = read(header + LINE, columns=("bytes",))

    assert column(batches, "bytes") == [840]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_a_log_in_utf_16_says_so(encoding: str) -> None:
    mark = b"" if encoding == "utf-16" else b"\xfe\xff"

    with pytest.raises(FerryError, match="UTF-16") as raised:
        read(mark + (HEADER + LINE).decode().encode(encoding))

    assert (raised.value.code, raised.value.where) == ("LF-6204", "log")
    assert "iconv" in raised.value.next_step


@pytest.mark.parametrize(
    ("begin", "said"),
    [(b"PK\x03\x04", "zip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh9", "bzip2"),
     (b"\xfd7zXZ\x00", "xz")],
)  # fmt: skip
def test_a_log_that_is_packed_in_another_way_says_how(begin: bytes, said: str) -> None:
    with pytest.raises(FerryError, match=said) as raised:
        read(begin + b"\x00\x01 packed\n")

    assert (raised.value.code, raised.value.where) == ("LF-6204", "log")


def test_a_header_that_its_rows_do_not_have_is_told_by_the_first_of_them() -> None:
    with pytest.raises(FerryError) as raised:
        read(HEADER + b"\n".join(LINE.rsplit(b" ", 2)[:1]) + b"\n")

    assert raised.value.code == "LF-6203"
    assert raised.value.where.startswith(
        "log:2: it has 12 fields where the format has 14; the format: version account-id "
    )


def test_milliseconds_are_divided() -> None:
    body = LINE + LINE.replace(b"1439387263 1439387264", b"1512564058000 1512564059000")
    batches, _ = read(body)
    assert column(batches, "start") == [1439387263, 1512564058]
    assert column(batches, "end") == [1439387264, 1512564059]


def test_a_header_within_a_log_changes_the_format() -> None:
    batches, report = read(HEADER + LINE + b"bytes start interface-id\n7 60 eni-2\n")
    assert [batch.fields for batch in batches] == [
        DEFAULT_FORMAT,
        ("bytes", "start", "interface-id"),
    ]
    assert (column(batches, "bytes"), report.records) == ([840, 7], 2)


@pytest.mark.parametrize(
    "columns", [("srcaddr",), ("bytes",), ("interface-id", "log-status"), None]
)
@pytest.mark.parametrize("text", [True, False])
def test_a_header_is_no_event_whatever_is_read(columns: tuple[str, ...] | None, text: bool) -> None:
    batches, report = read(HEADER + LINE + HEADER + LINE, columns=columns, text=text)
    assert (sum(batch.rows.num_rows for batch in batches), report.records) == (2, 2)
    assert report.by_status == {"OK": 2}


@pytest.mark.parametrize("text", [True, False])
def test_logs_that_were_put_together_are_read_as_fast_as_one(text: bool) -> None:
    batches, report = read((HEADER + LINE * 40) * 50, text=text)

    assert [batch.rows.num_rows for batch in batches] == [2000]
    assert (report.records, report.bad_lines) == (2000, 0)


def test_a_bad_line_of_logs_that_were_put_together_has_the_number_of_its_line() -> None:
    _, report = read((HEADER + LINE * 40) * 50 + b"bogus line\n" + LINE)

    (bad,) = report.bad_samples
    assert (bad.line, bad.text) == (50 * 41 + 1, "bogus line")


def test_a_header_wins_over_the_format_that_is_given() -> None:
    batches, _ = read(b"bytes start\n7 60\n", fields=DEFAULT_FORMAT)
    assert batches[0].fields == ("bytes", "start")


def test_a_log_without_header_in_another_format_needs_the_format() -> None:
    with pytest.raises(FerryError, match="states no format") as raised:
        read(b"7 60\n")
    assert raised.value.code == "LF-6201"
    batches, _ = read(b"7 60\n", fields=("bytes", "start"))
    assert column(batches, "bytes") == [7]


def test_a_header_that_fits_no_line_is_refused() -> None:
    with pytest.raises(FerryError) as raised:
        read(b"bytes start end\n" + LINE)
    assert raised.value.code == "LF-6203"


def test_a_field_that_a_format_lacks_is_named_with_the_format_to_ask_for() -> None:
    with pytest.raises(FerryError) as raised:
        read(LINE, columns=("bytes", "flow-direction"))
    assert raised.value.code == "LF-6202"
    assert "flow-direction" in raised.value.what
    assert "${log-status} ${flow-direction}" in raised.value.next_step


@pytest.mark.parametrize("lost", [1, 9, 40])
def test_a_gzip_body_that_ends_early_is_refused_after_its_whole_lines(lost: int) -> None:
    body = gzip.compress(HEADER + LINE * 1000)[:-lost]
    report = ReadReport()
    with pytest.raises(FerryError) as raised:
        for _ in read_flow_log(chunks(body, 50), name="log", report=report):
            pass
    assert raised.value.code == "LF-6204"
    assert report.bad_lines == 0


def test_gzip_members_follow_each_other() -> None:
    body = gzip.compress(HEADER + LINE) + gzip.compress(LINE) + b"\0" * 9
    for chunk in (1, 1 << 16):
        assert read(body, chunk=chunk)[1].records == 2


def test_bytes_that_are_no_gzip_after_a_member_are_refused() -> None:
    with pytest.raises(FerryError) as raised:
        read(gzip.compress(HEADER + LINE) + b"rubbish")
    assert raised.value.code == "LF-6204"


def test_text_keeps_every_token_and_when_the_event_was() -> None:
    batches, report = read(LINE + b"2 1 eni-2 - - - - - - - 60 120 - NODATA\n2 short\n", text=True)
    assert column(batches, "bytes") == ["840", "-", None]
    assert column(batches, "event_ms") == [1439387263000, 60_000, None]
    assert (report.records, report.bad_lines) == (3, 1)


def test_an_export_of_a_log_group_is_read_by_its_own_times() -> None:
    body = b"2026-11-23T10:00:10.250Z " + LINE
    assert column(read(body, text=True)[0], "event_ms") == [1795428010250]
    assert column(read(body)[0], "bytes") == [840]


@pytest.mark.parametrize("pretty", [False, True])
@pytest.mark.parametrize("form", ["lines", "events", "logEvents"])
def test_log_events_are_read_from_every_form_of_json(form: str, pretty: bool) -> None:
    events = [{"timestamp": 5000, "message": LINE.decode()}, {"timestamp": 6000, "message": "odd"}]
    if form == "lines":
        body = "\n".join(map(json.dumps, events))
    else:
        body = json.dumps({form: events}, indent=2 if pretty else None)
    batches, report = read(body.encode(), text=True)
    assert column(batches, "event_ms") == [5000, 6000]
    assert column(batches, "bytes") == ["840", None]
    assert report.bad_lines == 1


def test_json_that_is_no_log_event_is_a_bad_line() -> None:
    event = json.dumps({"timestamp": 5000, "message": LINE.decode().strip()}).encode()
    _, report = read(event + b'\n{"a": 1}\nnot json\n' + event)
    assert (report.records, [bad.line for bad in report.bad_samples]) == (2, [2, 3])


def test_parquet_as_text_shows_what_a_line_would() -> None:
    sink = pa.BufferOutputStream()
    table = pa.table({"interface_id": ["eni-1", None], "bytes": pa.array([7, None], pa.int64()),
                      "start": pa.array([60, 61], pa.int64())})  # fmt: skip
    pa.parquet.write_table(table, sink)
    batches, _ = read(sink.getvalue().to_pybytes(), text=True)
    assert column(batches, "bytes") == ["7", "-"]
    assert column(batches, "interface_id") == ["eni-1", "-"]
    assert column(batches, "event_ms") == [60_000, 61_000]


def test_a_parquet_row_with_a_text_for_a_number_is_bad_and_a_cut_file_refused() -> None:
    sink = pa.BufferOutputStream()
    pa.parquet.write_table(pa.table({"bytes": ["7", "-", "many"]}), sink)
    body = sink.getvalue().to_pybytes()
    batches, report = read(body)
    assert column(batches, "bytes") == [7, None]
    assert [(bad.line, bad.text) for bad in report.bad_samples] == [(3, "many")]
    with pytest.raises(FerryError) as raised:
        read(body[:-3])
    assert raised.value.code == "LF-6204"


def test_which_columns_are_read_may_depend_on_the_format_of_each_log() -> None:
    report = ReadReport()
    found = [
        [*batch.rows.schema.names]
        for body in (HEADER + LINE, b"bytes interface-id\n7 eni-1\n")
        for batch in read_flow_log(
            iter([body]), name="log", columns=lambda fields: fields[:1], text=True, report=report
        )
    ]
    assert found == [["version", "event_ms"], ["bytes", "event_ms"]]


def test_a_large_parquet_file_is_read_from_disk_as_a_small_one_is_from_memory() -> None:
    sink = pa.BufferOutputStream()
    table = pa.table({"bytes": pa.array(range(4_500_000), pa.int64())})
    pa.parquet.write_table(table, sink, compression="none", use_dictionary=False)
    assert len(sink.getvalue()) > 32 << 20
    report = ReadReport()
    body = sink.getvalue().to_pybytes()
    chunks = (body[at : at + (1 << 20)] for at in range(0, len(body), 1 << 20))
    found = [
        pc.sum(one.rows["bytes"]).as_py()
        for one in read_flow_log(chunks, name="large", report=report)
    ]
    assert (report.records, sum(found)) == (4_500_000, sum(range(4_500_000)))


TOKEN = st.sampled_from(
    ["7", "-", "eni-1", "0x7", "é", "1e3", "'", '"', "#", "\\", "18446744073709551616"]
)
GAP = st.sampled_from([" ", " ", " ", "  ", "\t"])
LINES = st.lists(st.lists(st.tuples(TOKEN, GAP), min_size=0, max_size=4), max_size=12)


@settings(max_examples=150, deadline=None)
@given(LINES, st.sampled_from(["\n", "\r\n"]), st.integers(1, 40), st.booleans())
def test_lines_are_read_as_a_plain_split_reads_them(
    lines: list[list[tuple[str, str]]], end: str, chunk: int, packed: bool
) -> None:
    fields = ("bytes", "interface-id", "action")
    texts = ["".join(token + gap for token, gap in line) for line in lines]
    body = " ".join(fields) + end + "7 eni-1 ACCEPT" + end + end.join(texts)
    raw = body.encode()
    batches, report = read(gzip.compress(raw) if packed else raw, chunk=chunk)
    expected, bad = [[7, "eni-1", "ACCEPT"]], 0
    for text in texts:
        tokens = text.split()
        if len(tokens) > 3 and tokens[3].startswith("#"):
            tokens = tokens[:3]
        if tokens and (len(tokens) != 3 or tokens[0] not in ("7", "-")):
            bad += 1
        elif tokens:
            row: list[object] = [None if token == "-" else token for token in tokens]
            expected.append([row[0] and 7, *row[1:]])
    found = [list(row.values()) for batch in batches for row in batch.rows.to_pylist()]
    assert (found, report.bad_lines) == (expected, bad)


def test_formats_are_written_as_aws_takes_them() -> None:
    for fields in (DEFAULT_FORMAT, RECOMMENDED_FORMAT, CONNECTION_FORMAT, tuple(FIELDS)):
        assert parse_format(format_text(fields)) == fields
    assert (len(DEFAULT_FORMAT), len(RECOMMENDED_FORMAT), len(FIELDS)) == (14, 26, 54)
    assert RECOMMENDED_FORMAT[:14] == DEFAULT_FORMAT
    assert format_text(("account-id", "bytes")) == "${account-id} ${bytes}"
    with pytest.raises(FerryError, match="bogus"):
        parse_format("${version} ${bogus}")


def test_coded_rows_hold_the_same_values() -> None:
    body = required(FLOWLOGS / "custom/flowlogs-reader-v5-29-alphabetic.log").read_bytes()
    plain, coded = read(body)[0][0].rows, read(body, coded=True)[0][0].rows
    assert pa.types.is_dictionary(coded["action"].type)
    assert coded.to_pylist() == plain.to_pylist()
    assert pc.sum(coded["bytes"]).as_py() == 7910
