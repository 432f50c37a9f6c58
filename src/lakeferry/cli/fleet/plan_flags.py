"""What is wanted of a plan, as it is typed."""

from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Parameter

from lakeferry.cli.flag_types import Many

Route = Literal["nat-gateway", "nat-instance", "internet-gateway", "privatelink", "expressroute"]


@Parameter(name="*")
@dataclass(frozen=True)
class PlanFlags:
    """What is wanted of a plan."""

    out: Annotated[
        str | None, Parameter(name=["--out", "-o"], help="Write it into this file, such as a.lfp.")
    ] = None
    check: Annotated[
        bool, Parameter(negative="", help="Exit 3 where anything is left to move or to decide.")
    ] = False
    explain: Annotated[
        bool, Parameter(negative="", help="Say of each table why, and of risks which tables.")
    ] = False
    assume: Annotated[
        Many,
        Parameter(
            negative="",
            help="rate=20Gbit/s in place of what was seen; or any key of `lakeferry cost`.",
        ),
    ] = None
    route: Annotated[
        Route | None, Parameter(help="How bytes of the internet come, for their price.")
    ] = None


NO_PLAN = PlanFlags()
