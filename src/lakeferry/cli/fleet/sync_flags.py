"""What a sync does and may take, as it is typed."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from lakeferry.cli.flag_types import Yes
from lakeferry.cli.mirrored import mirrored


@Parameter(name="*")
@dataclass(frozen=True)
class SyncFlags:
    """What one run does, and what it may take."""

    follow: Annotated[
        bool,
        Parameter(negative="", help="Go on: each table again after a quarter of its lag_target."),
    ] = False
    replan: Annotated[
        bool, Parameter(negative="", help="Copy the newest versions, not those of the plan.")
    ] = False
    accept_schema: Annotated[
        int | None,
        Parameter(help="Take a change of the schema up to this version of the source; of one -s."),
    ] = None
    replace: Annotated[
        bool,
        Parameter(
            negative="", help="Make targets that are blocked or drifted equal to their source; -s."
        ),
    ] = False
    max_cost: Annotated[float | None, Parameter(help="Dollars; see `limits.stop_if`.")] = None
    max_time: Annotated[str | None, Parameter(help="Such as 6h or 90min.")] = None
    stop_at: Annotated[
        str | None, Parameter(help="The next 06:00 of this machine's clock, say.")
    ] = None
    limit_rate: Annotated[
        str | None, mirrored("--limit-rate", help="Such as 200MB/s or 1Gbit/s; of all together.")
    ] = None
    on: Annotated[
        str | None,
        Parameter(
            help="Let machines of Spark copy files: `spark` takes the session or the settings that "
            "are there, else a master: spark://HOST:7077, yarn, local[2], or sc://HOST."
        ),
    ] = None
    yes: Yes = False


NO_SYNC = SyncFlags()
