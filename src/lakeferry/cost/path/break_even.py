"""From which volume on one way is cheaper than another: fixed dollars against dollars a GB.

Each answer is in GB of 2^30 bytes for the same time as the fixed dollars. It says nothing of
what the cheaper way can carry: show the capacity beside it.
"""

from decimal import Decimal

from lakeferry.cost.path.money import exact
from lakeferry.cost.prices.values import GIB


@exact()
def break_even(
    fixed: Decimal, per_gb: Decimal, other_fixed: Decimal, other_per_gb: Decimal
) -> Decimal | None:
    """The GB at which a way with `fixed` and `per_gb` dollars costs as much as the other.

    Returns:
        GB; above it the way with the smaller price a GB is cheaper. Zero or negative: that way
        is cheaper from the first byte. None where both cost the same for a GB.
    """
    if per_gb == other_per_gb:
        return None
    return (fixed - other_fixed) / (other_per_gb - per_gb)


def instance_or_gateway(instances: Decimal, gateways: Decimal, gateway_gb: Decimal) -> Decimal:
    """GB from which NAT instances (with their standby) are cheaper than NAT gateways."""
    return _known(break_even(instances, Decimal(0), gateways, gateway_gb))


def endpoint_or_gateway(endpoints: Decimal, endpoint_gb: Decimal, gateway_gb: Decimal) -> Decimal:
    """GB from which an interface endpoint pays for itself, beside a NAT gateway that stays."""
    return _known(break_even(endpoints, endpoint_gb, Decimal(0), gateway_gb))


@exact()
def circuit_or_internet(fixed: Decimal, internet_gb: Decimal, private_gb: Decimal) -> Decimal:
    """GB from which a private circuit is cheaper, at the marginal tiers of both egresses."""
    return _known(break_even(fixed, private_gb, Decimal(0), internet_gb))


@exact()
def capacity_gb(gbps: Decimal, hours: int) -> Decimal:
    """The most that a rate (10^9 bits a second) carries, in GB of 2^30 bytes."""
    return gbps * 10**9 / 8 * hours * 3600 / GIB


def _known(found: Decimal | None) -> Decimal:
    if found is None:
        raise ValueError("both ways cost the same for a GB")
    return found
