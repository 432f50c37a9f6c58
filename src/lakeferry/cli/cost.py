"""`lakeferry cost`: what a migration costs by every path, before, while and after. Parse, call."""

from threading import Event as Flag
from typing import Annotated

from cyclopts import Parameter

from lakeferry.cli.cost_flags import NO_PLACE, NO_VOLUME, PlaceFlags, VolumeFlags, keys_of
from lakeferry.cli.cost_look_flags import NO_LOOK, LookFlags
from lakeferry.cli.faults import all_told
from lakeferry.cli.render import Screen
from lakeferry.cli.standard_input import OR_STDIN
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded


def cost(
    plan: Annotated[str | None, OR_STDIN, Parameter(help="A plan file, YAML or JSON.")] = None,
    /,
    *,
    volume: VolumeFlags = NO_VOLUME,
    place: PlaceFlags = NO_PLACE,
    look: LookFlags = NO_LOOK,
    csv: Annotated[bool, Parameter(negative="", help="Rows as CSV on stdout.")] = False,
    talk: Talk = QUIET_TALK,
) -> int:
    """What moving bytes to AWS costs by every path, line by line, and which to take.

    With --observe, of what flowed; with --reconcile, a bill beside what was copied and seen:
    exit 3 where they differ beyond --tolerance.
    """

    def run(screen: Screen, stop: Flag) -> int:
        if look.is_asked:
            from lakeferry.cli import cost_looking

            keys = tuple(keys_of(volume, place))
            wish = cost_looking.Wish(look, keys, csv=csv, verbose=talk.verbose)
            return cost_looking.look(wish, screen=screen, stop=stop)
        from lakeferry.cli import costing
        from lakeferry.cost.run import CostRequest

        request = CostRequest(file=plan, keys=tuple(keys_of(volume, place)))
        return costing.price(request, screen=screen)

    return guarded("cost", talk, all_told(run))
