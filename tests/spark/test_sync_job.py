"""The bundle of `examples/sync_on_databricks` as Databricks reads it."""

import re
from pathlib import Path
from typing import Any

import yaml
from databricks.sdk.service.jobs import JobSettings

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sync_on_databricks"
TEXT = (EXAMPLE / "databricks.yml").read_text(encoding="utf-8")
BUNDLE: dict[str, Any] = yaml.safe_load(TEXT)
JOB = BUNDLE["resources"]["jobs"]["sync"]


def test_every_key_of_the_job_is_one_of_the_jobs_api() -> None:
    assert JobSettings.from_dict(JOB).as_dict() == JOB


def test_every_variable_is_declared_and_used() -> None:
    assert set(re.findall(r"\$\{var\.(\w+)\}", TEXT)) == BUNDLE["variables"].keys()


def test_the_notebook_is_there_and_gets_the_parameters_that_it_asks_for() -> None:
    [task] = JOB["tasks"]
    notebook = (EXAMPLE / task["notebook_task"]["notebook_path"]).read_text(encoding="utf-8")

    assert notebook.startswith("# Databricks notebook source\n")
    assert set(re.findall(r'widgets\.get\("(\w+)"\)', notebook)) == (
        task["notebook_task"]["base_parameters"].keys()
    )


def test_no_two_runs_have_a_ledger_each() -> None:
    assert JOB["max_concurrent_runs"] == 1
