"""What moto lacks of NAT instances.

An instance that ends lets go of its interfaces, which moto keeps in use. Instances keep the
MaintenanceOptions that they were started with or that they are given later, and detailed monitoring
can be turned on and off: moto drops the first and answers 500 to the other two. A gateway that goes
takes its interface with it and lets go of its address, and gateways are found by their tags: moto
heeds no filter by tag there.
"""

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.models import EC2Backend
from moto.ec2.models.instances import Instance
from moto.ec2.responses import EC2Response

_terminate, _run = Instance.terminate, EC2Response.run_instances
_delete_gateway, _describe_gateways = (
    EC2Backend.delete_nat_gateway,
    EC2Backend.describe_nat_gateways,
)


def terminate(self: Instance) -> Any:
    before = _terminate(self)
    for nic in self.nics.values():
        if not nic.delete_on_termination:
            nic.instance, nic.attachment_id, nic.status = None, None, "available"
    return before


def run_instances(self: EC2Response) -> Any:
    before = {one.id for one in self.ec2_backend.all_instances()}
    answer = _run(self)
    chosen = self._get_param("MaintenanceOptions", {}).get("AutoRecovery", "default")
    for one in self.ec2_backend.all_instances():
        if one.id not in before:
            one.maintenance_options = {"AutoRecovery": chosen}
    return answer


def modify_instance_maintenance_options(self: EC2Response) -> ActionResult:
    instance: Any = self.ec2_backend.get_instance(self._get_param("InstanceId"))
    chosen = self._get_param("AutoRecovery")
    instance.maintenance_options = {"AutoRecovery": chosen}
    return ActionResult({"InstanceId": instance.id, "AutoRecovery": chosen})


def monitor_instances(self: EC2Response) -> EmptyResult:
    return _monitored(self, "enabled")


def unmonitor_instances(self: EC2Response) -> EmptyResult:
    return _monitored(self, "disabled")


def _monitored(self: EC2Response, state: str) -> EmptyResult:
    for one in self.ec2_backend.get_multi_instances_by_id(self._get_param("InstanceIds")):
        one.monitoring_state = state
    return EmptyResult()


def delete_nat_gateway(self: EC2Backend, nat_gateway_id: str) -> Any:
    gone: Any = _delete_gateway(self, nat_gateway_id)
    for address in self.addresses:
        if address.eni is not None and address.eni.id == gone._eni.id:
            address.eni, address.association_id = None, None
    self.enis.pop(gone._eni.id, None)
    return gone


def describe_nat_gateways(self: EC2Backend, filters: Any, ids: Any) -> Any:
    wanted = {
        key.removeprefix("tag:"): values
        for key, values in (filters or {}).items()
        if key.startswith("tag:")
    }
    return [
        one
        for one in _describe_gateways(self, filters, ids)
        if all(_tags(one).get(key) in values for key, values in wanted.items())
    ]


def _tags(one: Any) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in one.get_tags()}


def complete(
    network: Any = EC2Response, backend: Any = EC2Backend, machine: Any = Instance
) -> None:
    machine.terminate = terminate
    network.run_instances = run_instances
    network.modify_instance_maintenance_options = modify_instance_maintenance_options
    network.monitor_instances = monitor_instances
    network.unmonitor_instances = unmonitor_instances
    backend.delete_nat_gateway = delete_nat_gateway
    backend.describe_nat_gateways = describe_nat_gateways
