"""Terraform configurations: what the provider, the language and a person ask of them."""

import copy
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lakeferry.errors import FerryError
from lakeferry.monitor.export.template import export
from lakeferry.monitor.export.terraform_values import literal
from lakeferry.monitor.wanted.desired import desired
from tests.monitor.networks import arrived, cases, template_of, wanted_of
from tests.monitor.read_back_terraform import Configuration
from tests.monitor.terraform_arguments import binding, faults
from tests.monitor.wishes import full
from tests.network.sample_scenario import topology

CASES = cases()
BY_TERRAFORM = [name for name in CASES if name != "tags in rows"]  # no argument: LF-6412
INTERFACES = re.compile(r"aws_vpc_endpoint\.(\w+)\.network_interface_ids")
REFERENCE = re.compile(r"(?<!\$)\$\{(aws_\w+|data\.archive_file)\.(\w+)\.(\w+)\}")


def configuration(name: str, *, keep_rules: bool = True) -> dict[str, Any]:
    wanted, settings = template_of(CASES[name]), CASES[name][1]
    made = export(wanted, settings, format="terraform", keep_rules=keep_rules)
    found: dict[str, Any] = json.loads(made.text)
    return found


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)
    elif isinstance(value, str):
        yield value


# ---- the provider's arguments


@pytest.mark.server
@pytest.mark.parametrize("name", BY_TERRAFORM)
def test_the_provider_knows_every_argument_and_misses_none(name: str) -> None:
    made = configuration(name)

    found = [
        fault
        for type_, labels in made["resource"].items()
        for one in labels.values()
        for fault in faults(type_, one)
    ]
    found += faults("archive_file", made["data"]["archive_file"]["keep_rules"])
    provider = made["provider"]["aws"]
    found += faults("provider", {**provider, "default_tags": [provider["default_tags"]]})
    assert found == []


@pytest.mark.server
@pytest.mark.parametrize("name", BY_TERRAFORM)
def test_every_reference_is_to_an_attribute_of_something_that_is_made(name: str) -> None:
    made = configuration(name)
    references = {one for text in texts(made) for one in REFERENCE.findall(text)}

    assert len(references) > 3
    for type_, label, attribute in references:
        kind, _, data = type_.partition("data.")
        made_here = made["data"][data] if data else made["resource"][kind]
        assert label in made_here
        assert binding(data or kind).has_attribute(attribute), (type_, attribute)


@pytest.mark.server
def test_the_judge_refuses_what_the_provider_would() -> None:
    made = configuration("flow logs to S3 too")["resource"]
    ((_, log), *_) = made["aws_flow_log"].items()
    alarm = made["aws_cloudwatch_metric_alarm"]["s3_through_nat"]
    ((_, topic), *_) = made["aws_sns_topic"].items()

    wrong = {
        "aws_flow_log": [
            {**log, "log_group_name": "x"}, {**log, "max_aggregation_interval": "60"},
            {**log, "destination_options": {"file_formt": "parquet"}},
            {**log, "tags": ["a"]}, {**log, "traffic_type": ["ALL"]},
        ],
        "aws_cloudwatch_metric_alarm": [
            {key: value for key, value in alarm.items() if key != "comparison_operator"},
            {**alarm, "metric_query": [{"expression": "m1"}]},
            {**alarm, "alarm_actions": "arn"},
            {**alarm, "evaluation_periods": True},
        ],
        "aws_sns_topic": [{**topic, "subscriptions": []}],
    }  # fmt: skip
    for type_, ones in wrong.items():
        for one in ones:
            assert list(faults(type_, one)) != [], one


def test_what_the_provider_has_no_argument_for_is_refused() -> None:
    case = CASES["tags in rows"]

    with pytest.raises(FerryError, match="the flow log's rows shall hold tags") as refused:
        export(wanted_of(case), case[1], format="terraform")

    assert refused.value.code == "LF-6412"
    assert not any(
        "tag_field" in name for name in binding("aws_flow_log").arguments("FlowLogConfig")
    )


# ---- the language


def test_fields_of_a_flow_log_are_escaped_and_rules_are_not_templates() -> None:
    log = configuration("all is missing")["resource"]["aws_flow_log"]["flow_cloudwatch"]

    assert log["log_format"].startswith("$${version} $${account-id} $${interface-id}")
    assert "${" not in log["log_format"].replace("$${", "")


@pytest.mark.parametrize("name", BY_TERRAFORM)
def test_what_is_left_to_terraform_is_a_reference_a_variable_or_a_test_of_one(name: str) -> None:
    expression = re.compile(r"(?<!\$)\$\{([^}]*)\}")
    allowed = re.compile(
        r"aws_\w+\.\w+\.\w+|data\.archive_file\.keep_(rules|instances)\.\w+|var\.\w+|path\.module"
        r'|var\.\w+ == "" \? 0 : 1|contains\(\[[\w", ]+\], var\.\w+\)'
        r"|tolist\(aws_vpc_endpoint\.\w+\.network_interface_ids\)\[\d\]"
    )
    made = configuration(name)
    for variable in made["variable"].values():
        del variable["default"]  # taken as it is, with whatever it holds

    for text in texts(made):
        for one in expression.findall(text):
            assert allowed.fullmatch(one), one


@pytest.mark.parametrize("name", BY_TERRAFORM)
def test_labels_are_identifiers_and_no_two_resources_have_one(name: str) -> None:
    made = configuration(name)

    for labels in made["resource"].values():
        assert all(re.fullmatch("[a-z_][a-z0-9_]*", label) for label in labels)
    wanted = arrived(CASES[name]).resources
    by_id = CASES[name][1].tagged.how == "each"  # has a Lambda of its own, with one trigger
    beside = 6 + (5 if by_id else 0)
    assert len(list(Configuration(made).read())) == len(wanted) + beside


def test_providers_are_pinned_to_a_range_and_the_account_is_checked() -> None:
    made = configuration("all there is")

    assert made["terraform"]["required_providers"] == {
        "aws": {"source": "hashicorp/aws", "version": ">= 6.25, < 7.0"},
        "archive": {"source": "hashicorp/archive", "version": ">= 2.7, < 3.0"},
    }
    assert made["provider"]["aws"]["allowed_account_ids"] == ["123456789012"]
    assert made["provider"]["aws"]["region"] == "${var.region}"
    bare = configuration("all there is", keep_rules=False)
    assert bare["terraform"]["required_providers"].keys() == {"aws"}
    assert "data" not in bare


def test_everything_bears_the_tags_by_the_provider() -> None:
    made = configuration("odd tags")

    assert made["provider"]["aws"]["default_tags"]["tags"] == {
        "lakeferry:deployment": "m_1", "cost center": "a/b=c:d+e@f", "owner": "Größe_5 Ω",
        "map-migrated": "migABCDE12345",
    }  # fmt: skip


def test_signs_of_terraform_in_a_persons_own_texts_are_escaped() -> None:
    chosen = full(tags={"${path}": "%{if}$5 $${x}"}, streams=("a${b}",))
    made = export(desired(topology(), chosen), chosen, format="terraform").text

    assert '"$${path}": "%%{if}$5 $$${x}"' in made
    assert "stream a$${b} is read late" in made
    read = Configuration(json.loads(made))
    assert read.default_tags["${path}"] == "%{if}$5 $${x}"


def test_a_person_may_choose_region_state_retention_actions_and_who_is_told() -> None:
    variables = configuration("many who are told")["variable"]

    assert {name: one["default"] for name, one in variables.items()} == {
        "region": "us-east-1", "rule_state": "ENABLED", "alarm_actions": True,
        "log_retention_days": 30, "subscriber_1": "a@example.com",
        "subscriber_2": "b@example.com", "subscriber_3": "https://example.com/hook?a=b%{c}",
    }  # fmt: skip


# ---- Terraform itself, where it is installed; providers cannot be fetched everywhere


def _without_providers(made: dict[str, Any]) -> dict[str, Any]:
    """The configuration with each resource as a local value: its expressions stay as they are."""

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {renamed(key): renamed(one) for key, one in value.items()}
        if isinstance(value, list):
            return [renamed(one) for one in value]
        if isinstance(value, str):
            value = value.replace("${data.archive_file.", "${local.data__")
            value = INTERFACES.sub(r"local.aws_vpc_endpoint__\1_network_interface_ids", value)
            return REFERENCE.sub(r"${local.\1__\2_\3}", value)
        return value

    reader = Configuration(copy.deepcopy(made))
    values = {}
    for type_, labels in made["resource"].items():
        for label, one in labels.items():
            values[f"{type_}__{label}"] = renamed(
                {key: value for key, value in one.items() if key not in ("depends_on", "lifecycle")}
            )
    for type_, label, attribute in {
        one for text in texts(made) for one in REFERENCE.findall(text) if one[0][:4] == "aws_"
    }:
        known = reader._attribute(type_, label, attribute)
        values[f"{type_}__{label}_{attribute}"] = known
    for label in {one for text in texts(made) for one in INTERFACES.findall(text)}:
        ids = reader.interfaces(label)[::-1]  # a set to the provider, in no order
        values[f"aws_vpc_endpoint__{label}_network_interface_ids"] = f"${{toset({ids!r})}}".replace(
            "'", '"'
        )
    archive = made["data"]["archive_file"]["keep_rules"]["output_path"]
    data = {"output_path": archive, "output_base64sha256": "output_base64sha256"}
    return {
        "locals": {**values, "data__keep_rules": data},
        "variable": made["variable"],
        "output": {"all": {"value": {name: f"${{local.{name}}}" for name in values}}},
    }


if shutil.which("terraform"):  # not skipped elsewhere: nothing that runs everywhere depends on it

    def applied(folder: Path, *more: str) -> Any:
        """The output `all` of a configuration that needs no provider."""
        apply = ("apply", "-auto-approve", "-input=false", *more)
        for words in (("init", "-input=false"), apply):
            ran = subprocess.run(
                ["terraform", f"-chdir={folder}", *words], capture_output=True, check=False
            )
            assert ran.returncode == 0, ran.stdout.decode() + ran.stderr.decode()
        shown = subprocess.run(
            ["terraform", f"-chdir={folder}", "output", "-json", "all"],
            capture_output=True, check=True,
        )  # fmt: skip
        return json.loads(shown.stdout)

    @pytest.mark.parametrize("name", ["all is missing", "many who are told", "odd tags"])
    def test_terraform_itself_reads_the_texts_as_they_were_meant(name: str, tmp_path: Path) -> None:
        made = configuration(name)
        (tmp_path / "main.tf.json").write_text(json.dumps(_without_providers(made)))
        found = applied(tmp_path)

        reader = Configuration(made)
        for type_, labels in made["resource"].items():
            for label, one in labels.items():
                meant = reader.value(
                    {key: one[key] for key in one if key not in ("depends_on", "lifecycle")}
                )
                read = found[f"{type_}__{label}"]
                assert {key: read[key] for key in meant} == meant

    def test_terraform_itself_reads_an_escaped_text_as_it_was(tmp_path: Path) -> None:
        odd = ["${x}", "%{if}", "$${x}", "$$${x}", "$5 $ % %% $$ x$", "a${", "%%{", '"\\n"', "ü$"]
        shown = {"value": {literal(one): literal(one) for one in odd}}
        (tmp_path / "main.tf.json").write_text(json.dumps({"output": {"all": shown}}))

        assert applied(tmp_path) == {one: one for one in odd}

    def test_a_rule_with_another_body_or_state_is_made_anew(tmp_path: Path) -> None:
        """The provider updates no rule. Something of Terraform's own stands for it here."""
        made = configuration("all is missing")
        label = "leak_up"
        watched = made["resource"]["terraform_data"][f"rule_{label}"]
        rule = made["resource"]["aws_cloudwatch_contributor_insight_rule"][label]
        stand_in = {"input": "rule", "lifecycle": rule["lifecycle"]}
        file = {
            "variable": {"rule_state": made["variable"]["rule_state"]},
            "resource": {"terraform_data": {f"rule_{label}": watched, "stand_in": stand_in}},
            "output": {"all": {"value": "${terraform_data.stand_in.id}"}},
        }
        place = tmp_path / "main.tf.json"

        ids = []
        for change in ("", "", "another body"):
            watched["input"] += change
            place.write_text(json.dumps(file))
            ids.append(applied(tmp_path))
        ids.append(applied(tmp_path, "-var=rule_state=DISABLED"))

        assert ids[0] == ids[1]
        assert len(set(ids)) == 3

    def test_terraform_knows_which_providers_the_whole_file_needs(tmp_path: Path) -> None:
        text = json.dumps(configuration("all is missing"))
        (tmp_path / "main.tf.json").write_text(text)

        ran = subprocess.run(
            ["terraform", f"-chdir={tmp_path}", "providers"], capture_output=True, check=True
        )

        assert b"hashicorp/aws] >= 6.25.0, < 7.0.0" in ran.stdout
