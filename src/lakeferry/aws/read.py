"""Read all of a network and of what watches it, following its ways through transit gateways."""

from collections.abc import Sequence
from dataclasses import dataclass

from lakeferry.connect.aws import AwsAccess
from lakeferry.events import Emit, silent
from lakeferry.network.discover import Scope
from lakeferry.network.topology import Found


@dataclass(frozen=True, slots=True)
class Sight:
    """What was read: the VPC in question, and those that its ways lead through."""

    found: Found
    beyond: tuple[Found, ...] = ()


def read(
    access: AwsAccess, scope: Scope, *, groups: Sequence[str] = (), emit: Emit = silent
) -> Sight:
    """Everything that `network.discover` asks for. Nothing is changed.

    Args:
        groups: log groups to look for beside those that flow logs write to and `/lakeferry/...`.

    Raises:
        FerryError: LF-6351 where nothing is what `scope` names, LF-6352 where it lies in several
            VPCs, LF-1201 to LF-1206 for refusals.
    """
    raise NotImplementedError
