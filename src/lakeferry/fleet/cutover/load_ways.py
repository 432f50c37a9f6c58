"""What COPY INTO and Auto Loader do after the switch: go on, or load files again. Pure.

Both remember each file that they have loaded by its address. As long as they read from the same
landing zone they know it again; one that is read elsewhere is loaded a second time.
Source: Databricks, "COPY INTO", "Configure Auto Loader"; `modifiedAfter` is an option of both.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from lakeferry.fleet.cutover.stream_ways import StreamPosition


@dataclass(frozen=True, slots=True)
class LoadedTable:
    """A table with state of COPY INTO."""

    name: str
    shown: str  # as statements name it at the target
    objects: int  # of its state; the format is private
    addresses: tuple[str, ...] = ()  # that the state names, where it can be read
    is_carried: bool = True


@dataclass(frozen=True, slots=True)
class LoadWay:
    """What becomes of one load."""

    name: str  # of the table, or the checkpoint
    kind: Literal["COPY INTO", "Auto Loader", "file source"]
    does: Literal["continues", "reloads", "cannot"]
    files: int | None  # that would be loaded again; None: not known
    statement: str
    why: str = ""

    @property
    def text(self) -> str:
        how: str = self.does
        if how == "reloads":
            how = "reloads all files" if self.files is None else f"reloads {self.files:,} files"
        why = f" ({self.why})" if self.why else ""
        return f"{self.kind} {self.name}: {how}{why}\n        {self.statement}"


def load_ways(
    tables: Iterable[LoadedTable],
    streams: Iterable[StreamPosition],
    moved: Sequence[str],
    *,
    now_ms: int,
) -> tuple[LoadWay, ...]:
    """What becomes of each load after the switch.

    Args:
        moved: addresses of landing zones that will be read elsewhere.
        now_ms: when the switch is, since the epoch.
    """
    at = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = [_copy_into(one, moved, at) for one in tables]
    found += [
        way for one in streams if (way := _of_stream(one, moved, at)) is not None
    ]  # fmt: skip
    return tuple(found)


def landing_hit(one: StreamPosition, places: Sequence[str]) -> bool:
    """Whether a query is known to read files that land in one of these places."""
    inputs = tuple(_fixed_part(each) for each in one.inputs if _is_address(each))
    return any(
        _overlaps(inputs, place) or any(_is_in(each, place) for each in one.landing)
        for place in places
    )


def _copy_into(one: LoadedTable, moved: Sequence[str], at: str) -> LoadWay:
    same = f"COPY INTO {one.shown} FROM '<the same address as before>' FILEFORMAT = <as before>"
    if not one.is_carried:
        again = f"COPY INTO {one.shown} FROM '<address>' FILEFORMAT = <as before> " + _after(at)
        why = "its state at the target is not the source's"
        return LoadWay(one.name, "COPY INTO", "cannot", None, again, why)
    hit = _hit(one.addresses, moved, is_known=bool(one.addresses))
    if hit is None:
        return LoadWay(one.name, "COPY INTO", "continues", 0, same)
    again = f"COPY INTO {one.shown} FROM '<new address>' FILEFORMAT = <as before> {_after(at)}"
    count = len([each for each in one.addresses if _is_in(each, hit)]) or one.objects
    return LoadWay(one.name, "COPY INTO", "reloads", count, again, f"{hit} is read elsewhere")


def _of_stream(one: StreamPosition, moved: Sequence[str], at: str) -> LoadWay | None:
    if not one.is_auto_loader and not one.landing_files:
        return None
    name = one.url
    kind: Literal["Auto Loader", "file source"] = (
        "Auto Loader" if one.is_auto_loader else "file source"
    )
    inputs = tuple(_fixed_part(each) for each in one.inputs if _is_address(each))
    hit = _hit(one.landing, moved, is_known=bool(one.landing))
    if inputs and not one.landing:
        hit = next((each for each in moved if _overlaps(inputs, each)), None)
    if hit is None:
        return LoadWay(name, kind, "continues", 0,
                       "the same query, its checkpointLocation the carried folder")  # fmt: skip
    count = len([each for each in one.landing if _is_in(each, hit)]) if one.landing else None
    if one.landing_files > len(one.landing):
        count = one.landing_files
    option = "modifiedAfter" if one.is_auto_loader else "maxFileAge"
    value = at if one.is_auto_loader else "<shorter than the age of what was read>"
    statement = f".option('{option}', '{value}') on the source of the query"
    if one.is_auto_loader:
        statement += f"; its files: SELECT * FROM cloud_files_state('{name}')"
    return LoadWay(name, kind, "reloads", count, statement, f"{hit} is read elsewhere")


def _after(at: str) -> str:
    return f"FORMAT_OPTIONS ('modifiedAfter' = '{at}')"


def _hit(addresses: Sequence[str], moved: Sequence[str], *, is_known: bool) -> str | None:
    """The first moved place that a load reads; where nothing says what it reads, the first."""
    if not is_known:
        return moved[0] if moved else None
    return next((one for one in moved if any(_is_in(each, one) for each in addresses)), None)


def _overlaps(inputs: Sequence[str], place: str) -> bool:
    """Whether one of these folders and a place are the same, or one lies within the other."""
    return any(_is_in(one, place) or _is_in(place, one) for one in inputs)


def _is_address(path: str) -> bool:
    """Whether a path says by itself where it is: one of a workspace's mounts does not."""
    return "://" in path


def _fixed_part(path: str) -> str:
    """A folder without its end where that is a pattern."""
    parts = path.split("/")
    return "/".join(itertools.takewhile(lambda part: not set(part) & set("*?[{"), parts))


def _is_in(address: str, place: str) -> bool:
    inner, outer = _plain(address), _plain(place)
    return inner == outer or inner.startswith(f"{outer}/")


def _plain(address: str) -> str:
    scheme, colon, rest = address.partition(":")
    if not colon or "/" in scheme:
        scheme, rest = "file", address
    scheme = {"s3a": "s3", "s3n": "s3", "abfs": "abfss"}.get(scheme, scheme)
    return f"{scheme}:/{rest.strip('/')}"
