"""What a wish leans on and does not make: endpoint services, DNS, streams, topics, an alarm.

Source: EC2 API Reference, DescribeVpcEndpointServices (zones by the account's own names);
PrivateLink Guide, "Access an AWS service using an interface VPC endpoint" (attributes of the VPC);
SNS API Reference, ListTopics; CloudWatch API Reference, DescribeAlarms, PutMetricAlarm (an action
that is a topic is of the alarm's Region).
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import chain

from lakeferry.connect.aws import AwsAccess, call, pages
from lakeferry.errors import FerryError
from lakeferry.network.resources import EndpointService


def find_services(access: AwsAccess, names: Iterable[str]) -> tuple[EndpointService, ...]:
    """Endpoint services by name. One that AWS does not offer, or not to this account, has no
    zones. Raises LF-1201 to LF-1206.
    """
    return tuple(_service(access, name) for name in sorted(set(names)))


def _service(access: AwsAccess, name: str) -> EndpointService:
    from botocore.exceptions import ClientError

    try:
        # By name one at a time: a list of names fails whole where one of them is unknown.
        answer = call(
            access, "ec2", "describe_vpc_endpoint_services",
            expected=("InvalidServiceName",), ServiceNames=[name],
        )  # fmt: skip
    except ClientError:
        return EndpointService(name, ())
    found = [one for one in answer["ServiceDetails"] if one["ServiceName"] == name]
    zones = chain.from_iterable(one.get("AvailabilityZones", ()) for one in found)
    return EndpointService(name, tuple(sorted(set(zones))))


def find_retentions(access: AwsAccess, streams: Iterable[str]) -> Mapping[str, float]:
    """How long streams keep records, in s, by name; those that are not there are left out.

    Raises LF-1201 to LF-1206.
    """
    from botocore.exceptions import ClientError

    found: dict[str, float] = {}
    for name in sorted(set(streams)):
        with suppress(ClientError):
            answer = call(
                access, "kinesis", "describe_stream_summary",
                on=name, expected=("ResourceNotFoundException",), StreamName=name,
            )  # fmt: skip
            hours = answer["StreamDescriptionSummary"]["RetentionPeriodHours"]
            found[name] = 3600.0 * hours
    return found


def refuse_missing_topics(access: AwsAccess, account: str, topics: Iterable[str]) -> None:
    """LF-6406 for ARNs of topics that no alarm here can tell. Another account's are taken as given.

    CloudWatch takes an alarm that tells a topic that is not there, and then nobody is told.
    """
    arns = [one for one in topics if one.startswith("arn:")]
    for one in arns:
        if one.count(":") < 5:
            raise _missing(f"`{one}` is not the whole of an ARN", one)
    asked = [one for one in arns if one.split(":")[2] == "sns"]
    for one in asked:
        if one.split(":")[3] != access.region:
            raise _missing(f"the topic {one} is not of {access.region}, where the alarms are", one)
    own = [one for one in asked if one.split(":")[4] == account]
    there = (
        {one["TopicArn"] for one in pages(access, "sns", "list_topics", "Topics")} if own else ()
    )
    for one in own:
        if one not in there:
            raise _missing(f"there is no topic {one}", one)


def refuse_missing_alarm(access: AwsAccess, name: str) -> None:
    """LF-6406 where an alarm that shall silence others is not there."""
    answer = call(
        access, "cloudwatch", "describe_alarms",
        AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"],
    )  # fmt: skip
    if not answer.get("MetricAlarms") and not answer.get("CompositeAlarms"):
        raise _missing(f"there is no alarm `{name}` in {access.region}", "--suppressor")


_DNS = {  # of a VPC: attribute, and the flag that turns it on
    "EnableDnsSupport": "--enable-dns-support",
    "EnableDnsHostnames": "--enable-dns-hostnames",
}


def refuse_without_dns(access: AwsAccess, vpc_id: str) -> None:
    """LF-6406 where a VPC has not the names that private DNS of an endpoint needs."""
    for key, flag in _DNS.items():
        name = key[:1].lower() + key[1:]
        answer = call(
            access, "ec2", "describe_vpc_attribute", on=vpc_id, VpcId=vpc_id, Attribute=name
        )
        if not answer[key]["Value"]:
            raise FerryError(
                "LF-6406",
                f"{vpc_id} has {name} off, and private DNS of an endpoint needs it",
                f"{access.shown}; nothing was changed",
                f"aws ec2 modify-vpc-attribute --vpc-id {vpc_id} {flag}",
            )


def _missing(what: str, where: str) -> FerryError:
    return FerryError(
        "LF-6406",
        what,
        f"{where}; nothing was changed",
        "make it, or name another one",
    )
