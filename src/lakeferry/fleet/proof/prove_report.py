"""A run of comparisons as one document: JSON with sorted keys, and the same to look at in HTML.

The JSON alone is signed off: its hash is in the HTML and in the ledger.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.proof.receipt_page import page
from lakeferry.fleet.proof.run import Proved, ProveRequest
from lakeferry.ledger.rows import LakeTable
from lakeferry.version import VERSION

FORMAT = "lakeferry.verification/1"


@dataclass(frozen=True, slots=True)
class Written:
    """A report on the disk."""

    html: Path
    json: Path
    sha256: str  # of the JSON's bytes


def places(name: str) -> tuple[Path, Path]:
    """The HTML file and its JSON twin. Raises LF-2001 for a name that is neither."""
    given = Path(name)
    if given.suffix not in (".html", ".json"):
        raise FerryError(
            "LF-2001", f"`{name}` is neither .html nor .json", "--report",
            "name one; the other is written beside it",
        )  # fmt: skip
    return given.with_suffix(".html"), given.with_suffix(".json")


def document(
    wanted: Migration,
    found: Sequence[Proved],
    left_out: Sequence[tuple[LakeTable, str]],
    asked: ProveRequest,
    *,
    began_at_ms: int,
    ended_at_ms: int,
) -> dict[str, Any]:
    """All that a report says, by table in their order.

    Args:
        left_out: tables that could not be compared, and why.
    """
    tables = []
    for one in sorted(found, key=lambda each: each.table.name):
        if one.receipt is not None:
            tables.append({**orjson.loads(one.receipt.body), "receipt": one.receipt.sha256})
    unmade = [{"table": one.table.name, "code": one.error.code, "why": one.error.what}
              for one in found if one.error is not None]  # fmt: skip
    unmade += [{"table": one.name, "code": "", "why": why} for one, why in left_out]
    outcomes = Counter(one.outcome for one in found)
    return {
        "format": FORMAT,
        "lakeferry": VERSION,
        "migration": wanted.name,
        "manifest_sha256": wanted.sha256,
        "asked": {"strength": asked.strength, "sample": asked.sample, "seed": asked.seed,
                  "against": asked.against},
        "began_at_ms": began_at_ms,
        "ended_at_ms": ended_at_ms,
        "identical": outcomes["equal"],
        "different": outcomes["different"],
        "not_compared": sorted(unmade, key=lambda each: each["table"]),
        "tables": tables,
    }  # fmt: skip


def write(body: dict[str, Any], name: str) -> Written:
    """Write both halves. Raises LF-2004 where they cannot be written."""
    html, twin = places(name)
    text = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    sha256 = hashlib.sha256(text).hexdigest()
    try:
        twin.write_bytes(text)
        html.write_text(page(body, sha256=sha256), "utf-8")
    except OSError as error:
        raise FerryError(
            "LF-2004", "the report cannot be written", f"{name}: {error.strerror}",
            "name another place with --report",
        ) from error  # fmt: skip
    return Written(html, twin, sha256)
