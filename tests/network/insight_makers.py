"""Batches and rules in few words, and the shared sample of flow logs read the plain way."""

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from lakeferry.network.rules import Filter, Rule
from tests.corpora import ROOT, required

SAMPLE = ROOT / "flowlogs" / "sample"
V2 = (
    "version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport",
    "protocol", "packets", "bytes", "start", "end", "action", "log-status",
)  # fmt: skip


@dataclass(frozen=True)
class Batch:
    """Shaped as a `FlowBatch` that was read as text."""

    fields: tuple[str, ...]
    rows: pa.RecordBatch


def batch(
    fields: Sequence[str], rows: Sequence[Sequence[str | None]], event_ms: Sequence[int | None]
) -> Batch:
    """Rows of tokens; a short row lacks its last fields."""
    width = len(fields)
    full = [[*row, *[None] * (width - len(row))] for row in rows]
    columns = {
        name.replace("-", "_"): pa.array([row[index] for row in full], pa.string())
        for index, name in enumerate(fields)
    }
    times = {"event_ms": pa.array(event_ms, pa.int64())}
    return Batch(tuple(fields), pa.RecordBatch.from_pydict(columns | times))


def sample_batches(encoding: str) -> Iterator[Batch]:
    """The shared scenario in one of its text encodings: custom, v2, odd, v11, cwl."""
    for path in sorted(required(SAMPLE / encoding).rglob("*.gz")):
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        if encoding == "cwl":
            events = [json.loads(line) for line in lines]
            fields = json.loads((SAMPLE / "expected.json").read_text())["formats"]["cwl"]
            rows = [event["message"].split() for event in events]
            yield batch(fields, rows, [event["timestamp"] for event in events])
        else:
            fields, *rows = [line.split() for line in lines]
            start = fields.index("start")
            yield batch(fields, rows, [int(row[start]) * 1000 for row in rows])


def rule(
    keys: Sequence[str],
    *filters: Filter,
    value_of: str | None = None,
    fields: Sequence[str] = V2,
    name: str = "r",
) -> Rule:
    """A CLF rule over a format; every field has its name as alias."""
    return Rule(
        name,
        "CLF",
        tuple(keys),
        tuple(filters),
        value_of,
        "Sum" if value_of else "Count",
        tuple(enumerate(fields, 1)),
        ("/lakeferry/flowlogs",),
    )
