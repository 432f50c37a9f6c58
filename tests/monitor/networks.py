"""Networks and wishes of many kinds, for what must hold of every template."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256

from lakeferry.monitor.export.foreseen import foreseen
from lakeferry.monitor.settings import (
    AlarmLimit,
    EndpointWish,
    FlowLogWish,
    MonitorSettings,
    TaggedWish,
)
from lakeferry.monitor.wanted.desired import Desired, desired
from lakeferry.network.resources import Instance, PlannedFlow, Subnet, VpcEndpoint
from lakeferry.network.topology import Topology
from tests.monitor.test_wanted_flow_logs import BUCKET, beside, existing
from tests.monitor.wishes import EVERYTHING, bare, full, settings
from tests.network.sample_scenario import topology
from tests.network.test_rule_set import V2, crowded, regional

Case = tuple[Topology, MonitorSettings]
GATEWAY_ONLY = (EndpointWish("s3", "gateway"),)
ROW_TAGS = (("instance", ("ClusterId", "map-migrated")), ("network-interface", ("owner",)))
ODD_TAGS = {"cost center": "a/b=c:d+e@f", "owner": "Größe_5 Ω", "map-migrated": "migABCDE12345"}


def zones(count: int) -> Topology:
    """Private subnets in so many zones, IPv6 too, and no endpoint yet."""
    base = bare()
    subnets = tuple(
        Subnet(
            f"subnet-{number:017x}", base.found.vpc.id, f"us-east-1{'abcdef'[number]}",
            f"use1-az{number + 1}", (f"198.18.{number}.0/24", f"2001:db8:0:{number:x}::/64"),
        )
        for number in range(count)
    )  # fmt: skip
    found = replace(base.found, subnets=subnets)
    return replace(base, found=found, scope=tuple(one.id for one in subnets))


def nat(*, gateways: bool, instances: bool) -> Topology:
    base = topology()
    return replace(
        base,
        nat_gateways=base.nat_gateways if gateways else (),
        nat_instances=base.nat_instances if instances else (),
    )


def with_nodes(count: int) -> Topology:
    """So many instances that bear the tag, of two types."""
    base = topology()
    tags = {"map-migrated": "migABCDE12345", "Vendor": "Databricks"}
    nodes = tuple(
        Instance(
            f"i-{number:017x}", base.found.vpc.id, base.scope[0],
            ("c6gn.medium", "c7gn.large")[number % 2], "running", (), True, tags,
        )
        for number in range(count)
    )  # fmt: skip
    found = replace(base.found, instances=(*base.found.instances, *nodes))
    return replace(base, found=found)


def cases() -> Mapping[str, Case]:
    """By what is special."""
    both = FlowLogWish(("cloudwatch", "s3"), bucket=BUCKET, retention_days=365, interval_s=600)
    for_ever = FlowLogWish(
        group="/audit/flow", retention_days=None, kms_key="arn:aws:kms:us-east-1:123456789012:key/k"
    )
    limits = {"nat-gateway-bytes": AlarmLimit(5e8, "bytes_per_s"), "one-worker": AlarmLimit(None)}
    telling = ("a@example.com", "b@example.com", "https://example.com/hook?a=b%{c}")
    planned = (
        PlannedFlow("nat_gateway", 10**15, 1e6), PlannedFlow("nat_instance", 10**15, 1e6),
        PlannedFlow("kinesis", 10**12, 1e6), PlannedFlow("s3_interface", 10**12, 1e6),
    )  # fmt: skip
    return {
        "all there is": (topology(), full()),
        "all is missing": (bare(), full()),
        "nothing is wished for": (topology(), settings()),
        "no NAT device": (nat(gateways=False, instances=False), full()),
        "a NAT instance alone": (nat(gateways=False, instances=True), full(planned=planned)),
        "a zonal NAT gateway alone": (nat(gateways=True, instances=False), full(planned=planned)),
        "a regional NAT gateway": (regional(), full()),
        "23 NAT gateways": (crowded(23), full(planned=planned)),
        "12 NAT gateways, a rule each": (crowded(12), full(per="eni")),
        "a gateway endpoint alone": (bare(), settings(endpoints=GATEWAY_ONLY)),
        "endpoints in one zone": (zones(1), full(endpoints=EVERYTHING)),
        "endpoints in six zones": (zones(6), full(endpoints=EVERYTHING)),
        "flow logs to S3 too": (topology(), full(flow_logs=both)),
        "flow logs to S3 alone": (topology(), full(flow_logs=replace(both, destinations=("s3",)))),
        "a flow log of others": (beside(existing()), full()),
        "the default format": (topology(), full(flow_logs=FlowLogWish(fields=V2))),
        "logs for ever, encrypted": (topology(), full(flow_logs=for_ever)),
        "limits of one's own": (topology(), full(alarms=limits, usd_per_day=Decimal(100))),
        "a silencing alarm of others": (topology(), full(window=None, suppressor="quiet-hours")),
        "tags in rows": (topology(), full(flow_logs=FlowLogWish(tag_keys=ROW_TAGS))),
        "many who are told": (topology(), full(notify=telling)),
        "tagged instances, each by its id": (
            with_nodes(11),
            full(tagged=TaggedWish("each", allowances=True)),
        ),
        "tagged instances, by a query": (
            with_nodes(2),
            full(tagged=TaggedWish("query", allowances=True)),
        ),
        "odd tags": (bare(), full("m_1", tags=ODD_TAGS)),
        "a long name": (crowded(2), full("m" * 63, per="eni")),
    }


def wanted_of(case: Case) -> Desired:
    """What a first apply makes."""
    return desired(*case)


def template_of(case: Case) -> Desired:
    """What a template is written from."""
    return foreseen(*case)


def waits(case: Case) -> bool:
    """Whether rules for new endpoints need more than a reference to their interfaces."""
    return case[1].per == "eni" or "tcp-flags" not in wanted_of(case).fields


def interfaces_of(endpoint: VpcEndpoint) -> tuple[str, ...]:
    """Those that a new endpoint gets, as AWS would call them: one a subnet."""
    start = sha256(endpoint.name.encode()).hexdigest()[:15]
    return tuple(f"eni-{start}{number:02x}" for number in range(len(endpoint.subnet_ids)))


def arrived(case: Case) -> Desired:
    """What there shall be once new endpoints have ids, and interfaces unless their rules wait."""
    network, chosen = case
    new = [
        replace(
            one,
            id=f"vpce-{one.name.encode().hex()}",
            eni_ids=() if waits(case) else interfaces_of(one),
        )
        for one in wanted_of(case).resources
        if isinstance(one, VpcEndpoint) and one.type == "Interface" and not one.eni_ids
    ]
    found = replace(network.found, endpoints=(*network.found.endpoints, *new))
    return desired(replace(network, found=found), chosen)
