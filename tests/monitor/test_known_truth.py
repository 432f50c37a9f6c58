"""The scenario's known truth, read by the reader that commands use, in all of its encodings."""

import json
from typing import Any

import pytest

from lakeferry.monitor.proof.prove_logs import evaluate_logs
from lakeferry.network.rule_set import RuleWish, rule_set
from lakeferry.network.rules import parse_rule
from tests.network.sample_scenario import SAMPLE, expected, topology

# Encoding -> that of the shared rules with the same positions.
ENCODINGS = {
    "v2": "v2", "custom": "custom", "odd": "odd", "v11": "v11", "cwl": "custom",
    "parquet": "custom",
}  # fmt: skip
BILLED = 5_832_969_838  # by the NAT gateway, each byte once
LEAKED = {"leak-up": 1_118_956_265, "leak-down": 11_189_556}
KNOWN = {
    "nat-gateway-billed": BILLED, **LEAKED, "s3-gateway-up": 6_675_181_564,
    "s3-down": 77_941_317, "endpoint-s3": 2_645_487_720, "rejects": 54, "skipped": 2,
}  # fmt: skip
# What a format cannot answer: version 2 knows neither service nor direction, `odd` no subnet.
OF_GATEWAY = {"s3-gateway-up", "s3-down"}
LACKS = {"v2": {*LEAKED, *OF_GATEWAY}, "odd": OF_GATEWAY}


def fields_of(encoding: str) -> tuple[str, ...]:
    formats = expected()["formats"]
    found: list[str] = formats.get(encoding) or formats["custom"]
    return tuple(found)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_contributors_and_totals_are_the_known_ones_to_the_byte(encoding: str) -> None:
    known = expected()["rules"]
    bodies: dict[str, Any] = json.loads(
        (SAMPLE / "rules" / f"{ENCODINGS[encoding]}.json").read_text()
    )
    rules = [parse_rule(name, json.dumps(body)) for name, body in bodies.items()]

    evaluation, read = evaluate_logs(str(SAMPLE / encoding), rules, fields=fields_of(encoding))
    reports = evaluation.finish()

    assert (read.events, read.bad_lines) == (expected()["records_per_format"], 0)
    assert len(reports) == (4 if encoding == "v2" else 6)
    for name, report in reports.items():
        assert report.total == known[name]["AggregateValue"]
        assert len(report.shares) == known[name]["UniqueCount"]
        top = [{"Keys": list(key), "Value": value} for key, value in report.ranked(most=10).top]
        assert top == known[name]["top"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_billed_and_leaked_bytes_are_the_known_ones_to_the_byte(encoding: str) -> None:
    fields = fields_of(encoding)
    made = rule_set(topology(), fields, RuleWish("", ("/lakeferry/flow",)))

    evaluation, _ = evaluate_logs(
        str(SAMPLE / encoding), [wanted.rule for wanted in made.rules], fields=fields
    )
    totals = {name: report.total for name, report in evaluation.finish().items()}

    wanted = {name: total for name, total in KNOWN.items() if name not in LACKS.get(encoding, ())}
    assert {name: totals.get(name) for name in wanted} == wanted
    assert not LACKS.get(encoding, set()) & totals.keys()
    leak = sum(total for name, total in totals.items() if name in LEAKED)
    assert leak == (0 if encoding == "v2" else expected()["s3_leaked_through_nat"]["bytes"])
