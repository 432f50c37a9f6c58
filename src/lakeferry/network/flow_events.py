"""Log events as JSON -> lines of text, each after the time of its event in ms.

Three forms: an event a line (`timestamp`, `message`), a subscription message a line (`logEvents`),
and one document with `events`, as `GetLogEvents` answers. Source: CloudWatch Logs User Guide,
"Subscription filters".
"""

from collections.abc import Iterator

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json

from lakeferry.network.flow_batch import ReadReport
from lakeferry.network.flow_bytes import parts

LONGEST = 32 << 20  # bytes; a subscription message holds many events
_SMALL = 64 << 10
_EVENT = pa.schema([("timestamp", pa.int64()), ("message", pa.string())])


def event_lines(
    blocks: Iterator[tuple[int, bytes]], name: str, report: ReadReport
) -> Iterator[tuple[int, bytes]]:
    """Blocks of JSON lines as blocks of text lines, with the number of their first line."""
    for line, block in blocks:
        lines = _plain_events(block)
        if lines is not None:
            yield line, lines
            continue
        whole = _document(block) if line == 1 else None
        if whole is not None:
            yield line, whole
            continue
        for at, part in parts(line, block, _SMALL):
            lines = _plain_events(part)
            if lines is not None:
                yield at, lines
            else:
                yield from _one_by_one(at, part, name, report)


def _plain_events(block: bytes) -> bytes | None:
    """The lines of a block that holds an event a line; None where it holds anything else."""
    try:
        table = json.read_json(
            pa.BufferReader(block),
            read_options=json.ReadOptions(use_threads=False, block_size=len(block) + 1),
            parse_options=json.ParseOptions(
                explicit_schema=_EVENT, unexpected_field_behavior="ignore"
            ),
        )
    except pa.ArrowInvalid:
        return None
    times, messages = table["timestamp"], table["message"]
    if times.null_count or messages.null_count or not table.num_rows:
        return None
    messages = _one_line(messages)
    lines = pc.binary_join_element_wise(times.cast(pa.string()), messages, " ")
    lines = lines.combine_chunks() if isinstance(lines, pa.ChunkedArray) else lines
    joined = pc.binary_join(pa.ListArray.from_arrays([0, len(lines)], lines), "\n")
    return bytes(joined[0].as_buffer()) + b"\n"


def _one_line(messages: pa.ChunkedArray) -> pa.ChunkedArray:
    """Messages without line ends: each stays one event."""
    if pc.any(pc.match_substring_regex(messages, "[\r\n]")).as_py():
        return pc.replace_substring_regex(messages, "[\r\n]+", " ")
    return messages


def _document(block: bytes) -> bytes | None:
    """The events of a body that is one JSON value on several lines."""
    if b"\n" not in block.strip():
        return None
    try:
        found = orjson.loads(block)
    except orjson.JSONDecodeError:
        return None
    return _lines(found if isinstance(found, list) else [found])


def _one_by_one(
    line: int, block: bytes, name: str, report: ReadReport
) -> Iterator[tuple[int, bytes]]:
    for number, raw in enumerate(block.split(b"\n"), line):
        if not raw.strip():
            continue
        try:
            lines = _lines([orjson.loads(raw)])
        except orjson.JSONDecodeError:
            lines = None
        if lines is None:
            report.add_bad(name, number, raw, "it is no log event in JSON")
        elif lines:
            yield number, lines


def _lines(values: list[object]) -> bytes | None:
    """The lines of events or of messages that hold events; None where one is neither."""
    found: list[str] = []
    for value in values:
        if not isinstance(value, dict):
            return None
        if value.get("messageType") == "CONTROL_MESSAGE":
            continue  # CloudWatch Logs tries whether the destination can be reached
        events = value.get("logEvents", value.get("events", [value]))
        for event in events if isinstance(events, list) else [None]:
            if not isinstance(event, dict) or not isinstance(message := event.get("message"), str):
                return None
            time = event.get("timestamp")
            stamp = str(time) if isinstance(time, int) else "-"
            found.append(f"{stamp} {' '.join(message.split())}\n")
    return "".join(found).encode()
