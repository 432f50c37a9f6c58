"""The text of an ingest's positions, as it lies in a table, and the one that people are shown.

A sequence number has 56 digits, and a thousand shards are kept anew by each commit. So of shards as
AWS names them a table keeps what varies, in half of the bytes: `"17":"<number> <records> <ms>"`
under `after`, where the number's bytes are written in base64 and milliseconds are before `until`.
All else, and whatever is printed, is in the form that was the only one at first: format 1.
"""

import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from lakeferry.errors import FerryError
from lakeferry.ingest.position.state import (
    After,
    Ended,
    FromTime,
    FromTrimHorizon,
    Gap,
    IngestState,
    Missed,
    Position,
    StreamIdentity,
)

PLAIN, SHORT = 1, 2  # formats
_USUAL = re.compile(r"shardId-([0-9]{12})")
_NUMBER = re.compile(r"0|[1-9][0-9]*")  # as all are that AWS gives; others are kept as texts


def state_text(state: IngestState) -> str:
    """The state as a table keeps it; equal states give equal texts."""
    newest = max((one.read_until_ms for one in state.shards.values()), default=0)
    after: dict[str, str] = {}
    others: dict[str, Position] = {}
    for shard, place in sorted(state.shards.items()):
        usual = _USUAL.fullmatch(shard)
        if usual and isinstance(place, After) and _NUMBER.fullmatch(place.sequence_number):
            after[str(int(usual[1]))] = _short(place, newest)
        else:
            others[shard] = place
    body = state_json(replace(state, shards=others))
    return orjson.dumps(body | {"v": SHORT, "until": newest, "after": after}).decode()


def state_json(state: IngestState) -> dict[str, Any]:
    """The state as JSON that people read; `parse_state` takes its text, too."""
    stream = state.stream
    body = {
        "v": PLAIN,
        "epoch": state.epoch,
        "stream": {
            "name": stream.name,
            "arn": stream.arn,
            "created": stream.created_ms,
            **({"id": stream.stream_id} if stream.stream_id else {}),
        },
        "shards": {shard: position_json(place) for shard, place in sorted(state.shards.items())},
        "gaps": [
            {"shard": gap.shard_id, "since": gap.since_ms, "until": gap.until_ms}
            for gap in state.gaps
        ],
    }
    if state.missed:
        body["missed"] = {
            shard: {**position_json(one.place), "missed": one.since_ms}
            for shard, one in sorted(state.missed.items())
        }
    return body


def parse_state(text: str, where: str) -> IngestState:
    """The state of a text; `where` it lies is for the error. Raises FerryError LF-7002."""
    try:
        body = orjson.loads(text)
        if body["v"] not in (PLAIN, SHORT):
            why = f"it is of format {body['v']}, known are {PLAIN} and {SHORT}"
            raise _unreadable(where, why)
        stream = body["stream"]
        return IngestState(
            int(body["epoch"]),
            StreamIdentity(stream["name"], stream["arn"], stream["created"], stream.get("id")),
            _parsed_shards(body),
            tuple(Gap(gap["shard"], gap["since"], gap["until"]) for gap in body["gaps"]),
            {shard: _parsed_missed(one) for shard, one in body.get("missed", {}).items()},
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unreadable(where, f"{type(error).__name__}: {error}") from error


def _parsed_shards(body: Mapping[str, Any]) -> dict[str, Position]:
    found = {shard: parsed_position(place) for shard, place in body["shards"].items()}
    if body["v"] == PLAIN:
        return found
    newest = int(body["until"])
    for number, told in body["after"].items():
        shard = f"shardId-{int(number):012d}"
        if shard in found:
            raise ValueError(f"{shard} stands at two places")
        found[shard] = _of_short(told, newest)
    return found


# --- short ----------------------------------------------------------------------------------


def _short(place: After, newest_ms: int) -> str:
    number = int(place.sequence_number)
    said = number.to_bytes((number.bit_length() + 7) // 8, "big")
    text = urlsafe_b64encode(said).decode().rstrip("=")
    return f"{text} {place.records} {newest_ms - place.read_until_ms}"


def _of_short(told: str, newest_ms: int) -> After:
    """Raises ValueError."""
    text, records, before_ms = told.split(" ")
    said = b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    number = int.from_bytes(said, "big")
    return After(str(number), newest_ms - int(before_ms), int(records))


# --- plain ----------------------------------------------------------------------------------


def position_json(place: Position) -> dict[str, Any]:
    """A position as JSON values; `parsed_position` reads them."""
    match place:
        case FromTrimHorizon(until):
            return {"start": "trim_horizon", "until": until}
        case FromTime(at_ms, until):
            return {"start": at_ms, "until": until}
        case After(number, until, records):
            return {"seq": number, "until": until, "records": records}
        case Ended(until, children, records):
            found = {"end": True, "until": until, "records": records}
            return {**found, "children": list(children)}


def parsed_position(body: Mapping[str, Any]) -> Position:
    """The position of such values. Raises KeyError, TypeError, ValueError for others."""
    until = int(body["until"])
    if body.get("end"):
        return Ended(until, tuple(body["children"]), int(body["records"]))
    if "seq" in body:
        if not str(body["seq"]).isdecimal():
            raise ValueError(f"{body['seq']!r} is no sequence number")
        return After(body["seq"], until, int(body["records"]))
    if body["start"] == "trim_horizon":
        return FromTrimHorizon(until)
    return FromTime(int(body["start"]), until)


def _parsed_missed(body: Mapping[str, Any]) -> Missed:
    return Missed(parsed_position(body), int(body["missed"]))


def _unreadable(where: str, why: str) -> FerryError:
    return FerryError(
        "LF-7002",
        "the positions of this ingest cannot be read",
        f"{where}: {why}",
        "use the version of lakeferry that wrote them; never start anew on a table that has rows "
        "of the stream, for those would come twice",
    )
