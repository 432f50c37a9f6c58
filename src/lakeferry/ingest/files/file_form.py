"""How rows of a table look in its files: physical names, field ids, no partition columns. Pure.

Source: Delta protocol, "Column Mapping"; paths name elements of lists `element`, of maps `key` and
`value`, as the protocol does.
"""

from dataclasses import dataclass, replace
from functools import partial

import pyarrow as pa

from lakeferry.delta.file_stats import Leaf, leaves_of
from lakeferry.ingest.worker.messages import TableForm

_FIELD_ID = b"PARQUET:field_id"


@dataclass(frozen=True, slots=True)
class FileForm:
    """What files of a table hold."""

    rows: pa.Schema  # columns of rows before they are told apart by partition, logical names
    logical: pa.Schema  # of these the ones that files have
    schema: pa.Schema  # the same with physical names and field ids
    partition_columns: tuple[str, ...]  # physical names
    leaves: tuple[Leaf, ...]  # whose statistics go into the log
    with_statistics: tuple[str, ...]  # leaves as Parquet names them: all but binaries

    def whole(self, rows: pa.Table) -> pa.Table:
        """Rows with all columns of `rows`, in order; those that lack are null."""
        if rows.schema == self.rows:
            return rows
        columns = []
        for one in self.rows:
            if one.name in rows.column_names:
                column = rows.column(one.name)
                columns.append(column if column.type == one.type else column.cast(one.type))
            else:
                columns.append(pa.chunked_array([pa.nulls(rows.num_rows, one.type)]))
        return pa.Table.from_arrays(columns, schema=self.rows)

    def shaped(self, rows: pa.Table) -> pa.Table:
        """`whole` rows as the file has them. Nothing is copied."""
        columns = [
            _renamed(rows.column(logical.name), physical.type)
            for logical, physical in zip(self.logical, self.schema, strict=True)
        ]
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
    computed = {column.name for column in form.partition_by if column.of is not None}
    return FileForm(
        pa.schema(one for one in form.schema if one.name not in computed),
        logical,
        schema,
        tuple(form.physical.get(column.name, column.name) for column in form.partition_by),
        leaves_of(logical, form.stats_columns, form.physical),
        tuple(name for one in schema for name in _with_statistics(one, one.name)),
    )


def physical_form(form: TableForm) -> TableForm:
    """The form of rows that have physical names already: those of its own files."""
    files = file_form(form)
    return replace(
        form,
        schema=files.schema,
        partition_by=(),
        physical={},
        field_ids={},  # which the schema's fields have with them
        stats_columns=tuple(".".join(leaf.physical) for leaf in files.leaves),
    )


def _field(one: pa.Field, path: str, form: TableForm) -> pa.Field:
    number = form.field_ids.get(path)
    return pa.field(
        form.physical.get(path, one.name),
        _type(one.type, path, form),
        nullable=one.nullable,
        metadata=one.metadata if number is None else {_FIELD_ID: str(number).encode()},
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
