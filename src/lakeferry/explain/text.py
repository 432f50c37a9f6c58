"""An explanation as lines for people. Pure."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from lakeferry.explain.values import LogShape, Stream, TableExplanation, Totals, Verdict

MOST_SHOWN = 12  # of columns, properties and the like; --json has all


def explanation_lines(table: TableExplanation) -> list[str]:
    """What `lakeferry explain TABLE` prints."""
    lines = [f"{table.url}", *_head(table)]
    lines += _section("features", _features(table))
    lines += _section("columns", _columns(table))
    lines += _section("constraints", _pairs(table.constraints))
    lines += _section("properties", _pairs(table.properties))
    lines += _section("domains", _pairs(table.domains))
    lines += _section("streams that write it", list(map(_stream, table.streams)))
    lines += _section("log", list(_log(table.log, table.unknown_actions)))
    lines += _verdict(table.snapshot, "a snapshot clone")
    lines += _verdict(table.mirror, "a mirror")
    lines.append(f"  {'warning, ' if table.vacuum.at_risk else ''}vacuum: {table.vacuum.text}")
    if record := table.record:
        kind = "a shallow clone" if record.shallow else f"a {record.mode} clone"
        lines.append(
            f"  this is {kind} of {record.source}: version {record.target_version} holds its "
            f"version {record.source_version}"
        )
    return lines


def _head(table: TableExplanation) -> Iterator[str]:
    when = "" if table.timestamp_ms is None else f", {_time(table.timestamp_ms)}"
    protocol = table.protocol
    yield f"  version {table.version}{when}; id {table.id}"
    yield f"  protocol: reader {protocol.min_reader_version}, writer {protocol.min_writer_version}"
    if table.name or table.description:
        yield f"  {' - '.join(filter(None, (table.name, table.description)))}"
    yield f"  {_totals(table.totals)}"
    if table.partition_columns:
        yield f"  partitioned by {', '.join(table.partition_columns)}"


def _totals(totals: Totals | None) -> str:
    if totals is None:
        return (
            "files unknown: what is live cannot be told without knowing the features refused below"
        )
    text = f"{totals.files:,} files, {totals.bytes:,} bytes"
    if totals.vectors:
        text += f"; {totals.vectors:,} deletion vectors over {totals.deleted_rows:,} rows"
    if totals.absolute_paths:
        text += f"; {totals.absolute_paths:,} absolute paths"
    return text


def _section(title: str, found: list[str]) -> Iterator[str]:
    if not found:
        return
    yield f"  {title}"
    yield from (f"    {line}" for line in found[:MOST_SHOWN])
    if len(found) > MOST_SHOWN:
        yield f"    and {len(found) - MOST_SHOWN} more: --json"


def _features(table: TableExplanation) -> list[str]:
    width = max((len(feature.name) for feature in table.features), default=0)
    return [
        f"{feature.name:<{width}}  {feature.action:<6}  {feature.note}".rstrip()
        for feature in table.features
    ]


def _columns(table: TableExplanation) -> list[str]:
    return [
        f"{column.name} {column.type}{'' if column.nullable else ' not null'}"
        f"{f'  ({column.note})' if column.note else ''}"
        for column in table.columns
    ]


def _pairs(pairs: Mapping[str, str]) -> list[str]:
    return [f"{name} = {text}" for name, text in pairs.items()]


def _stream(stream: Stream) -> str:
    when = "" if stream.last_updated is None else f", {_time(stream.last_updated)}"
    expired = "; past its retention: hidden from readers, kept by a clone" if stream.expired else ""
    return f"{stream.app_id}  goes on after {stream.version}{when}{expired}"


def _log(log: LogShape, unknown: tuple[str, ...]) -> Iterator[str]:
    start = f"begins at version {log.first_version}"
    yield f"{log.commits} commits; {start}{': log cleanup took the rest' if log.cleaned else ''}"
    if log.checkpoint_version is not None:
        at = f"{log.checkpoint} at version {log.checkpoint_version}"
        yield f"checkpoint: {at}; {log.checkpoints} in all"
    if log.incomplete:
        yield f"{log.incomplete} parts of checkpoints whose other parts are missing"
    if log.compactions:
        yield f"{log.compactions} compactions"
    if log.companions:
        shown = ", ".join(log.companions[:3])
        yield f"companions: {len(log.companions)} ({log.companion_bytes:,} bytes), such as {shown}"
    if unknown:
        yield f"unknown actions: {', '.join(unknown)}"


def _verdict(verdict: Verdict, kind: str) -> Iterator[str]:
    if not verdict.possible:
        yield f"  {kind} is refused"
        for refusal in verdict.refusals:
            yield f"    {refusal.code} {refusal.what}"
            yield f"      next: {refusal.next_step}"
        return
    yield f"  {kind} is possible"
    yield from (f"    keeps {line}" for line in verdict.kept)
    yield from (f"    does not keep {line}" for line in verdict.not_kept)


def _time(ms: int) -> str:
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return f"{ms} ms"
