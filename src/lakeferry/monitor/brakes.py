"""What a plan may not do without an explicit word: delete, replace, move routes, much. Pure."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from lakeferry.errors import FerryError
from lakeferry.monitor.plan import ProvisionPlan
from lakeferry.network.nat_resources import NO_ROUTE, DefaultRoute, StandbyGateway

BRAKES = ("delete", "replace", "routes", "many")
MOST_SHARE = 0.3  # of what is there, changed in one go
FROM = 10  # resources on; of fewer a single one would be too many


@dataclass(frozen=True, slots=True)
class Brake:
    """One reason to stop."""

    kind: Literal["delete", "replace", "routes", "many"]  # one of BRAKES: what allows it
    what: str  # with numbers


def brakes(plan: ProvisionPlan) -> tuple[Brake, ...]:
    """Why the plan is not applied as it stands; () where nothing speaks against it."""
    found: list[Brake] = []
    if gone := plan.of("delete"):
        found.append(Brake("delete", f"{len(gone)} deleted ({_named(plan, 'delete')})"))
    if replaced := plan.of("replace"):
        found.append(Brake("replace", f"{len(replaced)} replaced ({_named(plan, 'replace')})"))
    if moved := [one.name for one in plan.work if one.kind == DefaultRoute.kind_name]:
        # Route tables are not ours, and every connection that takes the route breaks.
        what = f"{len(moved)} default routes moved ({_some(moved)})"
        if dark := sorted(_without_stand_in(plan)):
            what += (
                f", of which {_some(dark)} can stand aside on nothing: their subnets have no way "
                "out for the minutes until another instance is there"
            )
        found.append(Brake("routes", what))
    touched = len(plan.of("update", "replace", "delete"))
    if plan.found >= FROM and touched > MOST_SHARE * plan.found:
        share = f"{touched} of {plan.found}, {touched / plan.found:.0%}"
        found.append(Brake("many", f"{share} of what is there would change, over {MOST_SHARE:.0%}"))
    return tuple(found)


def _without_stand_in(plan: ProvisionPlan) -> Iterator[str]:
    """Route tables whose instance is made anew, while no gateway of ours or of before takes over.

    Source: `aws.ensure_routes.set_aside`.
    """
    ours = {one.before.name for one in plan.changes if isinstance(one.before, StandbyGateway)}
    for one in plan.of("replace"):
        route = one.before
        if not isinstance(route, DefaultRoute) or route.before not in ("", NO_ROUTE):
            continue
        start, instance, label = route.interface.rpartition(".nat.")
        if instance and f"{start}.nat-standby.{label.partition('.')[0]}" not in ours:
            yield route.route_table_id


def hold(plan: ProvisionPlan, allowed: Collection[str]) -> None:
    """LF-6402 while a brake is on that is not allowed."""
    on = [one for one in brakes(plan) if one.kind not in allowed]
    if not on:
        return
    raise FerryError(
        "LF-6402",
        f"not applied without a word: {'; '.join(one.what for one in on)}",
        f"deployment {plan.deployment} in {plan.region}; nothing was changed",
        f"if that is meant: --allow {','.join(one.kind for one in on)}",
    )


def _named(plan: ProvisionPlan, action: Literal["delete", "replace"]) -> str:
    return _some([one.name for one in plan.of(action)])


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
