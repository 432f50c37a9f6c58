"""Where flow logs lie when nobody says, and what of it would be counted twice."""

from typing import Any

import pytest

from lakeferry.monitor.logs.flow_log_place import doubled, flow_log_place
from lakeferry.network.resources import FlowLog
from lakeferry.network.topology import Topology
from tests.network.networks import PRIVATE, changed, flow_log, seen

GROUP, BUCKET = "/network/flow", "arn:aws:s3:::flow-logs/vpc"
IN_GROUP = {"destination": GROUP, "destination_type": "cloud-watch-logs"}
IN_BUCKET = {"destination": BUCKET, "destination_type": "s3"}


def network(*logs: FlowLog) -> Topology:
    return seen(changed(flow_logs=logs))


def subnet_log(**more: Any) -> FlowLog:
    return flow_log("fl-2", PRIVATE[0], **more)


@pytest.mark.parametrize(
    "place", ["s3://flow-logs/vpc", "s3://flow-logs", "s3://flow-logs/vpc/AWSLogs/2026/"]
)
def test_two_logs_of_the_same_rows_in_one_bucket_count_twice(place: str) -> None:
    found = network(flow_log(**IN_BUCKET), subnet_log(**IN_BUCKET))

    one = doubled(found, place)

    assert one is not None
    assert (one.code, one.severity, one.where) == ("flow-log-twice", "warning", place)
    assert "fl-1 and fl-2" in one.what


def test_two_logs_in_one_group_count_twice() -> None:
    assert doubled(network(flow_log(**IN_GROUP), subnet_log(**IN_GROUP)), f"log-group:{GROUP}")


def test_two_prefixes_of_a_bucket_count_twice_where_both_are_read() -> None:
    beside = {**IN_BUCKET, "destination": "arn:aws:s3:::flow-logs/subnet"}
    found = network(flow_log(**IN_BUCKET), subnet_log(**beside))

    assert doubled(found, "s3://flow-logs/") is not None
    assert doubled(found, "s3://flow-logs/vpc") is None
    assert doubled(found, "s3://flow-logs/vp") is None


@pytest.mark.parametrize(
    "logs",
    [
        (flow_log(**IN_GROUP),),
        (flow_log(**IN_GROUP), subnet_log(**IN_BUCKET)),
        (flow_log("fl-1", PRIVATE[1], **IN_GROUP), subnet_log(**IN_GROUP)),
        (flow_log(traffic="ACCEPT", **IN_GROUP), subnet_log(traffic="REJECT", **IN_GROUP)),
    ],
)
def test_what_is_there_once_is_no_finding(logs: tuple[FlowLog, ...]) -> None:
    assert doubled(network(*logs), f"log-group:{GROUP}") is None


def test_a_group_is_preferred_to_a_bucket_and_its_log_says_the_format() -> None:
    found = network(flow_log(**IN_BUCKET), subnet_log(fields=("version", "bytes"), **IN_GROUP))

    assert flow_log_place(found, None) == (f"log-group:{GROUP}", ("version", "bytes"))
