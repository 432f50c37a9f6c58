"""The door of the room: discover a network, plan its watch, apply the plan, take it away again.

What is there is what AWS answers; nothing is kept on this side. So an apply that was cut short goes
on when it is run again, from whatever machine.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Event as Flag

from lakeferry.aws import read as aws_read
from lakeferry.aws import read_wish
from lakeferry.aws.bucket_policy import find_policies
from lakeferry.aws.offers import find_offers
from lakeferry.aws.place import Place
from lakeferry.aws.read_nat import find_nat
from lakeferry.connect.aws import AwsAccess, account_of
from lakeferry.connect.databricks import DatabricksAccess
from lakeferry.errors import FerryError
from lakeferry.events import ChangePlanned, Emit, silent
from lakeferry.monitor.brakes import Brake, brakes, hold
from lakeferry.monitor.carry_out import Site, carry_out
from lakeferry.monitor.changes import Change, Planned
from lakeferry.monitor.export.foreseen import foreseen
from lakeferry.monitor.nat.instances import refuse_undeployed
from lakeferry.monitor.nat.names import nat_role_name
from lakeferry.monitor.nat.size import known_types, refuse_not_offered, types_by_zone
from lakeferry.monitor.plan import (
    ProvisionPlan,
    everything,
    is_ours,
    provision_plan,
    refuse_stale,
)
from lakeferry.monitor.registrations import wanted_registrations
from lakeferry.monitor.settings import MonitorSettings
from lakeferry.monitor.wanted.desired import Desired, desired
from lakeferry.monitor.wanted.endpoints import interface_services
from lakeferry.monitor.wanted.flow_logs import bucket_in, bucket_of, bucket_policy
from lakeferry.monitor.wanted.own_cost import MonthlyCost
from lakeferry.monitor.wanted.thresholds import planned_flows
from lakeferry.network import discover as network
from lakeferry.network.discover import Scope
from lakeferry.network.nat_resources import DefaultRoute, NatInstance
from lakeferry.network.resources import OWNER_TAG, BucketPolicy, FlowLog, Vpc, VpcEndpoint
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
    hidden: tuple[str, ...] = field(default=(), repr=False)  # what references gave: shown nowhere


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
    def later(self) -> tuple[MonthlyCost, ...]:
        """What apply's second round makes, as far as it can be known before interfaces are."""
        known = {(one.kind, one.name) for one in self.desired.costs}
        costs = foreseen(self.topology, self.settings).costs
        return tuple(one for one in costs if (one.kind, one.name) not in known)

    @property
    def exit_code(self) -> int:
        return 3 if self.drift else 0


@dataclass(frozen=True, slots=True)
class ApplyReport:
    """What an apply or a destroy did."""

    plan: ProvisionPlan
    done: tuple[Change, ...]  # finished, in the order in which they were begun
    left: tuple[Change, ...]  # because it was stopped, or a second round needs a word
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
        FerryError: those of `discover`, LF-1301, LF-1302, LF-6401 for a name that is taken, and
            LF-6405, LF-6406 for what the wish leans on and AWS has not; those of `desired`, and
            LF-6433 for a type of NAT instances that a zone does not offer.
    """
    settings = _settled(request)
    report = _planned(request, settings, emit)
    for one in report.plan.work:
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

    The interfaces of new endpoints are known when they are made, and NAT instances are on a way
    when routes lead to them; what watches them (rules, alarms, graphs) follows in a second round,
    as the notes of the plan say.

    Args:
        fingerprint: of the plan that was read by a person, or at least its first 8 characters;
            None applies whatever there is to do.
        allow: of `brakes.BRAKES`, what the plan may do.
        stop: set: no further change begins. What was done is kept, and a later apply goes on.

    Raises:
        FerryError: those of `plan`; LF-2051 for a stale fingerprint, LF-6402 for a brake and
            LF-6434 for a Lambda that only a template brings, all before anything is changed;
            those of `carry_out`, after which what was made is kept.
    """
    settings = _settled(request)
    report = _planned(request, settings, emit)
    if fingerprint is not None:
        refuse_stale(report.plan, fingerprint)
    hold(report.plan, allow)
    refuse_undeployed(settings, report.desired.resources)
    done = _do(request, report.settings, report.plan, emit, stop)
    if done.is_complete and _made_interfaces(report.plan):
        report = _planned(request, settings, emit)
        rest = ApplyReport(report.plan, (), report.plan.work)
        held = [one for one in report.brakes if one.kind not in allow]
        if not held:
            rest = _do(request, report.settings, report.plan, emit, stop)
        done = replace(rest, plan=done.plan, done=(*done.done, *rest.done))
        said = [f"held back: {one.what}; if that is meant: --allow {one.kind}" for one in held]
        return replace(done, notes=(*said, *report.desired.notes))
    return replace(done, notes=report.desired.notes)


def destroy(
    request: MonitorRequest, *, emit: Emit = silent, stop: Flag | None = None
) -> ApplyReport:
    """Remove all that carries the deployment's tag, and nothing else. Twice is once."""
    settings = _settled(request)
    return _do(request, settings, removal(request, emit=emit), emit, stop)


def removal(request: MonitorRequest, *, emit: Emit = silent) -> ProvisionPlan:
    """What `destroy` would remove. Nothing is."""
    settings = _settled(request)
    try:
        found = _seen(request, settings, emit).found
    except FerryError as error:
        if error.code != "LF-6351":
            raise
        # The network is gone; what watched it is not.
        nothing = Found(Vpc("", (), settings.account, settings.region))
        found = aws_read.read_monitoring(request.access, nothing, (settings.group,))
    there = _everything(request, settings, found)
    policies = (one for one in _policies(request, settings, there) if one.policy)
    return provision_plan((), (*there, *policies), settings)


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
    topology = _leaning(request, settings, _seen(request, settings, emit))
    there = _everything(request, settings, topology.found)
    policies = _policies(request, settings, there, needed=bucket_of(settings))
    if request.transfer is not None and not settings.planned:
        transfer, new_nat = request.transfer, settings.nat.kind in ("instance", "auto")
        flows = planned_flows(topology, transfer.bytes, transfer.days, new_nat=new_nat)
        settings = replace(settings, planned=flows)
    if settings.watched_streams:
        kept = read_wish.find_retentions(request.access, settings.watched_streams)
        settings = replace(settings, retentions_s=kept)
    shall = desired(topology, settings)
    if any(isinstance(one, VpcEndpoint) and one.private_dns for one in shall.resources):
        read_wish.refuse_without_dns(request.access, topology.found.vpc.id)
    if types := types_by_zone(shall.resources, topology):
        offered = find_offers(request.access, known_types(types))
        refuse_not_offered(types, offered, request.access.shown)
    wanted: Sequence[Planned] = shall.resources
    if request.registry is not None:
        wanted = (*wanted, *wanted_registrations(shall.resources, settings))
    if bucket_of(settings) in {one.name for one in policies}:
        wanted = (BucketPolicy(bucket_of(settings), bucket_policy(settings)), *wanted)
    there = (*there, *(one for one in policies if one.policy))
    made = provision_plan(wanted, there, settings)
    return ProvisionReport(topology, settings, shall, made, brakes(made))


def _leaning(request: MonitorRequest, settings: MonitorSettings, seen: Topology) -> Topology:
    """With what the wish leans on and does not make. Raises LF-6406 where that is not there."""
    read_wish.refuse_missing_topics(request.access, settings.account, settings.notify)
    if settings.suppressor:
        read_wish.refuse_missing_alarm(request.access, settings.suppressor)
    services = read_wish.find_services(request.access, interface_services(settings))
    return replace(seen, found=replace(seen.found, services=services))


def _everything(
    request: MonitorRequest, settings: MonitorSettings, found: Found
) -> tuple[Planned, ...]:
    found = aws_read.read_owned(request.access, found, {OWNER_TAG: settings.deployment})
    tables = {one.id for one in found.route_tables}
    # A profile comes after its role and goes before it, so that one tells of the other.
    profile = next((one.name for one in found.roles if one.name == nat_role_name(settings)), "")
    found = replace(found, nat=find_nat(request.access, settings.deployment, profile, tables))
    if request.registry is None:
        return everything(found)
    from lakeferry.databricks import endpoints

    names = _endpoint_names(found)
    return (*everything(found), *endpoints.registrations(request.registry, names))


def _policies(
    request: MonitorRequest, settings: MonitorSettings, there: Sequence[Planned], needed: str = ""
) -> tuple[BucketPolicy, ...]:
    """What the policies of buckets say for us: of the one that is wanted, and of those in use."""
    used = (
        bucket_in(one.destination)
        for one in there
        if isinstance(one, FlowLog) and one.destination_type == "s3" and is_ours(one, settings)
    )
    buckets = {bucket_of(settings), *used} - {""}
    return find_policies(_place(request, settings), buckets, needed=needed)


def _endpoint_names(found: Found) -> Mapping[str, str]:
    return {one.id: one.name for one in found.endpoints if one.id and one.name}


# ---- doing


def _place(request: MonitorRequest, settings: MonitorSettings) -> Place:
    return Place(request.access, settings.account, settings.deployment, settings.partition)


def _made_interfaces(done: ProvisionPlan) -> bool:
    """Whether there is something else to watch: interfaces of endpoints, ways by NAT instances."""
    made = [one.after for one in done.of("create", "update", "replace")]
    moved = (NatInstance.kind_name, DefaultRoute.kind_name)
    return any(isinstance(one, VpcEndpoint) and one.type == "Interface" for one in made) or any(
        one.kind in moved for one in done.work
    )


def _do(
    request: MonitorRequest,
    settings: MonitorSettings,
    chosen: ProvisionPlan,
    emit: Emit,
    stop: Flag | None,
) -> ApplyReport:
    site = Site(_place(request, settings), settings, request.registry)
    done = carry_out(site, chosen, emit=emit, stop=stop)
    ready = {id(one) for one in done}
    return ApplyReport(chosen, done, tuple(one for one in chosen.work if id(one) not in ready))
