"""Log events whose messages are JSON objects: read, and looked into by the paths of rules."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
import pyarrow as pa

from lakeferry.network.flow_bytes import GZIP, begun, inflated

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_TIMES = ("timestamp", "@timestamp", "time", "start")  # of an event that is not wrapped
_BATCH = 10_000  # events
_LONGEST_LINE = 16 << 20  # bytes; a subscription message holds many events
_MILLISECONDS_FROM = 10**11  # a time above it is not in seconds


@dataclass(frozen=True, slots=True)
class JsonBatch:
    """Events in the order of the log. event_ms: int64, null where an event has no time."""

    events: tuple[Mapping[str, object], ...]
    event_ms: pa.Int64Array
    source: str


@dataclass(slots=True)
class JsonReadReport:
    """What was met while reading."""

    events: int = 0
    bad_lines: int = 0  # no JSON, or a message that is no JSON object
    first_bad: str = ""  # source, line, reason


def read_json_events(
    body: Iterator[bytes], *, name: str, report: JsonReadReport
) -> Iterator[JsonBatch]:
    """Read log events, one JSON object a line, gzip or not.

    A line is a log event (`timestamp` and `message`), a subscription message (`logEvents`), or an
    event itself; then its time is `timestamp`, `@timestamp`, `time` or `start`, in ms, s or
    ISO 8601. One document with `events` on many lines is read too, as GetLogEvents answers.

    Raises:
        FerryError: LF-6204 for a gzip body that is damaged or cut short.
    """
    events: list[Mapping[str, object]] = []
    times: list[int | None] = []
    first, body = begun(body)
    if first.startswith(GZIP):
        body = inflated(body, name)
    for number, line in enumerate(_values(body), 1):
        if not line.strip():
            continue
        for time_ms, event in _events(line):
            if event is None:
                report.bad_lines += 1
                report.first_bad = report.first_bad or f"{name}:{number}: no JSON object"
                continue
            report.events += 1
            events.append(event)
            times.append(time_ms)
        if len(events) >= _BATCH:
            yield JsonBatch(tuple(events), pa.array(times, pa.int64()), name)
            events, times = [], []
    if events:
        yield JsonBatch(tuple(events), pa.array(times, pa.int64()), name)


def _events(line: bytes) -> Iterator[tuple[int | None, Mapping[str, object] | None]]:
    outer = _object(line)
    if outer is None:
        yield None, None
        return
    inner = outer.get("logEvents", outer.get("events"))
    for event in inner if isinstance(inner, list) else [outer]:
        if not isinstance(event, dict):
            yield None, None
        elif isinstance(message := event.get("message"), str) and "timestamp" in event:
            yield _time_ms(event["timestamp"]), _object(message)
        else:
            found = (event.get(key) for key in _TIMES)
            yield next((t for t in map(_time_ms, found) if t is not None), None), event


def _object(text: bytes | str) -> dict[str, object] | None:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _time_ms(value: object) -> int | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value) if value >= _MILLISECONDS_FROM else int(value * 1000)
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    # A time without zone is UTC, as CloudWatch's own are.
    return round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def _values(body: Iterator[bytes]) -> Iterator[bytes]:
    """Lines, each a value; all of it where the first line alone is none and the whole is."""
    lines = _lines(body)
    first = next(lines, b"").removeprefix(b"\xef\xbb\xbf")
    if first.strip() not in (b"{", b"["):
        yield first
        yield from lines
        return
    held, size = [first], 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size > _LONGEST_LINE:
            break
    whole = b"\n".join(held)
    try:
        found = orjson.loads(whole)
    except orjson.JSONDecodeError:
        yield from held
        yield from lines
        return
    yield from map(orjson.dumps, found if isinstance(found, list) else [found])


def _lines(body: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in body:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
        if len(rest) > _LONGEST_LINE:
            yield b"!"  # counted as bad; what follows up to the next line end is too
            rest = b""
    if rest:
        yield rest


def texts_at(events: Sequence[Mapping[str, object]], path: str) -> pa.StringArray:
    """The leaf at a path such as `$.a.b[0]`, as text, one an event; null where there is none.

    Numbers and booleans are as JSON writes them; an object, an array and null are no leaves.
    """
    steps = _steps(path)
    if steps is None:
        return pa.nulls(len(events), pa.string())
    return pa.array([_leaf(event, steps) for event in events], pa.string())


def _steps(path: str) -> list[str | int] | None:
    """The members and indices that a path names; None for a path that we cannot follow."""
    if not path.startswith("$"):
        return None
    steps: list[str | int] = []
    at = 1
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None:
            return None
        steps.append(found[1] if found[1] is not None else int(found[2]))
        at = found.end()
    return steps


def _leaf(event: object, steps: Sequence[str | int]) -> str | None:
    for step in steps:
        if isinstance(step, str):
            event = event.get(step) if isinstance(event, dict) else None
        else:
            there = isinstance(event, list) and step < len(event)
            event = event[step] if there else None  # type: ignore[index]
    if isinstance(event, str):
        return event
    if isinstance(event, bool | int | float):
        return orjson.dumps(event).decode()
    return None
