"""Kill discoveries, syncs and proofs of a fleet again and again while its sources live; then count.

At the end every table is there as its source is, by a reader that knows nothing of us, each commit
of a target brought what none before it brought, and no id is in it twice.
"""

import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder, write_deltalake

from lakeferry.store.open import open_store
from lakeferry.store.protocol import Store, read_all
from tests.cli.program import LAKEFERRY, environment_of, json_lines
from tests.flows.fleet_shores import (
    MADE,
    ROWS,
    Beside,
    Shore,
    put,
    rows_of,
    shared_out,
    templates,
)

WRITERS = 3
COMMANDS = ("discover", "sync", "sync", "sync", "sync", "two", "verify")
CHANGES = ("append", "append", "append", "delete", "overwrite")
BEGINS_S = 2.0  # an interpreter starts, and a command imports what it needs
ATTEMPTS = 5  # of the last syncs, until nothing is new
FINE = {
    "discover": {0},
    "sync": {0},
    "rebuild": {0},
    "verify": {0, 1, 3},
}  # exit codes of what was not killed
KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class Table:
    """One table of the fleet."""

    source: str
    name: str  # of its folder in schema `s`
    shape: str
    mode: str
    shore: Shore

    @property
    def url(self) -> str:
        return f"{self.shore.root}/{self.source}/s/{self.name}"

    def landing(self, root: str) -> str:
        return f"{root}/{self.source}/s/{self.name}"


@dataclass
class Storm:
    """One fleet, those who write to it, and all that is done to what moves it."""

    folder: Path
    target: Shore
    tables: Sequence[Table]
    chance: random.Random
    span_s: float  # a command is killed within this time after it began to speak
    kills: int = 0
    _ids: dict[str, set[int]] = field(default_factory=dict)  # of tables that are written to
    _beside: dict[str, Beside] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _faults: list[BaseException] = field(default_factory=list)

    # --- what is done -------------------------------------------------------------------------

    def round(self) -> str:
        """Begin a command, or two, and kill it; what was done, for a message."""
        if not (self.folder / ".lakeferry").exists():
            return self._learn("discover")
        what = self.chance.choice(COMMANDS)
        told = f"{what}: {self._killed(['sync', 'sync'] if what == 'two' else [what])}"
        self._raise_faults()
        return told

    def lose_the_ledger(self, *, rebuild: bool) -> str:
        """As if the machine were lost; then read back from the targets, or seen anew."""
        shutil.rmtree(self.folder / ".lakeferry", ignore_errors=True)
        return f"the ledger lost, {self._learn('rebuild' if rebuild else 'discover')}"

    def _learn(self, command: str) -> str:
        """What fills a ledger, first killed, then to its end: without it nothing moves."""
        told = self._killed([command])
        code, lines = self.run(command)
        # Killed after its one transaction, a rebuild has left a whole ledger: `judge` looks at it.
        was_done = command == "rebuild" and any(one.get("code") == "LF-8009" for one in lines)
        assert code == 0 or was_done, lines[-3:]
        return f"{command}: {told}, then done"

    def _killed(self, words: Sequence[str]) -> str:
        running = [self.begin(word) for word in words]
        try:
            waited = self._wait(running, self.chance.uniform(0, self.span_s))
            for process in self.chance.sample(running, len(running)):
                process.kill()
            told = [self._judged(word, process, rivals=len(running) > 1)
                    for word, process in zip(words, running, strict=True)]  # fmt: skip
        finally:
            for process in running:
                process.kill()
        return f"{waited} {' and '.join(told)}"

    def begin(self, command: str) -> "subprocess.Popen[str]":
        words = {
            "discover": ["discover"],
            "sync": ["sync", "--yes"],
            "verify": ["verify", "--yes", "--strength", "listed"],
            "rebuild": ["config", "rebuild-ledger"],
            "check": ["config", "check"],
        }[command]
        with (self.folder / "commands.log").open("a") as log:
            log.write(f"--- {' '.join(words)}\n")
            log.flush()
            return subprocess.Popen(
                [LAKEFERRY, *words, "--json"], cwd=self.folder, env=self.environment, text=True,
                stdout=subprocess.PIPE, stderr=log, start_new_session=True,
            )  # fmt: skip

    def _wait(self, running: "list[subprocess.Popen[str]]", wait_s: float) -> str:
        """Of one in four while it begins; else until it speaks, and then as long. How, for a
        message."""
        if self.chance.random() < 0.25:
            time.sleep(min(wait_s, BEGINS_S))
            return f"{min(wait_s, BEGINS_S):.2f} s after its begin"
        assert running[0].stdout is not None
        running[0].stdout.readline()
        time.sleep(wait_s)
        return f"{wait_s:.2f} s after its first word"

    def _judged(self, word: str, process: "subprocess.Popen[str]", *, rivals: bool) -> str:
        out, _ = process.communicate(timeout=300)
        code = process.returncode
        if code == KILLED:
            self.kills += 1
            return "killed"
        fine = FINE[word] | ({2} if rivals else set())  # who is refused, for another one leads
        assert code in fine, f"{word} ended with {code}: {out[-2000:]}\n{self._log()}"
        return f"ended with {code}"

    def run(self, command: str) -> tuple[int, list[dict[str, Any]]]:
        """To its end: exit code and lines, each held to the schema."""
        process = self.begin(command)
        out, _ = process.communicate()
        ended = subprocess.CompletedProcess(process.args, process.returncode, out, "")
        return process.returncode, json_lines(ended)

    def _log(self) -> str:
        return (self.folder / "commands.log").read_text()[-3000:]

    @property
    def environment(self) -> dict[str, str]:
        known = {table.shore.kind: table.shore for table in self.tables}
        known[self.target.kind] = self.target
        given = {one.variable: one.options[one.secret] for one in known.values() if one.secret}
        return environment_of(self.folder, given)

    # --- who writes ---------------------------------------------------------------------------

    @contextmanager
    def living(self) -> Iterator[None]:
        """Sources that are written to while the block runs, each table by one thread."""
        written = [
            table for table in self.tables
            if table.name in ("t0", "t1") and table.shape in MADE
        ]  # fmt: skip
        self._ids = {one.url: {row["id"] for row in rows_in(one.url, one.shore)} for one in written}
        self._beside = {
            one.url: Beside(one.url, one.shore, self.folder / "beside" / one.source / one.name)
            for one in written if not one.shore.takes_writers
        }  # fmt: skip
        seeds = [self.chance.random() for _ in range(WRITERS)]
        threads = [
            threading.Thread(target=self._write, args=(written[at::WRITERS], seed))
            for at, seed in enumerate(seeds)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()
        self._raise_faults()

    def _raise_faults(self) -> None:
        if self._faults:
            raise self._faults[0]

    def _write(self, tables: Sequence[Table], seed: float) -> None:
        chance = random.Random(seed)
        try:
            while not self._stop.wait(chance.uniform(0.05, 0.3)):
                table, what = chance.choice(tables), chance.choice(CHANGES)
                try:
                    self._change(table, what, chance)
                except Exception as error:
                    error.add_note(f"while to {table.url} was done: {what}")
                    raise
        except BaseException as error:  # noqa: BLE001
            self._faults.append(error)

    def _change(self, table: Table, what: str, chance: random.Random) -> None:
        ids, beside = self._ids[table.url], self._beside.get(table.url)
        url = table.url if beside is None else str(beside.folder)
        options = (dict(table.shore.judge) or None) if beside is None else None
        match what:
            case "append":
                first = 1 + max(ids, default=0)
                more = range(first, first + ROWS)
                write_deltalake(url, rows_of(more), mode="append", storage_options=options)
                ids |= set(more)
            case "delete":
                gone = chance.choice(sorted(ids))
                DeltaTable(url, storage_options=options).delete(f"id = {gone}")
                ids.discard(gone)
            case "overwrite":
                rows = rows_of(sorted(ids))
                write_deltalake(url, rows, mode="overwrite", storage_options=options)
        if beside is not None:
            beside.carry()

    # --- what is there ------------------------------------------------------------------------

    def judge(self) -> dict[str, int]:
        """Bring what is left, prove it by ourselves, then ask who knows nothing of us."""
        code, lines = self.run("discover")
        assert (code, lines[-1]["tables"]) == (0, len(self.tables)), lines[-3:]
        for _ in range(ATTEMPTS):
            code, lines = self.run("sync")
            assert code == 0, lines[-1]
            if lines[-1]["synced"] == 0:
                break
        assert (lines[-1]["synced"], lines[-1]["current"]) == (0, len(self.tables)), lines[-1]
        code, lines = self.run("verify")
        said = {key: lines[-1][key] for key in ("identical", "different", "not_compared")}
        unmade = [one for one in lines if one.get("outcome") not in (None, "equal")]
        assert (code, said["identical"]) == (0, len(self.tables)), (said, unmade, lines[-1])
        store = open_store(self.target.root, self.target.options)
        with ThreadPoolExecutor(4) as hands:
            counts = list(hands.map(lambda table: self._compared(table, store), self.tables))
        return {"tables": len(counts), "rows": sum(rows for rows, _ in counts),
                "commits": sum(commits for _, commits in counts)}  # fmt: skip

    def _compared(self, table: Table, store: Store) -> tuple[int, int]:
        """Rows of the target, and its commits."""
        url = table.landing(self.target.root)
        found, wanted = rows_in(url, self.target), rows_in(table.url, table.shore)
        assert sorted(map(str, found)) == sorted(map(str, wanted)), f"{url} is not {table.url}"
        if table.url in self._ids:
            ids = sorted(row["id"] for row in found)
            assert ids == sorted(self._ids[table.url]), f"{url}: ids are lost, or there twice"
        log = f"{table.source}/s/{table.name}/_delta_log"
        commits = sorted(
            one.path for one in store.list(log, recursive=False)
            if one.path.endswith(".json") and one.path.rpartition("/")[2][:20].isdigit()
        )  # fmt: skip
        if table.mode == "snapshot":
            brought = [_source_version(read_all(store, path)) for path in commits]
            assert brought == sorted(set(brought)), f"{url} holds versions of {brought}"
        else:
            mine = open_store(table.url, table.shore.options)
            for path in commits:
                name = path.rpartition("/")[2]
                assert read_all(store, path) == read_all(mine, f"_delta_log/{name}"), path
        return len(found), len(commits)


def _source_version(commit: bytes) -> int:
    for line in commit.splitlines():
        action = orjson.loads(line)
        if "commitInfo" in action:
            return int(action["commitInfo"]["tags"]["lakeferry.sourceVersion"])
    raise AssertionError(f"a commit that is none of ours: {commit[:500]!r}")


def rows_in(url: str, shore: Shore) -> list[dict[str, Any]]:
    """By delta-rs; of tables with deletion vectors, too."""
    table = DeltaTable(url, storage_options=dict(shore.judge) or None)
    rows = QueryBuilder().register("t", table).execute("SELECT * FROM t").read_all()
    return list(pa.table(rows).to_pylist())


def _manifest(folder: Path, target: Shore, tables: Sequence[Table], used: Sequence[Shore]) -> None:
    lines = [
        "version: 1\nname: storm\n",
        f"target: {{root: '{target.root}', connection: {target.kind}}}\n",
        "limits: {concurrency: {tables: 8, files: 32}}\n",
        "connections:\n",
        *sorted({one.connection for one in (*used, target) if one.options}),
        "sources:\n",
    ]
    for source, table in sorted({one.source: one for one in tables}.items()):
        shore = table.shore
        link = f", connection: {shore.kind}" if shore.options else ""
        lines.append(f"  {source}: {{kind: {shore.kind}, root: '{shore.root}/{source}'{link}, "
                     f"mode: {table.mode}}}\n")  # fmt: skip
    (folder / "lakeferry.yaml").write_text("".join(lines))


def storm(
    folder: Path,
    used: Sequence[Shore],
    target: Shore,
    *,
    sources: int,
    tables: int,
    span_s: float,
    seed: int,
) -> Storm:
    """Make the sources, dealt out over the stores, every third a mirror, and their manifest."""
    chance = random.Random(seed)
    shapes = templates()
    dealt = shared_out(chance, tables, shapes)
    every = [
        Table(
            f"src{number % sources:02}", f"t{number // sources}", shape,
            "mirror" if number % sources % 3 == 0 else "snapshot",
            used[number % sources % len(used)],
        )
        for number, shape in enumerate(dealt)
    ]  # fmt: skip
    for shore in used:
        put(shore, [(f"{one.source}/s/{one.name}", shapes[one.shape])
                    for one in every if one.shore is shore])  # fmt: skip
    _manifest(folder, target, every, used)
    made = Storm(folder, target, every, chance, span_s)
    code, lines = made.run("check")
    assert code == 0, lines
    return made
