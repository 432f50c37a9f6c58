"""Which tables could move together, and when: small ones first, a stream's tables together. Pure.

Tables that a stream writes, and those that it reads, are cut over together, so they are one unit.
From four sources on a source is a unit too: whoever freezes it freezes all of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lakeferry.fleet.discovery.discovered import Discovered

SOURCES_WHOLE = 4  # sources; with fewer, their tables are told apart
PILOT_TABLES, PILOT_SHARE = 10, 0.01
VOLUME_BYTES = 10**12  # of one unit; more than two hours at 1 Gbit/s
CORE_TABLES = 1000


@dataclass(frozen=True, slots=True)
class ProposedWave:
    """One wave, and what it takes."""

    number: int
    title: str
    tables: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Waves:
    """A proposal."""

    waves: tuple[ProposedWave, ...]
    of_table: Mapping[Discovered, int]  # every table that moves -> its wave
    bound: int  # tables that are in a unit because of a stream


@dataclass(frozen=True, slots=True)
class _Unit:
    tables: tuple[Discovered, ...]

    @property
    def bytes(self) -> int:
        return sum(one.bytes or 0 for one in self.tables)

    @property
    def is_safe(self) -> bool:
        """Whether it may be tried first: its size is known, and nothing is in its way."""
        return all(one.bytes is not None and not one.blocker for one in self.tables)


def propose_waves(found: Iterable[Discovered]) -> Waves:
    """The waves of what a discovery found.

    1 is a pilot of a few small tables, then comes the core, and last what takes hours each.
    """
    found = tuple(found)
    tables = tuple(one for one in found if one.is_moved)
    joined = _joined(tables, found)
    bound = _bound(joined)
    if len({one.source for one in tables}) >= SOURCES_WHOLE:
        first: dict[str, int] = {}
        for at, one in enumerate(tables):
            _join(joined, first.setdefault(one.source, at), at)
    units = sorted(_units(tables, joined), key=lambda one: (one.bytes, one.tables[0].name))
    groups = [(title, part) for title, part in _groups(units) if part]
    waves: list[ProposedWave] = []
    of_table: dict[Discovered, int] = {}
    for number, (title, part) in enumerate(groups, start=1):
        those = [one for unit in part for one in unit.tables]
        size = sum(one.bytes or 0 for one in those)
        waves.append(ProposedWave(number, title, len(those), size))
        of_table |= dict.fromkeys(those, number)
    return Waves(tuple(waves), of_table, bound)


def _groups(units: Sequence[_Unit]) -> list[tuple[str, list[_Unit]]]:
    pilot = _pilot(units)
    left = [one for one in units if one not in pilot]
    volume = [one for one in left if one.bytes > VOLUME_BYTES]
    parts: list[list[_Unit]] = [[]]
    for unit in left[: len(left) - len(volume)]:  # by size, so those are the last
        if sum(len(one.tables) for one in parts[-1]) >= CORE_TABLES:
            parts.append([])
        parts[-1].append(unit)
    core = [(f"core {at}" if len(parts) > 1 else "core", part)
            for at, part in enumerate(parts, start=1)]  # fmt: skip
    return [("pilot", pilot), *core, ("volume", volume)]


def _pilot(units: Sequence[_Unit]) -> list[_Unit]:
    """The smallest; none where there is nothing to try it for."""
    total = sum(one.bytes for one in units)
    chosen: list[_Unit] = []
    for unit in units if len(units) > 1 else ():
        size = sum(one.bytes for one in chosen) + unit.bytes
        count = sum(len(one.tables) for one in chosen) + len(unit.tables)
        if not unit.is_safe or (chosen and (count > PILOT_TABLES or size > total * PILOT_SHARE)):
            continue
        chosen.append(unit)
    return chosen if len(chosen) < len(units) else chosen[:1]


# ---- units: each table points at another of its unit, the first at itself


def _joined(tables: Sequence[Discovered], found: Iterable[Discovered]) -> list[int]:
    joined = list(range(len(tables)))
    writers: dict[str, int] = {}
    ids: dict[str, int] = {}
    for at, one in enumerate(tables):
        for app in one.streams:
            _join(joined, writers.setdefault(app, at), at)
        if one.id:
            ids.setdefault(one.id, at)
    for query in found:
        ends = [ids[id] for id in query.reads if id in ids]
        if query.query_id in writers:
            ends.append(writers[query.query_id])
        for end in ends:
            _join(joined, ends[0], end)
    return joined


def _root(joined: list[int], at: int) -> int:
    while joined[at] != at:
        joined[at] = joined[joined[at]]
        at = joined[at]
    return at


def _join(joined: list[int], one: int, other: int) -> None:
    first, second = sorted((_root(joined, one), _root(joined, other)))
    joined[second] = first


def _members(joined: list[int]) -> Mapping[int, list[int]]:
    members: dict[int, list[int]] = {}
    for at in range(len(joined)):
        members.setdefault(_root(joined, at), []).append(at)
    return members


def _bound(joined: list[int]) -> int:
    return sum(len(those) for those in _members(joined).values() if len(those) > 1)


def _units(tables: Sequence[Discovered], joined: list[int]) -> list[_Unit]:
    return [_Unit(tuple(tables[at] for at in those)) for those in _members(joined).values()]
