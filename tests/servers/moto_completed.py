"""moto's server with what it lacks of an apply. Run as moto_server.

Composite alarms are kept as they are put and never evaluated: moto answers 500 to
PutCompositeAlarm. ModifyVpcEndpoint heeds PrivateDnsEnabled and ResetPolicy, and CreateFlowLogs
keeps DestinationOptions and TagFieldSpecifications: moto drops all four. Log groups can be given
a key and lose it: moto answers 500 to both. Tags come to rules by TagResource, and are ignored when
a rule or an alarm is put again: moto refuses the one and takes the other. Whoever lacks a right is
told in the protocol of the service: moto answers in XML, and calls CloudWatch `monitoring`.
Databricks' endpoint services are offered, which moto does not know. An endpoint that is deleted
twice is told inside an answer of 200: moto looks for its route and fails. There are no images for
ECS: moto makes 1,200 of them after each reset, in 0.1 s. What NAT instances need is in
`moto_nat.py`, what tags need in `moto_tags.py`. DynamoDB puts one item at a time: moto weighs a
condition, and puts the item a moment later.
"""

import gc
import logging
from pathlib import Path
from runpy import run_path
from threading import Lock
from typing import Any

from moto import backends
from moto.cloudwatch.models import Alarm, CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse, EmptyResult
from moto.dynamodb.models import DynamoDBBackend
from moto.ec2.models import amis
from moto.ec2.responses import EC2Response
from moto.iam.access_control import IAMRequest
from moto.logs.responses import LogsResponse
from moto.server import main
from moto.utilities.utils import load_resource


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


_delete_vpc_endpoints = EC2Response.delete_vpc_endpoints


def delete_vpc_endpoints(self: EC2Response) -> Any:
    made = self.ec2_backend.vpc_end_points
    gone = [
        id
        for id in self._get_param("VpcEndpointIds", [])
        if id not in made or made[id].state == "deleted"
    ]
    if not gone:
        return _delete_vpc_endpoints(self)
    error = {"Code": "InvalidVpcEndpoint.NotFound", "Message": "it does not exist"}
    return ActionResult({"Unsuccessful": [{"ResourceId": id, "Error": error} for id in gone]})


_describe_services = EC2Response.describe_vpc_endpoint_services


def describe_vpc_endpoint_services(self: EC2Response) -> Any:
    (name,) = self._get_param("ServiceNames", [""]) or [""]
    if ".vpce-svc-" not in name:
        return _describe_services(self)
    zones = [f"{self.region}{letter}" for letter in "ab"]
    return ActionResult({"ServiceDetails": [{"ServiceName": name, "AvailabilityZones": zones}]})


_create_flow_logs = EC2Response.create_flow_logs


def create_flow_logs(self: EC2Response) -> Any:
    before = set(self.ec2_backend.flow_logs)
    answer = _create_flow_logs(self)
    options = self._get_param("DestinationOptions")
    for id in self.ec2_backend.flow_logs.keys() - before:
        made: Any = self.ec2_backend.flow_logs[id]
        if options:
            made.destination_options = {
                key: value if key == "FileFormat" else str(value).lower() == "true"
                for key, value in options.items()
            }
        if tag_fields := self._get_param("TagFieldSpecifications"):
            made.tag_field_specifications = tag_fields
    return answer


def images_of_a_region(path: str) -> Any:
    return [] if "ecs/" in path else load_resource(path)


def associate_kms_key(self: LogsResponse) -> str:
    group = self.logs_backend.groups[self._get_param("logGroupName")]
    group.kms_key_id = self._get_param("kmsKeyId")  # None: it loses it
    return ""


# ---- tags in CloudWatch

_tag_resource, _put_rule, _put_alarm = (
    CloudWatchBackend.tag_resource,
    CloudWatchBackend.put_insight_rule,
    CloudWatchBackend.put_metric_alarm,
)


def tag_resource(self: CloudWatchBackend, arn: str, tags: dict[str, str]) -> None:
    if any(rule.rule_arn == arn for rule in self.insight_rules.values()):
        self.tagger.tag_resource(arn, self.tagger.convert_dict_to_tags_input(tags))
    else:
        _tag_resource(self, arn, tags)


def put_insight_rule(self: CloudWatchBackend, name: str, *given: Any, **more: Any) -> Any:
    if name in self.insight_rules:
        more["tags"] = None
    return _put_rule(self, name, *given, **more)


def put_metric_alarm(self: CloudWatchBackend, name: str, *given: Any, **more: Any) -> Any:
    if name in self.alarms:
        more["tags"] = None
    return _put_alarm(self, name, *given, **more)


# ---- rights


_call_action, _check = BaseResponse.call_action, IAMRequest.check_action_permitted
_DENIED = {
    "ec2": "UnauthorizedOperation",
    "logs": "AccessDeniedException",
    "sns": "AuthorizationError",
}  # every other service says AccessDenied


def call_action(self: BaseResponse) -> Any:
    try:
        return _call_action(self)
    except ServiceException as refusal:
        return self.serialized(ActionResult(refusal))


def check_action_permitted(self: IAMRequest, resource: str) -> None:
    self._action = self._action.replace("monitoring:", "cloudwatch:")
    _check(self, resource)


def raise_access_denied(self: IAMRequest) -> None:
    who, service = self._access_key.arn, self._action.partition(":")[0]
    # moto finds the protocol by the module in which an error's class stands.
    denied = type("Denied", (ServiceException,), {"__module__": f"moto.{service}.exceptions"})
    said = f"User: {who} is not authorized to perform: {self._action}"
    raise denied(_DENIED.get(service, "AccessDenied"), said)


_put_item = DynamoDBBackend.put_item
_putting = Lock()


def put_item(self: DynamoDBBackend, *given: Any, **named: Any) -> Any:
    with _putting:
        return _put_item(self, *given, **named)


def complete(
    clouds: Any = CloudWatchResponse,
    backend: Any = CloudWatchBackend,
    network: Any = EC2Response,
    logs: Any = LogsResponse,
    every: Any = BaseResponse,
    judge: Any = IAMRequest,
    images: Any = amis,
    items: Any = DynamoDBBackend,
) -> None:
    clouds.put_composite_alarm = put_composite_alarm
    backend.tag_resource = tag_resource
    backend.put_insight_rule = put_insight_rule
    backend.put_metric_alarm = put_metric_alarm
    network.modify_vpc_endpoint = modify_vpc_endpoint
    network.create_flow_logs = create_flow_logs
    network.describe_vpc_endpoint_services = describe_vpc_endpoint_services
    network.delete_vpc_endpoints = delete_vpc_endpoints
    every.call_action = call_action
    judge.check_action_permitted = check_action_permitted
    judge._raise_access_denied = raise_access_denied
    images.load_resource = images_of_a_region
    items.put_item = put_item
    logs.associate_kms_key = logs.disassociate_kms_key = associate_kms_key


def quicken(served: Any = backends) -> None:
    """On each request it lists its folder of services, file by file, and writes a line of log."""
    services = tuple(served.list_of_moto_modules())
    served.list_of_moto_modules = lambda: services
    logging.getLogger("werkzeug").setLevel(logging.WARNING)


if __name__ == "__main__":
    complete()
    quicken()
    run_path(str(Path(__file__).with_name("moto_nat.py")))["complete"]()
    run_path(str(Path(__file__).with_name("moto_tags.py")))["complete"]()
    gc.freeze()
    gc.set_threshold(20_000)  # else each request looks for garbage
    main()
