"""What is wrong with the flow logs over a network: missing, failing, doubled, or saying too little.

Source: VPC User Guide, "Flow log records" and "Flow log limitations".
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, groupby

from lakeferry.network.fields import RECOMMENDED_FORMAT, format_text
from lakeferry.network.finding_kinds import finding, listed
from lakeferry.network.resources import Eni, FlowLog
from lakeferry.network.topology import Finding, Found, Topology


def flow_log_findings(topology: Topology) -> Iterator[Finding]:
    """Findings about flow logs that are over something of this VPC, in no promised order."""
    found = topology.found
    logs = [one for one in found.flow_logs if _is_over(found, one)]
    for log in logs:
        if log.delivery == "FAILED":
            yield finding(
                "flow-log-failed",
                log.id,
                f"{log.id} over {log.resource_id} is not delivered to {log.destination}: "
                f"{log.error or 'no reason given'}",
                "mend the role or the policy of the destination that the reason points at",
            )
    yield from _uncovered(topology, logs)
    for resource, several in groupby(
        sorted(logs, key=lambda one: one.resource_id), key=lambda one: one.resource_id
    ):
        each = list(several)
        if not any(_says_enough(log) for log in each):
            for log in each:
                yield from _lacks(log, resource)
    for one, other in combinations(sorted(logs, key=lambda log: log.id), 2):
        if one.destination == other.destination and _overlap(found, one, other):
            yield finding(
                "flow-log-twice",
                f"{one.id}, {other.id}",
                f"{one.id} over {one.resource_id} and {other.id} over {other.resource_id} both "
                f"write to {one.destination}: every sum there doubles",
                "delete one of them, or send them to two places",
            )
    yield from _regional(topology, logs)


def counted_twice(found: Found, logs: Sequence[FlowLog]) -> tuple[str, str] | None:
    """Ids of two of these flow logs that write the same rows; None where each row is there once.

    Whoever reads what all of them wrote counts such rows twice, wherever they lie.
    """
    for one, other in combinations(sorted(logs, key=lambda log: log.id), 2):
        if _is_over(found, one) and _is_over(found, other) and _overlap(found, one, other):
            return one.id, other.id
    return None


def _is_over(found: Found, log: FlowLog) -> bool:
    parts = (found.subnets, found.enis, found.nat_gateways)
    return log.resource_id == found.vpc.id or any(
        one.id == log.resource_id for part in parts for one in part
    )


NEEDED = tuple(
    name
    for name in RECOMMENDED_FORMAT
    if name.startswith(("pkt-", "flow-", "traffic-")) or name in ("subnet-id", "instance-id")
)


def _says_enough(log: FlowLog) -> bool:
    whole = log.traffic == "ALL" and log.interval_s <= 60 and log.delivery != "FAILED"
    return whole and set(NEEDED) <= set(log.fields)


def _lacks(log: FlowLog, resource: str) -> Iterator[Finding]:
    missing = [name for name in NEEDED if name not in log.fields]
    if missing:
        yield finding(
            "flow-log-fields",
            log.id,
            f"{log.id} over {resource} lacks {', '.join(missing)}: S3 by its endpoint is not told "
            "from S3 by NAT, nor which worker sent what through a NAT device",
            f"make a flow log with the format {format_text(RECOMMENDED_FORMAT)}; none can be "
            "changed",
        )
    if log.traffic != "ALL":
        other = "rejected" if log.traffic == "ACCEPT" else "accepted"
        yield finding(
            "flow-log-part",
            log.id,
            f"{log.id} over {resource} has no {other} traffic",
            "make a flow log of all traffic",
        )
    if log.interval_s > 60:
        yield finding(
            "flow-log-slow",
            log.id,
            f"{log.id} over {resource} sums up {log.interval_s} s",
            "make a flow log with an interval of 60 s",
        )


def _uncovered(topology: Topology, logs: Sequence[FlowLog]) -> Iterator[Finding]:
    """Subnets of the scope and of its devices that no flow log is over."""
    found = topology.found
    over = {log.resource_id for log in logs}
    if found.vpc.id in over:
        return
    crossed = _crossed(topology)
    subnets = sorted({*topology.scope, *(eni.subnet_id for eni in crossed)} - over)
    bare = [
        subnet
        for subnet in subnets
        if not (within := [eni.id for eni in crossed if eni.subnet_id == subnet])
        or not over.issuperset(within)
    ]
    if bare:
        yield finding(
            "flow-log-missing",
            found.vpc.id,
            f"no flow log is over {listed(bare)}",
            f"`lakeferry monitor plan` makes one over {found.vpc.id}",
        )


def _crossed(topology: Topology) -> list[Eni]:
    """Interfaces of this VPC that the migration's bytes cross."""
    found = topology.found
    ids = {eni.id for eni in topology.workers}
    ids |= {address.eni_id for one in topology.nat_gateways for address in one.addresses}
    ids |= {id for one in topology.nat_instances for id in one.eni_ids}
    ids |= {id for one in found.endpoints for id in one.eni_ids}
    return [eni for eni in found.enis if eni.id in ids]


def _overlap(found: Found, one: FlowLog, other: FlowLog) -> bool:
    if {one.traffic, other.traffic} == {"ACCEPT", "REJECT"}:
        return False
    ids = (one.resource_id, other.resource_id)
    if ids[0] == ids[1]:
        return True
    if any(id.startswith("nat-") for id in ids):
        return False  # a regional gateway's interfaces are in no VPC's or subnet's log
    subnet_of = {eni.id: eni.subnet_id for eni in found.enis}
    return found.vpc.id in ids or ids[1] == subnet_of.get(ids[0]) or ids[0] == subnet_of.get(ids[1])


def _regional(topology: Topology, logs: Sequence[FlowLog]) -> Iterator[Finding]:
    vpc = topology.found.vpc.id
    for one in topology.nat_gateways:
        if one.availability != "regional" or one.vpc_id != vpc:
            continue
        told = (log for log in logs if log.resource_id == one.id and "resource-id" in log.fields)
        if next(told, None) is None:
            yield finding(
                "regional-nat-unseen",
                one.id,
                f"rows of {one.id} carry no interface of yours; only `resource-id` names it",
                f"`lakeferry monitor plan` makes a flow log over {one.id} with that field",
            )
