"""Bytes of each path, interface, direction and minute, each byte once, in bounded memory. Pure.

What came back to workers waits until it is known by which way the requests went; when too much
waits, the oldest takes the way of the same remote address, else that of today's routes.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.network.attribute import (
    AT_WORKER,
    BY_PATH,
    NAT_PATHS,
    SIDES,
    Attribution,
    Sent,
)
from lakeferry.network.flow_batch import FlowBatch
from lakeferry.network.flow_totals import MINUTE, FlowTotals
from lakeferry.network.members import Members

_MOST_WAITING = 1 << 18  # groups of what came back, and ways of what was sent
_PATIENCE_S = 900  # rows of the two directions are delivered within it
_SUMS = ("bytes", "packets", "records")
_ORIGIN = ("path", "device", "at")


class PathTotals:
    """Sums that eat batches and are a table at any time.

    Batches are read typed and `coded`, with `attribute.NEEDED`, and of `attribute.HELPFUL` what
    the log has.
    """

    def __init__(
        self, members: Members, by: Sequence[str] = BY_PATH, *, most_waiting: int = _MOST_WAITING
    ) -> None:
        self.skipped: Counter[str] = Counter()  # rows of SKIPDATA by interface: AWS lost records
        self.undirected = 0  # rows of which nothing says whether they came or went, or when
        self.rejected_bytes = 0
        self._by = tuple(by)
        self._most = most_waiting
        self._attribution = Attribution(members, by)
        origin = tuple(dict.fromkeys((*self._by, *_ORIGIN)))
        self._keys = origin
        self._counted = FlowTotals(origin)
        self._waiting = _Waiting(self._attribution, origin)
        self._settled: list[pa.Table] = []
        self._sides = FlowTotals(("device", "interface", "side", "s3"))
        self._seen: set[str] = set()  # NAT devices whose own rows are there

    def add(self, batch: FlowBatch) -> None:
        if "log_status" in batch.rows.schema.names:
            self._count_skips(batch.rows)
        found = self._attribution.look(batch)
        self.undirected += found.undirected
        self.rejected_bytes += found.rejected_bytes
        if found.counted:
            self._counted.add(found.counted)
        if found.sides:
            self._sides.add(found.sides)
            self._seen.update(pc.unique(found.sides.rows["device"]).to_pylist())
        self._waiting.add(found.returned, found.sent)
        if self._waiting.size > self._most:
            self._settled.append(self._waiting.settle(self._most))
            self._settled = [summed(pa.concat_tables(self._settled), self._keys)]

    def table(self) -> pa.Table:
        """One row a group: the keys, then bytes, packets and records (int64)."""
        return self._whole([self._counted.table(), *self._settled, self._waiting.all()])

    def drain(self, before_s: int) -> pa.Table:
        """Take what began before a time out of the totals, and answer it as `table` does.

        For those who go on for months: minutes that are past no longer take room. `by` must have
        MINUTE.
        """
        parts = [self._counted.drain(before_s), self._waiting.drain(before_s)]
        if self._settled:
            (settled,) = self._settled
            old = pc.less(settled[MINUTE], before_s)
            parts.append(settled.filter(old))
            self._settled = [settled.filter(pc.invert(old))]
        return self._whole(parts)

    def _whole(self, parts: Sequence[pa.Table]) -> pa.Table:
        filled = [one for one in parts if one.num_rows]
        if not filled:
            return parts[0].select([*self._by, *_SUMS])
        whole = pa.concat_tables(filled, promote_options="permissive")
        return summed(self._once(whole), self._by)

    def _once(self, whole: pa.Table) -> pa.Table:
        """Without what workers say of a NAT device whose own rows are there."""
        seen = pa.array(sorted(self._seen), pa.string())
        by_worker = pc.and_(
            pc.equal(whole["at"], AT_WORKER), pc.is_in(whole["path"], pa.array(NAT_PATHS))
        )
        again = pc.and_(by_worker, pc.is_in(whole["device"], seen))
        return whole.filter(pc.invert(again))

    def sides(self) -> pa.Table:
        """What NAT devices took in and gave out, as their metrics would show it.

        Columns device, interface, side (one of SIDES), s3, bytes, packets, records. On
        the outer side `s3` tells bytes to and from S3, in every format: the leak.
        """
        return self._sides.table()

    def leaked(self) -> dict[str, int]:
        """Bytes by NAT device that went to S3 and came from there, on the device's outer side."""
        found: Counter[str] = Counter()
        for row in self.sides().to_pylist():
            if row["s3"] and row["side"] in SIDES[1:3]:
                found[row["device"]] += row["bytes"]
        return dict(found)

    def not_forwarded(self) -> dict[str, int]:
        """Bytes by NAT device that came from outside and went no further.

        At a gateway these are packets that nobody asked for: rows show them as accepted, and the
        gateway drops them. At an instance they are its own traffic too.
        """
        sums: dict[str, Counter[str]] = {}
        for row in self.sides().to_pylist():
            sums.setdefault(row["device"], Counter())[row["side"]] += row["bytes"]
        came, went = SIDES[2], SIDES[3]
        return {device: max(0, found[came] - found[went]) for device, found in sums.items()}

    def _count_skips(self, rows: pa.RecordBatch) -> None:
        status = rows["log_status"]
        texts = status.cast(pa.string()) if pa.types.is_dictionary(status.type) else status
        skipped = rows.filter(pc.fill_null(pc.equal(texts, "SKIPDATA"), False))
        self.skipped.update(str(one) for one in skipped["interface_id"].to_pylist())


def summed(table: pa.Table, by: Sequence[str]) -> pa.Table:
    """Sums of sums."""
    groups = table.unify_dictionaries().group_by(list(by), use_threads=False)
    found = groups.aggregate([(name, "sum") for name in _SUMS])
    keys = {name: _plain(found[name]) for name in by}
    return pa.table({**keys, **{name: found[f"{name}_sum"] for name in _SUMS}})


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts for codes, which differ from batch to batch."""
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


class _Waiting:
    """What came back to workers, and by which way requests went."""

    def __init__(self, attribution: Attribution, keys: Sequence[str]) -> None:
        self._attribution = attribution
        self._keys = tuple(keys)
        self._columns = tuple(dict.fromkeys((*keys, MINUTE, "way", "ports", "peer", "s3", *_SUMS)))
        # Rows as they came: hardly two are of one connection and minute, so sums would not be less.
        self._returned: list[pa.Table] = []
        self._kept: pa.Table | None = None
        self._added = 0
        self._sent: list[Sent] = []
        self._sent_rows = 0

    @property
    def size(self) -> int:
        kept = self._kept.num_rows if self._kept is not None else 0
        return self._added + max(0, self._sent_rows - kept)

    def add(self, returned: FlowBatch | None, sent: Sent) -> None:
        if returned is not None:
            rows = returned.rows
            found = {name: rows[name] for name in rows.schema.names}
            found[MINUTE] = pc.multiply(pc.divide(rows["start"], 60), 60)
            found["packets"] = pc.fill_null(rows["packets"], 0)
            found["records"] = pa.array(np.ones(len(rows), np.int64))
            self._returned.append(pa.table({name: found[name] for name in self._columns}))
            self._added += rows.num_rows
        if len(sent.ports):
            self._sent.append(sent)
            self._sent_rows += len(sent.ports)

    def all(self) -> pa.Table:
        """All that waits, by the best that is known now."""
        return self._decided(self._table(), fully=True)[0]

    def settle(self, most: int) -> pa.Table:
        """Decide what can be decided; what is new and open waits on."""
        table = self._table()
        decided, self._kept = self._decided(table, fully=False)
        if self._kept.num_rows > most // 2:
            more, nothing = self._decided(self._kept, fully=True)
            decided, self._kept = pa.concat_tables([decided, more]), nothing
        self._returned, self._added = [], 0
        self._keep_newest(most // 2)
        return decided

    def drain(self, before_s: int) -> pa.Table:
        """Decide what came back before a time, and forget it."""
        table = self._table()
        old = pc.less(table[MINUTE], before_s)
        self._kept = table.filter(pc.invert(old))
        self._returned, self._added = [], 0
        self._keep_newest(_MOST_WAITING)
        return self._decided(table.filter(old), fully=True)[0]

    def _keep_newest(self, most: int) -> None:
        self._sent = [_newest(_joined(self._sent), most)]
        self._sent_rows = len(self._sent[0].ports)

    def _table(self) -> pa.Table:
        parts = [*([self._kept] if self._kept is not None else []), *self._returned]
        filled = [one for one in parts if one.num_rows]
        if not filled:
            return pa.table({name: pa.array([], pa.int64()) for name in self._columns})
        return pa.concat_tables(filled).unify_dictionaries().combine_chunks()

    def _decided(self, table: pa.Table, *, fully: bool) -> tuple[pa.Table, pa.Table]:
        """What is decided, by the keys of totals; and what is still open."""
        if not table.num_rows:
            return table.select([*self._keys, *_SUMS]), table
        sent = _joined(self._sent)
        minute = np.asarray(table[MINUTE])
        ports, peer = (np.asarray(table[name]) for name in ("ports", "peer"))
        exact = _by_minute(ports, minute, sent)
        way = exact.copy()
        _fill(way, lambda at: _looked_up(peer[at], sent.peer, sent))
        _fill(way, lambda at: np.asarray(table["way"])[at])
        open_ = (exact < 0) & (minute > int(minute.max()) - _PATIENCE_S)
        ready = np.ones(len(way), bool) if fully else ~open_
        done = self._with_way(table.filter(pa.array(ready)), way[ready])
        return summed(done, self._keys), table.filter(pa.array(~ready))

    def _with_way(self, table: pa.Table, way: np.ndarray) -> pa.Table:
        names = self._attribution.ways
        for index, name in enumerate(_ORIGIN):
            texts = pa.array([part[index] for part in names], pa.string()).take(pa.array(way))
            table = table.set_column(table.schema.get_field_index(name), name, texts)
        if "leak" in table.schema.names:
            nat = pc.is_in(table["path"], pa.array(NAT_PATHS))
            leak = pc.and_(nat, table["s3"])
            table = table.set_column(table.schema.get_field_index("leak"), "leak", leak)
        return table


_NOTHING = Sent(*[np.zeros(0, np.int64)] * 4)


def _joined(parts: Sequence[Sent]) -> Sent:
    """All that was sent; of each connection and minute, once."""
    if not parts:
        return _NOTHING
    ports, peer, minute, way = (
        np.concatenate([getattr(one, name) for one in parts])
        for name in ("ports", "peer", "minute", "way")
    )
    last = _last_of(_at(ports, minute))
    return Sent(ports[last], peer[last], minute[last], way[last])


def _last_of(hashes: np.ndarray) -> np.ndarray:
    """Where each hash stands for the last time, in their order."""
    backwards = pa.array(hashes[::-1])
    first = np.asarray(pc.index_in(backwards, backwards))
    count = len(hashes)
    return (count - 1 - np.flatnonzero(first == np.arange(count)))[::-1]


def _newest(sent: Sent, most: int) -> Sent:
    if len(sent.ports) <= most:
        return sent
    at = np.argsort(sent.minute, kind="stable")[-most:]
    return Sent(sent.ports[at], sent.peer[at], sent.minute[at], sent.way[at])


def _by_minute(ports: np.ndarray, minute: np.ndarray, sent: Sent) -> np.ndarray:
    """The way of a connection's requests in the same minute, the one beside it, else the newest.

    Ports are used again, and routes change: of a pair that was seen on two ways the time decides.
    """
    known = _at(sent.ports, sent.minute)
    found = np.full(len(ports), -1, np.int64)
    for step_s in (0, -60, 60):
        near = partial(_near, ports, minute + step_s, known, sent)
        _fill(found, near)
    _fill(found, lambda at: _looked_up(ports[at], sent.ports, sent))
    return found


def _near(
    ports: np.ndarray, minute: np.ndarray, known: np.ndarray, sent: Sent, at: np.ndarray
) -> np.ndarray:
    return _looked_up(_at(ports[at], minute[at]), known, sent)


def _fill(found: np.ndarray, way_of: Callable[[np.ndarray], np.ndarray]) -> None:
    """Ask for the ways of those rows alone that have none yet: nearly all are found at once."""
    at = np.flatnonzero(found < 0)
    if len(at):
        found[at] = way_of(at)


def _at(hashes: np.ndarray, minute: np.ndarray) -> np.ndarray:
    """A hash of a connection at a minute."""
    odd = np.uint64(0x9E3779B97F4A7C15)
    return (hashes.view(np.uint64) ^ (minute.astype(np.uint64) * odd)).view(np.int64)


def _looked_up(wanted: np.ndarray, known: np.ndarray, sent: Sent) -> np.ndarray:
    """The way of the newest entry that has each hash; -1 where there is none."""
    if not len(known):
        return np.full(len(wanted), -1, np.int64)
    order = np.argsort(sent.minute, kind="stable")[::-1]
    # A table of hashes: of equal ones the first counts, which is the newest.
    at = pc.index_in(pa.array(wanted), pa.array(known[order]))
    found = np.asarray(pc.fill_null(at, -1))
    return np.where(found >= 0, sent.way[order[found]], -1)
