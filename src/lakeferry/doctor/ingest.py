"""Whether this machine may read a stream and write its table, and which way the bytes go."""

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import urlsplit

from lakeferry.connect.aws_keys import keys_of
from lakeferry.delta.log import LOG
from lakeferry.doctor import machine
from lakeferry.doctor.check import BLOCKER, OK, WARNING, Check, tried
from lakeferry.doctor.examine import reach, try_target
from lakeferry.errors import FerryError
from lakeferry.ingest.kinesis.connection import Kinesis, Refused, Unanswered
from lakeferry.ingest.kinesis.endpoint_check import Surroundings, way_of
from lakeferry.ingest.kinesis.endpoint_look import own_addresses, resolved_host, surroundings
from lakeferry.ingest.kinesis.refusal_text import refusal_error, unanswered_error
from lakeferry.ingest.kinesis.wire import StreamSummary
from lakeferry.ingest.payload.row_schema import may_reject, row_schema
from lakeferry.ingest.position.adopt import adopted_text
from lakeferry.ingest.position.adopt_read import adopt as read_positions
from lakeferry.ingest.position.state import FromTime
from lakeferry.ingest.position.way_back import knows
from lakeferry.ingest.settings import Ingest
from lakeferry.ingest.table.opening import read_target
from lakeferry.ingest.table.quarantine import quarantine_settings, read_quarantine
from lakeferry.spark.adopted import own_source
from lakeferry.store.open import locate

DAY_H = 24
PATIENCE_S = 10.0  # for EC2 to say where this machine stands


def examine_ingest(
    ingest: Ingest,
    *,
    writes: bool,
    knows_rows: bool = True,
    adopt: str | None = None,
    on_check: Callable[[Check], None] | None = None,
) -> tuple[Check, ...]:
    """Try what an ingest needs, in the order in which troubles explain each other.

    Args:
        writes: try the table's store by writing below `_lakeferry_probe/`; else it is only listed.
        knows_rows: the payload is as it will be; else nothing was said of it.
        adopt: look where this other consumer stands, if the stream can be read.
        on_check: called with each trial as it ends.

    Returns:
        What was tried. Troubles of services are blockers in it, not exceptions.
    """
    found = []
    for check in _checks(ingest, writes, knows_rows, adopt):
        found.append(check)
        if on_check is not None:
            on_check(check)
    return tuple(found)


def _checks(ingest: Ingest, writes: bool, knows_rows: bool, adopt: str | None) -> Iterator[Check]:
    yield from ways(ingest)
    is_read = True
    for check in _Stream(ingest).checks():
        is_read = is_read and check.outcome != BLOCKER
        yield check
    target = ingest.target
    if writes:
        yield from try_target(target.url, target.options)
    else:
        yield tried("target", lambda: reach("target", target.url, target.options, LOG))
    yield tried("table", lambda: _table(ingest, knows_rows))
    if may_reject(ingest.payload, ingest.source):
        yield tried("bad records", lambda: _rejected(ingest))
    if adopt is not None and is_read:
        yield tried("adopt", lambda: _adoption(ingest, adopt))
    yield machine.temporary_disk()
    yield machine.memory()
    yield machine.open_files()


def _table(ingest: Ingest, knows_rows: bool) -> Check:
    try:
        found = read_target(ingest.target, row_schema(ingest.payload), ingest.name)
    except FerryError as error:
        if knows_rows or error.code != "LF-7041":
            raise
        what = "it takes no raw rows; whether it takes those of a schema is not tried here"
        step = "try the ingest as it will be asked for: lakeferry ingest STREAM TABLE ... --check"
        return Check("table", WARNING, what, step)
    if found is None:
        return Check("table", OK, f"there is none yet; it will be made at {ingest.target.url}")
    stands = "new to it" if found.state is None else f"at epoch {found.state.epoch}"
    what = f"version {found.version} takes the rows; `{ingest.name}` is {stands}"
    return Check("table", OK, what)


def _rejected(ingest: Ingest) -> Check:
    found, url = read_quarantine(ingest), quarantine_settings(ingest.target).url
    if found is None:
        return Check("bad records", OK, f"there is no table yet; it will be made at {url}")
    return Check("bad records", OK, f"version {found.version} of {url} takes them")


def _adoption(ingest: Ingest, wish: str) -> Check:
    if knows(ingest.target, ingest.name):
        what = f"the table has positions of `{ingest.name}`: nothing is adopted any more"
        return Check("adopt", OK, what)
    found = read_positions(wish, ingest, own=own_source)
    what = "; ".join((adopted_text(found, wish), *found.notes))
    return Check("adopt", OK if found.exact else WARNING, what)


# ---- the stream


class _Stream:
    """Each right that reading needs, used once."""

    def __init__(self, ingest: Ingest) -> None:
        self._source = ingest.source
        self._kinesis = Kinesis(ingest.source.endpoint, keys_of(ingest.source.access))
        self._summary: StreamSummary | None = None
        self._shard = ""
        self._iterator = ""

    def checks(self) -> Iterator[Check]:
        try:
            for name, operation, attempt in (
                ("stream", "DescribeStreamSummary", self._describe),
                ("shards", "ListShards", self._list),
                ("read", "GetShardIterator", self._begin),
                ("read", "GetRecords", self._read),
            ):
                check = tried(name, partial(self._asked, operation, attempt))
                if operation != "GetShardIterator" or check.outcome != OK:
                    yield check
                if check.outcome == BLOCKER:
                    return
            yield self._clock()
        finally:
            self._kinesis.close()

    def _asked(self, operation: str, attempt: Callable[[], Check]) -> Check:
        try:
            return attempt()
        except Refused as error:
            raise refusal_error(error.refusal, self._source, operation) from error
        except Unanswered as error:
            raise unanswered_error(str(error), self._source) from error

    def _describe(self) -> Check:
        started = time.monotonic()
        found = self._summary = self._kinesis.summary(self._source.stream)
        took = (time.monotonic() - started) * 1000
        what = (
            f"{found.stream_name}, {found.stream_status.lower()}, "
            f"{_counted(found.open_shard_count, 'open shard')}, "
            f"kept for {found.retention_period_hours} h, answered in {took:.0f} ms"
        )
        if found.stream_status not in ("ACTIVE", "UPDATING"):
            return Check("stream", BLOCKER, what, "wait until it is ACTIVE")
        if found.retention_period_hours <= DAY_H:
            step = (
                "before a pause of more than a day: aws kinesis increase-stream-retention-period "
                f"--stream-name {found.stream_name} --retention-period-hours 72"
            )
            return Check("stream", OK, what, step)
        return Check("stream", OK, what)

    def _list(self) -> Check:
        found = self._kinesis.shards(self._source.stream)
        open_ones = [
            one for one in found if one.sequence_number_range.ending_sequence_number is None
        ]
        self._shard = open_ones[0].shard_id if open_ones else ""
        if not self._shard:
            return Check("shards", BLOCKER, "no shard is open", "look at the stream's status")
        what = f"{len(found)} listed, {len(open_ones)} of them open"
        return Check("shards", OK, what)

    def _begin(self) -> Check:
        # By the service's clock and a little before: a time to come is refused.
        just_now = self._kinesis.service_ms - 1000
        place = FromTime(just_now, just_now)
        self._iterator = self._kinesis.iterator(self._source.stream, self._shard, place)
        return Check("read", OK, "an iterator was given")

    def _read(self) -> Check:
        page = self._kinesis.records(self._iterator, limit=1)
        others = self._summary.consumer_count if self._summary else 0
        told = f"; {_counted(others, 'registered consumer')}" if others else ""
        what = f"{self._shard} read, {_counted(len(page.records), 'record')} of this moment{told}"
        return Check("read", OK, what)

    def _clock(self) -> Check:
        off = self._kinesis.service_ms / 1000 - time.time()
        return machine.clock(off, "Kinesis", is_signed=True)


# ---- the ways


def ways(ingest: Ingest, *, patience_s: float = PATIENCE_S) -> Iterator[Check]:
    """Kinesis, the table's S3 and STS, as their names resolve here. Nothing is sent to them.

    Args:
        patience_s: for EC2 to say where this machine stands.
    """
    wanted = [("kinesis-streams", ingest.source.endpoint.host)]
    region = ingest.source.access.region
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    at = locate(ingest.target.url, ingest.target.options)
    if at.kind == "s3":
        own = urlsplit(at.service).netloc if at.service else f"s3.{region}.{suffix}"
        wanted.append(("s3", own))
    if ingest.source.access.role is not None:
        wanted.append(("sts", f"sts.{region}.{suffix}"))
    found = [resolved_host(kind, host) for kind, host in wanted]
    around, unseen = _around(ingest, [one.addresses for one in found], patience_s)
    for one in found:
        way = way_of(one, around)
        outcome = OK if way.is_fine else WARNING if one.addresses else BLOCKER
        yield Check(f"way {one.kind.partition('-')[0]}", outcome, way.text, way.next_step)
    if unseen:
        yield Check("way", OK, f"not seen from AWS's side: {unseen}")


def _around(
    ingest: Ingest, addresses: list[tuple[str, ...]], patience_s: float
) -> tuple[Surroundings | None, str]:
    """Where the machine stands in a VPC; or why that is not known."""
    distant = [one for group in addresses for one in group if not one.startswith(("127.", "::1"))]
    if not distant:
        return None, ""
    found: list[Surroundings | FerryError | None] = []

    def look() -> None:
        try:
            found.append(surroundings(ingest.source.access, own_addresses(distant[0])))
        except FerryError as error:
            found.append(error)

    # From a subnet without a way to EC2 its client would try for minutes.
    thread = threading.Thread(target=look, daemon=True, name="surroundings")
    thread.start()
    thread.join(patience_s)
    match found:
        case []:
            return None, f"EC2 did not answer within {patience_s:g} s"
        case [FerryError() as error]:
            return None, f"{error.code} {error.what}"
        case [None]:
            return None, "no interface of this account has this machine's address"
        case [Surroundings() as around]:
            return around, ""
    raise AssertionError(found)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
