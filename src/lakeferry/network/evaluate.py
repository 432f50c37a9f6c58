"""A local Contributor Insights: rules over log events, all rules in one pass, without rounding.

The semantics are those of docs/reference/rules.md: what the CloudWatch User Guide says
("Contributor Insights rule syntax"), and a stated choice where it is silent.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.network.contributions import Contributions, PutAway
from lakeferry.network.event_columns import Column
from lakeferry.network.json_events import JsonBatch, texts_at
from lakeferry.network.rule_match import match, new_tally
from lakeferry.network.rule_report import RuleReport
from lakeferry.network.rule_tally import Tally
from lakeferry.network.rule_value import Rule
from lakeferry.network.shares import Scope, Shares

# Rows that are evaluated at once. Each rule costs about a millisecond a round whatever the rows.
_ROUND = 1 << 17
HELD_BYTES = 32 << 20  # of all rules' partial results; more is put away. Joining takes 4 times it


class TextRows(Protocol):
    """What `Evaluation` needs of a `FlowBatch`."""

    @property
    def fields(self) -> tuple[str, ...]: ...
    @property
    def rows(self) -> pa.RecordBatch: ...


class Evaluation:
    """Rules that eat batches of events, in the order of the log, and report at the end.

    Flow log batches must be read as text (`read_flow_log(..., text=True)`): a rule sees tokens.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        period_s: int = 60,
        *,
        start_s: int | None = None,
        end_s: int | None = None,
        put_away: PutAway | None = None,
        held_bytes: int = HELD_BYTES,
    ) -> None:
        """`put_away`: keeps partial results beyond `held_bytes`; without it all are held."""
        self._rules = rules
        self._put_away = put_away
        self._held_bytes = held_bytes
        self._period_s = period_s
        # Whole periods: [start, end) in numbers of periods.
        self._first = None if start_s is None else start_s // period_s
        self._last = None if end_s is None else -(-end_s // period_s)
        self._tallies = [new_tally(rule) for rule in rules]
        self._found = [Contributions(len(rule.keys)) for rule in rules]
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = 0
        self._fields: tuple[str, ...] = ()
        self.formats: dict[tuple[str, ...], None] = {}  # every format that was seen, in order
        self._span: tuple[int, int] | None = None  # first and last period that an event lies in

    def add(self, batch: TextRows) -> None:
        """Events of a flow log, as text (CLF)."""
        if not batch.rows.num_rows:
            return
        self.formats[batch.fields] = None
        rows = batch.rows.select(self._columns(batch))
        same = batch.fields == self._fields
        if self._waiting and not (same and rows.schema.equals(self._waiting[0].schema)):
            self._evaluate()
        self._fields = batch.fields
        self._waiting.append(rows)
        self._waiting_rows += rows.num_rows
        if self._waiting_rows >= _ROUND:
            self._evaluate()

    def _columns(self, batch: TextRows) -> list[str]:
        """The columns that some rule reads: the others would be copied for nothing."""
        names = (name.replace("-", "_") for name in self.fields_of(batch.fields))
        there = batch.rows.schema.names
        return [name for name in dict.fromkeys(names) if name in there] + ["event_ms"]

    def fields_of(self, fields: Sequence[str]) -> tuple[str, ...]:
        """The fields of a format that the CLF rules read, each once, AWS's names."""
        rules = (rule for rule in self._rules if rule.log_format == "CLF")
        positions = {rule.position(name) for rule in rules for name in rule.used}
        return tuple(fields[at - 1] for at in sorted(positions) if at <= len(fields))

    def add_json(self, batch: JsonBatch) -> None:
        """Events whose message is a JSON object."""
        self.count_others("CLF", len(batch.events))
        kept, periods = self._in_range("JSON", batch.event_ms)
        events = batch.events
        if kept is not None:
            events = tuple(event for event, keep in zip(events, kept, strict=True) if keep)
        made: dict[str, Column | None] = {}
        for path in dict.fromkeys(path for rule, *_ in self._each("JSON") for path in rule.used):
            texts = texts_at(events, path)
            made[path] = Column(texts) if texts.null_count < len(texts) else None
        for rule, tally, found in self._each("JSON"):
            match(rule, made, periods, tally, found)
        self._shrink()

    @property
    def span_s(self) -> tuple[int, int] | None:
        """Start and end (s) of the periods in which events lie; None before the first event."""
        self._evaluate()
        if self._span is None:
            return None
        return self._span[0] * self._period_s, (self._span[1] + 1) * self._period_s

    def finish(self) -> Mapping[str, RuleReport]:
        """The report of each rule by name."""
        self._evaluate()
        reports = {}
        for rule, tally, found in zip(self._rules, self._tallies, self._found, strict=True):
            found.finish()
            shares, scope = Shares(found, self._period_s), Scope(self._period_s)
            reports[rule.name] = RuleReport(rule, shares, scope, tally)
        return reports

    def _evaluate(self) -> None:
        """The rules over what has gathered."""
        if not self._waiting:
            return
        rows = pa.Table.from_batches(self._waiting).combine_chunks()
        self._waiting, self._waiting_rows = [], 0
        self.count_others("JSON", len(rows))
        kept, periods = self._in_range("CLF", _whole(rows["event_ms"]))
        if kept is not None:
            rows = rows.filter(pa.array(kept))
        made: dict[int, Column | None] = {}
        for rule, tally, found in self._each("CLF"):
            columns = {name: self._column(rows, rule.position(name), made) for name in rule.used}
            match(rule, columns, periods, tally, found)
        self._shrink()

    def _shrink(self) -> None:
        """Put away where all rules together hold too much: first what the largest hold."""
        if self._put_away is None:
            return
        held = sum(one.held_bytes for one in self._found)
        if held <= self._held_bytes:
            return
        # Down to half, so that not every round joins everything again.
        for one in sorted(self._found, key=lambda one: one.held_bytes, reverse=True):
            before = one.held_bytes
            one.shrink(self._put_away, max(0, self._held_bytes // 2 - (held - before)))
            held -= before - one.held_bytes
            if held <= self._held_bytes // 2:
                return

    def _column(
        self, rows: pa.Table, position: int, made: dict[int, Column | None]
    ) -> Column | None:
        if position not in made:
            name = (
                self._fields[position - 1].replace("-", "_")
                if position <= len(self._fields)
                else ""
            )
            there = name in rows.column_names
            made[position] = Column(_whole(rows[name])) if there else None
        return made[position]

    def _in_range(
        self, log_format: str, event_ms: pa.Array
    ) -> tuple[np.ndarray | None, np.ndarray]:
        """Which events count (None: all), and the number of each one's period."""
        timed = np.asarray(pc.is_valid(event_ms))
        periods = np.asarray(pc.fill_null(event_ms, 0)) // (1000 * self._period_s)
        kept = timed.copy()
        if self._first is not None:
            kept &= periods >= self._first
        if self._last is not None:
            kept &= periods < self._last
        count, untimed = len(timed), int(np.count_nonzero(~timed))
        inside = int(np.count_nonzero(kept))
        if inside:
            first, last = int(periods[kept].min()), int(periods[kept].max())
            old = self._span or (first, last)
            self._span = min(first, old[0]), max(last, old[1])
        for _, tally, _ in self._each(log_format):
            tally.events += count
            tally.no_time += untimed
            tally.out_of_range += count - untimed - inside
        return (None, periods) if inside == count else (kept, periods[kept])

    def _each(self, log_format: str) -> Iterator[tuple[Rule, Tally, Contributions]]:
        for rule, tally, found in zip(self._rules, self._tallies, self._found, strict=True):
            if rule.log_format == log_format:
                yield rule, tally, found

    def count_others(self, log_format: str, count: int) -> None:
        """Events that rules of this format cannot look into."""
        for _, tally, _ in self._each(log_format):
            tally.events += count
            tally.other_format += count


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """A column of a table in one piece."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
