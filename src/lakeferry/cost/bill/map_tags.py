"""Migration Acceleration Program: whether a `map-migrated` value is one, and what a gap costs.

A tag counts from the moment that the resource bears it; nothing can be tagged for the past. What
share comes back as credit, and for which services, stands in each customer's agreement: it is an
argument here, never built in. Pure.

Source: AWS "MAP 2.0 Tagging Guide", and its older editions for the `legacy` form.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any, Literal

import pyarrow as pa

from lakeferry.cost.bill.lines import USAGE
from lakeferry.cost.bill.whole_bill import DAY, Bill
from lakeferry.cost.path.money import exact
from lakeferry.errors import FerryError

KEY = "map-migrated"
Edition = Literal["current", "legacy"]

_PREFIXES = ("mig_ec2_", "comm_ec2_", "mig", "sap", "oracle", "comm")
_ID = r"(?:[0-9]{5}|[A-Z0-9]{10})"
_VALUE = re.compile(rf"(?:{'|'.join(_PREFIXES)}){_ID}")
_SERVER = re.compile(r"d-server-[0-9a-z]+")

# What never earned credit in the agreements that we know of; the agreement decides.
EXCLUDED = (
    "*DataTransfer*",
    "*-AWS-Out-Bytes",
    "*-AWS-In-Bytes",
    "*Marketplace*",
)


@dataclass(frozen=True, slots=True)
class MapTerms:
    """What an agreement says."""

    credit_rate: Decimal  # of the unblended cost: 0.25 is 25 %
    included: tuple[str, ...] = ("*",)  # patterns of usage types
    excluded: tuple[str, ...] = EXCLUDED
    edition: Edition = "current"

    def __post_init__(self) -> None:
        if not 0 <= self.credit_rate <= 1:
            raise ValueError(f"credit_rate is {self.credit_rate}, expected 0 to 1")

    def covers(self, usage_type: str) -> bool:
        """Whether this usage earns credit, where it is tagged."""
        return _any(usage_type, self.included) and not _any(usage_type, self.excluded)


@dataclass(frozen=True, slots=True)
class Untagged:
    """Usage of one resource on one day that earns nothing for want of a valid tag."""

    day: int  # s since the epoch
    resource: str
    usage_type: str
    value: str  # what the tag says; "" where there is none
    fault: str  # why it does not count
    usd: Decimal  # unblended cost
    lost: Decimal  # credit that it would have earned


@dataclass(frozen=True, slots=True)
class Gap:
    """What tags earned, and what their absence lost, over the days of a bill. Exact dollars."""

    earned: Decimal  # credit for what is tagged
    tagged_usd: Decimal
    lost: Decimal  # credit that is gone: no tag counts for the past
    untagged_usd: Decimal
    untagged: tuple[Untagged, ...]  # by day and resource
    without_resource_usd: Decimal  # eligible lines that name no resource: nothing can be tagged
    not_covered_usd: Decimal  # usage that the agreement does not cover
    days: int  # of the bill

    @property
    @exact()
    def lost_a_day(self) -> Decimal:
        """What each further day like these loses, until the tags are there."""
        return self.lost / self.days if self.days else Decimal(0)


def fault_of(value: str, edition: Edition = "current") -> str | None:
    """Why a value of `map-migrated` does not count; None: it does.

    A value is a prefix in lower case and the id of the agreement: 5 digits, or 10 of A-Z and 0-9.
    """
    if not value:
        return "there is no tag"
    if edition == "legacy" and _SERVER.fullmatch(value):
        return None
    if _VALUE.fullmatch(value):
        return None
    if value != value.strip():
        return "blanks around it"
    if _SERVER.fullmatch(value):
        return "a Migration Hub server id, which only older agreements take (map.edition: legacy)"
    return _fault(value)


def _fault(value: str) -> str:
    prefix = next((one for one in _PREFIXES if value.lower().startswith(one)), None)
    if prefix is None:
        return f"it does not begin with one of {', '.join(sorted(_PREFIXES))}"
    if not value.startswith(prefix):
        return f"the prefix `{prefix}` is written in lower case"
    rest = value[len(prefix) :]
    if re.fullmatch(_ID, rest.upper()):
        return "the id is written in upper case"
    return f"`{rest}` is no id of 5 digits or of 10 characters A-Z and 0-9"


def checked(value: str, edition: Edition = "current") -> str:
    """The value, where it is one.

    Raises:
        FerryError: LF-6610 for one that AWS would not count, with what is wrong with it.
    """
    fault = fault_of(value, edition)
    if fault is None:
        return value
    raise FerryError(
        "LF-6610",
        f"`{value}` is no value of {KEY}: {fault}",
        f"tag {KEY}",
        "take it from the agreement: `mig` and its id for most services, such as mig12345 or "
        "migABCDE12345",
    )


@dataclass(frozen=True, slots=True)
class WrongTag:
    """A value of `map-migrated` that usage in a bill carries and AWS does not count."""

    value: str
    fault: str
    usd: Decimal  # unblended cost of that usage


@exact()
def wrong_tags(bill: Bill, edition: Edition = "current") -> tuple[WrongTag, ...]:
    """The values of a bill's tags that are in the wrong form, each once; the dearest first."""
    sums: dict[str, Decimal] = {}
    for row in bill.costs.select(["kind", "tag", "cost"]).to_pylist():
        if row["tag"] and row["kind"] in USAGE:
            sums[row["tag"]] = sums.get(row["tag"], Decimal(0)) + row["cost"]
    faults = ((value, fault_of(value, edition), usd) for value, usd in sums.items())
    found = [WrongTag(value, fault, usd) for value, fault, usd in faults if fault]
    return tuple(sorted(found, key=lambda one: (-one.usd, one.value)))


@exact()
def gap_of(bill: Bill, terms: MapTerms) -> Gap:
    """What the tags of a bill earn and lose.

    Args:
        bill: read with `by_resource`.

    Only usage counts: credits, taxes, fees and refunds are no usage.
    """
    if bill.resources is None:
        raise ValueError("read the bill with by_resource")
    tagged = without = uncovered = Decimal(0)
    untagged: list[Untagged] = []
    for row in bill.resources.to_pylist():
        if row["kind"] not in USAGE:
            continue
        fault = fault_of(row["tag"], terms.edition)
        if not terms.covers(row["usage_type"]):
            uncovered += row["cost"]
        elif fault is None:
            tagged += row["cost"]
        elif not row["resource"]:
            without += row["cost"]
        elif row["cost"]:
            untagged.append(_untagged(row, fault, terms))
    missed = sum((one.usd for one in untagged), Decimal(0))
    return Gap(
        earned=tagged * terms.credit_rate,
        tagged_usd=tagged,
        lost=missed * terms.credit_rate,
        untagged_usd=missed,
        untagged=tuple(untagged),
        without_resource_usd=without,
        not_covered_usd=uncovered,
        days=_days(bill.resources),
    )


def _untagged(row: dict[str, Any], fault: str, terms: MapTerms) -> Untagged:
    return Untagged(
        day=row["day"],
        resource=row["resource"],
        usage_type=row["usage_type"],
        value=row["tag"],
        fault=fault,
        usd=row["cost"],
        lost=row["cost"] * terms.credit_rate,
    )


def _days(resources: pa.Table) -> int:
    days = set(resources["day"].to_pylist())
    return (max(days) - min(days)) // DAY + 1 if days else 0


def _any(text: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(text, one) for one in patterns)


@exact()
def by_resource(untagged: Iterable[Untagged]) -> dict[str, Decimal]:
    """Credit lost by resource, most first."""
    sums: dict[str, Decimal] = {}
    for one in untagged:
        sums[one.resource] = sums.get(one.resource, Decimal(0)) + one.lost
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))
