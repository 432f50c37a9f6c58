"""The least that NAT instances take of whoever plans, applies and destroys: statements. Pure.

What is made must bear the deployment's tag, what is changed or removed bears it. Route tables are
others', and nothing about them tells which ones a person means: routes are allowed on all.

Source: Service Authorization Reference of EC2 and IAM; VPC User Guide, "Service-linked roles for
NAT gateways"; Systems Manager User Guide, "Calling AMI public parameters".
"""

from collections.abc import Iterator

from lakeferry.monitor.iam_parts import Names, Statement
from lakeferry.network.resources import OWNER_TAG

_MADE = (
    "ec2:AllocateAddress", "ec2:CreateNatGateway", "ec2:CreateNetworkInterface", "ec2:RunInstances",
)  # fmt: skip
_KINDS = ("*",)  # the tag says which: elastic-ip, instance, natgateway, network-interface, volume
_CHANGED = (
    "ec2:AssociateAddress", "ec2:CreateTags", "ec2:ModifyInstanceMaintenanceOptions",
    "ec2:ModifyInstanceMetadataOptions", "ec2:ModifyNetworkInterfaceAttribute",
    "ec2:MonitorInstances", "ec2:StartInstances",
)  # fmt: skip
_REMOVED = (
    "ec2:DeleteNatGateway", "ec2:DeleteNetworkInterface", "ec2:DeleteTags",
    "ec2:DisassociateAddress", "ec2:ReleaseAddress", "ec2:TerminateInstances",
)  # fmt: skip
_PROFILE_CHANGED = (
    "iam:AddRoleToInstanceProfile", "iam:CreateInstanceProfile", "iam:TagInstanceProfile",
    "iam:UntagInstanceProfile",
)  # fmt: skip
_PROFILE_REMOVED = ("iam:DeleteInstanceProfile", "iam:RemoveRoleFromInstanceProfile")
_IMAGES = "parameter/aws/service/ami-amazon-linux-latest/*"


def nat_reads(names: Names) -> Iterator[Statement]:
    """What is there of ours has to be known."""
    if not names.wants_nat:
        return
    yield Statement("LookAtProfile", ("iam:GetInstanceProfile",), (names.nat_profile,))
    # User data of others' instances may hold what is nobody's business.
    yield Statement(
        "LookAtNatInstances",
        ("ec2:DescribeInstanceAttribute",),
        names.ec2("instance"),
        names.is_ours,
    )


def nat_writes(names: Names, *, make: bool) -> Iterator[Statement]:
    """What changes something; without `make` only what removes it."""
    if not names.wants_nat:
        return
    if make:
        yield from _making(names)
    yield Statement(
        "OurNat", (*_CHANGED, *_REMOVED) if make else _REMOVED, names.ec2(*_KINDS), names.is_ours
    )
    routes = ("ec2:DeleteRoute", "ec2:ReplaceRoute")
    yield Statement(
        "Routes", ("ec2:CreateRoute", *routes) if make else routes, names.ec2("route-table")
    )
    yield Statement(
        "Profile",
        (*_PROFILE_CHANGED, *_PROFILE_REMOVED) if make else _PROFILE_REMOVED,
        (names.nat_profile,),
    )


def _making(names: Names) -> Iterator[Statement]:
    where = f"arn:{names.settings.partition}"
    region = names.settings.region
    yield Statement("MakeNat", _MADE, names.ec2(*_KINDS), names.becomes_ours)
    yield Statement(
        "TagNatThatIsMade",
        ("ec2:CreateTags",),
        names.ec2(*_KINDS),
        {"StringEquals": {"ec2:CreateAction": [one.partition(":")[2] for one in _MADE]}},
    )
    yield Statement(
        "UseForNat",
        _MADE[1:],
        (*names.ec2("security-group", "subnet"), f"{where}:ec2:{region}::image/*"),
    )
    yield Statement("UseOfOurNat", _MADE[1:], names.ec2("elastic-ip", "network-interface"),
                    names.is_ours)  # fmt: skip
    yield Statement("NewestImage", ("ssm:GetParameter",), (f"{where}:ssm:{region}::{_IMAGES}",))
    # Whether an instance forwards is asked before a route is led to it.
    yield Statement(
        "LookAtPaths", ("ec2:DescribeInstanceStatus", "ssm:GetCommandInvocation"), ("*",)
    )
    command = ("ssm:SendCommand",)
    yield Statement("AskForPath", command, (f"{where}:ssm:{region}::document/AWS-RunShellScript",))
    tag = {f"ssm:resourceTag/{OWNER_TAG}": names.settings.deployment}
    yield Statement("AskNatInstances", command, names.ec2("instance"), {"StringEquals": tag})
    service = "ec2.amazonaws.com.cn" if names.settings.partition == "aws-cn" else (
        "ec2.amazonaws.com"
    )  # fmt: skip
    yield Statement(
        "PassNatRole",
        ("iam:PassRole",),
        (names.nat_role,),
        {"StringEquals": {"iam:PassedToService": service}},
    )
    linked = "role/aws-service-role/natgateway.amazonaws.com/*"
    yield Statement(
        "LinkNatRole", ("iam:CreateServiceLinkedRole",), (names.arn("iam", linked, region=False),)
    )
