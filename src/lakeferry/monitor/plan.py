"""What must change so that what was found becomes what is wanted, in a safe order. Pure.

Only what carries our tag is changed or removed, and is of the deployment's Region. Dashboards have
no tags, and composite alarms that bear none are ours by their name. The same input gives the same
plan and the same fingerprint.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import orjson

from lakeferry.errors import FerryError
from lakeferry.monitor.changes import Action, Change, Planned, change, facts
from lakeferry.monitor.export.lambda_function import FUNCTIONS_OWN
from lakeferry.monitor.nat.names import nat_role_name
from lakeferry.monitor.settings import OWNER_TAG, MonitorSettings
from lakeferry.monitor.wanted.dashboard import dashboard_name
from lakeferry.monitor.wanted.endpoints import WAITING
from lakeferry.network.nat_resources import (
    DefaultRoute,
    ElasticIp,
    InstanceProfile,
    NatInstance,
    NetworkInterface,
    StandbyGateway,
)
from lakeferry.network.resources import (
    REGION_TAG,
    Alarm,
    BucketPolicy,
    CompositeAlarm,
    Dashboard,
    EndpointRegistration,
    FlowLog,
    InsightRule,
    LogGroup,
    Resource,
    Role,
    SecurityGroup,
    Topic,
    VpcEndpoint,
    key_of,
)
from lakeferry.network.topology import Found

# A kind comes after those that it names, so it goes before them.
ORDER: tuple[type, ...] = (
    SecurityGroup, VpcEndpoint, EndpointRegistration, LogGroup, Role, InstanceProfile,
    NetworkInterface, ElasticIp, StandbyGateway, NatInstance, BucketPolicy, FlowLog, InsightRule,
    Topic, Alarm, CompositeAlarm, Dashboard, DefaultRoute,
)  # fmt: skip
_REGION = re.compile(r'"region":"([a-z0-9-]+)"')
GONE = frozenset({"deleting", "deleted"})  # states of endpoints that are none any more


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do."""

    act: Literal["make", "finish", "remove"]
    change: Change


@dataclass(frozen=True, slots=True)
class ProvisionPlan:
    """Every resource of one deployment, and what each asks for."""

    deployment: str
    account: str
    region: str
    changes: tuple[Change, ...]  # wanted ones in their order, then those that go; 'keep' too
    fingerprint: str  # sha256 of all that was decided and all that it was decided upon

    def of(self, *actions: Action) -> tuple[Change, ...]:
        return tuple(one for one in self.changes if one.action in actions)

    @property
    def work(self) -> tuple[Change, ...]:
        """All but what is kept."""
        return self.of("create", "update", "replace", "delete")

    @property
    def is_empty(self) -> bool:
        return not self.work

    @property
    def found(self) -> int:
        """How many resources of the deployment are there."""
        return sum(1 for one in self.changes if one.before is not None)

    @property
    def drift(self) -> tuple[Change, ...]:
        """What is not as it was made: all changes, once anything of the deployment is there."""
        return self.work if self.found else ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """What to do, in an order in which nothing stands in another's way.

        First goes what is replaced, routes, which then lead where they led before, and endpoints:
        another for the same service may take their route tables and names. Then all is made.
        Endpoints, which take minutes to come up, are finished when all else is there. Then the
        rest goes. What hangs on another goes before it and comes after it.
        """
        early = [one for one in self.changes if _goes_first(one)]
        late = [one for one in self.of("delete") if not _goes_first(one)]
        return (
            *(Step("remove", one) for one in sorted(early, key=_backwards, reverse=True)),
            *(Step("make", one) for one in self.of("create", "update", "replace")),
            *(Step("finish", one) for one in self.work if _takes_time(one)),
            *(Step("remove", one) for one in sorted(late, key=_backwards, reverse=True)),
        )


def provision_plan(
    wanted: Sequence[Planned], found: Iterable[Planned], settings: MonitorSettings
) -> ProvisionPlan:
    """Compare what shall be with what is there.

    Args:
        wanted: in an order in which each comes after those that it names; all of our tag.
        found: everything of the kinds in ORDER that is there, others' too, in any order.
        settings: whose deployment this is.

    Raises:
        FerryError: LF-6401 when a name that is wanted is taken by something that is not ours.
    """
    there: dict[tuple[str, str], list[Planned]] = {}
    taken: dict[tuple[str, str], Planned] = {}
    for one in found:
        if is_ours(one, settings):
            there.setdefault(key_of(one), []).append(one)
        else:
            taken.setdefault(key_of(one), one)
    _refuse([taken[key] for key in map(key_of, wanted) if key in taken])
    if wanted:
        there = {key: some for key, some in there.items() if not _of_a_function(some[0], settings)}
    changes = _patient(_cascade(_compared(wanted, there)))
    return ProvisionPlan(
        settings.deployment,
        settings.account,
        settings.region,
        changes,
        _fingerprint(settings, changes),
    )


def everything(found: Found) -> tuple[Planned, ...]:
    """All that was found of the kinds that we make, others' too."""
    return (
        *found.security_groups, *found.endpoints, *found.log_groups, *found.roles,
        *found.flow_logs, *found.rules, *found.topics, *found.alarms, *found.composite_alarms,
        *found.dashboards, *found.nat,
    )  # fmt: skip


def is_ours(one: Planned, settings: MonitorSettings) -> bool:
    """Whether a resource that was found belongs to the deployment."""
    match one:
        case BucketPolicy():
            return True  # others' statements were not read into it
        case Dashboard():
            return one.name == dashboard_name(settings) and not _elsewhere(one.body, settings)
        case EndpointRegistration():
            return one.name.startswith(settings.prefix)
        case CompositeAlarm() | InstanceProfile() if not one.tags:  # CloudFormation tags no profile
            return one.name.startswith(settings.prefix) or one.name == nat_role_name(settings)
    if _is_none_of_ours(one, settings):
        return False
    return one.tags.get(OWNER_TAG) == settings.deployment


def _of_a_function(one: Planned, settings: MonitorSettings) -> bool:
    """Whether it belongs to a Lambda, which a template alone makes and takes away.

    Such things stay while anything is wanted; a destroy removes them with all the rest.
    """
    starts = (settings.prefix, f"/lakeferry/{settings.deployment}/")
    own = (one.name.removeprefix(start) for start in starts if one.name.startswith(start))
    return any(name.startswith(FUNCTIONS_OWN) for name in own)


def _is_none_of_ours(one: Resource, settings: MonitorSettings) -> bool:
    """Whatever its owner's tag says: an endpoint that goes, and what IAM has for another Region."""
    if isinstance(one, Role | InstanceProfile):
        return one.tags.get(REGION_TAG, settings.region) != settings.region
    return isinstance(one, VpcEndpoint) and one.state.lower() in GONE


def _elsewhere(text: str, settings: MonitorSettings) -> bool:
    """Whether a dashboard shows other Regions alone: it is of all Regions, and there may be a
    deployment of the same name in each.
    """
    shown = set(_REGION.findall(text))
    return bool(shown) and settings.region not in shown


def refuse_stale(plan: ProvisionPlan, fingerprint: str) -> None:
    """LF-2051 unless the plan is the one whose fingerprint, or its first characters, is given."""
    if len(fingerprint) >= 8 and plan.fingerprint.startswith(fingerprint.lower()):
        return
    raise FerryError(
        "LF-2051",
        f"the plan {fingerprint[:12]} is stale",
        f"what is there and what is wanted now give {plan.fingerprint[:12]}: "
        f"{counted(plan) or 'nothing to do'}; nothing was changed",
        "read the plan of now with `lakeferry monitor plan`, and apply that one",
    )


def counted(plan: ProvisionPlan) -> str:
    """'3 to create, 1 to delete'; '' where there is nothing to do."""
    actions: tuple[Action, ...] = ("create", "update", "replace", "delete")
    return ", ".join(f"{len(plan.of(one))} to {one}" for one in actions if plan.of(one))


def _compared(
    wanted: Sequence[Planned], there: Mapping[tuple[str, str], list[Planned]]
) -> Iterator[Change]:
    """Endpoints and flow logs bear names as tags, so of one name there may be two: one is kept."""
    goes: list[Change] = []
    kept = set()
    for after in wanted:
        kept.add(key_of(after))
        same = there.get(key_of(after), [])
        best = sorted(same, key=lambda one: (_cost(change(one, after)), _id(one)))
        yield change(best[0] if best else None, after)
        goes += [
            replace(change(one, None), why="another one of this name is kept") for one in best[1:]
        ]
    for key, some in there.items():
        if key not in kept:
            goes += [change(one, None) for one in some]
    yield from sorted(goes, key=_backwards, reverse=True)


def _cost(one: Change) -> int:
    return ("keep", "update", "replace").index(one.action)


def _cascade(changes: Iterable[Change]) -> tuple[Change, ...]:
    """What hangs on something that is replaced is replaced too: AWS holds it by its id."""
    found: list[Change] = []
    replaced: set[tuple[str, str]] = set()
    for one in changes:
        held = next((key for key in _holds(one.before) if key in replaced), None)
        if held and one.action in ("keep", "update"):
            why = f"{held[1]}, which it holds, is replaced"
            one = replace(one, action="replace", why=why)  # noqa: PLW2901
        if one.action == "replace":
            replaced.add(one.key)
        found.append(one)
    return tuple(found)


def _patient(changes: Sequence[Change]) -> tuple[Change, ...]:
    """That an endpoint which waits to be accepted lacks private DNS is no drift: it cannot have it.

    One that this plan registers is accepted by that.
    """
    registered = {
        one.after.endpoint
        for one in changes
        if isinstance(one.after, EndpointRegistration) and one.action in ("create", "replace")
    }
    return tuple(one if one.name in registered else _without_dns(one) for one in changes)


def _without_dns(one: Change) -> Change:
    before, after = one.before, one.after
    if not isinstance(before, VpcEndpoint) or not isinstance(after, VpcEndpoint):
        return one
    if one.action != "update" or before.state.lower() not in WAITING:
        return one
    left = change(replace(before, private_dns=after.private_dns), after)
    return replace(left, before=before)


def _holds(one: Planned | None) -> Iterator[tuple[str, str]]:
    match one:
        case VpcEndpoint():
            yield from ((SecurityGroup.kind_name, name) for name in one.security_groups)
        case EndpointRegistration():
            yield VpcEndpoint.kind_name, one.endpoint
        case NetworkInterface():
            yield from ((SecurityGroup.kind_name, name) for name in one.security_groups)
        case ElasticIp() | NatInstance():
            yield NetworkInterface.kind_name, one.name
        case DefaultRoute():
            # Another instance takes minutes to come: meanwhile the route leads where it led before.
            yield NatInstance.kind_name, one.interface


def _refuse(foreign: Sequence[Planned]) -> None:
    if not foreign:
        return
    listed = ", ".join(f"{one.kind_name.replace('_', ' ')} `{one.name}`" for one in foreign)
    raise FerryError(
        "LF-6401",
        f"{listed} {'is' if len(foreign) == 1 else 'are'} there and not of this deployment",
        f"the tag `{OWNER_TAG}` is missing or says another name, or it is of another Region; "
        "nothing was changed",
        "choose another name (deployment, or log group), remove what is there, or give it the "
        "tag if it is this deployment's",
    )


def _goes_first(one: Change) -> bool:
    if one.action == "replace":
        return True
    early = VpcEndpoint | EndpointRegistration | DefaultRoute
    return one.action == "delete" and isinstance(one.before, early)


def _takes_time(one: Change) -> bool:
    """Private DNS is turned on when an endpoint is available, not before."""
    if not isinstance(one.after, VpcEndpoint) or not one.after.private_dns:
        return False
    there = isinstance(one.before, VpcEndpoint) and one.before.private_dns
    return one.action == "replace" or not there


def _backwards(one: Change) -> tuple[int, str, str]:
    held = one.before or one.after
    return ORDER.index(type(held)), one.name, _id(held)


def _id(one: object) -> str:
    return str(getattr(one, "id", ""))


def _fingerprint(settings: MonitorSettings, changes: Sequence[Change]) -> str:
    def state(one: Planned | None) -> object:
        return None if one is None else [_id(one), facts(one)]

    listed = [[one.action, one.key, state(one.before), state(one.after)] for one in changes]
    about = [settings.deployment, settings.account, settings.region, listed]
    text = orjson.dumps(about, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()
