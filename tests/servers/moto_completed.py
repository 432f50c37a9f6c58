"""moto's server with what it lacks of an apply. Run as moto_server.

Composite alarms are kept as they are put and never evaluated: moto answers 500 to
PutCompositeAlarm. ModifyVpcEndpoint heeds PrivateDnsEnabled and ResetPolicy: moto drops both.
"""

from typing import Any

from moto.cloudwatch.models import Alarm
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import EmptyResult
from moto.ec2.responses import EC2Response
from moto.server import main


def put_composite_alarm(self: CloudWatchResponse) -> EmptyResult:
    given = self._get_param
    name: str = given("AlarmName")
    backend = self.cloudwatch_backend
    there = backend.alarms.get(name)
    alarm: Any = Alarm(
        self.current_account, self.region, name, "", "", None, "", 0, None, 0, 0.0, "", None,
        given("AlarmDescription", ""), [], given("AlarmActions", []), given("OKActions", []),
        None, None, True, None, None, None, given("AlarmRule"),
    )  # fmt: skip
    alarm.alarm_rule = alarm.rule
    for field, key in _SUPPRESSION.items():
        if given(key) is not None:
            setattr(alarm, field, given(key))
    backend.alarms[name] = alarm
    if there is None:  # CloudWatch ignores tags of an alarm that is there
        backend.tagger.tag_resource(alarm.alarm_arn, given("Tags", []))
    return EmptyResult()


_SUPPRESSION = {
    "actions_suppressor": "ActionsSuppressor",
    "actions_suppressor_wait_period": "ActionsSuppressorWaitPeriod",
    "actions_suppressor_extension_period": "ActionsSuppressorExtensionPeriod",
}

_modify_vpc_endpoint = EC2Response.modify_vpc_endpoint


def modify_vpc_endpoint(self: EC2Response) -> Any:
    answer = _modify_vpc_endpoint(self)
    endpoint = self.ec2_backend.vpc_end_points[self._get_param("VpcEndpointId")]
    if self._get_param("PrivateDnsEnabled") is not None:
        endpoint.private_dns_enabled = self._get_bool_param("PrivateDnsEnabled")
    if self._get_bool_param("ResetPolicy"):
        endpoint.policy_document = None
    return answer


def complete(clouds: Any = CloudWatchResponse, network: Any = EC2Response) -> None:
    clouds.put_composite_alarm = put_composite_alarm
    network.modify_vpc_endpoint = modify_vpc_endpoint


if __name__ == "__main__":
    complete()
    main()
