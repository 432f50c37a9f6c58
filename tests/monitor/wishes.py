"""Settings and networks for the tests of what there shall be."""

from dataclasses import replace
from typing import Any

from lakeferry.monitor.settings import EndpointWish, MonitorSettings
from lakeferry.monitor.wanted.desired import Desired, desired
from lakeferry.network.resources import PlannedFlow, Resource
from lakeferry.network.topology import Found, Topology
from tests.network.sample_scenario import ACCOUNT, REGION, topology

PB = 10**15
DAY = 86_400
PLANNED = (PlannedFlow("nat_gateway", 2 * PB, 30 * DAY), PlannedFlow("s3_gateway", PB, 30 * DAY))
EVERYTHING = tuple(
    EndpointWish(kind, "gateway" if kind == "s3" else "interface")
    for kind in (
        "s3", "kinesis-streams", "sts", "logs", "databricks-workspace", "databricks-relay",
    )
)  # fmt: skip


def settings(deployment: str = "m1", **chosen: Any) -> MonitorSettings:
    return MonitorSettings(deployment, ACCOUNT, REGION, **chosen)


def full(deployment: str = "m1", **chosen: Any) -> MonitorSettings:
    """Settings that ask for all there is."""
    usual: dict[str, Any] = {
        "planned": PLANNED,
        "window": (1_795_000_000, 1_797_592_000),
        "workers": 8,
        "streams": ("clicks",),
        "buckets": ("lake", "workspace-root"),
        "notify": ("ops@example.com", f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts"),
        "endpoints": EVERYTHING,
        "tags": {"owner": "data-platform", "map-migrated": "migABCDE12345"},
    }
    return settings(deployment, **{**usual, **chosen})


def bare() -> Topology:
    """The network of the sample without an endpoint or a flow log."""
    return with_found(endpoints=())


def with_found(**changed: Any) -> Topology:
    base = topology()
    found: Found = replace(base.found, **changed)
    return replace(base, found=found)


def wanted(network: Topology | None = None, **chosen: Any) -> Desired:
    return desired(network or topology(), full(**chosen))


def of_kind(made: Desired, kind: type[Resource]) -> tuple[Any, ...]:
    return tuple(one for one in made.resources if isinstance(one, kind))


def named(made: Desired, kind: type[Resource], end: str) -> Any:
    """The one resource of a kind whose name ends so."""
    (found,) = (one for one in of_kind(made, kind) if one.name.endswith(end))
    return found
