"""A clone that ends in the midst of its work, at each operation: the cases that kills rarely meet.

The end is an exception that nothing catches, raised by the store at the chosen moment. SIGKILL
itself is in test_kills.py; this is faster, and so takes every moment of more kinds of table.
"""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lakeferry.clone.report import CloneRequest
from lakeferry.delta.checkpoint_head import checkpoint_head
from lakeferry.delta.log import list_log
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.events import Event, FileLanded
from lakeferry.store.open import memory_store, open_store
from lakeferry.store.protocol import Store
from tests.delta.tables import METADATA, PROTOCOL, add, commit, remove
from tests.flows.killing import with_state
from tests.flows.tables import TableState, clone_commits, grow, look, tree
from tests.flows.watched import Moment, Watch, WatchedStore, clone_stores

HALVES = ("before", "amid")  # the end of one operation is the beginning of the next


class CutOff(BaseException):
    """The process is gone."""


def cut_at(target: Store, number: int, when: str) -> WatchedStore:
    def listener(moment: Moment) -> None:
        if (moment.number, moment.when) == (number, when):
            raise CutOff

    return WatchedStore(target, Watch(listener))


def walk(
    source: Path,
    mode: str,
    allowed: list[TableState | None],
) -> int:
    """Cut a clone off at each moment, look, clone again; how many were cut."""
    cuts = 0
    request = CloneRequest(str(source), "memory://", mode, jobs=1)
    undisturbed = Watch(lambda _: None)
    target = memory_store()
    clone_stores(request, open_store(str(source)), WatchedStore(target, undisturbed))
    wanted, kept = look(target), log_of(target)
    for number in range(1, undisturbed.count + 1):
        for when in HALVES:
            target = memory_store()
            try:
                clone_stores(request, open_store(str(source)), cut_at(target, number, when))
            except CutOff:
                cuts += 1
            left = set(tree(target))
            assert state(target) in allowed, (number, when)
            landed = finish(request, source, target)
            assert not left & set(landed), (number, when)
            assert look(target) == wanted, (number, when)
            if mode == "mirror":
                assert log_of(target) == kept, (number, when)
            else:
                versions = [version for version, _ in clone_commits(target)]
                assert versions == sorted(set(versions)), (number, when)
    return cuts


def finish(request: CloneRequest, source: Path, target: Store) -> list[str]:
    landed: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, FileLanded) and event.how != "already_there":
            landed.append(event.path)

    clone_stores(request, open_store(str(source)), target, note)
    return landed


def state(target: Store) -> TableState | None:
    """What a reader finds; None: no table yet."""
    listing = list_log(target)
    return look(target) if listing.commits or listing.checkpoints else None


def log_of(target: Store) -> dict[str, bytes]:
    """The log without our own records and without `_last_checkpoint`, which is only a hint."""
    return {
        path: body
        for path, body in tree(target).items()
        if path.startswith("_delta_log/0") or "_copy_into" in path
    }


def cleaned(root: Path, *, parts: int) -> Path:
    """The table with a checkpoint of version 2, and without the commits before."""
    with_state(grow(root), b"state")
    checkpoint_head(open_store(str(root)), 2, now_ms=0)
    log = root / "_delta_log"
    whole = log / f"{2:020d}.checkpoint.parquet"
    if parts > 1:
        rows = pq.read_table(whole)
        for part in range(parts):
            name = f"{2:020d}.checkpoint.{part + 1:010d}.{parts:010d}.parquet"
            pq.write_table(rows.take(list(range(part, len(rows), parts))), log / name)
        whole.unlink()
        (log / "_last_checkpoint").unlink()
    for version in (0, 1):
        (log / f"{version:020d}.json").unlink()
    return root


@pytest.mark.parametrize(("parts", "commit_of_base"), [(1, True), (1, False), (3, True)])
def test_a_mirror_that_begins_at_a_checkpoint_survives_an_end_at_any_moment(
    tmp_path: Path, parts: int, commit_of_base: bool
) -> None:
    source = cleaned(tmp_path / "source", parts=parts)
    if not commit_of_base:
        (source / "_delta_log" / f"{2:020d}.json").unlink()
    allowed = [None, look(source, 2), look(source, 3)]

    assert walk(source, "mirror", allowed) > 20


def test_a_mirror_of_a_long_log_survives_an_end_at_any_moment(tmp_path: Path) -> None:
    source = with_state(grow(tmp_path / "source"), b"state")
    checkpoint_head(open_store(str(source)), 1, now_ms=0)
    checkpoint_head(open_store(str(source)), 3, now_ms=0)
    allowed = [None, *(look(source, version) for version in range(4))]

    assert walk(source, "mirror", allowed) > 20


def test_commits_that_are_made_again_one_by_one_survive_an_end_at_any_moment(
    tmp_path: Path,
) -> None:
    """Append, then OPTIMIZE of what was appended: three commits at the target, and records."""
    source = tmp_path / "source"
    for name in ("a", "b", "ab", "c"):
        source.mkdir(exist_ok=True)
        (source / name).write_bytes(b"0123456789")
    commit(source, 0, PROTOCOL, METADATA, add("a"))
    old = open_store(str(source))
    begun = memory_store()
    clone_stores(CloneRequest(str(source), "memory://"), old, begun)
    base = tree(begun)
    commit(source, 1, add("b"))
    packed = [remove(name, dataChange=False, size=10) for name in ("a", "b")]
    commit(source, 2, *packed, add("ab", dataChange=False))
    commit(source, 3, add("c"))

    def begin(target: Store) -> None:
        for path, body in base.items():
            target.write(path, [body], size=len(body))

    target = memory_store()
    begin(target)
    before = live(target)
    request = CloneRequest(str(source), "memory://", jobs=1)
    counted = Watch(lambda _: None)
    clone_stores(request, old, WatchedStore(target, counted))
    assert [version for version, _ in clone_commits(target)] == [0, 1, 2, 3]
    assert live(target) == {"ab", "c"}
    for number in range(1, counted.count + 1):
        for when in HALVES:
            target = memory_store()
            begin(target)
            try:
                clone_stores(request, old, cut_at(target, number, when))
            except CutOff:
                assert live(target) in (before, {"a", "b"}, {"ab"}, {"ab", "c"})
            clone_stores(request, old, target)
            assert live(target) == {"ab", "c"}
            # What is left of the range may be told by one commit.
            versions = [version for version, _ in clone_commits(target)]
            assert versions in ([0, 1, 2, 3], [0, 1, 3])


def live(target: Store) -> set[str]:
    files = read_snapshot(target).files
    return {path for batch in files.batches(["path"]) for path in batch.column("path").to_pylist()}


def test_a_first_clone_with_a_checkpoint_survives_an_end_at_any_moment(tmp_path: Path) -> None:
    """So many files that the commit gets a checkpoint and `_last_checkpoint` at once."""
    source, names = tmp_path / "source", [f"f{number}" for number in range(1000)]
    source.mkdir()
    for name in names:
        (source / name).write_bytes(b"0123456789")
    commit(source, 0, PROTOCOL, METADATA, *(add(name) for name in names))
    full = memory_store()
    request = CloneRequest(str(source), "memory://", jobs=1)
    clone_stores(request, open_store(str(source)), full)
    data = {path: body for path, body in tree(full).items() if path in set(names)}

    def begin() -> Store:
        target = memory_store()
        for path, body in data.items():
            target.write(path, [body], size=len(body))
        return target

    counted = Watch(lambda _: None)
    clone_stores(request, open_store(str(source)), WatchedStore(begin(), counted))
    for number in range(1, counted.count + 1):
        target = begin()
        try:
            clone_stores(request, open_store(str(source)), cut_at(target, number, "amid"))
        except CutOff:
            seen = list_log(target)
            assert not seen.commits or live(target) == set(names)
        clone_stores(request, open_store(str(source)), target)
        assert live(target) == set(names)
        assert len(clone_commits(target)) == 1
