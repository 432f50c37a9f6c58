"""What was proven of one table, as a receipt: JSON with sorted keys, whose hash is over its bytes.

It lies beside the table, in the ledger and, by its hash, in the catalog. A receipt of a proof says
how strongly, of which share, and what was not looked at; it also says what was found to differ.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from lakeferry.fleet.proof.content import Content
from lakeferry.fleet.proof.receipt_files import receipt_of
from lakeferry.ledger.rows import LakeTable, Receipt
from lakeferry.verify.report import STRENGTHS, Finding, VerifyReport
from lakeferry.version import VERSION

FORMAT = "lakeferry.verify/1"
TOLD = 20  # findings


@dataclass(frozen=True, slots=True)
class VerifyReceipt:
    """A comparison of one table with its source. Times are ms since the epoch, UTC."""

    table: str
    wave: int
    source: str  # address
    source_id: str  # metaData.id
    source_version: int
    target: str
    target_id: str
    target_version: int
    mode: str
    strength: str
    sample: float  # share of the files that were looked into, 0 to 1
    seed: int
    against: str | None  # another engine that read the target
    equal: bool
    checks: tuple[str, ...]  # that were made
    findings: tuple[Finding, ...]  # at most `TOLD`
    not_seen: tuple[str, ...]
    content: Content
    rows: int | None  # of the sample; None: not counted
    source_digest: str | None  # of the rows
    target_digest: str | None
    bytes_read: int
    began_at_ms: int
    ended_at_ms: int
    lakeferry: str = VERSION
    format: str = FORMAT

    def body(self) -> str:
        """The receipt's text."""
        return orjson.dumps(asdict(self), option=orjson.OPT_SORT_KEYS).decode()

    def kept(self) -> Receipt:
        """As the ledger and the table keep it."""
        return receipt_of(self.target, "verify", self.ended_at_ms, self.body())


def verify_receipt(
    table: LakeTable,
    report: VerifyReport,
    content: Content,
    *,
    against: str | None,
    ended_at_ms: int,
) -> VerifyReceipt:
    """The receipt of one comparison."""
    return VerifyReceipt(
        table=table.name,
        wave=table.wave,
        source=table.source_url,
        source_id=content.source_id,
        source_version=report.source_version,
        target=table.target_url,
        target_id=content.target_id,
        target_version=report.target_version,
        mode=content.mode,
        strength=report.strength,
        sample=report.sample,
        seed=report.seed,
        against=against,
        equal=report.equal,
        checks=report.checks,
        findings=report.findings[:TOLD],
        not_seen=report.not_seen,
        content=content,
        rows=report.rows,
        source_digest=report.source_digest,
        target_digest=report.target_digest,
        bytes_read=report.bytes_read,
        began_at_ms=ended_at_ms - round(report.seconds * 1000),
        ended_at_ms=ended_at_ms,
    )


def told_strength(strength: str, sample: float = 1.0) -> str:
    """A strength with its share, as the ledger keeps it: `rows`, `rows 5 %`."""
    return strength if sample >= 1 or strength == "listed" else f"{strength} {100 * sample:g} %"


def rank(told: str | None) -> tuple[int, float]:
    """For comparing strengths: a sample, however large, proves no more than `listed` for sure."""
    name, _, share = (told or "").partition(" ")
    if name not in STRENGTHS:
        return (-1, 0.0)
    if share:
        return (0, STRENGTHS.index(name) + float(share.split()[0]) / 1000)
    return (STRENGTHS.index(name), 0.0)


def proven_by(body: Mapping[str, Any]) -> str | None:
    """The strength, with its share, that a receipt of a proof states; None: it states none."""
    strength = body.get("strength")
    sample = body.get("sample", 1.0)
    if not isinstance(strength, str) or not isinstance(sample, int | float):
        return None
    return told_strength(strength, sample)


def proven_content(receipt: Receipt | None) -> dict[str, Any]:
    """What a receipt of a switch says of the proof before it: its hash, and what the target holds.

    `content_version`: of the target, at which `content` is so.
    """
    if receipt is None:
        return {}
    said = orjson.loads(receipt.body)
    return {
        "verify_receipt": receipt.sha256,
        "content": said["content"],
        "content_version": said["target_version"],
    }
