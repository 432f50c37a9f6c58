"""The door of the room: discover a network, plan its watch, apply the plan, take it away again.

What is there is what AWS answers; nothing is kept on this side. So an apply that was cut short goes
on when it is run again, from whatever machine.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Event as Flag

from lakeferry.aws import ensure as aws
from lakeferry.aws import read as aws_read
from lakeferry.connect.aws import AwsAccess, account_of
from lakeferry.connect.databricks import DatabricksAccess
from lakeferry.errors import FerryError
from lakeferry.events import ChangeApplied, ChangePlanned, Emit, silent
from lakeferry.monitor.brakes import Brake, brakes, hold
from lakeferry.monitor.changes import Change, Planned
from lakeferry.monitor.desired import Desired, desired
from lakeferry.monitor.plan import ProvisionPlan, Step, everything, provision_plan, refuse_stale
from lakeferry.monitor.registrations import wanted_registrations
from lakeferry.monitor.settings import MonitorSettings
from lakeferry.monitor.thresholds import planned_flows
from lakeferry.network import discover as network
from lakeferry.network.discover import Scope
from lakeferry.network.resources import EndpointRegistration
from lakeferry.network.topology import Found, Topology


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a migration will move; which paths it takes is known once the network is read."""

    bytes: int
    days: float


@dataclass(frozen=True, slots=True)
class MonitorRequest:
    """Which network, as whom, and what there shall be."""

    access: AwsAccess
    scope: Scope
    settings: MonitorSettings  # an empty `account` is asked of STS
    registry: DatabricksAccess | None = None  # where Databricks' endpoints are registered
    transfer: Transfer | None = None  # gives `settings.planned`, where that is empty


@dataclass(frozen=True, slots=True)
class ProvisionReport:
    """What there is, what there shall be, and what lies between."""

    topology: Topology
    settings: MonitorSettings  # with the account, and with what is planned for each path
    desired: Desired
    plan: ProvisionPlan
    brakes: tuple[Brake, ...]  # what `apply` would ask a word for

    @property
    def drift(self) -> tuple[Change, ...]:
        """Changes to a deployment that is there; a first plan has none."""
        return self.plan.drift

    @property
    def exit_code(self) -> int:
        return 3 if self.drift else 0


@dataclass(frozen=True, slots=True)
class ApplyReport:
    """What an apply or a destroy did."""

    plan: ProvisionPlan
    done: tuple[Change, ...]  # in the order in which they were finished
    left: tuple[Change, ...]  # not finished, because it was stopped
    notes: tuple[str, ...] = ()  # of what there shall be

    @property
    def is_complete(self) -> bool:
        return not self.left


def discover(request: MonitorRequest, *, emit: Emit = silent) -> Topology:
    """The network, read. Nothing is changed.

    Raises:
        FerryError: LF-1201 to LF-1206, LF-6351, LF-6352.
    """
    return _seen(request, request.settings, emit)


def plan(request: MonitorRequest, *, emit: Emit = silent) -> ProvisionReport:
    """What would be changed. Nothing is.

    Raises:
        FerryError: those of `discover`, LF-1301, LF-1302, and LF-6401 for a name that is taken.
    """
    settings = _settled(request)
    report = _planned(request, settings, emit)
    for one in report.plan.of("create", "update", "replace", "delete"):
        emit(ChangePlanned(settings.deployment, one.kind, one.name, one.action, one.why))
    return report


def apply(
    request: MonitorRequest,
    *,
    fingerprint: str | None = None,
    allow: Collection[str] = (),
    emit: Emit = silent,
    stop: Flag | None = None,
) -> ApplyReport:
    """Read again, plan again, and do it change by change.

    Args:
        fingerprint: of the plan that was read by a person, or at least its first 8 characters;
            None applies whatever there is to do.
        allow: of `brakes.BRAKES`, what the plan may do.
        stop: set: no further change begins. What was done is kept, and a later apply goes on.

    Raises:
        FerryError: those of `plan`; LF-2051 for a stale fingerprint and LF-6402 for a brake, both
            before anything is changed; those of `aws.ensure`, after which what was made is kept.
    """
    settings = _settled(request)
    report = _planned(request, settings, emit)
    if fingerprint is not None:
        refuse_stale(report.plan, fingerprint)
    hold(report.plan, allow)
    return replace(_do(request, settings, report.plan, emit, stop), notes=report.desired.notes)


def destroy(
    request: MonitorRequest, *, emit: Emit = silent, stop: Flag | None = None
) -> ApplyReport:
    """Remove all that carries the deployment's tag, and nothing else. Twice is once."""
    settings = _settled(request)
    return _do(request, settings, removal(request, emit=emit), emit, stop)


def removal(request: MonitorRequest, *, emit: Emit = silent) -> ProvisionPlan:
    """What `destroy` would remove. Nothing is."""
    settings = _settled(request)
    found = _everything(request, _seen(request, settings, emit).found)
    return provision_plan((), found, settings)


# ---- reading and deciding


def _settled(request: MonitorRequest) -> MonitorSettings:
    """The settings with the account that the requests are made in."""
    if request.settings.account:
        return request.settings
    return replace(request.settings, account=account_of(request.access))


def _seen(request: MonitorRequest, settings: MonitorSettings, emit: Emit) -> Topology:
    sight = aws_read.read(request.access, request.scope, groups=(settings.group,), emit=emit)
    return network.topology(sight.found, request.scope, beyond=sight.beyond)


def _planned(request: MonitorRequest, settings: MonitorSettings, emit: Emit) -> ProvisionReport:
    topology = _seen(request, settings, emit)
    there = _everything(request, topology.found)
    if request.transfer is not None and not settings.planned:
        flows = planned_flows(topology, request.transfer.bytes, request.transfer.days)
        settings = replace(settings, planned=flows)
    shall = desired(topology, settings)
    wanted: Sequence[Planned] = shall.resources
    if request.registry is not None:
        wanted = (*wanted, *wanted_registrations(shall.resources, settings))
    made = provision_plan(wanted, there, settings)
    return ProvisionReport(topology, settings, shall, made, brakes(made))


def _everything(request: MonitorRequest, found: Found) -> tuple[Planned, ...]:
    if request.registry is None:
        return everything(found)
    from lakeferry import databricks

    names = _endpoint_names(found)
    return (*everything(found), *databricks.registrations(request.registry, names))


def _endpoint_names(found: Found) -> Mapping[str, str]:
    return {one.id: one.name for one in found.endpoints if one.id and one.name}


# ---- doing


def _do(
    request: MonitorRequest,
    settings: MonitorSettings,
    chosen: ProvisionPlan,
    emit: Emit,
    stop: Flag | None,
) -> ApplyReport:
    place = aws.Place(request.access, settings.account, settings.deployment, settings.partition)
    steps = chosen.steps
    done: list[Change] = []
    for number, step in enumerate(steps, 1):
        if stop is not None and stop.is_set():
            break
        try:
            _step(request, place, step)
        except FerryError as error:
            raise _kept(error, number - 1, len(steps)) from error
        change = step.change
        emit(
            ChangeApplied(
                settings.deployment, change.kind, change.name, change.action, step.act, number,
                len(steps),
            )
        )  # fmt: skip
        if step.act == "make" or change.action == "delete":
            done.append(change)
    left = tuple(
        one for one in chosen.of("create", "update", "replace", "delete") if one not in done
    )
    return ApplyReport(chosen, tuple(done), left)


def _step(request: MonitorRequest, place: aws.Place, step: Step) -> None:
    before, after = step.change.before, step.change.after
    if step.act == "make":
        assert after is not None, "what is made is wanted"
        there = None if step.change.action == "replace" else before
        if isinstance(after, EndpointRegistration):
            _register(request, place, after)
        else:
            assert not isinstance(there, EndpointRegistration), "a change keeps its kind"
            aws.ensure(place, after, there)
    else:
        assert before is not None, "what is removed was found"
        if isinstance(before, EndpointRegistration):
            _forget(request, before)
        else:
            aws.remove(place, before)


def _register(request: MonitorRequest, place: aws.Place, wanted: EndpointRegistration) -> None:
    from lakeferry import databricks

    assert request.registry is not None, "registrations are planned with a registry alone"
    databricks.ensure_registration(
        request.registry, wanted, aws.endpoint_id(place, wanted.endpoint)
    )


def _forget(request: MonitorRequest, found: EndpointRegistration) -> None:
    from lakeferry import databricks

    assert request.registry is not None, "registrations are read with a registry alone"
    databricks.remove_registration(request.registry, found)


def _kept(error: FerryError, done: int, total: int) -> FerryError:
    """The same error, with how far it came."""
    said = f"{error.where}; {done} of {total} changes were made and are kept"
    return FerryError(error.code, error.what, said, error.next_step)
