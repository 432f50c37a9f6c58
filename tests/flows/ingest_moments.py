"""Ingests, and the upkeep of their tables, killed at each of their coordinator's changes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from deltalake import DeltaTable

from lakeferry.demo.kinesis_feed import Feed
from lakeferry.ingest.settings import TargetSettings
from lakeferry.ingest.upkeep.compact import Sizes
from lakeferry.ingest.upkeep.maintain import Job, do
from tests.flows.command_runner import PYTHON, Command, Runner
from tests.flows.ingests import KEYS
from tests.flows.moments import Line, Scene

ROWS = 20  # good ones of each round; every round has a bad one, too
UPKEEP = (PYTHON, "tests.flows.ingest_moments:upkeep", "t")


def scenes(feed: Feed) -> Mapping[str, Scene]:
    """Of one stream, which all of them read; each table has what came by then."""
    domain, sidecar = (ingest(feed, "--offsets", one) for one in ("domain", "sidecar"))
    return {
        f"{name}, {kept}": Scene(
            words, partial(lay, feed=feed, lines=(words,) * before), after(words), found,
            environment=dict(KEYS),
        )
        for kept, words in (("domain", domain), ("sidecar", sidecar))
        for name, before in (("ingest", 0), ("ingest again", 1))
    } | {
        "upkeep": Scene(
            UPKEEP, partial(lay, feed=feed, lines=(domain,) * 4), (UPKEEP, *after(domain)), found,
            environment=dict(KEYS),
        )
    }  # fmt: skip


def ingest(feed: Feed, *more: str) -> Line:
    there = ("--endpoint-url", feed.url, "--region", feed.region, "--from", "trim-horizon")
    return ("ingest", "clicks", "t", "--once", "--schema", "id BIGINT", *there, *more)


def after(words: Line) -> tuple[Line, ...]:
    return (words, ("verify", "t", "--offsets"))


def lay(folder: Path, runner: Runner, *, feed: Feed, lines: tuple[Line, ...]) -> None:
    arrive(feed)
    for line in lines:
        ended = runner.run(Command(str(folder), line, environment=dict(KEYS)))
        assert ended.code == 0, ended.text
        arrive(feed)


def arrive(feed: Feed) -> None:
    first = sum(shard.due for shard in feed.truth().values())
    for number in range(first, first + ROWS):
        feed.put(f"k{number}", orjson.dumps({"id": number}))
    feed.put("bad", b"no JSON")


def found(folder: Path) -> Any:
    """Ids of the table, and how many bad records there are beside it, by delta-rs."""
    rows = DeltaTable(str(folder / "t")).to_pyarrow_table(columns=["id"])
    bad = DeltaTable(str(folder / "t_rejected")).to_pyarrow_table(columns=["data"])
    return sorted(rows["id"].to_pylist()), bad.num_rows


def upkeep(table: str) -> None:
    """All that is due now and then, at once: checkpoint, log cleanup, orphans, joined files."""
    target = TargetSettings(str(Path(table).absolute()))
    job = Job(target, "clicks", checkpoint_every=2, clean_log=True, compact_after_s=-60,
              sizes=Sizes(files=2), sweep=True)  # fmt: skip
    for event in do(job):
        assert type(event).__name__ == "Compacted", event


@contextmanager
def streaming() -> Iterator[Feed]:
    with Feed(shards=2, stream="clicks") as feed:
        yield feed
