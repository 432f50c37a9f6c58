"""`lakeferry config`: the manifest checked, shown and explained to editors."""

import json
from pathlib import Path

import pytest

from lakeferry.cli.json_lines import schema as events_schema
from lakeferry.config.schema import schema
from tests.cli.program import called, json_lines

ROOT = Path(__file__).resolve().parents[2]
GOOD = """\
version: 1
name: m1
network: {vpc: vpc-1, flow_logs: {retention: 30 d}}
alarms: {notify: ["https://hooks.example.com/T0/B0/hush", "${env:HOOK}"]}
profiles: {staging: {network: {vpc: vpc-2}}}
"""


def written(folder: Path, text: str) -> None:
    (folder / "lakeferry.yaml").write_text(text)


def test_a_manifest_without_a_fault_is_exit_0(tmp_path: Path) -> None:
    written(tmp_path, GOOD)

    ended = called("config", "check", folder=tmp_path)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "  ✓ lakeferry.yaml  name, network, alarms, profiles\n"


def test_every_fault_is_shown_on_stderr_and_ends_with_exit_2(tmp_path: Path) -> None:
    written(tmp_path, "version: 1\nnetwrk: {}\nlimits: {max_bytes: 2 pb}\n")

    ended = called("config", "check", folder=tmp_path)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "✗ LF-2001 lakeferry.yaml:2:1  netwrk is not a key\n"
        "       2 | netwrk: {}\n"
        "         | ^^^^^^\n"
        "  next: did you mean `network`?\n"
        '✗ LF-2011 lakeferry.yaml:3:21  limits.max_bytes: "2 pb" can mean 2 petabytes (2 PB) or '
        "2 petabits (2 Pb = 250 TB)\n"
        "       3 | limits: {max_bytes: 2 pb}\n"
        "         |                     ^^^^\n"
        "  next: write 2 PB (10^15 bytes) or 2 PiB (2^50 bytes)\n"
    )


STREAMS_WITH_FAULTS = """\
version: 1
netwrk: {}
streams:
  clicks: {from: a, to: /t, frmat: raw, read_share: 0%, start: soon}
  orders: {from: a, to: relative, workers: 0, connection: nobody}
  logs: {from: a, format: csv, max_bad: 200%}
"""


def test_what_streams_lack_is_told_at_once_with_faults_of_shape(tmp_path: Path) -> None:
    written(tmp_path, STREAMS_WITH_FAULTS)

    ended = called("config", "check", folder=tmp_path)

    told = [line[2:] for line in ended.stderr.splitlines() if line.startswith("✗")]
    assert ended.returncode == 2
    assert told == [
        "LF-2001 lakeferry.yaml:2:1  netwrk is not a key",
        "LF-2001 lakeferry.yaml:4:29  streams.clicks.frmat is not a key",
        "LF-2001 lakeferry.yaml:4:53  streams.clicks.read_share: it is above 0% and at most 100%",
        "LF-7012 lakeferry.yaml:4:64  streams.clicks.start: `soon` is no place to start at: it is "
        "none of these",
        "LF-2001 lakeferry.yaml:5:25  streams.orders.to: `relative` is relative, and there is no "
        "target.root",
        "LF-2001 lakeferry.yaml:5:44  streams.orders.workers: 0 is less than 1",
        "LF-2001 lakeferry.yaml:5:59  streams.orders.connection: there is no connection `nobody`",
        "LF-2001 lakeferry.yaml:6:9  streams.logs.to is missing",
        "LF-2001 lakeferry.yaml:6:27  streams.logs.format: records of csv need a schema",
        "LF-2001 lakeferry.yaml:6:41  streams.logs.max_bad: it is above 0% and at most 100%",
    ]


def test_faults_are_lines_of_json_too(tmp_path: Path) -> None:
    written(tmp_path, "version: 1\nnetwrk: {}\ntags: {a: 1}\n")

    found = json_lines(called("config", "check", "--json", folder=tmp_path))

    assert [line["type"] for line in found] == ["start", "error", "error", "summary"]
    assert found[1]["message"] == "lakeferry.yaml:2:1  netwrk is not a key"
    assert found[-1]["exit"] == 2


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("network: {insights: {rules: [nat-byte-by-dst]}}", "did you mean `nat-bytes-by-dst`?"),
        ("network: {endpoints: {sts: gateway}}", "it has no gateway endpoint"),
        ("network: {flow_logs: {destination: s3}}", "bucket is missing: the destination is s3"),
        ("network: {flow_logs: {format: [version, bogus]}}", "names 'bogus'"),
        ("tags: {aws:owner: me}", "`aws:owner` is AWS's own"),
        ("tags: {lakeferry:deployment: m2}", "`lakeferry:deployment` is lakeferry's own"),
        ("tags: {Name: mine}", "`Name` is lakeferry's own"),
        ("tags: {owner: a<b}", "tags.owner: `a<b` is not valid here"),
        ("tags: {a<b: owner}", "`a<b` is no key of a tag"),
        (f"tags: {{owner: {'x' * 257}}}", "at most 256 letters"),
        (f"tags: {{{', '.join(f'k{n}: v' for n in range(48))}}}", "48 tags do not fit"),
        ("alarms: {rules: {rejekted: {limit: 3}}}", "did you mean `rejected`?"),
        ("alarms: {rules: {rejected: {limit: 5 GB/h}}}", "write a bare number"),
        ("alarms: {rules: {s3-through-nat: {limit: 3}}}", "write a rate: `5 GB/h`"),
    ],
)
def test_what_only_the_network_can_judge_is_checked_too(
    tmp_path: Path, part: str, said: str
) -> None:
    written(tmp_path, f"version: 1\nname: m1\n{part}\n")

    ended = called("config", "check", folder=tmp_path)

    assert ended.returncode == 2
    assert said in ended.stderr
    assert "lakeferry.yaml:3:" in ended.stderr


def test_the_manifest_is_found_in_a_folder_above(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    (tmp_path / "a" / "b").mkdir(parents=True)

    ended = called("config", "check", folder=tmp_path / "a" / "b")

    assert ended.returncode == 0
    assert str(tmp_path / "lakeferry.yaml") in ended.stdout


def test_without_a_manifest_it_says_where_it_looked(tmp_path: Path) -> None:
    ended = called("config", "check", folder=tmp_path)

    assert ended.returncode == 2
    assert "LF-2002 there is no manifest" in ended.stderr
    assert str(tmp_path) in ended.stderr
    assert "lakeferry config init" in ended.stderr


def test_a_manifest_may_come_from_stdin(tmp_path: Path) -> None:
    assert called("config", "check", "-f", "-", folder=tmp_path, input=GOOD).returncode == 0
    assert called("config", "check", "-f", "-", folder=tmp_path, input="x: 1").returncode == 2


def test_a_profile_and_set_are_shown_with_their_origin(tmp_path: Path) -> None:
    written(tmp_path, GOOD)

    ended = called(
        "config", "show", "--resolved", "--profile", "staging",
        "--set", "network.flow_logs.retention=5 d", folder=tmp_path,
    )  # fmt: skip

    found = {line.split(":")[0]: line.split()[1:] for line in ended.stdout.splitlines()}
    assert found["network.vpc"] == ["vpc-2", "lakeferry.yaml:5:37"]
    assert found["network.flow_logs.retention"] == ["5", "d", "--set:1:29"]
    assert found["network.flow_logs.interval"] == ["60", "s", "default"]


def test_what_is_shown_is_a_manifest_again(tmp_path: Path) -> None:
    example = ROOT / "examples" / "migration.yaml"
    shown = called("config", "show", "-f", example, folder=tmp_path)

    again = called("config", "show", "-f", "-", folder=tmp_path, input=shown.stdout)

    assert shown.returncode == 0
    assert again.stdout == shown.stdout


def test_a_reference_is_never_resolved_and_an_address_never_shown_whole(tmp_path: Path) -> None:
    written(tmp_path, GOOD)

    for words in (["show"], ["show", "--resolved"], ["show", "--json"]):
        shown = called("config", *words, folder=tmp_path, HOOK="hush").stdout
        assert "${env:HOOK}" in shown
        assert "hush" not in shown
        assert "https://hooks.example.com/***" in shown


def test_the_manifest_as_json_has_types_and_origins(tmp_path: Path) -> None:
    written(tmp_path, "version: 1\nname: m1\nnetwork: {workers: {count: 8}}\n")

    last = json_lines(called("config", "show", "--resolved", "--json", folder=tmp_path))[-1]

    assert last["manifest"] == {"version": 1, "name": "m1", "network": {"workers": {"count": 8}}}
    assert {"path": "name", "value": "m1", "from": "lakeferry.yaml:2:7"} in last["values"]


def test_the_schemas_of_manifest_and_events_are_printed(tmp_path: Path) -> None:
    assert json.loads(called("config", "schema", folder=tmp_path).stdout) == schema()
    events = called("config", "schema", "--events", folder=tmp_path)
    assert json.loads(events.stdout) == events_schema()
    assert json_lines(called("config", "schema", "--json", folder=tmp_path))


@pytest.mark.parametrize("step", ["plan", "apply", "destroy"])
def test_the_least_policy_is_printed_for_each_step(tmp_path: Path, step: str) -> None:
    written(tmp_path, GOOD)
    words = ("config", "iam", "--for", "monitor", step, "--account", "111122223333")

    ended = called(*words, folder=tmp_path, AWS_REGION="eu-west-1", HOOK="https://example.com/x")

    assert ended.returncode == 0
    policy = json.loads(ended.stdout)
    assert policy["Version"] == "2012-10-17"
    actions = {action for one in policy["Statement"] for action in one["Action"]}
    assert ("cloudwatch:PutInsightRule" in actions) is (step == "apply")
    assert ("cloudwatch:DeleteInsightRules" in actions) is (step != "plan")
    named = [one for one in str(policy).split("'") if one.startswith("arn:aws:cloudwatch")]
    assert all(":111122223333:" in one for one in named)


@pytest.mark.parametrize("step", ["apply", "watch"])
def test_a_log_group_of_others_is_read_and_never_changed(tmp_path: Path, step: str) -> None:
    words = ("config", "iam", step, "--name", "m1", "--account", "111122223333")

    ended = called(*words, "--reads", "/network/flow", folder=tmp_path, AWS_REGION="eu-west-1")

    named = [
        (one["Sid"], one.get("Condition", {}).get("ForAllValues:StringEqualsIgnoreCase"))
        for one in json.loads(ended.stdout)["Statement"]
        if "/network/flow" in str(one)
    ]
    limit = {"cloudwatch:requestInsightRuleLogGroups": ["/network/flow"]}
    assert named == ([("PutRules", limit)] if step == "apply" else [("ReadRows", None)])


def test_a_policy_for_a_wrong_account_is_refused(tmp_path: Path) -> None:
    words = ("config", "iam", "--name", "m1", "--account", "12")

    ended = called(*words, folder=tmp_path, AWS_REGION="eu-west-1")

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "write 12 digits" in ended.stderr
