"""The Contributor Insights rules that a network asks for, written for one flow log format.

`rule_set` alone decides which interfaces a rule watches and how they are grouped; what each rule
counts stands in `rule_recipes`. A rule has no filter on log streams, so an interface is told by
the field `interface-id`; a regional NAT gateway, which has no interface of ours, by `resource-id`.

Source: CloudWatch User Guide, "Contributor Insights rule syntax"; VPC User Guide, "Flow log
records".
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Literal

from lakeferry.network import rule_recipes as recipes
from lakeferry.network.resources import NatGateway, VpcEndpoint
from lakeferry.network.rule_recipes import Recipe, Watched
from lakeferry.network.rule_value import Rule, rule_body
from lakeferry.network.services import label_of, shown_apart
from lakeferry.network.topology import Topology

MOST_VALUES = 10  # that a filter `In` takes
MOST_NAME = 128  # characters
MOST_RULES = 100  # of a Region and account, unless AWS raises it
OLD_PATHS = ("2", "7")  # traffic-path of a gateway endpoint: older instance types, Nitro

QUESTIONS = (
    "nat-billed",  # bytes that NAT devices processed, each once
    "nat-bytes-by-src",  # the same by worker and remote host that sent them
    "nat-bytes-by-dst",
    "s3-through-nat",  # the leak, up and down
    "s3-gateway",  # what workers send to S3 by the gateway endpoint, and get from S3
    "endpoint-bytes",
    "workers",
    "connections",  # new TCP connections by path, interface and source
    "rejected",
    "skipped",
)


@dataclass(frozen=True, slots=True)
class WantedRule:
    """One rule, and what it is for."""

    rule: Rule
    question: str  # one of QUESTIONS
    path: str  # one of topology.PATHS; '' where it is about all of them
    subject: str  # what is watched, as people say it: 'NAT gateway', 'kinesis-streams'
    unit: Literal["bytes", "count"]
    watched: tuple[str, ...]  # interface ids, or ids of regional NAT gateways; () for all
    why: str  # one sentence

    @property
    def name(self) -> str:
        return self.rule.name

    @property
    def body(self) -> str:
        """What `PutInsightRule` takes as RuleDefinition."""
        return rule_body(self.rule)


@dataclass(frozen=True, slots=True)
class Unanswerable:
    """A question that no rule can answer here, or only roughly."""

    question: str
    what: str
    needs: tuple[str, ...] = ()  # fields of the flow log that are missing
    instead: str = ""  # name of the rule that answers it roughly


@dataclass(frozen=True, slots=True)
class RuleSet:
    rules: tuple[WantedRule, ...]
    unanswerable: tuple[Unanswerable, ...]
    notes: tuple[str, ...] = ()

    def of(self, *questions: str) -> tuple[WantedRule, ...]:
        return tuple(rule for rule in self.rules if rule.question in questions)


@dataclass(frozen=True, slots=True)
class RuleWish:
    """How the rules of a deployment shall be."""

    prefix: str  # of every name: 'lakeferry-m1.'
    log_groups: tuple[str, ...]
    per: Literal["eni", "vpc"] = "vpc"  # one rule an interface, or interfaces grouped
    questions: tuple[str, ...] = QUESTIONS
    log_format: Literal["CLF", "JSON"] = "CLF"
    other_rules: int = 0  # that the Region has beside these
    s3_gateway: bool = False  # a gateway endpoint is about to be made


def rule_set(topology: Topology, fields: Sequence[str], wish: RuleWish) -> RuleSet:
    """The rules for a network.

    Args:
        topology: interfaces and paths, as discovered.
        fields: the flow log's format, AWS's names in order. With the 14 fields of version 2 the
            rules fall back on addresses where that is exact, and the rest is unanswerable.
        wish: names, grouping, questions.

    Returns:
        Rules sorted by name. Grouped rules stand in for one rule an interface when those would
        pass the quota of 100; a note says so.
    """
    made = _made(topology, fields, wish)
    notes: tuple[str, ...] = ()
    if wish.per == "eni" and len(made.rules) + wish.other_rules > MOST_RULES:
        notes = (
            f"one rule an interface would make {len(made.rules)} rules beside "
            f"{wish.other_rules} others, and a Region has {MOST_RULES}: interfaces are grouped",
        )
        made = _made(topology, fields, replace(wish, per="vpc"))
    if len(made.rules) + wish.other_rules > MOST_RULES:
        notes = (
            *notes,
            f"{len(made.rules)} rules beside {wish.other_rules} others pass the quota of "
            f"{MOST_RULES}: ask AWS for more, or name fewer questions",
        )
    return replace(made, notes=notes)


def _made(topology: Topology, fields: Sequence[str], wish: RuleWish) -> RuleSet:
    rules: list[WantedRule] = []
    unanswerable: list[Unanswerable] = list(_out_of_sight(topology))
    for choices in _choices(topology, fields, wish):
        first = choices[0]
        if first.question not in wish.questions:
            continue
        chosen = next((one for one in choices if not _missing(one, fields)), None)
        if chosen is not None:
            rules.append(_wanted(chosen, fields, wish))
        if chosen is not first:
            unanswerable.append(_unanswered(first, chosen, fields, wish))
    rules.sort(key=lambda one: one.name)
    return RuleSet(tuple(rules), tuple(dict.fromkeys(unanswerable)))


def _missing(recipe: Recipe, fields: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in recipe.fields if name not in fields)


def _unanswered(
    first: Recipe, chosen: Recipe | None, fields: Sequence[str], wish: RuleWish
) -> Unanswerable:
    needs = _missing(first, fields)
    names = ", ".join(f"`{name}`" for name in needs)
    if chosen is None:
        return Unanswerable(first.question, f"{first.why}: the flow log lacks {names}", needs)
    what = f"{first.why}: the flow log lacks {names}; instead {chosen.why}"
    return Unanswerable(first.question, what, needs, fitted(wish.prefix + chosen.suffix, MOST_NAME))


def _wanted(recipe: Recipe, fields: Sequence[str], wish: RuleWish) -> WantedRule:
    clf = wish.log_format == "CLF"

    def called(name: str) -> str:
        return name if clf else json_path(name)

    rule = Rule(
        name=fitted(wish.prefix + recipe.suffix, MOST_NAME),
        log_format=wish.log_format,
        keys=tuple(called(name) for name in recipe.keys),
        filters=tuple(replace(one, match=called(one.match)) for one in recipe.filters),
        value_of=called("bytes") if recipe.unit == "bytes" else None,
        aggregate_on="Sum" if recipe.unit == "bytes" else "Count",
        fields=tuple(sorted((fields.index(name) + 1, name) for name in recipe.fields))
        if clf
        else (),
        log_groups=wish.log_groups,
    )
    return WantedRule(
        rule, recipe.question, recipe.path, recipe.subject, recipe.unit, recipe.watched, recipe.why
    )


# Events of CloudWatch Logs' transformer `parseVPC`, the JSON form that flow logs have there.
_PARSE_VPC = {
    "srcaddr": "srcAddr",
    "dstaddr": "dstAddr",
    "srcport": "srcPort",
    "dstport": "dstPort",
}


def fitted(name: str, most: int) -> str:
    """A name cut to what AWS takes; a cut one ends in a hash of the whole, so that it stays one."""
    if len(name) <= most:
        return name
    return f"{name[: most - 13]}.{sha256(name.encode()).hexdigest()[:12]}"


def json_path(field: str) -> str:
    """Where a field stands in a flow log event that was turned into JSON: `$.interfaceId`."""
    first, *rest = field.split("-")
    return "$." + _PARSE_VPC.get(field, first + "".join(word.capitalize() for word in rest))


# ---- which interfaces


def _choices(
    topology: Topology, fields: Sequence[str], wish: RuleWish
) -> Iterator[tuple[Recipe, ...]]:
    """For each rule the recipes in order of preference."""
    yield from _nat(topology, wish)
    yield from _endpoints(topology, wish)
    vpc = topology.found.vpc.id
    paths = _gateway_paths(topology)
    for subnets, tail in _parts(topology.scope, "vpc"):
        if wish.s3_gateway or any(one.type == "Gateway" for one in _s3(topology)):
            yield recipes.s3_gateway_up(subnets, tail, paths)
            yield recipes.s3_gateway_connections(subnets, tail, paths)
        yield recipes.s3_down(subnets, tail)
        yield recipes.workers(subnets, tail)
    yield recipes.rejects(vpc if "vpc-id" in fields else "")
    yield recipes.rejected_connections()
    yield recipes.skipped()


def _nat(topology: Topology, wish: RuleWish) -> Iterator[tuple[Recipe, ...]]:
    gateways, instances, regional = _devices(topology)
    for kind, ids in (("gateway", gateways), ("instance", instances)):
        for watched in _watched(topology, kind, ids, wish.per):
            yield recipes.nat_billed(watched)
    both: tuple[Callable[[Watched], tuple[Recipe, ...]], ...] = (
        recipes.nat_by_source,
        recipes.nat_by_destination,
        recipes.leak_up,
        recipes.leak_down,
        recipes.nat_connections,
    )
    for watched in _watched(topology, "all", (*gateways, *instances), wish.per):
        for recipe in both:
            yield recipe(watched)
    for some, tail in _parts(regional, wish.per):
        watched = Watched("regional", "resource-id", some, (), f"-regional{tail}")
        for recipe in (recipes.nat_billed, *both):
            yield recipe(watched)


def _endpoints(topology: Topology, wish: RuleWish) -> Iterator[tuple[Recipe, ...]]:
    by_label: dict[str, list[str]] = {}
    for endpoint in topology.found.endpoints:
        if endpoint.type == "Interface":
            label = label_of(endpoint.service)
            by_label.setdefault(label if shown_apart(label) else "other", []).extend(
                endpoint.eni_ids
            )
    for label, ids in sorted(by_label.items()):
        for watched in _watched(topology, label, tuple(sorted(ids)), wish.per):
            yield recipes.endpoint(watched)
            yield recipes.endpoint_connections(watched)


def _devices(topology: Topology) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Interfaces of zonal NAT gateways and of NAT instances, and ids of regional gateways."""
    here = [one for one in topology.nat_gateways if _is_here(topology, one)]
    zonal = (address.eni_id for one in here for address in one.addresses if address.eni_id)
    regional = (one.id for one in here if one.availability == "regional")
    instances = (eni for one in topology.nat_instances for eni in one.eni_ids)
    return tuple(sorted(set(zonal))), tuple(sorted(set(instances))), tuple(sorted(regional))


def _is_here(topology: Topology, gateway: NatGateway) -> bool:
    return gateway.vpc_id == topology.found.vpc.id


def _watched(topology: Topology, kind: str, eni_ids: Sequence[str], per: str) -> Iterator[Watched]:
    addresses = {eni.id: eni.private_ip for eni in topology.found.enis}
    for one in topology.nat_gateways:
        addresses |= {address.eni_id: address.private_ip for address in one.addresses}
    for some, tail in _parts(eni_ids, per):
        ips = tuple(addresses[eni] for eni in some if addresses.get(eni))
        yield Watched(kind, "interface-id", some, ips, tail)


def _parts(ids: Sequence[str], per: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Ids in parts that one filter takes, each with the end of the rule's name."""
    if per == "eni":
        for one in ids:
            yield (one,), f".{one}"
        return
    for first in range(0, len(ids), MOST_VALUES):
        tail = f".{first // MOST_VALUES + 1}" if first else ""
        yield tuple(ids[first : first + MOST_VALUES]), tail


def _s3(topology: Topology) -> tuple[VpcEndpoint, ...]:
    return tuple(one for one in topology.found.endpoints if one.service.endswith(".s3"))


def _gateway_paths(topology: Topology) -> tuple[str, ...]:
    """Values of traffic-path that mean the gateway endpoint.

    2 means it on instances that are not built on Nitro, and an internet gateway too; where the
    subnets have no internet gateway of their own, 2 with S3 as destination can only be the
    endpoint.
    """
    direct = any(path.kind == "internet_gateway" for path in topology.paths)
    return OLD_PATHS[1:] if direct else OLD_PATHS


def _out_of_sight(topology: Topology) -> Iterator[Unanswerable]:
    for one in topology.nat_gateways:
        if not _is_here(topology, one):
            what = (
                f"NAT gateway {one.id} is in {one.vpc_id}, whose interfaces this VPC's flow log "
                "does not see: run monitor for that VPC too"
            )
            yield Unanswerable("nat-billed", what)


__all__ = [
    "QUESTIONS", "RuleSet", "RuleWish", "Unanswerable", "WantedRule", "fitted", "json_path",
    "rule_set",
]  # fmt: skip
