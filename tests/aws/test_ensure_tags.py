"""Tags are put many at a time, and what is gone or refused does not stop the others."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from lakeferry.aws.ensure_tags import put_tags
from lakeferry.aws.place import Place
from lakeferry.connect.aws import AwsAccess, client
from lakeferry.network.tag_bearers import Bearer
from tests.servers.http_server import AWS_JSON, answer_json, served
from tests.servers.moto import ACCOUNT, forget_clients

MAP = {"map-migrated": "migABCDE12345"}


def instances(access: AwsAccess, count: int) -> list[str]:
    run = client(access, "ec2").run_instances(
        ImageId="ami-12c6146b", InstanceType="c6gn.medium", MinCount=count, MaxCount=count
    )
    return [one["InstanceId"] for one in run["Instances"]]


def tagged(access: AwsAccess, id: str) -> dict[str, str]:
    wanted = [{"Name": "resource-id", "Values": [id]}]
    found = client(access, "ec2").describe_tags(Filters=wanted)["Tags"]
    return {one["Key"]: one["Value"] for one in found}


@pytest.mark.server
def test_a_node_that_went_meanwhile_does_not_stop_the_others(moto_access: AwsAccess) -> None:
    ids = instances(moto_access, 6)
    ids.insert(2, "i-0123456789abcdef0")  # it was there when the network was read
    wishes = [(Bearer("instance", id, "", {}), MAP) for id in ids]

    puts = list(put_tags(Place(moto_access, ACCOUNT, "m1"), wishes))

    faults = {one.bearer.id: one.fault for one in puts}
    assert sorted(faults) == sorted(ids)
    assert "InvalidInstanceID" in faults.pop("i-0123456789abcdef0")
    assert set(faults.values()) == {""}
    assert all(tagged(moto_access, id) == MAP for id in faults)


@pytest.mark.server
def test_other_tags_stay_as_they_are(moto_access: AwsAccess) -> None:
    (id,) = instances(moto_access, 1)
    client(moto_access, "ec2").create_tags(Resources=[id], Tags=[{"Key": "owner", "Value": "x"}])

    list(put_tags(Place(moto_access, ACCOUNT, "m1"), [(Bearer("instance", id, "", {}), MAP)]))

    assert tagged(moto_access, id) == {"owner": "x", **MAP}


@pytest.mark.server
def test_a_new_version_of_a_template_differs_in_its_tags_alone(moto_access: AwsAccess) -> None:
    ec2 = client(moto_access, "ec2")
    data = {
        "ImageId": "ami-12c6146b", "InstanceType": "m5.large", "UserData": "IyEvYmluL3No",
        "TagSpecifications": [
            {"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "red"}]}
        ],
    }  # fmt: skip
    made = ec2.create_launch_template(LaunchTemplateName="nodes", LaunchTemplateData=data)
    id = made["LaunchTemplate"]["LaunchTemplateId"]

    (put,) = put_tags(Place(moto_access, ACCOUNT, "m1"), [(template(id, "$Default"), MAP)])

    assert put.fault == ""
    versions = ec2.describe_launch_template_versions(LaunchTemplateId=id, Versions=["$Default"])
    (one,) = versions["LaunchTemplateVersions"]
    assert one["VersionNumber"] == 2
    kept = one["LaunchTemplateData"]
    pair = {"Key": "map-migrated", "Value": "migABCDE12345"}
    specified = {
        each["ResourceType"]: sorted(each["Tags"], key=str)
        for each in kept.pop("TagSpecifications")
    }
    assert specified == {
        "instance": [pair, {"Key": "team", "Value": "red"}],
        "volume": [pair],
        "network-interface": [pair],
    }
    del data["TagSpecifications"]
    assert kept == data


def template(id: str, version: str) -> Bearer:
    return Bearer("launch_template", f"{id}/{version}", "nodes", {})


def versions(access: AwsAccess) -> str:
    """A template whose newest version is not its default."""
    ec2 = client(access, "ec2")
    first, second = ({"InstanceType": kind} for kind in ("m5.large", "m6i.large"))
    made = ec2.create_launch_template(LaunchTemplateName="nodes", LaunchTemplateData=first)
    id: str = made["LaunchTemplate"]["LaunchTemplateId"]
    ec2.create_launch_template_version(LaunchTemplateId=id, LaunchTemplateData=second)
    return id


@pytest.mark.server
def test_who_asks_for_the_newest_gets_the_newest_with_the_tag(moto_access: AwsAccess) -> None:
    id = versions(moto_access)

    (put,) = put_tags(Place(moto_access, ACCOUNT, "m1"), [(template(id, "$Latest"), MAP)])

    assert put.fault == ""
    every = client(moto_access, "ec2").describe_launch_template_versions(LaunchTemplateId=id)
    found = {one["VersionNumber"]: one for one in every["LaunchTemplateVersions"]}
    assert found[3]["LaunchTemplateData"]["InstanceType"] == "m6i.large"
    assert [number for number, one in found.items() if one["DefaultVersion"]] == [1]


@pytest.mark.server
def test_a_default_that_would_become_the_newest_in_place_of_another_is_not_made(
    moto_access: AwsAccess,
) -> None:
    id = versions(moto_access)

    (put,) = put_tags(Place(moto_access, ACCOUNT, "m1"), [(template(id, "$Default"), MAP)])

    assert "version 2 is newer than the default one" in put.fault
    every = client(moto_access, "ec2").describe_launch_template_versions(LaunchTemplateId=id)
    assert len(every["LaunchTemplateVersions"]) == 2


@pytest.mark.server
def test_a_template_that_went_meanwhile_does_not_stop_the_others(moto_access: AwsAccess) -> None:
    gone = template("lt-0123456789abcdef0", "$Default")
    there = template(versions(moto_access), "$Latest")

    puts = list(put_tags(Place(moto_access, ACCOUNT, "m1"), [(gone, MAP), (there, MAP)]))

    assert [one.fault for one in puts] == ["InvalidLaunchTemplateId.NotFound", ""]


# ---- the tagging API, which answers 200 and tells failures inside


class Tagging:
    """Resource Groups Tagging API: answers to TagResources, one after the other."""

    def __init__(self, answers: list[dict[str, Any]]) -> None:
        self.answers, self.asked = answers, []  # type: ignore[var-annotated]

    def handler(self) -> type[BaseHTTPRequestHandler]:
        state = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                state.asked.append(body["ResourceARNList"])
                found = state.answers.pop(0)
                is_refusal = "__type" in found
                said = found if is_refusal else {"FailedResourcesMap": found}
                answer_json(self, 400 if is_refusal else 200, said, kind=AWS_JSON)

            def log_message(self, format: str, *args: object) -> None:
                """Silent: `asked` is the log."""

        return Handler


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    forget_clients()
    yield
    forget_clients()


def through(tagging: Tagging, names: list[str]) -> dict[str, str]:
    with served(tagging.handler()) as port:
        access = AwsAccess("us-east-1", endpoint=f"http://127.0.0.1:{port}")
        place = Place(access, ACCOUNT, "m1", sleep=lambda _: None)
        wishes = [(Bearer("alarm", f"arn:aws:cloudwatch:::alarm:{one}", one, {}), MAP)
                  for one in names]  # fmt: skip
        return {one.bearer.name: one.fault for one in put_tags(place, wishes)}


def failed(name: str, status: int, code: str) -> dict[str, Any]:
    arn = f"arn:aws:cloudwatch:::alarm:{name}"
    return {arn: {"StatusCode": status, "ErrorCode": code, "ErrorMessage": "no"}}


@pytest.mark.usefixtures("nobody")
def test_what_failed_inside_an_answer_of_200_is_told_by_name() -> None:
    tagging = Tagging([failed("b", 400, "InvalidParameterException")])

    assert through(tagging, ["a", "b", "c"]) == {
        "a": "", "b": "InvalidParameterException: no", "c": "",
    }  # fmt: skip
    assert len(tagging.asked) == 1


@pytest.mark.usefixtures("nobody")
def test_a_right_that_lacks_is_told_of_each_and_stops_nobody() -> None:
    said = "User: me is not authorized to perform: tag:TagResources"
    tagging = Tagging([{"__type": "AccessDeniedException", "message": said}])

    faults = through(tagging, ["a", "b"])

    assert sorted(faults) == ["a", "b"]
    assert all("may not tag:TagResources" in one for one in faults.values())


@pytest.mark.usefixtures("nobody")
def test_what_failed_for_now_is_asked_again_alone() -> None:
    tagging = Tagging([failed("b", 500, "InternalServiceException"), {}])

    assert through(tagging, ["a", "b"]) == {"a": "", "b": ""}
    assert [len(one) for one in tagging.asked] == [2, 1]


@pytest.mark.usefixtures("nobody")
def test_what_goes_on_failing_is_told_in_the_end() -> None:
    tagging = Tagging([failed("a", 429, "ThrottlingException") for _ in range(4)])

    assert through(tagging, ["a"]) == {"a": "ThrottlingException: no"}


@pytest.mark.usefixtures("nobody")
def test_no_request_names_more_than_twenty() -> None:
    tagging = Tagging([{}, {}, {}])

    through(tagging, [f"n{number}" for number in range(45)])

    assert [len(one) for one in tagging.asked] == [20, 20, 5]
