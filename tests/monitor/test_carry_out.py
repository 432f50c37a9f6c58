"""A plan is carried out step by step; a wait ends when a person asks to stop."""

from collections.abc import Iterator
from dataclasses import replace
from threading import Event as Flag
from typing import Any

import pytest
from botocore.stub import Stubber

from lakeferry.aws.place import Place
from lakeferry.connect.aws import AwsAccess, client
from lakeferry.events import ChangeApplied, Event, Warned
from lakeferry.monitor.carry_out import Site, carry_out, finished
from lakeferry.monitor.plan import ProvisionPlan, provision_plan
from lakeferry.network.resources import OWNER_TAG, VpcEndpoint
from tests.monitor.wishes import settings

ACCESS = AwsAccess("us-east-1", endpoint="http://127.0.0.1:9")  # nobody answers there
RELAY = VpcEndpoint(
    "lakeferry-m1.databricks-relay", "vpc-1", "com.amazonaws.vpce.us-east-1.vpce-svc-1",
    "Interface", ("subnet-1",), private_dns=True, tags={OWNER_TAG: "m1"},
)  # fmt: skip


@pytest.fixture
def ec2(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    client.cache_clear()
    with Stubber(client(ACCESS, "ec2")) as stub:
        yield stub
        stub.assert_no_pending_responses()
    client.cache_clear()


def site() -> Site:
    return Site(Place(ACCESS, "123456789012", "m1"), settings(), None)


def plan() -> ProvisionPlan:
    return provision_plan((RELAY,), (), settings())


def described(state: str) -> dict[str, Any]:
    return {"VpcEndpoints": [{"VpcEndpointId": "vpce-1", "State": state}]}


def test_an_endpoint_that_nobody_accepts_is_a_warning_and_no_failure(ec2: Stubber) -> None:
    seen: list[Event] = []
    ec2.add_response("create_vpc_endpoint", {})
    ec2.add_response("describe_vpc_endpoints", described("pendingAcceptance"))

    done = carry_out(site(), plan(), emit=seen.append, stop=None)

    assert [one.name for one in done] == [RELAY.name]
    (warned,) = [one for one in seen if isinstance(one, Warned)]
    assert "waits for" in warned.message
    assert "network.databricks" in warned.next_step


def test_a_stop_ends_the_wait_for_an_endpoint(ec2: Stubber) -> None:
    stop = Flag()
    seen: list[Event] = []
    ec2.add_response("create_vpc_endpoint", {})
    ec2.add_response("describe_vpc_endpoints", described("pending"))
    asked = "before-parameter-build.ec2.DescribeVpcEndpoints"
    client(ACCESS, "ec2").meta.events.register(asked, lambda **_: stop.set())

    done = carry_out(site(), plan(), emit=seen.append, stop=stop)

    assert done == ()  # it is made and has no private DNS
    assert [(one.step, one.done) for one in seen if isinstance(one, ChangeApplied)] == [("make", 1)]


def test_a_change_is_finished_with_the_last_of_its_steps() -> None:
    before = replace(RELAY, service="other", id="vpce-0")
    double = replace(RELAY, id="vpce-1")
    changes = provision_plan((RELAY,), (before, double, double), settings())

    assert [f"{one.act} {one.change.action}" for one in changes.steps] == [
        "remove delete", "remove delete",
    ]  # fmt: skip
    assert len(finished(changes.steps, 1)) == 1
    replaced = provision_plan((RELAY,), (before,), settings())
    assert [len(finished(replaced.steps, taken)) for taken in range(4)] == [0, 0, 0, 1]
