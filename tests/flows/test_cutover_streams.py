"""Live streams over a switch from a local disk or HDFS to an S3 server: nothing lost or doubled.

A stream writes a table, another reads it and writes a second one; both go on at the target, by
Spark's own client of S3, and back at the source.
"""

import uuid
from pathlib import Path
from typing import Any

import pytest

from lakeferry.catalog.tables import RECEIPT, SOURCE
from lakeferry.connect import thrift_form as thrift
from lakeferry.connect.aws import AwsAccess
from lakeferry.connect.databricks import workspace_client
from lakeferry.connect.metastore import ask
from tests.flows.live_cutover import carried_of, live_cutover
from tests.flows.pipelines import FIRST, SECOND, Pipeline, pipeline
from tests.flows.streams import (
    forget_last_batch,
    has_begun,
    ids_in,
    live_reader,
    live_sink,
    run_reader,
    run_sink,
)
from tests.flows.test_cutover import cutover, run, states
from tests.flows.test_cutover_catalogs import check_told
from tests.judges.catalog_clients import Known, in_glue, in_hive, in_unity
from tests.judges.spark_reader import spark_session
from tests.servers import Server, s3a, unity_catalog

__all__ = ["spark_session"]  # the fixture `spark`

pytestmark = [pytest.mark.spark, pytest.mark.server]


@pytest.fixture(autouse=True)
def secret(s3_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the manifest refers to, for what a test asks of it in this process."""
    monkeypatch.setenv("FLEET_SECRET", s3_server.options["secret_access_key"])


def test_streams_go_on_from_a_disk_at_an_s3_server_known_to_hive_and_back(
    spark: Any, s3_server: Server, hive_metastore_server: Server, tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    uri = hive_metastore_server.place
    drop = {1: thrift.text("a_s"), 2: thrift.flag(False), 3: thrift.flag(True)}
    request.addfinalizer(lambda: ask(uri, "drop_database", drop, {}))
    told = f", catalog: {{kind: hive, uri: '{uri}', schema: 'a_{{schema}}'}}"
    one = pipeline(spark, s3_server, tmp_path, target=told)

    check_live_switch_and_return(one, in_hive(spark, uri), "local disk to S3, Hive")


def test_streams_go_on_from_hdfs_at_an_s3_server_known_to_glue_and_back(
    spark: Any, s3_server: Server, hdfs_server: Server, moto_access: AwsAccess, tmp_path: Path
) -> None:
    link = f"{{kind: aws, endpoint: '{moto_access.endpoint}', region: {moto_access.region}}}"
    lake = f"{hdfs_server.place}/{uuid.uuid4().hex}"
    one = pipeline(spark, s3_server, tmp_path, lake=lake, more=f", aws: {link}",
                   target=", catalog: {kind: glue, connection: aws}")  # fmt: skip

    check_live_switch_and_return(one, in_glue(moto_access), "HDFS to S3, Glue")


def test_streams_go_on_from_hdfs_at_an_s3_server_known_to_unity_catalog_and_back(
    spark: Any, s3_server: Server, hdfs_server: Server, tmp_path: Path
) -> None:
    with unity_catalog.running(tmp_path) as url:
        lake = f"{hdfs_server.place}/{uuid.uuid4().hex}"
        told = f", catalog: {{kind: unity, uri: '{url}', catalog: atlas}}"
        one = pipeline(spark, s3_server, tmp_path, lake=lake, target=told)

        check_live_switch_and_return(one, in_unity(url, "atlas"), "HDFS to S3, Unity Catalog")
    workspace_client.cache_clear()


def check_live_switch_and_return(one: Pipeline, known: Known, what: str) -> None:
    """Files land all the time, and the streams run until the switch names them."""
    spark, landing = one.spark, one.landing
    landing.land(0)
    with landing.arriving(1):
        sink = live_sink(spark, landing, one.source(FIRST), one.sink)
        has_begun(sink)
        reader = live_reader(spark, one.source(FIRST), one.source(SECOND), one.reader)
        has_begun(reader)
        one.ready()

        def stop() -> None:
            sink.stop()
            reader.stop()
            forget_last_batch(spark, one.sink)

        done = live_cutover(one.fleet, stop, *one.words)

        assert done.code == 0, done.lines[-3:]
        assert any(f"stream {query.id}" in done.named for query in (sink, reader))
        assert [way["does"] for way in done.lines[-1]["streams"]] == ["continues", "continues"]
        sink_at, reader_at = (s3a.address(done.carried[query.id[:8]]) for query in (sink, reader))
        sink = live_sink(spark, landing, one.target(FIRST), sink_at)
        reader = live_reader(spark, one.target(FIRST), one.target(SECOND), reader_at)
        has_begun(sink)
        has_begun(reader)
        print(done.told_of_pause(what))  # noqa: T201
    sink.processAllAvailable()
    reader.processAllAvailable()
    sink.stop()
    reader.stop()

    assert one.ids(FIRST) == landing.ids
    assert one.ids(SECOND) == landing.ids
    check_known(one, known)
    check_return(one, known, sink, reader)


def check_return(one: Pipeline, known: Known, sink: Any, reader: Any) -> None:
    """The way back, with what was written at the target: refused without a word, then carried.

    Args:
        sink, reader: the queries that have ended at the target.
    """
    written, lines = run(one.fleet, "rollback", "--yes", "--wave", "1")

    assert written == 3
    writers = {each["table"]: each["writers"] for each in lines[-1]["written"]}
    assert writers == {f"a.{FIRST}": [f"stream {sink.id}"], f"a.{SECOND}": [f"stream {reader.id}"]}
    check_known(one, known)
    back, lines = run(one.fleet, "rollback", "--yes", "--wave", "1", "--reverse")

    assert (back, states(one.fleet)) == (0, {FIRST: "synced", SECOND: "synced"}), lines
    assert [known("a_s", name.partition(".")[2]) for name in (FIRST, SECOND)] == [None, None]
    ways = {way["query"]: way for way in lines[-1]["streams"]}
    assert {way["does"] for way in ways.values()} == {"continues"}
    spark, landing = one.spark, one.landing
    landing.land(len(landing.ids) // 3)
    run_sink(spark, landing, one.source(FIRST), ways[sink.id]["goes_on_with"])
    run_reader(spark, one.source(FIRST), one.source(SECOND), ways[reader.id]["goes_on_with"])
    assert ids_in(spark, one.source(FIRST)) == landing.ids
    assert ids_in(spark, one.source(SECOND)) == landing.ids


def check_known(one: Pipeline, known: Known) -> None:
    """Both tables, where they are now, with their receipts."""
    check_told(one.fleet)
    for name in (FIRST, SECOND):
        found = known("a_s", name.partition(".")[2])
        assert found is not None
        assert s3a.address(found[0]) == one.target(name)
        assert found[1][SOURCE].removeprefix("file://") == one.source(name)
        assert len(found[1][RECEIPT]) == 64


def test_a_reader_begins_behind_the_clone_where_its_id_is_another(
    spark: Any, s3_server: Server, tmp_path: Path
) -> None:
    one = pipeline(spark, s3_server, tmp_path, mode="snapshot")
    landing, out = one.landing, tmp_path / "out"
    landing.land(0)
    landing.land(1)
    run_sink(spark, landing, one.source(FIRST), one.sink)
    run_reader(spark, one.source(FIRST), out, one.reader)
    one.ready()
    landing.land(2)
    run_sink(spark, landing, one.source(FIRST), one.sink)

    late, lines = cutover(one.fleet, "--wave", "1", *one.words, "--dry-run")
    assert "let it read to the end first" in str(lines)
    run_reader(spark, one.source(FIRST), out, one.reader)
    code, lines = cutover(one.fleet, "--wave", "1", *one.words)

    assert (late, code) == (3, 0)
    ways = {Path(way["checkpoint"]).name: way for way in lines[-1]["streams"]}
    assert (ways["sink"]["does"], ways["reader"]["does"]) == ("continues", "restart")
    begin = ways["reader"]["starting_versions"]["a.s.events"]
    landing.land(3)
    [carried] = carried_of(lines).values()
    run_sink(spark, landing, one.target(FIRST), s3a.address(carried))
    new = tmp_path / "checkpoints/new"
    run_reader(spark, one.target(FIRST), out, new, startingVersion=begin)
    assert one.ids(FIRST) == landing.ids
    assert ids_in(spark, out) == landing.ids
