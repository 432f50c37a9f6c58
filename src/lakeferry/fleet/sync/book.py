"""What a sync writes down: messages of tables -> the ledger, and sums of the run. One thread's.

The rows that it holds are those of the ledger as it has just written them.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from lakeferry.clone.report import CloneReport
from lakeferry.errors import FerryError
from lakeferry.fleet.planning.gone import forgotten, gone
from lakeferry.fleet.planning.plan import requests_of
from lakeferry.fleet.standing.states import State, interrupted, move
from lakeferry.fleet.sync.budget import Spent
from lakeferry.fleet.sync.messages import Arrived, Begun, Looked
from lakeferry.fleet.sync.outcome import aside
from lakeferry.ledger.rows import CloneStart, LakeTable, LandedFile, Move, Work
from lakeferry.ledger.write import Ledger, now_ms


@dataclass
class Sums:
    """Of one run."""

    files: int = 0  # that moved
    bytes: int = 0
    requests: int = 0
    present: int = 0  # files that were there already
    errors: int = 0  # tries of tables that failed
    commits: int = 0


class Book:
    """Writes the ledger as messages come."""

    def __init__(self, ledger: Ledger, tables: Iterable[LakeTable], plan_sha256: str) -> None:
        """`plan_sha256`: of the plan file; '': each clone is its own plan."""
        self.rows = {table.target_url: table for table in tables}
        self.sums = Sums()
        self._ledger = ledger
        self._plan_sha256 = plan_sha256
        self._open: dict[str, int] = {}  # table -> its clone
        self._counted: dict[str, tuple[int, int]] = {}  # files, bytes of runs before, to be found
        self._seen: dict[str, LakeTable] = {}  # not yet written

    def settle(self) -> None:
        """Take back what a run that has ended was amid."""
        self._move(*interrupted(self.rows.values()))

    def expect(self, targets: Iterable[str]) -> None:
        """These are to be brought over."""
        why = "asked for by a sync"
        self._move(
            *(
                move(url, "discovered", "planned", why=why)
                for url in targets
                if self.rows[url].state == "discovered"
            )
        )

    # ---- messages

    def looked(self, said: Looked) -> LakeTable:
        """A source was read; written with what comes next."""
        row = self.rows[said.target_url]
        if said.is_empty and row.held_version is not None:
            self.write()
            self._ledger.forget_clone(row.target_url, gone(row), kind="gone")
            row = self.rows[row.target_url] = forgotten(row)._replace(state_since_ms=now_ms())
        is_behind = row.held_version is not None and said.version > row.held_version
        since_ms = said.behind_since_ms or row.behind_since_ms or now_ms()
        row = row._replace(
            **said.facts._asdict(),
            source_version=said.version,
            looked_at_ms=now_ms(),
            behind_since_ms=since_ms if is_behind else None,
        )
        self._see(row)
        return row

    def begun(self, said: Begun) -> LakeTable:
        """A clone is about to copy."""
        row = self.rows[said.target_url]
        if row.held_version is None and (said.bytes, said.files) > (row.bytes, row.files):
            self._see(row._replace(bytes=said.bytes, files=said.files))  # it has grown since
        self.write()
        row = self.rows[said.target_url]
        start = CloneStart(
            row.target_url, row.held_version, said.version, self._sha256(row, said.version),
            said.files, said.bytes,
        )  # fmt: skip
        step = None
        if row.state != "syncing":
            why = f"version {said.version}: {said.files} files"
            step = move(row.target_url, _state(row), "syncing", why=why)
        self._open[row.target_url] = self._ledger.begin_clone(start, step)
        self._keep(step)
        return self._count(row.target_url, said)

    def arrived(self, said: Arrived) -> None:
        """Files are durable at the target."""
        clone = self._open[said.target_url]
        row = self.rows[said.target_url]
        left = [row.left_bytes, row.left_files, row.left_requests]
        for path, size, how in said.files:
            is_left = how != "already_there" or not self._was_counted(said.target_url, size)
            self._ledger.land(clone, LandedFile(path, size, how), is_left=is_left)
            if not is_left:
                self.sums.present += 1
                continue
            left[2] -= left[2] // max(1, left[1])
            left[0], left[1] = max(0, left[0] - size), max(0, left[1] - 1)
            if how == "already_there":
                self.sums.present += 1
                continue
            self.sums.files += 1
            self.sums.bytes += size
            self.sums.requests += requests_of(size, 1)
        self.rows[said.target_url] = row._replace(
            left_bytes=left[0], left_files=left[1], left_requests=left[2]
        )

    def synced(self, target_url: str, report: CloneReport) -> LakeTable:
        """The target holds a version of the source, new or not."""
        row = self.rows[target_url]
        version, target_version = report.source_version, report.target_version
        if report.source_num_of_files and not report.up_to_date:
            row = row._replace(bytes=report.source_table_size, files=report.source_num_of_files)
        self._see(row._replace(looked_at_ms=now_ms()))
        self.write()
        assert target_version is not None
        if row.held_version != version and target_url not in self._open:
            # Another run has committed it, or the ledger was lost: the target says what it holds.
            start = CloneStart(target_url, row.held_version, version, self._sha256(row, version),
                               0, 0)  # fmt: skip
            self._open[target_url] = self._ledger.begin_clone(start)
        step = None
        if row.state not in ("synced", "verified") or row.held_version != version:
            why = f"version {version} is version {target_version} of the target"
            if row.state != "synced":
                step = move(target_url, _state(row), "synced", why=why)
        clone = self._open.pop(target_url, None)
        if clone is not None:
            self._ledger.commit_clone(clone, target_version, step)
            self.sums.commits += not report.up_to_date
        elif step is not None:
            self._ledger.move(step)
        self._keep(step)
        return self._hold(target_url, version, target_version)

    def stopped(self, target_url: str) -> LakeTable:
        """It was interrupted; what landed is found again."""
        self.write()
        row = self.rows[target_url]
        step = None
        if row.state == "syncing":
            step = move(target_url, "syncing", "planned", why="stopped; what landed is kept")
        self._give_up(target_url, step)
        return self.rows[target_url]

    def failed(self, target_url: str, error: FerryError) -> LakeTable:
        """Its tries have ended, or a person has to decide."""
        self.write()
        self._give_up(target_url, aside(self.rows[target_url], error))
        return self.rows[target_url]

    def spent(self, usd: Decimal | None) -> Spent:
        """What this run has taken so far; `usd`: of what moved, None where it has no price."""
        return Spent(self.sums.bytes, usd, self.sums.files + self.sums.present, self.sums.errors)

    def write(self) -> None:
        """Write what was seen."""
        if self._seen:
            self._ledger.see(self._seen.values())
            self._seen.clear()

    # ---- inside

    def _count(self, target_url: str, said: Begun) -> LakeTable:
        """What is left of a clone that has begun: all that the runs before it have not landed."""
        files, size = self._ledger.landed(self._open[target_url])
        files, size = min(files, said.files), min(size, said.bytes)
        self._counted[target_url] = files, size
        work = Work(
            target_url, said.bytes - size, said.files - files,
            requests_of(said.bytes - size, said.files - files),
        )  # fmt: skip
        self._ledger.plan([work])
        row = self.rows[target_url]._replace(
            left_bytes=work.bytes, left_files=work.files, left_requests=work.requests
        )
        self.rows[target_url] = row
        return row

    def _was_counted(self, target_url: str, size: int) -> bool:
        """Whether a file that is found again is one that `_count` has taken off.

        Not by its name, for there may be millions: as many files and bytes as were taken off.
        """
        files, counted = self._counted.get(target_url, (0, 0))
        if files == 0 or counted < size:
            return False
        self._counted[target_url] = files - 1, counted - size
        return True

    def _see(self, row: LakeTable) -> None:
        self.rows[row.target_url] = self._seen[row.target_url] = row

    def _hold(self, target_url: str, version: int, target_version: int) -> LakeTable:
        """As `Ledger.commit_clone` has written it."""
        row = self.rows[target_url]
        is_newest = (row.source_version or 0) <= version
        row = row._replace(
            held_version=version,
            held_at_ms=now_ms(),
            target_version=target_version,
            source_version=max(version, row.source_version or 0),
            behind_since_ms=None if is_newest else row.behind_since_ms,
            left_bytes=0,
            left_files=0,
            left_requests=0,
        )
        self.rows[target_url] = row
        return row

    def _give_up(self, target_url: str, step: Move | None) -> None:
        clone = self._open.pop(target_url, None)
        if clone is not None:
            self._ledger.abandon_clone(clone, step)
        elif step is not None:
            self._ledger.move(step)
        self._keep(step)

    def _move(self, *steps: Move) -> None:
        if steps:
            self._ledger.move(*steps)
        for step in steps:
            self._keep(step)

    def _keep(self, step: Move | None) -> None:
        if step is not None:
            row = self.rows[step.target_url]
            self.rows[step.target_url] = row._replace(
                state=step.after, state_since_ms=now_ms(), why=step.why, code=step.code,
                next_step=step.next_step,
            )  # fmt: skip

    def _sha256(self, row: LakeTable, version: int) -> str:
        if self._plan_sha256:
            return self._plan_sha256
        said = f"{row.source_url} {row.held_version} {version} {row.target_url}"
        return hashlib.sha256(said.encode()).hexdigest()


def _state(row: LakeTable) -> State:
    return row.state  # type: ignore[return-value]
