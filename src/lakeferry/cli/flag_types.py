"""Flags that several commands take, each said once: as whom, which subnets, what is planned."""

from typing import Annotated

from cyclopts import Parameter

from lakeferry.cli.mirrored import mirrored

Many = list[str] | None
Yes = Annotated[bool, mirrored("--yes", "-y", negative="", help="Ask nothing.")]

# As whom AWS is asked, and where.
Region = Annotated[str | None, Parameter(help="AWS Region.")]
AwsProfile = Annotated[str | None, Parameter(help="A profile of the AWS configuration files.")]
Role = Annotated[str | None, Parameter(help="ARN of a role to take.")]
ExternalId = Annotated[str | None, Parameter(help="What the role's owner asks for.")]
EndpointUrl = Annotated[str | None, Parameter(help="URL in place of AWS's own, for all services.")]

# Whose bytes.
Subnets = Annotated[Many, Parameter(negative="", help="Id of a subnet in question.")]
WorkerTags = Annotated[
    Many, Parameter(negative="", help="KEY=VALUE of the workers; default Vendor=Databricks.")
]
WorkerSubnets = Annotated[
    Many, Parameter(negative="", help="Id of a subnet where only workers are.")
]
SavedTopology = Annotated[
    str | None, Parameter(help="A network saved by `monitor discover --save`: AWS not asked.")
]

# What a migration moves.
PlannedBytes = Annotated[str | None, Parameter(help="What the migration moves, such as '2 PiB'.")]
PlannedDays = Annotated[float | None, Parameter(help="In how many days.")]
DecimalUnits = Annotated[
    bool, Parameter(negative="", help="kB to PB of --planned-bytes are powers of 1000.")
]
