"""What a plan will send over the network, as keys of a plan to be priced."""

from collections.abc import Iterable
from typing import Any

from lakeferry.network.resources import PlannedFlow

# Paths that bring bytes to the workers; what they write to S3 are the same bytes again.
_COMING = ("nat_gateway", "nat_instance", "privatelink")
_WRITING = ("s3_gateway", "s3_interface")


def keys_of_flows(flows: Iterable[PlannedFlow]) -> dict[str, Any]:
    """Bytes that come, whole hours of the longest flow, and whether S3 has a way of its own.

    The bytes are those of the plan: `overhead` is not in them.
    """
    found = list(flows)
    coming = sum(one.bytes for one in found if one.path in _COMING)
    seconds = max((one.seconds for one in found), default=0)
    keys: dict[str, Any] = {"bytes": coming, "hours": -(-int(seconds) // 3600)}
    if any(one.path in _WRITING for one in found):
        keys["s3_endpoint"] = any(one.path == "s3_gateway" for one in found)
    return keys
