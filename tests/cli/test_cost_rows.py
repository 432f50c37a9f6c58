"""What `lakeferry cost` gives to programs and to readers of single lines, in rarer cases."""

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from lakeferry.cli.cost.answers import binary_text, doubt_texts, line_lines
from lakeferry.cost.path.quote import Line, Quote
from tests.cli.cost_plans import SMALL, WORKED, answer, cost, dollars_of

STREAM = ("--records-a-day", "1e9", "--shards", "24", "--days", "30", "--to", "aws:us-east-1")


def test_a_stream_alone_is_csv_by_way_of_paying(tmp_path: Path) -> None:
    ended = cost(tmp_path, *STREAM, "--csv", "-")
    rows = list(csv.DictReader(ended.stdout.splitlines()))

    assert {row["path"] for row in rows} == {
        "kinesis, 24 shards", "kinesis, 24 shards, 25 records packed", "kinesis, on demand",
    }  # fmt: skip
    total = sum(Decimal(row["usd"]) for row in rows if row["path"] == "kinesis, on demand")
    # 3,462.0275390625 on demand, and the endpoint: 286.102294921875 + 21.60
    assert total == Decimal("3769.729833984375")


@pytest.mark.parametrize(
    ("place", "id"),
    [
        ("gcp:us-central1", "gcp.egress.gcs.us-central1"),
        ("aws:us-west-2", "aws.interregion.us-west-2.other"),
        ("azure:westeurope", "azure.egress.mgn.westeurope"),
    ],
)
def test_an_agreed_price_of_egress_holds_for_every_cloud(
    tmp_path: Path, place: str, id: str
) -> None:
    lines = answer(tmp_path, *SMALL, "--assume", f"from={place}", "--egress-usd-per-gb", "0.03")

    assert dollars_of(lines, id) == Decimal("61.44")  # 2,048 GB


def test_a_price_that_is_given_comes_before_an_agreed_egress(tmp_path: Path) -> None:
    lines = answer(
        tmp_path, *SMALL, "--egress-usd-per-gb", "0.03", "--price", "azure.egress.mgn.eastus=0.01"
    )

    assert dollars_of(lines, "azure.egress.mgn.eastus") == Decimal("20.48")


def test_every_line_of_the_answer_names_a_price_that_may_be_given(tmp_path: Path) -> None:
    before = [line for line in answer(tmp_path, *WORKED) if line["type"] == "cost_line"]
    given = [word for line in before for word in ("--price", f"{line['price_id']}=1234")]
    after = [line for line in answer(tmp_path, *WORKED, *given) if line["type"] == "cost_line"]

    assert {Decimal(line["usd"]) / Decimal(line["quantity"]) for line in after} == {1234}


def test_what_is_reckoned_from_other_lines_has_no_price_to_give(tmp_path: Path) -> None:
    ended = cost(tmp_path, *WORKED, "--overrun", "24", "--price", "overrun=1")

    assert "LF-6624 price: nothing has a price of the id `overrun`" in ended.stderr


def test_a_total_that_is_not_the_sum_of_rounded_lines_says_so() -> None:
    third = Line("a third", Decimal(1), "hour", Decimal("0.004"), "x", "made", None, "golden")
    lines = line_lines("three", Quote((third, third, third)), 100)

    assert lines[0] == "  three: 0.01 USD"
    assert "    the total is rounded once: +0.01 beside the sum of these lines" in lines


def test_doubts_are_told_in_two_sentences() -> None:
    assert doubt_texts(["a: not seen in a source", "b: as of 2024, 878 days old"]) == [
        "1 price not seen in a source: a",
        "1 price older than 180 days: b (878 days)",
    ]
    assert doubt_texts([]) == []


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"), (1023, "1023 bytes"), (1024, "1 KiB"), (2**51, "2 PiB"),
        (2 * 10**15, "1.78 PiB"), (3 * 2**60, "3,072 PiB"),
    ],
)  # fmt: skip
def test_sizes_are_binary_as_they_are_billed(size: int, text: str) -> None:
    assert binary_text(size) == text


def test_no_standby_in_the_manifest_is_no_standby_in_the_price(tmp_path: Path) -> None:
    (tmp_path / "lakeferry.yaml").write_text(
        "version: 1\nnetwork:\n  nat: {kind: instance, type: c7gn.large, "
        "recovery: {standby: none}}\n"
    )
    lines = answer(tmp_path, *SMALL)

    assert lines[-1]["plan"]["nat_instances"] == {"type": "c7gn.large", "count": 3}
    assert not any(line.get("part") == "standby" for line in lines)


def test_a_question_about_a_bill_leaves_a_plan_alone_and_has_no_picture(tmp_path: Path) -> None:
    ended = cost(tmp_path, "--reconcile", "bill.csv", "--picture", "x.svg")

    assert ended.returncode == 2
    assert "LF-2001" in ended.stderr


def test_quiet_says_what_to_check_and_nothing_else(tmp_path: Path) -> None:
    ended = cost(tmp_path, *SMALL, "-q")

    assert ended.stdout == ""
    assert "not seen in a source" in ended.stderr
