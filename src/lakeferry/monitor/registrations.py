"""Which of the endpoints must be registered in the Databricks account. Pure."""

from collections.abc import Iterable

from lakeferry.monitor.settings import MonitorSettings
from lakeferry.network.resources import EndpointRegistration, Resource, VpcEndpoint
from lakeferry.network.services import DATABRICKS_SERVICES


def wanted_registrations(
    resources: Iterable[Resource], settings: MonitorSettings
) -> tuple[EndpointRegistration, ...]:
    """One for each endpoint of ours that leads to Databricks, by its name."""
    return tuple(
        EndpointRegistration(one.name, endpoint=one.name, region=settings.region)
        for one in resources
        if isinstance(one, VpcEndpoint)
        and one.name.removeprefix(settings.prefix) in DATABRICKS_SERVICES
    )
