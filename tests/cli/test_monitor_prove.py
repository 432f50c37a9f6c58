"""`monitor prove` as typed: where rules and logs come from, and what is said of them."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from lakeferry.connect.aws import AwsAccess
from lakeferry.network.fields import CONNECTION_FORMAT
from lakeferry.network.rule_set import RuleWish, rule_set
from lakeferry.network.saved_topology import topology_text
from lakeferry.store.open import open_store
from tests.aws import data_plane
from tests.cli.program import Ended, called, json_lines
from tests.cli.test_monitor import monitor
from tests.cli.test_monitor_refusals import HEADER, ROW, rule
from tests.network.sample_scenario import topology
from tests.servers import Server

ROWS = HEADER + ROW * 3


def prove(folder: Path, *words: str, rules: Any = None, **more: Any) -> Ended:
    (folder / "rules.json").write_text(json.dumps(rules or {"by-source": rule()}))
    return called("monitor", "prove", "rules.json", *words, folder=folder, **more)


def test_rows_come_on_standard_input_too(tmp_path: Path) -> None:
    ended = prove(tmp_path, "-", input=ROWS)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "by-source  300 of bytes" in ended.stdout


def test_options_may_stand_before_and_after_standard_input(tmp_path: Path) -> None:
    for words in (("-", "--period", "300", "--json"), ("--json", "--period", "300", "-")):
        ended = prove(tmp_path, *words, input=ROWS)

        (report,) = [one for one in json_lines(ended) if one["type"] == "rule_report"]
        assert (report["period"], report["report"]["AggregateValue"]) == (300, 300)


def test_an_option_that_is_misspelt_is_no_place_of_logs(tmp_path: Path) -> None:
    ended = prove(tmp_path, "a.log", "--peroid", "60")

    assert ended.returncode == 2
    assert "--peroid" in ended.stderr


def test_more_rules_than_a_region_holds_are_said(tmp_path: Path) -> None:
    many = {f"r{number}": rule() for number in range(101)}
    (tmp_path / "a.log").write_text(ROWS)

    checked = prove(tmp_path, rules=many)
    proven = prove(tmp_path, "a.log", "--json", rules=many)

    assert (checked.returncode, proven.returncode) == (3, 3)
    assert "RulesOverQuota: 101 rules, and a Region of an account has 100" in checked.stdout
    (quota,) = [one for one in json_lines(proven) if one["type"] == "check"]
    assert [one["code"] for one in quota["problems"]] == ["RulesOverQuota"]


def test_rows_without_data_and_rows_that_were_left_out_are_counted_and_shown(
    tmp_path: Path,
) -> None:
    empty = "2 111122223333 eni-1 - - - - - - - 1700000000 1700000060 - {}\n"
    (tmp_path / "a.log").write_text(ROWS + empty.format("NODATA") * 2 + empty.format("SKIPDATA"))

    ended = prove(tmp_path, "a.log")

    assert "6 events of 1 source, 0 bad lines; OK 3, NODATA 2, SKIPDATA 1" in ended.stdout
    assert "AWS left rows out" in ended.stdout


def test_formats_that_differ_are_named_with_the_file_where_each_begins(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.log").write_text(ROWS)
    (tmp_path / "logs" / "b.log.gz").write_bytes(gzip.compress(b"bytes srcaddr start\n7 - 9\n" * 2))

    ended = prove(tmp_path, "logs")
    asked = prove(tmp_path, "logs", "--json")

    assert "2 formats in one place" in ended.stdout
    assert "v2 from a.log (3 rows)" in ended.stdout
    assert "`bytes srcaddr start` from b.log.gz (2 rows)" in ended.stdout
    formats = json_lines(asked)[-1]["formats"]
    assert [(one["rows"], one["first"]) for one in formats] == [(3, "a.log"), (2, "b.log.gz")]


def saved(folder: Path) -> Path:
    """The scenario's network as `discover --save` keeps it."""
    (folder / "network.json").write_bytes(topology_text(topology()))
    return folder / "network.json"


def test_a_log_is_generated_from_a_saved_network_where_none_exists_yet(tmp_path: Path) -> None:
    saved(tmp_path)
    made = rule_set(topology(), CONNECTION_FORMAT, RuleWish("m1.", ("/g",))).rules
    rules = {one.name: json.loads(one.body) for one in made}

    ended = prove(tmp_path, "generated:10 min", "--topology", "network.json", rules=rules)

    assert ended.returncode == 0
    assert ended.stdout.count("✓ m1.") == len(made)
    assert "matches nothing" not in ended.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["generated:"], "--topology FILE"),
        (["generated:soon", "--topology", "network.json"], "`soon`"),
        (["generated:3 d", "--topology", "network.json"], "1 minute to 1 day"),
        (["generated:", "--topology", "nowhere.json"], "LF-6253"),
    ],
)
def test_a_log_that_cannot_be_generated_is_exit_2(
    tmp_path: Path, words: list[str], said: str
) -> None:
    saved(tmp_path)

    ended = prove(tmp_path, *words)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr


@pytest.mark.server
def test_logs_are_read_from_a_prefix_of_a_bucket(s3_server: Server, tmp_path: Path) -> None:
    store = open_store(s3_server.place, s3_server.options)
    folder = "flow/AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/23"
    for number in range(3):
        body = gzip.compress(ROWS.encode())
        store.write(f"{folder}/{number}.log.gz", iter([body]), size=len(body))
    options = [f"{name}={value}" for name, value in s3_server.options.items()]
    words = [word for option in options for word in ("--log-option", option)]

    ended = prove(tmp_path, f"{s3_server.place}/flow/", *words)
    nothing = prove(tmp_path, f"{s3_server.place}/other/", *words)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "by-source  900 of bytes" in ended.stdout
    assert "9 events of 3 sources" in ended.stdout
    assert (nothing.returncode, "LF-6205" in nothing.stderr) == (2, True)


JSON_RULE = {
    **{key: value for key, value in rule().items() if key != "Fields"},
    "LogFormat": "JSON",
    "Contribution": {"Keys": ["$.interfaceId"], "ValueOf": "$.bytes", "Filters": []},
}


def test_a_json_rule_over_text_says_that_the_log_is_text(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(ROWS)

    ended = prove(tmp_path, "a.log", rules={"by-eni": JSON_RULE})

    assert ended.returncode == 3
    assert "the rule reads JSON events, and all 4 are text (CLF)" in ended.stdout


def test_events_without_a_time_are_said_to_be_left_out(tmp_path: Path) -> None:
    timed = '{"interfaceId": "eni-1", "bytes": 7, "start": 1700000000}\n'
    (tmp_path / "a.jsonl").write_text(timed + '{"interfaceId": "eni-1", "bytes": 9}\n')

    ended = prove(tmp_path, "a.jsonl", rules={"by-eni": JSON_RULE})

    assert "by-eni  7 of $.bytes" in ended.stdout
    assert "ignored: 1 event without a time" in ended.stdout


def test_a_range_without_logs_says_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    name = "1_vpcflowlogs_us-east-1_fl-1_20231114T2210Z_0.log"
    (tmp_path / "logs" / name).write_text(ROWS)

    ended = prove(tmp_path, "logs", "--start", "2027-01-01")

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "LF-6205 no log here is of the time that is asked for" in ended.stderr
    assert "2023-11-14T22:10Z" in ended.stderr


def test_an_alarm_without_any_data_stays_as_it_begins(tmp_path: Path) -> None:
    """As the alarm of the AWS sample solution does on a rule that matches nothing."""
    nothing = rule(Filters=[{"Match": "srcaddr", "In": ["203.0.113.1"]}])
    query = {"Id": "m1", "Expression": 'INSIGHT_RULE_METRIC("nothing","Sum")', "Period": 60}
    alarm = {"AlarmName": "a", "ComparisonOperator": "GreaterThanOrEqualToThreshold",
             "Threshold": 1000, "EvaluationPeriods": 1, "Metrics": [query]}  # fmt: skip
    (tmp_path / "a.log").write_text(ROWS)
    (tmp_path / "alarms.json").write_text(json.dumps(alarm))

    ended = prove(
        tmp_path, "a.log", "--alarms", "alarms.json", "--json", rules={"nothing": nothing}
    )

    (told,) = (one for one in json_lines(ended) if one["type"] == "alarm")
    assert ended.returncode == 3
    assert (told["state"], told["seconds_in_alarm"], told["changes"]) == (
        "INSUFFICIENT_DATA", 0, [],
    )  # fmt: skip


def test_metrics_that_are_asked_for_are_shown_by_period(tmp_path: Path) -> None:
    row = ROW.split()
    later = " ".join([*row[:10], str(int(row[10]) + 60), *row[11:]])
    (tmp_path / "a.log").write_text(f"{ROWS}{later}\n")

    without = prove(tmp_path, "a.log")
    minutes = prove(tmp_path, "a.log", "--metrics", "Sum", "SampleCount")
    longer = prove(tmp_path, "a.log", "--metrics", "Sum", "--period", "3600")

    assert "Sum" not in without.stdout
    title, *lines = (line.split() for line in minutes.stdout.splitlines()[2:5])
    assert title == ["from", "Sum", "SampleCount"]
    assert [line[1:] for line in lines] == [["300", "3"], ["100", "1"]]
    assert longer.stdout.splitlines()[3].split()[1:] == ["400"]


def test_a_range_that_ends_before_it_begins_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(ROWS)

    ended = prove(tmp_path, "a.log", "--start", "2026-11-24", "--end", "2026-11-23")

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "LF-2001 --start is not before --end" in ended.stderr


@pytest.mark.parametrize(("period", "marked"), [("60", False), ("300", False), ("7", True)])
def test_a_period_that_is_no_multiple_of_a_minute_is_marked_as_assumed(
    tmp_path: Path, period: str, marked: bool
) -> None:
    (tmp_path / "a.log").write_text(ROWS)

    lines = json_lines(prove(tmp_path, "a.log", "--period", period, "--json"))

    (report,) = (one for one in lines if one["type"] == "rule_report")
    assert any("a period may be any" in one for one in report["assumed"]) is marked


@pytest.mark.server
def test_the_rules_of_a_plan_are_proven_on_a_log_generated_from_what_was_discovered(
    moto_access: AwsAccess, tmp_path: Path
) -> None:
    plane = data_plane.made(moto_access)
    chosen = ("--vpc", plane.vpc, "--name", "m1", "--planned-bytes", "2 PiB", "--planned-days", "9")

    ended = monitor(moto_access, tmp_path, "plan", *chosen, "--prove", "generated:1 h", "--json")

    lines = json_lines(ended)
    proven = {one["rule"]: one["matched"] for one in lines if one["type"] == "rule_report"}
    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(proven) > 10
    assert [name for name, matched in proven.items() if not matched] == []
    fired = {one["alarm"] for one in lines if one["type"] == "alarm" and one["seconds_in_alarm"]}
    assert "lakeferry-m1.s3-through-nat" in fired
