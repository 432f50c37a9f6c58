"""A sample of a stream's records, taken without leaving a trace: for a schema to be proposed."""

import time

from lakeferry.connect.aws_keys import keys_of
from lakeferry.ingest.kinesis.connection import Kinesis, Refused, Unanswered
from lakeferry.ingest.kinesis.refusal_text import refusal_error, unanswered_error
from lakeferry.ingest.payload.rows import page_rows
from lakeferry.ingest.position.start import parse_start
from lakeferry.ingest.position.state import Position
from lakeferry.ingest.settings import SourceSettings

PATIENCE_S = 30.0  # with a stream that gives fewer records than asked


def sample(source: SourceSettings, start: str, count: int) -> list[bytes]:
    """Payloads of at most `count` records, about as many of each open shard.

    Args:
        start: where to begin in each shard, see `parse_start`.

    Raises:
        FerryError: LF-7062, LF-1201 to LF-1206; LF-7012 for a start that is none.
    """
    kinesis = Kinesis(source.endpoint, keys_of(source.access))
    operation = "ListShards"
    try:
        listed = kinesis.shards(source.stream)
        place: Position = parse_start(start, kinesis.service_ms)
        open_ones = [
            one.shard_id
            for one in listed
            if one.sequence_number_range.ending_sequence_number is None
        ]
        operation = "GetShardIterator"
        iterators: dict[str, str | None] = {
            shard: kinesis.iterator(source.stream, shard, place) for shard in open_ones
        }
        operation = "GetRecords"
        return _read(kinesis, iterators, count)
    except Refused as error:
        raise refusal_error(error.refusal, source, operation) from error
    except Unanswered as error:
        raise unanswered_error(str(error), source) from error
    finally:
        kinesis.close()


def _read(kinesis: Kinesis, iterators: dict[str, str | None], count: int) -> list[bytes]:
    found: dict[str, list[bytes]] = {shard: [] for shard in iterators}
    each = -(-count // max(len(iterators), 1))
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        left = {
            shard: at
            for shard, at in iterators.items()
            if at is not None and len(found[shard]) < each
        }
        if not left:
            break
        caught_up = True
        for shard, at in left.items():
            page = kinesis.records(at, limit=min(1000, each))
            iterators[shard] = page.next_shard_iterator
            found[shard] += page_rows(shard, page.records).rows.data
            caught_up = caught_up and page.millis_behind_latest == 0
        if caught_up and any(found.values()):
            break
        time.sleep(0.25)  # 5 calls a second are all that a shard allows
    return [one for rows in found.values() for one in rows[:each]][:count]
