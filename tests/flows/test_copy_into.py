"""COPY INTO at the source while it is cloned: what its state says was loaded is there, and only it.

Databricks keeps that state under `_delta_log/_copy_into_log`, in a private format; here it is one
object that holds the number of the newest load. A load is two steps, in either order: the state
says it, a commit has its rows. A clone may catch the source between them; then the clone is in
between as well. It must never be where the source never was.
"""

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import lakeferry
from lakeferry.clone.report import CloneRequest
from lakeferry.delta.log import commit_name, list_log
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.errors import FerryError
from lakeferry.events import Noted
from lakeferry.store.open import memory_store, open_store
from lakeferry.store.protocol import ObjectMeta, Store, read_all
from tests.delta.tables import METADATA, PROTOCOL, add, lines
from tests.flows.tables import STATE, grow, tree
from tests.flows.watched import Moment, Watch, WatchedStore, clone_stores

MODES = ("snapshot", "mirror")
both_modes = pytest.mark.parametrize("mode", MODES)
OBJECT = f"{STATE}/state"


class PagedStore(WatchedStore):
    """A store whose listings take time: each object is looked for when its turn has come.

    `state_first`: the turn of the state comes before that of the commits.
    """

    def __init__(self, inner: Store, watch: Watch, *, state_first: bool) -> None:
        super().__init__(inner, watch)
        self._state_first = state_first

    def list(
        self, prefix: str, *, after: str | None = None, recursive: bool = True
    ) -> Iterator[ObjectMeta]:
        last = ("", "")
        while True:
            self._tell("list", prefix)
            metas = self.inner.list(prefix, after=after, recursive=recursive)
            waiting = {self._turn(meta.path): meta for meta in metas}
            last = min((turn for turn in waiting if turn > last), default=("", ""))
            if last not in waiting:
                return
            yield waiting[last]

    def _turn(self, path: str) -> tuple[str, str]:
        group = "a" if self._state_first and path.startswith(STATE) else "b"
        return group, path


def put(store: Store, path: str, body: bytes) -> None:
    store.write(path, [body], size=len(body))


def write_state(store: Store, number: int) -> None:
    put(store, OBJECT, str(number).encode())


def write_rows(store: Store, number: int) -> None:
    put(store, f"load-{number}.parquet", b"0123456789")
    start = (PROTOCOL, METADATA) if number == 0 else ()
    body = lines(*start, add(f"load-{number}.parquet"))
    store.put_if_absent(f"_delta_log/{commit_name(number)}", [body], size_hint=len(body))


def loaded_and_there(store: Store) -> tuple[int, int]:
    """The newest load by the state (-1: there is none), and by the rows of the newest version."""
    state = int(read_all(store, OBJECT)) if store.head(OBJECT) else -1
    files = [path for batch in read_snapshot(store).files.batches(["path"])
             for path in batch.column("path").to_pylist()]  # fmt: skip
    return state, max(int(path.removeprefix("load-").partition(".")[0]) for path in files)


def write_both(store: Store) -> None:
    write_rows(store, 1)
    write_state(store, 1)


Step = Callable[[Store], None]
ORDERS: dict[str, tuple[Step, ...]] = {
    "state first": (lambda store: write_state(store, 1), lambda store: write_rows(store, 1)),
    "rows first": (lambda store: write_rows(store, 1), lambda store: write_state(store, 1)),
    "both at once": (write_both,),
}


@dataclass
class Stage:
    """A source at its load number 0 whose writer goes on at chosen moments of a clone."""

    mode: str
    steps: tuple[Step, ...]
    state_first: bool
    begun: bool  # whether the source has state before its writer goes on
    seen: set[tuple[int, int]] = field(default_factory=set)

    def play(self, places: tuple[int, ...]) -> tuple[Store, int]:
        """Clone while step k happens at moment `places[k]`; the target, and how many moments."""
        source, target = memory_store("memory://source"), memory_store("memory://target")
        write_rows(source, 0)
        if self.begun:
            write_state(source, 0)
        self.seen = {loaded_and_there(source)}
        waiting = list(zip(places, self.steps, strict=True))
        moments = itertools.count(1)

        def go_on(moment: Moment) -> None:
            if moment.when != "before":
                return  # for the source the end of one operation is the beginning of the next
            now = next(moments)
            while waiting and waiting[0][0] <= now:
                waiting.pop(0)[1](source)
                self.seen.add(loaded_and_there(source))

        watched = PagedStore(source, Watch(go_on), state_first=self.state_first)
        request = CloneRequest("memory://source", "memory://target", self.mode, jobs=1)
        clone_stores(request, watched, target)
        first = loaded_and_there(target)
        assert first in self.seen, f"{first} at the target, {self.seen} at the source: {places}"
        count = next(moments) - 1
        for _, step in waiting:
            step(source)
        clone_stores(request, source, target)
        assert loaded_and_there(target) == loaded_and_there(source) == (1, 1), places
        return target, count


@both_modes
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("begun", [True, False])
def test_at_every_interleaving_the_clone_is_a_moment_of_the_source(
    mode: str, order: str, begun: bool
) -> None:
    steps = ORDERS[order]
    for state_first in (False, True):
        stage = Stage(mode, steps, state_first, begun)
        _, count = stage.play((10**9,) * len(steps))
        moments = range(1, count + 2)
        for places in itertools.combinations_with_replacement(moments, len(steps)):
            stage.play(places)


@both_modes
def test_a_load_in_one_step_is_never_half_at_the_target(mode: str) -> None:
    stage = Stage(mode, ORDERS["both at once"], state_first=True, begun=True)
    _, count = stage.play((10**9,))

    for place in range(1, count + 2):
        stage.play((place,))
        assert stage.seen <= {(0, 0), (1, 1)}


@both_modes
def test_a_state_that_never_stands_still_is_told_and_nothing_is_cloned(mode: str) -> None:
    source, target = memory_store(), memory_store()
    write_rows(source, 0)
    number = itertools.count()
    restless = Watch(
        lambda moment: write_state(source, next(number)) if moment.operation == "list" else None
    )

    with pytest.raises(FerryError) as caught:
        clone_stores(CloneRequest("a", "b", mode), WatchedStore(source, restless), target)

    assert caught.value.code == "LF-4107"
    assert OBJECT in caught.value.where
    assert tree(target) == {}


@both_modes
def test_a_state_that_changes_whenever_files_have_arrived_is_told(mode: str) -> None:
    source, target = memory_store(), memory_store()
    write_rows(source, 0)
    write_state(source, 0)
    lists = itertools.count(1)

    def restless(moment: Moment) -> None:
        # Two listings pin a moment, the third looks whether it still is.
        if moment.operation == "list" and moment.when == "before":
            number = next(lists)
            if number % 3 == 0:
                write_state(source, number)

    said: list[str] = []
    with pytest.raises(FerryError) as caught:
        clone_stores(
            CloneRequest("a", "b", mode),
            WatchedStore(source, Watch(restless)),
            target,
            lambda event: said.append(event.message) if isinstance(event, Noted) else None,
        )

    assert caught.value.code == "LF-4107"
    assert len(said) == 6
    assert not list_log(target).commits


@both_modes
def test_unknown_files_under_the_log_are_carried_byte_for_byte_and_named(
    tmp_path: Path, mode: str
) -> None:
    source, target = grow(tmp_path / "source"), tmp_path / "target"
    log = source / "_delta_log"
    unknown = {
        "_copy_into_log/a/b%20c": b"\x00\xff state",
        "_copy_into_log/empty": b"",
        "_something_new/x.bin": bytes(range(256)) * 100,
        "notes 1.txt": "naïve".encode(),
    }
    left_out = {"_staged_commits/7.json": b"x", ".0.json.crc": b"x", "_sidecars/old.parquet": b"x",
                "x.tmp": b"x", "_lakeferry/other": b"x"}  # fmt: skip
    for name, body in (unknown | left_out).items():
        (log / name).parent.mkdir(exist_ok=True, parents=True)
        (log / name).write_bytes(body)

    report = lakeferry.clone(str(source), str(target), mode=mode)

    found = tree(open_store(str(target)))
    assert {name: found[f"_delta_log/{name}"] for name in unknown} == unknown
    assert not [name for name in left_out if f"_delta_log/{name}" in found]
    assert report.extras == tuple(sorted(f"_delta_log/{name}" for name in unknown))


@both_modes
def test_only_what_changed_is_carried_again_and_what_went_goes(tmp_path: Path, mode: str) -> None:
    source, target = grow(tmp_path / "source", 1), tmp_path / "target"
    folder = source / STATE
    folder.mkdir()
    for name in ("kept", "changed", "gone"):
        (folder / name).write_bytes(name.encode())
    lakeferry.clone(str(source), str(target), mode=mode)
    grow(source)
    (folder / "changed").write_bytes(b"CHANGED")
    (folder / "gone").unlink()
    (folder / "new").write_bytes(b"new")
    put_there: list[str] = []

    def listener(moment: Moment) -> None:
        if moment.operation == "write" and moment.when == "before" and STATE in moment.path:
            put_there.append(moment.path.rpartition("/")[2])

    store = WatchedStore(open_store(str(target)), Watch(listener))
    clone_stores(CloneRequest(str(source), str(target), mode), open_store(str(source)), store)

    assert sorted(put_there) == ["changed", "new"]
    names = sorted(file.name for file in (target / STATE).iterdir())
    assert names == ["changed", "kept", "new"]
    assert (target / STATE / "changed").read_bytes() == b"CHANGED"


@both_modes
def test_state_that_was_written_over_at_the_target_is_put_again(tmp_path: Path, mode: str) -> None:
    source, target = grow(tmp_path / "source", 1), tmp_path / "target"
    (source / STATE).mkdir()
    (source / STATE / "state").write_bytes(b"right")
    lakeferry.clone(str(source), str(target), mode=mode)
    (target / STATE / "state").write_bytes(b"wrong")

    lakeferry.clone(str(source), str(target), mode=mode)

    assert (target / STATE / "state").read_bytes() == b"right"
    assert lakeferry.clone(str(source), str(target), mode=mode).up_to_date


@both_modes
@pytest.mark.parametrize("older", [{"version": 1}, {"timestamp_ms": 1_700_000_000_001}])
def test_an_older_version_of_a_table_with_state_is_refused(
    tmp_path: Path, older: dict[str, int], mode: str
) -> None:
    source, target = grow(tmp_path / "source"), tmp_path / "target"
    (source / STATE).mkdir()
    (source / STATE / "state").write_bytes(b"state")
    for version in range(4):
        seconds = 1_700_000_000 + version / 1000
        os.utime(source / "_delta_log" / commit_name(version), (seconds, seconds))

    with pytest.raises(FerryError) as caught:
        lakeferry.clone(str(source), str(target), mode=mode, **older)  # type: ignore[arg-type]

    assert caught.value.code == "LF-4108"
    assert not target.exists()
    lakeferry.clone(str(source), str(target), mode=mode, version=3)
    assert (target / STATE / "state").read_bytes() == b"state"


# ---- the state alone


def loaded(tmp_path: Path, mode: str) -> tuple[Path, Path]:
    """A source with state and its clone; then the state goes on and the table does not."""
    source, target = grow(tmp_path / "source", 1), tmp_path / "target"
    (source / STATE).mkdir()
    (source / STATE / "state").write_bytes(b"old")
    (source / STATE / "gone").write_bytes(b"gone")
    lakeferry.clone(str(source), str(target), mode=mode)
    (source / STATE / "state").write_bytes(b"new")
    (source / STATE / "gone").unlink()
    return source, target


def state_of(root: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (root / STATE).iterdir()}


def commits_of(root: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (root / "_delta_log").glob("0*.json")}


@both_modes
def test_state_that_moves_alone_is_carried_without_a_commit(tmp_path: Path, mode: str) -> None:
    source, target = loaded(tmp_path, mode)
    before = commits_of(target)
    said: list[object] = []

    report = lakeferry.clone(str(source), str(target), mode=mode, on_event=said.append)

    assert (report.commits, report.target_version) == (0, max(map(_version, before)))
    assert not report.up_to_date
    assert commits_of(target) == before
    assert state_of(target) == {"state": b"new"}
    assert [event.message for event in said if isinstance(event, Noted)] == [
        "1 companion of the log was brought up to date; the table itself has nothing new"
    ]
    # The record says so: the next run decides by names alone, and the one after a commit goes on.
    assert lakeferry.clone(str(source), str(target), mode=mode).up_to_date
    grow(source)
    assert lakeferry.clone(str(source), str(target), mode=mode).commits > 0
    assert lakeferry.verify(str(source), str(target), strength="rows").findings == ()


def _version(name: str) -> int:
    return int(name.partition(".")[0])


@both_modes
def test_carrying_the_state_alone_survives_an_end_at_any_moment(tmp_path: Path, mode: str) -> None:
    source, first = loaded(tmp_path, mode)
    request = CloneRequest(str(source), "memory://", mode, jobs=1)

    def begin() -> Store:
        target = memory_store()
        for path, body in tree(open_store(str(first))).items():
            put(target, path, body)
        return target

    counted = Watch(lambda _: None)
    clone_stores(request, open_store(str(source)), WatchedStore(begin(), counted))
    for number in range(1, counted.count + 1):
        target = begin()
        before = list_log(target).commits.keys()

        def end(moment: Moment, at: int = number) -> None:
            if moment.number == at and moment.when == "before":
                raise KeyboardInterrupt

        with contextlib.suppress(KeyboardInterrupt):
            clone_stores(request, open_store(str(source)), WatchedStore(target, Watch(end)))
        clone_stores(request, open_store(str(source)), target)
        assert list_log(target).commits.keys() == before
        assert read_all(target, OBJECT) == b"new"
        assert target.head(f"{STATE}/gone") is None


def test_a_clone_that_carries_state_alone_gives_way_to_one_that_commits(tmp_path: Path) -> None:
    """The slower one has put older state over the other's; it looks again and makes that good."""
    source, target = loaded(tmp_path, "snapshot")
    acted: list[int] = []

    def overtake(moment: Moment) -> None:
        # Amid: what it writes is read already.
        amid = (moment.operation, moment.when) == ("write", "amid") and STATE in moment.path
        if amid and not acted:
            acted.append(1)
            (source / STATE / "state").write_bytes(b"newest")
            grow(source)
            lakeferry.clone(str(source), str(target))

    store = WatchedStore(open_store(str(target)), Watch(overtake))
    clone_stores(CloneRequest(str(source), str(target)), open_store(str(source)), store)

    assert acted
    assert state_of(target) == {"state": b"newest"}
    assert lakeferry.verify(str(source), str(target)).findings == ()
