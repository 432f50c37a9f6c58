"""A look at a table that is cut over: is its source left alone, as it has to be from then on?

The source may go, so one that is not there, or cannot be read, is no trouble. Nor is a commit that
changed no data, such as OPTIMIZE makes. Nothing is written.
"""

from collections.abc import Iterable

from lakeferry.clone.report import CloneRequest
from lakeferry.delta.log import head_version, list_log
from lakeferry.errors import FerryError
from lakeferry.fleet.counting import counted
from lakeferry.fleet.cutover.commits_since import written_since
from lakeferry.fleet.cutover.writers import Made, told
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.planning.planned import Fault, Seen
from lakeferry.fleet.standing.late import LATE, next_step
from lakeferry.fleet.sync.beside_delta import beside_of, is_written_since
from lakeferry.ledger.rows import LakeTable
from lakeferry.store.open import open_store


def look_at_switched(wanted: Migration, table: LakeTable, every: Iterable[LakeTable] = ()) -> Seen:
    """What was written at the source since, as a fault; nothing is known of one that is silent."""
    held = table.held_version
    quiet = Seen(table.target_url, held_version=held, is_current=True)
    if held is None:
        return quiet
    try:
        if (beside := beside_of(wanted, table, every)) is not None:
            is_late = is_written_since(beside, _request(wanted, table), table.target_version)
            return _late(table, held + 1, "") if is_late else quiet
        store = open_store(table.source_url, wanted.sources[table.source].store_options)
        head = head_version(list_log(store, since=held))
        made = [one for one in written_since(store, held) if one.changes] if head > held else []
    except FerryError:
        return quiet
    if not made:
        return Seen(table.target_url, max(head, held), held_version=held, is_current=True)
    return _late(table, head, f": {_commits(made)}")


def _late(table: LakeTable, head: int, commits: str) -> Seen:
    fault = Fault(
        LATE, f"its source was written to after the switch{commits}",
        f"{table.source_url}, switched at version {table.held_version}", next_step(table.name),
    )  # fmt: skip
    return Seen(table.target_url, head, held_version=table.held_version, fault=fault)


def _commits(made: Iterable[Made]) -> str:
    """`2 commits, 10 rows by job 9017`."""
    made = tuple(made)
    rows = [one.rows for one in made]
    of_rows = "" if None in rows else f", {counted(sum(one or 0 for one in rows), 'row')}"
    return f"{counted(len(made), 'commit')}{of_rows} by {told(one.writer for one in made)}"


def _request(wanted: Migration, table: LakeTable) -> CloneRequest:
    return CloneRequest(
        table.source_url, table.target_url, dry_run=True,
        source_options=wanted.sources[table.source].store_options,
        target_options=wanted.target.store_options,
    )  # fmt: skip
