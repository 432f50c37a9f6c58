"""What one NAT instance and all that belongs to it are, as literal values."""

from lakeferry.network.nat_resources import (
    ElasticIp,
    InstanceProfile,
    NatInstance,
    NetworkInterface,
    StandbyGateway,
)
from lakeferry.network.resources import OWNER_TAG, PortRange, Resource, Role, SecurityGroup

TAGS = {OWNER_TAG: "m1", "owner": "data-platform"}
NAME = "lakeferry-m1.nat.us-east-1a"
STANDBY = "lakeferry-m1.nat-standby.us-east-1a"
SCRIPT = '#!/bin/bash\n# 100 %{not a template} ${nor this}\necho $HOME "\'\\ and é"\n'
TRUST = (
    '{"Statement":[{"Action":"sts:AssumeRole","Effect":"Allow",'
    '"Principal":{"Service":"ec2.amazonaws.com"}}],"Version":"2012-10-17"}'
)
MAY = (
    '{"Statement":[{"Action":["ec2:DescribeRouteTables"],"Effect":"Allow","Resource":"*"}],'
    '"Version":"2012-10-17"}'
)


def one_zone(image: str = "", user_data: str = SCRIPT) -> tuple[Resource, ...]:
    return (
        SecurityGroup(
            "lakeferry-m1.nat", "vpc-0123456789abcdef0", "From the private subnets to the internet",
            (PortRange("-1", -1, -1, ("10.0.0.0/24", "10.0.1.0/24")),), TAGS,
        ),
        Role("lakeferry-m1.nat", TRUST, MAY, TAGS),
        InstanceProfile("lakeferry-m1.nat", "lakeferry-m1.nat", TAGS),
        NetworkInterface(
            NAME, "subnet-0123456789abcdef0", ("lakeferry-m1.nat",), "NAT of us-east-1a", tags=TAGS
        ),
        ElasticIp(NAME, NAME, TAGS),
        ElasticIp(STANDBY, "", TAGS),
        StandbyGateway(STANDBY, "subnet-0123456789abcdef0", TAGS),
        NatInstance(
            NAME, "c7gn.large", "arm64", image, "lakeferry-m1.nat", user_data, tags=TAGS
        ),
    )  # fmt: skip
