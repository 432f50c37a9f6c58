"""What `monitor prove` is asked for by flags, as a group of parameters."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from lakeferry.cli.monitor.network_flags import AccessFlags
from lakeferry.cli.units import parse_pairs

if TYPE_CHECKING:
    from lakeferry.cli.monitor.proving import Request


@Parameter(name="*")
@dataclass(frozen=True)
class ProveFlags:
    """The options of `monitor prove`."""

    period: Annotated[int, Parameter(help="Seconds of one datapoint.")] = 60
    max_contributors: Annotated[int, Parameter(help="Contributors to show, at most 100.")] = 10
    metrics: Annotated[
        list[str] | None,
        Parameter(
            negative="",
            consume_multiple=True,
            help="Of the rule, shown by period; default: with --json alone, all seven.",
        ),
    ] = None
    order_by: Annotated[str, Parameter(help="Sum or Maximum.")] = "Sum"
    alarms: Annotated[
        str | None, Parameter(help="JSON file of PutMetricAlarm requests to replay.")
    ] = None
    format: Annotated[
        str | None, Parameter(help="Fields of a log without a header line, in order.")
    ] = None
    start: Annotated[str | None, Parameter(help="ISO 8601, UTC unless it says.")] = None
    end: Annotated[str | None, Parameter(help="ISO 8601; not included.")] = None
    log_option: Annotated[
        list[str] | None, Parameter(negative="", help="NAME=VALUE, a setting of the logs' store.")
    ] = None
    topology: Annotated[
        str | None,
        Parameter(help="A network saved by `monitor discover --save`, for LOGS `generated:`."),
    ] = None

    def request(self, rules: str, logs: str | None, access: AccessFlags) -> "Request":
        from lakeferry.cli.monitor.proving import Request
        from lakeferry.monitor.logs.opening import store_options

        return Request(
            rules=rules,
            logs=logs,
            period_s=self.period,
            max_contributors=self.max_contributors,
            metrics=self.metrics,
            order_by=self.order_by,
            alarms=self.alarms,
            format=self.format,
            start=self.start,
            end=self.end,
            access=access.access,
            topology=self.topology,
            options=store_options(
                logs or "",
                parse_pairs(self.log_option or [], "--log-option"),
                region=access.region,
                profile=access.aws_profile,
                endpoint=access.endpoint_url,
                role=access.role,
                external_id=access.external_id,
            ),
        )


NO_WISHES = ProveFlags()
