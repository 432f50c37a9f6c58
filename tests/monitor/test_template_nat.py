"""NAT instances in templates: each property read back, linted, and held to the provider."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from lakeferry.monitor.export.template_cloudformation import cloudformation
from lakeferry.monitor.export.template_names import Names
from lakeferry.monitor.export.template_terraform import terraform
from lakeferry.monitor.settings import MonitorSettings
from lakeferry.network.nat_resources import InstanceProfile, NatInstance
from lakeferry.network.resources import Resource, key_of
from tests.judges.cfn_lint import lint
from tests.monitor.nat_wishes import NAME, one_zone
from tests.monitor.read_back import Stack
from tests.monitor.read_back_terraform import Configuration
from tests.monitor.terraform_arguments import binding, faults
from tests.network.sample_scenario import ACCOUNT, REGION

SETTINGS = MonitorSettings("m1", ACCOUNT, REGION, tags={"owner": "data-platform"})
IMAGES = ["", "ami-0123456789abcdef0"]


def names(image: str = "") -> Names:
    return Names(one_zone(image), SETTINGS)


def template(image: str = "") -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(cloudformation(names(image))))
    return made


def configuration(image: str = "") -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(terraform(names(image))))
    return made


def by_key(read: Iterable[Any]) -> dict[tuple[str, str], Resource]:
    return {key_of(one): one for one in read}


def without_tags(one: Resource) -> Resource:
    """CloudFormation gives an instance profile none."""
    return InstanceProfile(one.name, one.role) if isinstance(one, InstanceProfile) else one


@pytest.mark.parametrize("image", IMAGES)
def test_cloudformation_says_every_property(image: str) -> None:
    wanted = by_key(without_tags(one) for one in one_zone(image))

    assert by_key(Stack(template(image)).read()) == wanted


@pytest.mark.parametrize("image", IMAGES)
def test_terraform_says_every_property(image: str) -> None:
    assert by_key(Configuration(configuration(image)).read()) == by_key(one_zone(image))


@pytest.mark.parametrize("image", IMAGES)
def test_cfn_lint_has_nothing_to_say(image: str) -> None:
    assert lint(json.dumps(template(image))) == []


@pytest.mark.server
@pytest.mark.parametrize("image", IMAGES)
def test_the_provider_knows_every_argument_and_misses_none(image: str) -> None:
    made = configuration(image)

    found = [
        fault
        for type_, labels in made["resource"].items()
        for one in labels.values()
        for fault in faults(type_, one)
    ]
    for one in made.get("data", {}).get("aws_ssm_parameter", {}).values():
        found += faults("data_aws_ssm_parameter", one)
    assert found == []
    assert {"image_arm64"} == made["data"]["aws_ssm_parameter"].keys() if not image else True
    assert binding("data_aws_ssm_parameter").has_attribute("value")
    ignored = made["provider"]["aws"]["ignore_tags"]
    provider = binding("provider")
    assert ignored.keys() <= provider.arguments("AwsProviderIgnoreTags").keys()


def test_an_instance_boots_when_its_address_is_bound() -> None:
    made = template()["Resources"]["InstanceNatUsEast1a"]

    assert made["DependsOn"] == ["AddressNatUsEast1aAssociation"]
    arguments = configuration()["resource"]["aws_instance"]["nat_us_east_1a"]
    assert arguments["depends_on"] == ["aws_eip_association.nat_us_east_1a"]


def test_nothing_of_a_script_is_substituted() -> None:
    (wanted,) = (one for one in one_zone() if isinstance(one, NatInstance))
    script = template()["Resources"]["InstanceNatUsEast1a"]["Properties"]["UserData"]

    assert script == {"Fn::Base64": wanted.user_data}
    terraform_script = configuration()["resource"]["aws_instance"]["nat_us_east_1a"]["user_data"]
    assert "$${nor this}" in terraform_script
    assert "%%{not a template}" in terraform_script


def test_a_newer_image_makes_no_new_instance() -> None:
    """Another instance would ask for the interface while the old one has it."""
    looked_up, given = (
        configuration(one)["resource"]["aws_instance"]["nat_us_east_1a"] for one in IMAGES
    )

    assert looked_up["lifecycle"] == {"ignore_changes": ["ami"]}
    assert "lifecycle" not in given


def test_the_interface_outlives_the_instance() -> None:
    made = template()["Resources"]["InstanceNatUsEast1a"]["Properties"]

    (attached,) = made["NetworkInterfaces"]
    assert attached["NetworkInterfaceId"] == {"Ref": "InterfaceNatUsEast1a"}
    assert "DeleteOnTermination" not in attached  # of an interface that was there: false
    assert NAME in json.dumps(made["Tags"])


# ---- the judge is judged: whatever is dropped is missed

UNREADABLE = (AssertionError, IndexError, KeyError, StopIteration, TypeError, ValueError)


def test_a_property_that_cloudformation_lost_is_missed() -> None:
    whole = by_key(Stack(template()).read())
    unseen = set()
    for id, one in template()["Resources"].items():
        for key in (*one["Properties"], *(one.keys() & {"DependsOn"})):
            made = template()
            changed = made["Resources"][id]
            del (changed if key in changed else changed["Properties"])[key]
            try:
                if by_key(Stack(made).read()) == whole:
                    unseen.add((one["Type"], key))
            except UNREADABLE:
                continue
    assert unseen == set()


def test_an_argument_that_terraform_lost_is_missed() -> None:
    whole = by_key(Configuration(configuration()).read())
    unseen = set()
    for type_, labels in configuration()["resource"].items():
        for label, one in labels.items():
            for key in one:
                made = configuration()
                del made["resource"][type_][label][key]
                try:
                    if by_key(Configuration(made).read()) == whole:
                        unseen.add((type_, key))
                except UNREADABLE:
                    continue
    assert unseen == set()
