"""The sums of a plan: by wave and action, by route, and of all. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import get_args

from lakeferry.fleet.planning.planned import ASIDE, MOVING, Action, PlannedTable

ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True, slots=True)
class Sum:
    """What some tables come to; of those that are aside the sizes are those of the tables."""

    tables: int = 0
    bytes: int = 0
    files: int = 0
    requests: int = 0
    added: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class WaveSum:
    """One wave of a plan."""

    wave: int
    sources: int
    tables: int
    by_action: Mapping[Action, Sum]  # in their order; only those that some table has


def moving(lines: Iterable[PlannedTable]) -> tuple[PlannedTable, ...]:
    """The tables that a sync would work on."""
    return tuple(line for line in lines if line.action in MOVING)


def summed(lines: Iterable[PlannedTable]) -> Sum:
    """All of them together."""
    found = tuple(lines)
    return Sum(
        tables=len(found),
        bytes=sum(_size(line) for line in found),
        files=sum(_files(line) for line in found),
        requests=sum(line.requests for line in found),
        added=sum(line.added for line in found),
        removed=sum(line.removed for line in found),
    )


def by_wave(lines: Iterable[PlannedTable]) -> tuple[WaveSum, ...]:
    """One sum for each wave, in their order."""
    parts: dict[int, list[PlannedTable]] = {}
    for line in lines:
        parts.setdefault(line.wave, []).append(line)
    return tuple(_wave(number, parts[number]) for number in sorted(parts))


def by_route(lines: Iterable[PlannedTable]) -> Mapping[str, Sum]:
    """What moves on each route, by its name."""
    parts: dict[str, list[PlannedTable]] = {}
    for line in moving(lines):
        parts.setdefault(line.route, []).append(line)
    return {route: summed(parts[route]) for route in sorted(parts)}


def split_jobs(lines: Iterable[PlannedTable]) -> Mapping[str, tuple[PlannedTable, ...]]:
    """Jobs whose tables are in several waves: who freezes one wave stops writers of another."""
    parts: dict[str, list[PlannedTable]] = {}
    for line in lines:
        if line.job:
            parts.setdefault(line.job, []).append(line)
    return {
        job: tuple(found)
        for job, found in sorted(parts.items())
        if len({line.wave for line in found}) > 1
    }


def vacuum_risks(lines: Iterable[PlannedTable], copy_s: float | None) -> tuple[PlannedTable, ...]:
    """Tables whose files VACUUM may take before they are read, the shortest-lived first.

    Args:
        copy_s: how long all takes, since a table may be the last; None: not known, so each is
            held against its own copy at 1 Gbit/s.
    """
    found = [line for line in moving(lines) if _is_at_risk(line, copy_s)]
    return tuple(sorted(found, key=lambda line: (line.retention_s or 0, line.name)))


def _is_at_risk(line: PlannedTable, copy_s: float | None) -> bool:
    if line.retention_s is None:
        return False
    return (line.bytes / 125e6 if copy_s is None else copy_s) >= line.retention_s


def _wave(number: int, lines: list[PlannedTable]) -> WaveSum:
    sums = {action: summed(line for line in lines if line.action == action) for action in ACTIONS}
    return WaveSum(
        number,
        len({line.source for line in lines}),
        len(lines),
        {action: found for action, found in sums.items() if found.tables},
    )


def _size(line: PlannedTable) -> int:
    return line.live_bytes if line.action in ASIDE else line.bytes


def _files(line: PlannedTable) -> int:
    return line.live_files if line.action in ASIDE else line.files
