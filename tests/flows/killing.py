"""Kill a clone at any point, look at what it left, run it again: what must hold each time."""

import itertools
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lakeferry.clone.report import CloneRequest
from lakeferry.delta.log import list_log
from lakeferry.events import Event, FileLanded
from lakeferry.store.open import open_store
from lakeferry.store.protocol import Store
from tests.flows.kill_runner import Ending, Order, Runner
from tests.flows.tables import LAST, STATE, TableState, clone_commits, grow, look, tree
from tests.flows.watched import clone_stores

BEFORE = 1  # the version that the target holds before an incremental clone
HALVES = ("before", "amid", "after")


@dataclass(frozen=True)
class Scene:
    """One kind of clone that is killed again and again."""

    mode: str  # 'snapshot', 'mirror'
    incremental: bool
    place: str  # a folder or prefix below which targets are made
    options: Mapping[str, str] = field(default_factory=dict)
    source: str = ""  # a place that the source is brought to first; '': it lies on this disk
    source_options: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        kind = f"{self.mode}, {'incremental' if self.incremental else 'full'}"
        return f"{kind}, {self.source or 'this disk'} -> {self.place}"


class Stage:
    """The source at both versions, and a target for each run."""

    def __init__(self, folder: Path, scene: Scene, runner: Runner) -> None:
        self._scene = scene
        self._runner = runner
        self._old = with_state(grow(folder / "old", BEFORE), b"old state")
        self._source = with_state(grow(folder / "source"), b"new state")
        self._address = scene.source or str(self._source)
        if scene.source:
            bring(self._source, open_store(scene.source, scene.source_options))
        self._end = look(self._source)
        self._allowed = self._allowed_states()
        self._operations = self._count()

    @property
    def points(self) -> Iterator[tuple[int, str]]:
        """Every moment of an undisturbed run: number of the operation, and when in it."""
        return itertools.product(range(1, self._operations + 1), HALVES)

    def kill_at(self, number: int, when: str) -> bool:
        """Whether the run was killed there; all that must hold afterwards was seen to hold."""
        return self._play(replace(self._order(), die_at=number, die_when=when))

    def kill_after(self, seconds: float) -> bool:
        return self._play(replace(self._order(), die_after_s=seconds))

    def _play(self, order: Order) -> bool:
        target = open_store(order.target, order.target_options)
        self._begin(target)
        ending = self._runner.run(order)
        assert not ending.error or ending.killed, ending.error
        left = tree(target)
        seen = self._readable(target)
        assert seen in self._allowed, "neither the old version nor the new one"
        self._finish(order, target, left)
        self._clean(order.target)
        return ending.killed

    def _finish(self, order: Order, target: Store, left: Mapping[str, bytes]) -> None:
        """The same command again: equal to an undisturbed clone, and nothing done twice."""
        landed: list[str] = []

        def note(event: Event) -> None:
            if isinstance(event, FileLanded) and event.how != "already_there":
                landed.append(event.path)

        request = CloneRequest(order.source, order.target, order.mode)
        source = open_store(order.source, order.source_options)
        clone_stores(request, source, target, note)
        assert self._readable(target) == self._end
        assert not set(landed) & set(left), "a file that had arrived was copied again"
        files = tree(target)
        assert files[f"{STATE}/state"] == b"new state"
        if self._scene.mode == "snapshot":
            versions, tokens = zip(*clone_commits(target), strict=True)
            assert len(set(tokens)) == len(tokens)
            assert list(versions) == ([BEFORE, LAST] if self._scene.incremental else [LAST])
        else:
            source_log = {name: body for name, body in tree(source).items() if _is_commit(name)}
            assert {name: body for name, body in files.items() if _is_commit(name)} == source_log
        clone_stores(request, source, target, note)
        again = tree(target)
        assert again == files, "a clone with nothing new changed something"

    def _allowed_states(self) -> list[TableState | None]:
        """What a reader may find when a run was killed: the old version, or the new one."""
        begun = look(self._old) if self._scene.incremental else None
        # A mirror's commits are several, and each of them is a version of the source.
        first = BEFORE + 1 if self._scene.incremental else 0
        versions = range(first, LAST + 1) if self._scene.mode == "mirror" else (LAST,)
        return [begun, *(look(self._source, version) for version in versions)]

    def _begin(self, target: Store) -> None:
        if self._scene.incremental:
            request = CloneRequest(str(self._old), target.url, self._scene.mode)
            clone_stores(request, open_store(str(self._old)), target)

    def _readable(self, target: Store) -> TableState | None:
        listing = list_log(target)
        return look(target) if listing.commits or listing.checkpoints else None

    def _order(self) -> Order:
        place = f"{self._scene.place}/{uuid.uuid4().hex}"
        options = dict(self._scene.source_options), dict(self._scene.options)
        return Order(self._address, place, self._scene.mode, *options)

    def _count(self) -> int:
        order = self._order()
        self._begin(open_store(order.target, order.target_options))
        ending: Ending = self._runner.run(order)
        assert not ending.error, ending.error
        self._clean(order.target)
        return ending.moments

    def _clean(self, place: str) -> None:
        if "://" not in place:
            shutil.rmtree(place)


def bring(root: Path, store: Store) -> None:
    """Put all of the folder `root` into a store."""
    for file in root.rglob("*"):
        if file.is_file():
            body = file.read_bytes()
            store.write(str(file.relative_to(root)), [body], size=len(body))


def with_state(root: Path, body: bytes) -> Path:
    """Put COPY INTO state beside the table's log."""
    (root / STATE).mkdir(parents=True, exist_ok=True)
    (root / STATE / "state").write_bytes(body)
    return root


def _is_commit(name: str) -> bool:
    return name.startswith("_delta_log/0") and name.endswith(".json")
