"""Feed logs to an evaluation: opened by `monitor.logs.opening`, read as text, never held whole."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Event as Flag

from lakeferry.errors import FerryError
from lakeferry.monitor.logs.opening import LogEvents, open_logs
from lakeferry.monitor.proof.prove import evaluation_of
from lakeferry.monitor.proof.put_away import put_away
from lakeferry.network.evaluate import Evaluation
from lakeferry.network.flow_log import FlowBatch, ReadReport, read_flow_log
from lakeferry.network.json_events import JsonReadReport, read_json_events
from lakeferry.network.resources import Alarm
from lakeferry.network.rules import Rule
from lakeferry.store.open import NO_OPTIONS


@dataclass(frozen=True, slots=True)
class FormatRead:
    """One format of flow logs that was met."""

    fields: tuple[str, ...]
    rows: int
    first: str  # the source in which it came first


@dataclass(frozen=True, slots=True)
class LogsRead:
    """What was met while reading."""

    events: int
    bad_lines: int
    bad_samples: tuple[str, ...]  # source, line, reason
    by_status: Mapping[str, int]  # rows by log-status
    sources: int  # files and streams
    formats: tuple[FormatRead, ...] = ()  # in the order in which they came


def evaluate_logs(
    place: str,
    rules: Sequence[Rule],
    alarms: Sequence[Alarm] = (),
    *,
    period_s: int = 60,
    fields: tuple[str, ...] | None = None,
    start_s: int | None = None,
    end_s: int | None = None,
    stop: Flag | None = None,
    log_events: LogEvents | None = None,
    generated: LogEvents | None = None,
    options: Mapping[str, str] = NO_OPTIONS,
) -> tuple[Evaluation, LogsRead]:
    """Run rules over the logs at a place in one pass (two where JSON and CLF rules are mixed).

    Args:
        place: a file, a folder, `s3://...`, `log-group:NAME`, `generated:`, or `-`
            for standard input.
        fields: the format of logs that do not state it; AWS's names in order.
        log_events, generated: read a log group, make a log up; see `open_logs`.
        options: of the store.

    Raises:
        FerryError: LF-2001 where standard input would have to be read twice; those of `open_logs`
            and `read_flow_log`.
        KeyboardInterrupt: `stop` was set.
    """
    formats = {rule.log_format for rule in rules}
    _refuse_two_passes(place, formats)
    evaluation = evaluation_of(
        rules, alarms, period_s=period_s, start_s=start_s, end_s=end_s, put_away=put_away
    )
    text, objects = ReadReport(), JsonReadReport()
    sources: set[str] = set()
    for log_format in sorted(formats):
        for name, body in open_logs(
            place, options, log_events=log_events, generated=generated, span_s=(start_s, end_s)
        ):
            sources.add(name)
            if log_format == "CLF":
                batches = read_flow_log(
                    body, name=name, fields=fields, columns=evaluation.fields_of, text=True,
                    report=text,
                )  # fmt: skip
                _add(evaluation, batches, stop)
            else:
                _add_json(evaluation, body, name, objects, stop)
    return evaluation, _read(text, objects, len(sources))


def _refuse_two_passes(place: str, formats: Collection[str]) -> None:
    if place != "-" or len(formats) < 2:
        return
    raise FerryError(
        "LF-2001",
        "rules for JSON and for CLF events cannot share standard input",
        "it can be read only once",
        "give the log as a file, or prove the two kinds apart",
    )


def _add(evaluation: Evaluation, batches: Iterator[FlowBatch], stop: Flag | None) -> None:
    for batch in batches:
        evaluation.add(batch)
        _heed(stop)


def _add_json(
    evaluation: Evaluation,
    body: Iterator[bytes],
    name: str,
    report: JsonReadReport,
    stop: Flag | None,
) -> None:
    before = report.bad_lines
    for events in read_json_events(body, name=name, report=report):
        evaluation.add_json(events)
        _heed(stop)
    evaluation.count_others("JSON", report.bad_lines - before)


def _heed(stop: Flag | None) -> None:
    if stop is not None and stop.is_set():
        raise KeyboardInterrupt


def _read(text: ReadReport, objects: JsonReadReport, sources: int) -> LogsRead:
    samples = [f"{one.source}:{one.line}: {one.reason}" for one in text.bad_samples]
    if objects.first_bad:
        samples.append(objects.first_bad)
    return LogsRead(
        events=text.records + objects.events,
        bad_lines=text.bad_lines + objects.bad_lines,
        bad_samples=tuple(samples),
        by_status=dict(text.by_status),
        sources=sources,
        formats=tuple(
            FormatRead(fields, rows, text.begun[fields]) for fields, rows in text.formats.items()
        ),
    )
