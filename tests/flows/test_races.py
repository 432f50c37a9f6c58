"""Several writers, one target: each version has one commit, and every clone learns the truth."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest

import lakeferry
from lakeferry.clone.report import CloneRequest
from lakeferry.delta.commit import VersionTaken, publish
from lakeferry.delta.log import commit_name, list_log
from lakeferry.errors import FerryError
from lakeferry.store.open import open_store
from lakeferry.store.protocol import AlreadyThere, Store, read_all
from tests.delta.tables import METADATA, PROTOCOL, add, lines
from tests.flows.killing import with_state
from tests.flows.tables import LAST, STATE, clone_commits, grow, look, tree
from tests.flows.watched import Moment, Watch, WatchedStore, clone_stores
from tests.servers import Server

RACERS = 50
MODES = ("snapshot", "mirror")
both_modes = pytest.mark.parametrize("mode", MODES)


@dataclass
class Race:
    """Many threads that clone the same source to the same target, all at once."""

    source: Path
    place: str
    options: dict[str, str] = field(default_factory=dict)

    def run(self, mode: str, *, count: int = RACERS) -> list[str]:
        """How each ended: 'committed', 'up to date', or a code."""
        gate = threading.Barrier(count)

        def racer(_: int) -> str:
            gate.wait()
            try:
                report = lakeferry.clone(
                    str(self.source), self.place, mode=mode, jobs=2, target_options=self.options
                )
            except FerryError as error:
                return error.code
            return "up to date" if report.up_to_date else "committed"

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(racer, range(count)))

    @property
    def target(self) -> Store:
        return open_store(self.place, self.options)


def assert_each_version_once(race: Race, mode: str, versions: list[int]) -> None:
    assert look(race.target) == look(race.source)
    commits = clone_commits(race.target)
    if mode == "snapshot":
        assert [version for version, _ in commits] == versions
        assert len({token for _, token in commits}) == len(commits)
    else:
        assert sorted(list_log(race.target).commits) == list(range(LAST + 1))


@both_modes
def test_fifty_clones_race_for_one_folder(tmp_path: Path, mode: str) -> None:
    race = Race(with_state(grow(tmp_path / "source", 1), b"old"), str(tmp_path / "target"))

    first = race.run(mode)
    with_state(grow(race.source), b"new")
    second = race.run(mode)

    assert set(first + second) <= {"committed", "up to date", "LF-5001"}
    if mode == "snapshot":
        assert (first.count("committed"), second.count("committed")) == (1, 1)
    assert_each_version_once(race, mode, [1, LAST])
    assert tree(race.target)[f"{STATE}/state"] == b"new"


@pytest.mark.server
@both_modes
def test_fifty_clones_race_for_one_place_in_s3(
    s3_server: Server, tmp_path: Path, mode: str
) -> None:
    place = f"{s3_server.place}/race-{tmp_path.name}"
    race = Race(grow(tmp_path / "source", 1), place, dict(s3_server.options))

    first = race.run(mode)
    grow(race.source)
    second = race.run(mode)

    assert set(first + second) <= {"committed", "up to date", "LF-5001"}
    if mode == "snapshot":
        assert (first.count("committed"), second.count("committed")) == (1, 1)
    assert_each_version_once(race, mode, [1, LAST])


@both_modes
def test_clones_that_race_while_the_source_grows_never_take_it_for_older(
    tmp_path: Path, mode: str
) -> None:
    source = with_state(grow(tmp_path / "source", 0), b"0")
    race = Race(source, str(tmp_path / "target"))
    done = threading.Event()

    def writer() -> None:
        for version in range(1, LAST + 1):
            done.wait(0.15)
            with_state(grow(source, version), str(version).encode())

    growing = threading.Thread(target=writer)
    growing.start()
    endings = [ending for _ in range(3) for ending in race.run(mode, count=8)]
    growing.join()
    endings += race.run(mode, count=1)

    assert set(endings) <= {"committed", "up to date", "LF-5001", "LF-4107"}
    assert look(race.target) == look(source)
    assert tree(race.target)[f"{STATE}/state"] == str(LAST).encode()
    found = [version for version, _ in clone_commits(race.target)]
    assert found == sorted(found)


# ---- lost replies


class LossyStore(WatchedStore):
    """Puts what it is told to put, and then says something else: the answer was lost."""

    def __init__(self, inner: Store, answer: Exception, *, path: str = "") -> None:
        super().__init__(inner, Watch(lambda _: None))
        self._answer = answer
        self._path = path
        self.lost = 0

    def put_if_absent(self, path: str, chunks: Iterable[bytes], *, size_hint: int) -> None:
        self.inner.put_if_absent(path, chunks, size_hint=size_hint)
        if path.endswith(".json") and self._path in path:
            self.lost += 1
            raise self._answer


NO_ANSWER = FerryError("LF-1003", "the store cannot be reached", "there", "try again")
ODD_ANSWER = FerryError("LF-1004", "the store answered what it must not", "there", "try again")


@both_modes
@pytest.mark.parametrize("answer", [NO_ANSWER, ODD_ANSWER, AlreadyThere("x")])
def test_a_lost_answer_is_no_lost_race(tmp_path: Path, mode: str, answer: Exception) -> None:
    source = grow(tmp_path / "source", 1)
    target = LossyStore(open_store(str(tmp_path / "target")), answer)
    request = CloneRequest(str(source), str(tmp_path / "target"), mode)

    clone_stores(request, open_store(str(source)), target)
    grow(source)
    clone_stores(request, open_store(str(source)), target)

    assert target.lost >= 2
    assert look(tmp_path / "target") == look(source)
    if mode == "snapshot":
        assert [version for version, _ in clone_commits(target)] == [1, LAST]


@pytest.mark.parametrize("answer", [NO_ANSWER, ODD_ANSWER, AlreadyThere("x")])
def test_publishing_tells_a_lost_answer_from_a_lost_race(tmp_path: Path, answer: Exception) -> None:
    body = lines({"commitInfo": {"txnId": "ours"}})
    inner = open_store(str(tmp_path))
    publish(LossyStore(inner, answer), 0, lambda: [body], txn_id="ours", size_hint=10)
    inner.put_if_absent(f"_delta_log/{commit_name(1)}", [lines({"add": {}})], size_hint=10)

    with pytest.raises(VersionTaken):
        publish(LossyStore(inner, answer), 1, lambda: [body], txn_id="ours", size_hint=10)

    assert read_all(inner, f"_delta_log/{commit_name(0)}") == body


def test_an_answer_that_stays_lost_before_anything_was_written_ends_the_run(
    tmp_path: Path,
) -> None:
    source = grow(tmp_path / "source")
    target = tmp_path / "target"

    def unplugged(moment: Moment) -> None:
        if moment.operation == "put_if_absent" and moment.path.endswith(".json"):
            raise NO_ANSWER

    store = WatchedStore(open_store(str(target)), Watch(unplugged))
    with pytest.raises(FerryError) as caught:
        clone_stores(CloneRequest(str(source), str(target)), open_store(str(source)), store)
    assert caught.value.code == "LF-1003"
    assert not list_log(open_store(str(target))).commits

    report = lakeferry.clone(str(source), str(target))

    assert (report.files_copied, report.commits) == (0, 1)
    assert look(target) == look(source)


# ---- other writers


@contextmanager
def foreign_writer(target: Path, act: Callable[[], object]) -> Iterator[WatchedStore]:
    """The target, where `act` happens just before the first commit of a clone."""
    acted = threading.Event()

    def listener(moment: Moment) -> None:
        commits = moment.operation == "put_if_absent" and moment.path.endswith(".json")
        if commits and not acted.is_set():
            acted.set()
            act()

    yield WatchedStore(open_store(str(target)), Watch(listener))
    assert acted.is_set()


def commit_by_hand(target: Path, *actions: dict[str, object]) -> None:
    store = open_store(str(target))
    version = max(list_log(store).commits, default=-1) + 1
    store.put_if_absent(f"_delta_log/{commit_name(version)}", [lines(*actions)], size_hint=10)


def test_rows_written_to_the_target_during_a_clone_are_not_buried(tmp_path: Path) -> None:
    source, target = grow(tmp_path / "source", 1), tmp_path / "target"
    lakeferry.clone(str(source), str(target))
    grow(source)
    stranger = dict(add("p=a/stranger.parquet", partitionValues={"p": "a"}))

    with (
        foreign_writer(target, lambda: commit_by_hand(target, stranger)) as store,
        pytest.raises(FerryError) as caught,
    ):
        clone_stores(CloneRequest(str(source), str(target)), open_store(str(source)), store)

    assert caught.value.code == "LF-5003"
    assert caught.value.exit_code == 3
    assert "version 1" in caught.value.what
    assert len(list_log(open_store(str(target))).commits) == 2
    report = lakeferry.clone(str(source), str(target), replace=True)
    assert (report.files_copied, report.target_version) == (0, 2)
    assert look(target) == look(source)


def test_a_table_made_at_the_target_during_a_first_clone_is_not_taken(tmp_path: Path) -> None:
    source, target = grow(tmp_path / "source"), tmp_path / "target"
    made = (dict(PROTOCOL), dict(METADATA))

    with (
        foreign_writer(target, lambda: commit_by_hand(target, *made)) as store,
        pytest.raises(FerryError) as caught,
    ):
        clone_stores(CloneRequest(str(source), str(target)), open_store(str(source)), store)

    assert caught.value.code == "LF-5002"
    assert len(list_log(open_store(str(target))).commits) == 1


def test_a_mirror_whose_next_version_another_has_written_is_told_so(tmp_path: Path) -> None:
    source, target = grow(tmp_path / "source", 1), tmp_path / "target"
    lakeferry.clone(str(source), str(target), mode="mirror")
    grow(source)
    stranger = dict(add("p=a/stranger.parquet", partitionValues={"p": "a"}))

    with foreign_writer(target, lambda: commit_by_hand(target, stranger)) as store:
        request = CloneRequest(str(source), str(target), "mirror")
        with pytest.raises(FerryError) as caught:
            clone_stores(request, open_store(str(source)), store)

    assert caught.value.code == "LF-5003"
    assert sorted(list_log(open_store(str(target))).commits) == [0, 1, 2]


def test_an_optimize_of_the_target_during_a_clone_is_undone_without_copying(
    tmp_path: Path,
) -> None:
    source, target = grow(tmp_path / "source", 1), tmp_path / "target"
    lakeferry.clone(str(source), str(target))
    grow(source)
    gone = {"path": "p=b/four.parquet", "deletionTimestamp": 1, "dataChange": False}
    body = (target / "p=b/four.parquet").read_bytes()
    (target / "p=b/packed.parquet").write_bytes(body)
    packed = add("p=b/packed.parquet", size=len(body), partitionValues={"p": "b"}, dataChange=False)

    def optimize() -> None:
        commit_by_hand(target, {"remove": gone}, dict(packed))

    with foreign_writer(target, optimize) as store:
        request = CloneRequest(str(source), str(target))
        clone_stores(request, open_store(str(source)), store)

    assert look(target) == look(source)


def test_a_target_that_others_keep_rearranging_is_given_up_by_name(tmp_path: Path) -> None:
    source, target = grow(tmp_path / "source", 1), tmp_path / "target"
    lakeferry.clone(str(source), str(target))
    grow(source)

    def faster(moment: Moment) -> None:
        commits = moment.operation == "put_if_absent" and moment.path.endswith(".json")
        if commits and moment.when == "before":
            commit_by_hand(target, {"commitInfo": {"operation": "VACUUM END"}})

    store = WatchedStore(open_store(str(target)), Watch(faster))
    with pytest.raises(FerryError) as caught:
        clone_stores(CloneRequest(str(source), str(target)), open_store(str(source)), store)

    assert caught.value.code == "LF-5001"
    report = lakeferry.clone(str(source), str(target))
    assert (report.files_copied, report.commits) == (0, 1)
    assert look(target) == look(source)


def test_a_loser_that_may_not_delete_its_record_still_ends_well(tmp_path: Path) -> None:
    source, target = grow(tmp_path / "source"), tmp_path / "target"

    class Undeletable(WatchedStore):
        def delete(self, path: str, *, if_match: str | None = None) -> None:  # noqa: ARG002
            raise FerryError("LF-1002", "the identity may not delete", path, "grant it")

    with foreign_writer(target, lambda: lakeferry.clone(str(source), str(target))) as store:
        lossy = Undeletable(store, Watch(lambda _: None))
        done = clone_stores(CloneRequest(str(source), str(target)), open_store(str(source)), lossy)

    assert done.plans == ()
    assert [version for version, _ in clone_commits(open_store(str(target)))] == [LAST]


def test_the_newest_commit_names_its_writer(tmp_path: Path) -> None:
    source, target = grow(tmp_path / "source"), tmp_path / "target"
    lakeferry.clone(str(source), str(target))

    first = read_all(open_store(str(target)), f"_delta_log/{commit_name(0)}").splitlines()[0]

    assert orjson.loads(first)["commitInfo"]["operation"] == "CLONE"
