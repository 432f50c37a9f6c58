"""`monitor failback | failover`: lead default routes by hand. Parse, show, ask, act."""

import sys
from threading import Event as Flag
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from lakeferry.cli.faults import all_told
from lakeferry.cli.flag_types import Yes
from lakeferry.cli.manifest_flags import NO_MANIFEST, ManifestFlags
from lakeferry.cli.monitor.network_flags import (
    NO_NETWORK,
    NO_WATCH,
    NetworkFlags,
    WatchFlags,
    request_of,
)
from lakeferry.cli.patience import patient
from lakeferry.cli.render import Screen, marks
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded

if TYPE_CHECKING:
    from lakeferry.monitor.nat.move import MovesPlan, MovesReport
    from lakeferry.monitor.nat.moves import Direction

OK, FAILED = 0, 1
_ENDED = "stopped; routes that were moved stay, and the same command goes on from here"
Tables = Annotated[
    list[str] | None, Parameter(negative="", help="Id of a route table; default: all of them.")
]


def failback(
    *,
    route_table: Tables = None,
    unproven: Annotated[
        bool,
        Parameter(negative="", help="Also to an instance that Systems Manager does not reach."),
    ] = False,
    yes: Yes = False,
    manifest: ManifestFlags = NO_MANIFEST,
    network: NetworkFlags = NO_NETWORK,
    watch: WatchFlags = NO_WATCH,
    talk: Talk = QUIET_TALK,
) -> int:
    """Lead default routes to their NAT instances, each after a look at the instance's path.

    For routes that stand on the standby after an outage, and for those of instances that a template
    made. Open connections of each route table break once.
    """

    def run(screen: Screen, stop: Flag) -> int:
        request = request_of(manifest, network, watch)
        return _act(
            request, "back", screen=screen, stop=stop, tables=route_table or (), unproven=unproven,
            yes=yes,
        )  # fmt: skip

    return guarded("monitor failback", talk, all_told(run), hears_stop=True, on_stop=_ENDED)


def failover(
    *,
    route_table: Tables = None,
    yes: Yes = False,
    manifest: ManifestFlags = NO_MANIFEST,
    network: NetworkFlags = NO_NETWORK,
    watch: WatchFlags = NO_WATCH,
    talk: Talk = QUIET_TALK,
) -> int:
    """Lead default routes to what stands by for their NAT instances: a rehearsal, or upkeep.

    Open connections of each route table break once. A standby gateway costs dollars for each GB
    until `failback`.
    """

    def run(screen: Screen, stop: Flag) -> int:
        request = request_of(manifest, network, watch)
        return _act(request, "over", screen=screen, stop=stop, tables=route_table or (), yes=yes)

    return guarded("monitor failover", talk, all_told(run), hears_stop=True, on_stop=_ENDED)


def _act(
    request: Any,
    direction: "Direction",
    *,
    screen: Screen,
    stop: Flag,
    tables: Any,
    yes: bool,
    unproven: bool = False,
) -> int:
    from lakeferry.cli.monitor.monitoring import confirm
    from lakeferry.monitor.nat.move import move, plan_moves, refuse_doubts

    with patient(screen) as emit:
        planned = plan_moves(request, direction, tables=tables, emit=emit)
        refuse_doubts(planned, unproven=unproven)
        if planned.moves and not yes:
            confirm(
                f"move {len(planned.moves)} default routes?",
                lambda: screen.result(move_lines(planned), {}),
                next_step="give --yes",
            )
        report = move(planned, unproven=unproven, emit=emit, stop=stop)
    screen.result(moved_lines(report, marks(sys.stdout)), moved_body(report))
    return OK if report.is_complete else FAILED


# ---- what is shown


def move_lines(planned: "MovesPlan") -> list[str]:
    """One line a route: where it leads, where it shall lead, whose connections break."""
    lines = []
    for one, seen in zip(planned.moves, planned.seen, strict=True):
        subnets = ", ".join(one.subnet_ids)
        lines.append(f"  {one.route_table_id}  {one.before or 'nothing'} -> {one.after}")
        lines.append(f"      open connections of {subnets} break, once")
        if seen.said:
            lines.append(f"      {seen.state}: {seen.said}")
    return lines


def moved_lines(report: "MovesReport", signs: Any) -> list[str]:
    if not report.plan.moves:
        where = "their NAT instances" if report.plan.direction == "back" else "what stands by"
        return [f"  {signs['ok']} all routes lead to {where}: nothing to move"]
    lines = [
        f"  {signs['ok']} {one.move.route_table_id}  {one.move.before or 'nothing'} -> "
        f"{one.move.after}  in {one.seconds:.1f} s"
        for one in report.done
    ]
    if report.left:
        left = ", ".join(one.route_table_id for one in report.left)
        lines.append(f"  {signs['warning']} not moved: {left}; the same command goes on from here")
    return lines


def moved_body(report: "MovesReport") -> dict[str, Any]:
    """What it adds to the summary."""
    return {
        "deployment": report.plan.place.deployment,
        "direction": report.plan.direction,
        "moved": [
            {
                "route_table": one.move.route_table_id,
                "before": one.move.before,
                "after": one.move.after,
                "seconds": round(one.seconds, 3),
            }
            for one in report.done
        ],
        "left": [one.route_table_id for one in report.left],
    }
