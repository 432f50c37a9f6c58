"""What a rollback would do with each table, decided before anything is changed. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lakeferry.errors import FerryError
from lakeferry.fleet.counting import counted
from lakeferry.fleet.cutover.stream_ways import StreamPosition, StreamWay
from lakeferry.fleet.cutover.writers import Made, told
from lakeferry.ledger.rows import LakeTable


@dataclass(frozen=True)
class RollbackRequest:
    """What one run is asked for."""

    title: str
    accept_loss: bool = False  # of what targets were written since the switch
    reverse: bool = False  # carry it back: the one thing that writes to a source
    checkpoints: tuple[str, ...] = ()  # of streams at the target, beside those that were carried


@dataclass(frozen=True)
class Back:
    """A table that goes back to its source."""

    row: LakeTable
    body: Mapping[str, Any]  # of the receipt of its switch
    written: tuple[Made, ...] = ()  # at the target since, what changed data
    files: int = 0  # of a folder, which has no commits: files written or deleted there since

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
    def count(self) -> int:
        """Commits; of a folder files."""
        return self.files if self.row.kind == "folder" else len(self.written)

    @property
    def text(self) -> str:
        """`a.sales.orders 14 commits, 8,112 rows by job 9017`."""
        rows = self.rows_written
        commits = counted(self.count, "file" if self.row.kind == "folder" else "commit")
        of_rows = "" if rows is None else f", {counted(rows, 'row')}"
        return f"{self.row.name} {commits}{of_rows} by {told(o.writer for o in self.written)}"


@dataclass(frozen=True)
class StreamBack:
    """A stream that has a checkpoint at the target, and what becomes of it at the source."""

    way: StreamWay  # `url`: of its checkpoint at the target
    url: str  # of the checkpoint with which it goes on at the source; '': there is none
    is_left: bool = False  # it went on at the target, and the checkpoint at the source is older

    @property
    def text(self) -> str:
        at = f" with {self.url}" if self.url and self.way.does == "continues" else ""
        return f"{self.way.text}{at}"


@dataclass(frozen=True)
class RollbackReport:
    """How a run ended."""

    title: str
    back: tuple[Back, ...] = ()  # tables that are used at their source again
    carried: tuple[str, ...] = ()  # of these: what the target was written came back with them
    lost: tuple[str, ...] = ()  # of these: it did not, and that was accepted
    stopped: tuple[Back, ...] = ()  # written since: nothing was changed, of no table
    others: int = 0  # tables that were meant beside `stopped`
    kept: tuple[tuple[LakeTable, FerryError], ...] = ()  # changed in the catalog since: not undone
    streams: tuple[StreamBack, ...] = ()
    accepts_loss: bool = False

    @property
    def asks(self) -> bool:
        left = any(one.is_left for one in self.streams) and not self.accepts_loss
        return bool(self.stopped or self.kept or left)


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
    raise both_written(back, f"version {head}, switched at {back.source_version}")


def both_written(back: Back, where: str) -> FerryError:
    """LF-8079."""
    return FerryError(
        "LF-8079",
        f"both sides of {back.row.name} were written since the switch",
        f"{back.row.source_url}: {where}",
        "decide which of them counts; --accept-loss leaves the target's commits behind",
    )


def next_batch(position: StreamPosition) -> int:
    """Of a stream: the first that it has not done."""
    return 0 if position.last_commit is None else position.last_commit + 1


def refuse_stuck(found: Iterable[StreamBack]) -> None:
    """LF-8085 for a stream that could not go on at its source where it stands at the target."""
    stuck = [one for one in found if one.way.does == "cannot"]
    if not stuck:
        return
    way = stuck[0].way
    raise FerryError(
        "LF-8085",
        f"stream {way.query_id} ({', '.join(way.tables)}) cannot go on at the source: {way.why}",
        f"{way.url}; {len(stuck)} of the streams that were carried; nothing was changed",
        "mend that first, then run the same command again",
    )
