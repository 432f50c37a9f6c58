"""Rules and alarms from files, in the forms in which people have them."""

import json
from pathlib import Path
from typing import Any

from lakeferry.errors import FerryError
from lakeferry.monitor.proof.terraform_alarms import alarm_request, plain
from lakeferry.network.alarm_form import alarm_of
from lakeferry.network.resources import Alarm

_BODY_KEYS = {"Schema", "Contribution", "LogFormat", "AggregateOn"}


def read_rules(place: str) -> dict[str, str]:
    """Rule bodies by name.

    `place` is a folder of `NAME.json` files with one body each, or a JSON file that holds: one
    body; bodies by name; the answer of DescribeInsightRules; a template in JSON, of CloudFormation
    or of Terraform (its `resource` blocks).
    A file that is no JSON is taken for a body, so that the validator says what is wrong with it.

    Raises: LF-6305 where there is no rule.
    """
    path = Path(place)
    if path.is_dir():
        files = sorted(path.glob("*.json"))
        found = {name: body for file in files for name, body in _rules_of(file).items()}
    elif path.is_file():
        found = _rules_of(path)
    else:
        raise FerryError("LF-6305", f"no rules at `{place}`", "no such file or folder", _NEXT)
    if not found:
        raise FerryError("LF-6305", f"no rules at `{place}`", "no file holds a rule body", _NEXT)
    return found


_NEXT = "name a JSON file {name: body}, a file with one body, or a folder of bodies"


def _rules_of(path: Path) -> dict[str, str]:
    try:
        return _rules(path)
    except (AttributeError, KeyError, TypeError) as error:
        said = f"{path.name} has the form of AWS's answers or templates, but not all: {error}"
        raise FerryError("LF-6305", f"no rules at `{path}`", said, _NEXT) from error


def _rules(path: Path) -> dict[str, str]:
    if path.suffix in (".yaml", ".yml"):
        said = "rules are read from JSON, and this is YAML"
        raise FerryError("LF-6305", f"no rules at `{path}`", said, "convert the template to JSON")
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    try:
        found = json.loads(text)
    except ValueError:
        return {path.stem: text}
    if not isinstance(found, dict) or _BODY_KEYS & found.keys():
        return {path.stem: text}
    if str(found.get("format", "")).startswith("lakeferry."):
        said = "a plan or a network that was kept holds no rule bodies"
        next_step = "lakeferry monitor plan --prove LOGS; or name what `monitor export` writes"
        raise FerryError("LF-6305", f"no rules at `{path}`", said, next_step)
    if isinstance(found.get("InsightRules"), list):
        return {str(one["Name"]): _text(one["Definition"]) for one in found["InsightRules"]}
    if isinstance(found.get("Resources"), dict):
        rules = _resources(found, "AWS::CloudWatch::InsightRule").items()
        return {
            _name(one.get("RuleName"), logical): _joined(one["RuleBody"]) for logical, one in rules
        }
    if _is_terraform(found):
        blocks = _terraform(found, "aws_cloudwatch_contributor_insight_rule").items()
        return {
            _named(one.get("rule_name"), label): plain(_text(one["rule_definition"]))
            for label, one in blocks
        }
    return {name: _text(body) for name, body in found.items()}


def _is_terraform(found: dict[str, Any]) -> bool:
    kinds = found.get("resource")
    return isinstance(kinds, dict) and any(str(kind).startswith("aws_") for kind in kinds)


def _terraform(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Arguments by label, of one type."""
    return dict(template["resource"].get(kind, {}))


def _named(name: object, label: str) -> str:
    """A name that Terraform computes is known by the resource's label."""
    is_known = isinstance(name, str) and "${" not in name.replace("$${", "")
    return plain(str(name)) if is_known else label


def _resources(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Properties by logical id, of one type."""
    there = template["Resources"].items()
    return {name: one["Properties"] for name, one in there if one.get("Type") == kind}


def _name(name: object, logical: str) -> str:
    """A name that is computed by the template is known by the logical id."""
    return name if isinstance(name, str) else logical


def _joined(body: Any) -> str:
    """A body that a template joins; what is known when it is deployed stands as what gives it."""
    if not isinstance(body, dict) or "Fn::Join" not in body:
        return _text(body)
    between, parts = body["Fn::Join"]
    said = (json.dumps(part).replace('"', "'") for part in parts if not isinstance(part, str))
    return str(between).join(part if isinstance(part, str) else next(said) for part in parts)


def _text(body: object) -> str:
    return body if isinstance(body, str) else json.dumps(body)


def read_alarms(place: str) -> tuple[Alarm, ...]:
    """Alarms from a JSON file.

    It holds one request of PutMetricAlarm, a list of them, requests by name, the answer of
    DescribeAlarms, or a template of CloudFormation or Terraform. Raises: LF-6304.
    """
    try:
        requests = _requests(json.loads(Path(place).read_text(encoding="utf-8")))
        if not all(isinstance(one, dict) for one in requests):
            raise TypeError("a request is no JSON object")
    except (OSError, ValueError) as error:
        said = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        raise _no_alarms(place, said) from error
    except (AttributeError, KeyError, TypeError) as error:
        raise _no_alarms(place, f"it has another form than they have: {error}") from error
    return tuple(alarm_of(request) for request in requests)


def _no_alarms(place: str, said: str) -> FerryError:
    next_step = "name a JSON file of PutMetricAlarm requests"
    return FerryError("LF-6304", f"no alarms at `{place}`", said, next_step)


def _requests(found: Any) -> list[dict[str, Any]]:
    if isinstance(found, list):
        return found
    if "AlarmName" in found:
        return [found]
    if "MetricAlarms" in found:
        return list(found["MetricAlarms"])
    if "Resources" in found:
        alarms = _resources(found, "AWS::CloudWatch::Alarm").items()
        return [one | {"AlarmName": _name(one.get("AlarmName"), name)} for name, one in alarms]
    if _is_terraform(found):
        blocks = _terraform(found, "aws_cloudwatch_metric_alarm").items()
        return [alarm_request(_named(one.get("alarm_name"), label), one) for label, one in blocks]
    return [{"AlarmName": name, **request} for name, request in found.items()]
