"""`lakeferry ingest` as it is typed, against a Kinesis of our own; judged by delta-rs."""

import json
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO

import deltalake
import pyarrow as pa
import pytest

from lakeferry.cli.ingest.ingesting import say_way
from lakeferry.cli.render import TextScreen
from lakeferry.connect.aws import AwsAccess, client
from lakeferry.demo.kinesis_feed import Feed
from lakeferry.ingest.crew.lookout import PATIENCE_S
from lakeferry.ingest.kinesis.signing import Endpoint
from lakeferry.ingest.settings import Ingest, SourceSettings, TargetSettings
from tests.cli.program import LAKEFERRY, called, environment_of, json_lines, typed
from tests.servers import Server, free_port

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
DDL = "id BIGINT, at TIMESTAMP"

pytestmark = pytest.mark.usefixtures("warm_workers")


def put(feed: Feed, first: int, count: int) -> None:
    for number in range(first, first + count):
        feed.put(f"k{number}", f'{{"id": {number}, "at": "2026-11-26T12:00:00Z"}}')


def asked(feed: Feed, *words: str) -> list[str]:
    there = ["--endpoint-url", feed.url, "--region", feed.region, "--from", "trim-horizon"]
    return ["ingest", *words, *there]


def ids(table: Path) -> list[int]:
    return sorted(deltalake.DeltaTable(str(table)).to_pyarrow_table()["id"].to_pylist())


def started(
    folder: Path, *words: str, stderr: int | IO[str] = subprocess.PIPE
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [LAKEFERRY, *words], cwd=folder, env=environment_of(folder, KEYS),
        stdout=subprocess.PIPE, stderr=stderr, text=True,
    )  # fmt: skip


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.05)


def wait_for_version(table: Path, version: int) -> None:
    until((table / "_delta_log" / f"{version:020}.json").exists)


# ---- the run


def test_once_brings_all_that_is_there_and_says_so_in_json_lines(
    tmp_path: Path, kinesis_feed: Feed
) -> None:
    put(kinesis_feed, 0, 50)
    (shard,) = kinesis_feed.shards()

    words = asked(kinesis_feed, "clicks", "t", "--once", "--schema", DDL, "--json")
    ended = typed(*words, folder=tmp_path, **KEYS)

    assert ended.returncode == 0, ended.stdout
    found = json_lines(ended)
    assert ids(tmp_path / "t") == list(range(50))
    began = next(one for one in found if one["type"] == "stream")
    assert (began["state"], began["resumes"], began["shards"]) == ("reading", "trim-horizon", 1)
    batches = [one for one in found if one["type"] == "batch"]
    numbers = [number for number, _ in kinesis_feed.records(shard)]
    assert sum(one["rows"] for one in batches) == 50
    assert batches[0]["shards"][shard]["first"] == numbers[0]
    assert batches[-1]["shards"][shard]["last"] == numbers[-1]
    summary = found[-1]
    assert (summary["records"], summary["rows"], summary["gaps"]) == (50, 50, [])
    assert (summary["cmd"], summary["exit"], summary["reason"]) == ("ingest", 0, "caught up")


def test_the_same_command_goes_on_from_what_is_committed(
    tmp_path: Path, kinesis_feed: Feed
) -> None:
    words = asked(kinesis_feed, "clicks", "t", "--once", "--schema", DDL)
    put(kinesis_feed, 0, 5)
    called(*words, folder=tmp_path, **KEYS)
    put(kinesis_feed, 5, 5)

    ended = called(*words, folder=tmp_path, **KEYS)

    assert ended.returncode == 0, ended.stderr
    assert re.search(
        r"kinesis clicks \(1 shard, 127.0.0.1:\d+\) → \./t   resumes at epoch 1, version 1\n",
        ended.stderr,
    )
    assert re.search(
        r"✓ caught up  version 2 of \./t .*\n    5 records, 5 rows in 1 commit, .*, 0 gaps\n",
        ended.stdout,
    )
    assert ids(tmp_path / "t") == list(range(10))


def test_once_with_nothing_new_makes_no_version(tmp_path: Path, kinesis_feed: Feed) -> None:
    words = asked(kinesis_feed, "clicks", "t", "--once", "--schema", DDL)
    put(kinesis_feed, 0, 5)
    called(*words, folder=tmp_path, **KEYS)

    ended = called(*words, folder=tmp_path, **KEYS)

    assert ended.returncode == 0, ended.stderr
    assert "✓ caught up  version 1 of ./t" in ended.stdout
    assert "0 records, 0 rows in 0 commits" in ended.stdout
    assert deltalake.DeltaTable(str(tmp_path / "t")).version() == 1


def test_what_is_no_terminal_gets_plain_lines(tmp_path: Path, kinesis_feed: Feed) -> None:
    put(kinesis_feed, 0, 5)
    words = asked(kinesis_feed, "clicks", "t", "--schema", DDL, "--flush", "1s")
    log = tmp_path / "said"
    with log.open("w") as sink:
        process = started(tmp_path, *words, stderr=sink)
    wait_for_version(tmp_path / "t", 1)
    until(lambda: " rec/s" in log.read_text())

    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=90)

    said = log.read_bytes().decode()
    assert "\r" not in said
    assert "\x1b" not in said
    line = next(one for one in said.splitlines() if " rec/s" in one)
    form = r"\d\d:\d\d:\d\d  \d+ rec/s  .*B/s  .* behind  version \d+  table .* behind  "
    form += r".*B  \d commits?  \+\d rows  0 gaps  0 doubles"
    assert re.fullmatch(form, line)


def test_a_log_file_gets_every_line_whatever_is_shown(tmp_path: Path, kinesis_feed: Feed) -> None:
    put(kinesis_feed, 0, 5)
    words = asked(kinesis_feed, "clicks", "t", "--once", "-q", "--log-file", "log.jsonl")

    ended = called(*words, folder=tmp_path, **KEYS)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    kinds = [json.loads(line)["type"] for line in (tmp_path / "log.jsonl").open()]
    assert (kinds[0], kinds[-1]) == ("start", "summary")
    assert {"stream", "batch"} <= set(kinds)


def test_metrics_are_served_while_it_runs(tmp_path: Path, kinesis_feed: Feed) -> None:
    put(kinesis_feed, 0, 5)
    words = asked(kinesis_feed, "clicks", "t", "--flush", "1s", "--metrics", "0")
    process = started(tmp_path, *words)
    assert process.stderr is not None
    address = process.stderr.readline().split()[-1]
    wait_for_version(tmp_path / "t", 1)

    def page() -> str:
        with urllib.request.urlopen(address, timeout=60) as answer:
            return str(answer.read().decode())

    until(lambda: "rows_committed_total" in (text := page()) and " 5.0" in text)
    text = page()

    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=90)
    assert 'lakeferry_ingest_shards{ingest="clicks",stream="clicks",table="./t"} 1.0' in text


def test_a_stream_of_the_manifest_is_ingested_by_its_name(
    tmp_path: Path, kinesis_feed: Feed
) -> None:
    put(kinesis_feed, 0, 3)
    kinesis_feed.put("k", "not json")
    (tmp_path / "clicks.sql").write_text(DDL)
    (tmp_path / "lakeferry.yaml").write_text(
        f"version: 1\ntarget: {{root: {tmp_path}/lake}}\nstreams:\n"
        f"  c: {{from: 'kinesis://{kinesis_feed.region}/clicks', to: clicks, schema: clicks.sql,\n"
        f"      start: trim-horizon, dead_letter: bad, endpoint: '{kinesis_feed.url}',\n"
        "      max_bad: 50%, partition_by: [day=date(at)]}\n"
    )

    ended = called("ingest", "c", "--once", folder=tmp_path, **KEYS)

    assert ended.returncode == 0, ended.stderr
    assert f"1 bad record in {tmp_path}/lake/bad, each with its reason" in ended.stdout
    table = deltalake.DeltaTable(str(tmp_path / "lake" / "clicks"))
    assert table.metadata().partition_columns == ["day"]
    bad = deltalake.DeltaTable(str(tmp_path / "lake" / "bad")).to_pyarrow_table()
    assert bad["data"].to_pylist() == [b"not json"]


def test_a_run_that_finds_no_record_as_declared_wants_a_look(
    tmp_path: Path, kinesis_feed: Feed
) -> None:
    put(kinesis_feed, 0, 3)

    words = asked(kinesis_feed, "clicks", "t", "--once", "--schema", "at BIGINT NOT NULL")
    ended = called(*words, folder=tmp_path, **KEYS)

    assert ended.returncode == 3, ended.stderr
    assert "3 records, 0 rows in 1 commit" in ended.stdout
    assert "3 bad records in ./t_rejected, each with its reason" in ended.stdout


@pytest.mark.server
def test_the_table_may_lie_in_s3_which_may_refuse_our_keys(
    tmp_path: Path, kinesis_feed: Feed, s3_server: Server
) -> None:
    put(kinesis_feed, 0, 5)
    url = f"{s3_server.place}/{tmp_path.name}/t"
    options = [f"--store-option={key}={value}" for key, value in s3_server.options.items()]
    words = asked(kinesis_feed, "clicks", url, "--once", "--schema", DDL)

    ended = called(*words, *options, folder=tmp_path, **KEYS)
    check = called(*words, *options, "--check", folder=tmp_path, **KEYS)
    wrong = [one.replace("=testsecret", "=guessed") for one in options]
    shut = called(*words, *wrong, "--name", "other", folder=tmp_path, **KEYS)

    assert ended.returncode == 0, ended.stderr
    known = deltalake.DeltaTable(
        url,
        storage_options={
            "AWS_ENDPOINT_URL": s3_server.options["endpoint"], "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": s3_server.options["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": s3_server.options["secret_access_key"],
            "AWS_ALLOW_HTTP": "true",
        },
    )  # fmt: skip
    assert sorted(known.to_pyarrow_table()["id"].to_pylist()) == list(range(5))
    assert re.search(r"✓ way s3 +127.0.0.1:\d+ is 127.0.0.1: this machine", check.stdout)
    assert re.search(r"✓ table +version 1 takes the rows; `clicks` is at epoch 1", check.stdout)
    refused(shut, 2, "LF-1001")


# ---- what is refused, and leaves the world as it was


def refused(ended: subprocess.CompletedProcess[str], code: int, told: str) -> None:
    assert ended.returncode == code, ended.stderr
    assert told in ended.stderr
    assert "next: " in ended.stderr


def test_a_stream_that_is_not_there_is_told_and_no_table_is_made(
    tmp_path: Path, kinesis_feed: Feed
) -> None:
    ended = called(*asked(kinesis_feed, "klicks", "t", "--once"), folder=tmp_path, **KEYS)

    refused(ended, 2, "LF-7062 there is no stream `klicks` here")
    assert not (tmp_path / "t").exists()


def test_keys_that_are_wrong_are_told_and_no_table_is_made(
    tmp_path: Path, kinesis_feed: Feed
) -> None:
    wrong = {**KEYS, "AWS_SECRET_ACCESS_KEY": "guessed"}

    ended = called(*asked(kinesis_feed, "clicks", "t", "--once"), folder=tmp_path, **wrong)

    refused(ended, 2, "LF-1201")
    assert not (tmp_path / "t").exists()


def test_a_table_of_another_shape_is_refused_and_stays_as_it_is(
    tmp_path: Path, kinesis_feed: Feed
) -> None:
    put(kinesis_feed, 0, 3)
    called(
        *asked(kinesis_feed, "clicks", "t", "--once", "--schema", "id STRING"),
        folder=tmp_path, **KEYS,
    )  # fmt: skip
    before = sorted(path.name for path in (tmp_path / "t" / "_delta_log").iterdir())

    words = asked(kinesis_feed, "clicks", "t", "--once", "--schema", DDL, "--name", "other")
    ended = called(*words, folder=tmp_path, **KEYS)

    refused(ended, 2, "LF-7041")
    assert before == sorted(path.name for path in (tmp_path / "t" / "_delta_log").iterdir())


def test_a_table_that_bad_records_do_not_fit_into_is_refused_before_anything_is_made(
    tmp_path: Path, kinesis_feed: Feed
) -> None:
    deltalake.write_deltalake(str(tmp_path / "t_rejected"), pa.table({"id": [1]}))
    words = asked(kinesis_feed, "clicks", "t", "--schema", DDL)

    ended = called(*words, "--once", folder=tmp_path, **KEYS)
    looked = called(*words, "--check", folder=tmp_path, **KEYS)

    refused(ended, 2, "LF-7041 bad records cannot be put")
    assert not [path for path in (tmp_path / "t").rglob("*") if path.is_file()]
    assert looked.returncode == 1
    assert re.search(r"✗ bad records +LF-7041 .*t_rejected", looked.stdout)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["clicks", "t", "--flush", "often"], "neither a time nor a size"),
        (["clicks", "t", "--from", "soon"], "LF-7012"),
        (["clicks", "t", "--workers", "0"], "workers"),
        (["clicks", "t", "--workers", "999"], "LF-7067"),
        (["clicks", "t", "--read-share", "40"], "has no unit"),
        (["clicks", "t", "--schema", "id STRNG"], "LF-7061"),
        (["clicks", "t", "--on-new-fields", "rescue"], "raw records have no fields"),
        (["clicks", "t", "--raw", "--schema", DDL], "raw records are not parsed"),
        (["s3://b/t", "t"], "is no Kinesis stream"),
        (["clicks"], "lakeferry ingest clicks TABLE"),
        (["kinesis://eu-west-1/clicks"], "lakeferry ingest kinesis://eu-west-1/clicks s3://"),
        (["clicks", "--check"], "there is no manifest"),
        (["clicks", "t", "--metrics", "here"], "`here` is no address"),
        (["clicks", "t", "--adopt", "redis:x"], "LF-7082"),
        (["clicks", "t", "--infer", "0"], "looks at nothing"),
    ],
)
def test_a_request_that_is_wrong_is_exit_2_and_asks_nobody(
    tmp_path: Path, words: list[str], told: str
) -> None:
    ended = called("ingest", *words, "--region", "eu-west-1", folder=tmp_path, **KEYS)

    refused(ended, 2, told)
    assert list(tmp_path.iterdir()) == []


# ---- looks


def test_check_tries_endpoint_and_rights_and_writes_nothing(
    tmp_path: Path, kinesis_feed: Feed
) -> None:
    ended = called(*asked(kinesis_feed, "clicks", "t", "--check"), folder=tmp_path, **KEYS)

    assert ended.returncode == 0, ended.stdout
    assert re.search(r"✓ way kinesis +127.0.0.1:\d+ is 127.0.0.1: this machine", ended.stdout)
    assert re.search(r"✓ stream +clicks, active, 1 open shard, kept for 24 h", ended.stdout)
    assert "0 blockers, 0 warnings" in ended.stdout
    assert list(tmp_path.iterdir()) == []


def test_check_of_a_stream_that_is_not_there_is_a_blocker_and_exit_1(
    tmp_path: Path, kinesis_feed: Feed
) -> None:
    ended = called(
        *asked(kinesis_feed, "klicks", "t", "--check", "--json"), folder=tmp_path, **KEYS
    )

    assert ended.returncode == 1
    checks = [one for one in json_lines(ended) if one["type"] == "check"]
    (blocker,) = [one for one in checks if one["outcome"] == "blocker"]
    assert (blocker["name"], blocker["what"][:7]) == ("stream", "LF-7062")


def test_doctor_for_ingest_tries_the_store_as_well(tmp_path: Path, kinesis_feed: Feed) -> None:
    there = ["--endpoint-url", kinesis_feed.url, "--region", kinesis_feed.region]

    ended = called(
        "doctor", "clicks", "t", "--for", "ingest", *there, folder=tmp_path, **KEYS
    )  # fmt: skip

    assert ended.returncode == 0, ended.stdout
    assert re.search(r"✓ put-if-absent ", ended.stdout)
    assert re.search(r"✓ read +shardId-000000000000 read", ended.stdout)


@pytest.mark.parametrize(
    "words",
    [
        ["clicks", "t"], ["clicks"], ["kinesis://eu-west-1/clicks"],
        ["arn:aws:kinesis:eu-west-1:000000000000:stream/clicks"],
    ],
)  # fmt: skip
def test_infer_prints_ddl_that_schema_takes_and_needs_no_table(
    tmp_path: Path, kinesis_feed: Feed, words: list[str]
) -> None:
    put(kinesis_feed, 0, 20)

    ended = called(*asked(kinesis_feed, *words, "--infer", "10"), folder=tmp_path, **KEYS)

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "id BIGINT,\nat TIMESTAMP\n"
    assert list(tmp_path.iterdir()) == []


def test_infer_of_a_name_in_the_manifest_samples_the_stream_of_that_name(
    tmp_path: Path, kinesis_feed: Feed
) -> None:
    put(kinesis_feed, 0, 20)
    (tmp_path / "lakeferry.yaml").write_text(
        f"version: 1\ntarget: {{root: {tmp_path}/lake}}\nstreams:\n"
        f"  c: {{from: 'kinesis://{kinesis_feed.region}/clicks', to: clicks,\n"
        f"      start: trim-horizon, endpoint: '{kinesis_feed.url}'}}\n"
    )

    known = called("ingest", "c", "--infer", "10", folder=tmp_path, **KEYS)
    unknown = called(*asked(kinesis_feed, "clicks", "--infer", "10"), folder=tmp_path, **KEYS)

    assert known.stdout == unknown.stdout == "id BIGINT,\nat TIMESTAMP\n"


def test_an_endpoint_where_nobody_listens_is_told_at_once_and_given_up_soon(
    tmp_path: Path,
) -> None:
    there = ["--endpoint-url", f"http://127.0.0.1:{free_port()}", "--region", "eu-west-1"]
    begun = time.monotonic()
    process = started(tmp_path, "ingest", "clicks", "t", *there)
    assert process.stderr is not None

    first = process.stderr.readline()
    told_s = time.monotonic() - begun
    rest = process.stderr.read()
    process.wait()
    given_up_s = time.monotonic() - begun - told_s

    assert first.startswith("▲ LF-1205 Kinesis cannot be reached: Connection refused; 127.0.0.1:")
    assert "it is asked again" in rest
    assert given_up_s < PATIENCE_S, "that is for what is under way"
    assert process.returncode == 1
    assert "✗ LF-1205 Kinesis cannot be reached\n  Connection refused; 127.0.0.1:" in rest
    assert "next: see that something serves Kinesis at 127.0.0.1:" in rest
    assert not (tmp_path / "t").exists()


def test_positions_hand_the_stream_over_to_another_table_with_nothing_twice(
    tmp_path: Path, kinesis_feed: Feed
) -> None:
    put(kinesis_feed, 0, 10)
    once = ["--once", "--schema", DDL]
    called(*asked(kinesis_feed, "clicks", "one", *once), folder=tmp_path, **KEYS)
    printed = called("ingest", "clicks", "one", "--positions", folder=tmp_path)  # nobody is asked
    (tmp_path / "shards.json").write_text(printed.stdout)
    put(kinesis_feed, 10, 10)
    other = asked(kinesis_feed, "clicks", "two", *once, "--adopt", "shards:shards.json")

    ended = called(*other, folder=tmp_path, **KEYS)
    again = called(*other, folder=tmp_path, **KEYS)

    assert ended.returncode == 0, ended.stderr
    assert "goes on exactly where shards:shards.json stands, 1 shard" in ended.stderr
    assert ids(tmp_path / "two") == list(range(10, 20))
    assert "nothing is adopted any more" in again.stderr
    assert json.loads(printed.stdout)["at_timestamp"].endswith("Z")


def test_positions_of_a_table_that_never_had_any_is_exit_2(
    tmp_path: Path, kinesis_feed: Feed
) -> None:
    called(*asked(kinesis_feed, "clicks", "t", "--once", "--schema", DDL), folder=tmp_path, **KEYS)

    ended = called(
        *asked(kinesis_feed, "clicks", "t", "--positions", "--name", "other"),
        folder=tmp_path, **KEYS,
    )  # fmt: skip

    refused(ended, 2, "LF-7064 no ingest `other` ever committed to this table")
    assert "ingests there: clicks" in ended.stderr


@pytest.mark.parametrize(
    "operation", ["DescribeStreamSummary", "ListShards", "GetShardIterator", "GetRecords"]
)
def test_each_right_that_is_missing_is_named_by_check(
    tmp_path: Path, kinesis_feed: Feed, operation: str
) -> None:
    kinesis_feed.wrong("denied", operation=operation)

    ended = called(*asked(kinesis_feed, "clicks", "t", "--check"), folder=tmp_path, **KEYS)

    assert ended.returncode == 1
    assert f"may not kinesis:{operation}" in ended.stdout
    assert "config iam --for ingest" in ended.stdout


@pytest.mark.parametrize("operation", ["DescribeStreamSummary", "ListShards"])
def test_without_the_right_to_look_no_table_is_made(
    tmp_path: Path, kinesis_feed: Feed, operation: str
) -> None:
    kinesis_feed.wrong("denied", operation=operation)

    ended = called(*asked(kinesis_feed, "clicks", "t", "--once"), folder=tmp_path, **KEYS)

    refused(ended, 2, f"LF-1203 the identity may not kinesis:{operation}")
    assert not (tmp_path / "t").exists()


def test_a_right_that_is_taken_away_ends_the_run_and_what_is_committed_stays(
    tmp_path: Path, kinesis_feed: Feed
) -> None:
    put(kinesis_feed, 0, 5)
    words = asked(kinesis_feed, "clicks", "t", "--schema", DDL, "--flush", "1s", "--json")
    process = started(tmp_path, *words)
    wait_for_version(tmp_path / "t", 1)

    kinesis_feed.wrong("denied")
    out, _ = process.communicate(timeout=90)

    last = [json.loads(line) for line in out.splitlines()][-2:]
    assert process.returncode == last[1]["exit"] == 1, "2 says that nothing was touched"
    assert (last[0]["type"], last[0]["code"]) == ("error", "LF-1203")
    assert "kinesis:GetRecords" in last[0]["message"]
    assert ids(tmp_path / "t") == list(range(5))


def test_a_public_address_is_warned_of_at_the_start(capfd: pytest.CaptureFixture[str]) -> None:
    public = SourceSettings("clicks", Endpoint("8.8.8.8", "eu-west-1"), AwsAccess("eu-west-1"))
    private = replace(public, endpoint=Endpoint("10.0.0.9", "eu-west-1"))

    for source in (private, public):
        screen = TextScreen(quiet=True, verbose=False, progress="none")
        say_way(Ingest("clicks", source, TargetSettings("t")), screen)

    said = capfd.readouterr().err
    assert said.startswith("▲ LF-7065 8.8.8.8 is 8.8.8.8: public: from a private subnet the bytes")
    assert "--endpoint kinesis-streams" in said


def test_a_gap_that_is_accepted_wants_a_look(tmp_path: Path, kinesis_feed: Feed) -> None:
    words = asked(kinesis_feed, "clicks", "t", "--once", "--schema", DDL)
    put(kinesis_feed, 0, 5)
    called(*words, folder=tmp_path, **KEYS)
    (shard,) = kinesis_feed.shards()
    put(kinesis_feed, 5, 5)
    kinesis_feed.skew(26 * 3600)
    kinesis_feed.trim()
    time.sleep(0.1)
    put(kinesis_feed, 10, 5)

    failed = called(*words, folder=tmp_path, **KEYS)
    accepted = called(*words, "--on-data-loss", "go-on", "--json", folder=tmp_path, **KEYS)

    refused(failed, 1, "LF-7052")
    assert "--on-data-loss go-on" in failed.stderr
    assert accepted.returncode == 3
    gap = next(one for one in json_lines(accepted) if one.get("state") == "gap")
    assert gap["shard"] == shard


@pytest.mark.server
def test_an_application_of_the_kcl_is_taken_over_at_its_checkpoint(
    tmp_path: Path, kinesis_feed: Feed, moto_access: AwsAccess
) -> None:
    put(kinesis_feed, 0, 10)
    (shard,) = kinesis_feed.shards()
    last_done = kinesis_feed.records(shard)[5][0]
    dynamodb = client(moto_access, "dynamodb")
    dynamodb.create_table(
        TableName="clicks-app",
        KeySchema=[{"AttributeName": "leaseKey", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "leaseKey", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    lease = {"leaseKey": {"S": shard}, "checkpoint": {"S": last_done}, "leaseCounter": {"N": "7"}}
    dynamodb.put_item(TableName="clicks-app", Item=lease)
    away = {**KEYS, "AWS_ENDPOINT_URL_DYNAMODB": moto_access.endpoint or ""}
    there = ["--endpoint-url", kinesis_feed.url, "--region", moto_access.region]

    ended = called(
        "ingest", "clicks", "t", "--once", "--schema", DDL, "--adopt", "kcl:clicks-app", *there,
        folder=tmp_path, **away,
    )  # fmt: skip

    assert ended.returncode == 0, ended.stderr
    assert "goes on exactly where kcl:clicks-app stands" in ended.stderr
    assert "begins at adopted positions" in ended.stderr
    assert ids(tmp_path / "t") == [6, 7, 8, 9]
