"""For all networks: applying a plan gives what is wanted, and nothing of others is touched.

The world here is as strict as AWS: a name is taken once, a security group in use cannot go, and
two gateway endpoints for one service cannot share a VPC.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lakeferry.errors import FerryError
from lakeferry.monitor.changes import Planned, facts
from lakeferry.monitor.plan import ProvisionPlan, Step, is_ours, provision_plan
from lakeferry.monitor.settings import OWNER_TAG
from lakeferry.network.resources import (
    Alarm,
    Dashboard,
    EndpointRegistration,
    FlowLog,
    LogGroup,
    SecurityGroup,
    VpcEndpoint,
    key_of,
)  # fmt: skip
from tests.monitor.wishes import settings

bounded = hypothesis_settings(max_examples=100)
MINE = settings("m1")
OURS, THEIRS, NOBODYS = {OWNER_TAG: "m1"}, {OWNER_TAG: "m2"}, {"owner": "x"}
GROUPS, ENDPOINTS = ("lakeferry-m1.g1", "lakeferry-m1.g2"), ("lakeferry-m1.e1", "lakeferry-m1.e2")


@dataclass
class World:
    """What AWS holds; `apply` refuses what AWS would refuse."""

    things: list[Planned]
    made: int = 0
    removed: list[Planned] = field(default_factory=list)

    def apply(self, step: Step) -> None:
        before, after = step.change.before, step.change.after
        if step.act == "remove":
            assert before is not None
            self._remove(before)
        else:
            assert after is not None
            if step.change.action == "update":
                assert before is not None
                self._remove(before, for_good=False)
            self._make(after)

    def _remove(self, one: Planned, *, for_good: bool = True) -> None:
        self.things.remove(one)
        if for_good:
            self.removed.append(one)
        if for_good and isinstance(one, SecurityGroup):
            users = [e for e in self.things if isinstance(e, VpcEndpoint)]
            assert not any(one.name in e.security_groups for e in users), "DependencyViolation"

    def _make(self, one: Planned) -> None:
        if not isinstance(one, VpcEndpoint | FlowLog):
            taken = [key_of(other) for other in self.things]
            assert key_of(one) not in taken, "AlreadyExists"
        if isinstance(one, VpcEndpoint):
            groups = {g.name for g in self.things if isinstance(g, SecurityGroup)}
            assert set(one.security_groups) <= groups | {"sg-theirs"}, "InvalidGroup.NotFound"
            same = [e for e in self.things if isinstance(e, VpcEndpoint) and e.type == "Gateway"]
            assert one.type != "Gateway" or one.service not in [
                e.service for e in same if is_ours(e, MINE)
            ], "RouteAlreadyExists"
        if isinstance(one, SecurityGroup | VpcEndpoint | FlowLog | EndpointRegistration):
            self.made += 1
            one = replace(one, id=f"new-{self.made}")
        self.things.append(one)


def _groups(tags: Any) -> st.SearchStrategy[SecurityGroup]:
    return st.builds(
        SecurityGroup, st.sampled_from(GROUPS), st.just("vpc-1"), st.sampled_from("ab"),
        st.just(()), tags,
    )  # fmt: skip


def _endpoints(tags: Any, groups: Sequence[str]) -> st.SearchStrategy[VpcEndpoint]:
    some = st.sets(st.sampled_from(tuple(groups) or ("sg-theirs",)), max_size=2)
    interface = st.builds(
        VpcEndpoint, st.sampled_from(ENDPOINTS), st.just("vpc-1"), st.sampled_from(("s3", "sts")),
        st.just("Interface"), st.sampled_from(((), ("subnet-1",))),
        security_groups=some.map(lambda found: tuple(sorted(found))), tags=tags,
        id=st.text("0123456789", min_size=3, max_size=6),
    )  # fmt: skip
    gateway = interface.map(lambda one: replace(one, type="Gateway", security_groups=()))
    return interface | gateway


def _others(tags: Any) -> st.SearchStrategy[Planned]:
    few = st.integers(0, 1)
    return st.one_of(
        st.builds(LogGroup, few.map("/lakeferry/m1/{}".format), st.sampled_from((None, 30)),
                  tags=tags),
        st.builds(FlowLog, few.map("lakeferry-m1.f{}".format), st.just("vpc-1"), st.just("VPC"),
                  st.sampled_from(("ALL", "REJECT")), st.just("s3"), st.just("arn"), st.just(""),
                  st.just(("version",)), st.just(60), tags=tags,
                  id=st.text("0123456789", min_size=3, max_size=6)),
        st.builds(Alarm, few.map("lakeferry-m1.a{}".format), st.just(""), st.just(()),
                  st.just("LessThanThreshold"), st.sampled_from((1.0, 2.0)), st.just(1),
                  st.just(1), st.just("ignore"), tags=tags),
        st.builds(Dashboard, st.sampled_from(("lakeferry-m1", "lakeferry-m2")),
                  st.sampled_from(("{}", '{"a":1}'))),
        st.builds(EndpointRegistration, st.sampled_from(ENDPOINTS), st.sampled_from(ENDPOINTS),
                  st.just("us-east-1")),
    )  # fmt: skip


def _once(things: Sequence[Planned]) -> list[Planned]:
    """As AWS has them: one of a name, but for what bears its name as a tag alone."""
    found: dict[Any, Planned] = {}
    for one in things:
        doubles = isinstance(one, VpcEndpoint | FlowLog)
        found.setdefault((key_of(one), getattr(one, "id", "") if doubles else ""), one)
    return list(found.values())


@st.composite
def worlds(draw: st.DrawFn) -> list[Planned]:
    tags = st.sampled_from((OURS, OURS, THEIRS, NOBODYS))
    groups = draw(st.lists(_groups(tags), max_size=2))
    ours = [one.name for one in _once(groups) if is_ours(one, MINE)]
    # Endpoints of others use groups of others.
    points = [
        *draw(st.lists(_endpoints(st.just(OURS), ours), max_size=3)),
        *draw(st.lists(_endpoints(st.just(THEIRS), ()), max_size=2)),
    ]
    gateways: set[str] = set()
    fits = []
    for one in points:
        if one.type == "Gateway" and one.service in gateways:
            continue
        gateways |= {one.service} if one.type == "Gateway" else set()
        fits.append(one)
    return _once([*groups, *fits, *draw(st.lists(_others(tags), max_size=6))])


@st.composite
def wishes(draw: st.DrawFn) -> list[Planned]:
    groups = _by_key(draw(st.lists(_groups(st.just(OURS)), max_size=2)))
    names = [one.name for one in groups]
    drawn = draw(st.lists(_endpoints(st.just(OURS), names), max_size=2))
    points = [replace(one, id="") for one in {one.name: one for one in drawn}.values()]
    gateways = [one for one in points if one.type == "Gateway"]
    if len({one.service for one in gateways}) < len(gateways):
        points = points[:1]
    rest = _by_key(draw(st.lists(_others(st.just(OURS)), max_size=5)))
    made = {one.name for one in points}
    kept = [
        one
        for one in rest
        if not (isinstance(one, EndpointRegistration) and one.endpoint not in made)
        and not (isinstance(one, Dashboard) and one.name != "lakeferry-m1")
    ]
    order = sorted(kept, key=lambda one: not isinstance(one, EndpointRegistration))
    return [*groups, *points, *order]


def _by_key(things: Sequence[Planned]) -> list[Planned]:
    return list({key_of(one): one for one in things}.values())


def state(things: Sequence[Planned]) -> list[Any]:
    return sorted(([key_of(one), facts(one)] for one in things), key=str)


def planned(shall: list[Planned], there: list[Planned]) -> ProvisionPlan | None:
    """The plan; None where a name is taken, which must then be so."""
    try:
        return provision_plan(shall, there, MINE)
    except FerryError:
        taken = {key_of(one) for one in there if not is_ours(one, MINE)}
        assert taken & {key_of(one) for one in shall}
        return None


@bounded
@given(there=worlds(), shall=wishes())
def test_applying_a_plan_gives_what_is_wanted_and_leaves_the_rest(
    there: list[Planned], shall: list[Planned]
) -> None:
    made = planned(shall, there)
    if made is None:
        return
    foreign = [one for one in there if not is_ours(one, MINE)]
    world = World(list(there))

    for step in made.steps:
        world.apply(step)

    assert all(one.before is None or is_ours(one.before, MINE) for one in made.changes)
    assert state([one for one in world.things if is_ours(one, MINE)]) == state(shall)
    assert [one for one in world.things if not is_ours(one, MINE)] == foreign
    assert all(is_ours(one, MINE) for one in world.removed)
    assert provision_plan(shall, world.things, MINE).is_empty


@bounded
@given(there=worlds(), shall=wishes(), cut=st.integers(0, 12))
def test_an_apply_that_stops_anywhere_is_finished_by_the_next_one(
    there: list[Planned], shall: list[Planned], cut: int
) -> None:
    made = planned(shall, there)
    if made is None:
        return
    world = World(list(there))

    for step in made.steps[:cut]:
        world.apply(step)
    for step in provision_plan(shall, world.things, MINE).steps:
        world.apply(step)

    assert state([one for one in world.things if is_ours(one, MINE)]) == state(shall)


@bounded
@given(there=worlds(), shall=wishes(), data=st.data())
def test_the_order_in_which_aws_answers_does_not_matter(
    there: list[Planned], shall: list[Planned], data: st.DataObject
) -> None:
    made = planned(shall, there)
    if made is not None:
        assert provision_plan(shall, data.draw(st.permutations(there)), MINE) == made
