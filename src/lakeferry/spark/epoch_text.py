"""Plans and ends of batches as JSON, and Spark's offset: what is written is what is read. Pure."""

from collections.abc import Mapping
from typing import Any

import orjson

from lakeferry.errors import FerryError
from lakeferry.ingest.kinesis.lineage import Listing, Shard
from lakeferry.ingest.position.state import Span
from lakeferry.ingest.position.text import parse_state, parsed_position, position_json, state_text
from lakeferry.spark.epoch import ChunkEnd, EpochPlan, Mark

FORMAT = 1
_UNREADABLE = (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError)


def offset_of(mark: Mark) -> dict[str, int | str]:
    """A mark as Spark's offset; equal marks give equal texts."""
    until = {} if mark.until_ms is None else {"until": mark.until_ms}
    return {"epoch": mark.epoch, "token": mark.token, **until}


def mark_of(offset: Mapping[str, Any]) -> Mark:
    """The mark of an offset. Raises FerryError LF-7072 where it is none of ours."""
    try:
        until = offset.get("until")
        until_ms = None if until is None else int(until)
        return Mark(int(offset["epoch"]), str(offset["token"]), until_ms)
    except _UNREADABLE as error:
        raise _unreadable(f"the checkpoint's offset {offset}", str(error)) from error


def plan_text(plan: EpochPlan) -> bytes:
    """A plan as JSON."""
    body = {
        "v": FORMAT,
        "mark": offset_of(plan.mark),
        "before": None if plan.before is None else offset_of(plan.before),
        "state": orjson.Fragment(state_text(plan.state)),
        "groups": [
            {shard_id: _shard_json(shard) for shard_id, shard in group.items()}
            for group in plan.groups
        ],
    }
    return orjson.dumps(body)


def parse_plan(text: bytes, where: str) -> EpochPlan:
    """The plan of a text; `where` it lies is for the error. Raises FerryError LF-7072."""
    try:
        body = orjson.loads(text)
        _check_format(body)
        return EpochPlan(
            mark_of(body["mark"]),
            None if body["before"] is None else mark_of(body["before"]),
            parse_state(orjson.dumps(body["state"]).decode(), where),
            tuple(_group(group) for group in body["groups"]),
        )
    except _UNREADABLE as error:
        raise _unreadable(where, f"{type(error).__name__}: {error}") from error


def end_text(end: ChunkEnd) -> bytes:
    """The end of a part as JSON; equal ends give equal texts."""
    body = {
        "v": FORMAT,
        "spans": [_span_json(span) for span in end.spans],
        "behind": dict(sorted(end.behind_ms.items())),
        "settled": sorted(end.settled),
        "paused": dict(sorted(end.paused.items())),
        "last": end.last,
    }
    return orjson.dumps(body)


def parse_end(text: bytes, where: str) -> ChunkEnd:
    """The end of a text; `where` it lies is for the error. Raises FerryError LF-7072."""
    try:
        body = orjson.loads(text)
        _check_format(body)
        return ChunkEnd(
            tuple(_span(span) for span in body["spans"]),
            dict(body["behind"]),
            frozenset(body["settled"]),
            dict(body["paused"]),
            bool(body["last"]),
        )
    except _UNREADABLE as error:
        raise _unreadable(where, f"{type(error).__name__}: {error}") from error


def _check_format(body: Mapping[str, Any]) -> None:
    if body["v"] != FORMAT:
        raise ValueError(f"it is of format {body['v']}, known is {FORMAT}")


def _shard_json(shard: Shard) -> dict[str, Any]:
    first, last = shard.hash_range  # of 128 bits: more than a number of JSON
    return {
        "parents": shard.parents,
        "hashes": [str(first), str(last)],
        "closed": shard.closed,
    }


def _group(body: Mapping[str, Any]) -> Listing:
    return {
        shard_id: Shard(
            shard_id,
            tuple(one["parents"]),
            (int(one["hashes"][0]), int(one["hashes"][1])),
            bool(one["closed"]),
        )
        for shard_id, one in body.items()
    }


def _span_json(span: Span) -> dict[str, Any]:
    return {
        "shard": span.shard_id,
        "begins": position_json(span.begins),
        "ends": position_json(span.ends),
        "records": span.records,
        "first": span.first,
    }


def _span(body: Mapping[str, Any]) -> Span:
    return Span(
        body["shard"],
        parsed_position(body["begins"]),
        parsed_position(body["ends"]),
        int(body["records"]),
        body["first"],
    )


def _unreadable(where: str, why: str) -> FerryError:
    return FerryError(
        "LF-7072",
        "what a batch read is not recorded as it should be",
        f"{where}: {why}",
        "use the version of lakeferry that wrote it; never start anew into a table that has rows "
        "of the stream, for those would come twice",
    )
