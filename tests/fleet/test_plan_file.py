"""A plan as a file: it comes back as it was, and shows when it was touched."""

from dataclasses import fields
from decimal import Decimal
from pathlib import Path

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.errors import FerryError
from lakeferry.fleet.planning.plan_file import plan_bytes, plan_sha256, read_plan
from lakeferry.fleet.planning.planned import (
    Cold,
    FleetPlan,
    PlannedTable,
    Priced,
    Retrieved,
    Stored,
    Way,
)
from lakeferry.fleet.standing.time_left import Left
from tests.fleet.plans import line, plan_of

COUNTS = st.integers(0, 2**62)
TABLES = st.builds(
    line,
    name=st.text(min_size=1).filter(lambda text: text.isprintable()),
    action=st.sampled_from(["copy", "increment", "keep", "blocked", "drifted", "decide"]),
    bytes=COUNTS, files=COUNTS, why=st.text(), next_step=st.text(), job=st.text(),
    held_version=st.none() | COUNTS, retention_s=st.none() | COUNTS,
    cold=st.lists(st.builds(Cold, st.text(), COUNTS, COUNTS, st.booleans()), max_size=2).map(tuple),
)  # fmt: skip


def lines_of(body: bytes) -> list[bytes]:
    with pa.CompressedInputStream(pa.BufferReader(body), "zstd") as packed:
        lines: list[bytes] = packed.read().splitlines(keepends=True)
    return lines


def packed(lines: list[bytes]) -> bytes:
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as stream:
        stream.write(b"".join(lines))
    body: bytes = out.getvalue().to_pybytes()
    return body


@given(st.lists(TABLES, max_size=5), st.lists(st.text()))
def test_a_plan_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, tables: list[PlannedTable], select: list[str]
) -> None:
    dollars = {"internet": Priced("nat_gateway", Decimal("22626.1250"), "nat_instance", None, "x")}
    plan = plan_of(
        *tables, select=tuple(select), left={"vpn": Left(1, 2.5, 4)}, priced=dollars,
        lakeferry="0.9.0",
        retrieved=(Retrieved("aws:us-east-1", "GLACIER", 2, 9, True,
                             (Way("bulk", Decimal("0.10")), Way("high", None, "a price"))),),
        stored=(Stored("STANDARD_IA", 1, 2, 9, Decimal("1.250"), None, "a price"),),
    )  # fmt: skip
    file = tmp_path_factory.getbasetemp() / "any.lfp"

    file.write_bytes(plan_bytes(plan))

    assert read_plan(str(file)) == plan


def test_equal_plans_give_equal_bytes() -> None:
    assert plan_bytes(plan_of(line())) == plan_bytes(plan_of(line()))
    assert plan_sha256(plan_of(line())) == plan_sha256(plan_of(line()))
    assert plan_sha256(plan_of(line())) != plan_sha256(plan_of(line(bytes=101)))


def test_its_last_line_is_the_hash_of_all_before_it() -> None:
    plan = plan_of(line(), line("sales.eu.items"))

    *_, trailer = lines_of(plan_bytes(plan))

    assert orjson.loads(trailer) == {"sha256": plan_sha256(plan)}


def test_it_has_one_line_a_table_with_every_field_and_a_header() -> None:
    header, first, *_ = [orjson.loads(text) for text in lines_of(plan_bytes(plan_of(line())))]

    assert header["format"] == "lakeferry.plan/1"
    assert header.keys() >= {field.name for field in fields(FleetPlan)} - {"tables"}
    assert first.keys() == {field.name for field in fields(PlannedTable)}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"version: 1\n", "does not begin as zstd does"),
        (plan_bytes(plan_of(line()))[:40], "cut off|cannot be unpacked"),
        (packed([b"{}\n"]), "cut off"),
        (packed([b"no\n", b"json\n"]), "no JSON"),
        (packed([b"[]\n", b"[]\n"]), "no JSON object"),
        (packed(lines_of(plan_bytes(plan_of(line())))[:-1]), "SHA-256"),
        (
            packed([text.replace(b'"bytes":100', b'"bytes":1')
                    for text in lines_of(plan_bytes(plan_of(line())))]),
            "it was changed",
        ),
    ],
)  # fmt: skip
def test_what_is_no_whole_plan_is_refused(tmp_path: Path, body: bytes, why: str) -> None:
    (tmp_path / "a.lfp").write_bytes(body)

    with pytest.raises(FerryError, match=why) as refused:
        read_plan(str(tmp_path / "a.lfp"))

    assert refused.value.code == "LF-2052"


def test_a_plan_of_a_newer_form_is_refused_and_one_with_more_keys_is_read(tmp_path: Path) -> None:
    header, first, _ = lines_of(plan_bytes(plan_of(line())))
    more = first.replace(b'{"target_url"', b'{"color":"red","target_url"')

    (tmp_path / "a.lfp").write_bytes(sealed([header, more]))
    (tmp_path / "b.lfp").write_bytes(sealed([header.replace(b"plan/1", b"plan/2"), first]))

    assert read_plan(str(tmp_path / "a.lfp")) == plan_of(line())
    with pytest.raises(FerryError, match=r"its format is lakeferry\.plan/2"):
        read_plan(str(tmp_path / "b.lfp"))


def test_a_plan_that_cannot_be_found_is_told(tmp_path: Path) -> None:
    with pytest.raises(FerryError, match="LF-2052"):
        read_plan(str(tmp_path / "none.lfp"))


def sealed(lines: list[bytes]) -> bytes:
    import hashlib

    digest = hashlib.sha256(b"".join(lines)).hexdigest()
    return packed([*lines, orjson.dumps({"sha256": digest}) + b"\n"])
