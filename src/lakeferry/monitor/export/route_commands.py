"""How a person leads default routes to the NAT instances of a template, table by table. Pure.

No template moves a route. CloudFormation and Terraform can make a default route and refuse one that
is there; what goes around that (a custom resource, an import) would move the bytes before anybody
has seen the instance forward, and a rollback or a deletion of the stack would take the route away.

Source: AWS CLI, `aws ec2 replace-route`; CloudFormation Template Reference, AWS::EC2::Route.
"""

import re
from collections.abc import Iterable, Iterator

from lakeferry.monitor.settings import MonitorSettings
from lakeferry.network.nat_resources import DefaultRoute

CHECKED = (
    "the template leaves default routes as they are: it could only make new ones, and would do so "
    "before the instances are known to forward. Once it is deployed, `lakeferry monitor failback` "
    "leads them there, one by one, each after a look at its instance; by hand, the outputs have "
    "the commands (`create-route` where a table has no default route)"
)


def before_id(one: DefaultRoute, settings: MonitorSettings) -> str:
    """The command up to the interface's id, which a template puts after it."""
    return (
        f"aws ec2 replace-route --region {settings.region} --route-table-id {one.route_table_id} "
        f"--destination-cidr-block {one.destination} --network-interface-id "
    )


def word(one: DefaultRoute) -> str:
    """What tells a table's output from others'."""
    return "".join(part.capitalize() for part in re.findall("[A-Za-z0-9]+", one.route_table_id))


def notes(routes: Iterable[DefaultRoute]) -> Iterator[str]:
    tables = sorted(one.route_table_id for one in routes)
    if tables:
        yield f"{', '.join(tables)}: {CHECKED}"
