"""How rows of a table look in its files: physical names, field ids, no partition columns. Pure.

Source: Delta protocol, "Column Mapping"; paths name elements of lists `element`, of maps `key` and
`value`, as the protocol does.
"""

from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from lakeferry.ingest.file_stats import Leaf, leaves_of
from lakeferry.ingest.messages import TableForm

_FIELD_ID = b"PARQUET:field_id"


@dataclass(frozen=True, slots=True)
class FileForm:
    """What files of a table hold."""

    schema: pa.Schema  # physical names, field ids
    logical: pa.Schema  # the same columns as rows have them
    partition_columns: tuple[str, ...]  # physical names
    leaves: tuple[Leaf, ...]  # whose statistics go into the log
    with_statistics: tuple[str, ...]  # leaves as Parquet names them: all but binaries

    def shaped(self, rows: pa.Table) -> pa.Table:
        """Rows as the file has them; columns that lack are null. Nothing is copied for names."""
        columns = []
        for logical, physical in zip(self.logical, self.schema, strict=True):
            if logical.name not in rows.column_names:
                columns.append(pa.chunked_array([pa.nulls(rows.num_rows, physical.type)]))
                continue
            column = rows.column(logical.name)
            if column.type != logical.type:
                column = column.cast(logical.type)
            columns.append(_renamed(column, physical.type))
        return pa.Table.from_arrays(columns, schema=self.schema)


def _renamed(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """The same values with other names of fields within."""
    if column.type == kind:
        return column
    return pa.chunked_array([chunk.view(kind) for chunk in column.chunks], kind)


def file_form(form: TableForm) -> FileForm:
    """What files of a table hold that has this form."""
    partition = {column.name for column in form.partition_by}
    logical = pa.schema(
        one for one in form.schema if one.name not in partition and not pa.types.is_null(one.type)
    )
    schema = pa.schema([_field(one, one.name, form) for one in logical])
    return FileForm(
        schema,
        logical,
        tuple(form.physical.get(column.name, column.name) for column in form.partition_by),
        leaves_of(logical, form.stats_columns, form.physical),
        tuple(name for one in schema for name in _with_statistics(one, one.name)),
    )


def _field(one: pa.Field, path: str, form: TableForm) -> pa.Field:
    number = form.field_ids.get(path)
    return pa.field(
        form.physical.get(path, one.name),
        _type(one.type, path, form),
        nullable=one.nullable,
        metadata=None if number is None else {_FIELD_ID: str(number).encode()},
    )


def _type(kind: pa.DataType, path: str, form: TableForm) -> pa.DataType:
    inner = partial(_field, form=form)
    if pa.types.is_struct(kind):
        return pa.struct([inner(one, f"{path}.{one.name}") for one in kind])
    if pa.types.is_list(kind):
        return pa.list_(inner(kind.value_field.with_name("element"), f"{path}.element"))
    if pa.types.is_map(kind):
        return pa.map_(
            inner(kind.key_field.with_name("key"), f"{path}.key"),
            inner(kind.item_field.with_name("value"), f"{path}.value"),
        )
    return kind


def _with_statistics(one: pa.Field, name: str) -> list[str]:
    kind = one.type
    if pa.types.is_struct(kind):
        return [leaf for inner in kind for leaf in _with_statistics(inner, f"{name}.{inner.name}")]
    return [] if pa.types.is_nested(kind) or pa.types.is_binary(kind) else [name]
