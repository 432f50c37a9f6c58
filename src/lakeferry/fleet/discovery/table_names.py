"""The name of a table that no catalog knows: schema and table, from its path. Pure.

The last folder is the table, those above it are the schema, joined by dots: `eu/sales/orders` is
table `orders` of schema `eu.sales`. A table directly below its source's root is of schema
`default`. A folder `sales.db`, as Hive's warehouses have them, is schema `sales`.
"""

DEFAULT = "default"
_OF_HIVE = ".db"


def name_of_path(path: str, root: str = "") -> tuple[str, str]:
    """Schema and table.

    Args:
        path: relative to the root of its source; '' is the root itself, a source of one table.
        root: address of the source, whose last part names its only table.
    """
    parts = [part for part in path.split("/") if part] or _last_part(root)
    schema = [_without_db(part) for part in parts[:-1]]
    return ".".join(schema) or DEFAULT, parts[-1]


def _without_db(part: str) -> str:
    return part.removesuffix(_OF_HIVE) or part


def _last_part(root: str) -> list[str]:
    """`s3://lake/orders` -> `orders`; of a bucket alone its name, of a container too."""
    _, scheme, rest = root.partition("://")
    parts = [part for part in (rest if scheme else root).split("/") if part]
    return [parts[-1].partition("@")[0] if parts else "root"]
