"""Who has to be pointed at the target: jobs, notebooks, streams, views; as lines. Pure.

`lakeferry` changes none of them: they are somebody's code.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from lakeferry.fleet.cutover.writers import Made
from lakeferry.ledger.rows import Inventoried, LakeTable


class Repoint(NamedTuple):
    """One line: somebody who uses a table at its source."""

    kind: str  # 'job', 'notebook', 'stream', 'app', 'view'
    id: str
    name: str
    user: str
    table: str
    source: str
    target: str
    registered_as: str
    last_version: str  # that it wrote
    last_time: str  # UTC


def repoints(
    rows: Sequence[LakeTable],
    made: Mapping[str, Sequence[Made]],
    inventory: Iterable[Inventoried],
    shown: Mapping[str, str],
) -> tuple[Repoint, ...]:
    """Writers of the last commits of each source, and the views of the same sources' catalogs.

    Args:
        made: of each table by target, the newest first.
        shown: the table's name at the target, by target.
    """
    found: list[Repoint] = []
    for row in rows:
        seen = set()
        for one in made.get(row.target_url, ()):
            who = (one.writer.kind, one.writer.id)
            if who in seen:
                continue
            seen.add(who)
            found.append(Repoint(
                *who, one.writer.name, one.writer.user, row.name, row.source_url, row.target_url,
                shown[row.target_url], str(one.version), _time(one.made_ms),
            ))  # fmt: skip
    sources = {row.source for row in rows}
    found += [
        Repoint("view", one.name, "", "", "", one.url, "", "", "", "")
        for one in inventory
        if one.kind == "view" and one.source in sources
    ]
    return tuple(found)


def as_csv(found: Iterable[Repoint]) -> str:
    """With a line of names; a cell that a spreadsheet would run as a formula is quoted."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(Repoint._fields)
    for one in found:
        writer.writerow(f"'{cell}" if cell[:1] in ("=", "+", "-", "@") else cell for cell in one)
    return out.getvalue()


def _time(ms: int | None) -> str:
    if ms is None:
        return ""
    try:
        at = datetime.fromtimestamp(ms / 1000, UTC)
    except (OverflowError, ValueError):
        return f"{ms} ms since 1970"  # more years than a calendar has here
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
