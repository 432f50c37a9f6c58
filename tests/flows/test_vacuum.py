"""Files of the source that go while they are copied: VACUUM, or damage."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

import lakeferry
from lakeferry.clone.report import CloneRequest
from lakeferry.clone.surroundings import Done
from lakeferry.delta.log import list_log
from lakeferry.errors import FerryError
from lakeferry.events import Event, FileLanded, Noted, Warned
from lakeferry.store.open import open_store
from tests.delta.tables import METADATA, PROTOCOL, Action, add, commit, remove
from tests.flows.watched import Moment, Watch, WatchedStore, clone_stores

MODES = ("snapshot", "mirror")
both_modes = pytest.mark.parametrize("mode", MODES)
FILES = ("a", "b", "c", "d")
BODY = b"0123456789"


def new_table(root: Path, *names: str) -> Path:
    commit(root, 0, PROTOCOL, METADATA, *(add(name) for name in names))
    for name in names:
        (root / name).write_bytes(BODY)
    return root


def rewrite(root: Path, version: int, gone: tuple[str, ...], new: tuple[str, ...]) -> None:
    """Commit that `new` takes the place of `gone`, then vacuum: the old files go."""
    actions: list[Action] = [remove(name, size=10) for name in gone]
    commit(root, version, *actions, *(add(name) for name in new))
    for name in new:
        (root / name).write_bytes(BODY)
    for name in gone:
        (root / name).unlink()


class Run:
    """One clone whose source changes just before the file `at` is copied."""

    def __init__(self, source: Path, target: Path, mode: str, **options: int) -> None:
        self._request = CloneRequest(str(source), str(target), mode, jobs=1, **options)  # type: ignore[arg-type]
        self._source = open_store(str(source))
        self._target = target
        self.landed: list[str] = []
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def clone(self, at: str, act: Callable[[], object]) -> Done:
        acted: list[str] = []

        def listener(moment: Moment) -> None:
            if moment.operation == "copy_from" and moment.path == at and not acted:
                acted.append(at)
                act()

        target = WatchedStore(open_store(str(self._target)), Watch(listener))
        return clone_stores(self._request, self._source, target, self._note)

    def _note(self, event: Event) -> None:
        match event:
            case FileLanded(path=path, how=how) if how != "already_there":
                self.landed.append(path)
            case Noted(message=message):
                self.notes.append(message)
            case Warned(message=message):
                self.warnings.append(message)


def names(target: Path) -> set[str]:
    return {path.name for path in target.iterdir() if path.is_file()}


@both_modes
@pytest.mark.parametrize("at", FILES)
def test_a_vacuum_during_the_copy_makes_a_newer_plan_and_keeps_what_arrived(
    tmp_path: Path, at: str, mode: str
) -> None:
    source, target = new_table(tmp_path / "source", *FILES), tmp_path / "target"
    run = Run(source, target, mode)

    done = run.clone(at, lambda: rewrite(source, 1, ("b", "d"), ("e",)))

    expected = 1 if {"b", "d"} & set(FILES[FILES.index(at) :]) else 0
    assert done.source_version == expected
    lakeferry.clone(str(source), str(target), mode=mode)
    assert {"a", "c", "e"} <= names(target)
    assert len(run.landed) == len(set(run.landed)), "a file was copied twice"
    if expected:
        assert any("gone" in note for note in run.notes)
    report = lakeferry.verify(str(source), str(target), strength="hashed")
    assert report.equal, report.findings


@both_modes
def test_a_live_file_that_is_missing_is_named_and_nothing_is_committed(
    tmp_path: Path, mode: str
) -> None:
    source, target = new_table(tmp_path / "source", *FILES), tmp_path / "target"

    with pytest.raises(FerryError) as caught:
        Run(source, target, mode).clone("b", (source / "c").unlink)

    assert caught.value.code == "LF-4101"
    assert "`c`" in caught.value.what
    assert not list_log(open_store(str(target))).commits
    assert {"a", "b", "d"} <= names(target)


@both_modes
def test_a_live_file_that_is_missing_is_named_also_when_the_source_moved_on(
    tmp_path: Path, mode: str
) -> None:
    source, target = new_table(tmp_path / "source", *FILES), tmp_path / "target"

    def damage_and_go_on() -> None:
        (source / "c").unlink()
        rewrite(source, 1, ("d",), ("e",))

    with pytest.raises(FerryError) as caught:
        Run(source, target, mode).clone("b", damage_and_go_on)

    assert caught.value.code == "LF-4101"
    assert "`c`" in caught.value.what
    assert "version 1" in caught.value.what


@both_modes
def test_a_version_that_was_asked_for_and_lost_files_is_refused(tmp_path: Path, mode: str) -> None:
    source, target = new_table(tmp_path / "source", *FILES), tmp_path / "target"
    run = Run(source, target, mode, version=0)

    with pytest.raises(FerryError) as caught:
        run.clone("a", lambda: rewrite(source, 1, ("b",), ("e",)))

    assert caught.value.code == "LF-4102"
    assert "`b`" in caught.value.what
    assert not list_log(open_store(str(target))).commits


@both_modes
def test_a_version_that_was_asked_for_and_is_damaged_names_the_file(
    tmp_path: Path, mode: str
) -> None:
    source, target = new_table(tmp_path / "source", *FILES), tmp_path / "target"

    with pytest.raises(FerryError) as caught:
        Run(source, target, mode, version=0).clone("a", (source / "b").unlink)

    assert caught.value.code == "LF-4101"
    assert "`b`" in caught.value.what


def test_a_vacuum_that_is_always_faster_is_told_after_some_rounds(tmp_path: Path) -> None:
    source, target = new_table(tmp_path / "source", "f0"), tmp_path / "target"
    versions = itertools.count(1)

    def faster(moment: Moment) -> None:
        if moment.operation == "copy_from" and moment.when == "before":
            version = next(versions)
            rewrite(source, version, (f"f{version - 1}",), (f"f{version}",))

    store = WatchedStore(open_store(str(target)), Watch(faster))
    with pytest.raises(FerryError) as caught:
        clone_stores(CloneRequest(str(source), str(target)), open_store(str(source)), store)

    assert caught.value.code == "LF-4102"
    assert not list_log(open_store(str(target))).commits


def test_a_mirror_says_which_old_files_were_vacuumed_and_goes_on(tmp_path: Path) -> None:
    source, target = new_table(tmp_path / "source", *FILES), tmp_path / "target"
    rewrite(source, 1, ("b",), ("e",))
    run = Run(source, target, "mirror")

    done = run.clone("a", lambda: None)

    assert done.source_version == 1
    assert run.warnings == ["1 files that older versions name were vacuumed at the source"]
    assert sorted(list_log(open_store(str(target))).commits) == [0, 1]


def test_an_incremental_clone_keeps_what_arrived_when_it_plans_again(tmp_path: Path) -> None:
    source, target = new_table(tmp_path / "source", "a"), tmp_path / "target"
    lakeferry.clone(str(source), str(target))
    commit(source, 1, *(add(name) for name in ("b", "c", "d")))
    for name in ("b", "c", "d"):
        (source / name).write_bytes(BODY)
    run = Run(source, target, "snapshot")

    done = run.clone("c", lambda: rewrite(source, 2, ("d",), ("e",)))

    assert done.source_version == 2
    assert sorted(run.landed) == ["b", "c", "e"]
    assert lakeferry.verify(str(source), str(target), strength="hashed").equal
