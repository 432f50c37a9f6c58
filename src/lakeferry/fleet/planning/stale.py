"""Whether a plan still holds: what has changed since it was made so that it would do another thing.

A source that has only moved on changes nothing: its table is copied at the planned version. Nor
does a table that this plan, or a newer one, has brought to its version already. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.facts import parts_of
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.planning.gone import GONE
from lakeferry.fleet.planning.planned import FleetPlan, PlannedTable, Seen
from lakeferry.fleet.planning.totals import moving
from lakeferry.fleet.standing.states import OUT_OF_SCOPE, word
from lakeferry.ledger.rows import LakeTable

NOTHING_SEEN: Mapping[str, Seen] = {}
_SHOWN = 5
OWN = "the bucket's own"
# Beside what was planned: a person has to decide, or has decided.
_STOPPED = OUT_OF_SCOPE | {"cut_over", "frozen", "drifted", "blocked"}


class Changed(NamedTuple):
    """What has changed about one table."""

    name: str
    what: str


def changes(
    plan: FleetPlan,
    wanted: Migration,
    tables: Sequence[LakeTable],
    seen: Mapping[str, Seen] = NOTHING_SEEN,
) -> tuple[Changed, ...]:
    """What changes an action of the plan, by its tables; of those that move.

    Args:
        tables: as the ledger knows them now.
        seen: looks at sources and targets since, by the target's address, where some were taken.
    """
    now = {table.target_url: table for table in tables}
    found = []
    for line in moving(plan.tables):
        reasons = (
            *_of_target(plan, wanted),
            *_of_manifest(line, wanted, now.get(line.target_url)),
            *_of_ledger(line, now.get(line.target_url)),
            *_of_look(line, seen.get(line.target_url)),
        )
        found += [Changed(line.name, what) for what in reasons[:1]]
    return tuple(found)


def check(
    plan: FleetPlan,
    wanted: Migration,
    tables: Sequence[LakeTable],
    seen: Mapping[str, Seen] = NOTHING_SEEN,
) -> None:
    """Refuse a plan that would not do what it says.

    Raises:
        FerryError: LF-2051 naming the tables and what changed.
    """
    if plan.migration != wanted.name:
        raise _stale(f"it is of the migration `{plan.migration}`, not `{wanted.name}`")
    found = changes(plan, wanted, tables, seen)
    if not found:
        return
    listed = "; ".join(f"{one.name}: {one.what}" for one in found[:_SHOWN])
    more = f"; and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
    raise _stale(f"{listed}{more}")


def encryption_of(wanted: Migration) -> str:
    """What the manifest asks of all that is put, for a plan to hold it to; '': nothing."""
    return ", ".join(f"{key} {text}" for key, text in sorted(wanted.target.encryption.items()))


def _of_target(plan: FleetPlan, wanted: Migration) -> Iterator[str]:
    before, now = plan.encryption, encryption_of(wanted)
    if before is not None and before != now:
        yield f"encryption {before or OWN} -> {now or OWN}"


def _of_manifest(line: PlannedTable, wanted: Migration, table: LakeTable | None) -> Iterator[str]:
    source = wanted.sources.get(line.source)
    if source is None:
        yield "the manifest names its source no longer"
        return
    if table is None:
        return
    schema, name = parts_of(table)
    if not source.is_in_scope(schema, name, table.path):
        yield "the manifest leaves it out now"
    options = source.options_of(schema, name, table.path)
    if options.mode != line.mode:
        yield f"mode {line.mode} -> {options.mode}"
    chosen = wanted.storage_class(options) or ""
    if chosen != line.storage_class:
        yield f"storage class {line.storage_class or OWN} -> {chosen or OWN}"
    lands = wanted.landing(source, schema, name, path=table.path)
    if lands != line.target_url.rstrip("/"):
        yield f"it was to land at {line.target_url}, and lands at {lands}"
    if table.source_url != line.source_url:
        yield f"its source lay at {line.source_url} and lies at {table.source_url}"


def _of_ledger(line: PlannedTable, table: LakeTable | None) -> Iterator[str]:
    if table is None:
        yield "the ledger does not know it"
        return
    is_gone = table.code == GONE  # which its own plan may have found, and copies anew
    if table.state in _STOPPED and table.state != line.state and not is_gone:
        yield f"it is {word(table.state)}{f' ({table.code})' if table.code else ''}"
    held, planned = table.held_version, line.source_version
    is_done = held is not None and planned is not None and held >= planned
    # A ledger that was lost knows less than the target, which is what the plan was made from.
    if held is not None and held != line.held_version and not is_done:
        yield f"its target held {_version(line.held_version)} and holds {_version(held)}"
    if line.source_id and table.source_id and line.source_id != table.source_id:
        yield "its source is another table now"


def _of_look(line: PlannedTable, seen: Seen | None) -> Iterator[str]:
    if seen is None:
        return
    if seen.fault is not None:
        yield f"{seen.fault.code} {seen.fault.what}"
        return
    if line.source_id and seen.source_id and line.source_id != seen.source_id:
        yield "its source is another table now"
    newest, planned = seen.source_version, line.source_version
    if newest is not None and planned is not None and newest < planned:
        yield f"its source is at version {newest}, planned was {planned}"


def _version(held: int | None) -> str:
    return "nothing" if held is None else f"version {held}"


def _stale(where: str) -> FerryError:
    return FerryError("LF-2051", "the plan is stale", where, "plan again: `lakeferry plan -o FILE`")
