"""What was copied and what flow logs saw, by the hour: as values, and in the CSV forms of both.

`hour,nat,payload_bytes` and `hour,interface_id,bytes,bytes_to_s3_prefix_list`; further columns
name parts of these bytes that are known. Hours are UTC, bytes are whole. Pure.
"""

import csv
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import pyarrow as pa

from lakeferry.errors import FerryError

HOUR = 3600  # s
_ROWS = 1 << 16  # of totals at once


@dataclass(frozen=True, slots=True)
class Copied:
    """Payload that was committed in one hour by one path."""

    hour: int  # s since the epoch, where the hour begins
    path: str  # `nat-…`, `i-…`, `vpce-…`
    payload: int  # bytes
    retried: int = 0  # bytes that were sent and not committed

    def __post_init__(self) -> None:
        _check(self.hour, payload=self.payload, retried=self.retried)


@dataclass(frozen=True, slots=True)
class Seen:
    """What flow logs show of one interface in one hour, each byte once."""

    hour: int  # s since the epoch, where the hour begins
    interface: str  # `eni-…`
    bytes: int
    to_s3: int = 0  # of them: to and from S3's prefix list
    unsolicited: int = 0  # of them: came from outside, and nobody had asked
    others: int = 0  # of them: of machines that copy nothing
    skipped: int = 0  # records that AWS says it left out

    def __post_init__(self) -> None:
        known = {"to_s3": self.to_s3, "unsolicited": self.unsolicited, "others": self.others}
        _check(self.hour, bytes=self.bytes, skipped=self.skipped, **known)
        if sum(known.values()) > self.bytes:
            raise ValueError(f"the parts of {self.bytes} bytes come to {sum(known.values())}")


def _check(hour: int, **counts: int) -> None:
    for name, count in counts.items():
        if count < 0:
            raise ValueError(f"{name} is {count}, expected 0 or more")
    if hour % HOUR:
        raise ValueError("the time is not the beginning of an hour")


_COPIED = {"hour": "hour", "path": "nat", "payload": "payload_bytes", "retried": "retried_bytes"}
_SEEN = {
    "hour": "hour",
    "interface": "interface_id",
    "bytes": "bytes",
    "to_s3": "bytes_to_s3_prefix_list",
    "unsolicited": "unsolicited_bytes",
    "others": "others_bytes",
    "skipped": "skipped_records",
}

Row = TypeVar("Row", Copied, Seen)


def read_copied(lines: Iterable[str], name: str) -> tuple[Copied, ...]:
    """The CSV form of what was copied. Raises LF-6607 with the line that cannot be read."""
    return tuple(_rows(lines, name, _COPIED, ("hour", "path", "payload"), Copied))


def read_seen(lines: Iterable[str], name: str) -> tuple[Seen, ...]:
    """The CSV form of what flow logs saw. Raises LF-6607 with the line that cannot be read."""
    return tuple(_rows(lines, name, _SEEN, ("hour", "interface", "bytes", "to_s3"), Seen))


def _rows(
    lines: Iterable[str],
    name: str,
    columns: dict[str, str],
    needed: Sequence[str],
    make: Callable[..., Row],
) -> Iterator[Row]:
    reader = csv.DictReader(lines, strict=True)
    try:
        header = [one.removeprefix("\ufeff") for one in reader.fieldnames or ()]
    except csv.Error as error:
        raise _malformed(name, 1, str(error), columns, needed) from error
    reader.fieldnames = header
    absent = [columns[one] for one in needed if columns[one] not in header]
    if absent:
        raise _malformed(name, 1, f"the header lacks {', '.join(absent)}", columns, needed)
    there = {one: column for one, column in columns.items() if column in header}
    try:
        for row in reader:
            if None in row or None in row.values():
                raise ValueError(f"it has not the {len(header)} columns of the header")
            yield make(**{one: _value(one, row[column]) for one, column in there.items()})
    except (ValueError, csv.Error) as error:
        raise _malformed(name, reader.line_num, str(error), columns, needed) from error


def _value(name: str, text: str) -> int | str:
    if name in ("path", "interface"):
        if not text.strip():
            raise ValueError("it names no path")
        return text.strip().rsplit("/", 1)[-1]
    if name == "hour":
        found = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
        return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
    if not text.strip().lstrip("-").isascii() or not text.strip().lstrip("-").isdigit():
        raise ValueError(f"{text!r} is no whole number of bytes")
    return int(text)


def _malformed(
    name: str, line: int, reason: str, columns: dict[str, str], needed: Sequence[str]
) -> FerryError:
    header = ",".join(columns[one] for one in needed)
    return FerryError(
        "LF-6607",
        f"line {line} cannot be read: {reason}",
        name,
        f"write `{header}`: one hour (UTC, such as 2026-10-01T05:00:00Z) of one path a line",
    )


def seen_of(
    totals: pa.Table,
    skipped: Mapping[str, int] | None = None,
    *,
    subnets: Collection[str] | None = None,
) -> tuple[Seen, ...]:
    """What flow logs saw by device and hour, from the totals of `network.PathTotals`.

    Args:
        totals: columns device, leak (whether it went to S3 by a path that charges), minute (s),
            bytes (int64), and subnet where `subnets` are given; further columns are summed over.
            Rows without a device are left out.
        skipped: records that AWS left out, by device; told in the device's first hour.
        subnets: ids of those whose bytes are the copy's; what a device carries for any other, but
            for the leak, is others' traffic. None: all is the copy's.

    A minute is that in which a record began, so with records of a minute an hour may have what
    a record carried into the next; over hours in a row that evens out.
    """
    columns = ["device", "leak", "minute", "bytes", *(["subnet"] if subnets is not None else [])]
    sums: dict[tuple[str, int], Counter[str]] = {}
    for batch in totals.select(columns).to_batches(max_chunksize=_ROWS):
        for row in batch.to_pylist():
            if row["device"] and row["minute"] is not None:
                cell = sums.setdefault((row["device"], row["minute"] // HOUR * HOUR), Counter())
                cell["bytes"] += row["bytes"]
                cell[_part(row, subnets)] += row["bytes"]
    told: set[str] = set()
    found: list[Seen] = []
    for (device, hour), cell in sorted(sums.items()):
        lost = 0 if device in told else (skipped or {}).get(device, 0)
        told.add(device)
        parts = {"to_s3": cell["to_s3"], "others": cell["others"]}
        found.append(Seen(hour, device, cell["bytes"], **parts, skipped=lost))
    return tuple(found)


def _part(row: Mapping[str, Any], subnets: Collection[str] | None) -> str:
    if row["leak"]:
        return "to_s3"
    if subnets is not None and row["subnet"] and row["subnet"] not in subnets:
        return "others"
    return "own"
