"""Puts the newest values of metrics of our own.

Source: CloudWatch API Reference, `PutMetricData`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from lakeferry.connect.aws import AwsAccess, call


def put_metrics(
    access: AwsAccess, namespace: str, dimension: tuple[str, str], values: Mapping[str, float]
) -> None:
    """One value of each metric, of now.

    Args:
        dimension: name and value, of all of them.
        values: by the name of the metric; none: nothing is asked of AWS.

    Raises:
        FerryError: LF-1201 to LF-1206.
    """
    if not values:
        return
    name, value = dimension
    at = datetime.now(UTC)
    call(
        access, "cloudwatch", "put_metric_data", on=namespace, Namespace=namespace,
        MetricData=[
            {
                "MetricName": metric,
                "Dimensions": [{"Name": name, "Value": value}],
                "Timestamp": at,
                "Value": number,
                "Unit": "None",
            }
            for metric, number in values.items()
        ],
    )  # fmt: skip
