"""Bills as AWS delivers them -> lines of one form, exact, with what is malformed told by name."""

import gzip
import io
import zipfile
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeferry.cost.bill.lines import (
    SCHEMA,
    BillFile,
    BillReport,
    fetched_file,
    local_file,
    read_lines,
)
from lakeferry.errors import FerryError
from tests.cost.bills import (
    ENCODINGS,
    BillLine,
    csv_text,
    cur2,
    file,
    legacy,
    parquet,
    sample,
    seconds,
    without,
    zipped,
)

TWO = [
    BillLine("a", tags={"user_map_migrated": "mig12345"}),
    BillLine("b", amount="12.3456789012", cost="0.5555555505", hour=5, invoice="INV7"),
]


def read(bill: BillFile, report: BillReport | None = None) -> pa.Table:
    return pa.Table.from_batches(read_lines(bill, report or BillReport()), SCHEMA)


@pytest.mark.parametrize("content", [cur2(TWO), parquet(TWO), legacy(TWO), zipped(legacy(TWO))])
def test_a_line_is_the_same_in_every_encoding(content: bytes) -> None:
    lines = read(file(content)).to_pylist()

    assert [one["id"] for one in lines] == ["a", "b"]
    assert [one["amount"] for one in lines] == [Decimal(1), Decimal("12.3456789012")]
    assert [one["cost"] for one in lines] == [Decimal("0.045"), Decimal("0.5555555505")]
    assert (lines[1]["start"], lines[1]["end"]) == (seconds(5), seconds(6))
    assert [one["tag"] for one in lines] == ["mig12345", ""]
    assert [one["final"] for one in lines] == [False, True]


@pytest.mark.parametrize("name", ENCODINGS)
def test_the_sample_has_160_lines_of_which_none_is_malformed(name: str) -> None:
    report = BillReport()
    read(sample(name), report)

    assert (report.rows, report.malformed, report.sources) == (160, 0, {name: 160})


def test_the_three_encodings_of_the_sample_hold_the_same_lines() -> None:
    csv, columns, old = (read(sample(name)) for name in ENCODINGS)
    told = [name for name in SCHEMA.names if name != "period"]  # the legacy file does not say it

    assert columns.equals(csv)
    assert old.select(told).equals(csv.select(told))


def test_a_double_is_the_shortest_decimal_that_reads_back_as_it() -> None:
    line = BillLine("a", amount="0.1", cost="99999.0123456789")

    (found,) = read(file(parquet([line]))).to_pylist()

    assert (found["amount"], found["cost"]) == (Decimal("0.1"), Decimal("99999.0123456789"))


def test_an_exponent_is_read_as_the_number_it_is() -> None:
    (found,) = read(file(cur2([BillLine("a", amount="4E-7", cost="0E-10")]))).to_pylist()

    assert (found["amount"], found["cost"]) == (Decimal("0.0000004"), Decimal(0))


def test_the_tag_is_found_however_its_key_is_spelt() -> None:
    spelt = [
        BillLine("a", tags={"user_map-migrated": "mig12345"}),
        BillLine("b", tags={"user:map-migrated": "mig12345"}),
        BillLine("c", tags={"user_map": "mig12345"}),
    ]

    for content in (cur2(spelt), parquet(spelt)):
        assert read(file(content))["tag"].to_pylist() == ["mig12345", "mig12345", ""]


def test_a_key_in_capitals_is_another_key_where_the_bill_tells() -> None:
    """CUR 2.0 folds them by itself: then both are `user_map_migrated`, and nobody can tell."""
    right, wrong = b"resourceTags/user:map-migrated", b"resourceTags/user:Map-Migrated"
    content = legacy([BillLine("a", tags={"user_map_migrated": "mig12345"})])
    lines = [
        BillLine("a", tags={"user_Map-Migrated": "mig12345"}),
        BillLine("b", tags={"user:MAP-MIGRATED": "mig99999", "user:map-migrated": "mig12345"}),
    ]

    def both(first: bytes, second: bytes) -> bytes:
        """The right column filled and the other one empty, or the reverse."""
        head, row = content.split(b"\n", 1)
        return head.replace(right, first + b"," + second) + b"\n" + row.replace(b"\n", b",\n")

    assert read(file(content.replace(right, wrong)))["tag"].to_pylist() == [""]
    assert read(file(both(right, wrong)))["tag"].to_pylist() == ["mig12345"]
    assert read(file(both(wrong, right)))["tag"].to_pylist() == [""]
    for told in (cur2(lines), parquet(lines)):
        assert read(file(told))["tag"].to_pylist() == ["", "mig12345"]


def test_a_number_that_is_none_leaves_its_line_out_and_is_named() -> None:
    report = BillReport()
    lines = [BillLine("a"), BillLine("b", cost="4,50"), BillLine("c", amount="NaN")]

    found = read(file(cur2(lines)), report)

    assert found["id"].to_pylist() == ["a"]
    assert report.malformed == 2
    assert [(one.source, one.row, one.reason) for one in report.samples] == [
        ("bill", 3, "its cost is no number"),
        ("bill", 4, "its usage amount is no number"),
    ]


def test_a_double_that_is_no_number_leaves_its_line_out() -> None:
    report = BillReport()
    read(file(parquet([BillLine("a"), BillLine("b", cost="nan")])), report)

    assert [(one.row, one.reason) for one in report.samples] == [(2, "its cost is no number")]


def test_a_row_with_a_column_too_many_is_left_out_and_named() -> None:
    text = csv_text([BillLine(id).columns() for id in "abc"]).splitlines()
    text[2] += ",more"
    report = BillReport()

    found = read(file("\n".join(text).encode()), report)

    assert found["id"].to_pylist() == ["a", "c"]
    assert (report.malformed, report.samples[0].row) == (1, 3)
    assert report.samples[0].reason == "it has 19 columns where the header has 18"


def test_a_time_that_is_none_or_runs_backwards_leaves_its_line_out() -> None:
    rows = [BillLine("a").columns() for _ in range(2)]
    rows[0] |= {"line_item_usage_start_date": "soon", "identity_time_interval": ""}
    rows[1] |= {"identity_time_interval": "2026-10-01T05:00:00Z/2026-10-01T04:00:00Z"}
    report = BillReport()

    assert read(file(csv_text(rows).encode()), report).num_rows == 0
    assert {one.reason for one in report.samples} == {"its time is none, or ends before it starts"}


def test_a_tax_needs_no_amount_but_a_volume_does() -> None:
    report = BillReport()
    lines = [BillLine("a", amount="", kind="Tax"), BillLine("b", amount="")]

    found = read(file(cur2(lines)), report)

    assert (found["id"].to_pylist(), found["amount"].to_pylist()) == (["a"], [Decimal(0)])
    assert report.malformed == 1


def test_a_bill_without_invoice_numbers_does_not_say_whether_it_is_final() -> None:
    content = csv_text([without(BillLine("a"), "bill_invoice_id")]).encode()

    assert read(file(content))["final"].to_pylist() == [None]


@pytest.mark.parametrize("part", [0.3, 0.9])
@pytest.mark.parametrize("content", [cur2(TWO * 50), parquet(TWO * 50), zipped(legacy(TWO * 50))])
def test_a_file_that_is_cut_short_is_refused(content: bytes, part: float) -> None:
    with pytest.raises(FerryError, match="LF-6601"):
        read(file(content[: int(len(content) * part)]))


def test_a_file_that_lacks_a_column_is_refused_by_its_name() -> None:
    content = csv_text([without(BillLine("a"), "line_item_unblended_cost")]).encode()

    with pytest.raises(FerryError, match="it lacks line_item_unblended_cost") as caught:
        read(file(content, "oct.csv"))

    assert caught.value.code == "LF-6602"
    assert "oct.csv" in caught.value.where


def test_a_focus_export_is_told_from_a_bill() -> None:
    with pytest.raises(FerryError, match="this is a FOCUS export"):
        read(file(b"BilledCost,ChargePeriodStart\n1,2026-10-01\n"))


def test_a_header_alone_is_a_bill_without_lines() -> None:
    content = gzip.compress(csv_text([BillLine("a").columns()]).splitlines()[0].encode() + b"\n")

    assert read(file(content)).num_rows == 0


@pytest.mark.parametrize("content", [cur2(TWO), parquet(TWO), legacy(TWO), zipped(legacy(TWO))])
def test_a_file_may_come_in_pieces_from_a_store_or_lie_on_this_machine(
    content: bytes, tmp_path: Path
) -> None:
    pieces = [content[at : at + 7] for at in range(0, len(content), 7)]
    (tmp_path / "bill").write_bytes(content)

    fetched = read(fetched_file("s3://bills/bill", lambda: iter(pieces)))

    assert fetched.equals(read(local_file(str(tmp_path / "bill"))))
    assert fetched["id"].to_pylist() == ["a", "b"]


def test_a_file_that_is_not_there_is_no_damaged_bill() -> None:
    with pytest.raises(FileNotFoundError):
        read(local_file("no-such-bill.csv"))


def test_a_number_of_more_digits_than_can_be_exact_is_none() -> None:
    report = BillReport()
    lines = [BillLine("a", cost="0.5"), BillLine("b", cost="1e-50"), BillLine("c", cost="1e60")]

    found = read(file(cur2(lines)), report)

    assert found["cost"].to_pylist() == [Decimal("0.5")]
    assert report.malformed == 2


@pytest.mark.parametrize("tags", ["{", "[1]", "", "null"])
def test_tags_that_are_no_json_are_no_tags(tags: str) -> None:
    content = csv_text([BillLine("a").columns() | {"resource_tags": tags}]).encode()

    assert read(file(content))["tag"].to_pylist() == [""]


def test_of_many_malformed_rows_the_first_are_shown_and_all_are_counted() -> None:
    report = BillReport()
    read(file(cur2([BillLine(str(at), cost="x") for at in range(50)])), report)

    assert (report.malformed, len(report.samples)) == (50, 20)


def test_a_file_that_is_no_text_is_refused() -> None:
    header, _ = csv_text([BillLine("a").columns()]).encode().split(b"\n", 1)

    with pytest.raises(FerryError, match="LF-6601"):
        read(file(header + b"\n" + b",".join([b"\xff\xfe"] * 18) + b"\n"))


@pytest.mark.parametrize("content", [b"a,b\rc,d\n1,2\n", b"a" * 200_000 + b",b\n"])
def test_a_header_that_is_no_line_of_csv_is_refused(content: bytes) -> None:
    with pytest.raises(FerryError, match=r"LF-660[12]"):
        read(file(content))


@pytest.mark.parametrize("content", [cur2(TWO * 30), parquet(TWO * 30), zipped(legacy(TWO * 30))])
@settings(max_examples=60, deadline=None)
@given(where=st.floats(0, 1, exclude_max=True), octet=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_file_is_refused_or_its_rows_are_read_but_nothing_else_happens(
    content: bytes, where: float, octet: int, cut: bool
) -> None:
    at = int(where * len(content))
    damaged = content[:at] if cut else content[:at] + bytes([octet]) + content[at + 1 :]

    try:
        read(file(damaged))
    except FerryError as refused:
        assert refused.code in ("LF-6601", "LF-6602")  # noqa: PT017 - not every damage is seen


@pytest.mark.filterwarnings("error")
def test_a_row_that_is_no_text_and_has_a_column_too_many_is_no_silent_loss() -> None:
    text = csv_text([BillLine("a").columns()]).encode() + b"\xff" + b"," * 18 + b"\n"

    with pytest.raises(FerryError, match="LF-6601"):
        read(file(text))


def test_a_zip_of_two_files_is_refused() -> None:
    packed = io.BytesIO(zipped(legacy(TWO)))
    with zipfile.ZipFile(packed, "a") as more:
        more.writestr("another.csv", "x")

    with pytest.raises(FerryError, match="one file"):
        read(file(packed.getvalue()))


def test_text_of_a_parquet_file_that_is_no_text_is_refused() -> None:
    content = parquet([BillLine("a", resource="i-0123456789abcdef")])

    with pytest.raises(FerryError, match="LF-6601"):
        read(file(content.replace(b"0123456789abcdef", b"\xff" * 16)))
