"""One resource as it was found against what it shall be: field by field, and what that asks for.

Two texts of a policy can mean the same: AWS takes one value or a list of one, in any order. Texts
that mean the same are no difference. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import orjson

from lakeferry.network.nat_resources import (
    ElasticIp,
    InstanceProfile,
    NatInstance,
    NetworkInterface,
    StandbyGateway,
)
from lakeferry.network.resources import (
    BucketPolicy,
    EndpointRegistration,
    FlowLog,
    Resource,
    SecurityGroup,
    Topic,
    VpcEndpoint,
    key_of,
)  # fmt: skip

Planned = Resource | EndpointRegistration | BucketPolicy
Action = Literal["create", "update", "replace", "delete", "keep"]

# What AWS has no call to change. Names are not here: another name is another resource.
CREATE_ONLY: Mapping[type, frozenset[str]] = {
    SecurityGroup: frozenset({"vpc_id", "description"}),
    VpcEndpoint: frozenset({"vpc_id", "service", "type"}),
    FlowLog: frozenset(one.name for one in fields(FlowLog) if one.compare) - {"tags"},
    NetworkInterface: frozenset({"subnet_id", "description"}),
    StandbyGateway: frozenset({"subnet_id"}),
    # A type changes while an instance stands still, user data count at the first start alone.
    NatInstance: frozenset({"type", "arch", "image", "profile", "user_data"}),
    EndpointRegistration: frozenset({"endpoint", "region"}),
}
# Of EC2: the tag Name is the name.
_NAMED_BY_TAG = (
    VpcEndpoint, FlowLog, SecurityGroup, NetworkInterface, ElasticIp, StandbyGateway, NatInstance,
)  # fmt: skip
_LOST = frozenset({"deleted", "expired", "rejected"})  # states of registrations that serve nobody
_LISTS = frozenset({"Action", "NotAction", "Resource", "NotResource"})
# What an endpoint has that was made without a policy.
_LET_ALL: Mapping[str, object] = {
    "Effect": "Allow",
    "Principal": {"AWS": ["*"]},
    "Action": ["*"],
    "Resource": ["*"],
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not as it shall be."""

    field: str  # 'threshold', 'tags.owner', 'policy.Statement[0].Resource'
    before: Any  # a JSON value; None: not there
    after: Any


@dataclass(frozen=True, slots=True)
class Change:
    """What one resource asks for."""

    action: Action
    before: Planned | None  # as found; None: it is not there
    after: Planned | None  # as wanted; None: it shall go
    differences: tuple[Difference, ...]  # of 'update' and 'replace', by field
    why: str  # a few words; '' for 'keep'

    @property
    def kind(self) -> str:
        return self.key[0]

    @property
    def name(self) -> str:
        return self.key[1]

    @property
    def key(self) -> tuple[str, str]:
        one = self.after or self.before
        assert one is not None, "a change is of something"
        return key_of(one)


def change(before: Planned | None, after: Planned | None) -> Change:
    """What makes `before` into `after`."""
    if before is None:
        return Change("create", None, after, (), "it is not there")
    if after is None:
        return Change("delete", before, None, (), "it is not wanted any more")
    if isinstance(before, Topic) and isinstance(after, Topic):
        before = _telling(before, after)
    if isinstance(before, EndpointRegistration) and before.state.lower() in _LOST:
        return Change("replace", before, after, (), f"Databricks calls it {before.state}")
    found = differences(_as_asked(before, after), after)
    if not found:
        return Change("keep", before, after, (), "")
    names = tuple(dict.fromkeys(one.field.partition(".")[0].partition("[")[0] for one in found))
    fixed = [one for one in names if one in CREATE_ONLY.get(type(after), ())]
    if fixed:
        return Change("replace", before, after, found, f"AWS cannot change {_and(fixed)}")
    return Change("update", before, after, found, f"{_and(names)} {_verb(names)}")


def _verb(names: tuple[str, ...]) -> str:
    many = names[0].endswith("s") and not names[0].endswith(("ss", "dns"))
    return "differ" if many or len(names) > 1 else "differs"


def _as_asked(before: Planned, after: Planned) -> Planned:
    """Without the image of an instance where none is asked for: that there is a newer is no drift.

    Another instance in its place takes the newest. A profile that bears no tag at all was made by
    CloudFormation, which has none for it.
    """
    if isinstance(before, InstanceProfile) and isinstance(after, InstanceProfile):
        return before if before.tags else replace(before, tags=after.tags)
    if isinstance(before, NatInstance) and isinstance(after, NatInstance) and not after.image:
        return replace(before, image="")
    return before


def _telling(before: Topic, after: Topic) -> Topic:
    """Without those who shall go and never confirmed: they cannot be taken back, and go in days."""
    gone = set(before.unconfirmed) - set(after.subscriptions)
    kept = tuple(one for one in before.subscriptions if one not in gone)
    return replace(before, subscriptions=kept)


def differences(before: Planned, after: Planned) -> tuple[Difference, ...]:
    """Every leaf in which two resources of one kind differ, by the order of their fields."""
    old, new = facts(before), facts(after)
    return tuple(one for name in new for one in _different(name, old[name], new[name]))


def facts(resource: Planned) -> dict[str, Any]:
    """All that is compared of a resource, as JSON values in one form; texts of JSON are read."""
    found: dict[str, Any] = {}
    for field in fields(resource):
        if field.compare:
            value = orjson.loads(orjson.dumps(getattr(resource, field.name)))
            found[field.name] = _meant(resource, field.name, value)
    return found


def _and(names: tuple[str, ...] | list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


# ---- values that mean the same


def _meant(resource: Planned, name: str, value: Any) -> Any:
    match name:
        case "tags":
            value = _tags(resource, value)
        case "body":
            value = _in_any_order(_json(value))
        case "metrics":
            value = _metrics(value)
        case "actions" | "ok_actions" | "ingress":
            value = sorted(value, key=str)  # AWS promises no order of them
        case "suppressor":
            value = value.rpartition(":alarm:")[2]  # AWS takes a name or an ARN
        case "private_dns" if getattr(resource, "type", "") == "Gateway":
            value = False
        case "policy" | "trust":
            value = _policy(_json(value))
            value = None if _is_default(resource, value) else value
    return value


def _tags(resource: Planned, tags: dict[str, str]) -> dict[str, str]:
    """AWS's own tags cannot be written, and the tag Name of some is the name itself."""
    named = resource.name if isinstance(resource, _NAMED_BY_TAG) else None
    return {
        key: value
        for key, value in tags.items()
        if not key.startswith("aws:") and (key, value) != ("Name", named)
    }


def _metrics(queries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """An alarm on one plain metric keeps neither an id of it nor a label."""
    if len(queries) == 1 and not queries[0]["expression"]:
        return [{**queries[0], "id": "", "label": "", "returned": True}]
    return sorted(queries, key=lambda one: str(one["id"]))


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text or None


def _in_any_order(body: Any) -> Any:
    """A rule's body, its lists of values sorted: CloudWatch asks whether a value is among them."""
    if not isinstance(body, dict) or "Contribution" not in body:
        return body
    contribution = body["Contribution"]
    filters = [
        {key: sorted(value) if key in ("In", "NotIn") else value for key, value in one.items()}
        for one in contribution.get("Filters", ())
    ]
    return {**body, "Contribution": {**contribution, "Filters": filters}}


def _policy(document: Any) -> Any:
    if not isinstance(document, dict) or "Statement" not in document:
        return document
    listed = document["Statement"]
    statements = listed if isinstance(listed, list) else [listed]
    return {**document, "Statement": [_statement(one) for one in statements]}


def _statement(one: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        key: _sorted(value) if key in _LISTS else value for key, value in one.items()
    }
    for key in ("Principal", "NotPrincipal"):
        if key in found:
            who = found[key] if isinstance(found[key], dict) else {"AWS": found[key]}
            found[key] = {kind: _sorted(value) for kind, value in who.items()}
    if "Condition" in found:
        found["Condition"] = {
            operator: {key: _sorted(value) for key, value in asked.items()}
            for operator, asked in found["Condition"].items()
        }
    return found


def _sorted(value: Any) -> list[Any]:
    return sorted(value, key=str) if isinstance(value, list) else [value]


def _is_default(resource: Planned, policy: Any) -> bool:
    if not isinstance(resource, VpcEndpoint) or not isinstance(policy, dict):
        return False
    statements = [
        {k: v for k, v in one.items() if k != "Sid"} for one in policy.get("Statement", ())
    ]
    return statements == [_LET_ALL]


def _different(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from _different(f"{path}.{key}", before.get(key), after.get(key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _different(f"{path}[{index}]", old, new)
    else:
        yield Difference(path, before, after)
