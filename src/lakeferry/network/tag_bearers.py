"""What can bear tags and costs money, of AWS and of Databricks alike, as values.

Source: AWS "Tag your Amazon EC2 resources" (50 tags, keys are case-sensitive, `aws:` is AWS's own);
Databricks "Monitor usage using tags", Clusters API (at most 45 custom tags, default tags win).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from lakeferry.network.resources import Tags

MOST_OF_AWS, MOST_OF_DATABRICKS = 50, 45  # tags of a person's own
AWS_OWN = "aws:"  # begins the keys that only AWS writes
# Databricks writes these itself, and what it writes wins over custom tags.
DATABRICKS_OWN = frozenset({
    "Vendor", "Creator", "ClusterId", "ClusterName", "RunName", "JobId", "SqlEndpointId",
    "SqlWarehouseId", "DatabricksInstancePoolId", "DatabricksInstancePoolCreatorId",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bearer:
    """One thing with its tags, and whether a tag can be put on it."""

    kind: str  # 'instance', 'volume', 'nat_gateway', 'databricks_pool', ...
    id: str  # by which it is tagged: AWS's id or ARN, Databricks' id
    name: str  # for people; may be ''
    tags: Tags
    # Keys that are there and do not reach what is launched from it, with their values.
    idle: Tags = field(default_factory=dict)
    most: int = MOST_OF_AWS
    reserved: frozenset[str] = frozenset()  # keys that its service writes itself
    elsewhere: str = ""  # why no tag is put on it, and where it goes instead; '': it can bear one
    asks: str = ""  # the word for what its mending does beyond a tag: 'restart', 'template'
    then: str = ""  # what stays as it is though the tag is there
    # What it costs while it is there: ids of prices without their Region -> units an hour.
    hourly: Mapping[str, Decimal] = field(default_factory=dict)
    monthly: Mapping[str, Decimal] = field(default_factory=dict)  # likewise, units a month
    where: str = ""  # the workspace's host; '' of AWS

    @property
    def key(self) -> tuple[str, str, str]:
        return self.where, self.kind, self.id

    @property
    def costs(self) -> bool:
        """Whether it costs by the hour, or makes what does."""
        return bool(self.hourly or self.monthly or self.where)

    @property
    def shown(self) -> str:
        """'i-0a1b (worker-3)'; the name alone where the id is an ARN that ends with it."""
        if self.id.startswith("arn:"):
            return self.name
        return f"{self.id} ({self.name})" if self.name and self.name != self.id else self.id


@dataclass(frozen=True, slots=True)
class Put:
    """What became of one bearer's tags."""

    bearer: Bearer
    tags: Tags  # that were to be put on it
    fault: str = ""  # why it does not bear them; '': it does
