"""One hour of one path: bytes copied, seen and billed side by side, and what their difference is.

Every verdict has a name, and the bytes that were carried are taken apart into parts with names
whose sum is what was carried, to the byte. Pure.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from lakeferry.cost.bill.usage_types import BYTES_PER_GB
from lakeferry.cost.path.money import exact

Verdict = Literal[
    "ok",
    "not in the bill",  # before its first hour
    "bill not final",  # AWS has not billed yet what was seen
    "billed less than seen",  # the same of a bill that is closed
    "flow log gap",  # the flow log lacks what was billed
    "leak",  # bytes to S3 took a path that charges for them
    "foreign traffic",  # bytes, and nothing was copied
    "overhead",  # more than a copy needs
    "another path",  # less than was copied: it went elsewhere
    "interface unknown",  # nothing tells which path the interface is of
]

# What each says to do. None: nothing.
REMEDY: dict[str, str | None] = {
    "ok": None,
    "not in the bill": "give the bill of that period too",
    "bill not final": "reconcile again when AWS has closed the period",
    "billed less than seen": "see that each byte is in the flow log once: of a NAT device's "
    "interface, one direction of each side",
    "flow log gap": "look for SKIPDATA in the flow log, and at its delivery",
    "leak": "give the VPC a gateway endpoint for S3, and put it into the route tables of the "
    "subnets behind the path: it has no price, and these bytes then cost nothing",
    "foreign traffic": "see who sends it: `lakeferry monitor top`",
    "overhead": "look for retries in the report of the copy, and for others behind the same path",
    "another path": "compare with the path that these workers' route tables name",
    "interface unknown": "say which: --interface eni-…=nat-…",
}

# Where several hold, the first is the verdict: each makes those after it doubtful.
_ORDER = tuple(one for one in REMEDY if one not in ("ok", "leak"))


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How far figures may differ and still be one."""

    overhead: Decimal = Decimal("0.08")  # of the payload: headers and retries up to here
    gap: Decimal = Decimal("0.01")  # of what was billed or seen
    least: int = 1 << 20  # bytes; a smaller difference is none


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the bytes that a path carried, by what they were."""

    name: str
    bytes: int  # may be negative, for `went by another path`


@dataclass(frozen=True, slots=True)
class Cell:
    """What is known of one path in one hour (or day)."""

    start: int  # s since the epoch
    path: str
    copied: int | None  # bytes; None: nobody said what was copied
    seen: int | None  # bytes; None: no flow log of it
    billed: int | None  # bytes; None: not billed (yet), or not by the byte
    usd: Decimal | None = None  # what the bill asks for these bytes, in its currency
    rate: Decimal | None = None  # for a GB of 2^30 bytes
    leak: int = 0  # bytes of `seen`: to and from S3
    retried: int = 0
    unsolicited: int = 0  # of `seen`
    others: int = 0  # of `seen`
    skipped: int = 0  # records that AWS says are not in the flow log

    @property
    def carried(self) -> int:
        """Bytes that went through, by whoever counted more."""
        return max(self.billed or 0, self.seen or 0)

    @property
    def own(self) -> int:
        """Of them, those that can be the copy's."""
        return self.carried - self.leak - self.unsolicited - self.others

    @property
    @exact()
    def overhead(self) -> Decimal | None:
        """What was seen for the copy over its payload, less 1; None where either is not known."""
        if not self.copied or self.seen is None:
            return None
        own = self.seen - self.leak - self.unsolicited - self.others
        return Decimal(own) / self.copied - 1

    @property
    def gap(self) -> int | None:
        """Bytes that were billed and not seen; negative: seen and not billed."""
        if self.billed is None or self.seen is None:
            return None
        return self.billed - self.seen

    @property
    @exact()
    def leak_usd(self) -> Decimal | None:
        """What the leak costs; None: there is one, and no price is known."""
        if not self.leak:
            return Decimal(0)
        return None if self.rate is None else Decimal(self.leak) / BYTES_PER_GB * self.rate


@dataclass(frozen=True, slots=True)
class Judged:
    """A cell with what it comes to."""

    cell: Cell
    verdict: Verdict
    also: tuple[Verdict, ...]  # what holds besides
    parts: tuple[Part, ...]  # of `cell.carried`

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        return (self.verdict, *self.also)


def is_metered(path: str) -> bool:
    """Whether AWS bills the path by the byte: an instance's bytes are not."""
    return path.startswith(("nat-", "vpce-"))


@exact()
def judge(
    cell: Cell,
    tolerances: Tolerances,
    *,
    final: bool,
    watched: bool = True,
    before: bool = False,
) -> Judged:
    """Name what the figures of one cell show.

    Args:
        final: whether AWS has closed the bill.
        watched: whether there is a flow log of the path at all, in any hour.
        before: whether the hour is before the bill's first.
    """
    of_bill = {"not in the bill"} if before else _of_bill(cell, tolerances, final, watched)
    found = of_bill | _of_copy(cell, tolerances)
    if cell.path.startswith("eni-"):
        found = {"interface unknown"}
    # A leak is certain whatever else is doubtful, and it costs money.
    order = ("leak", *_ORDER)
    named: list[Verdict] = [one for one in order if one in found]  # type: ignore[misc]
    return Judged(cell, named[0] if named else "ok", tuple(named[1:]), _parts(cell, tolerances))


def _of_bill(cell: Cell, tolerances: Tolerances, final: bool, watched: bool) -> set[str]:
    least = tolerances.least
    if cell.billed is None:
        return {"bill not final"} if is_metered(cell.path) and cell.carried > least else set()
    if cell.seen is None:
        return {"flow log gap"} if watched and cell.billed > least else set()
    gap = cell.billed - cell.seen
    if gap > least and gap > tolerances.gap * cell.billed:
        return {"flow log gap"}
    if -gap > least and -gap > tolerances.gap * cell.seen:
        return {"billed less than seen" if final else "bill not final"}
    return set()


def _of_copy(cell: Cell, tolerances: Tolerances) -> set[str]:
    found = {"leak"} if cell.leak > tolerances.least else set()
    if cell.copied is None or (cell.billed is None and cell.seen is None):
        return found
    least = tolerances.least
    if not cell.copied:
        return found | ({"foreign traffic"} if cell.own > least else set())
    if cell.own - cell.retried > cell.copied * (1 + tolerances.overhead) + least:
        return found | {"overhead"}
    if cell.own < cell.copied * (1 - tolerances.gap) - least:
        return found | {"another path"}
    return found


def _parts(cell: Cell, tolerances: Tolerances) -> tuple[Part, ...]:
    """Their sum is `cell.carried`."""
    payload = cell.copied or 0
    left = cell.own - payload
    usual = int(payload * tolerances.overhead)
    parts = [
        Part("copied", payload),
        Part("S3 through this path", cell.leak),
        Part("unsolicited", cell.unsolicited),
        Part("others' traffic", cell.others),
    ]
    if left < 0:
        parts.append(Part("went by another path", left))
    elif cell.copied is None or not payload:
        parts.append(Part("not explained by the copy", left))
    else:
        retries = min(cell.retried, left)
        headers = min(left - retries, usual)
        parts += [
            Part("retries", retries),
            Part("headers and small retries", headers),
            Part("not explained", left - retries - headers),
        ]
    return tuple(one for one in parts if one.bytes)
