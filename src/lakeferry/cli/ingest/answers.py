"""What an ingest tells, as lines for people and as JSON bodies. Pure."""

import math
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lakeferry.cli.units import counted, duration_text, size_text, time_text
from lakeferry.ingest.events import (
    BatchCommitted,
    Began,
    Compacted,
    Ended,
    Event,
    GapAccepted,
    Noted,
    Progress,
    ShardEnded,
    ShardsBegun,
    Warned,
)

_VPCE = re.compile(r"vpce-[0-9a-f]+")
Body = dict[str, Any]
MOST_LAGS = 20  # of shards in a line of JSON


def began_text(event: Began) -> str:
    """`kinesis clicks (8 shards, kinesis.us-east-1...) → s3://...  resumes at epoch 812`."""
    found = _VPCE.search(event.endpoint)
    through = f"endpoint {found[0]}" if found else event.endpoint
    shards = counted(event.shards, "shard")
    if event.open_shards != event.shards:
        shards += f" of {event.open_shards:,} open"
    stream = event.stream.rpartition("stream/")[2]
    known = event.resumes.startswith("epoch")
    goes = f"{'resumes at' if known else 'begins at'} {event.resumes}, version {event.version}"
    again = f"  (begun anew, {counted(event.times, 'time')})" if event.times else ""
    return f"kinesis {stream} ({shards}, {through}) → {event.table}   {goes}{again}"


def progress_parts(event: Progress, last_rows: int) -> tuple[str, ...]:
    """The parts of one line; `last_rows` are those of the last version that was committed.

    Where there is no room the middle ones go first: memory, the table's lag, the commits.
    """
    parts = [
        f"{event.records_per_s:,.0f} rec/s",
        f"{size_text(event.bytes_per_s)}/s",
        f"{lag_text(event.behind_ms)} behind",
        f"version {event.version}",
        f"table {lag_text(event.table_behind_ms)} behind",
        size_text(event.coordinator_rss + sum(event.worker_rss)),
        counted(event.commits, "commit"),
        f"+{last_rows:,} rows",
        f"{counted(event.gaps, 'gap')}",
        f"{counted(event.doubles, 'double')} left out" if event.doubles else "0 doubles",
    ]
    if event.bad:
        parts.append(f"{event.bad:,} bad")
    if event.paused:
        parts.append(f"{counted(len(event.paused), 'shard')} paused")
    if event.retention_left_s is not None and event.retention_left_s < 6 * 3600:
        parts.append(f"lost in {duration_text(max(event.retention_left_s, 0))}")
    return tuple(parts)


def lag_text(ms: int | None) -> str:
    """`0.8 s`, `41 min 12 s`; `–` where it is not known."""
    return "–" if ms is None else duration_text(ms / 1000)


def text_of(event: Event) -> str:
    """What people are told of an event but `Progress`; '': nothing."""
    said = ""
    match event:
        case Began():
            said = began_text(event)
        case BatchCommitted():
            bad = f", {event.rejected:,} rejected" if event.rejected else ""
            size = f"{counted(event.files, 'file')}, {size_text(event.bytes)}"
            said = f"version {event.version}  +{event.rows:,} rows{bad}  {size}"
            said += f"  in {duration_text(event.took_s)}"
        case ShardEnded(shard_id, children):
            after = f"; then {_some(children)}" if children else ""
            said = f"{shard_id} was read to its end{after}"
        case ShardsBegun(shards, reading):
            if len(shards) < reading:  # at the beginning all of them are: `Began` said so
                said = f"reads {_some(shards)} too; {counted(reading, 'shard')} now"
        case Compacted():
            said = _upkeep(event)
        case GapAccepted(gap):
            hours = duration_text((gap.until_ms - gap.since_ms) / 1000)
            since, until = time_text(gap.since_ms), time_text(gap.until_ms)
            said = f"gap of up to {hours} in {gap.shard_id}: {since} to {until}"
        case Noted(message):
            said = message
        case _:
            pass
    return said


def _some(names: tuple[str, ...]) -> str:
    """All of them, or the first and how many more."""
    return ", ".join(names) if len(names) <= 4 else f"{names[0]} and {len(names) - 1:,} more"


def is_detail(event: Event) -> bool:
    """Whether people are told of it only when they asked for more."""
    return isinstance(event, BatchCommitted | Compacted)


def _upkeep(event: Compacted) -> str:
    made = "" if event.version is None else f"  version {event.version}"
    files = ""
    if event.files_before:
        files = f"  {event.files_before:,} files → {event.files_after:,}, {size_text(event.bytes)}"
    return f"{event.what}{made}{files}"


def body_of(event: Event, table: str) -> Body:
    """One JSON line, with its type."""
    told: Body
    match event:
        case Began():
            told = {"type": "stream", "state": "reading", **asdict(event)}
        case Progress():
            told = {**asdict(event), "type": "progress", "table": table}
            told["lags"] = furthest_behind(event.lags)
            told["seconds"] = round(told.pop("elapsed_s"), 3)
        case BatchCommitted():
            told = {**asdict(event), "type": "batch", "table": table}
            told["shards"] = {
                one.shard_id: {"first": one.first, "last": one.last, "records": one.records}
                for one in event.spans
            }
            del told["spans"]
            told |= {"newest": _time(event.newest_ms), "oldest": _time(event.oldest_ms)}
            del told["newest_ms"], told["oldest_ms"]
            told["seconds"] = round(told.pop("took_s"), 3)
        case ShardEnded(shard_id, children):
            told = {"type": "stream", "state": "shard_ended", "table": table, "shard": shard_id}
            told["children"] = list(children)
        case ShardsBegun(shards, reading):
            told = {"type": "stream", "state": "resharded", "table": table}
            told |= {"begun": list(shards), "shards": reading}
        case Compacted():
            told = {"type": "upkeep", "table": table, **asdict(event)}
        case GapAccepted(gap):
            told = {"type": "stream", "state": "gap", "table": table, **gap_body(gap)}
        case Noted(message):
            told = {"type": "note", "table": table, "message": message}
        case Warned():
            told = {"type": "warning", "table": table, "code": event.code}
            told |= {"message": event.message, "next": [event.next_step]}
        case Ended():
            told = ended_body(event)
    return told


def furthest_behind(lags: Mapping[str, int | None]) -> dict[str, int | None]:
    """Of a thousand shards only these are of interest; one whose lag is not known is among them."""
    ordered = sorted(lags.items(), key=lambda one: -(math.inf if one[1] is None else one[1]))
    return dict(ordered[:MOST_LAGS])


def gap_body(gap: Any) -> Body:
    """A `Gap`."""
    return {
        "shard": gap.shard_id,
        "since": time_text(gap.since_ms),
        "until": time_text(gap.until_ms),
    }


def ended_body(event: Ended) -> Body:
    """For the summary."""
    told = asdict(event)
    told["gaps"] = [gap_body(one) for one in event.gaps]
    del told["elapsed_s"]  # the summary has its own
    return told


def ended_lines(event: Ended, table: str, sign: str, rejected: str) -> list[str]:
    """A run that is over; `rejected` is the table of bad records."""
    rate = event.records / event.elapsed_s if event.elapsed_s else 0.0
    word = {"stopped": "stopped, all that was read is committed"}.get(event.reason, event.reason)
    lines = [
        f"  {sign} {word}  version {event.version} of {table}  {duration_text(event.elapsed_s)}",
        f"    {counted(event.records, 'record')}, {counted(event.rows, 'row')} in "
        f"{counted(event.commits, 'commit')}, {rate:,.0f} rec/s, "
        f"{counted(len(event.gaps), 'gap')}",
    ]
    if event.bad:
        lines.append(f"    {counted(event.bad, 'bad record')} in {rejected}, each with its reason")
    if event.doubles:
        lines.append(f"    {counted(event.doubles, 'double')} left out")
    if event.out_of_range:
        lines.append(f"    {_out_of_range(event, rejected)}")
    return lines


def _out_of_range(event: Ended, rejected: str) -> str:
    """What became of records of aggregates that belong to another shard, as was chosen."""
    if event.out_of_range_rule == "kcl":
        what = counted(event.out_of_range, "aggregate")
        return f"{what} dropped whole, for a record in each belongs to another shard"
    became = {
        "keep": "kept",
        "drop-record": "dropped: producers of the KPL send them again",
        "quarantine": f"in {rejected}",
    }[event.out_of_range_rule]
    what = counted(event.out_of_range, "record")
    return f"{what} of aggregates of another shard {became}"


def _time(ms: int | None) -> str | None:
    return None if ms is None else time_text(ms)
