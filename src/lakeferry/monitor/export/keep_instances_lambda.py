"""Keeps alarms and graphs in step with instances that bear a tag and come and go, in AWS Lambda.

Never imported: `keep_instances` reads this file as text and writes PLAN into it. Only boto3 and the
standard library, and no text that CloudFormation or Terraform would take for a template.

What it makes is what `monitor apply` would make of the same instances. What the template made is
never deleted, and what has not the deployment's tag is never touched.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3

PLAN: dict[str, Any] = {}
A_PAUSE = 0.34  # s between two writes: CloudWatch takes three alarms a second
MOST_DELETED = 100  # names of one request

Node = dict[str, Any]
Wanted = dict[str, dict[str, Any]]
Done = dict[str, list[str]]


def handler(_event: object = None, _context: object = None) -> Done:
    """What was done, by name; nothing where all is as it shall be."""
    ec2, cloudwatch = boto3.client("ec2"), boto3.client("cloudwatch")
    found = nodes(ec2)
    done: Done = {"created": [], "changed": [], "deleted": [], "said": []}
    names = keep_alarms(cloudwatch, found, done)
    keep_graphs(cloudwatch, found[: PLAN["most_series"]], names, done)
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


def nodes(ec2: Any) -> list[Node]:
    """The instances of the VPC that bear the tag and run, by id."""
    key, value = PLAN["tag"]
    wanted = [
        {"Name": "vpc-id", "Values": [PLAN["vpc"]]},
        {"Name": "tag:" + key, "Values": [value]},
        {"Name": "instance-state-name", "Values": ["pending", "running"]},
    ]
    listed = everything(ec2.describe_instances, "Reservations", Filters=wanted)
    found = [one for reservation in listed for one in reservation["Instances"]]
    # A filter takes * and ? for any letters.
    bear = {"Key": key, "Value": value}
    found = [one for one in found if bear in one.get("Tags", [])]
    return sorted(found, key=lambda one: str(one["InstanceId"]))


# ---- alarms


def keep_alarms(cloudwatch: Any, found: list[Node], done: Done) -> set[str]:
    """The names of the alarms on instances that there are in the end."""
    wanted: Wanted = {}
    for family in PLAN["families"]:
        wanted.update(alarms(family, found))
    there = {
        one["AlarmName"]: one
        for family in PLAN["families"]
        for one in everything(
            cloudwatch.describe_alarms, "MetricAlarms", AlarmNamePrefix=family["name"]
        )
    }
    for name, asked in wanted.items():
        old = there.get(name)
        if old is None:
            put(cloudwatch, name, asked, Tags=tags())
            done["created"].append(name)
        elif sight(old) == sight(asked):
            continue
        elif is_ours(cloudwatch, name):
            put(cloudwatch, name, asked)
            done["changed"].append(name)
        else:
            done["said"].append(name + " has not the tag of this deployment: left alone")
    gone = [name for name in sorted(there) if name not in wanted and name not in PLAN["made"]]
    gone = [name for name in gone if is_of_family(name) and is_ours(cloudwatch, name)]
    for first in range(0, len(gone), MOST_DELETED):
        cloudwatch.delete_alarms(AlarmNames=gone[first : first + MOST_DELETED])
    done["deleted"] += gone
    return {name for name in (*there, *wanted) if is_of_family(name)} - set(gone)


def is_of_family(name: str) -> bool:
    """Whether a name is a family's own or one of its numbers: NAME, NAME.2, NAME.3, ..."""
    for family in PLAN["families"]:
        tail = name[len(family["name"]) :]
        if name.startswith(family["name"]) and (tail == "" or tail[1:].isdigit()):
            return True
    return False


def put(cloudwatch: Any, name: str, asked: dict[str, Any], **more: Any) -> None:
    cloudwatch.put_metric_alarm(AlarmName=name, **asked, **more)
    time.sleep(A_PAUSE)


def tags() -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in PLAN["tags"].items()]


def is_ours(cloudwatch: Any, name: str) -> bool:
    found = cloudwatch.list_tags_for_resource(ResourceARN=PLAN["arn"] + name)["Tags"]
    return {"Key": PLAN["owner"][0], "Value": PLAN["owner"][1]} in found


def sight(one: dict[str, Any]) -> list[Any]:
    """What an alarm looks at, of an answer and of a request alike."""
    if not one.get("Metrics"):
        return [one.get("Namespace"), one.get("MetricName"), one.get("Dimensions")]
    return sorted(
        [each["Id"], each.get("Expression", ""), each.get("MetricStat", {}).get("Metric", {})]
        for each in one["Metrics"]
    )


def alarms(family: dict[str, Any], found: list[Node]) -> Wanted:
    """Requests by name, of at most ten metrics each."""
    if family["of"] == "share":
        found = [one for one in found if one["InstanceType"] in PLAN["sustained"]]
    wanted: Wanted = {}
    for first in range(0, len(found), family["at_once"]):
        number = first // family["at_once"] + 1
        name = family["name"] + ("." + str(number) if number > 1 else "")
        looks = looked_at(family, found[first : first + family["at_once"]])
        told = {key: actions(family["alarm"][key]) for key in ("AlarmActions", "OKActions")}
        wanted[name] = {**family["alarm"], **told, **looks}
    return wanted


def actions(names: list[str]) -> list[str]:
    """ARNs as they are, names of topics of ours as ARNs."""
    return [one if one.startswith("arn:") else PLAN["topics"] + one for one in names]


def looked_at(family: dict[str, Any], some: list[Node]) -> dict[str, Any]:
    """The metrics of some instances and the worst of them; one alone needs no expression."""
    parts: list[dict[str, Any]] = []
    values: list[str] = []
    for number, one in enumerate(some, start=1):
        for letter, (metric, statistic) in zip("mn", family["metrics"]):  # noqa: B905
            dimensions = [{"Name": "InstanceId", "Value": one["InstanceId"]}]
            of = {
                "Namespace": family["namespace"],
                "MetricName": metric,
                "Dimensions": dimensions,
            }
            id = letter + str(number)
            stat = {"Metric": of, "Period": family["period"], "Stat": statistic}
            parts.append({"Id": id, "ReturnData": False, "Label": metric, "MetricStat": stat})
            values.append(value(family, id, one["InstanceType"]))
    if values == ["m1"]:
        stat = parts[0]["MetricStat"]
        return {**stat["Metric"], "Period": stat["Period"], "Statistic": stat["Stat"]}
    text = values[0]
    if len(values) > 1:
        text = family["worst"] + "([" + ", ".join(values) + "])"
    worst = {"Id": "worst", "ReturnData": True, "Expression": text, "Period": family["period"]}
    return {"Metrics": [*parts, worst]}


def value(family: dict[str, Any], id: str, kind: str) -> str:
    if family["of"] == "growth":
        return "DIFF(" + id + ")"
    if family["of"] == "share":
        return id + " / " + str(PLAN["sustained"][kind])
    return id


# ---- graphs


def keep_graphs(cloudwatch: Any, found: list[Node], names: set[str], done: Done) -> None:
    """The graphs of tagged instances stand after all others, and the list of alarms is whole.

    Nothing is written, and no widget is moved, unless nodes or alarms are others.
    """
    name = PLAN["dashboard"]
    body = json.loads(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])
    lists = [one for one in body["widgets"] if one["type"] == "alarm"]
    arns = [arn for one in lists for arn in one["properties"]["alarms"]]
    others = [one for one in body["widgets"] if one["type"] != "alarm" and not is_graph(one)]
    graphs = [graph(one, found) for one in PLAN["graphs"]] if found else []
    shall = ordered(arns, names)
    new = within([*others[:1], *listed(lists, shall), *others[1:], *graphs])
    old = [one["properties"] for one in body["widgets"] if is_graph(one)]
    now = [one["properties"] for one in new if is_graph(one)]
    if shall == arns and old == now:
        return
    body["widgets"] = placed(new)
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    answer = cloudwatch.put_dashboard(DashboardName=name, DashboardBody=text)
    if answer.get("DashboardValidationMessages"):
        raise RuntimeError(json.dumps(answer["DashboardValidationMessages"]))
    done["changed"].append(name)


def ordered(arns: list[str], names: set[str]) -> list[str]:
    """ARNs of the alarms: by name, those that hold others last, as they were."""
    short = [arn[len(PLAN["arn"]) :] for arn in arns]
    last = [one for one in short if one in PLAN["composite"]]
    kept = {one for one in short if not is_of_family(one)} - set(last)
    return [PLAN["arn"] + one for one in (*sorted(kept | names), *last)]


def listed(lists: list[dict[str, Any]], arns: list[str]) -> list[dict[str, Any]]:
    """Widgets that show these alarms, like those that were there."""
    most = PLAN["most_alarms"]
    return [
        {**lists[0], "properties": {**lists[0]["properties"], "alarms": arns[at : at + most]}}
        for at in range(0, len(arns) if lists else 0, most)
    ]


def is_graph(widget: dict[str, Any]) -> bool:
    return str(widget["properties"].get("title", "")).startswith(PLAN["title"])


def graph(pattern: dict[str, Any], found: list[Node]) -> dict[str, Any]:
    """A widget with a line an instance; of its pattern's only row the id is put in."""
    made: dict[str, Any] = json.loads(json.dumps(pattern))
    (row,) = made["properties"]["metrics"]
    made["properties"]["metrics"] = [
        [row[0], row[1], row[2], one["InstanceId"], row[4]] for one in found
    ]
    return made


def within(widgets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As many as a dashboard takes."""
    kept, metrics = [], 0
    for one in widgets[: PLAN["most_widgets"]]:
        metrics += len(one["properties"].get("metrics", ()))
        if metrics > PLAN["most_metrics"]:
            break
        kept.append(one)
    return kept


def placed(widgets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each in the next free place, left to right and down; a wide one takes a row."""
    found, x, y = [], 0, 0
    for one in widgets:
        if x + one["width"] > PLAN["columns"]:
            x, y = 0, y + one["height"]
        found.append({**one, "x": x, "y": y})
        x += one["width"]
    return found
