"""Lead default routes back to NAT instances, or over to what stands by: one table at a time.

Back: before each move the instance is asked whether its path is alive, and after it once more; a
path that is not alive then loses the route again, to where it was, and no further one is moved.
Over to another instance the same, but that one whom nobody can ask takes it all the same.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from threading import Event as Flag

from lakeferry.aws.nat_path import PathSeen, lead, path_of
from lakeferry.aws.place import Place
from lakeferry.errors import FerryError
from lakeferry.events import ChangeApplied, Emit, silent
from lakeferry.monitor import run
from lakeferry.monitor.nat.moves import Direction, RouteMove, moves
from lakeferry.monitor.run import MonitorRequest
from lakeferry.network.nat_resources import DefaultRoute, NetworkInterface

_NOT_ASKED = PathSeen("alive", "")  # a gateway: AWS keeps it


@dataclass(frozen=True, slots=True)
class MovesPlan:
    """What would be moved, and how the instances are that it is about."""

    place: Place
    direction: Direction
    moves: tuple[RouteMove, ...]
    seen: tuple[PathSeen, ...]  # of the instance that each route goes to, in order of the moves
    instances: Mapping[str, str]  # by their interfaces' ids; '': none is on it

    @property
    def doubts(self) -> tuple[tuple[RouteMove, PathSeen], ...]:
        """Moves to an instance whose path is in doubt.

        Back: not known to be alive. Over to another one: known to be dead, for who stands by is
        better than who failed, asked or not.
        """
        fine = ("alive",) if self.direction == "back" else ("alive", "unknown")
        both = zip(self.moves, self.seen, strict=True)
        return tuple((move, seen) for move, seen in both if seen.state not in fine)


@dataclass(frozen=True, slots=True)
class Moved:
    """One route that was moved."""

    move: RouteMove
    seconds: float  # until EC2 showed it


@dataclass(frozen=True, slots=True)
class MovesReport:
    """What became of the moves of a plan."""

    plan: MovesPlan
    done: tuple[Moved, ...]
    left: tuple[RouteMove, ...]  # because it was stopped

    @property
    def is_complete(self) -> bool:
        return not self.left


def plan_moves(
    request: MonitorRequest,
    direction: Direction,
    *,
    tables: Collection[str] = (),
    emit: Emit = silent,
) -> MovesPlan:
    """What would be moved; nothing is.

    Args:
        tables: ids of route tables; (): all of the deployment.

    Raises:
        FerryError: those of `run.plan`, and LF-6435.
    """
    report = run.plan(request, emit=emit)
    settings = report.settings
    there = [one.before for one in report.plan.changes]
    found = moves(report.topology, report.desired, settings, direction, there)
    routes = (one for one in report.desired.resources if isinstance(one, DefaultRoute))
    known = sorted(one.route_table_id for one in routes)
    for table in sorted(set(tables) - set(known)):
        raise FerryError(
            "LF-6435",
            f"no route can be moved: {table} is none of the deployment's route tables",
            f"deployment {settings.deployment}: {', '.join(known)}",
            "name one of them, or none for all",
        )
    chosen = tuple(one for one in found if not tables or one.route_table_id in tables)
    place = Place(request.access, settings.account, settings.deployment, settings.partition)
    instances = {one.id: one.instance_id for one in there if isinstance(one, NetworkInterface)}
    asked = sorted({one.after for one in chosen} & instances.keys())
    paths = {interface: path_of(place, instances[interface]) for interface in asked}
    seen = tuple(paths.get(one.after, _NOT_ASKED) for one in chosen)
    return MovesPlan(place, direction, chosen, seen, instances)


def move(
    planned: MovesPlan,
    *,
    unproven: bool = False,
    emit: Emit = silent,
    stop: Flag | None = None,
) -> MovesReport:
    """Move the routes of a plan, each on its own.

    Args:
        unproven: also to an instance that could not be asked; never to one that says it is dead.
        stop: set: no further route is moved.

    Raises:
        FerryError: LF-6437 for an instance whose path is not alive, before or after its route was
            moved; LF-6436.
    """
    refuse_doubts(planned, unproven=unproven)
    done: list[Moved] = []
    for one in planned.moves:
        if stop is not None and stop.is_set():
            break
        done.append(Moved(one, _moved(planned, one, unproven=unproven)))
        emit(
            ChangeApplied(
                planned.place.deployment, DefaultRoute.kind_name, one.name, "update", "make",
                len(done), len(planned.moves),
            )
        )  # fmt: skip
    return MovesReport(planned, tuple(done), planned.moves[len(done) :])


def refuse_doubts(planned: MovesPlan, *, unproven: bool) -> None:
    """LF-6437 where a route would be led to an instance that is dead, or that nobody could ask."""
    for one, seen in planned.doubts:
        if seen.state == "dead" or not unproven:
            raise _not_alive(planned, one, seen, "no route was moved")


def _moved(planned: MovesPlan, one: RouteMove, *, unproven: bool) -> float:
    place = planned.place
    route = DefaultRoute(one.name, one.route_table_id, one.interface, one.destination)
    took = lead(place, route, one.after)
    if one.after not in planned.instances:
        return took
    seen = path_of(place, planned.instances[one.after])
    may_be_unknown = unproven or planned.direction == "over"
    if seen.state == "alive" or (seen.state == "unknown" and may_be_unknown):
        return took
    if one.before:
        lead(place, route, one.before)
    left = f"its route leads to {one.before or one.after} again; later ones were not moved"
    raise _not_alive(planned, one, seen, left)


def _not_alive(planned: MovesPlan, one: RouteMove, seen: PathSeen, left: str) -> FerryError:
    called = planned.instances[one.after] or one.after
    step = (
        f"look at {called} (`journalctl -u lakeferry-nat` and /var/log/cloud-init-output.log "
        "there), or have another one made in its place (`lakeferry monitor apply`)"
    )
    known = seen.state == "dead"
    return FerryError(
        "LF-6437",
        f"the path through {called} is {'dead' if known else 'not proven'}: {seen.said}",
        f"{one.route_table_id}; {left}",
        step if known else f"{step}; --unproven moves the route all the same",
    )
