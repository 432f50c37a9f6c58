"""What the rest of a migration will be billed, from what its bytes were billed so far. Pure.

The rule is simple, so that it can be checked by hand: bytes left, times the bytes that were billed
for each byte copied, times what a GB cost; and hours left, times what the paths cost an hour. Only
hours that were copied in and that have been billed count. With the leak mended, the same without
the bytes that leaked.

Source: this project; a forecast is no quote, `cost` without --reconcile prices a plan.
"""

from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.cost.bill.lines import USAGE
from lakeferry.cost.bill.reconcile import Reconciliation
from lakeferry.cost.bill.usage_types import BYTES_PER_GB
from lakeferry.cost.bill.whole_bill import HOUR, Bill
from lakeferry.cost.path.money import exact


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is left, if things go on as they did. Dollars are exact."""

    bytes_left: int
    hours_left: Decimal  # at the pace so far
    billed_per_byte: Decimal  # bytes billed for each byte copied
    usd_so_far: Decimal  # bytes and hours of the paths
    usd_left: Decimal
    usd_left_without_leak: Decimal
    basis: str  # how it was reckoned

    @property
    @exact()
    def usd_total(self) -> Decimal:
        return self.usd_so_far + self.usd_left

    @property
    @exact()
    def saved_by_the_remedy(self) -> Decimal:
        return self.usd_left - self.usd_left_without_leak


@exact()
def forecast(bill: Bill, found: Reconciliation, bytes_left: int) -> Forecast | None:
    """Go on as it went so far.

    Args:
        bytes_left: payload that is still to be copied by these paths.

    Returns:
        None where no hour was both copied in and billed: there is nothing to go by.
    """
    told = [one for one in found.cells if one.cell.copied and one.cell.billed]
    copied = sum(one.cell.copied or 0 for one in told)
    billed = sum(one.cell.billed or 0 for one in told)
    if not copied or not billed:
        return None
    leaked = sum(one.cell.leak for one in told)
    rate = sum((one.cell.usd or Decimal(0) for one in told), Decimal(0)) / billed
    hours = Decimal(len({one.cell.start for one in told}) * found.length) / HOUR
    hours_left = hours * bytes_left / copied
    standing, an_hour = _standing(bill, found.paths)
    a_byte = Decimal(billed) / copied
    fixed = hours_left * an_hour
    so_far = sum((one.cell.usd or Decimal(0) for one in found.cells), Decimal(0))
    return Forecast(
        bytes_left=bytes_left,
        hours_left=hours_left,
        billed_per_byte=a_byte,
        usd_so_far=so_far + standing,
        usd_left=bytes_left * a_byte * rate + fixed,
        usd_left_without_leak=bytes_left * Decimal(billed - leaked) / copied * rate + fixed,
        basis=(
            f"{a_byte:.4f} bytes billed for each byte copied and {rate * BYTES_PER_GB:.6f} a GB, "
            f"as in {hours:f} hours so far; {an_hour:.4f} an hour for the paths, for "
            f"{hours_left:.1f} hours at the same pace"
        ),
    )


def _standing(bill: Bill, paths: tuple[str, ...]) -> tuple[Decimal, Decimal]:
    """What the paths cost by their hours: in all of the bill, and in one hour of the clock."""
    metered = bill.metered
    ours = pc.is_in(metered["resource"], pa.array(list(paths), pa.string()))
    usage = pc.and_(ours, pc.is_in(metered["kind"], pa.array(USAGE)))
    hours = metered.filter(pc.and_(usage, pc.equal(metered["measure"], "hours")))
    if not hours.num_rows:
        return Decimal(0), Decimal(0)
    usd = sum(hours["cost"].to_pylist(), Decimal(0))
    clock = pc.max(hours["end"]).as_py() - pc.min(hours["start"]).as_py()
    return usd, usd * HOUR / clock
