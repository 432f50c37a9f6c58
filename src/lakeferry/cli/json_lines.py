"""Events as JSON lines: the interface of scripts. Pure.

Shape: `events.schema.json` beside this module; keys are only ever added within `v` 1.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import orjson

from lakeferry.cli.clone.estimate import BASIS, Estimate
from lakeferry.clone.report import CloneReport
from lakeferry.errors import FerryError
from lakeferry.events import (
    BytesMoved,
    BytesRead,
    ChangeApplied,
    ChangePlanned,
    Checked,
    Committed,
    Event,
    FileLanded,
    LogRead,
    Noted,
    TablePlanned,
    Warned,
)
from lakeferry.verify.report import VerifyReport

SCHEMA_NAME = "lakeferry.events/1"


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one line."""
    from importlib import resources  # not above: it takes longer than most commands need

    text = resources.files("lakeferry.cli").joinpath("events.schema.json").read_text()
    found: dict[str, Any] = orjson.loads(text)
    return found


def body(event: Event, estimate: Estimate | None = None) -> dict[str, Any]:
    """What one event says, without the fields that every line has.

    `estimate`: fed with the run's progress so far; None: no rate and no time left are told.
    """
    match event:
        case LogRead():
            return {
                "type": "progress",
                "table": event.table,
                "entries": event.entries,
                "seconds": round(event.elapsed_s, 3),
            }
        case BytesMoved():
            return {
                "type": "progress",
                "table": event.table,
                "bytes": {"done": event.bytes_done, "total": event.bytes_total},
                "files": {"done": event.files_done, "total": event.files_total},
                "seconds": round(event.elapsed_s, 3),
                **_pace(event, estimate or Estimate()),
            }
        case BytesRead():
            return {
                "type": "progress",
                "table": event.table,
                "bytes": {"done": event.bytes_done, "total": event.bytes_at_most},
                "seconds": round(event.elapsed_s, 3),
            }
        case Warned():
            return {
                "type": "warning",
                "table": event.table,
                "code": event.code,
                "message": event.message,
                "next": [event.next_step],
            }
        case _:
            return {**_TYPES[type(event)], **asdict(event)}


def _pace(event: BytesMoved, estimate: Estimate) -> dict[str, Any]:
    """How fast it goes and how long it will take; null while too little was seen."""
    seconds = event.elapsed_s
    done, total = (event.bytes_done, event.files_done), (event.bytes_total, event.files_total)
    left = estimate.left_s(seconds, done, total)
    return {
        "rate": {"bytes_per_s": round(event.bytes_moved / seconds)} if seconds else None,
        "left_s": None
        if left is None
        else {**{name: round(value) for name, value in left._asdict().items()}, "basis": BASIS},
    }


_TYPES: dict[type, dict[str, str]] = {
    TablePlanned: {"type": "plan_item"},
    FileLanded: {"type": "file"},
    Committed: {"type": "table", "state": "synced"},
    Checked: {"type": "check"},
    Noted: {"type": "note"},
    ChangePlanned: {"type": "change", "state": "planned"},
    ChangeApplied: {"type": "change", "state": "applied"},
}


def error_body(error: FerryError) -> dict[str, Any]:
    """A failure as a line."""
    return {
        "type": "error",
        "code": error.code,
        "message": error.what,
        "where": error.where,
        "next": [error.next_step],
    }


def clone_summary(report: CloneReport) -> dict[str, Any]:
    """The last line of a clone; the columns of Databricks' CLONE are among its keys."""
    return plain(asdict(report))


def verify_summary(report: VerifyReport) -> dict[str, Any]:
    """The last line of a verification."""
    return plain(asdict(report))


def plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """The same as JSON types."""
    found: dict[str, Any] = json.loads(encoded(dict(value)))
    return found


def encoded(value: dict[str, Any]) -> bytes:
    """One line of JSON. Bytes of a file's name that are no UTF-8 come as `\\udcXX`."""
    try:
        return orjson.dumps(value, default=list)
    except orjson.JSONEncodeError:
        return json.dumps(value, default=list, separators=(",", ":")).encode()
