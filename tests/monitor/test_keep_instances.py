"""The Lambda that keeps alarms and graphs in step, run as a program against a server of AWS."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lakeferry.connect.aws import AwsAccess, client
from lakeferry.monitor import run
from lakeferry.monitor.export.keep_instances import instance_keeper
from lakeferry.monitor.run import MonitorRequest
from lakeferry.monitor.settings import MonitorSettings, TaggedWish
from lakeferry.monitor.wanted.desired import desired
from lakeferry.network.discover import Scope
from lakeferry.network.resources import Alarm, Instance
from tests.aws import data_plane
from tests.aws.data_plane import DataPlane
from tests.flows.provisioning import changed
from tests.monitor.wishes import full, of_kind, wanted, with_found
from tests.servers.moto import ACCOUNT, REGION

VALUE = "migABCDE12345"
TAGS = [{"Key": "map-migrated", "Value": VALUE}]
EACH = TaggedWish("each", allowances=True)
RUN = "import index, json, sys; json.dump(index.handler({}, None), sys.stderr)"
NOTHING: dict[str, list[str]] = {"created": [], "changed": [], "deleted": [], "said": []}
P = "lakeferry-m1."


@dataclass
class Deployed:
    """A deployment that watches tagged instances, and its Lambda."""

    access: AwsAccess
    plane: DataPlane
    request: MonitorRequest
    source: str
    called: set[str]

    def run(self) -> dict[str, list[str]]:
        """What one run of the Lambda did."""
        module, printed = ModuleType("index"), StringIO()
        with patch.dict(os.environ, self.environment), redirect_stdout(printed):
            boto3.setup_default_session()
            boto3.DEFAULT_SESSION.events.register("before-call", self._note)
            exec(compile(self.source, "index.py", "exec"), module.__dict__)
            module.A_PAUSE = 0  # type: ignore[attr-defined]
            done: dict[str, list[str]] = module.handler({}, None)
        assert json.loads(printed.getvalue()) == done
        return done

    @property
    def environment(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": str(self.access.endpoint), "AWS_DEFAULT_REGION": REGION}

    def _note(self, model: Any, **_: Any) -> None:
        service = {"monitoring": "cloudwatch"}.get(model.service_model.endpoint_prefix, "ec2")
        self.called.add(f"{service}:{model.name}")

    def start(self, count: int, kind: str = "c6gn.medium") -> list[str]:
        made = client(self.access, "ec2").run_instances(
            ImageId="ami-12c6146b", InstanceType=kind, MinCount=count, MaxCount=count,
            SubnetId=self.plane.private[0],
            TagSpecifications=[{"ResourceType": "instance", "Tags": TAGS}],
        )  # fmt: skip
        return sorted(one["InstanceId"] for one in made["Instances"])

    def end(self, ids: list[str]) -> None:
        client(self.access, "ec2").terminate_instances(InstanceIds=ids)

    def drift(self) -> dict[str, str]:
        return changed(run.plan(self.request).plan)


def deployed(access: AwsAccess, nodes: int, **chosen: Any) -> Deployed:
    plane = data_plane.made(access)
    settings = MonitorSettings(
        "m1", ACCOUNT, REGION, questions=("rejected",), tags={"map-migrated": VALUE},
        tagged=EACH, notify=("ops@example.com",), **chosen,
    )  # fmt: skip
    request = MonitorRequest(access, Scope(vpc=plane.vpc), settings)
    here = Deployed(access, plane, request, "", set())
    if nodes:
        here.start(nodes)
    run.apply(request)
    report = run.plan(request)
    made = instance_keeper(report.desired, report.settings)
    assert made is not None
    here.source = made.source
    return here


@pytest.mark.server
def test_it_changes_nothing_where_all_is_as_it_was_applied(
    moto_access: AwsAccess, tmp_path: Path
) -> None:
    here = deployed(moto_access, 3)
    (tmp_path / "index.py").write_text(here.source)
    environment = {**os.environ, **here.environment, "PYTHONPATH": str(tmp_path)}

    by_itself = subprocess.run(
        [sys.executable, "-c", RUN], env=environment, capture_output=True, check=True
    )

    assert here.run() == json.loads(by_itself.stderr) == NOTHING


@pytest.mark.server
def test_nodes_that_come_and_go_are_taken_up_as_an_apply_would(moto_access: AwsAccess) -> None:
    here = deployed(moto_access, 2)
    (first, *_) = here.start(1, "c7gn.large")
    here.end([first])
    here.start(9)

    done = here.run()

    assert f"{P}instance-cpu" in done["changed"]
    assert f"{P}instance-cpu.2" in done["created"]
    assert "lakeferry-m1" in done["changed"]
    assert here.drift() == {}
    assert here.run() == NOTHING


@pytest.mark.server
def test_where_no_node_was_the_first_ones_make_alarms_and_graphs(moto_access: AwsAccess) -> None:
    here = deployed(moto_access, 0)
    here.start(2)

    done = here.run()

    assert f"{P}instance-status" in done["created"]
    assert here.drift() == {}


@pytest.mark.server
def test_alarms_of_its_own_go_with_their_nodes_and_those_of_the_template_stay(
    moto_access: AwsAccess,
) -> None:
    here = deployed(moto_access, 2)
    ids = here.start(12)
    here.run()
    here.end(ids)

    done = here.run()

    assert f"{P}instance-cpu.2" in done["deleted"]
    assert not [one for one in done["deleted"] if not one.rpartition(".")[2].isdigit()]
    assert here.drift() == {}


@pytest.mark.server
def test_an_alarm_without_the_tag_is_left_alone(moto_access: AwsAccess) -> None:
    here = deployed(moto_access, 2)
    name = f"{P}instance-cpu"
    arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"
    client(moto_access, "cloudwatch").untag_resource(
        ResourceARN=arn, TagKeys=["lakeferry:deployment"]
    )
    here.start(1)

    done = here.run()

    assert name not in done["changed"]
    assert done["said"] == [f"{name} has not the tag of this deployment: left alone"]


@pytest.mark.server
def test_its_role_allows_what_it_asks_for_and_no_more(moto_access: AwsAccess) -> None:
    here = deployed(moto_access, 2)
    here.end(here.start(12))
    ids = here.start(12)
    here.run()
    here.end(ids)
    here.run()

    report = run.plan(here.request)
    made = instance_keeper(report.desired, report.settings)
    assert made is not None
    statements = json.loads(made.function.role.policy)["Statement"]
    allowed = {one for each in statements for one in each["Action"] if not one.startswith("logs:")}
    # PutMetricAlarm asks for TagResource where it gives tags.
    assert here.called == allowed - {"cloudwatch:TagResource"}


# ---- what it makes is what an apply makes, whatever the nodes


KINDS = st.sampled_from(["c6gn.medium", "c7gn.large", "x9.huge"])


@given(st.dictionaries(st.integers(0, 60), KINDS, max_size=30))
@hypothesis_settings(max_examples=40, deadline=None)
def test_of_the_same_nodes_it_makes_the_same_alarms_as_an_apply(nodes: dict[int, str]) -> None:
    ids = {f"i-{number:017x}": kind for number, kind in nodes.items()}
    instances = tuple(
        Instance(id, "vpc-1", "subnet-1", kind, "running", (), True, {"map-migrated": VALUE})
        for id, kind in sorted(ids.items())
    )
    network = with_found(instances=instances)
    module = lambda_of(network)
    found = [{"InstanceId": one.id, "InstanceType": one.kind} for one in instances]

    made = {}
    for family in module.PLAN["families"]:
        made.update(module.alarms(family, found))

    by_apply = {
        one.name: [
            (each.metric, each.dimensions, each.statistic, each.expression, each.period_s)
            for each in one.metrics
        ]
        for one in of_kind(wanted(network, tagged=EACH), Alarm)
        if one.name.startswith(f"{P}instance-")
    }
    assert {name: list(_looks(one)) for name, one in made.items()} == by_apply


def lambda_of(network: Any) -> ModuleType:
    settings = replace(full(), tagged=EACH)
    made = instance_keeper(desired(network, settings), settings)
    assert made is not None
    module = ModuleType("index")
    exec(compile(made.source, "index.py", "exec"), module.__dict__)
    return module


def _looks(one: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    parts = one.get("Metrics") or [
        {"MetricStat": {"Metric": one, "Period": one["Period"], "Stat": one["Statistic"]}}
    ]
    for each in parts:
        stat = each.get("MetricStat")
        if stat is None:
            yield "", (), "", each["Expression"], each["Period"]
        else:
            pairs = tuple((pair["Name"], pair["Value"]) for pair in stat["Metric"]["Dimensions"])
            yield stat["Metric"]["MetricName"], pairs, stat["Stat"], "", stat["Period"]


def test_without_instances_by_their_ids_there_is_no_lambda() -> None:
    for way in (TaggedWish(), TaggedWish("query")):
        settings = replace(full(), tagged=way)
        assert instance_keeper(wanted(tagged=way), settings) is None
