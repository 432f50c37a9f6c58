"""Processes of an ingest that begin warm: forked from one that has loaded what all of them need.

A worker loads libraries for 0.4 s of CPU, and most ingests of tests read for less. How processes
begin without this is judged by tests/ingest/test_crew.py, and by all that type the command or kill.
"""

import os
from collections.abc import Callable, Mapping
from multiprocessing import get_context, set_forkserver_preload
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import pytest

from lakeferry.ingest.crew import processes
from lakeferry.ingest.upkeep import maintain

LOADED = ["lakeferry.ingest.worker.process", "lakeferry.ingest.upkeep.maintain", "boto3"]


class Warm:
    """In the place of multiprocessing's context `spawn`: as much of it as an ingest uses."""

    def __init__(self) -> None:
        set_forkserver_preload(LOADED)
        self._context = get_context("forkserver")

    def Pipe(self, duplex: bool = True) -> tuple[Connection, Connection]:
        return self._context.Pipe(duplex)

    def Process(
        self, *, target: Callable[..., None], args: tuple[Any, ...], name: str, daemon: bool
    ) -> BaseProcess:
        given = (dict(os.environ), target, *args)
        return self._context.Process(target=begin, args=given, name=name, daemon=daemon)


def begin(environment: Mapping[str, str], target: Callable[..., None], *args: Any) -> None:
    """In the child: the environment is that of who begins it, not of whom it was forked from."""
    os.environ.clear()
    os.environ.update(environment)
    target(*args)


@pytest.fixture
def warm_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """For all ingests that run within the test's process."""
    for module in (processes, maintain):
        monkeypatch.setattr(module, "get_context", lambda _: Warm())


@pytest.fixture
def cold_workers(warm_workers: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """Not for one test of a module that asks for warm ones: what becomes of a worker is judged."""
    for module in (processes, maintain):
        monkeypatch.setattr(module, "get_context", get_context)
