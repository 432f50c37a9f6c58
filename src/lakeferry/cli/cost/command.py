"""`lakeferry cost`: what a migration costs by every path, before, while and after. Parse, call."""

from threading import Event as Flag
from typing import Annotated, Any

from cyclopts import Parameter

from lakeferry.cli.cost.flags import (
    NO_MONEY,
    NO_NETWORK,
    NO_PLACE,
    NO_SHOW,
    NO_STREAM,
    NO_VOLUME,
    NO_WATCH,
    NO_WORK,
    MoneyFlags,
    PathFlags,
    PlaceFlags,
    ShowFlags,
    StreamFlags,
    VolumeFlags,
    WatchFlags,
    WorkFlags,
    keys_of,
)
from lakeferry.cli.cost.look_flags import NO_LOOK, LookFlags
from lakeferry.cli.faults import all_told
from lakeferry.cli.manifest_flags import NO_MANIFEST, ManifestFlags
from lakeferry.cli.render import Screen
from lakeferry.cli.standard_input import OR_STDIN
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded
from lakeferry.errors import FerryError

Keys = tuple[tuple[str, str, Any], ...]  # as typed, see `flags.keys_of`


def cost(
    plan: Annotated[
        str | None,
        OR_STDIN,
        Parameter(help="A plan: YAML, JSON, or what `lakeferry plan -o` wrote."),
    ] = None,
    /,
    *,
    volume: VolumeFlags = NO_VOLUME,
    place: PlaceFlags = NO_PLACE,
    network: PathFlags = NO_NETWORK,
    work: WorkFlags = NO_WORK,
    watch: WatchFlags = NO_WATCH,
    stream: StreamFlags = NO_STREAM,
    money: MoneyFlags = NO_MONEY,
    show: ShowFlags = NO_SHOW,
    look: LookFlags = NO_LOOK,
    manifest: ManifestFlags = NO_MANIFEST,
    talk: Talk = QUIET_TALK,
) -> int:
    """What moving bytes to AWS costs by every path, line by line, and which to take.

    lakeferry cost --bytes "2 PiB" --days 30 --from azure:westeurope --to aws:us-east-1

    With --observe, of what flowed; with --reconcile, a bill beside what was copied and seen:
    exit 3 where they differ beyond --tolerance.
    """

    def run(screen: Screen, stop: Flag) -> int:
        groups = (volume, place, network, work, watch, stream, money)
        keys = tuple(keys_of(*groups, assume=show.assume))
        if look.is_asked:
            _no_plan(plan, show)
            from lakeferry.cli.cost import looking

            wish = looking.Wish(look, keys, show.csv, talk.verbose, manifest)
            return looking.look(wish, screen=screen, stop=stop)
        if look.given is not None:
            raise _no_look(look.given)
        from lakeferry.cli.cost import costing
        from lakeferry.cli.cost.manifest_keys import assumed
        from lakeferry.cost.run import CostRequest

        shown = costing.Shown(show.routes or (), show.route or (), show.csv, show.picture)
        under, texts = assumed(manifest)
        file, given = _with_plan(plan, keys)
        request = CostRequest(file=file, under=under, keys=given, texts=texts)
        return costing.price(request, shown, screen=screen, is_json=talk.json)

    return guarded("cost", talk, all_told(run))


def _with_plan(plan: str | None, keys: Keys) -> tuple[str | None, Keys]:
    """What `lakeferry plan` wrote becomes keys, with those that are typed upon them."""
    if plan is None or not plan.endswith(".lfp"):
        return plan, keys
    from lakeferry.cli.fleet.plan_explaining import keys_of_plan

    return None, (*keys_of_plan(plan), *keys)


def _no_plan(plan: str | None, show: ShowFlags) -> None:
    """Refuse what only the price of a plan has."""
    given = {
        f"the plan {plan}": plan, "--picture": show.picture, "--routes": show.routes,
        "--route": show.route,
    }  # fmt: skip
    for what, one in given.items():
        if one:
            raise FerryError(
                "LF-2001",
                f"{what} is for the price of a plan",
                "on the command line, beside a look at what flowed or was billed",
                "leave one of them out",
            )


def _no_look(flag: str) -> FerryError:
    return FerryError(
        "LF-2001",
        f"{flag} is of --observe or --reconcile",
        "on the command line, where a plan is priced",
        "leave it out, or give one of these",
    )
