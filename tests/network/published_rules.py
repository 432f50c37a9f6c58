"""Rules that AWS has published, rebuilt from their descriptions: all of them must be accepted."""

from collections.abc import Mapping, Sequence
from typing import Any

Body = dict[str, Any]
DEFAULT = {
    3: "interface_id", 4: "srcaddr", 5: "dstaddr", 7: "dstport", 8: "protocol", 10: "bytes",
    13: "action",
}  # fmt: skip
ENI, OTHER_ENI = "eni-0a1b2c3d4e5f60718", "eni-0a1b2c3d4e5f60719"


def clf(
    keys: Sequence[str],
    *filters: Mapping[str, object],
    value: str | None = None,
    aggregate: str = "Sum",
    fields: Mapping[int, str] = DEFAULT,
    group: str = "vpc-flow-logs",
) -> Body:
    """A CLF rule; `Fields` are cut to those that it uses."""
    used = {*keys, value, *(str(one["Match"]) for one in filters)}
    contribution: Body = {"Keys": list(keys), "Filters": [dict(one) for one in filters]}
    if value:
        contribution["ValueOf"] = value
    return {
        "Schema": {"Name": "CloudWatchLogRule", "Version": 1},
        "LogGroupNames": [group],
        "LogFormat": "CLF",
        "Fields": {str(at): alias for at, alias in fields.items() if alias in used},
        "Contribution": contribution,
        "AggregateOn": aggregate,
    }


def within(match: str, *values: str) -> Mapping[str, object]:
    return {"Match": match, "In": list(values)}


def json_rule(keys: Sequence[str], *filters: Mapping[str, object], value: str | None) -> Body:
    contribution: Body = {"Keys": list(keys), "Filters": [dict(one) for one in filters]}
    if value:
        contribution["ValueOf"] = value
    return {
        "Schema": {"Name": "CloudWatchLogRule", "Version": 1},
        "LogGroupNames": ["API-Gateway-Access-Logs*", "Log-group-name2"],
        "LogFormat": "JSON",
        "Contribution": contribution,
        "AggregateOn": "Sum" if value else "Count",
    }


TCP = {"Match": "protocol", "EqualTo": 6}

# The Databricks template of the AWS sample solution: seven rules.
SAMPLE_SOLUTION: dict[str, Body] = {
    "VPCEndpointBytesInsightRule": clf(
        ["srcaddr", "dstaddr"], within("interface_id", ENI), value="bytes"
    ),
    "PrivateLinkBytesInsightRule": clf(
        ["srcaddr", "dstaddr"], within("interface_id", OTHER_ENI), value="bytes"
    ),
    "NATInstanceBytesInsightRule": clf(
        ["srcaddr", "dstaddr"], within("srcaddr", "10.20.1.10"), value="bytes"
    ),
    "S3GatewayBytesInsightRule": clf(
        ["srcaddr", "dstaddr"], within("srcaddr", "52.216.0.1"), value="bytes"
    ),
    "NATGatewayBytesInsightRule": clf(
        ["srcaddr", "dstaddr"], within("srcaddr", "10.20.0.10"), value="bytes"
    ),
    "PrivateLinkConnectionsInsightRule": clf(
        ["interface_id", "srcaddr"], within("interface_id", ENI), TCP
    ),
    "PrivateLinkRejectConnectionsInsightRule": clf(
        ["interface_id", "srcaddr"], within("interface_id", ENI), TCP, within("action", "REJECT")
    ),
}

# Its PrivateLink template: three more.
PRIVATELINK: dict[str, Body] = {
    "VPCEndpointConsumerBytesRule": clf(
        ["srcaddr", "dstaddr"], within("interface_id", ENI), value="bytes"
    ),
    "PrivateLinkConnectionsRule": {
        **clf(["interface_id", "srcaddr"], within("interface_id", ENI), TCP),
        "Fields": {"3": "interface_id", "4": "srcaddr", "8": "protocol", "23": "tcp-flag"},
    },
    "PrivateLinkRejectConnectionsRule": clf(
        ["interface_id", "srcaddr"], within("interface_id", ENI), within("action", "REJECT")
    ),
}

# The CloudWatch User Guide and neighbours.
GUIDES: dict[str, Body] = {
    "ApiGatewayBytesByIp": json_rule(
        ["$.ip"], within("$.httpMethod", "PUT"), value="$.requestBytes"
    ),
    "FlowBytesBySourceAndDestination": clf(["srcaddr", "dstaddr"], value="bytes"),
    "HttpsPacketsByDestination": clf(
        ["destination address"],
        {"Match": "destination port", "EqualTo": 443},
        value="packet count",
        fields={5: "destination address", 7: "destination port", 9: "packet count"},
    ),
    "RejectedTcpConnections": clf(
        ["interfaceID", "sourceAddress"],
        {"Match": "protocol", "EqualTo": 6},
        within("action", "REJECT"),
        fields={3: "interfaceID", 4: "sourceAddress", 8: "protocol", 13: "action"},
    ),
    "LambdaRuntimeVersions": clf(
        ["runtimeVersion", "runtimeVersionArn"],
        within("eventType", "INIT_START"),
        aggregate="Count",
        fields={1: "eventType", 4: "runtimeVersion", 8: "runtimeVersionArn"},
        group="/aws/lambda/*",
    ),
    "InternetMonitorByCity": json_rule(
        ["$.clientLocation.city", "$.clientLocation.networkName"],
        {"Match": "$.clientLocation.city", "IsPresent": True},
        value="$.awsInternetHealth.availability.percentageOfTotalTrafficImpacted",
    ),
    "AcrossAccounts": {
        **{k: v for k, v in clf(["srcaddr"], value="bytes").items() if k != "LogGroupNames"},
        "LogGroupARNs": [
            "arn:aws:logs:us-west-1:*:log-group/MyLogGroupName2",
            "arn:aws:logs:us-west-1:111122223333:log-group/GroupNamePrefix*",
            "arn:aws:logs:us-west-1:111122223333:log-group:/exact/name:*",
        ],
    },
}

PUBLISHED = SAMPLE_SOLUTION | PRIVATELINK | GUIDES
