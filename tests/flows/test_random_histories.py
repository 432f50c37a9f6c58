"""Any history of a table, cloned at any moments: the same state, and the truth for streams.

The model knows which rows each file holds, so it can say what a stream that reads the source saw
between two clones and what a stream that reads the clone sees. Files are a few bytes: a clone
never looks into them.
"""

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import lakeferry
from tests.flows.compare import look, state
from tests.flows.growing import files_below

SCHEMA = {"type": "struct", "fields": [
    {"name": "id", "type": "long", "nullable": True, "metadata": {}}]}  # fmt: skip
FEATURES = ["deletionVectors", "domainMetadata", "appendOnly", "invariants"]
HISTORIES = 80
KINDS = ("append", "append", "append", "optimize", "optimize", "restate", "delete file",
         "delete rows", "restore", "overwrite", "txn", "domain", "property", "vacuum")  # fmt: skip
# What leaves a stream that reads the source unharmed: rows come, none goes.
GENTLE = ("append", "append", "optimize", "optimize", "restate", "txn", "domain", "property")


@dataclass
class Model:
    """A table that a random writer changes, and all that was ever true of it."""

    root: Path
    chance: random.Random
    rows: dict[str, frozenset[int]] = field(default_factory=dict)  # file -> its rows
    live: dict[str, frozenset[int]] = field(default_factory=dict)  # file -> rows deleted in it
    past: list[dict[str, frozenset[int]]] = field(default_factory=list)  # live, by version
    marks: int = 0
    configuration: dict[str, str] = field(default_factory=dict)

    def commit(self, actions: list[dict[str, Any]]) -> None:
        file = self.root / "_delta_log" / f"{len(self.past):020}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        info = {"commitInfo": {"timestamp": 1_700_000_000_000, "operation": "WRITE"}}
        file.write_text("\n".join(json.dumps(action) for action in [info, *actions]))
        self.past.append(dict(self.live))

    def create(self) -> None:
        self.commit([
            {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7,
                          "readerFeatures": FEATURES[:1], "writerFeatures": FEATURES}},
            self.metadata(),
        ])  # fmt: skip

    def metadata(self) -> dict[str, Any]:
        return {"metaData": {"id": "5fba94ed-9794-4965-ba6e-6ee3c0d22af9",
                             "format": {"provider": "parquet", "options": {}},
                             "schemaString": json.dumps(SCHEMA), "partitionColumns": [],
                             "configuration": dict(self.configuration)}}  # fmt: skip

    def mark(self) -> int:
        self.marks += 1
        return self.marks

    def write(self, rows: frozenset[int]) -> str:
        name = f"part-{self.mark():05}.parquet"
        (self.root / name).write_text(name * (1 + len(rows)))
        self.rows[name] = rows
        self.live[name] = frozenset()
        return name

    def add(self, name: str, *, data_change: bool, stats: str | None = None) -> dict[str, Any]:
        left = len(self.rows[name])
        body: dict[str, Any] = {
            "path": name,
            "partitionValues": {},
            "size": (self.root / name).stat().st_size,
            "modificationTime": 1_700_000_000_000,
            "dataChange": data_change,
            "stats": stats or json.dumps({"numRecords": left}),
        }
        return {"add": body | self.vector(name)}

    def remove(self, name: str, *, data_change: bool) -> dict[str, Any]:
        body = {"path": name, "deletionTimestamp": 1_700_000_000_000, "dataChange": data_change}
        return {"remove": body | self.vector(name)}

    def vector(self, name: str) -> dict[str, Any]:
        """An inline vector whose text tells the rows that it deletes; nobody parses it here."""
        gone = self.live.get(name, frozenset())
        if not gone:
            return {}
        text = "".join(f"{row:05}" for row in sorted(gone))
        inline = {"storageType": "i", "pathOrInlineDv": text, "sizeInBytes": 4 * len(gone)}
        return {"deletionVector": {**inline, "cardinality": len(gone)}}

    def left_in(self, name: str) -> frozenset[int]:
        return self.rows[name] - self.live[name]

    def some_live(self) -> list[str]:
        names = sorted(self.live)
        return self.chance.sample(names, self.chance.randint(1, len(names))) if names else []

    def change(self, kind: str) -> None:
        """One commit, or none where `kind` has nothing to do."""
        actions = getattr(self, "_" + kind.replace(" ", "_"))()
        if actions:
            self.commit(actions)

    def _append(self) -> list[dict[str, Any]]:
        rows = frozenset(self.mark() for _ in range(self.chance.randint(1, 3)))
        return [self.add(self.write(rows), data_change=True)]

    def _optimize(self) -> list[dict[str, Any]]:
        names = self.some_live()
        rows = frozenset().union(*(self.left_in(name) for name in names))
        actions = [self.remove(name, data_change=False) for name in names]
        for name in names:
            del self.live[name]
        if rows:
            actions.append(self.add(self.write(rows), data_change=False))
        return actions

    def _restate(self) -> list[dict[str, Any]]:
        """New statistics, as ANALYZE writes them: `add` alone, of a file that is live."""
        stats = json.dumps({"numRecords": 1, "mark": self.mark()})
        return [self.add(name, data_change=False, stats=stats) for name in self.some_live()]

    def _delete_file(self) -> list[dict[str, Any]]:
        names = self.some_live()[:1]
        actions = [self.remove(name, data_change=True) for name in names]
        for name in names:
            del self.live[name]
        return actions

    def _delete_rows(self) -> list[dict[str, Any]]:
        names = [name for name in self.some_live()[:1] if len(self.left_in(name)) > 1]
        actions = [self.remove(name, data_change=True) for name in names]
        for name in names:
            self.live[name] = self.live[name] | {min(self.left_in(name))}
            actions.append(self.add(name, data_change=True))
        return actions

    def _overwrite(self) -> list[dict[str, Any]]:
        actions = [self.remove(name, data_change=True) for name in self.live]
        self.live.clear()
        return [*actions, *self._append()]

    def _restore(self) -> list[dict[str, Any]]:
        wanted = self.chance.choice(self.past)
        if any(not (self.root / name).exists() for name in wanted):
            return []  # vacuumed
        actions = [
            self.remove(name, data_change=True)
            for name in self.live
            if self.live[name] != wanted.get(name)
        ]
        changed = [name for name in wanted if self.live.get(name) != wanted[name]]
        self.live = dict(wanted)
        return [*actions, *(self.add(name, data_change=True) for name in changed)]

    def _txn(self) -> list[dict[str, Any]]:
        app, version = self.chance.choice("ab"), self.chance.randint(0, 9)
        return [{"txn": {"appId": app, "version": version, "lastUpdated": self.mark()}}]

    def _domain(self) -> list[dict[str, Any]]:
        body = {"domain": self.chance.choice(["x", "y"]), "configuration": str(self.mark())}
        return [{"domainMetadata": {**body, "removed": self.chance.random() < 0.4}}]

    def _property(self) -> list[dict[str, Any]]:
        self.configuration[self.chance.choice(["k", "l"])] = str(self.mark())
        return [self.metadata()]

    def _vacuum(self) -> list[dict[str, Any]]:
        for file in self.root.glob("*.parquet"):
            if file.name not in self.live:
                file.unlink()
        return []


@dataclass
class Seen:
    """What a stream reads in a range of commits."""

    rows: Counter[int] = field(default_factory=Counter)
    breaks: bool = False  # a row went: the stream stops, or skips the commit


def seen(table: Path, model: Model, first: int) -> Seen:
    """By a stream that has read all versions of `table` below `first`."""
    found = Seen()
    for commit in sorted((table / "_delta_log").glob("0*[0-9].json")):
        if int(commit.stem) < first:
            continue
        for line in commit.read_text().splitlines():
            action = json.loads(line)
            body = action.get("add") or action.get("remove")
            if body is None or not body["dataChange"]:
                continue
            if "remove" in action:
                found.breaks = True
                continue
            text = (body.get("deletionVector") or {}).get("pathOrInlineDv", "")
            gone = {int(text[at : at + 5]) for at in range(0, len(text), 5)}
            found.rows.update(model.rows[body["path"]] - gone)
    return found


def last_cloned(target: Path) -> int:
    """The source's version that the newest CLONE commit names."""
    for commit in sorted((target / "_delta_log").glob("0*[0-9].json"), reverse=True):
        info = json.loads(commit.read_text().splitlines()[0])["commitInfo"]
        if info["operation"] == "CLONE":
            return int(info["operationParameters"]["sourceVersion"])
    raise AssertionError("no clone")


def optimize_target(target: Path, number: int) -> None:
    """Someone compacts the clone: all its files into one that the source does not have."""
    here = look(target)
    rows = [row for batch in here.files.batches() for row in batch.to_pylist()]
    if not rows or any(row["deletionVector"] for row in rows):
        return
    name = f"part-target-{number}.parquet"
    (target / name).write_text("compacted")
    actions: list[dict[str, Any]] = [{"commitInfo": {"operation": "OPTIMIZE"}}]
    actions += [{"remove": {"path": row["path"], "dataChange": False}} for row in rows]
    actions.append({"add": {"path": name, "partitionValues": {}, "size": 9,
                            "modificationTime": 1, "dataChange": False}})  # fmt: skip
    log = target / "_delta_log" / f"{here.version + 1:020}.json"
    log.write_text("\n".join(json.dumps(action) for action in actions))


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_any_history_is_cloned_truly(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    source, target, mirror = tmp_path / "table", tmp_path / "clone", tmp_path / "mirror"
    model = Model(source, chance)
    model.create()
    kinds = GENTLE if seed % 2 else KINDS
    for _ in range(chance.randint(0, 4)):
        model.change(chance.choice(kinds))
    lakeferry.clone(str(source), str(target), jobs=2)
    lakeferry.clone(str(source), str(mirror), mode="mirror", jobs=2)

    for number in range(4):
        cloned, at = last_cloned(target), look(target).version
        for _ in range(chance.randint(0, 5)):
            model.change(chance.choice(kinds))
        if chance.random() < 0.25:
            optimize_target(target, number)
        before = files_below(target)
        report = lakeferry.clone(str(source), str(target), jobs=2)
        lakeferry.clone(str(source), str(mirror), mode="mirror", jobs=2)

        assert state(look(target)) == state(look(source))
        assert state(look(mirror)) == state(look(source))
        assert lakeferry.clone(str(source), str(target)).up_to_date
        after = files_below(target)
        assert report.bytes_copied == sum(after[name] for name in after.keys() - before.keys())
        if not any("streams" in warning for warning in report.warnings):
            assert_stream_sees_the_truth(model, target, (cloned + 1, at + 1))


def test_rows_whose_file_was_stated_again_before_the_clone_are_still_new(tmp_path: Path) -> None:
    """As row tracking's backfill does, or ANALYZE, right after an append."""
    source, target = tmp_path / "table", tmp_path / "clone"
    model = Model(source, random.Random(0))
    model.create()
    lakeferry.clone(str(source), str(target))
    model.change("append")
    model.change("restate")

    report = lakeferry.clone(str(source), str(target))

    assert report.commits == 1
    assert seen(target, model, 1) == seen(source, model, 1)
    assert set(seen(target, model, 1).rows) == set().union(*model.rows.values())


def assert_stream_sees_the_truth(model: Model, target: Path, first: tuple[int, int]) -> None:
    there, here = seen(model.root, model, first[0]), seen(target, model, first[1])
    if not there.breaks:
        assert not here.breaks
        assert here.rows == there.rows
