"""Where plans and ends of batches lie: small files beside Spark's checkpoint, each written once.

`epochs/<epoch>/<token>/plan.json`, and beside it `<group>-<part>.json` for every part that a task
read. All are put-if-absent: of two tasks that read one part, the first decides where it ends.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from lakeferry.errors import FerryError
from lakeferry.spark.epoch import ChunkEnd, EpochPlan, Mark
from lakeferry.spark.epoch_text import end_text, parse_end, parse_plan, plan_text
from lakeferry.store.protocol import AlreadyThere, Store, read_all

ROOT = "epochs"
KEPT = 100  # as many batches as Spark keeps in its own log
AT_ONCE = 16  # small reads


class Record:
    """The record of one query. Safe across threads, as its store is."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def plan(self, mark: Mark) -> EpochPlan | None:
        """The plan of a batch, or None where nobody made one."""
        path = f"{_folder(mark)}/plan.json"
        text = self._text(path)
        return None if text is None else parse_plan(text, self._where(path))

    def put_plan(self, plan: EpochPlan) -> EpochPlan:
        """The plan that stands: this one, or another that was made before."""
        path = f"{_folder(plan.mark)}/plan.json"
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

    def ends(self, plan: EpochPlan) -> Sequence[Sequence[ChunkEnd]]:
        """The parts of each group of a batch, in order; of those that nobody read, none."""
        folder = _folder(plan.mark)
        names = [meta.path for meta in self._store.list(folder, recursive=False)]
        paths = sorted(path for path in names if not path.endswith("/plan.json"))
        with ThreadPoolExecutor(AT_ONCE) as hands:
            texts = list(hands.map(lambda path: read_all(self._store, path), paths))
        found: list[list[ChunkEnd]] = [[] for _ in plan.groups]
        for path, text in zip(paths, texts, strict=True):
            group = int(path.rpartition("/")[2].partition("-")[0])
            found[group].append(parse_end(text, self._where(path)))
        return found

    def tidy(self, epoch: int) -> None:
        """Delete what was recorded of one epoch that Spark has forgotten."""
        for meta in list(self._store.list(f"{ROOT}/{epoch:012}")):
            self._store.delete(meta.path)

    def lost(self, mark: Mark) -> FerryError:
        """The checkpoint names a batch of which nothing is recorded."""
        return FerryError(
            "LF-7072",
            f"nothing is recorded of batch {mark.epoch}, which the checkpoint names",
            self._where(f"{_folder(mark)}/plan.json"),
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


def _folder(mark: Mark) -> str:
    return f"{ROOT}/{mark.epoch:012}/{mark.token}"


def _end_path(mark: Mark, group: int, part: int) -> str:
    # The names sort as the numbers do.
    return f"{_folder(mark)}/{group:06}-{part:08}.json"
