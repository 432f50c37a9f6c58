"""How a switch is made, as it is typed."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from lakeferry.cli.clone.place_flags import Strength
from lakeferry.cli.flag_types import Many, Yes


@Parameter(name="*")
@dataclass(frozen=True)
class CutoverFlags:
    """How a switch is made."""

    dry_run: Annotated[
        bool, Parameter(negative="", help="Tell how each step would go; change nothing.")
    ] = False
    freeze_check: Annotated[
        str | None, Parameter(help="How long no source may have a commit; default: the wave's.")
    ] = None
    wait: Annotated[
        str | None, Parameter(help="Wait so long for writers that are seen, where nobody is asked.")
    ] = None
    strength: Annotated[
        Strength | None,
        Parameter(help="Of the proof; default: the manifest's `verify`."),
    ] = None
    register: Annotated[
        bool, Parameter(negative="--no-register", help="Tell the target's catalog.")
    ] = True
    at: Annotated[
        str | None, Parameter(help="Begin the freeze check then (ISO 8601; UTC without a zone).")
    ] = None
    checkpoint: Annotated[
        Many, Parameter(negative="", help="Folder of a stream's checkpoint, beside those found.")
    ] = None
    moved_landing: Annotated[
        Many, Parameter(negative="", help="A landing zone that will be read elsewhere.")
    ] = None
    accept_reload: Annotated[
        bool, Parameter(negative="", help="Let files of a moved landing zone be loaded again.")
    ] = False
    set_managed: Annotated[
        bool, Parameter(negative="", help="Print ALTER TABLE ... SET MANAGED for each table.")
    ] = False
    rehearse: Annotated[
        bool, Parameter(negative="", help="Make shallow clones beside the targets for a trial run.")
    ] = False
    remove: Annotated[
        bool, Parameter(negative="", help="With --rehearse: take those clones away.")
    ] = False
    yes: Yes = False


NO_CUTOVER = CutoverFlags()
