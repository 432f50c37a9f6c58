"""Which subnet an address is of, and which service a far end is, as totals tell them."""

import pytest

from lakeferry.network.attribute import SERVICES
from lakeferry.network.members import members_of
from lakeferry.network.resources import Subnet
from tests.network.networks import changed, seen
from tests.network.test_path_totals import HOST, row, totals_of

NAT = ("10.0.1.5", "10.0.0.9")  # a worker, and the gateway's own address
S3_HOST = "52.216.1.1"  # in the prefix list


def service_of(far: str, service: str) -> str:
    """What the inner side of a NAT gateway says of a far end, both ways alike."""
    worker, gateway = NAT
    rows = (
        row("eni-nat", worker, gateway, 100, "ingress", pkt=(worker, far), service="-"),
        row("eni-nat", gateway, worker, 7, "egress", pkt=(far, worker)),
    )
    # `row` gives the service of what is sent away; of what is sent here it stands first.
    up, down = rows
    named = service or "-"
    up = up.replace(" - - ingress", f" - {named} ingress")
    down = down.replace(" - - egress", f" {named} - egress")
    found = totals_of(f"{up}\n{down}", keys=("path", "direction", "service")).table().to_pylist()
    assert {one["direction"] for one in found} == {"up", "down"}
    (one,) = {one["service"] for one in found}
    return str(one)


@pytest.mark.parametrize(
    ("far", "service", "kind"),
    [
        (HOST, "", ""),
        (HOST, "S3", "s3"),
        (S3_HOST, "", "s3"),  # by the range of its prefix list, where rows do not say
        (HOST, "DYNAMODB", "dynamodb"),
        (HOST, "AMAZON", "aws_service"),
        (HOST, "EC2", ""),  # a machine there is anybody's
        (HOST, "CLOUDFRONT", ""),
    ],
)
def test_what_a_far_end_is(far: str, service: str, kind: str) -> None:
    assert service_of(far, service) == kind
    assert kind in SERVICES


def test_a_worker_that_has_gone_was_in_the_subnet_that_has_its_address() -> None:
    two = (
        Subnet("subnet-1a", "vpc-1", "us-east-1a", "use1-az1", ("10.0.1.0/24", "2001:db8::/64")),
        Subnet("subnet-1b", "vpc-1", "us-east-1b", "use1-az2", ("10.0.2.0/24",)),
    )
    members = members_of(seen(changed(subnets=two)))

    assert members.subnet("10.0.1.77") == "subnet-1a"
    assert members.subnet("2001:db8::5") == "subnet-1a"
    assert members.subnet("10.0.2.77") == "subnet-1b"
    assert members.subnet("10.0.3.1") is None
    assert members.subnet(HOST) is None
    assert members.subnet("-") is members.subnet(None) is None


def test_who_is_there_is_in_the_subnet_of_its_interface() -> None:
    wide = Subnet("subnet-9z", "vpc-1", "us-east-1a", "use1-az1", ("10.0.0.0/16",))
    network = seen(changed(subnets=(wide,)))
    members = members_of(network)
    worker = next(one for one in network.found.enis if one.private_ip == "10.0.0.9")

    assert members.subnet("10.0.0.9") == worker.subnet_id
    assert members.subnet("10.0.200.1") == "subnet-9z"
