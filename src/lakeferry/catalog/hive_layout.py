"""How Hive's metastore and Glue tell what a table is, and how they are told of Delta. Pure.

Spark, Trino, Athena and Redshift know a Delta table by the parameter `spark.sql.sources.provider`,
or `table_type`; Spark takes its place from the `path` of the SerDe. All of them read its columns
from the log: those of the catalog are for people, and for tools that search.

Source: Spark's HiveExternalCatalog, "DATASOURCE_PROVIDER"; Athena User Guide, "Query Linux
Foundation Delta Lake tables"; Delta documentation, "Presto, Trino, and Athena to Delta Lake
integration using manifests".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lakeferry.catalog.columns import columns_of
from lakeferry.catalog.tables import CatalogTable, Column, Registration

PROVIDER = "spark.sql.sources.provider"
SCHEMA = "spark.sql.sources.schema"
COMMENT = "comment"
EXTERNAL = "EXTERNAL_TABLE"
# Nobody reads files through these; they are what Spark writes for a table that Hive cannot read.
INPUT_FORMAT = "org.apache.hadoop.mapred.SequenceFileInputFormat"
OUTPUT_FORMAT = "org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat"
SERDE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
NULL = "__HIVE_DEFAULT_PARTITION__"  # what Hive writes for null in the name of a partition
_MANIFEST = "/_symlink_format_manifest"
_BY_LOG = ("delta", "iceberg", "hudi", "view", "link")  # partitions, if any, are not the catalog's
_SERDES = {"parquet": "parquet", "orc": "orc", "avro": "avro", "opencsv": "csv", "json": "json"}


@dataclass(frozen=True, slots=True)
class HiveTable:
    """What both services say of a table."""

    schema: str
    table: str
    table_type: str  # 'EXTERNAL_TABLE', 'MANAGED_TABLE', 'VIRTUAL_VIEW'
    location: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()
    partition_keys: tuple[Column, ...] = ()
    input_format: str = ""
    serde: str = ""
    serde_parameters: Mapping[str, str] = field(default_factory=dict)
    comment: str = ""  # '': as the parameters say
    owner: str = ""
    is_link: bool = False  # to a table of another account


def table_of(hive: HiveTable) -> CatalogTable:
    """The table in our words; a manifest for readers that know no log is the Delta table itself."""
    kind = kind_of(hive)
    location = hive.location
    if hive.parameters.get(PROVIDER):
        location = hive.serde_parameters.get("path") or location
    if _is_manifest(hive):
        location = hive.location.rstrip("/").removesuffix(_MANIFEST)
    columns = hive.columns + hive.partition_keys
    keys = tuple(one.name for one in hive.partition_keys)
    if kind not in _BY_LOG and (told := _told_by_spark(hive.parameters)):
        exact = {one.name.lower(): one.name for one in told}
        columns, keys = told, tuple(exact.get(key, key) for key in keys)
    return CatalogTable(
        catalog="",
        schema=hive.schema,
        table=hive.table,
        kind=kind,
        location="" if kind == "view" else location,
        comment=hive.comment or hive.parameters.get(COMMENT, ""),
        properties=dict(hive.parameters),
        columns=columns,
        partition_columns=keys,
        has_partitions=bool(hive.partition_keys) and kind not in _BY_LOG,
        owner=hive.owner,
        is_external=hive.table_type == EXTERNAL,
    )


def kind_of(hive: HiveTable) -> str:
    """'delta', 'parquet', 'iceberg', 'hudi', 'view', 'link', 'orc', ...; 'hive': something else."""
    if hive.is_link or "VIEW" in hive.table_type:
        return "link" if hive.is_link else "view"
    said = hive.parameters.get(PROVIDER, "").lower()
    table_type = hive.parameters.get("table_type", "").lower()
    handler = hive.parameters.get("storage_handler", "").lower()
    for kind in ("delta", "iceberg", "hudi"):
        if kind in (said, table_type) or f".{kind}" in handler:
            return kind
    if _is_manifest(hive):
        return "delta"
    files = (kind for word, kind in _SERDES.items() if word in hive.serde.lower())
    classified = hive.parameters.get("classification", "").lower()
    return said if said not in ("", "hive") else next(files, classified or "hive")


def parameters_of(wanted: Registration) -> dict[str, str]:
    """The parameters of the table: what tells readers that it is Delta, and what is ours."""
    told = {PROVIDER: "delta", "table_type": "DELTA", "EXTERNAL": "TRUE"}
    if wanted.comment:
        told[COMMENT] = wanted.comment
    return {**told, **wanted.properties}


def value_of(text: str) -> str | None:
    """A partition's value; None for null."""
    return None if text == NULL else text


def _told_by_spark(parameters: Mapping[str, str]) -> tuple[Column, ...]:
    """The columns as Spark wrote them: letters' case kept, and types that Hive lacks; (): not told.

    A long schema is cut into parts, since a parameter's value has a length of its own.
    """
    whole = parameters.get(SCHEMA)
    if whole is None:
        parts = int(parameters.get(f"{SCHEMA}.numParts", "0"))
        whole = "".join(parameters.get(f"{SCHEMA}.part.{number}", "") for number in range(parts))
    return columns_of(whole) if whole else ()


def _is_manifest(hive: HiveTable) -> bool:
    lists_files = hive.input_format.endswith("SymlinkTextInputFormat")
    return lists_files and hive.location.rstrip("/").endswith(_MANIFEST)
