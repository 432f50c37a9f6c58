"""The bundle of `examples/api_requests` as Databricks reads it: no key that it would pass over."""

import ast
import csv
import re
from inspect import signature
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from lakeferry.demo.kinesis_feed_load import SCHEMA
from lakeferry.ingest.payload.declared_schema import declared_schema
from lakeferry.spark.options import parse_options

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "api_requests"
DOCUMENTED = ROOT / "tests" / "spark" / "data" / "databricks_options.tsv"
TEXT = (EXAMPLE / "databricks.yml").read_text(encoding="utf-8")
BUNDLE: dict[str, Any] = yaml.safe_load(TEXT)
JOB = BUNDLE["resources"]["jobs"]["ingest_requests"]
CLUSTER = JOB["job_clusters"][0]["new_cluster"]


def as_the_sdk_reads_it(job: dict[str, Any]) -> dict[str, Any]:
    from databricks.sdk.service.jobs import JobSettings  # a second, which collecting need not take

    found: dict[str, Any] = JobSettings.from_dict(job).as_dict()
    return found


def code(name: str) -> ast.Module:
    return ast.parse((EXAMPLE / name).read_text(encoding="utf-8"))


def value_of(module: ast.Module, name: str) -> ast.expr:
    """What is assigned to a name at the top of a module."""
    [found] = [
        node.value
        for node in module.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
    ]
    return found


def options() -> dict[str, str]:
    """The options of the notebook's source: name -> value, or the code that makes it."""
    notebook = code("on_databricks.py")
    given = value_of(notebook, "OPTIONS")
    assert isinstance(given, ast.Dict)
    pairs = [
        (ast.literal_eval(key), value)
        for key, value in zip(given.keys, given.values, strict=True)
        if key is not None
    ]
    for node in ast.walk(notebook):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            pairs.append((ast.literal_eval(node.targets[0].slice), node.value))
    return {name: ast.unparse(value).strip("'") for name, value in pairs}


def test_every_key_of_the_job_is_one_of_the_jobs_api() -> None:
    assert as_the_sdk_reads_it(JOB) == JOB


def test_a_misspelt_key_would_be_found() -> None:
    misspelt = {**JOB, "max_concurent_runs": 1}

    assert as_the_sdk_reads_it(misspelt) != misspelt


def test_every_key_of_schema_and_volume_is_one_of_the_catalog_api() -> None:
    from databricks.sdk.service.catalog import SchemasAPI, VolumesAPI

    for kind, api in (("schemas", SchemasAPI), ("volumes", VolumesAPI)):
        known = signature(api.create).parameters.keys()
        for resource in BUNDLE["resources"][kind].values():
            assert resource.keys() <= known


def test_the_bundle_has_no_other_parts_than_bundles_have() -> None:
    assert BUNDLE.keys() == {"bundle", "variables", "resources", "targets"}
    assert [one["mode"] for one in BUNDLE["targets"].values()] == ["development", "production"]


def test_every_variable_is_declared_and_used() -> None:
    used = set(re.findall(r"\$\{var\.(\w+)\}", TEXT))

    assert used == BUNDLE["variables"].keys()


def test_what_is_named_of_other_resources_is_there() -> None:
    for kind, name, field in re.findall(r"\$\{resources\.(\w+)\.(\w+)\.(\w+)\}", TEXT):
        assert field in BUNDLE["resources"][kind][name]


def test_the_notebook_is_there_and_gets_the_parameters_that_it_asks_for() -> None:
    [task] = JOB["tasks"]
    notebook = EXAMPLE / task["notebook_task"]["notebook_path"]
    names = ast.literal_eval(value_of(ast.parse(notebook.read_text(encoding="utf-8")), "NAMES"))

    assert notebook.read_text(encoding="utf-8").startswith("# Databricks notebook source\n")
    assert task["notebook_task"]["base_parameters"].keys() == set(names)


def test_every_option_of_the_source_is_documented_for_the_runtime_of_the_cluster() -> None:
    with DOCUMENTED.open(encoding="utf-8") as file:
        documented = {row["name"]: row["since"] for row in csv.DictReader(file, delimiter="\t")}
    runtime = float(CLUSTER["spark_version"].partition(".x")[0])

    for name in options():
        assert name in documented
        assert documented[name] == "-" or float(documented[name]) <= runtime


def test_every_value_of_the_source_is_one_that_our_own_takes_too() -> None:
    given = {**options(), "streamName": "requests", "metadataPath": "/lake/record"}
    del given["endpoint"]

    assert [note.partition(":")[0] for note in parse_options(given).notes] == ["serviceCredential"]


def test_the_cluster_has_a_core_for_each_task_that_prefetches_and_one_beside_it() -> None:
    """As Databricks advises for shardsPerTask: cores >= 2 * shards / shardsPerTask."""
    assert CLUSTER["node_type_id"].endswith(".xlarge")  # of 4 cores
    cores = 4 * int(BUNDLE["variables"]["workers"]["default"])
    assert "58 shards" in BUNDLE["variables"]["workers"]["description"]

    assert cores >= 2 * 58 / int(options()["shardsPerTask"])


def test_both_jobs_make_the_same_tables() -> None:
    for name in ("on_spark.py", "on_databricks.py"):
        imported = [node for node in code(name).body if isinstance(node, ast.ImportFrom)]
        assert "requests_table" in [node.module for node in imported]


def test_the_declared_schema_is_one_that_an_ingest_takes_too() -> None:
    text = ast.literal_eval(value_of(code("requests_table.py"), "SCHEMA"))
    declared = declared_schema(text, "requests_table.py")

    assert pa.schema([one.with_nullable(True) for one in declared]) == SCHEMA
    assert [one.name for one in declared if not one.nullable] == list(
        ast.literal_eval(value_of(code("requests_table.py"), "REQUIRED"))
    )
