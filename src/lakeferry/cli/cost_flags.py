"""The flags of `cost`, in groups: each is a key of a plan, see `lakeferry.cost.plan_keys`."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Annotated, Any

from cyclopts import Group, Parameter

from lakeferry.cli.manifest_flags import Many

_VOLUME, _SOURCE = Group("What is moved"), Group("From where to where")


@Parameter(name="*", group=_VOLUME)
@dataclass(frozen=True)
class VolumeFlags:
    """What is moved, and in what time."""

    bytes: Annotated[str | None, Parameter(help='Such as "2 PiB".')] = None
    files: Annotated[str | None, Parameter(help="In how many; default: of 128 MiB.")] = None
    days: Annotated[str | None, Parameter(help="How long it takes; `month`: 730 hours.")] = None


@Parameter(name="*", group=_SOURCE)
@dataclass(frozen=True)
class PlaceFlags:
    """Where the bytes are, where they go, what lies between."""

    from_: Annotated[
        str | None, Parameter(name="--from", help="azure:REGION, gcp:REGION, on-premises, ...")
    ] = None
    to: Annotated[str | None, Parameter(help="aws:REGION.")] = None


NO_VOLUME, NO_PLACE = VolumeFlags(), PlaceFlags()


def keys_of(*groups: Any) -> Iterator[tuple[str, str, Any]]:
    """(flag, key, text) of everything that was given."""
    for group in groups:
        for one in fields(group):
            value = getattr(group, one.name)
            name = one.name.rstrip("_")
            if value is not None:
                yield "--" + name.replace("_", "-"), name, value


__all__ = ["NO_PLACE", "NO_VOLUME", "Many", "PlaceFlags", "VolumeFlags", "keys_of"]
