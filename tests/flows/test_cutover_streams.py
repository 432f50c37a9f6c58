"""Live streams over a switch from a local disk to an S3 server, by Spark: nothing lost or doubled.

Spark reads and writes the bucket as the folder that the server serves: its S3 client is not among
what is installed. What the program does goes through the server.
"""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.flows.fleets import Fleet
from tests.flows.spark_table import append as spark_append
from tests.flows.streams import Landing, ids_in, run_reader, run_sink
from tests.flows.test_cutover import cutover, prove_all, run, states
from tests.judges.spark_reader import spark_session
from tests.servers import versitygw

__all__ = ["spark_session"]  # the fixture `spark`

pytestmark = [pytest.mark.spark, pytest.mark.server, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Streams:
    """A table that one stream writes and another one reads."""

    spark: Any
    fleet: Fleet
    bucket: Path  # the folder that the server serves
    landing: Landing

    @property
    def source(self) -> Path:
        return self.fleet.lake / "s/events"

    @property
    def target(self) -> Path:
        return self.bucket / "a/s/events"

    @property
    def out(self) -> Path:
        return self.fleet.folder / "out"

    @property
    def checkpoints(self) -> tuple[Path, Path]:
        return self.fleet.folder / "checkpoints/sink", self.fleet.folder / "checkpoints/reader"

    def carried(self, name: str) -> Path:
        [found] = (self.bucket / "_checkpoints").glob(f"{name}-*")
        return found

    def cutover(self, *words: str) -> tuple[int, list[dict[str, Any]]]:
        named = [word for at in self.checkpoints for word in ("--checkpoint", str(at))]
        return cutover(self.fleet, "--wave", "1", *named, *words)


@pytest.fixture
def streams(spark: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Streams]:
    mode = getattr(request, "param", "mirror")
    with versitygw.running(tmp_path / "s3") as server:
        keys = {"FLEET_SECRET": server.options["secret_access_key"]}
        fleet = Fleet(tmp_path, server.place, environment=keys)
        told = {**server.options, "secret_access_key": "${env:FLEET_SECRET}"}
        said = ", ".join(f"{key}: '{value}'" for key, value in told.items())
        fleet.write(f"connections: {{here: {{kind: aws, options: {{{said}}}}}}}\n",
                    source=f", mode: {mode}", target=", connection: here")  # fmt: skip
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FLEET_SECRET", keys["FLEET_SECRET"])
            yield Streams(spark, fleet, tmp_path / "s3/buckets/lake", Landing(tmp_path / "landing"))


def test_both_streams_go_on_at_the_target_and_back_at_the_source(streams: Streams) -> None:
    one, landed = streams, list[int]()
    sink, reader = one.checkpoints
    landed += [*one.landing.land(0), *one.landing.land(1)]
    run_sink(one.spark, one.landing, one.source, sink)
    run_reader(one.spark, one.source, one.out, reader)
    one.fleet.see()
    one.fleet.sync()
    prove_all(one.fleet)
    landed += one.landing.land(2)  # after the sync; the reader has not seen it either
    run_sink(one.spark, one.landing, one.source, sink)
    forget_last_batch(sink)  # killed between its commit and the note of it

    code, lines = one.cutover()

    assert code == 0, lines
    assert [(way["does"], way["tables"]) for way in lines[-1]["streams"]] == [
        ("continues", ["a.s.events"]), ("continues", ["a.s.events"])
    ]  # fmt: skip
    assert lines[-1]["pause_s"] < 30
    landed += one.landing.land(3)
    run_sink(one.spark, one.landing, one.target, one.carried("sink"))
    run_reader(one.spark, one.target, one.out, one.carried("reader"))
    assert ids_in(one.spark, one.target) == landed
    assert ids_in(one.spark, one.out) == landed
    assert ids_in(one.spark, one.source) == landed[:9]

    written, lines = run(one.fleet, "rollback", "--yes", "--wave", "1")
    assert (written, lines[-1]["written"][0]["commits"]) == (3, 1)
    assert lines[-1]["written"][0]["writers"][0].startswith("stream ")
    back, _ = run(one.fleet, "rollback", "--yes", "--wave", "1", "--reverse")

    assert (back, states(one.fleet)) == (0, {"s.events": "synced"})
    landed += one.landing.land(4)
    run_sink(one.spark, one.landing, one.source, one.carried("sink"))
    run_reader(one.spark, one.source, one.out, one.carried("reader"))
    assert ids_in(one.spark, one.source) == landed
    assert ids_in(one.spark, one.out) == landed


@pytest.mark.parametrize("streams", ["snapshot"], indirect=True)
def test_a_reader_begins_behind_the_clone_where_its_id_is_another(streams: Streams) -> None:
    one, landed = streams, list[int]()
    sink, reader = one.checkpoints
    landed += [*one.landing.land(0), *one.landing.land(1)]
    run_sink(one.spark, one.landing, one.source, sink)
    run_reader(one.spark, one.source, one.out, reader)
    one.fleet.see()
    one.fleet.sync()
    prove_all(one.fleet)
    landed += one.landing.land(2)
    run_sink(one.spark, one.landing, one.source, sink)

    late, lines = one.cutover("--dry-run")
    assert "let it read to the end first" in str(lines)
    run_reader(one.spark, one.source, one.out, reader)
    code, lines = one.cutover()

    assert (late, code) == (3, 0)
    ways = {Path(way["checkpoint"]).name: way for way in lines[-1]["streams"]}
    assert (ways["sink"]["does"], ways["reader"]["does"]) == ("continues", "restart")
    begin = ways["reader"]["starting_versions"]["a.s.events"]
    landed += one.landing.land(3)
    run_sink(one.spark, one.landing, one.target, one.carried("sink"))
    new = one.fleet.folder / "checkpoints/new"
    run_reader(one.spark, one.target, one.out, new, startingVersion=begin)
    assert ids_in(one.spark, one.target) == landed
    assert ids_in(one.spark, one.out) == landed


def test_a_stream_that_still_writes_is_named_and_nothing_is_switched(streams: Streams) -> None:
    one = streams
    sink, _ = one.checkpoints
    one.landing.land(0)
    run_sink(one.spark, one.landing, one.source, sink)
    one.fleet.see()
    one.fleet.sync()
    prove_all(one.fleet)
    frame = one.spark.readStream.format("rate").option("rowsPerSecond", 1).load()
    frame = frame.selectExpr("CAST(value AS INT) AS id", "'live' AS v")
    query = (
        frame.writeStream.format("delta")
        .option("checkpointLocation", str(one.fleet.folder / "checkpoints/live"))
        .trigger(processingTime="1 second")
        .start(str(one.source))
    )
    try:
        time.sleep(5)
        code, lines = run(one.fleet, "cutover", "--yes", "--freeze-check", "10s", "--wave", "1")
    finally:
        query.stop()

    error = next(line for line in reversed(lines) if line["type"] == "error")
    assert (code, error["code"]) == (1, "LF-8072")
    assert f"stream {query.id}" in error["message"]
    assert states(one.fleet) == {"s.events": "verified"}


def forget_last_batch(checkpoint: Path) -> None:
    batches = [file for file in (checkpoint / "commits").iterdir() if file.name.isdigit()]
    max(batches, key=lambda file: int(file.name)).unlink()


def test_a_checkpoint_that_went_on_at_the_target_is_not_written_over(streams: Streams) -> None:
    one = streams
    sink, _ = one.checkpoints
    one.landing.land(0)
    run_sink(one.spark, one.landing, one.source, sink)
    shutil.rmtree(one.checkpoints[1], ignore_errors=True)
    one.fleet.see()
    one.fleet.sync()
    prove_all(one.fleet)
    named = ("--wave", "1", "--checkpoint", str(sink))
    cutover(one.fleet, *named)
    first = one.carried("sink")
    (first / "offsets/7").write_text("v1\n{}\n{}")  # it went on there
    run(one.fleet, "rollback", "--yes", "--wave", "1")

    code, _ = cutover(one.fleet, *named)

    assert code == 0
    assert (first / "offsets/7").exists()
    second = first.with_name(f"{first.name}-2")
    assert sorted(file.name for file in (second / "offsets").iterdir()) == ["0"]
    spark_append(one.spark, one.target, 99)
    assert 99 in ids_in(one.spark, one.target)
