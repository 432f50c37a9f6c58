"""Keeps a deployment's rules in step with network interfaces that come and go, in AWS Lambda.

Never imported: `keep_rules` reads this file as text and writes PLAN into it. Only boto3 and the
standard library, and no text that CloudFormation or Terraform would take for a template.

An interface stays in the rule that has it for as long as it is there, so nothing is counted twice
or lost; new ones fill the rules that have room, then rules of their own. What the template made is
never deleted, and what has not the deployment's tag is never touched.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

import boto3

PLAN: dict[str, Any] = {}
MOST_VALUES = 10  # that a filter `In` takes
MOST_NAME = 128
MOST_ASKED = 200  # values of a filter of EC2
MOST_RULES = 100  # of a family; a Region has as many by default
DEFAULT_ROUTES = ("0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "::/0", "64:ff9b::/96")

Addresses = dict[str, str]  # primary private address by interface; '' by regional NAT gateway
Rules = dict[str, dict[str, Any]]
Family = dict[str, Any]


def handler(_event: object = None, _context: object = None) -> dict[str, list[str]]:
    """What was done, by name of the rule; nothing where all is as it shall be."""
    ec2, cloudwatch = boto3.client("ec2"), boto3.client("cloudwatch")
    listed = everything(cloudwatch.describe_insight_rules, "InsightRules")
    rules = {one["Name"]: one for one in listed}
    there, gateways = interfaces(ec2)
    done: dict[str, list[str]] = {"created": [], "changed": [], "deleted": [], "said": []}
    for family in PLAN["families"]:
        named = {id for name in members(rules, family) for id in watched(rules[name], family)}
        alive = addresses(ec2, [id for id in named if id.startswith("eni-")])
        alive.update(dict.fromkeys(named & gateways, ""))
        keep(cloudwatch, rules, family, {**alive, **there.get(family["of"], {})}, done)
    print(json.dumps(done, sort_keys=True))
    return done


def everything(operation: Any, key: str, **asked: Any) -> Iterator[dict[str, Any]]:
    """All pages of an answer."""
    while True:
        answer = operation(**asked)
        yield from answer.get(key, [])
        if not answer.get("NextToken"):
            return
        asked["NextToken"] = answer["NextToken"]


# ---- what is there


def interfaces(ec2: Any) -> tuple[dict[str, Addresses], set[str]]:
    """By what they are of, {'gateway': {'eni-1': '10.0.0.1'}, 'sts': ..., 'regional': ...}; and
    the NAT gateways of the VPC.
    """
    in_vpc = {"Name": "vpc-id", "Values": [PLAN["vpc"]]}
    listed = everything(ec2.describe_nat_gateways, "NatGateways", Filter=[in_vpc])
    gateways = {g["NatGatewayId"]: g for g in listed if g["State"] in ("available", "pending")}
    listed = everything(ec2.describe_vpc_endpoints, "VpcEndpoints", Filters=[in_vpc])
    endpoints = [e for e in listed if e["State"].lower() in ("available", "pending")]
    met, instances = ways_out(ec2, gateways, {e["VpcEndpointId"]: e for e in endpoints})
    zonal: Addresses = {}
    regional: Addresses = {}
    for id in met:
        if gateways[id].get("AvailabilityMode") == "regional":
            regional[id] = ""
            continue
        for address in gateways[id].get("NatGatewayAddresses", []):
            if address.get("NetworkInterfaceId"):
                zonal[address["NetworkInterfaceId"]] = address.get("PrivateIp", "")
    found = {
        "gateway": zonal,
        "instance": instances,
        "all": {**zonal, **instances},
        "regional": regional,
    }
    for one in endpoints:
        if one["VpcEndpointType"] == "Interface":
            of = found.setdefault(label(one["ServiceName"]), {})
            of.update(addresses(ec2, one.get("NetworkInterfaceIds", [])))
    return found, set(gateways)


def label(service: str) -> str:
    last = service.rsplit(".", 1)[-1]
    last = PLAN["labels"].get(last, last)
    apart = last in PLAN["apart"] or last.startswith(("databricks-", "vpce-svc-"))
    return last if apart else "other"


def ways_out(
    ec2: Any, gateways: dict[str, Any], endpoints: dict[str, Any]
) -> tuple[list[str], Addresses]:
    """NAT gateways, and interfaces of NAT instances, that the subnets' default routes lead to.

    Followed from device to device: behind a firewall's endpoint there may be a NAT gateway.
    """
    in_vpc = {"Name": "vpc-id", "Values": [PLAN["vpc"]]}
    tables = list(everything(ec2.describe_route_tables, "RouteTables", Filters=[in_vpc]))
    own = {a.get("SubnetId"): t for t in tables for a in t["Associations"]}
    none: dict[str, Any] = {"Routes": []}
    main = next((t for t in tables for a in t["Associations"] if a.get("Main")), none)
    met: set[str] = set()
    instances: Addresses = {}
    left, seen = list(PLAN["subnets"]), set()
    while left:
        subnet = left.pop()
        if subnet in seen:
            continue
        seen.add(subnet)
        for route in own.get(subnet, main)["Routes"]:
            to = route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock")
            if to not in DEFAULT_ROUTES or route.get("State") == "blackhole":
                continue
            gateway = gateways.get(route.get("NatGatewayId", ""))
            if gateway:
                met.add(gateway["NatGatewayId"])
                left += [gateway["SubnetId"]] if gateway.get("SubnetId") else []
            if route.get("GatewayId") in endpoints:
                left += endpoints[route["GatewayId"]].get("SubnetIds", [])
            for one in of_instance(ec2, route):
                instances[one["NetworkInterfaceId"]] = one.get("PrivateIpAddress", "")
                left.append(one["SubnetId"])
    return sorted(met), instances


def of_instance(ec2: Any, route: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All interfaces of the instance that a route leads to, or the one that it names."""
    if route.get("InstanceId"):
        yield from described(ec2, "attachment.instance-id", [route["InstanceId"]])
    elif route.get("NetworkInterfaceId"):
        for one in described(ec2, "network-interface-id", [route["NetworkInterfaceId"]]):
            id = one.get("Attachment", {}).get("InstanceId")
            yield from described(ec2, "attachment.instance-id", [id]) if id else [one]


def described(ec2: Any, told_by: str, ids: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Interfaces. Asked for by a filter: a list of ids fails whole where one of them is gone."""
    values = sorted(ids)
    for first in range(0, len(values), MOST_ASKED):
        asked = [{"Name": told_by, "Values": values[first : first + MOST_ASKED]}]
        yield from everything(ec2.describe_network_interfaces, "NetworkInterfaces", Filters=asked)


def addresses(ec2: Any, ids: Iterable[str]) -> Addresses:
    """Of those interfaces that are there."""
    found = described(ec2, "network-interface-id", ids)
    return {one["NetworkInterfaceId"]: one.get("PrivateIpAddress", "") for one in found}


# ---- what the rules say


def keep(
    cloudwatch: Any, rules: Rules, family: Family, ids: Addresses, done: dict[str, list[str]]
) -> None:
    """Bring the rules of one family in step."""
    wanted = one_each(rules, family, ids) if family["each"] else grouped(rules, family, ids)
    for name, some in wanted.items():
        old = rules.get(name)
        new = body(family, some, ids)
        if not some and (old is None or name in PLAN["made"]):
            continue  # nothing to do; or it matches nothing now, and alarms name it
        if old is None:
            put(cloudwatch, name, new, state(rules, family), Tags=tags())
            done["created"].append(name)
        elif some and json.loads(old["Definition"]) == new:
            continue
        elif not is_ours(cloudwatch, name):
            done["said"].append(name + " has not the tag of this deployment: left alone")
            continue
        elif not some:
            delete(cloudwatch, name)
            done["deleted"].append(name)
            continue
        else:
            put(cloudwatch, name, new, old["State"])
            done["changed"].append(name)
        if name not in PLAN["made"]:
            done["said"].append(name + " is in no alarm and no graph: export the template again")


def put(cloudwatch: Any, name: str, new: dict[str, Any], enabled: str, **more: Any) -> None:
    text = json.dumps(new, sort_keys=True, separators=(",", ":"))
    cloudwatch.put_insight_rule(RuleName=name, RuleDefinition=text, RuleState=enabled, **more)


def tags() -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in PLAN["tags"].items()]


def delete(cloudwatch: Any, name: str) -> None:
    answer = cloudwatch.delete_insight_rules(RuleNames=[name])
    if answer.get("Failures"):  # inside an answer of 200
        raise RuntimeError(json.dumps(answer["Failures"]))


def is_ours(cloudwatch: Any, name: str) -> bool:
    found = cloudwatch.list_tags_for_resource(ResourceARN=PLAN["arn"] + name)["Tags"]
    return {"Key": PLAN["owner"][0], "Value": PLAN["owner"][1]} in found


def state(rules: Rules, family: Family) -> str:
    """A new rule counts if the others of its family do."""
    found = members(rules, family)
    return str(rules[found[0]]["State"]) if found else "ENABLED"


def members(rules: Rules, family: Family) -> list[str]:
    """Names of the rules that there are of a family."""
    if family["each"]:
        return [name for name in rules if name.startswith(family["name"] + ".")]
    names = (numbered(family, number) for number in range(1, MOST_RULES + 1))
    return [name for name in names if name in rules]


def grouped(rules: Rules, family: Family, ids: Addresses) -> dict[str, list[str]]:
    """Ids by rule, at most 10 each: NAME, NAME.2, NAME.3, ..."""
    wanted: dict[str, list[str]] = {}
    left = sorted(ids)
    for name in members(rules, family):
        wanted[name] = [one for one in watched(rules[name], family) if one in left]
        left = [one for one in left if one not in wanted[name]]
    for number in range(1, MOST_RULES + 1):
        wanted.setdefault(numbered(family, number), [])
    for some in wanted.values():
        room = MOST_VALUES - len(some)
        some.extend(left[:room])
        left = left[room:]
    return wanted


def one_each(rules: Rules, family: Family, ids: Addresses) -> dict[str, list[str]]:
    """One rule an id; none in the rule of an interface that is gone."""
    gone: dict[str, list[str]] = {name: [] for name in members(rules, family)}
    start = family["name"] + "."
    return {**gone, **{fitted(start + one): [one] for one in sorted(ids)}}


def numbered(family: Family, number: int) -> str:
    return fitted(family["name"] + ("." + str(number) if number > 1 else ""))


def fitted(name: str) -> str:
    if len(name) <= MOST_NAME:
        return name
    return name[: MOST_NAME - 13] + "." + hashlib.sha256(name.encode()).hexdigest()[:12]


def watched(rule: dict[str, Any], family: Family) -> list[str]:
    filters = json.loads(rule["Definition"])["Contribution"]["Filters"]
    return next((list(one.get("In", [])) for one in filters if one["Match"] == family["field"]), [])


def body(family: Family, some: list[str], ids: Addresses) -> dict[str, Any]:
    """The family's rule for some ids; its filters hold 'ids' and 'ips' where lists shall be."""
    lists = {"ids": some, "ips": [ids[one] for one in some if ids[one]]}
    new: dict[str, Any] = json.loads(json.dumps(family["body"]))
    for one in new["Contribution"]["Filters"]:
        for operator in ("In", "NotIn"):
            if isinstance(one.get(operator), str):
                one[operator] = lists[one[operator]]
    return new
