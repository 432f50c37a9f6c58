"""What policies are made of: statements, and the ARNs of one deployment. Pure.

Source: Service Authorization Reference, resource types of each service.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lakeferry.monitor.nat.names import nat_role_name
from lakeferry.monitor.settings import MonitorSettings
from lakeferry.monitor.wanted.dashboard import dashboard_name
from lakeferry.monitor.wanted.flow_logs import role_name
from lakeferry.monitor.wanted.notify import topic_name
from lakeferry.network.resources import OWNER_TAG


@dataclass(frozen=True, slots=True)
class Statement:
    """One `Allow`."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Mapping[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> Mapping[str, Any]:
        found: dict[str, Any] = {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": sorted(self.actions),
            "Resource": list(self.resources),
        }
        return {**found, "Condition": self.condition} if self.condition else found


@dataclass(frozen=True, slots=True)
class Names:
    """ARNs of one deployment."""

    settings: MonitorSettings

    def arn(self, service: str, rest: str, *, region: bool = True) -> str:
        where = self.settings.region if region else ""
        return f"arn:{self.settings.partition}:{service}:{where}:{self.settings.account}:{rest}"

    def ec2(self, *kinds: str) -> tuple[str, ...]:
        return tuple(self.arn("ec2", f"{kind}/*") for kind in kinds)

    def groups(self, *names: str) -> tuple[str, ...]:
        """Log groups, for actions on themselves and for those on their streams."""
        arns = (self.arn("logs", f"log-group:{one}") for one in names)
        return tuple(form for arn in arns for form in (arn, f"{arn}:*"))

    @property
    def role(self) -> str:
        return self.arn("iam", f"role/{role_name(self.settings)}", region=False)

    @property
    def rules(self) -> str:
        return self.arn("cloudwatch", f"insight-rule/{self.settings.prefix}*")

    @property
    def alarms(self) -> str:
        return self.arn("cloudwatch", f"alarm:{self.settings.prefix}*")

    @property
    def dashboard(self) -> str:
        name = dashboard_name(self.settings)
        return self.arn("cloudwatch", f"dashboard/{name}", region=False)

    @property
    def topic(self) -> str:
        return self.arn("sns", topic_name(self.settings))

    @property
    def bucket(self) -> str:
        """ARN without the prefix; '' where nothing goes to S3."""
        wish = self.settings.flow_logs
        return wish.bucket.partition("/")[0] if "s3" in wish.destinations else ""

    @property
    def is_ours(self) -> Mapping[str, Any]:
        return self._tag("ResourceTag")

    @property
    def becomes_ours(self) -> Mapping[str, Any]:
        return self._tag("RequestTag")

    def _tag(self, which: str) -> Mapping[str, Any]:
        return {"StringEquals": {f"aws:{which}/{OWNER_TAG}": self.settings.deployment}}

    @property
    def nat_role(self) -> str:
        return self.arn("iam", f"role/{nat_role_name(self.settings)}", region=False)

    @property
    def nat_profile(self) -> str:
        name = f"instance-profile/{nat_role_name(self.settings)}"
        return self.arn("iam", name, region=False)

    @property
    def wants_nat(self) -> bool:
        """Also whoever wants gateways: instances may be there, and go."""
        return self.settings.nat.kind != "none"
