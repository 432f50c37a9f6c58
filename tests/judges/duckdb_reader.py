"""DuckDB as a judge, with its delta extension from a wheel: nothing is fetched while tests run."""

from pathlib import Path

import pyarrow as pa


def duckdb_rows(path: str | Path, version: int | None = None) -> pa.Table:
    """All rows as DuckDB sees them; raises what it raises where it refuses a table."""
    import duckdb
    import duckdb_extension_delta  # type: ignore[import-untyped]  # a folder, no code

    folder = Path(duckdb_extension_delta.__file__).parent / "extensions"
    [extension] = folder.glob("*/delta.duckdb_extension")
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
        connection.load_extension(str(extension))
        connection.execute("SET TimeZone = 'UTC'")
        asked = "delta_scan($path)" if version is None else "delta_scan($path, version := $version)"
        values = {"path": str(path)} | ({} if version is None else {"version": version})
        return connection.execute(f"SELECT * FROM {asked}", values).to_arrow_table()
