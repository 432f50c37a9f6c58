"""Keeps a deployment's rules in step with network interfaces that come and go, in AWS Lambda.

Never imported: `keep_rules` reads this file as text and writes PLAN into it. Only boto3 and the
standard library, and no text that CloudFormation or Terraform would take for a template.

An interface stays in the rule that has it, so nothing is counted twice; new ones fill the rules
that have room, then rules of their own. What the template made is never deleted, and what has not
the deployment's tag is never touched.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

import boto3

PLAN: dict[str, Any] = {}
MOST_VALUES = 10  # that a filter `In` takes
MOST_NAME = 128
MOST_RULES = 100  # of a family; a Region has as many by default
DEFAULT_ROUTES = ("0.0.0.0/0", "::/0", "64:ff9b::/96")

Addresses = dict[str, str]  # primary private address by interface; '' by regional NAT gateway
Rules = dict[str, dict[str, Any]]
Family = dict[str, Any]


def handler(_event: object = None, _context: object = None) -> dict[str, list[str]]:
    """What was done, by name of the rule; nothing where all is as it shall be."""
    there = interfaces(boto3.client("ec2"))
    cloudwatch = boto3.client("cloudwatch")
    listed = everything(cloudwatch.describe_insight_rules, "InsightRules")
    rules = {one["Name"]: one for one in listed}
    done: dict[str, list[str]] = {"created": [], "changed": [], "deleted": [], "said": []}
    for family in PLAN["families"]:
        keep(cloudwatch, rules, family, there.get(family["of"], {}), done)
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


def interfaces(ec2: Any) -> dict[str, Addresses]:
    """By what they are of: {'gateway': {'eni-1': '10.0.0.1'}, 'sts': ..., 'regional': ...}."""
    gateways, instances = ways_out(ec2)
    zonal: Addresses = {}
    regional: Addresses = {}
    in_vpc = {"Name": "vpc-id", "Values": [PLAN["vpc"]]}
    for one in everything(ec2.describe_nat_gateways, "NatGateways", Filter=[in_vpc]):
        if one["NatGatewayId"] not in gateways or one["State"] not in ("available", "pending"):
            continue
        if one.get("AvailabilityMode") == "regional":
            regional[one["NatGatewayId"]] = ""
            continue
        for address in one.get("NatGatewayAddresses", []):
            if address.get("NetworkInterfaceId"):
                zonal[address["NetworkInterfaceId"]] = address.get("PrivateIp", "")
    found = {
        "gateway": zonal,
        "instance": instances,
        "all": {**zonal, **instances},
        "regional": regional,
    }
    for one in everything(ec2.describe_vpc_endpoints, "VpcEndpoints", Filters=[in_vpc]):
        alive = one["State"].lower() in ("available", "pending")
        if one["VpcEndpointType"] == "Interface" and alive:
            of = found.setdefault(label(one["ServiceName"]), {})
            of.update(addresses(ec2, one.get("NetworkInterfaceIds", [])))
    return found


def label(service: str) -> str:
    last = service.rsplit(".", 1)[-1]
    last = PLAN["labels"].get(last, last)
    apart = last in PLAN["apart"] or last.startswith(("databricks-", "vpce-svc-"))
    return last if apart else "other"


def ways_out(ec2: Any) -> tuple[set[str], Addresses]:
    """NAT gateways, and interfaces of NAT instances, that the subnets' default routes lead to."""
    in_vpc = {"Name": "vpc-id", "Values": [PLAN["vpc"]]}
    tables = list(everything(ec2.describe_route_tables, "RouteTables", Filters=[in_vpc]))
    own = {a.get("SubnetId"): t for t in tables for a in t["Associations"]}
    none: dict[str, Any] = {"Routes": []}
    main = next((t for t in tables for a in t["Associations"] if a.get("Main")), none)
    targets: dict[str, set[str]] = {"NatGatewayId": set(), "InstanceId": set()}
    targets["NetworkInterfaceId"] = set()
    for subnet in PLAN["subnets"]:
        for route in own.get(subnet, main)["Routes"]:
            to = route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock")
            if to in DEFAULT_ROUTES and route.get("State") != "blackhole":
                for kind, ids in targets.items():
                    ids.update({route.get(kind)} - {None, ""})
    found = addresses(ec2, targets["NetworkInterfaceId"])
    found.update(addresses(ec2, targets["InstanceId"], "attachment.instance-id"))
    return targets["NatGatewayId"], found


def addresses(ec2: Any, ids: Iterable[str], told_by: str = "network-interface-id") -> Addresses:
    """Of interfaces. Asked for by a filter: a list of ids fails whole where one is gone."""
    asked = {"Name": told_by, "Values": sorted(ids)}
    if not asked["Values"]:
        return {}
    listed = everything(ec2.describe_network_interfaces, "NetworkInterfaces", Filters=[asked])
    return {one["NetworkInterfaceId"]: one.get("PrivateIpAddress", "") for one in listed}


# ---- what the rules say


def keep(
    cloudwatch: Any, rules: Rules, family: Family, ids: Addresses, done: dict[str, list[str]]
) -> None:
    """Bring the rules of one family in step."""
    wanted = one_each(rules, family, ids) if family["each"] else grouped(rules, family, ids)
    for name, some in wanted.items():
        old = rules.get(name)
        new = body(family, some, ids)
        if old is None and some:
            create(cloudwatch, name, new, state(rules, family))
            done["created"].append(name)
        elif old is None or (some and json.loads(old["Definition"]) == new):
            continue
        elif not some and name in PLAN["made"]:
            continue  # it matches nothing; alarms name it
        elif not is_ours(cloudwatch, name):
            done["said"].append(name + " has not the tag of this deployment: left alone")
        elif some:
            text = json.dumps(new, sort_keys=True, separators=(",", ":"))
            cloudwatch.put_insight_rule(RuleName=name, RuleDefinition=text, RuleState=old["State"])
            done["changed"].append(name)
        else:
            delete(cloudwatch, name)
            done["deleted"].append(name)
        if some and name not in PLAN["made"]:
            done["said"].append(name + " is in no alarm and no graph: export the template again")


def create(cloudwatch: Any, name: str, new: dict[str, Any], enabled: str) -> None:
    text = json.dumps(new, sort_keys=True, separators=(",", ":"))
    tags = [{"Key": key, "Value": value} for key, value in PLAN["tags"].items()]
    cloudwatch.put_insight_rule(RuleName=name, RuleDefinition=text, RuleState=enabled, Tags=tags)


def delete(cloudwatch: Any, name: str) -> None:
    answer = cloudwatch.delete_insight_rules(RuleNames=[name])
    if answer.get("Failures"):  # inside an answer of 200
        raise RuntimeError(json.dumps(answer["Failures"]))


def is_ours(cloudwatch: Any, name: str) -> bool:
    tags = cloudwatch.list_tags_for_resource(ResourceARN=PLAN["arn"] + name)["Tags"]
    return {"Key": PLAN["owner"][0], "Value": PLAN["owner"][1]} in tags


def state(rules: Rules, family: Family) -> str:
    """A new rule counts if the others of its family do."""
    start = family["name"]
    found = [one for name, one in rules.items() if name == start or name.startswith(start + ".")]
    return str(found[0]["State"]) if found else "ENABLED"


def grouped(rules: Rules, family: Family, ids: Addresses) -> dict[str, list[str]]:
    """Ids by rule, at most 10 each: NAME, NAME.2, NAME.3, ..."""
    names = [numbered(family, number) for number in range(1, MOST_RULES + 1)]
    wanted: dict[str, list[str]] = {}
    left = sorted(ids)
    for name in names:
        had = watched(rules[name], family) if name in rules else []
        wanted[name] = [one for one in had if one in left]
        left = [one for one in left if one not in had]
    for name in sorted(names, key=lambda one: (one not in rules, names.index(one))):
        room = MOST_VALUES - len(wanted[name])
        wanted[name] += left[:room]
        left = left[room:]
    return wanted


def one_each(rules: Rules, family: Family, ids: Addresses) -> dict[str, list[str]]:
    """One rule an id; none in the rule of an interface that is gone."""
    start = family["name"] + "."
    gone: dict[str, list[str]] = {name: [] for name in rules if name.startswith(start)}
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
