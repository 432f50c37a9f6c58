"""In which order tables are brought over, and when each is looked at again. Pure.

First the small ones of a wave, which prove early that all is well; then the largest first, so that
no long one is left at the end. A table whose source may vacuum what is still to be copied jumps
the queue.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from lakeferry.fleet.manifest.wanted import Wave
from lakeferry.fleet.planning.plan import MOVED_KINDS
from lakeferry.ledger.rows import LakeTable

SMALL_SHARE = 0.01  # of the bytes of a wave: what the small ones have together
LOOK_LEAST_S = 10
LOOK_MOST_S = 3600
JITTER = 0.1  # of a pause, so that a thousand tables are not looked at in one moment
AT_RISK = 0.5  # of the time that VACUUM leaves
_DONE = frozenset({"cut_over", "excluded", "orphaned"})
NOT_SYNCED = _DONE | {"frozen"}


def in_order(
    tables: Iterable[LakeTable],
    *,
    waves: Mapping[int, Wave],
    every: Iterable[LakeTable],
    at_risk: frozenset[str] = frozenset(),
) -> tuple[LakeTable, ...]:
    """The tables in the order in which they begin.

    Args:
        every: all tables of the migration, to know which waves are cut over.
        at_risk: the targets of tables that may be vacuumed before they are copied.
    """
    ready = ready_waves(waves, every)
    by_wave: dict[int, list[LakeTable]] = {}
    for table in tables:
        by_wave.setdefault(table.wave, []).append(table)
    ordered: list[LakeTable] = []
    for wave in sorted(by_wave, key=lambda number: (number not in ready, number)):
        ordered += _of_wave(by_wave[wave])
    return (
        *(one for one in ordered if one.target_url in at_risk),
        *(one for one in ordered if one.target_url not in at_risk),
    )


def ready_waves(waves: Mapping[int, Wave], tables: Iterable[LakeTable]) -> frozenset[int]:
    """The waves whose `after` are cut over; others come behind them, and are never refused."""
    open_ones = {
        table.wave for table in tables if table.kind in MOVED_KINDS and table.state not in _DONE
    }
    return frozenset(number for number, wave in waves.items() if open_ones.isdisjoint(wave.after))


def not_before(table: LakeTable, waves: Mapping[int, Wave]) -> datetime | None:
    """When its wave may begin; None: at once."""
    wave = waves.get(table.wave)
    return None if wave is None else wave.start


def look_again_s(lag_target_s: int | None, draw: float) -> float:
    """How long after a look a table is looked at again: a quarter of the lag that is wanted.

    `draw`: from 0 to 1, by chance.
    """
    quarter = (21_600 if lag_target_s is None else lag_target_s) / 4
    pause = min(LOOK_MOST_S, max(LOOK_LEAST_S, quarter))
    return pause * (1 + JITTER * (2 * draw - 1))


def is_at_risk(table: LakeTable, copy_s: float | None) -> bool:
    """Whether VACUUM may take files of a table before they are copied, or did so already.

    Args:
        copy_s: how long all takes that is left, since a table may be the last; None: not known, so
            it is held against its own copy at 1 Gbit/s.
    """
    if table.code == "LF-4102":
        return True
    if table.retention_s is None or not _size(table):
        return False
    own_s = _size(table) / 125e6
    return max(own_s, copy_s or 0.0) > AT_RISK * table.retention_s


def _of_wave(tables: Sequence[LakeTable]) -> list[LakeTable]:
    ascending = sorted(tables, key=lambda one: (_size(one), one.name))
    room = SMALL_SHARE * sum(map(_size, ascending))
    small = 0
    for one in ascending:
        room -= _size(one)
        if room < 0:
            break
        small += 1
    large = sorted(ascending[small:], key=lambda one: (-_size(one), one.name))
    return ascending[:small] + large


def _size(table: LakeTable) -> int:
    """What is left of it; of one that holds nothing yet and was never counted, all."""
    if table.left_bytes or table.held_version is not None:
        return table.left_bytes
    return table.bytes
