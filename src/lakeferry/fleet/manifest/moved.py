"""A manifest that was changed midway: tables that have begun stay where they are. Pure.

Those that have not go where it says now, which a discovery finds out: until then none is moved.
"""

from collections.abc import Iterable
from typing import NamedTuple

from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.select import TableFacts
from lakeferry.fleet.manifest.wanted import Migration

# Nothing of these lies at the target yet, or nothing of it is wanted any more.
_TO_BEGIN = frozenset({"discovered", "planned"})
NOT_BEGUN = _TO_BEGIN | {"excluded", "orphaned"}


class Moved(NamedTuple):
    """A table that has begun at one place and would land at another."""

    name: str
    before: str  # address
    after: str


def moved(wanted: Migration, tables: Iterable[TableFacts]) -> tuple[Moved, ...]:
    """The tables that have begun and would land elsewhere now, by name.

    Args:
        tables: with the address of the target as their key, as the ledger knows them. What belongs
            to a source that the manifest names no longer has not moved: it is orphaned.
    """
    return _elsewhere(wanted, (one for one in tables if one.state not in NOT_BEGUN))


def _elsewhere(wanted: Migration, tables: Iterable[TableFacts]) -> tuple[Moved, ...]:
    found = []
    for one in tables:
        source = wanted.sources.get(one.source)
        if source is None:
            continue
        after = wanted.landing(source, one.schema, one.table, path=one.path)
        if after != one.key.rstrip("/"):
            found.append(Moved(one.name, one.key, after))
    return tuple(sorted(found))


def check_places(wanted: Migration, tables: Iterable[TableFacts]) -> None:
    """Refuse a manifest whose `target.root` or layouts were changed for tables that have begun.

    Raises:
        FerryError: LF-2041.
    """
    found = moved(wanted, tables)
    if not found:
        return
    first = found[0]
    number = (
        f"{len(found):,} tables that have begun" if len(found) > 1 else "a table that has begun"
    )
    raise FerryError(
        "LF-2041",
        f"{number} would land elsewhere: {first.name}",
        f"it lies at {first.before}, and the manifest says {first.after}",
        f"put `target.root`, `layout` or the wave of `{first.name}` back in {wanted.file}; or give "
        "its source another key, and its tables are copied anew",
    )


def check_new_places(wanted: Migration, tables: Iterable[TableFacts]) -> None:
    """Refuse to begin a table at a place that the manifest does not say any more.

    As after another `target.root`, or with another profile than at the discovery.

    Args:
        tables: that are meant, as in `moved`.

    Raises:
        FerryError: LF-2041.
    """
    found = _elsewhere(wanted, (one for one in tables if one.state in _TO_BEGIN))
    if not found:
        return
    first = found[0]
    raise FerryError(
        "LF-2041",
        f"{first.name} would land elsewhere than when it was discovered"
        + (f", and so would {len(found) - 1:,} more" if len(found) > 1 else ""),
        f"it was to land at {first.before}, and the manifest says {first.after}; nothing was moved",
        "look again with the same --profile and --set: lakeferry discover",
    )
