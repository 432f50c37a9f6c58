"""What NAT instances and all that belongs to them are called. Pure."""

from lakeferry.monitor.settings import MonitorSettings
from lakeferry.network.resources import OWNER_TAG, Tags
from lakeferry.network.rule_set import fitted

MOST_ROLE_NAME = 64


def nat_name(settings: MonitorSettings, label: str) -> str:
    """Of the instance of a zone, its interface and its address; of a route by its table's id."""
    return f"{settings.prefix}nat.{label}"


def standby_name(settings: MonitorSettings, zone: str) -> str:
    """Of a standby gateway and its address."""
    return f"{settings.prefix}nat-standby.{zone}"


def nat_group_name(settings: MonitorSettings) -> str:
    return f"{settings.prefix}nat"


def nat_role_name(settings: MonitorSettings) -> str:
    """Of the role and of the instance profile that gives it."""
    return fitted(f"{settings.prefix}nat", MOST_ROLE_NAME)


def is_nat_instance(settings: MonitorSettings, tags: Tags) -> bool:
    """Whether the tags of an instance are those of one of ours."""
    ours = tags.get(OWNER_TAG) == settings.deployment
    return ours and tags.get("Name", "").startswith(nat_name(settings, ""))


def id_mark(name: str) -> str:
    """What stands in user data for the id of a standby gateway of ours, until that is known."""
    return f"${{{name}}}"
