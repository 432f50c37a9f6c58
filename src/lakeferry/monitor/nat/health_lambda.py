"""Moves routes off a NAT instance whose path is dead, in AWS Lambda, once a minute.

Never imported: `health` reads this file as text. Only boto3 and the standard library, and no
text that CloudFormation or Terraform would take for a template.

It stands in a private subnet behind the NAT instance and reaches EC2 by an interface endpoint, not
through the NAT. Its metric is printed (embedded metric format): Lambda carries its log by ways of
its own, so a dead path is told all the same. It never moves a route back: a path that dies again
and again would break every transfer each time. People do, by `lakeferry monitor failback`.
"""

import http.client
import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

DESTINATION = "0.0.0.0/0"
TIMEOUT_S = 5.0  # of both looks together: they go at once
REFUSED = (BotoCoreError, ClientError)
ALIVE, DEAD, UNNAMED = "alive", "dead", "unnamed"

Done = dict[str, Any]


def handler(_event: object = None, _context: object = None) -> Done:
    """What was seen and done; printed too, as the metric.

    Fails where EC2 refuses something, or where there is nothing to move to: that counts as an
    error of the function, on which there is an alarm.
    """
    plan = plan_of(os.environ)
    done: Done = {"seen": look(plan["urls"]), "moved": [], "faults": []}
    try:
        guard(plan, client(), done)
    except REFUSED as error:
        done["faults"].append(repr(error))
    print(json.dumps(metric(plan, done), sort_keys=True))
    if done["faults"]:
        raise RuntimeError("; ".join(done["faults"]))
    return done


def plan_of(environment: Mapping[str, str]) -> dict[str, Any]:
    return {
        "deployment": environment["DEPLOYMENT"],
        "path": environment["NAT_PATH"],  # what the metric calls it
        "eni": environment["NAT_INTERFACE"],
        "standby": environment["STANDBY"],
        "tables": environment["ROUTE_TABLES"].split(","),
        "urls": environment["URLS"].split(","),
    }


def client() -> Any:
    """EC2, in as short a time as a dead path leaves."""
    tries = {"total_max_attempts": 3, "mode": "standard"}
    return boto3.client("ec2", config=Config(connect_timeout=3, read_timeout=6, retries=tries))


def guard(plan: dict[str, Any], ec2: Any, done: Done) -> None:
    targets = routes(ec2, plan["tables"])
    state, tables = decide(done["seen"], targets, plan["eni"])
    done["state"] = state
    done["on_instance"] = sorted(id for id in targets if targets[id] == plan["eni"])
    if not tables or not plan["standby"]:
        return
    if not is_there(ec2, plan["standby"]):
        done["faults"].append("the path is dead and " + plan["standby"] + " is not available")
        return
    is_gateway = plan["standby"].startswith("nat-")
    heir = {"NatGatewayId" if is_gateway else "NetworkInterfaceId": plan["standby"]}
    for table in tables:
        try:
            ec2.replace_route(RouteTableId=table, DestinationCidrBlock=DESTINATION, **heir)
            done["moved"].append(table)
            done["on_instance"].remove(table)
        except REFUSED as error:  # the others shall be moved all the same
            done["faults"].append(table + ": " + repr(error))
    done["seen_after"] = look(plan["urls"])


def decide(seen: Mapping[str, str], targets: Mapping[str, str], eni: str) -> tuple[str, list[str]]:
    """What the path is, and the tables whose default route shall be moved.

    One answer, whatever it says, proves the path. A name that cannot be looked up proves nothing:
    names are asked of the VPC's own resolver, not through the NAT. A route that leads elsewhere
    than to our interface was moved by somebody, and is left alone.
    """
    found = set(seen.values())
    state = ALIVE if ALIVE in found else DEAD if DEAD in found else UNNAMED
    if state != DEAD:
        return state, []
    return state, sorted(id for id, target in targets.items() if target == eni)


# ---- EC2


def routes(ec2: Any, tables: list[str]) -> dict[str, str]:
    """What the default route of each table leads to; '' where it has none."""
    asked = [{"Name": "route-table-id", "Values": tables}]
    found = dict.fromkeys(tables, "")
    for table in ec2.describe_route_tables(Filters=asked)["RouteTables"]:
        for route in table["Routes"]:
            if route.get("DestinationCidrBlock") == DESTINATION:
                kinds = ("NetworkInterfaceId", "NatGatewayId", "GatewayId", "TransitGatewayId")
                to = next((route[kind] for kind in kinds if route.get(kind)), "other")
                found[table["RouteTableId"]] = to
    return found


def is_there(ec2: Any, standby: str) -> bool:
    """Whether a NAT gateway is available, or EC2 finds the instance of another interface well."""
    if standby.startswith("nat-"):
        asked = [{"Name": "nat-gateway-id", "Values": [standby]}]
        gateways = ec2.describe_nat_gateways(Filter=asked)["NatGateways"]
        return any(one["State"] == "available" for one in gateways)
    asked = [{"Name": "network-interface-id", "Values": [standby]}]
    interfaces = ec2.describe_network_interfaces(Filters=asked)["NetworkInterfaces"]
    on = [one.get("Attachment", {}).get("InstanceId") for one in interfaces]
    boxes = [id for id in on if id]
    if not boxes:
        return False
    running = ec2.describe_instance_status(InstanceIds=boxes)["InstanceStatuses"]
    checks = ("InstanceStatus", "SystemStatus")
    return any(all(one[check]["Status"] == "ok" for check in checks) for one in running)


# ---- the path


def look(urls: list[str]) -> dict[str, str]:
    """What each address gave within the time: 'alive', 'dead', 'unnamed'."""
    found: dict[str, str] = dict.fromkeys(urls, UNNAMED)

    def ask(url: str) -> None:
        found[url] = probe(url, lambda: found.update({url: DEAD}))

    looks = [threading.Thread(target=ask, args=(url,), daemon=True) for url in urls]
    until = time.monotonic() + TIMEOUT_S
    for one in looks:
        one.start()
    for one in looks:
        one.join(max(0.0, until - time.monotonic()))
    return dict(found)  # a look that is not over may still write into the other one


def probe(url: str, named: Any) -> str:
    """One request, by IPv4, which alone takes the NAT. `named` is called once there is an address.

    Whoever answers at all proves the path; what we think of his certificate is not the question.
    """
    to = urlsplit(url)
    secure = to.scheme == "https"
    port = to.port or (443 if secure else 80)
    try:
        listed = socket.getaddrinfo(to.hostname, port, socket.AF_INET, socket.SOCK_STREAM)
    except socket.gaierror:
        return UNNAMED
    named()
    link = http.client.HTTPConnection(str(to.hostname), port)
    try:
        link.sock = socket.create_connection((str(listed[0][4][0]), port), TIMEOUT_S)
        if secure:
            trust = ssl.create_default_context()
            link.sock = trust.wrap_socket(link.sock, server_hostname=to.hostname)
        link.request("HEAD", to.path or "/", headers={"User-Agent": "lakeferry-nat-health"})
        link.getresponse()
    except ssl.SSLError as error:
        return DEAD if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) else ALIVE
    except (OSError, http.client.HTTPException):
        return DEAD
    finally:
        link.close()
    return ALIVE


# ---- what is told


def metric(plan: dict[str, Any], done: Done) -> dict[str, Any]:
    """CloudWatch User Guide, "Specification: Embedded metric format"."""
    values = {
        "PathAlive": int(ALIVE in done["seen"].values()),
        "RoutesMoved": len(done["moved"]),
    }
    if "on_instance" in done:  # else the routes could not be read
        values["OnStandby"] = int(len(done["on_instance"]) < len(plan["tables"]))
    told = {
        "Namespace": "Lakeferry",
        "Dimensions": [["Deployment", "NatPath"]],
        "Metrics": [{"Name": name, "Unit": "Count"} for name in values],
    }
    return {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [told]},
        "Deployment": plan["deployment"],
        "NatPath": plan["path"],
        **values,
        "Done": done,
    }
