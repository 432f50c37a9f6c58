"""What moto lacks of tags: CreateTags takes what is not there, and templates have no SourceVersion.

AWS refuses a whole CreateTags where one instance or volume is gone, and a new version of a launch
template has all of its source's parameters but those that are given anew.
"""

from typing import Any

from moto.ec2.exceptions import InvalidInstanceIdError
from moto.ec2.models import EC2Backend
from moto.ec2.responses import EC2Response

_exist, _new_version = EC2Backend.do_resources_exist, EC2Response.create_launch_template_version


def do_resources_exist(self: EC2Backend, ids: list[str]) -> bool:
    known = {one.id for one in self.all_instances()}
    gone = [one for one in ids if one.startswith("i-") and one not in known]
    if gone:
        raise InvalidInstanceIdError(gone)
    return _exist(self, ids)


def create_launch_template_version(self: EC2Response) -> Any:
    source = self._get_param("SourceVersion")
    answer = _new_version(self)
    if source is not None:
        template: Any = self.ec2_backend.get_launch_template(self._get_param("LaunchTemplateId"))
        made = template.versions[-1]
        made.data = {**template.get_version(int(source)).data, **made.data}
    return answer


def complete(backend: Any = EC2Backend, network: Any = EC2Response) -> None:
    backend.do_resources_exist = do_resources_exist
    network.create_launch_template_version = create_launch_template_version
