"""Who made a commit, and who has to be pointed elsewhere. Pure."""

import csv
import io

import pytest

from lakeferry.fleet.cutover.repoint import as_csv, repoints
from lakeferry.fleet.cutover.writers import Made, Writer, rows_of, told, writer_of
from lakeferry.ledger.rows import Inventoried, LakeTable

ROW = LakeTable("s3://t/orders", "a.s.orders", "a", "/lake/orders", "delta", 1, "local")


@pytest.mark.parametrize(
    ("info", "text"),
    [
        ({"job": {"jobId": "8812", "jobName": "hourly"}}, 'job 8812 "hourly"'),
        ({"notebook": {"notebookId": "77"}, "userName": "ann@x.org"}, "notebook 77 of ann@x.org"),
        ({"operation": "STREAMING UPDATE", "operationParameters": {"queryId": '"3f1c"'}},
         "stream 3f1c"),
        ({"engineInfo": "Apache-Spark/4.0.1 Delta-Lake/4.0.1"},
         "app Apache-Spark/4.0.1 Delta-Lake/4.0.1"),
        ({"clientVersion": "delta-rs.0.30"}, "app delta-rs.0.30"),
        ({"job": {"jobId": "1"}, "notebook": {"notebookId": "2"}}, "job 1"),
        ({"job": "text", "notebook": {}}, "app unknown"),
        (None, "app unknown"),
    ],
)  # fmt: skip
def test_a_writer_is_named_by_the_most_telling_field(info: object, text: str) -> None:
    assert writer_of(info).text == text  # type: ignore[arg-type]


def test_many_writers_are_told_by_the_first_few() -> None:
    assert told([Writer("app", name) for name in "aabcde"]) == "app a, app b, app c and 2 more"


def test_rows_are_counted_as_each_engine_counts_them() -> None:
    assert rows_of({"operationMetrics": {"numOutputRows": "12"}}) == 12
    assert rows_of({"operationMetrics": {"num_added_rows": 3}}) == 3
    assert rows_of({"operationMetrics": "none"}) is rows_of({}) is rows_of(None) is None


def test_each_writer_of_a_table_is_listed_once_by_its_newest_commit() -> None:
    job, app = Writer("job", "8812", "hourly"), Writer("app", "Spark")
    made = [Made(9, job, 1_790_000_000_000), Made(8, app, None), Made(7, job, None)]
    view = Inventoried("a", "a.s.v", "", "view", None, "", 0, "{}")
    others = Inventoried("b", "b.s.v", "", "view", None, "", 0, "{}")

    found = repoints([ROW], {ROW.target_url: made}, [view, others], {ROW.target_url: "c.s.o"})

    assert [(one.kind, one.id, one.last_version) for one in found] == [
        ("job", "8812", "9"), ("app", "Spark", "8"), ("view", "a.s.v", "")
    ]  # fmt: skip
    assert (found[0].registered_as, found[0].last_time) == ("c.s.o", "2026-09-21T14:13:20Z")


def test_no_name_of_a_job_is_run_by_a_spreadsheet() -> None:
    made = [Made(1, Writer("job", "1", '=HYPERLINK("x")'), None)]
    text = as_csv(repoints([ROW], {ROW.target_url: made}, [], {ROW.target_url: "t"}))

    [line] = csv.DictReader(io.StringIO(text))
    assert line["name"] == '\'=HYPERLINK("x")'
