"""What a demo did and measured, and the two files that it leaves about it. Pure."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from lakeferry.version import VERSION


@dataclass(frozen=True, slots=True)
class DemoStep:
    """One step that ended."""

    name: str
    elapsed_s: float  # since the demo began
    text: str  # one line for people


@dataclass(frozen=True, slots=True)
class Measured:
    """One number of this run."""

    name: str
    value: float
    unit: str  # '': a count
    how: str


@dataclass(frozen=True, slots=True)
class DemoReport:
    """A demo that ended well."""

    folder: Path
    steps: tuple[DemoStep, ...]
    numbers: tuple[Measured, ...]
    seconds: float
    fast: bool


def readme(report: DemoReport) -> str:
    """README.txt."""
    return f"""This folder was made by `lakeferry demo` and may be deleted.

  lake/      three Delta tables, written by the demo itself
  clones/    their clones: orders and readings as snapshots, clicks as a mirror
  ingested/  what came out of a stream: requests, and requests_rejected for bad records
  RESULTS.md every number of the run, with how it was measured

Open any of them with any Delta reader. Then try:

  lakeferry explain {report.folder}/lake/orders
  lakeferry verify {report.folder}/lake/orders {report.folder}/clones/orders --strength rows
  lakeferry clone {report.folder}/lake/orders {report.folder}/clones/orders
  lakeferry verify {report.folder}/ingested/requests --offsets

Now yours:

  lakeferry doctor SOURCE TARGET
  lakeferry clone SOURCE TARGET
  lakeferry ingest STREAM TABLE
"""


def results(report: DemoReport) -> str:
    """RESULTS.md."""
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    lines = [
        "# What this demo did and measured",
        "",
        f"lakeferry {VERSION}, Python {platform.python_version()}, {machine}; "
        f"{'the small lake (--fast)' if report.fast else 'the full lake'}. Times are of one run "
        "on this machine and this disk, and say nothing about a network.",
        "",
        "| s | step |",
        "|---|---|",
        *(f"| {step.elapsed_s:.1f} | {step.text} |" for step in report.steps),
        "",
        "| what | value | how it was measured |",
        "|---|---|---|",
        *(f"| {one.name} | {_value(one)} | {one.how} |" for one in report.numbers),
        "",
    ]
    return "\n".join(lines)


def _value(one: Measured) -> str:
    text = f"{one.value:,.3f}" if isinstance(one.value, float) else f"{one.value:,}"
    return f"{text} {one.unit}".rstrip()
