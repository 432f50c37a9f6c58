"""What the tests of all catalogs register: one Delta table, `sales.orders`."""

from dataclasses import replace
from pathlib import Path

import orjson
import pyarrow as pa
from deltalake import write_deltalake

from lakeferry.catalog.columns import columns_of
from lakeferry.catalog.tables import LAG, SOURCE, SOURCE_VERSION, Registration

SCHEMA = orjson.dumps({
    "type": "struct",
    "fields": [
        {"name": "Id", "type": "long", "nullable": False,
         "metadata": {"comment": "of the order"}},
        {"name": "price", "type": "decimal(10,2)", "nullable": True, "metadata": {}},
        {"name": "at", "type": "timestamp_ntz", "nullable": True, "metadata": {}},
        {"name": "lines", "nullable": True, "metadata": {},
         "type": {"type": "array", "containsNull": True, "elementType": {
             "type": "struct", "fields": [
                 {"name": "sku", "type": "string", "nullable": True, "metadata": {}},
                 {"name": "n", "type": "integer", "nullable": True, "metadata": {}}]}}},
        {"name": "day", "type": "date", "nullable": True, "metadata": {}},
    ],
}).decode()  # fmt: skip
ORIGIN = "abfss://sales@atlas.dfs.core.windows.net/orders"


def orders(location: str = "s3://atlas-lake/sales/orders") -> Registration:
    return Registration(
        schema="sales",
        table="orders",
        location=location,
        columns=columns_of(SCHEMA),
        partition_columns=("day",),
        comment="all orders",
        properties={SOURCE: ORIGIN, SOURCE_VERSION: "24518", LAG: "0"},
    )


def with_properties(wanted: Registration, **more: str) -> Registration:
    """`lag="40"` is `lakeferry.lag`."""
    properties = {f"lakeferry.{key}": value for key, value in more.items()}
    return replace(wanted, properties={**wanted.properties, **properties})


def make_orders(folder: Path) -> str:
    """A real table of three rows; its address."""
    rows = pa.table({"Id": [1, 2, 3], "day": ["2026-11-26", "2026-11-26", "2026-11-27"]})
    write_deltalake(str(folder), rows, partition_by=["day"])
    return f"file://{folder}"
