"""Structs of Hive's metastore <-> our values; what is read goes back with all that it came with.

Source: Hive, hive_metastore.thrift (2.3 to 4.0): `Table`, `StorageDescriptor`, `SerDeInfo`,
`FieldSchema`, `Partition`, `Database`, `HiveObjectPrivilege`.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace

from lakeferry.catalog import hive_layout as layout
from lakeferry.catalog.columns import cut, hive_columns
from lakeferry.catalog.tables import CatalogTable, Column, Grant, Partition, Registration
from lakeferry.connect import thrift_form as thrift
from lakeferry.connect.thrift_form import Fields, Typed, text, text_map, value

# Fields by their numbers.
NAME, SCHEMA, OWNER, MADE_AT, STORAGE, KEYS, PARAMETERS, TYPE = 1, 2, 3, 4, 7, 8, 9, 12
COLUMNS, LOCATION, INPUT, OUTPUT, BUCKETS, SERDE = 1, 2, 3, 4, 6, 7
SERDE_CLASS, SERDE_PARAMETERS = 2, 3
PARTITION_VALUES, PARTITION_STORAGE = 1, 6
MOST_COMMENT = 4000  # characters of a parameter; TABLE_PARAMS of the metastore's own database
_PRINCIPALS = {1: "user", 2: "role", 3: "group"}


def table_of(fields: Fields) -> CatalogTable:
    """A `Table`."""
    storage: Fields = value(fields, STORAGE, {})
    serde: Fields = value(storage, SERDE, {})
    return layout.table_of(
        layout.HiveTable(
            schema=value(fields, SCHEMA, ""),
            table=value(fields, NAME, ""),
            table_type=value(fields, TYPE, ""),
            location=value(storage, LOCATION, ""),
            parameters=dict(value(fields, PARAMETERS, ())),
            columns=_columns(value(storage, COLUMNS, ())),
            partition_keys=_columns(value(fields, KEYS, ())),
            input_format=value(storage, INPUT, ""),
            serde=value(serde, SERDE_CLASS, ""),
            serde_parameters=dict(value(serde, SERDE_PARAMETERS, ())),
            owner=value(fields, OWNER, ""),
        )
    )


def partition_of(fields: Fields) -> Partition:
    """A `Partition`."""
    storage: Fields = value(fields, PARTITION_STORAGE, {})
    values = tuple(map(layout.value_of, value(fields, PARTITION_VALUES, ())))
    return Partition(values, value(storage, LOCATION, ""))


def grant_of(fields: Fields) -> Grant:
    """A `HiveObjectPrivilege`."""
    info: Fields = value(fields, 4, {})
    kind = _PRINCIPALS.get(value(fields, 3, 0), "")
    return Grant(value(fields, 2, ""), value(info, 1, "").upper(), kind)


def new_table(wanted: Registration, owner: str) -> Fields:
    """The `Table` of a Delta table."""
    return {
        NAME: text(wanted.table),
        SCHEMA: text(wanted.schema),
        OWNER: text(owner),
        MADE_AT: thrift.i32(int(time.time())),
        STORAGE: thrift.struct({
            COLUMNS: _fields(wanted),
            LOCATION: text(hadoop_address(wanted.location)),
            INPUT: text(layout.INPUT_FORMAT),
            OUTPUT: text(layout.OUTPUT_FORMAT),
            5: thrift.flag(False),  # compressed
            BUCKETS: thrift.i32(-1),
            SERDE: thrift.struct({
                SERDE_CLASS: text(layout.SERDE),
                SERDE_PARAMETERS: text_map(
                    {"serialization.format": "1", "path": hadoop_address(wanted.location)}
                ),
            }),
            8: thrift.texts(()),  # columns of buckets
            9: thrift.structs(()),  # columns that files are sorted by
            10: text_map({}),
        }),
        KEYS: thrift.structs(()),
        PARAMETERS: text_map(layout.parameters_of(wanted)),
        TYPE: text(layout.EXTERNAL),
    }  # fmt: skip


def with_wanted(table: Fields, wanted: Registration) -> Fields:
    """A `Table` that is there, with what is wanted; what is not ours stays."""
    parameters = {**dict(value(table, PARAMETERS, ())), **layout.parameters_of(wanted)}
    if not wanted.comment:
        parameters.pop(layout.COMMENT, None)
    storage: Fields = {**value(table, STORAGE, {}), COLUMNS: _fields(wanted)}
    return {**table, STORAGE: thrift.struct(storage), PARAMETERS: text_map(parameters)}


def with_properties(table: Fields, changes: Mapping[str, str | None]) -> Fields:
    """Its parameters changed; None takes one away."""
    found = {**dict(value(table, PARAMETERS, ())), **changes}
    return {**table, PARAMETERS: text_map({k: v for k, v in found.items() if v is not None})}


def hadoop_address(address: str) -> str:
    """As Hadoop writes it: S3 is `s3a:`, a folder of this machine has a scheme."""
    scheme, colon, rest = address.partition("://")
    if not colon:
        return f"file://{address}" if address.startswith("/") else address
    return f"s3a://{rest}" if scheme in ("s3", "s3n") else address


def as_kept(wanted: Registration) -> Registration:
    """As the metastore's own database keeps it."""
    return replace(wanted, comment=cut(wanted.comment, MOST_COMMENT))


def _fields(wanted: Registration) -> Typed:
    return thrift.structs(
        {1: text(one.name), 2: text(one.type), 3: text(one.comment)}
        for one in hive_columns(wanted.columns)
    )


def _columns(fields: Iterable[Fields]) -> tuple[Column, ...]:
    return tuple(Column(value(one, 1, ""), value(one, 2, ""), value(one, 3, "")) for one in fields)
