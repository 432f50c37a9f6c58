"""Where plans and ends of batches lie: small files beside Spark's checkpoint, each written once.

`epochs/<epoch / 100>/<epoch>-<token>-plan.json`, and beside it `...-<group>-<part>.json` for every
part that a task read, and `...-gaps.json` where records of an old plan were lost. All are
put-if-absent: of two tasks that read one part, the first decides where it ends. A hundred epochs
share a folder, so that few are left empty on a file system.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from lakeferry.errors import FerryError
from lakeferry.ingest.position.state import Gap, IngestState
from lakeferry.ingest.position.text import parse_state, state_text
from lakeferry.spark.epoch import ChunkEnd, EpochPlan, Mark
from lakeferry.spark.epoch_text import end_text, parse_end, parse_plan, plan_text
from lakeferry.store.protocol import AlreadyThere, Store, read_all

ROOT = "epochs"
KEPT = 100  # as many batches as Spark keeps in its own log, at least
AT_ONCE = 16  # small reads, and deletions


class Record:
    """The record of one query. Safe across threads, as its store is."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def plan(self, mark: Mark) -> EpochPlan | None:
        """The plan of a batch, or None where nobody made one."""
        path = _plan_path(mark)
        text = self._text(path)
        return None if text is None else parse_plan(text, self._where(path))

    def put_plan(self, plan: EpochPlan) -> EpochPlan:
        """The plan that stands: this one, or another that was made before."""
        path = _plan_path(plan.mark)
        text = self._put(path, plan_text(plan))
        return plan if text is None else parse_plan(text, self._where(path))

    def end(self, mark: Mark, group: int, part: int) -> ChunkEnd | None:
        """Where a part ended, or None where nobody has read it yet."""
        path = _end_path(mark, group, part)
        text = self._text(path)
        return None if text is None else parse_end(text, self._where(path))

    def put_end(self, mark: Mark, group: int, part: int, end: ChunkEnd) -> ChunkEnd:
        """The end that stands: this one, or that of another task that was first."""
        path = _end_path(mark, group, part)
        text = self._put(path, end_text(end))
        return end if text is None else parse_end(text, self._where(path))

    def gaps(self, mark: Mark) -> tuple[Gap, ...]:
        """What was found lost of a batch after it was planned, and accepted."""
        path = _gaps_path(mark)
        text = self._text(path)
        return () if text is None else parse_state(text.decode(), self._where(path)).gaps

    def put_gaps(self, plan: EpochPlan, gaps: Sequence[Gap]) -> None:
        """Write down what is lost of a batch; what was written before stands."""
        state = IngestState(plan.mark.epoch, plan.state.stream, gaps=tuple(gaps))
        self._put(_gaps_path(plan.mark), state_text(state).encode())

    def ends(self, plan: EpochPlan) -> Sequence[Sequence[ChunkEnd]]:
        """The parts of each group of a batch, in order; of those that nobody read, none."""
        folder, begin = _folder(plan.mark.epoch), f"{_stem(plan.mark)}-"
        # The names of an epoch follow each other, and it is mostly the last: few others are listed.
        names = [meta.path for meta in self._store.list(folder, after=begin, recursive=False)]
        own = (path for path in names if path.startswith(begin))
        paths = sorted(path for path in own if path.removeprefix(begin)[0].isdecimal())
        with ThreadPoolExecutor(AT_ONCE) as hands:
            texts = list(hands.map(lambda path: read_all(self._store, path), paths))
        found: list[list[ChunkEnd]] = [[] for _ in plan.groups]
        for path, text in zip(paths, texts, strict=True):
            group = int(path.removeprefix(begin).partition("-")[0])
            found[group].append(parse_end(text, self._where(path)))
        return found

    def tidy(self, mark: Mark) -> None:
        """Delete what Spark, which is through with an epoch, has forgotten; each hundred epochs.

        Records of another query, which should have a place of its own, stay.
        """
        if mark.epoch % KEPT:
            return
        paths = [
            meta.path
            # The last time may have been missed: a query may end before it says that it is through.
            for epoch in range(max(0, mark.epoch - 3 * KEPT), mark.epoch - KEPT, KEPT)
            for meta in self._store.list(_folder(epoch))
            if f"-{mark.query}" in meta.path
        ]
        with ThreadPoolExecutor(AT_ONCE) as hands:
            list(hands.map(self._store.delete, paths))

    def lost(self, mark: Mark) -> FerryError:
        """The checkpoint names a batch of which nothing is recorded."""
        return FerryError(
            "LF-7072",
            f"nothing is recorded of batch {mark.epoch}, which the checkpoint names",
            self._where(_plan_path(mark)),
            "give the `metadataPath` that the query had; where it was deleted, begin anew with "
            "another checkpoint at the time up to which the table has all",
        )

    def _put(self, path: str, text: bytes) -> bytes | None:
        """None, or what lay there before."""
        try:
            self._store.put_if_absent(path, [text], size_hint=len(text))
        except AlreadyThere:
            return read_all(self._store, path)
        return None

    def _text(self, path: str) -> bytes | None:
        try:
            return read_all(self._store, path)
        except FileNotFoundError:
            return None

    def _where(self, path: str) -> str:
        return f"{self._store.url}/{path}"


def _folder(epoch: int) -> str:
    return f"{ROOT}/{epoch // KEPT:010}"


def _stem(mark: Mark) -> str:
    return f"{_folder(mark.epoch)}/{mark.epoch:012}-{mark.token}"


def _plan_path(mark: Mark) -> str:
    return f"{_stem(mark)}-plan.json"


def _gaps_path(mark: Mark) -> str:
    return f"{_stem(mark)}-gaps.json"


def _end_path(mark: Mark, group: int, part: int) -> str:
    # The names sort as the numbers do.
    return f"{_stem(mark)}-{group:06}-{part:08}.json"
