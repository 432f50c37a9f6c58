"""What is exported is what an apply makes: NAT instances read back from an account's emulator."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from lakeferry.connect.aws import AwsAccess
from lakeferry.monitor import run
from lakeferry.monitor.changes import facts
from lakeferry.monitor.export.foreseen import foreseen
from lakeferry.monitor.export.template import export
from lakeferry.network.nat_resources import (
    DefaultRoute,
    InstanceProfile,
    NatInstance,
    NetworkInterface,
    StandbyGateway,
)
from lakeferry.network.resources import Resource, key_of
from tests.flows.test_provision_nat import made_site, request
from tests.monitor.read_back import Stack, aws_id
from tests.monitor.read_back_terraform import Configuration

pytestmark = pytest.mark.server
Facts = Mapping[tuple[str, str], Mapping[str, Any]]
STARTS = ((NetworkInterface, "eni"), (NatInstance, "i"), (StandbyGateway, "nat"))


def said(resources: Iterable[Any], ids: Mapping[str, str]) -> Facts:
    """All that is compared, with ids of AWS as a template is read back; routes are in none.

    An instance made without a named image has the newest; CloudFormation tags no profile.
    """
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for one in resources:
        if isinstance(one, DefaultRoute):
            continue
        text = json.dumps(facts(one), sort_keys=True)
        for id, instead in ids.items():
            text = text.replace(id, instead)
        fields = json.loads(text)
        if isinstance(one, NatInstance):
            del fields["image"]
        if isinstance(one, InstanceProfile):
            del fields["tags"]
        if "body" in fields:  # lists of ids are sorted by ids
            fields["body"] = _sorted(fields["body"])
        found[key_of(one)] = fields
    return found


def _sorted(value: Any) -> Any:
    if isinstance(value, list):
        return sorted((_sorted(one) for one in value), key=str)
    if isinstance(value, dict):
        return {key: _sorted(one) for key, one in value.items()}
    return value


@pytest.mark.parametrize("standby", ["gateway", "instance"])
def test_both_templates_make_what_an_apply_has_made(moto_access: AwsAccess, standby: str) -> None:
    site = made_site(moto_access)
    asked = request(moto_access, site, standby=standby)
    before = run.plan(asked)
    shall = foreseen(before.topology, before.settings)
    stack, configuration = (
        json.loads(export(shall, before.settings, format=format, network=before.topology).text)
        for format in ("cloudformation", "terraform")
    )

    run.apply(asked, allow={"routes"})

    after = run.plan(asked)
    assert after.plan.is_empty
    made: list[Resource] = [one.before for one in after.plan.changes if one.before is not None]  # type: ignore[misc]
    ids = {
        one.id: aws_id(start, one.name)
        for one in made
        for kind, start in STARTS
        if isinstance(one, kind)
    }
    read = said(made, ids)
    assert {"nat_instance", "network_interface", "elastic_ip", "alarm"} <= {
        kind for kind, _ in read
    }
    assert said(Stack(stack).read(), {}) == read
    assert said(Configuration(configuration).read(), {}) == read
