"""Arguments of Terraform's `aws_cloudwatch_metric_alarm`, read back as AWS's request.

Source: Terraform Registry, hashicorp/aws, "Resource: aws_cloudwatch_metric_alarm".
"""

from collections.abc import Mapping
from typing import Any

_SAME = {
    "alarm_description": "AlarmDescription",
    "comparison_operator": "ComparisonOperator",
    "evaluation_periods": "EvaluationPeriods",
    "datapoints_to_alarm": "DatapointsToAlarm",
    "threshold": "Threshold",
    "treat_missing_data": "TreatMissingData",
    "metric_name": "MetricName",
    "namespace": "Namespace",
    "period": "Period",
    "statistic": "Statistic",
    "extended_statistic": "ExtendedStatistic",
    "alarm_actions": "AlarmActions",
    "ok_actions": "OKActions",
}
_OF_QUERY = {"id": "Id", "label": "Label", "return_data": "ReturnData", "period": "Period"}


def alarm_request(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The request of PutMetricAlarm. Of queries of which nothing is said, none is returned."""
    found = {"AlarmName": name, **_renamed(arguments, _SAME)}
    if "dimensions" in arguments:
        found["Dimensions"] = _dimensions(arguments)
    queries = arguments.get("metric_query")
    if queries is not None:
        found["Metrics"] = [_query(one) for one in ([queries] if _is_block(queries) else queries)]
    return found


def plain(text: str) -> str:
    """A text without Terraform's escapes."""
    return text.replace("$${", "${").replace("%%{", "%{")


def _query(one: Mapping[str, Any]) -> dict[str, Any]:
    found = {"ReturnData": False, **_renamed(one, _OF_QUERY)}
    if "expression" in one:
        return {**found, "Expression": plain(str(one["expression"]))}
    metric = one["metric"] if _is_block(one["metric"]) else one["metric"][0]
    stat = {
        "Metric": {
            "Namespace": metric.get("namespace", ""),
            "MetricName": metric["metric_name"],
            "Dimensions": _dimensions(metric),
        },
        "Period": metric["period"],
        "Stat": metric["stat"],
    }
    return {**found, "MetricStat": stat}


def _is_block(found: object) -> bool:
    """One block stands alone or as a list of one."""
    return isinstance(found, Mapping)


def _dimensions(of: Mapping[str, Any]) -> list[dict[str, str]]:
    there = of.get("dimensions") or {}
    return [{"Name": name, "Value": plain(str(value))} for name, value in there.items()]


def _renamed(arguments: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {
        name: plain(value) if isinstance(value, str) else value
        for argument, name in names.items()
        if (value := arguments.get(argument)) is not None
    }
