"""What `monitor top | watch | alarms | series` do: read logs and CloudWatch, show, exit code."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from threading import Event as Flag
from typing import TYPE_CHECKING

from lakeferry.aws.read_alarm_states import AlarmStanding, alarm_standings
from lakeferry.aws.read_logs import event_lines, event_pages, log_lines
from lakeferry.cli.columns import screen_width
from lakeferry.cli.monitor import flow_answers as answers
from lakeferry.cli.monitor import rule_answers
from lakeferry.cli.monitor.plain_paths import PlainPaths
from lakeferry.cli.monitor.saved_network import saved_topology
from lakeferry.cli.monitor.watch_flags import LogFlags, SpanFlags
from lakeferry.cli.render import Screen, marks
from lakeferry.cli.units import counted, parse_duration, parse_pairs, parse_time
from lakeferry.errors import FerryError
from lakeferry.events import Warned
from lakeferry.monitor import run as door
from lakeferry.monitor.logs.flow_log_place import doubled, flow_log_place
from lakeferry.monitor.logs.generated_logs import generated, usual_fields
from lakeferry.monitor.logs.increments import (
    OVERLAP_S,
    Event,
    Increments,
    note,
    open_increments,
)
from lakeferry.monitor.logs.metrics_page import MetricsPage, Snapshot, is_loopback, parse_address
from lakeferry.monitor.logs.opening import LOG_GROUP, store_options
from lakeferry.monitor.logs.read_paths import PathReader, read_paths
from lakeferry.monitor.logs.top import keys_for
from lakeferry.monitor.logs.top import top as top_flows
from lakeferry.monitor.logs.watch import Watch, WatchView, is_behind
from lakeferry.monitor.proof.prove import proofs_of
from lakeferry.monitor.proof.prove_logs import evaluate_logs
from lakeferry.monitor.run import MonitorRequest
from lakeferry.monitor.wanted.thresholds import planned_flows
from lakeferry.network.attribute import HELPFUL
from lakeferry.network.fields import parse_format
from lakeferry.network.flow_batch import ReadReport
from lakeferry.network.members import members_of
from lakeferry.network.rules import parse_rule
from lakeferry.network.topology import Topology

if TYPE_CHECKING:
    from lakeferry.cli.monitor.network_flags import WatchFlags

OK, LOOK = 0, 3
HOUR = 3600


@dataclass
class Asked:
    """What was typed about logs and network. Nothing is asked of AWS before it is needed."""

    rows: LogFlags
    span: SpanFlags
    make_request: Callable[[], MonitorRequest]
    called: tuple[str, str] = ("--start", "--end")  # how the bounds of the span are typed

    @cached_property
    def request(self) -> MonitorRequest:
        return self.make_request()

    @cached_property
    def topology(self) -> Topology:
        """The network: saved, or discovered. Raises as `monitor.run.discover`, and LF-6253."""
        saved = self.rows.topology
        if saved is None:
            return door.discover(self.request)
        return saved_topology(saved)

    @property
    def is_offline(self) -> bool:
        return self.rows.topology is not None

    @property
    def prefix(self) -> str:
        """Begins the names of the deployment's things; '' where none is named."""
        if self.is_offline:
            return ""
        settings = self.request.settings
        return settings.prefix if settings.deployment else ""

    def place(self, logs: str | None) -> tuple[str, tuple[str, ...] | None]:
        given = parse_format(self.rows.format) if self.rows.format else None
        return flow_log_place(self.topology, logs, given, prefix=self.prefix)

    def warn(self, place: str, screen: Screen) -> None:
        """Say what makes sums at a place wrong."""
        one = doubled(self.topology, place)
        if one is not None:
            screen.event(Warned("", None, f"{one.code} {one.where}: {one.what}", one.next_step))

    def options(self, place: str) -> Mapping[str, str]:
        given = parse_pairs(self.rows.log_option or [], "--log-option")
        if self.is_offline:
            return given
        access = self.request.access
        return store_options(
            place, given, region=access.region, profile=access.profile, endpoint=access.endpoint,
            role=access.role, external_id=access.external_id,
        )  # fmt: skip

    def bounds(self, place: str) -> tuple[int | None, int | None]:
        """Begin and end, s since the epoch. Raises LF-2001."""
        begin_flag, end_flag = self.called
        start = parse_time(self.span.start, begin_flag) // 1000 if self.span.start else None
        end = -(-parse_time(self.span.end, end_flag) // 1000) if self.span.end else None
        if start is not None and end is not None and start >= end:
            raise _wrong(f"{begin_flag} is not before {end_flag}", "swap them")
        last = parse_duration(self.span.last, "--last") if self.span.last else None
        if last is None and start is None and place.startswith(LOG_GROUP):
            last = HOUR
        if last is not None:
            end = end or int(time.time())
            start = max(start or 0, end - last)
        return start, end

    def log_events(self, bounds: tuple[int | None, int | None], group: str) -> Iterator[bytes]:
        start, end = (None if one is None else one * 1000 for one in bounds)
        return log_lines(self.request.access, group, start_ms=start, end_ms=end)

    def made_up(self, place: str) -> Iterator[bytes]:
        """The log of `generated:`, where none exists yet."""
        given = parse_format(self.rows.format) if self.rows.format else None
        fields = given or usual_fields(self.topology)
        return generated(place, self.topology, fields, now_s=int(time.time()))


def _wrong(what: str, next_step: str) -> FerryError:
    return FerryError("LF-2001", what, "on the command line", next_step)


# ---- top


def top(logs: str | None, asked: Asked, *, by: str, limit: int, screen: Screen, stop: Flag) -> int:
    """Show the greatest flows. Exit 3 where nothing that is there is a flow log's row."""
    if limit < 1:
        raise _wrong(f"--limit {limit} shows nothing", "give 1 or more")
    place, fields = asked.place(logs)
    bounds = asked.bounds(place)
    asked.warn(place, screen)
    members = members_of(asked.topology)
    reader = PathReader.of(members, keys_for(by), start_s=bounds[0], end_s=bounds[1])
    read_paths(
        place, reader, fields=fields, options=asked.options(place),
        log_events=partial(asked.log_events, bounds), generated=asked.made_up, stop=stop,
    )  # fmt: skip
    totals = reader.totals
    found = top_flows(
        totals.table(), by, asked.topology, seconds=reader.seconds, leaked=totals.leaked(),
        limit=limit,
    )  # fmt: skip
    lines = answers.top_lines(found, marks(sys.stdout), screen_width())
    body = {
        "place": place,
        "bytes": found.bytes,
        "span_s": found.seconds,
        "others": found.others,
        "rows": reader.report.records,
        "bad_lines": reader.report.bad_lines,
        "lacking_fields": _lacking(reader),
        "skipped_rows": dict(totals.skipped),
        "undirected_rows": totals.undirected,
        "rejected_bytes": totals.rejected_bytes,
        "not_forwarded_bytes": totals.not_forwarded(),
    }
    screen.result([*lines, *_left_out(reader)], body)
    for flow in found.flows:
        screen.result([], answers.flow_body(flow, found))
    return LOOK if reader.report.bad_lines and not reader.report.records else OK


def _left_out(reader: PathReader) -> Iterator[str]:
    """What the sums do not hold, in words."""
    totals = reader.totals
    if reader.first_s is None:
        yield "  no row of a flow log in this time; choose another with --last, --start and --end"
    if skipped := sum(totals.skipped.values()):
        yield f"  AWS left records out: {counted(skipped, 'row')} of SKIPDATA"
    if reader.report.bad_lines:
        yield f"  {counted(reader.report.bad_lines, 'bad line')}"
    if totals.undirected:
        rows = counted(totals.undirected, "row")
        yield f"  {rows} not counted: nothing says whether they came or went, or when"
    for device, octets in sorted(totals.not_forwarded().items()):
        if octets:
            yield f"  {octets:,} B reached {device} and went no further; not counted"
    if lacking := _lacking(reader):
        yield f"  the log lacks {', '.join(lacking)}: ways are told by addresses and today's routes"
        yield "  next: a flow log that has them: lakeferry monitor plan --flow-log-format v5-nat"


def _lacking(reader: PathReader) -> list[str]:
    """What would tell ways and services, and stands in none of the formats that were read."""
    there = {name for fields in reader.report.formats for name in fields}
    telling = (name for name in HELPFUL if name.startswith(("pkt-", "flow-", "traffic-")))
    return [name for name in telling if name not in there] if there else []


# ---- watch


@dataclass(frozen=True, slots=True)
class Shown:
    """How a watch is shown."""

    once: bool
    interval_s: float
    metrics: str | None
    metrics_file: str | None
    table: bool  # where stdout is a terminal
    color: bool = True
    late_s: int = OVERLAP_S


def watch(
    logs: str | None, asked: Asked, plan: "WatchFlags", shown: Shown, *, screen: Screen, stop: Flag
) -> int:
    """Look again and again, until it is stopped; once with `--once`."""
    if not 0 < shown.interval_s < float("inf"):
        raise _wrong(f"--interval {shown.interval_s:g} is no pause", "give seconds, such as 30")
    page = MetricsPage()
    if shown.metrics is not None:
        _serve(page, shown.metrics, screen)
    sums, place = _begin(logs, asked, plan, shown.late_s, screen)
    try:
        with _painter(shown, screen, sums.start_s) as paint:
            while True:
                _look(place, sums, stop, first=not sums.rows)
                states = _states(asked, place)
                view = sums.view(bad_lines=place.report.bad_lines, faults=place.faults)
                page.shown = Snapshot(view, sums.totals(), states)
                if shown.metrics_file is not None:
                    page.write(shown.metrics_file)
                paint(view)
                if shown.once or stop.wait(shown.interval_s):
                    break
    finally:
        page.close()
    if stop.is_set():
        raise KeyboardInterrupt
    fine = view.is_fine and not view.faults and not _is_late(view, sums.start_s)
    return OK if fine else LOOK


def _begin(
    logs: str | None, asked: Asked, plan: "WatchFlags", late_s: int, screen: Screen
) -> tuple[Watch, Increments]:
    """The empty sums, with what is planned, and the place to look at."""
    from lakeferry.cli.monitor.network_flags import NO_NETWORK, extras_of

    extras = extras_of(NO_NETWORK, plan)
    topology, transfer = asked.topology, extras.transfer
    planned = planned_flows(topology, transfer.bytes, transfer.days) if transfer else ()
    name, fields = asked.place(logs)
    asked.warn(name, screen)
    start_s = extras.start_s
    if start_s is None and name.startswith(LOG_GROUP):
        start_s = int(time.time()) - HOUR  # a group may hold months

    def pages_of(group: str) -> Callable[[int | None], Iterator[list[Event]]]:
        return partial(_pages, asked, group)

    place = open_increments(
        name, ReadReport(), fields=fields, start_s=start_s, options=asked.options(name),
        pages_of=pages_of, overlap_s=late_s,
    )  # fmt: skip
    return Watch(topology, planned, extras.start_s), place


def _pages(asked: Asked, group: str, start_ms: int | None) -> Iterator[list[Event]]:
    for page in event_pages(asked.request.access, group, start_ms=start_ms):
        yield [Event(one.id, one.at_ms, event_lines([one])) for one in page]


def _look(place: Increments, sums: Watch, stop: Flag, *, first: bool) -> None:
    """Take what is new. A place that fails is asked again at the next look, but for the first."""
    try:
        for batch in place.look():
            sums.add(batch)
            if stop.is_set():
                return
    except FerryError as error:
        if first:
            raise
        note(place.faults, error.what, error.next_step)


def _states(asked: Asked, place: Increments) -> dict[str, str]:
    """States of the deployment's alarms; none where nobody names one."""
    if not asked.prefix:
        return {}
    try:
        found = alarm_standings(asked.request.access, asked.prefix)
    except FerryError as error:
        note(place.faults, error.what, error.next_step)
        return {}
    return {one.name: one.state for one in found}


def _is_late(view: WatchView, start_s: int | None) -> bool:
    return start_s is not None and any(is_behind(one, start_s, view.at_s) for one in view.paths)


def _serve(page: MetricsPage, address: str, screen: Screen) -> None:
    host, _ = parse_address(address)
    served = page.serve(address)
    screen.say(f"metrics: http://{served}/metrics")
    if not is_loopback(host):
        screen.say("others than this machine can read them: they are not secret, and not guarded")


def _painter(shown: Shown, screen: Screen, start_s: int | None) -> "Painter":
    live = shown.table and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    if live and not shown.once:
        from lakeferry.cli.monitor.live_paths import LivePaths

        return LivePaths(color=shown.color)
    return PlainPaths(screen, start_s, once=shown.once)


if TYPE_CHECKING:
    from lakeferry.cli.monitor.live_paths import LivePaths

    Painter = PlainPaths | LivePaths


# ---- alarms


def alarms(logs: str | None, asked: Asked, *, screen: Screen, stop: Flag) -> int:
    """Show alarms as they stand, and when they would have fired on past logs."""
    standings: tuple[AlarmStanding, ...] = ()
    if not asked.is_offline:
        standings = alarm_standings(asked.request.access, asked.prefix)
        lines = answers.standing_lines(standings, marks(sys.stdout), screen_width())
        screen.result(lines, {"alarms": len(standings)})
    elif logs is None:
        raise FerryError(
            "LF-6253", "a saved topology does not say how alarms stand", str(asked.rows.topology),
            "name flow logs with --logs, or leave --topology out",
        )  # fmt: skip
    for one in standings:
        screen.result([], answers.standing_body(one))
    if logs is not None:
        _replay(logs, asked, screen, stop)
    return LOOK if any(one.state == "ALARM" for one in standings) else OK


def _replay(logs: str, asked: Asked, screen: Screen, stop: Flag) -> None:
    """Run the deployment's rules and alarms over past flow logs."""
    found = asked.topology.found
    place, fields = asked.place(logs)
    bounds = asked.bounds(place)
    bodies = {one.name: one.body for one in found.rules if one.name.startswith(asked.prefix)}
    rules = [parse_rule(name, body) for name, body in bodies.items()]
    replayed = [one for one in found.alarms if one.name.startswith(asked.prefix)]
    if not replayed:
        screen.result(["  no alarm of this deployment to replay"], {})
        return
    evaluation, read = evaluate_logs(
        place, rules, replayed, fields=fields, start_s=bounds[0], end_s=bounds[1], stop=stop,
        log_events=partial(asked.log_events, bounds), options=asked.options(place),
    )  # fmt: skip
    signs = marks(sys.stdout)
    for proof in proofs_of(evaluation, rules, replayed, bodies=bodies).alarms:
        screen.result(rule_answers.alarm_lines(proof, signs), rule_answers.alarm_body_line(proof))
    screen.result(rule_answers.read_lines(read, signs), rule_answers.read_body(read))


__all__ = ["Asked", "Shown", "alarms", "top", "watch"]
