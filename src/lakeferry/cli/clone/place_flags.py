"""Flags of two places, a source and a target, as `clone` and `verify` take them."""

from typing import Annotated, Any, Literal

from cyclopts import Parameter

from lakeferry.cli.flag_types import Many
from lakeferry.cli.units import parse_pairs

Strength = Literal["listed", "hashed", "replayed", "rows"]
SourceOption = Annotated[
    Many, Parameter(negative="", help="NAME=VALUE, a setting of the source's store.")
]
TargetOption = Annotated[
    Many, Parameter(negative="", help="NAME=VALUE, a setting of the target's store.")
]
MapPrefix = Annotated[
    Many, Parameter(negative="", help="OLD=NEW: absolute paths in the log have moved.")
]
Jobs = Annotated[int, Parameter(help="Files in flight at once.")]


def places(map_prefix: Many, source_option: Many, target_option: Many) -> dict[str, Any]:
    """As the doors take them. Raises LF-2001 for a wrong pair."""
    return {
        "map_prefix": parse_pairs(map_prefix or [], "--map-prefix"),
        "source_options": parse_pairs(source_option or [], "--source-option"),
        "target_options": parse_pairs(target_option or [], "--target-option"),
    }
