"""delta-rs (`deltalake`) as a judge: it shares no code with ours, but its kernel with DuckDB's."""

from pathlib import Path

import pyarrow as pa


def deltalake_rows(path: str | Path, version: int | None = None) -> pa.Table:
    """All rows as delta-rs sees them; raises what it raises where it refuses a table."""
    from deltalake import DeltaTable, QueryBuilder

    # Through a query: `to_pyarrow_table` knows neither deletion vectors nor column mapping.
    table = DeltaTable(str(path), version=version)
    answer = QueryBuilder().register("t", table).execute("SELECT * FROM t")
    return pa.table(answer.read_all())
