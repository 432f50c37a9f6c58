"""Names of the services behind VPC endpoints, as people say them.

Source: VPC User Guide, "AWS services that integrate with AWS PrivateLink"; Databricks
documentation, "Configure private connectivity to Databricks", for the services of Databricks.
"""

from collections.abc import Mapping

AWS_SERVICES = ("s3", "kinesis-streams", "sts", "logs")
DATABRICKS_SERVICES = ("databricks-workspace", "databricks-relay")

# Databricks' own endpoint services, by Region. Others stand in its documentation: the manifest
# gives them as `service`.
_DATABRICKS: Mapping[str, Mapping[str, str]] = {
    "us-east-1": {
        "databricks-workspace": "vpce-svc-09143d1e626de2f04",
        "databricks-relay": "vpce-svc-00018a8c3ff62ffdf",
    },
    "us-west-2": {
        "databricks-workspace": "vpce-svc-0129f463fcfbc46c5",
        "databricks-relay": "vpce-svc-0158114c0c730c3bb",
    },
    "eu-west-1": {
        "databricks-workspace": "vpce-svc-0da6ebf1461278016",
        "databricks-relay": "vpce-svc-09b4eb2bc775f4e8c",
    },
}
_LABELS = {
    service: label for services in _DATABRICKS.values() for label, service in services.items()
}


def service_name(kind: str, region: str) -> str | None:
    """The endpoint service of a kind: 'com.amazonaws.us-east-1.sts'; None where it is unknown."""
    if kind in DATABRICKS_SERVICES:
        service = _DATABRICKS.get(region, {}).get(kind)
        return f"com.amazonaws.vpce.{region}.{service}" if service else None
    start = "cn.com.amazonaws" if region.startswith("cn-") and kind != "s3" else "com.amazonaws"
    return f"{start}.{region}.{kind}"


def label_of(service: str) -> str:
    """What an endpoint service is called in names and titles: 'sts', 'databricks-relay'."""
    last = service.rsplit(".", 1)[-1]
    return _LABELS.get(last, last)


def shown_apart(label: str) -> bool:
    """Whether a migration asks for this service's bytes by itself."""
    return label in AWS_SERVICES or label.startswith(("databricks-", "vpce-svc-"))
