"""A Kinesis of our own: fast, faithful, broken on command; in this process, or as one of its own.

    python -m lakeferry.demo.kinesis_feed --shards 64 --records 100000 --rate 1000

prints one line of JSON with its address, `url`, and serves until it is stopped. What `Feed` can be
told here it can be told from outside, too: POST /_feed/split {"shard_id": "shardId-000000000000"}.
It serves this machine alone.
"""

import argparse
import signal
import ssl
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from lakeferry.connect.aws_keys import AwsKeys
from lakeferry.demo.kinesis_feed_answers import Account, answer
from lakeferry.demo.kinesis_feed_faults import Breakage, Faults, Wrong, with_half_of_shards
from lakeferry.demo.kinesis_feed_http import (
    Heard,
    Said,
    Server,
    check_signature,
    http_date,
    refused,
)
from lakeferry.demo.kinesis_feed_load import TEMPLATES, Load
from lakeferry.demo.kinesis_feed_shard import whole
from lakeferry.demo.kinesis_feed_stream import Fault, ShardTruth, Stream, opened
from lakeferry.ingest.kinesis.wire import TARGET

KEYS = AwsKeys("test", "test")
CONTROL = "/_feed/"
COMMANDS = (
    *("put", "split", "merge", "resize", "recreate", "delete", "trim", "skew", "set"),
    *("wrong", "mend", "truth", "counts", "shards"),
)


class Feed:
    """One stream that is served at `url`; safe across threads.

    Args:
        load: what is made for each shard; None: it holds what is put, by `put` or by the API.
        keys: who may sign; None: signatures are not looked at.
        tls: files of certificate and key; None: plain HTTP.
        quota: 5 calls and 2 MB a second and shard.
    """

    def __init__(
        self,
        *,
        stream: str = "clicks",
        shards: int = 1,
        load: Load | None = None,
        region: str = "eu-west-1",
        keys: AwsKeys | None = KEYS,
        port: int = 0,
        tls: tuple[str, str] | None = None,
        quota: bool = True,
    ) -> None:
        self.stream, self.region = stream, region
        self._keys, self._load = keys, load
        self._lock = threading.RLock()
        self._skew_ms = 0
        self._faults = Faults()
        self._calls: dict[str, int] = {}
        self._last: dict[str, Mapping[str, Any]] = {}  # by shard, what was asked for last
        self._account = Account(region, self.now_ms, quota)
        self._make(shards, 0)
        context = None
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
        self._server = Server(port, self._answer, context)
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.port}"
        self._server.begin()

    def close(self) -> None:
        self._server.end()

    def __enter__(self) -> "Feed":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def now_ms(self) -> int:
        """The service's clock."""
        return int(time.time() * 1000) + self._skew_ms

    # --- the stream ---------------------------------------------------------------------------

    def put(
        self, where: str, *data: bytes | str, key: str = "user-1", arrived_ms: int | None = None
    ) -> list[str]:
        """Append records; their sequence numbers.

        Args:
            where: a shard's id, or a partition key, which says the shard.
            key: of records that a shard is named for.
            arrived_ms: since the epoch; None: now. May go back in time.
        """
        bodies = [one.encode() if isinstance(one, str) else one for one in data]
        with self._lock:
            stream = self._stream()
            if where.startswith("shardId-"):
                shard = stream.shard(where)
                return [stream.put_into(shard, key, one, arrived_ms) for one in bodies]
            return [stream.put(where, one, arrived_ms=arrived_ms)[1] for one in bodies]

    def shards(self) -> tuple[str, ...]:
        """The open ones, by hash key."""
        with self._lock:
            return tuple(shard.shard_id for shard in self._stream().open_shards())

    def records(self, shard_id: str) -> list[tuple[str, bytes]]:
        """What was put into a shard: sequence numbers and data."""
        with self._lock:
            return [(str(one.number), one.data) for one in self._stream().shard(shard_id).puts]

    def split(self, shard_id: str, *, backlog: int | None = None) -> list[str]:
        """Close a shard for two; their ids. `backlog`: made records that each begins with."""
        with self._lock:
            load = None
            if backlog is not None and self._load is not None:
                load = replace(self._load, backlog=backlog, rate=self._load.rate / 2, most=None)
            return self._stream().split(shard_id, load=load)

    def merge(self, one_id: str, other_id: str) -> str:
        """Close two neighbours for one; its id."""
        with self._lock:
            return self._stream().merge(one_id, other_id)

    def resize(self, shards: int) -> tuple[str, ...]:
        """Twice as many open shards, or half; the ids of those that are open then."""
        with self._lock:
            self._stream().resize(shards)
            return self.shards()

    def recreate(self, shards: int = 1) -> None:
        """Delete the stream and make another of the same name."""
        with self._lock:
            self._make(shards, self._stream().generation + 1)

    def delete(self) -> None:
        with self._lock:
            del self._account.streams[self.stream]

    def trim(self, before_ms: int | None = None) -> None:
        """Let retention take what arrived before a time, since the epoch; None: all so far."""
        with self._lock:
            self._stream().horizon_ms = self.now_ms() + 1 if before_ms is None else before_ms

    def set(
        self,
        *,
        iterator_s: float | None = None,
        retention_hours: int | None = None,
        max_record_bytes: int | None = None,
        quota: bool | None = None,
    ) -> None:
        """Change what is given: life of iterators, retention, the largest record, quotas."""
        with self._lock:
            stream = self._stream()
            if iterator_s is not None:
                stream.iterator_ms = int(iterator_s * 1000)
            if retention_hours is not None:
                stream.retention_hours = retention_hours
            if max_record_bytes is not None:
                stream.max_record_bytes = max_record_bytes
            if quota is not None:
                stream.quota = quota

    def skew(self, seconds: float) -> None:
        """Set the service's clock so far ahead of ours."""
        with self._lock:
            self._skew_ms = int(seconds * 1000)

    # --- what goes wrong ----------------------------------------------------------------------

    def wrong(
        self,
        what: Breakage,
        *,
        operation: str | None = "GetRecords",
        shard_id: str | None = None,
        share: float = 1.0,
        times: int | None = None,
        seconds: float = 5.0,
    ) -> None:
        """Spoil answers from now on: see `kinesis_feed_faults.Breakage`, `Wrong`."""
        with self._lock:
            self._faults.on.append(Wrong(what, operation, shard_id, share, times, seconds))

    def throttle(self, share: float = 1.0, *, shard_id: str | None = None) -> None:
        """Refuse this share of GetRecords for quota."""
        self.wrong("throttle", share=share, shard_id=shard_id)

    def fail(self, what: Breakage = "500", *, times: int = 1, shard_id: str | None = None) -> None:
        """Spoil the next GetRecords, so many."""
        self.wrong(what, times=times, shard_id=shard_id)

    def mend(self) -> None:
        """End all that goes wrong."""
        with self._lock:
            self._faults.on.clear()

    # --- what happened ------------------------------------------------------------------------

    def truth(self) -> Mapping[str, ShardTruth]:
        """What each shard holds, and what was taken from it."""
        with self._lock:
            return self._stream().truth()

    def counts(self) -> Mapping[str, int]:
        """Calls by operation, and by kind how often something went wrong on command."""
        with self._lock:
            return {**self._calls, **self._faults.befell}

    # --- answering ----------------------------------------------------------------------------

    def _stream(self) -> Stream:
        return self._account.streams[self.stream]

    def _make(self, shards: int, generation: int) -> None:
        now_ms, quota = self.now_ms, self._account.quota
        made = Stream(self.stream, self.region, now_ms, generation, self._load, quota=quota)
        made.begin(shards)
        self._account.streams[self.stream] = made

    def _answer(self, heard: Heard) -> Said:
        if heard.path.startswith(CONTROL):
            return self._commanded(heard)
        date = http_date(datetime.fromtimestamp(self.now_ms() / 1000, UTC))
        try:
            if self._keys is not None:
                check_signature(
                    heard, self._keys, datetime.fromtimestamp(self.now_ms() / 1000, UTC)
                )
            with self._lock:
                return self._right_or_wrong(heard, date)
        except Fault as fault:
            return refused(fault, date)
        except (KeyError, TypeError, ValueError) as error:
            said = f"{type(error).__name__}: {error}"
            return refused(Fault("SerializationException", said), date)

    def _right_or_wrong(self, heard: Heard, date: str) -> Said:
        operation = heard.headers.get("x-amz-target", "").removeprefix(TARGET)
        asked = orjson.loads(heard.body)
        self._calls[operation] = self._calls.get(operation, 0) + 1
        shard_id = self._shard_of(operation, asked)
        wrong = self._faults.drawn(operation, shard_id)
        if wrong is None:
            body = answer(self._account, operation, asked)
            if operation == "GetRecords":
                self._last[shard_id or ""] = asked
            return Said(200, body, {"Date": date})
        fault = wrong.refusal()
        if fault is not None:
            raise fault
        if wrong.what == "empty":
            shard, place = self._stream().place(asked["ShardIterator"])
            return Said(200, self._stream().page(shard, place, 0), {"Date": date})
        if wrong.what == "stale":
            asked = self._last.get(shard_id or "", asked)
        spoilt = "" if wrong.what == "stale" else wrong.what
        body = answer(self._account, operation, asked)
        if wrong.what == "unlisted":
            return Said(200, with_half_of_shards(body), {"Date": date})
        return Said(200, body, {"Date": date}, spoilt, wrong.seconds)

    def _shard_of(self, operation: str, asked: Mapping[str, Any]) -> str | None:
        if operation == "GetRecords":
            return f"shardId-{opened(asked['ShardIterator'])[1]:012}"
        return asked.get("ShardId")

    def _commanded(self, heard: Heard) -> Said:
        name = heard.path.removeprefix(CONTROL)
        if name not in COMMANDS:
            return Said(404, whole(orjson.dumps(COMMANDS)))
        given = orjson.loads(heard.body or b"{}")
        try:
            if name == "put":
                done: Any = self.put(given.pop("where"), *given.pop("data"), **given)
            else:
                done = getattr(self, name)(**given)
        except (Fault, TypeError, ValueError, KeyError) as error:
            return Said(400, whole(orjson.dumps(f"{type(error).__name__}: {error}")))
        if name == "truth":
            done = {shard_id: asdict(one) for shard_id, one in done.items()}
        return Said(200, whole(orjson.dumps(done)))


def _asked() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m lakeferry.demo.kinesis_feed",
        description="Serves a stream to whoever signs with the keys `test` and `test`, and prints "
        "its address as JSON.",
    )
    parser.add_argument("--stream", default="clicks")
    parser.add_argument("--region", default="eu-west-1")
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--records", type=int, default=0, help="there from the start, a shard")
    parser.add_argument("--rate", type=float, default=0.0, help="records a second and shard")
    parser.add_argument("--most", type=int, help="records in all, a shard")
    parser.add_argument("--kind", choices=("json", "bad", "kpl", "raw"), default="json")
    parser.add_argument("--aggregate", type=int, default=80, help="user records of a KPL record")
    parser.add_argument("--templates", type=int, default=TEMPLATES, help="records that differ")
    parser.add_argument("--jitter-ms", type=int, default=0, help="that arrivals are out of order")
    parser.add_argument(
        "--empty", action="store_true", help="no made records: it takes what is put"
    )
    parser.add_argument("--no-quota", action="store_true", help="no 5 calls and 2 MB a second")
    parser.add_argument("--unsigned", action="store_true", help="signatures are not looked at")
    parser.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"))
    parser.add_argument("--port", type=int, default=0)
    return parser.parse_args()


def main() -> None:
    """Serve until SIGTERM."""
    asked = _asked()
    load = Load(
        kind=asked.kind,
        backlog=asked.records,
        rate=asked.rate,
        most=asked.most,
        aggregate=asked.aggregate,
        templates=asked.templates,
        jitter_ms=asked.jitter_ms,
    )
    if not asked.empty:
        load.warm()
    feed = Feed(
        stream=asked.stream,
        shards=asked.shards,
        load=None if asked.empty else load,
        region=asked.region,
        keys=None if asked.unsigned else KEYS,
        port=asked.port,
        tls=tuple(asked.tls) if asked.tls else None,
        quota=not asked.no_quota,
    )
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    told = {"url": feed.url, "stream": feed.stream, "region": feed.region}
    sys.stdout.write(orjson.dumps(told).decode() + "\n")
    sys.stdout.flush()
    stopped.wait()
    feed.close()


if __name__ == "__main__":
    main()
