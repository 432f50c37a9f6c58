"""A table of the ledger and the manifest of now -> what a selection can ask of it. Pure."""

from collections.abc import Mapping

from lakeferry.fleet.discovery.vacuum import tags_of
from lakeferry.fleet.manifest.select import TableFacts
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.ledger.rows import LakeTable

LEFT_OUT = "the manifest leaves it out"
BY_PATTERN = "by pattern"  # as a discovery says it
_STAYS = ("cut_over", "excluded", "orphaned")


def facts_of(wanted: Migration, table: LakeTable) -> TableFacts:
    """The facts of one table; its target's address is their key.

    Tags are those of the manifest, and `vacuum.AT_RISK`. Of a source that it names no longer there
    are none.
    """
    schema, name = parts_of(table)
    source = wanted.sources.get(table.source)
    tags: Mapping[str, str] = {}
    if source is not None:
        said = source.options_of(schema, name, table.path).tags
        left = table.bytes if table.held_version is None else table.left_bytes
        tags = tags_of(said, left, table.retention_s, wanted.limits)
    return TableFacts(
        key=table.target_url,
        source=table.source,
        schema=schema,
        table=name,
        wave=table.wave,
        state=table.state,
        tags=tags,
        path=table.path,
    )


def as_said(wanted: Migration, table: LakeTable) -> LakeTable:
    """The row under the manifest of now: its wave, route and lag, and whether it is left out.

    A ledger keeps them as they were when a command last wrote there. What was cut over stays so.
    """
    source = wanted.sources.get(table.source)
    if source is None:
        return table
    schema, name = parts_of(table)
    options = source.options_of(schema, name, table.path)
    table = table._replace(
        wave=options.wave, route=source.path, lag_target_s=options.lag_target_s
    )  # fmt: skip
    if table.state in _STAYS or source.is_in_scope(schema, name, table.path):
        return table
    return table._replace(state="excluded", why=LEFT_OUT, code="", next_step="")


def is_let_in(wanted: Migration, table: LakeTable) -> bool:
    """Whether a pattern of the manifest left it out once, and none does now.

    Such a table waits for the next discovery: what became of it since, the ledger does not know.
    """
    source = wanted.sources.get(table.source)
    if source is None or table.state != "excluded" or table.why not in (LEFT_OUT, BY_PATTERN):
        return False
    return source.is_in_scope(*parts_of(table), table.path)


def parts_of(table: LakeTable) -> tuple[str, str]:
    """Schema and table; split at the first dot where the ledger does not know them apart."""
    if table.table_name:
        return table.schema_name, table.table_name
    schema, dot, name = table.name.removeprefix(f"{table.source}.").partition(".")
    return (schema, name) if dot else ("", schema)
