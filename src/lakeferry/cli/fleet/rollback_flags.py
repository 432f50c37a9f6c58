"""What a way back does, as it is typed."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from lakeferry.cli.flag_types import Many, Yes


@Parameter(name="*")
@dataclass(frozen=True)
class RollbackFlags:
    """What becomes of what targets were written since."""

    accept_loss: Annotated[
        bool, Parameter(negative="", help="Leave behind what targets were written since.")
    ] = False
    reverse: Annotated[
        bool,
        Parameter(
            negative="",
            help="Carry it back, and the checkpoints of streams: this WRITES TO THE SOURCE.",
        ),
    ] = False
    checkpoint: Annotated[
        Many,
        Parameter(
            negative="",
            help="With --reverse: folder of a stream's checkpoint at the target, beside those that "
            "the switch carried there.",
        ),
    ] = None
    to_version: Annotated[
        int | None, Parameter(help="Instead: restore the one target to this version of its own.")
    ] = None
    purge: Annotated[
        bool, Parameter(negative="", help="Instead: delete the files that clones brought.")
    ] = False
    confirm: Annotated[
        str | None, Parameter(help="With --purge, in place of typing it: the name that is asked.")
    ] = None
    yes: Yes = False


NO_ROLLBACK = RollbackFlags()
