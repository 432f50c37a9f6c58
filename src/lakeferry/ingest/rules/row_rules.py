"""What a table demands of its rows, held against them: columns computed, bad rows told apart. Pure.

A row breaks a check where the check is false and where it is null, as Delta has it.

Source: Delta protocol, "Column Invariants", "CHECK Constraints", "Generated Columns"; what is done
with null: delta-io/delta `CheckDeltaInvariant`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.ingest.payload.rows import Bad, Fault, Rows
from lakeferry.ingest.rules.evaluate import evaluate
from lakeferry.ingest.rules.sql_nodes import Bound, columns_of


@dataclass(frozen=True, slots=True)
class Generated:
    """A column whose values are computed of others."""

    name: str
    value: Bound


@dataclass(frozen=True, slots=True)
class Check:
    """What must be true of each row."""

    what: str  # 'the constraint `positive`: id > 0'
    condition: Bound

    @property
    def columns(self) -> frozenset[str]:
        """That it reads."""
        return frozenset(columns_of(self.condition))

    def holds_for(self, table: pa.Table) -> bool:
        """Whether it holds for all rows, those columns being null that the table lacks."""
        return bool(pc.all(pc.fill_null(evaluate(self.condition, table), False)).as_py())


@dataclass(frozen=True, slots=True)
class Rules:
    """Of one table; most have none."""

    generated: tuple[Generated, ...] = ()
    checks: tuple[Check, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.generated or self.checks)


NO_RULES = Rules()


def held(
    rules: Rules,
    table: pa.Table,
    rows: Rows,
    odd: Callable[[pa.Table], Mapping[int, Fault]] = lambda _: {},
) -> tuple[pa.Table, Bad]:
    """The rows that break nothing, with the generated columns; and the others as bad ones.

    Args:
        rows: the records of the table's rows, in its order.
        odd: finds further bad rows of a table that has its generated columns.
    """
    kept, faults = _sorted(rules, table, 0)
    found = odd(kept)
    if found:
        stood = np.setdiff1d(np.arange(table.num_rows), list(faults))
        faults |= {int(stood[place]): fault for place, fault in found.items()}
        left = np.setdiff1d(np.arange(kept.num_rows), list(found))
        kept = kept.take(pa.array(left, pa.int64()))
    places = sorted(faults)
    return kept, Bad(rows.at(places), tuple(faults[place] for place in places))


def with_generated(rules: Rules, table: pa.Table) -> pa.Table:
    """The table with its generated columns, computed anew where it has them.

    Raises:
        pa.ArrowInvalid: a value is beyond its type.
    """
    for one in rules.generated:
        values = evaluate(one.value, table)
        at = table.schema.get_field_index(one.name)
        if at < 0:
            table = table.append_column(one.name, values)
        else:
            table = table.set_column(at, one.name, values)
    return table


def _sorted(rules: Rules, table: pa.Table, first: int) -> tuple[pa.Table, dict[int, Fault]]:
    """Rows that are kept, and faults by place, of which the first row's is `first`.

    A row whose sum is beyond its type fails all: then halves are looked at by themselves.
    """
    try:
        whole = with_generated(rules, table)
        broken = _broken(rules.checks, whole)
    except pa.ArrowInvalid as error:
        if table.num_rows == 1:
            return with_generated(rules, table.slice(0, 0)), {first: Fault(f"{_OVER}: {error}")}
        middle = table.num_rows // 2
        one, faults = _sorted(rules, table.slice(0, middle), first)
        other, more = _sorted(rules, table.slice(middle), first + middle)
        return pa.concat_tables([one, other]), faults | more
    if not broken:
        return whole, {}
    left = np.setdiff1d(np.arange(table.num_rows), list(broken))
    faults = {first + place: _fault(checks) for place, checks in broken.items()}
    return whole.take(pa.array(left, pa.int64())), faults


_OVER = "what the table computes of it is beyond its type"


def _broken(checks: Sequence[Check], table: pa.Table) -> dict[int, list[Check]]:
    """The rows that break some, and which."""
    if not checks or not table.num_rows:
        return {}
    kept = [pc.fill_null(evaluate(one.condition, table), False) for one in checks]
    if pc.all(reduce(pc.and_, kept)).as_py():
        return {}
    found: dict[int, list[Check]] = {}
    for check, holds in zip(checks, kept, strict=True):
        for place in np.flatnonzero(~holds.to_numpy(zero_copy_only=False)):
            found.setdefault(int(place), []).append(check)
    return found


def _fault(checks: Sequence[Check]) -> Fault:
    columns = checks[0].columns
    path = f"$.{min(columns)}" if len(checks) == 1 and len(columns) == 1 else None
    return Fault(f"it breaks {'; '.join(check.what for check in checks)}", path)
