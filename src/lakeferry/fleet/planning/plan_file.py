"""A plan as a file, `.lfp`: JSON lines under zstd, the last of them the SHA-256 of all before it.

The first line is the header, then comes one a table; never one a file, of which a lake has millions
and which are what a source's version and the target's state come to. No secret, no row.
"""

import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from lakeferry.errors import FerryError
from lakeferry.fleet.planning.planned import (
    FORMAT,
    Cold,
    FleetPlan,
    PlannedTable,
    Priced,
    Retrieved,
    Stored,
    Way,
)
from lakeferry.fleet.standing.time_left import Left

_ZSTD = b"\x28\xb5\x2f\xfd"  # RFC 8878, 3.1.1
_MOST_BYTES = 1 << 30  # unpacked: a plan of a million tables
_USD = ("usd_a_month", "usd_writes")  # of `Stored`
_TABLE = frozenset(field.name for field in fields(PlannedTable))


def plan_bytes(plan: FleetPlan) -> bytes:
    """The bytes of the file; equal plans give equal bytes."""
    lines = b"".join(orjson.dumps(line) + b"\n" for line in _lines(plan))
    trailer = orjson.dumps({"sha256": hashlib.sha256(lines).hexdigest()}) + b"\n"
    packed = pa.BufferOutputStream()
    with pa.CompressedOutputStream(packed, "zstd") as out:
        out.write(lines + trailer)
    body: bytes = packed.getvalue().to_pybytes()
    return body


def plan_sha256(plan: FleetPlan) -> str:
    """By which events and receipts name the plan: that of its trailer."""
    digest = hashlib.sha256()
    for line in _lines(plan):
        digest.update(orjson.dumps(line) + b"\n")
    return digest.hexdigest()


def read_plan(path: str) -> FleetPlan:
    """Read a plan, also a stale one.

    Raises:
        FerryError: LF-2052 where it is none, is of a newer lakeferry, or was changed.
    """
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise _no_plan(path, error.strerror or str(error)) from error
    lines = _unpacked(raw, path).splitlines(keepends=True)
    if len(lines) < 2:
        raise _no_plan(path, "it is cut off")
    said = _object(lines[-1], path).get("sha256")
    if said != hashlib.sha256(b"".join(lines[:-1])).hexdigest():
        raise _no_plan(path, "its SHA-256 is not that of its lines: it was changed or cut off")
    header = _object(lines[0], path)
    if header.get("format") != FORMAT:
        raise _no_plan(path, f"its format is {header.get('format')}, this lakeferry reads {FORMAT}")
    try:
        return _plan(header, [_object(line, path) for line in lines[1:-1]])
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise _no_plan(path, f"a line lacks what it must have: {error}") from error


def _lines(plan: FleetPlan) -> Iterator[Mapping[str, Any]]:
    header = {field.name: getattr(plan, field.name) for field in fields(plan)}
    del header["tables"]
    header["left"] = {route: list(left) for route, left in sorted(plan.left.items())}
    header["priced"] = {
        route: {**one._asdict(), "usd": _exact(one.usd), "other_usd": _exact(one.other_usd)}
        for route, one in sorted(plan.priced.items())
    }
    header["retrieved"] = [
        {**one._asdict(), "ways": [[way.name, _exact(way.usd), way.missing] for way in one.ways]}
        for one in plan.retrieved
    ]
    header["stored"] = [
        {**one._asdict(), **{key: _exact(getattr(one, key)) for key in _USD}} for one in plan.stored
    ]
    yield {"format": FORMAT, **header}
    for table in plan.tables:
        yield asdict(table)


def _plan(header: Mapping[str, Any], tables: list[Mapping[str, Any]]) -> FleetPlan:
    known = {field.name: header[field.name] for field in fields(FleetPlan) if field.name in header}
    return FleetPlan(
        **{
            **known,
            "tables": tuple(map(_table, tables)),
            "select": tuple(header["select"]),
            "left": {route: Left(*left) for route, left in header["left"].items()},
            "priced": {route: _priced(one) for route, one in header["priced"].items()},
            "retrieved": tuple(map(_retrieved, header.get("retrieved", ()))),
            "stored": tuple(map(_stored, header.get("stored", ()))),
        }
    )


def _table(one: Mapping[str, Any]) -> PlannedTable:
    known = {key: value for key, value in one.items() if key in _TABLE}
    return PlannedTable(**{**known, "cold": tuple(Cold(**each) for each in one.get("cold", ()))})


def _retrieved(one: Mapping[str, Any]) -> Retrieved:
    ways = tuple(Way(name, _usd(usd), missing) for name, usd, missing in one["ways"])
    return Retrieved(**{**one, "ways": ways})


def _stored(one: Mapping[str, Any]) -> Stored:
    amounts = {key: _usd(one[key]) for key in _USD}
    return Stored(**{**one, **amounts})


def _usd(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _priced(one: Mapping[str, Any]) -> Priced:
    amounts = {key: _usd(one[key]) for key in ("usd", "other_usd")}
    return Priced(
        one["path"], amounts["usd"], one["other_path"], amounts["other_usd"], one["why"],
        bool(one.get("at_least")),
    )  # fmt: skip


def _exact(usd: Decimal | None) -> str | None:
    return None if usd is None else f"{usd:f}"


def _unpacked(raw: bytes, path: str) -> bytes:
    if not raw.startswith(_ZSTD):
        raise _no_plan(path, "it does not begin as zstd does")
    try:
        with pa.CompressedInputStream(io.BytesIO(raw), "zstd") as packed:
            body: bytes = packed.read(_MOST_BYTES + 1)
    except (pa.ArrowException, OSError) as error:
        raise _no_plan(path, f"it cannot be unpacked: {error}") from error
    if len(body) > _MOST_BYTES:
        raise _no_plan(path, "it unpacks to more than 1 GiB")
    return body


def _object(line: bytes, path: str) -> dict[str, Any]:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise _no_plan(path, f"a line is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise _no_plan(path, "a line is no JSON object")
    return found


def _no_plan(path: str, why: str) -> FerryError:
    return FerryError(
        "LF-2052", "this is no plan of a migration", f"{path}: {why}",
        "make one with `lakeferry plan -o FILE`",
    )  # fmt: skip
