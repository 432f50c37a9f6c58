"""How sources are looked at, as it is typed."""

from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Parameter


@Parameter(name="*")
@dataclass(frozen=True)
class DiscoverFlags:
    """How it is looked."""

    out: Annotated[
        str | None,
        Parameter(
            name=["--out", "-o"], help="Write all that is known to this file, a JSON object a line."
        ),
    ] = None
    from_: Annotated[
        Literal["paths", "hive", "glue", "unity"] | None,
        Parameter(name="--from", help="Ask only this, in place of what the manifest says."),
    ] = None
    depth: Annotated[int, Parameter(help="Folders below a root that are looked into.")] = 8
    since: Annotated[str, Parameter(help="Count commits a day over this time.")] = "7 d"
    jobs: Annotated[int, Parameter(help="Folders looked at at once.")] = 32
    check: Annotated[
        bool,
        Parameter(negative="", help="Keep nothing; exit 3 where anything is new, changed or gone."),
    ] = False


NO_DISCOVER = DiscoverFlags()
