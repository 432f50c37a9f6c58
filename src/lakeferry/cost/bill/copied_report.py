"""What clones say of themselves (`--log-file`, `--json`) -> bytes copied by the hour. Pure.

A line for each file that landed tells best. Where a run has none, its bytes are those of its
summary, laid over its hours as its progress went, or evenly where it tells none. Only what was
streamed went through a network of ours: a copy within one service did not.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from lakeferry.cost.bill.observed import HOUR, Copied
from lakeferry.errors import FerryError


@dataclass(slots=True)
class _Run:
    """One run of a command, as far as its lines were read."""

    landed: Counter[int] = field(default_factory=Counter)  # bytes by hour
    files: int = 0  # lines of files that landed, by whatever way
    moved: Counter[int] = field(default_factory=Counter)  # bytes by hour, as progress has it
    done: dict[str, int] = field(default_factory=dict)  # by table, at its last progress
    copied: int | None = None  # bytes, as the summary has it; None: there is none
    began: int = 0  # s since the epoch
    ended: int = 0
    rehearsal: bool = False

    def hours(self) -> Mapping[int, int]:
        """Bytes by hour."""
        if self.rehearsal:
            return {}
        if self.files:
            return self.landed
        if self.copied is None:
            return self.moved
        weights = self.moved if self.moved.total() else _evenly(self.began, self.ended)
        return _dealt(self.copied, weights)


def read_report(lines: Iterable[bytes], name: str, path: str) -> tuple[Copied, ...]:
    """The bytes that runs of `lakeferry clone` moved, by the hour.

    Args:
        lines: JSON lines of one run or of many, one after another or mixed.
        name: of the file, for messages.
        path: which the bytes took, `nat-…`: reports do not say.

    A last line that is cut off is left out: its run may still be writing.

    Raises:
        FerryError: LF-6607 for a line that is none of a report, or for a file without a run.
    """
    runs: dict[str, _Run] = {}
    for number, line in _numbered(lines, name):
        try:
            _take(runs, line)
        except (KeyError, TypeError, ValueError) as error:
            raise _malformed(name, number, f"it lacks {error}") from error
    if not runs:
        raise _malformed(name, 1, "it has no line")
    sums: Counter[int] = Counter()
    for run in runs.values():
        sums.update(run.hours())
    return tuple(Copied(hour, path, sums[hour]) for hour in sorted(sums))


def _numbered(lines: Iterable[bytes], name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    broken: int | None = None
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        if broken is not None:
            raise _malformed(name, broken, "it is no JSON object")
        try:
            line = orjson.loads(text)
        except orjson.JSONDecodeError:
            broken = number
            continue
        if not isinstance(line, dict):
            raise _malformed(name, number, "it is no JSON object")
        yield number, line
    if broken == 1:
        raise _malformed(name, broken, "it is no JSON object")


def _take(runs: dict[str, _Run], line: Mapping[str, Any]) -> None:
    at = int(datetime.fromisoformat(line["ts"].replace("Z", "+00:00")).timestamp())
    run = runs.setdefault(line["run"], _Run(began=at))
    run.ended = at
    hour = at // HOUR * HOUR
    match line["type"]:
        case "file":
            run.files += 1
            if line["how"] == "streamed":
                run.landed[hour] += int(line["bytes"])
        case "progress" if "bytes" in line:
            done, table = int(line["bytes"]["done"]), line["table"]
            before = run.done.get(table)
            # The first tells what was there before too; one that falls began anew.
            if before is not None:
                run.moved[hour] += done - before if done >= before else done
            run.done[table] = done
        case "summary":
            run.copied = int(line.get("bytes_copied") or 0)
            run.rehearsal = bool(line.get("dry_run"))
            run.began = min(run.began, at - round(line["seconds"]))


def _evenly(began: int, ended: int) -> dict[int, int]:
    """Seconds of each hour in which a run was."""
    until = max(ended, began + 1)
    first, last = began // HOUR * HOUR, (until - 1) // HOUR * HOUR
    return {
        hour: min(hour + HOUR, until) - max(hour, began) for hour in range(first, last + 1, HOUR)
    }


def _dealt(size: int, weights: Mapping[int, int]) -> dict[int, int]:
    """`size` by hour as the weights are; whole bytes whose sum is `size`."""
    whole = sum(weights.values())
    found, due, so_far = {}, 0, 0
    for hour in sorted(weights):
        so_far += weights[hour]
        found[hour] = size * so_far // whole - due
        due += found[hour]
    return found


def _malformed(name: str, line: int, reason: str) -> FerryError:
    return FerryError(
        "LF-6607",
        f"line {line} cannot be read as the report of a clone: {reason}",
        name,
        "give what `lakeferry clone --log-file FILE` wrote, or `hour,nat,payload_bytes` as CSV",
    )
