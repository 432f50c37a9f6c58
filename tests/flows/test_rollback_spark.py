"""Live streams over a switch and back, by Spark: each goes on where it left off at the target."""

from pathlib import Path
from typing import Any

import pytest

from tests.flows.fleets import Fleet
from tests.flows.streams import Landing, ids_in, run_reader, run_sink
from tests.flows.test_cutover import cutover, prove_all, run
from tests.judges.spark_reader import spark_session

__all__ = ["spark_session"]  # the fixture `spark`

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]


def test_a_writer_and_a_reader_go_on_at_the_source_with_the_checkpoints_that_came_back(
    spark: Any, tmp_path: Path
) -> None:
    fleet, landing = Fleet(tmp_path, str(tmp_path / "out")), Landing(tmp_path / "landing")
    fleet.write(source=", mode: mirror")
    source, target, read = fleet.lake / "s/events", tmp_path / "out/a/s/events", tmp_path / "read"
    sink, reader = tmp_path / "jobs/sink", tmp_path / "jobs/reader"
    landed = landing.land(0)
    run_sink(spark, landing, source, sink)
    run_reader(spark, source, read, reader)
    fleet.see()
    fleet.sync()
    prove_all(fleet, "listed")
    named = ("--checkpoint", str(sink), "--checkpoint", str(reader))
    assert cutover(fleet, "--wave", "1", "--strength", "listed", *named)[0] == 0

    def carried(name: str) -> Path:
        [found] = (tmp_path / "out/_checkpoints").glob(f"{name}-*")
        return found

    landed += landing.land(1)
    run_sink(spark, landing, target, carried("sink"))
    run_reader(spark, target, read, carried("reader"))
    landed += landing.land(2)
    run_sink(spark, landing, target, carried("sink"))  # of which the reader has seen nothing yet

    code, lines = run(fleet, "rollback", "--yes", "--wave", "1", "--reverse")

    assert (code, [one["does"] for one in lines[-1]["streams"]]) == (0, ["continues"] * 2)
    landed += landing.land(3)
    run_sink(spark, landing, source, tmp_path / "jobs/sink-back")
    run_reader(spark, source, read, tmp_path / "jobs/reader-back")
    assert ids_in(spark, source) == landed
    assert ids_in(spark, read) == landed
