"""What is wanted of a status, as it is typed."""

from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Parameter


@Parameter(name="*")
@dataclass(frozen=True)
class StatusFlags:
    """What is wanted of a status."""

    by: Annotated[
        Literal["source", "wave", "state", "table"], Parameter(help="What one line is of.")
    ] = "wave"
    watch: Annotated[bool, Parameter(negative="", help="Again and again, until Ctrl-C.")] = False
    interval: Annotated[float, Parameter(help="Seconds between two looks with --watch.")] = 5
    check: Annotated[
        bool, Parameter(negative="", help="Exit 3 where a table asks for a person, or is late.")
    ] = False
    live: Annotated[
        bool, Parameter(negative="", help="Ask the sources for their newest versions, too.")
    ] = False
    explain_eta: Annotated[
        bool, Parameter(negative="", help="Say what the time that is left rests on.")
    ] = False


NO_STATUS = StatusFlags()
