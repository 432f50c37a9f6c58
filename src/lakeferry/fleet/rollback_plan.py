"""What a rollback would do with each table, decided before anything is changed. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lakeferry.errors import FerryError
from lakeferry.fleet.writers import Made, told
from lakeferry.ledger.rows import LakeTable


@dataclass(frozen=True)
class RollbackRequest:
    """What one run is asked for."""

    title: str
    accept_loss: bool = False  # of what targets were written since the switch
    reverse: bool = False  # carry it back: the one thing that writes to a source


@dataclass(frozen=True)
class Back:
    """A table that goes back to its source."""

    row: LakeTable
    body: Mapping[str, Any]  # of the receipt of its switch
    written: tuple[Made, ...] = ()  # at the target since, what changed data

    @property
    def source_version(self) -> int:
        return int(self.body["source_version"])

    @property
    def target_version(self) -> int:
        return int(self.body["target_version"])

    @property
    def is_mirror(self) -> bool:
        return self.body.get("mode") == "mirror"

    @property
    def rows_written(self) -> int | None:
        """None: of one commit nothing says it."""
        counts = [one.rows for one in self.written]
        return None if None in counts else sum(one or 0 for one in counts)

    @property
    def text(self) -> str:
        """`a.sales.orders 14 commits, 8,112 rows by job 9017`."""
        count, rows = len(self.written), self.rows_written
        commits = f"{count} commit{'' if count == 1 else 's'}"
        of_rows = "" if rows is None else f", {rows:,} rows"
        return f"{self.row.name} {commits}{of_rows} by {told(o.writer for o in self.written)}"


@dataclass(frozen=True)
class RollbackReport:
    """How a run ended."""

    title: str
    back: tuple[Back, ...] = ()  # tables that are used at their source again
    carried: tuple[str, ...] = ()  # of these: what the target was written came back with them
    lost: tuple[str, ...] = ()  # of these: it did not, and that was accepted
    stopped: tuple[Back, ...] = ()  # written since: nothing was changed, of no table
    kept: tuple[tuple[LakeTable, FerryError], ...] = ()  # changed in the catalog since: not undone

    @property
    def asks(self) -> bool:
        return bool(self.stopped or self.kept)


Emit = Callable[[str, LakeTable], None]  # what was done with one table


def to_go_back(rows: Iterable[LakeTable]) -> tuple[LakeTable, ...]:
    """The tables that are cut over, by name."""
    return tuple(sorted((one for one in rows if one.state == "cut_over"), key=lambda row: row.name))


def refuse_none(rows: Sequence[LakeTable], title: str) -> None:
    """LF-8077 where nothing of what is meant was ever switched and taken back."""
    if any("taken back" in one.why or one.state == "rolled_back" for one in rows):
        return
    raise FerryError(
        "LF-8077",
        "none of these tables is cut over",
        title,
        "lakeferry status --by table tells where each stands",
    )


def may_reverse(back: Back, head: int, *, is_ours: bool) -> None:
    """LF-8079 where the source has commits of its own since the switch.

    Args:
        head: of the source now.
        is_ours: its newest commits were carried back by a run before.
    """
    if head == back.source_version or is_ours:
        return
    raise FerryError(
        "LF-8079",
        f"both sides of {back.row.name} were written since the switch",
        f"{back.row.source_url}: version {head}, switched at {back.source_version}",
        "decide which of them counts; --accept-loss leaves the target's commits behind",
    )
