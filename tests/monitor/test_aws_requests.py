"""What botocore's models of AWS say of requests made from what there shall be.

The models know shapes, lengths, patterns and enumerations; botocore's client checks the first
two alone, so patterns and enumerations are checked here.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from botocore.model import OperationModel, Shape
from botocore.session import Session
from botocore.validate import ParamValidator

from lakeferry.monitor.settings import FlowLogWish
from lakeferry.network.resources import FlowLog, InsightRule, NatGateway
from tests.monitor.aws_requests import requests
from tests.monitor.test_wanted_flow_logs import BUCKET
from tests.monitor.wishes import bare, named, wanted
from tests.network.sample_scenario import topology

REGIONAL = NatGateway("nat-0123", "vpc", "", "regional", "public", "available", ())


@cache
def operation(service: str, name: str) -> OperationModel:
    return Session().get_service_model(service).operation_model(name)


def faults(service: str, name: str, parameters: dict[str, Any]) -> list[str]:
    shape = operation(service, name).input_shape
    report = ParamValidator().validate(parameters, shape)
    said = [report.generate_report()] if report.has_errors() else []
    return [*said, *_odd_texts(parameters, shape, name)]


def _odd_texts(value: Any, shape: Shape, at: str) -> Iterator[str]:
    """Texts that are none of their enumeration, too long, or not of their pattern."""
    if isinstance(value, dict) and shape.type_name == "structure":
        for key, one in value.items():
            yield from _odd_texts(one, shape.members[key], f"{at}.{key}")
    elif isinstance(value, list):
        for one in value:
            yield from _odd_texts(one, shape.member, at)
    elif isinstance(value, str):
        allowed = getattr(shape, "enum", [])
        if allowed and value not in allowed:
            yield f"{at}: {value!r} is none of {allowed}"
        pattern, most = shape.metadata.get("pattern"), shape.metadata.get("max")
        if most is not None and len(value) > most:
            yield f"{at}: {len(value)} characters, at most {most}"
        if pattern and "\\p{" not in pattern and not re.fullmatch(pattern, value):
            yield f"{at}: {value[:60]!r} does not match {pattern}"


def all_resources(**chosen: Any) -> Iterator[Any]:
    both = FlowLogWish(("cloudwatch", "s3"), bucket=BUCKET)
    yield from wanted(bare(), flow_logs=both, **chosen).resources
    yield from wanted(**chosen).resources
    regional = replace(REGIONAL, vpc_id=topology().found.vpc.id)
    yield from wanted(replace(topology(), nat_gateways=(regional,)), **chosen).resources


@pytest.mark.parametrize("per", ["vpc", "eni"])
def test_every_request_is_one_that_the_models_of_aws_accept(per: str) -> None:
    seen = set()
    for resource in all_resources(per=per):
        for service, name, parameters in requests(resource):
            assert faults(service, name, parameters) == []
            seen.add(name)
    assert len(seen) == 14


def test_the_judge_refuses_a_wrong_type_a_wrong_word_and_a_name_that_is_too_long() -> None:
    log = named(wanted(), FlowLog, ".flow-cloudwatch")
    rule = named(wanted(), InsightRule, ".workers")

    for wrong in (
        replace(log, interval_s="often"),
        replace(log, traffic="SOME"),
        replace(rule, name="x" * 129),
        replace(rule, body="ü"),
    ):
        (request,) = requests(wrong)
        assert faults(*request) != []
