"""What one run may take: bytes, dollars, time, errors; and what has used it up. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

JUDGED_FROM = 100  # files; of fewer a share of errors says nothing


class UnitPrice(NamedTuple):
    """Dollars of one route."""

    byte: Decimal
    file: Decimal  # its requests

    def usd(self, size: int, files: int) -> Decimal:
        """Of so many bytes in so many files."""
        return self.byte * size + self.file * files


FREE = UnitPrice(Decimal(0), Decimal(0))


@dataclass(frozen=True, slots=True)
class Budget:
    """None: no limit."""

    bytes: int | None = None
    usd: Decimal | None = None
    until_s: float | None = None  # since the epoch
    error_share: float | None = None  # of the files that were tried


@dataclass(frozen=True, slots=True)
class Spent:
    """What a run has taken so far."""

    bytes: int = 0
    usd: Decimal | None = Decimal(0)  # None: no price is known
    files: int = 0  # that landed
    errors: int = 0  # files, or tables, that failed


def used_up(budget: Budget, spent: Spent, *, now_s: float) -> str | None:
    """What ends the run, for people; None: nothing."""
    if budget.until_s is not None and now_s >= budget.until_s:
        at = datetime.fromtimestamp(budget.until_s, UTC)
        return f"it is {at:%H:%M} UTC, when this run was to end"
    if budget.bytes is not None and spent.bytes >= budget.bytes:
        return f"{spent.bytes:,} bytes have moved, and this run may move {budget.bytes:,}"
    if budget.usd is not None and spent.usd is not None and spent.usd >= budget.usd:
        return f"${spent.usd:.2f} are spent, and this run may spend ${budget.usd:.2f}"
    tried = spent.files + spent.errors
    if budget.error_share is not None and tried >= JUDGED_FROM:
        share = spent.errors / tried
        if share > budget.error_share:
            return f"{spent.errors:,} of {tried:,} tries failed, more than {budget.error_share:.1%}"
    return None
