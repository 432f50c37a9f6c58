"""The state of a watch as Prometheus metrics: by HTTP, or as a file for the textfile collector.

Names and labels are an interface: they are listed in docs/guides/see-where-bytes-go.md.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from lakeferry.errors import FerryError
from lakeferry.monitor.logs.watch import Key, WatchView
from lakeferry.network.resources import PlannedFlow

if TYPE_CHECKING:
    from prometheus_client.core import Metric

LOOPBACK = "127.0.0.1"
STATES = ("OK", "ALARM", "INSUFFICIENT_DATA")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is shown: all of one moment."""

    view: WatchView
    totals: Mapping[Key, int]
    alarms: Mapping[str, str]  # state by name


@dataclass(slots=True, eq=False)  # registries keep collectors by identity
class MetricsPage:
    """A collector of prometheus-client. `shown` is replaced as a whole: none is half new."""

    shown: Snapshot | None = None
    _server: Any = field(default=None)

    def collect(self) -> "Iterator[Metric]":
        if self.shown is not None:
            yield from _metrics(self.shown)

    def serve(self, address: str) -> str:
        """Serve /metrics until `close`; the address in use, `host:port`. Raises as `served`."""
        self._server, found = served(self, address)
        return found

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def write(self, path: str) -> None:
        """Replace a file by the metrics of now; whoever reads sees the old or the new ones.

        Raises LF-2004 where it cannot be written.
        """
        from prometheus_client import CollectorRegistry, write_to_textfile

        registry = CollectorRegistry()
        registry.register(self)
        try:
            write_to_textfile(path, registry)
        except OSError as error:
            raise FerryError(
                "LF-2004", "the metrics cannot be written", f"{path}: {error.strerror}",
                "name another file with --metrics-file",
            ) from error  # fmt: skip


def served(collector: Any, address: str) -> tuple[Any, str]:
    """A server of what a collector of prometheus-client tells, and the address in use, `host:port`.

    The server goes on until its `shutdown` and `server_close` are called.

    Raises:
        FerryError: LF-2001 for an address that is none, or that is taken.
    """
    from prometheus_client import CollectorRegistry, start_http_server

    host, port = parse_address(address)
    registry = CollectorRegistry()
    registry.register(collector)
    try:
        server, _ = start_http_server(port, host, registry=registry)
    except OSError as error:
        raise FerryError(
            "LF-2001", f"metrics cannot be served: {error.strerror}", f"--metrics {address}",
            "name a port of this machine that is free",
        ) from error  # fmt: skip
    return server, f"{host}:{server.server_port}"


def parse_address(text: str) -> tuple[str, int]:
    """`host:port`, `[::1]:port`, or a port, which is one of this machine alone. Raises LF-2001."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or LOOPBACK
    if not port.isdecimal() or int(port) > 65_535:
        raise FerryError(
            "LF-2001", f"`{text}` is no address", "--metrics", f"write {LOOPBACK}:9464"
        )
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Whether only this machine can ask."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _metrics(shown: Snapshot) -> "Iterator[Metric]":
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    octets = CounterMetricFamily(
        "lakeferry_bytes", "Bytes by path, each byte once.",
        labels=["path", "interface", "direction"],
    )  # fmt: skip
    leaks = CounterMetricFamily(
        "lakeferry_leak_bytes", "Bytes to and from S3 through NAT.", labels=["path", "device"]
    )
    for labels, number in sorted(_bytes(shown.totals).items()):
        octets.add_metric(labels, number)
    rates = GaugeMetricFamily(
        "lakeferry_path_bytes_per_second", "Over the last quarter of an hour.",
        labels=["path", "device"],
    )  # fmt: skip
    for flow in shown.view.paths:
        rates.add_metric([flow.path, flow.device], flow.bytes_per_s)
        if flow.path.startswith("nat_") and flow.device:
            leaks.add_metric([flow.path, flow.device], flow.leaked)
    yield from (octets, leaks, rates, *_planned(shown.view.planned), *_rows(shown.view))
    states = GaugeMetricFamily(
        "lakeferry_alarm_state", "1 for the state that an alarm is in.", labels=["alarm", "state"]
    )
    for name, state in sorted(shown.alarms.items()):
        for one in STATES:
            states.add_metric([name, one], int(one == state))
    yield states


def _bytes(totals: Mapping[Key, int]) -> Counter[tuple[str, str, str]]:
    found: Counter[tuple[str, str, str]] = Counter()
    for (path, _, interface, direction, _, _), number in totals.items():
        found[path, interface, direction] += number
    return found


def _planned(flows: tuple[PlannedFlow, ...]) -> "Iterator[Metric]":
    from prometheus_client.core import GaugeMetricFamily

    planned = GaugeMetricFamily("lakeferry_planned_bytes", "Of the whole plan.", labels=["path"])
    rate = GaugeMetricFamily(
        "lakeferry_planned_bytes_per_second", "The plan's average.", labels=["path"]
    )
    for flow in flows:
        planned.add_metric([flow.path], flow.bytes)
        rate.add_metric([flow.path], flow.bytes / flow.seconds)
    yield planned
    yield rate


def _rows(view: WatchView) -> "Iterator[Metric]":
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    for name, text, number in (
        ("lakeferry_flow_rows", "Flow log rows that were read.", view.rows),
        ("lakeferry_flow_skipped_rows", "Rows that say that AWS left records out.", view.skipped),
        ("lakeferry_flow_bad_lines", "Lines that do not fit their format.", view.bad_lines),
    ):
        yield CounterMetricFamily(name, text, value=number)
    yield GaugeMetricFamily(
        "lakeferry_flow_newest_timestamp_seconds", "Minute of the newest row.", value=view.at_s
    )
