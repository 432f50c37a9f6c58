"""`cost --reconcile`: a bill beside what was copied and seen, typed as people type it."""

import csv
import json
import re
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lakeferry.network.saved_topology import topology_text
from tests.cli.program import Ended, called, json_lines
from tests.clone.small import SIZE, clone, new_table
from tests.cost.bills import (
    ENCODINGS,
    NAT_A,
    NAT_B,
    BillLine,
    csv_text,
    cur2,
    required_sample,
    without,
)
from tests.network.sample_scenario import NAT_GATEWAY, SAMPLE, topology

GATEWAY_ARN = f"arn:aws:ec2:us-east-1:123456789012:natgateway/{NAT_GATEWAY}"


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """The sample bill, what was copied and what was seen."""
    for name in (*ENCODINGS, "copied.csv", "flow.csv"):
        shutil.copy(required_sample(name), tmp_path)
    return tmp_path


def reconciled(folder: Path, *words: str) -> Ended:
    return called("cost", "--reconcile", *words, folder=folder)


THREE = ("--copied", "copied.csv", "--flow", "flow.csv")


@pytest.mark.parametrize("name", ENCODINGS)
def test_the_sample_reconciles_to_the_byte_and_to_the_cent(sample: Path, name: str) -> None:
    ended = reconciled(sample, name, *THREE, "--hourly", "--json")
    expected: dict[str, Any] = json.loads(required_sample("expected.json").read_text())

    *_, summary = lines = json_lines(ended)
    cells = [one for one in lines if one["type"] == "reconciled"]

    assert ended.returncode == 3
    by_hour = ("leak_hours", "flow_gap_hours", "leak_cost")
    for key in expected.keys() - set(by_hour):
        assert _numbers(summary[key]) == _numbers(expected[key]), key
    assert round(Decimal(summary["leak_cost"]), 6) == Decimal(expected["leak_cost"])
    assert expected["leak_hours"] == {
        str(int(one["start"][11:13])): int(one["leak_bytes"])
        for one in cells
        if one["verdict"] == "leak"
    }
    assert expected["flow_gap_hours"] == [
        [int(one["start"][11:13]), one["path"]]
        for one in sorted(cells, key=lambda one: (one["start"], one["path"]))
        if one["verdict"] == "flow log gap"
    ]
    assert sum(int(size) for one in cells for size in one["parts"].values()) == (
        2188017401856 + 2000884334592
    )


def _numbers(figure: Any) -> Any:
    if isinstance(figure, dict):
        return {key: Decimal(value) for key, value in figure.items()}
    return Decimal(figure)


def test_people_read_days_then_each_difference_with_its_next_step(sample: Path) -> None:
    ended = reconciled(sample, "cur2.csv.gz", *THREE, "--bytes", "10 TiB")
    said = ended.stdout.splitlines()

    assert ended.returncode == 3
    assert said[1].split()[:7] == [
        "2026-10-01", NAT_A, "1,765.00", "1,999.08", "2,037.75", "217.59", "91.70",
    ]  # fmt: skip
    leak = next(at for at, line in enumerate(said) if "leak of 217.59 GB, 9.79 USD" in line)
    assert "3 hours, 2026-10-01 05:00" in said[leak]
    assert "next: give the VPC a gateway endpoint for S3" in said[leak + 1]
    assert any("flow log gap of 88.17 GB: 2 hours" in line for line in said)
    assert any("usage 220.89, credits -55.55, all lines together 162.87" in line for line in said)
    assert any("to the end: 6,668.00 GB left, 331.75 USD more" in line for line in said)


def test_rows_come_as_csv_with_exact_figures(sample: Path) -> None:
    ended = reconciled(sample, "legacy.csv", *THREE, "--csv", "-")
    first, second = csv.DictReader(ended.stdout.splitlines())

    assert (first["start"], first["seconds"]) == ("2026-10-01T00:00:00Z", "86400")
    assert (first["path"], first["billed_bytes"]) == (NAT_A, "2188017401856")
    assert (first["leak_bytes"], first["leak_cost"]) == ("233639510016", "9.79171875")
    assert first["verdict"] == "20 ok; 3 leak; 1 flow log gap"
    assert second["S3 through this path"] == "0"
    assert Decimal(first["cost"]) + Decimal(second["cost"]) == Decimal("175.55484375")


def test_a_folder_is_read_as_aws_delivers_into_it(sample: Path) -> None:
    month = sample / "export" / "data" / "BILLING_PERIOD=2026-10" / "20261002T0000"
    month.mkdir(parents=True)
    shutil.move(sample / "cur2.parquet", month / "lake-00001.snappy.parquet")

    *_, summary = json_lines(reconciled(sample, "export", *THREE, "--json"))

    assert summary["invoice_total"] == "162.8677842036"


def test_a_wider_tolerance_forgives_a_gap_and_never_a_leak(sample: Path) -> None:
    *_, summary = json_lines(
        reconciled(sample, "cur2.parquet", *THREE, "--tolerance", "50%", "--json")
    )

    assert (summary["exit"], summary["verdicts"]) == (3, {"ok": 45, "leak": 3})


def test_a_bill_alone_is_shown_and_claims_no_agreement(tmp_path: Path) -> None:
    write(tmp_path, BillLine("a"))

    ended = reconciled(tmp_path, "bill.csv.gz", "--bytes", "1 TiB")

    assert ended.returncode == 0
    assert "nothing is set beside the bill: give --copied, and --flow or --vpc" in ended.stdout
    assert "to the end: nothing to go by" in ended.stdout


def test_records_that_aws_left_out_explain_a_gap(tmp_path: Path) -> None:
    write(tmp_path, BillLine("a"))
    (tmp_path / "flow.csv").write_text(
        "hour,interface_id,bytes,bytes_to_s3_prefix_list,skipped_records\n"
        f"2026-10-01T00:00:00Z,eni-1,{2**29},0,1234\n"
    )

    ended = reconciled(tmp_path, "bill.csv.gz", "--flow", "flow.csv")

    assert ended.returncode == 3
    assert "flow log gap of 0.50 GB, AWS left out 1,234 records: 1 hour" in ended.stdout


# ---- figures that come from elsewhere


def write(folder: Path, *lines: BillLine, name: str = "bill.csv.gz") -> None:
    (folder / name).write_bytes(cur2(lines))


def test_a_bill_whose_copy_and_flow_log_agree_ends_with_0(tmp_path: Path) -> None:
    write(tmp_path, BillLine("a"))
    (tmp_path / "copied.csv").write_text(
        f"hour,nat,payload_bytes\n2026-10-01T00:00:00Z,{NAT_A},{2**30 - 2**24}\n"
    )
    (tmp_path / "flow.csv").write_text(
        f"hour,interface_id,bytes,bytes_to_s3_prefix_list\n2026-10-01T00:00:00Z,eni-1,{2**30},0\n"
    )

    ended = reconciled(tmp_path, "bill.csv.gz", *THREE)

    assert ended.returncode == 0
    assert "copied, seen and billed agree within the tolerance" in ended.stdout


def test_the_log_file_of_a_clone_says_what_was_copied(tmp_path: Path) -> None:
    write(tmp_path, BillLine("a"))
    started = {"v": 1, "seq": 0, "ts": "2026-10-01T00:10:00.000Z", "run": "abc", "type": "start"}
    landed = {**started, "type": "file", "how": "streamed", "bytes": 2**30 - 2**24}
    beside = {**landed, "how": "server_copy"}
    text = "\n".join(json.dumps(one) for one in (started, landed, beside))
    (tmp_path / "clone.log").write_text(text + '\n{"v":1,"ts":"2026-10')

    *_, summary = json_lines(reconciled(tmp_path, "bill.csv.gz", "--copied", "clone.log", "--json"))

    assert summary["copied_bytes"] == {NAT_A: str(2**30 - 2**24)}
    assert summary["exit"] == 0


def test_the_target_of_clones_says_what_was_copied(tmp_path: Path) -> None:
    clone(new_table(tmp_path / "source", "a", "b"), tmp_path / "lake")
    write(tmp_path, BillLine("a", amount="0", cost="0"))

    ended = reconciled(tmp_path, "bill.csv.gz", "--copied", "lake", "--json")

    assert json_lines(ended)[-1]["copied_bytes"] == {NAT_A: str(2 * SIZE)}


def test_a_report_needs_its_path_where_there_are_several_gateways(tmp_path: Path) -> None:
    other = GATEWAY_ARN.replace(NAT_GATEWAY, NAT_B)
    write(tmp_path, BillLine("a"), BillLine("b", resource=other))
    line = {"ts": "2026-10-01T00:10:00Z", "run": "abc", "type": "file", "how": "streamed"}
    (tmp_path / "clone.log").write_text(json.dumps({**line, "bytes": 2**29}))

    refused = reconciled(tmp_path, "bill.csv.gz", "--copied", "clone.log")
    told = reconciled(
        tmp_path, "bill.csv.gz", "--copied", "clone.log", "--through", NAT_B, "--json"
    )

    assert (refused.returncode, "LF-6642" in refused.stderr) == (2, True)
    assert NAT_A in refused.stderr
    assert NAT_B in refused.stderr
    assert json_lines(told)[-1]["copied_bytes"] == {NAT_B: str(2**29)}


def test_flow_logs_say_what_was_seen_and_what_leaked(tmp_path: Path) -> None:
    (tmp_path / "network.json").write_bytes(topology_text(topology()))

    carried = BillLine("a", amount="5.4323719180", cost="0.2444567363", resource=GATEWAY_ARN)
    row = carried.columns() | {
        "identity_time_interval": "2026-11-23T10:00:00Z/2026-11-23T11:00:00Z",
        "line_item_usage_start_date": "2026-11-23T10:00:00Z",
        "line_item_usage_end_date": "2026-11-23T11:00:00Z",
    }
    (tmp_path / "bill.csv").write_text(csv_text([row]))

    ended = reconciled(
        tmp_path, "bill.csv", "--flow", str(SAMPLE / "custom"), "--topology", "network.json",
        "--json", "--hourly",
    )  # fmt: skip
    cells = {one["path"]: one for one in json_lines(ended) if one["type"] == "reconciled"}

    gateway = cells[NAT_GATEWAY]
    assert gateway["seen_bytes"] == "5832965067"  # as `monitor top` counts it
    assert gateway["leak_bytes"] == "621319811"
    assert (gateway["verdict"], ended.returncode) == ("leak", 3)


@pytest.mark.parametrize(
    ("words", "cost"), [((), "0.045"), (("--price", "aws.natgw.gb.us-east-1=0.09"), "0.09")]
)
def test_a_leak_of_which_the_bill_has_no_price_takes_the_lists(
    tmp_path: Path, words: tuple[str, ...], cost: str
) -> None:
    write(tmp_path, BillLine("a", usage_type="Requests-Tier1", product="AmazonS3", resource="lake"))
    (tmp_path / "flow.csv").write_text(
        "hour,interface_id,bytes,bytes_to_s3_prefix_list\n"
        f"2026-10-01T00:00:00Z,nat-1,{2**30},{2**30}\n"
    )
    asked = ("bill.csv.gz", "--flow", "flow.csv", "--json")

    priced = json_lines(reconciled(tmp_path, *asked, "--region", "us-east-1", *words))[-1]
    unpriced = json_lines(reconciled(tmp_path, *asked))[-1]

    assert priced["leak_cost"] == cost
    assert unpriced["leak_cost"] is None  # nothing says where it was; and none is not nothing


# ---- bad input


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nothing.csv",), "LF-6641", "name a file of a Cost and Usage Report"),
        (("empty",), "LF-6641", "there is no bill here"),
        (("half.csv.gz",), "LF-6601", "fetch it again"),
        (("half.parquet",), "LF-6601", "fetch it again"),
        (("delivered",), "LF-6604", "the bill is half delivered"),
        (("columns.csv",), "LF-6602", "line_item_unblended_cost"),
        (("text.csv",), "LF-6602", "this is no AWS bill"),
        (("mixed.csv.gz",), "LF-6609", "1 in EUR, 1 in USD"),
        (("units.csv.gz",), "LF-6608", "GiB"),
        (("regions.csv.gz",), "LF-6606", "eu-west-1, us-east-1"),
        (("good.csv.gz", "--copied", "nothing.csv"), "LF-6607", "nothing.csv"),
        (("good.csv.gz", "--copied", "columns.csv"), "LF-6607", "payload_bytes"),
        (("good.csv.gz", "--copied", "good.csv.gz"), "LF-6607", "no text"),
        (("good.csv.gz", "--flow", "nothing.csv"), "LF-6607", "nothing.csv"),
        (("good.csv.gz", "--flow", "logs"), "LF-2001", "--topology"),
        (("good.csv.gz", "--tolerance", "2"), "LF-2001", "--tolerance"),
        (("good.csv.gz", "--bytes", "2 PB"), "LF-2011", "PiB"),
        (("good.csv.gz", "--interface", "eni-1"), "LF-2001", "--interface"),
        (("good.csv.gz", "--observe", "vpc-1"), "LF-2001", "two questions"),
    ],
)
def test_bad_input_is_refused_with_code_place_and_next_step(
    bad: Path, words: tuple[str, ...], code: str, said: str
) -> None:
    ended = reconciled(bad, *words)

    assert ended.returncode == 2, ended.stderr
    assert code in ended.stderr
    assert said in ended.stderr
    assert "next: " in ended.stderr
    assert not ended.stdout


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """Bills with one thing wrong each, beside a good one."""
    good = BillLine("a")
    write(tmp_path, good, name="good.csv.gz")
    write(tmp_path, good, BillLine("b", currency="EUR"), name="mixed.csv.gz")
    write(tmp_path, BillLine("a", unit="GiB"), name="units.csv.gz")
    write(tmp_path, good, BillLine("b", region="eu-west-1"), name="regions.csv.gz")
    whole = (tmp_path / "good.csv.gz").read_bytes()
    (tmp_path / "half.csv.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "half.parquet").write_bytes(b"PAR1" + bytes(100))
    (tmp_path / "columns.csv").write_text(csv_text([without(good, "line_item_unblended_cost")]))
    (tmp_path / "text.csv").write_text("dear finance,\nsee attached\n")
    for folder in ("empty", "delivered", "logs"):
        (tmp_path / folder).mkdir()
    manifest = {"dataFiles": ["s3://lake/bill-1.csv.gz", "s3://lake/bill-2.csv.gz"]}
    (tmp_path / "delivered" / "bill-Manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "delivered" / "bill-1.csv.gz").write_bytes(whole)
    return tmp_path


def test_malformed_rows_are_named_and_want_a_look(tmp_path: Path) -> None:
    rows = [BillLine("a").columns(), BillLine("b", amount="much").columns()]
    (tmp_path / "bill.csv").write_text(csv_text(rows))

    ended = reconciled(tmp_path, "bill.csv")

    assert ended.returncode == 3
    assert "left out: bill.csv row 3: its usage amount is no number" in ended.stdout
    assert "1 malformed rows are left out: totals are too low" in ended.stdout


def test_a_tag_in_the_wrong_form_is_named_with_what_bears_it(tmp_path: Path) -> None:
    right, wrong = ({"user_map_migrated": value} for value in ("mig12345", "Mig12345"))
    write(tmp_path, BillLine("a", tags=right), BillLine("b", hour=1, tags=wrong, cost="0.5"))

    ended = reconciled(tmp_path, "bill.csv.gz")
    *_, summary = json_lines(reconciled(tmp_path, "bill.csv.gz", "--json"))

    assert "0.50 USD bear map-migrated `Mig12345`, which AWS does not count" in ended.stdout
    assert summary["tags_not_counted"] == [
        {"value": "Mig12345", "fault": "the prefix `mig` is written in lower case", "cost": "0.5"}
    ]


# ---- narrow screens


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("more", [(), ("--hourly",)])
def test_on_a_narrow_screen_what_each_row_comes_to_stands_below(
    sample: Path, width: int, more: tuple[str, ...]
) -> None:
    words = ("cost", "--reconcile", "cur2.csv.gz", *THREE, *more)
    told = called(*words, folder=sample, COLUMNS=str(width)).stdout

    assert max(map(len, told.splitlines())) <= width
    wanted = "flow log gap" if more else "20 h ok, 3 h leak, 1 h flow log gap"
    assert wanted in " ".join(told.split())
    assert "gap" not in "".join(re.findall(r"\.\.\S*", told))  # elided


@pytest.mark.parametrize("words", [("--days", "3"), ("--nat-gateways", "2"), ("--from", "partner")])
def test_what_a_bill_has_no_use_for_is_not_passed_over(
    sample: Path, words: tuple[str, str]
) -> None:
    ended = reconciled(sample, "cur2.csv.gz", *THREE, *words)

    assert ended.returncode == 2
    assert f"LF-2001 {words[0]} is for the price of a plan" in ended.stderr


def test_a_price_of_no_region_is_not_passed_over(sample: Path) -> None:
    price = ("--price", "aws.natgw.gb.us-east-1=0.03")
    without = reconciled(sample, "cur2.csv.gz", *THREE, *price)

    assert without.returncode == 2
    assert "LF-2001 nothing says of which Region the price by --price is" in without.stderr
    assert (
        reconciled(sample, "cur2.csv.gz", *THREE, *price, "--region", "us-east-1").returncode == 3
    )
