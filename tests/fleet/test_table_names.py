"""The name of a table that no catalog knows."""

import pytest

from lakeferry.fleet.discovery.table_names import name_of_path


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("orders", ("default", "orders")),
        ("sales/orders", ("sales", "orders")),
        ("eu/sales/orders", ("eu.sales", "orders")),
        ("sales.db/orders", ("sales", "orders")),
        ("warehouse/sales.db/orders", ("warehouse.sales", "orders")),
        ("orders.db", ("default", "orders.db")),
        (".db/orders", (".db", "orders")),
        ("a b/100% naïve", ("a b", "100% naïve")),
    ],
)
def test_the_last_folder_is_the_table_and_those_above_are_its_schema(
    path: str, name: tuple[str, str]
) -> None:
    assert name_of_path(path, "s3://lake") == name


@pytest.mark.parametrize(
    ("root", "table"),
    [
        ("s3://lake/sales/orders/", "orders"),
        ("s3://lake", "lake"),
        ("abfss://sales@account.dfs.core.windows.net/", "sales"),
        ("/data/orders", "orders"),
        ("hdfs:///", "root"),
    ],
)
def test_a_source_that_is_one_table_has_the_name_of_its_last_folder(root: str, table: str) -> None:
    assert name_of_path("", root) == ("default", table)
