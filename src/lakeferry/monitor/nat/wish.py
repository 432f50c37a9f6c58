"""What a manifest says of NAT -> what this room reads. Pure."""

from dataclasses import replace
from typing import Any

from lakeferry.config.manifest import NetworkConfig
from lakeferry.monitor.settings import NatWish


def nat_wish(network: NetworkConfig) -> NatWish:
    """The wish; what the manifest does not say has the default of `NatWish`.

    Where a policy forbids instances, gateways are what costs least.
    """
    said = network.nat
    if said is None:
        return NatWish()
    forbids = "no-instance" in network.policy
    chosen: dict[str, Any] = {
        "kind": "gateway" if said.kind == "auto" and forbids else said.kind,
        "type": "" if said.instance_type == "auto" else said.instance_type,
        "count": said.count,
        "standby": said.standby,
        "check": said.check,
        "max_outage_s": said.max_outage_s,
        "image": said.image,
        "auto_scaling": said.auto_scaling,
    }
    return replace(NatWish(), **{key: one for key, one in chosen.items() if one is not None})
