"""What AWS or a log refuses: an exit code, a code, what to do next, and nothing half said."""

import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lakeferry.connect.aws import AwsAccess, client
from tests.aws import data_plane
from tests.cli.program import Ended, called, json_lines
from tests.servers import moto, refusing
from tests.servers.refusing import Refusal, Refusing, ec2_error

HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes "
    "start end action log-status\n"
)
ROW = "2 111122223333 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 100 1700000000 1700000060 ACCEPT OK\n"
OTHER = (
    "bytes srcaddr interface-id start end log-status\n100 10.0.0.9 eni-1 1700000000 1700000060 OK\n"
)
FIELDS = {"3": "interface-id", "4": "srcaddr", "10": "bytes"}


def rule(fields: dict[str, str] = FIELDS, **changed: Any) -> dict[str, Any]:
    contribution = {"Keys": ["srcaddr"], "ValueOf": "bytes", "Filters": [], **changed}
    return {
        "Schema": {"Name": "CloudWatchLogRule", "Version": 1},
        "LogGroupNames": ["/g"],
        "LogFormat": "CLF",
        "Fields": fields,
        "Contribution": contribution,
        "AggregateOn": "Sum",
    }


LEAK = rule(
    {"4": "srcaddr", "10": "bytes", "23": "pkt-dst-aws-service"},
    Filters=[{"Match": "pkt-dst-aws-service", "In": ["S3"]}],
)


def prove(
    folder: Path, log: str | bytes, *words: str, body: Any = None, name: str = "a.log"
) -> Ended:
    """`monitor prove` of one rule over one log."""
    (folder / "rules.json").write_text(json.dumps({"by-source": body or rule()}))
    (folder / name).write_bytes(log if isinstance(log, bytes) else log.encode())
    return called("monitor", "prove", "rules.json", name, *words, folder=folder)


# ---- logs


def test_a_field_that_the_format_lacks_is_named_with_the_format_to_ask_for(tmp_path: Path) -> None:
    ended = prove(tmp_path, HEADER + ROW, body=LEAK)

    assert ended.returncode == 3
    assert "`pkt-dst-aws-service`" in ended.stdout
    assert (
        "next: a flow log that holds srcaddr, bytes, pkt-dst-aws-service: "
        "lakeferry monitor plan --flow-log-format v5-nat"
    ) in ended.stdout


def test_mixed_formats_in_one_folder_are_seen(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "b.log").write_text(OTHER)

    ended = prove(tmp_path, HEADER + ROW, name="logs/a.log")
    (tmp_path / "rules.json").write_text(json.dumps({"by-source": rule()}))
    ended = called("monitor", "prove", "rules.json", "logs", folder=tmp_path)

    assert ended.returncode == 3
    assert "position 4 of this format is `start`, not `srcaddr`" in ended.stdout
    assert "100  10.0.0.1" in ended.stdout


def test_a_gzip_that_is_cut_short_is_exit_1(tmp_path: Path) -> None:
    whole = gzip.compress((HEADER + ROW * 2000).encode())

    ended = prove(tmp_path, whole[: len(whole) // 2], name="a.log.gz")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert "LF-6204" in ended.stderr
    assert "a.log.gz" in ended.stderr


def test_a_header_that_does_not_fit_its_lines_is_exit_1(tmp_path: Path) -> None:
    ended = prove(tmp_path, "version account-id bytes\n" + ROW * 3)

    assert ended.returncode == 1
    assert "LF-6203 no line has the 3 fields of its format" in ended.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"\xff\xfe\x00garbage\n", "a.log:3: it is not UTF-8"),
        (b"x" * 3_000_000 + b"\n", "a.log:3: it has 1 fields where the format has 14"),
        (b"bogus line\n", "a.log:3: it has 2 fields where the format has 14"),
    ],
    ids=["not UTF-8", "huge", "short"],
)
def test_a_bad_line_is_counted_and_shown(tmp_path: Path, line: bytes, said: str) -> None:
    ended = prove(tmp_path, (HEADER + ROW).encode() + line + ROW.encode())

    assert ended.returncode == 0
    assert "1 bad line" in ended.stdout
    assert said in ended.stdout
    assert "200  10.0.0.1" in ended.stdout


@pytest.mark.parametrize(
    ("words", "body", "code", "said"),
    [
        ([], rule(Keys=list("34567")), "LF-6301", "no more than 4 Keys"),
        (["--metrics", "Median"], None, "LF-6303", "a rule has no metric `Median`"),
        (["--order-by", "Average"], None, "LF-6303", "cannot be ordered by `Average`"),
        (["--format", "bytes bogus"], None, "LF-6201", "names 'bogus'"),
        (["--period", "0"], None, "LF-2001", "--period is 1 to 86400"),
        (["--period", str(10**24)], None, "LF-2001", "--period is 1 to 86400"),
        (["--start", "yesterday"], None, "LF-2001", "`yesterday` is no time"),
    ],
)
def test_a_wrong_question_is_exit_2(
    tmp_path: Path, words: list[str], body: Any, code: str, said: str
) -> None:
    ended = prove(tmp_path, HEADER + ROW, *words, body=body)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert code in ended.stderr
    assert said in ended.stderr
    assert "next:" in ended.stderr


# ---- flags


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            ["--planned-bytes", "2 PB", "--planned-days", "30"],
            "LF-2011",
            "write 2 PiB, or add --dec",
        ),
        (
            ["--planned-bytes", "2 pb", "--planned-days", "30"],
            "LF-2011",
            "2 petabits (2 Pb = 250 TB)",
        ),
        (["--planned-bytes", "2", "--planned-days", "30"], "LF-2001", "has no unit"),
        (["--planned-bytes", "2 PiB"], "LF-2001", "belong together"),
        (["--planned-bytes", "2 PiB", "--planned-days", "0"], "LF-2001", "is no time"),
        (["--planned-start", "2026-12-01"], "LF-2001", "--planned-start alone"),
        (["--tolerance-usd", "much"], "LF-2001", "is no amount of dollars"),
        (["--vpc", "subnet-1"], "LF-2001", "--vpc  network.vpc: `subnet-1` is not valid"),
        (["--tag", "team"], "LF-2001", "is no NAME=VALUE"),
        (["--notify", "${env:NOT_SET}"], "LF-2001", "`NOT_SET` is not set"),
        (["--notify", "${azure-keyvault:V/N}"], "LF-2001", "not resolved by this version"),
        (["--flow-log-format", "bogus"], "LF-6201", "one of v2, v5-nat, connections"),
        (["--flow-log-to", "s3"], "LF-2001", "bucket is missing"),
        (["--rule", "nat-bill"], "LF-2001", "did you mean `nat-billed`?"),
        (["--endpoint", "sts=gateway"], "LF-2001", "it has no gateway endpoint"),
        (["--put-tag", "aws:owner=me"], "LF-2001", "is AWS's own"),
        (
            ["--nat", "instance", "--max-outage", "5 s"],
            "LF-6432",
            "what is chosen holds 10 s at best",
        ),
        (
            ["--nat", "instance", "--nat-check", "lambda", "--max-outage", "60 s"],
            "LF-6432",
            "120 s",
        ),
        (["--nat", "instance", "--nat-type", "c7gn.lrge"], "LF-6502", "nearest: c7gn.large"),
        (["--nat-type", "c7gn.large"], "LF-2001", "network.nat.kind is missing"),
        (["--nat", "instance", "--nat-count", "0"], "LF-2001", "network.nat.count"),
        (["--retention", "30"], "LF-2001", "has no unit"),
        (["--name", "Prod.1"], "LF-2001", "--name  name: `Prod.1` is not valid"),
        (["--profile", "staging"], "LF-2002", "AWS's profiles are --aws-profile"),
        (["--aws-profile", "nobody"], "LF-1201", "nobody"),
        (["--set", "network.vcp=x"], "LF-2001", "did you mean `vpc`?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_flag_is_exit_2_before_aws_is_asked(
    tmp_path: Path, words: list[str], code: str, said: str
) -> None:
    name = () if "--name" in words else ("--name", "m1")
    ended = called(
        "monitor", "plan", *name, *words, folder=tmp_path,
        AWS_REGION="us-east-1", AWS_ENDPOINT_URL="http://127.0.0.1:9",
    )  # fmt: skip

    assert (ended.returncode, ended.stdout) == (2, "")
    assert code in ended.stderr
    assert said in ended.stderr


def test_without_a_name_or_a_region_it_says_where_to_give_them(tmp_path: Path) -> None:
    nameless = called("monitor", "plan", "--vpc", "vpc-1", folder=tmp_path, AWS_REGION="us-east-1")
    nowhere = called("monitor", "plan", "--vpc", "vpc-1", "--name", "m1", folder=tmp_path)

    assert (nameless.returncode, nowhere.returncode) == (2, 2)
    assert "or give --name" in nameless.stderr
    assert "give --region" in nowhere.stderr


def test_what_is_no_plan_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{}")
    chosen = ("--vpc", "vpc-1", "--name", "m1", "--region", "us-east-1")

    for given in ("plan.json", "nowhere.json"):
        ended = called("monitor", "apply", given, *chosen, folder=tmp_path)
        assert ended.returncode == 2
        assert "LF-2052" in ended.stderr


# ---- AWS


@pytest.fixture
def refuser(moto_access: AwsAccess) -> Iterator[Refusing]:
    with refusing.before(str(moto_access.endpoint)) as proxy:
        yield proxy


def at(proxy: Refusing, folder: Path, *words: str, **more: str) -> Ended:
    environment = {
        "AWS_REGION": moto.REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        **more,
    }
    where = ("--endpoint-url", proxy.endpoint)
    return called("monitor", *words, *where, folder=folder, **environment)


@pytest.mark.server
def test_a_missing_permission_names_action_resource_and_statement(
    refuser: Refusing, moto_access: AwsAccess, tmp_path: Path
) -> None:
    plane = data_plane.made(moto_access)
    chosen = ("--vpc", plane.vpc, "--name", "m1")
    refuser.answers["CreateFlowLogs"] = ec2_error(
        "UnauthorizedOperation",
        "You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/a "
        "is not authorized to perform: ec2:CreateFlowLogs on resource: "
        "arn:aws:ec2:us-east-1:123456789012:vpc-flow-log/* because no identity-based policy "
        "allows the ec2:CreateFlowLogs action",
    )

    refused = at(refuser, tmp_path, "apply", *chosen, "--yes")

    assert refused.returncode == 1, "something was made before"
    assert "LF-1203" in refused.stderr
    assert "ec2:CreateFlowLogs" in refused.stderr
    assert "arn:aws:ec2:us-east-1:123456789012:vpc-flow-log/*" in refused.stderr
    assert '"Effect":"Allow"' in refused.stderr
    assert "made and are kept" in refused.stderr

    refuser.answers.clear()
    assert at(refuser, tmp_path, "apply", *chosen, "--yes").returncode == 0


@pytest.mark.server
def test_a_permission_that_is_missing_from_the_start_is_exit_2(
    refuser: Refusing, tmp_path: Path
) -> None:
    refuser.answers["DescribeVpcs"] = ec2_error(
        "UnauthorizedOperation", "You are not authorized to perform: ec2:DescribeVpcs"
    )

    ended = at(refuser, tmp_path, "plan", "--vpc", "vpc-0123", "--name", "m1")

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "ec2:DescribeVpcs" in ended.stderr


@pytest.mark.server
def test_a_refusal_within_an_answer_of_200_is_a_failure(
    refuser: Refusing, moto_access: AwsAccess, tmp_path: Path
) -> None:
    plane = data_plane.made(moto_access)
    refuser.answers["CreateFlowLogs"] = Refusal(
        200,
        '<CreateFlowLogsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        "<requestId>0f29e4bb-0000-4000-8000-000000000000</requestId><flowLogIdSet/>"
        f"<unsuccessful><item><resourceId>{plane.vpc}</resourceId><error><code>FlowLogsLimitExceeded</code>"
        "<message>There are too many flow logs</message></error></item></unsuccessful>"
        "</CreateFlowLogsResponse>",
    )

    ended = at(refuser, tmp_path, "apply", "--vpc", plane.vpc, "--name", "m1", "--yes", "--json")

    (error,) = [line for line in json_lines(ended) if line["type"] == "error"]
    assert (ended.returncode, error["code"]) == (1, "LF-6403")
    assert "There are too many flow logs" in error["message"] + error["where"]
    logs = client(moto_access, "ec2").describe_flow_logs()["FlowLogs"]
    assert [one["FlowLogId"] for one in logs] == [plane.flow_log]


@pytest.mark.server
def test_throttling_that_does_not_end_is_exit_1(refuser: Refusing, tmp_path: Path) -> None:
    refuser.answers["DescribeVpcs"] = ec2_error(
        "RequestLimitExceeded", "Request limit exceeded.", 503
    )

    ended = at(refuser, tmp_path, "discover", "--vpc", "vpc-1", AWS_MAX_ATTEMPTS="2")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert "LF-1204" in ended.stderr
    assert refuser.asked.count("DescribeVpcs") == 2


@pytest.mark.server
def test_a_network_that_is_not_there_is_exit_2(refuser: Refusing, tmp_path: Path) -> None:
    ended = at(refuser, tmp_path, "discover", "--vpc", "vpc-0123")

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "LF-6351" in ended.stderr
    assert at(refuser, tmp_path, "discover").returncode == 2


@pytest.mark.server
def test_a_vpc_without_endpoints_is_told_what_it_pays(
    refuser: Refusing, moto_access: AwsAccess, tmp_path: Path
) -> None:
    egress = data_plane.made_egress(moto_access)

    seen = at(refuser, tmp_path, "discover", "--vpc", egress.vpc)
    planned = at(refuser, tmp_path, "plan", "--vpc", egress.vpc, "--name", "m1", "--endpoint", "s3")

    assert (seen.returncode, planned.returncode) == (0, 0)
    assert "▲ no-s3-endpoint" in seen.stdout
    assert "  +  vpc endpoint" in planned.stdout


@pytest.mark.server
def test_a_log_group_is_proven_where_it_lies(
    refuser: Refusing, moto_access: AwsAccess, tmp_path: Path
) -> None:
    now = time.time_ns() // 1_000_000
    logs = client(moto_access, "logs")
    logs.create_log_group(logGroupName="/flow")
    logs.create_log_stream(logGroupName="/flow", logStreamName="eni-1-all")
    logs.put_log_events(
        logGroupName="/flow",
        logStreamName="eni-1-all",
        logEvents=[{"timestamp": now + n, "message": ROW.strip()} for n in range(3)],
    )
    (tmp_path / "rules.json").write_text(json.dumps({"by-source": rule()}))

    ended = at(refuser, tmp_path, "prove", "rules.json", "log-group:/flow")
    nothing = at(refuser, tmp_path, "prove", "rules.json", "log-group:/nowhere")

    assert ended.returncode == 0
    assert "300  10.0.0.1" in ended.stdout
    assert nothing.returncode in (1, 2)
    assert "LF-" in nothing.stderr
