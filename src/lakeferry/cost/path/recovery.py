"""What lost NAT instances cost: minutes that all waits, bytes sent twice, bytes by the standby.

Known times to switch: some 5 minutes until an auto-scaling group has replaced an instance (as
fck-nat's documentation says), 1 to 2 minutes until a check every minute has moved the route to a
standby gateway (alterNAT's README).
"""

from dataclasses import dataclass
from decimal import Decimal

from lakeferry.cost.path.money import exact
from lakeferry.cost.prices.values import GIB


@dataclass(frozen=True, slots=True)
class Failures:
    """How often instances fail, and how long it takes until another carries their bytes."""

    a_month: Decimal  # of one instance, expected
    instances: int
    minutes: Decimal  # to see the loss and to move the route
    standby_minutes: Decimal = Decimal(0)  # that a standby NAT gateway then carries the bytes

    def __post_init__(self) -> None:
        if min(self.a_month, self.minutes, self.standby_minutes, Decimal(self.instances)) < 0:
            raise ValueError(f"{self.a_month} failures of {self.instances} instances")


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a month's failures cost."""

    minutes: Decimal  # in which bytes wait
    waiting_usd: Decimal
    standby_usd: Decimal  # bytes that the standby gateway processed

    @property
    @exact()
    def usd(self) -> Decimal:
        return self.waiting_usd + self.standby_usd


@exact()
def recovery(
    failures: Failures,
    *,
    waiting_usd_hour: Decimal,
    bytes_a_minute: int | Decimal = 0,
    standby_usd_gb: Decimal = Decimal(0),
) -> Recovery:
    """What failures cost in a month.

    Args:
        waiting_usd_hour: of everything that waits meanwhile: workers, people, what comes after.
        bytes_a_minute: that one instance carries.
        standby_usd_gb: what the standby gateway takes for 2^30 bytes.
    """
    times = failures.a_month * failures.instances
    minutes = times * failures.minutes
    by_standby = times * failures.standby_minutes * bytes_a_minute
    return Recovery(minutes, minutes / 60 * waiting_usd_hour, by_standby / GIB * standby_usd_gb)
