"""Traffic that a network could carry, made up: to prove rules where there is no flow log yet.

Every path of every subnet in question is used, each in both directions, with a new connection
every five minutes; S3 leaks through NAT devices in some minutes, strangers are refused, and an
interface without traffic and a minute of lost rows occur. Deterministic: equal networks and times
give equal flows. `generated_rows` writes them as a flow log does.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network

from lakeferry.network.members import Member, Members, members_of
from lakeferry.network.topology import Path, Topology

MINUTE = 60
# Bytes a minute of one worker on one path, sent; what comes back is a twentieth, and the other way
# round where bytes are pulled, as through NAT devices.
USUAL_RATE = 60_000_000
_ANSWER = 20
LIFE = 5  # minutes of a connection
_LEAKS = (2, 3)  # of five minutes, those in which S3 is reached through NAT
_LEAK = 10  # a leak is that part of the rate
_INTERNET = "203.0.113.10"  # TEST-NET-3: nobody's
_USUAL_S3 = "52.216.0.0/15"
_USUAL_NAT = "198.51.100.1"  # of a regional gateway that shows no address


@dataclass(frozen=True, slots=True)
class Worker:
    """An interface that sends: found, or a stand-in where no cluster runs."""

    id: str
    ip: str
    subnet_id: str
    instance_id: str


@dataclass(frozen=True, slots=True)
class GeneratedFlow:
    """What one connection carries in one minute."""

    start_s: int
    worker: Worker
    path: str  # as `members.Member.path`, 's3_gateway', 'internet_gateway'
    device: tuple[Member, ...]  # interfaces that log it too: none, one, or inner and outer
    remote: str
    port: int  # of the worker
    is_s3: bool
    is_new: bool  # it begins in this minute
    up: int  # bytes from the worker
    down: int


def generated_flows(
    topology: Topology, *, start_s: int, minutes: int, rates: Mapping[str, int] | None = None
) -> Iterator[GeneratedFlow]:
    """Flows by minute, worker and path.

    Args:
        rates: bytes a minute of all workers together, by path, as a plan names paths; the greater
            direction.
    """
    members = members_of(topology)
    workers = stand_ins(topology)
    ways = {one.id: tuple(_ways(topology, members, one)) for one in workers}
    users = [way.path for some in ways.values() for way in some if not way.leaks]
    for minute in range(minutes):
        for worker in workers:
            for number, way in enumerate(ways[worker.id]):
                if way.leaks and minute % LIFE not in _LEAKS:
                    continue
                rate = (rates or {}).get(way.path)
                most = USUAL_RATE if rate is None else rate // max(1, users.count(way.path))
                yield _flow(start_s, minute, worker, way, number, most)


@dataclass(frozen=True, slots=True)
class _OneWay:
    path: str
    device: tuple[Member, ...]
    remote: str
    is_s3: bool = False
    leaks: bool = False


def _flow(
    start_s: int, minute: int, worker: Worker, way: _OneWay, number: int, most: int
) -> GeneratedFlow:
    much = most // _LEAK if way.leaks else most
    little = much // _ANSWER
    pulls = way.path in ("nat_gateway", "nat_instance", "internet_gateway") and not way.leaks
    begins = _LEAKS[0] if way.leaks else 0
    return GeneratedFlow(
        start_s=start_s + minute * MINUTE,
        worker=worker,
        path=way.path,
        device=way.device,
        remote=way.remote,
        port=32_768 + 100 * number + minute // LIFE % 100,
        is_s3=way.is_s3,
        is_new=minute % LIFE == begins,
        up=little if pulls else much,
        down=much if pulls else little,
    )


def stand_ins(topology: Topology) -> tuple[Worker, ...]:
    """The workers, and one that is made up for each subnet in question that has none."""
    found = [
        Worker(one.id, one.private_ip, one.subnet_id, one.instance_id or "-")
        for one in topology.workers
        if one.private_ip
    ]
    there = {one.subnet_id for one in found}
    for number, subnet in enumerate(topology.found.subnets):
        if subnet.id not in topology.scope or subnet.id in there:
            continue
        own = next((ip_network(cidr) for cidr in subnet.cidrs if ":" not in cidr), None)
        if own is not None:
            id = f"{0xF << 64 | number:017x}"
            found.append(Worker(f"eni-{id}", str(own[-6]), subnet.id, f"i-{id}"))
    return tuple(found)


def _ways(topology: Topology, members: Members, worker: Worker) -> Iterator[_OneWay]:
    subnet = worker.subnet_id
    s3 = str(ip_network((*members.s3, _USUAL_S3)[0], strict=False)[10])
    for path in topology.paths:
        if subnet not in path.subnet_ids:
            continue
        device = _nat(topology, members, path)
        if device:
            yield _OneWay(path.kind, device, _INTERNET)
            yield _OneWay(path.kind, device, s3, is_s3=True, leaks=True)
        elif path.kind == "internet_gateway":
            yield _OneWay(path.kind, (), _INTERNET)
    if subnet in members.to_s3:
        yield _OneWay("s3_gateway", (), s3, is_s3=True)
    for endpoint in topology.found.endpoints:
        one = _nearest(members, endpoint.id, subnet)
        if one is not None:
            yield _OneWay(one.path, (one,), one.ips[0])


def _nat(topology: Topology, members: Members, path: Path) -> tuple[Member, ...]:
    """The interfaces of a NAT device: one, or where bytes come in and where they leave."""
    if path.id in members.regional:
        (gateway,) = (one for one in topology.nat_gateways if one.id == path.id)
        ips = tuple(ip for one in gateway.addresses if (ip := one.private_ip or one.public_ip))
        return (Member("-", "nat", "nat_gateway", path.id, ips=ips[:1] or (_USUAL_NAT,)),)
    own = [one for one in _of(members, path.id) if one.role == "nat"]
    if path.kind == "nat_instance" and own:
        (instance,) = (one for one in topology.nat_instances if one.id == path.id)
        own.sort(key=lambda one: instance.eni_ids.index(one.id))
        return tuple(dict.fromkeys((own[-1], own[0])))
    return tuple(own[:1])


def _nearest(members: Members, device: str, subnet: str) -> Member | None:
    """The endpoint's interface in a subnet, else its first one."""
    own = _of(members, device)
    return next((one for one in own if one.subnet_id == subnet), own[0] if own else None)


def _of(members: Members, device: str) -> list[Member]:
    every = members.interfaces.values()
    own = (one for one in every if one.role != "other" and one.device == device and one.ips)
    return sorted(own, key=lambda one: one.id)
