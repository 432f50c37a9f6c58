"""An explained table as lines for people. Pure."""

from collections.abc import Iterator, Mapping

from lakeferry.cli.units import counted, size_text
from lakeferry.delta.time_travel import utc_text
from lakeferry.explain.values import TableExplanation, Verdict


def explanation_lines(table: TableExplanation) -> list[str]:
    """What the table is, what relies on it, what a clone would keep and refuse."""
    return [*_head(table), *_features(table), *_state(table), *_verdicts(table)]


def _head(table: TableExplanation) -> Iterator[str]:
    when = f"  committed {utc_text(table.timestamp_ms)}" if table.timestamp_ms else ""
    yield f"{table.url}  version {table.version}{when}"
    yield f"  id           {table.id}"
    if table.name:
        yield f"  name         {table.name}"
    if totals := table.totals:
        vectors = f", {totals.vectors:,} deletion vectors ({totals.deleted_rows:,} rows deleted)"
        yield (
            f"  files        {totals.files:,} files, {size_text(totals.bytes)}"
            f"{vectors if totals.vectors else ''}"
        )
    yield f"  columns      {', '.join(f'{one.name} {one.type}' for one in table.columns)}"
    if table.partition_columns:
        yield f"  partitioned  {', '.join(table.partition_columns)}"
    log = table.log
    yield (
        f"  log          versions {log.first_version} to {table.version}, {log.commits} commits, "
        f"checkpoint {log.checkpoint}{', older commits cleaned away' if log.cleaned else ''}"
    )
    if log.companions:
        shown = ", ".join(log.companions[:3])
        objects = counted(len(log.companions), "object")
        yield f"  beside it    {objects} that no action names: {shown}"


def _features(table: TableExplanation) -> Iterator[str]:
    protocol = table.protocol
    yield f"  protocol     {protocol.min_reader_version}/{protocol.min_writer_version}"
    for feature in table.features:
        note = f": {feature.note}" if feature.note else ""
        yield f"    {feature.action:<7} {feature.name}{note}"


def _state(table: TableExplanation) -> Iterator[str]:
    yield from _pairs("constraints", table.constraints)
    yield from _pairs("properties", table.properties)
    yield from _pairs("domains", table.domains)
    if table.streams:
        applications = counted(len(table.streams), "application")
        yield f"  txn          {applications} whose stream goes on where it stood"
        for stream in table.streams:
            expired = "  (expired for readers; a clone keeps it)" if stream.expired else ""
            yield f"    {stream.app_id}  {stream.version}{expired}"
    if table.record:
        record = table.record
        yield (
            f"  a clone of   {record.source}, version {record.source_version} "
            f"({record.mode}{', shallow' if record.shallow else ''})"
        )


def _pairs(title: str, found: Mapping[str, str]) -> Iterator[str]:
    if found:
        yield f"  {title}"
        for name, value in sorted(found.items()):
            yield f"    {name} = {value}"


def _verdicts(table: TableExplanation) -> Iterator[str]:
    for verdict in (table.snapshot, table.mirror):
        yield from _verdict(verdict)
    yield f"  vacuum       {table.vacuum.text}"


def _verdict(verdict: Verdict) -> Iterator[str]:
    yield f"  --mode {verdict.mode:<9} {'can be made' if verdict.possible else 'REFUSED'}"
    for refusal in verdict.refusals:
        yield f"    {refusal.code} {refusal.what}"
        yield f"      next: {refusal.next_step}"
    if verdict.possible:
        yield f"    keeps: {'; '.join(verdict.kept)}"
        if verdict.not_kept:
            yield f"    does not keep: {'; '.join(verdict.not_kept)}"
