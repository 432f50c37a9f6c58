"""`--against`: another engine reads the target, and its rows must be ours.

Two readers that share no code see a table alike, or one of them is wrong. deltalake and DuckDB
share a kernel, so they are one opinion; Spark is another.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from lakeferry.errors import FerryError
from lakeferry.verify.digest import Digest, digest_batches
from lakeferry.verify.engine_places import EnginePlace, place_of
from lakeferry.verify.findings import Findings, differs
from lakeferry.verify.read_rows import logical_schema
from lakeferry.verify.sides import Sides

ENGINE_CHECKS = ("engine",)
_INSTALL = {
    "deltalake": "pip install deltalake",
    "duckdb": "pip install duckdb duckdb-extension-delta duckdb-extension-httpfs",
    "spark": "pip install pyspark==4.0.1, with delta-spark_2.13:4.0.1 among spark.jars",
}
Batches = Iterator[pa.RecordBatch]
_ONE_AT_A_TIME = threading.Lock()


def compare_engine(sides: Sides, findings: Findings, *, engine: str, ours: Digest) -> None:
    """Let `engine` read the target and compare with the digest that our own reader made.

    Raises:
        FerryError: LF-2001 the engine is not installed, or it cannot read this table.
    """
    schema = logical_schema(sides.target)
    place = place_of(sides.target.url, sides.target_options, engine=engine)
    theirs = digest_batches(schema, _named(ENGINES[engine](place, sides.target.version), schema))
    if theirs.rows != ours.rows:
        findings.add("engine", f"{engine} sees {theirs.rows:,} rows, our reader {ours.rows:,}")
    elif theirs != ours:
        columns = ", ".join(f"`{name}`" for name in ours.differences(theirs))
        text = differs("digest", ours.whole, theirs.whole)
        findings.add("engine", f"{engine} sees other values in columns {columns}; {text}")


def _named(batches: Batches, schema: pa.Schema) -> Batches:
    """The same batches with the columns named as the schema spells them; some engines fold case."""
    names = {name.lower(): name for name in schema.names}
    for batch in batches:
        yield batch.rename_columns([names.get(name.lower(), name) for name in batch.schema.names])


def _deltalake(place: EnginePlace, version: int) -> Batches:
    with _imported("deltalake"):
        from deltalake import DeltaTable, QueryBuilder
        from deltalake.exceptions import DeltaError
    try:
        # Through a query: `to_pyarrow_table` knows neither deletion vectors nor column mapping.
        table = DeltaTable(place.url, version=version, storage_options=dict(place.options))
        answer = QueryBuilder().register("t", table).execute("SELECT * FROM t")
        yield from pa.RecordBatchReader.from_stream(answer)
    except (DeltaError, OSError, ValueError, pa.ArrowException) as error:
        raise _refused("deltalake", place, error) from error


def _duckdb(place: EnginePlace, version: int) -> Batches:
    with _imported("duckdb"):
        import duckdb
    try:
        with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
            _load(connection, "delta")
            if place.secret:
                _load(connection, "httpfs")
                connection.execute(place.secret)
            connection.execute("SET TimeZone = 'UTC'")
            answer = connection.execute(
                "SELECT * FROM delta_scan($path, version := $version)",
                {"path": place.url, "version": version},
            )
            yield from answer.to_arrow_reader()
    except duckdb.Error as error:
        raise _refused("duckdb", place, error) from error


def _load(connection: Any, name: str) -> None:
    """An extension: from its wheel where that is installed, else as DuckDB finds it."""
    from importlib.util import find_spec
    from pathlib import Path

    wheel = find_spec(f"duckdb_extension_{name}")
    if wheel is None or wheel.origin is None:
        connection.load_extension(name)
        return
    [extension] = (Path(wheel.origin).parent / "extensions").glob(f"*/{name}.duckdb_extension")
    connection.load_extension(str(extension))


def _spark(place: EnginePlace, version: int) -> Batches:
    with _imported("spark"):
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
    try:
        session = _session()
        frame = session.read.format("delta").option("versionAsOf", version).load(place.url)
        # Not toArrow: its last step, a cast, refuses null variants.
        yield from frame._collect_as_arrow()
    except (PySparkException, Py4JError) as error:
        raise _refused("spark", place, error) from error


def _session() -> Any:
    """The one of this process."""
    with _imported("spark"):
        from pyspark.sql import SparkSession

        if (running := SparkSession.getActiveSession()) is not None:
            return running
        builder: Any = SparkSession.builder
        return (
            builder.config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
            .config(
                "spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog"
            )
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.readSideCharPadding", "false")  # no other reader pads char(n)
            .config("spark.ui.showConsoleProgress", "false")  # of many tables at once
            .getOrCreate()
        )


@contextmanager
def _imported(engine: str) -> Iterator[None]:
    """One table after the other: of two that import pyspark at once one may get half of it.

    Raises LF-2001 where it is not installed.
    """
    with _ONE_AT_A_TIME:
        try:
            yield
        except ImportError as error:
            raise _missing(engine) from error


ENGINES: dict[str, Callable[[EnginePlace, int], Batches]] = {
    "deltalake": _deltalake,
    "duckdb": _duckdb,
    "spark": _spark,
}


def _missing(engine: str) -> FerryError:
    return FerryError(
        "LF-2001",
        f"`{engine}` is not installed here",
        f"--against {engine}",
        f"{_INSTALL[engine]}, or choose another of: {', '.join(sorted(ENGINES))}",
    )


def _refused(engine: str, place: EnginePlace, error: Exception) -> FerryError:
    line = (str(error).strip() or repr(error)).splitlines()[0]
    return FerryError(
        "LF-2001",
        f"`{engine}` cannot read the table: {line[:300]}",
        f"--against {engine}, {place.url}",
        f"ask another engine, or see that this one is whole: {_INSTALL[engine]}",
    )
