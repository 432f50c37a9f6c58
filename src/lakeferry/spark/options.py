"""The options of `lakeferry_kinesis` as values: Spark's notation, unknown names refused. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal, cast, get_args

from lakeferry.connect.aws import SESSION_NAME
from lakeferry.errors import FerryError
from lakeferry.ingest.kinesis.aggregate import OutOfRange
from lakeferry.ingest.kinesis.wire import MOST_RECORDS
from lakeferry.ingest.position.start import parse_start
from lakeferry.ingest.words import Unclear, named_stream
from lakeferry.spark.option_names import KNOWN, NOTED, STORE_PREFIX

MIB = 1 << 20
MOST_BUFFER = 256 * MIB  # of one task: the 20gb of Databricks' jobs are of a whole cluster
MOST_RATE = 2.0  # MB/s of a shard: all that it gives to those who poll
LEAST_PERIOD_S = 0.2  # 5 calls a second
EVER_MS = 253_402_300_799_000  # whether a time has passed is asked when a query begins

# What the first batch of a run holds: all that is there when it begins, or what fits one batch.
FirstBatch = Literal["backlog", "budget"]
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)?")
_EACH_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0}
_SIZE = re.compile(r"(\d+)\s*(b|kb?|mb?|gb?|tb?)?")
_POWER = {"b": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Options:
    """What one query is asked to read, and how. Times in seconds, sizes in bytes."""

    stream: str  # name or ARN, as it was given
    metadata: str  # URL of the folder where plans and ends are recorded; of this query alone
    region: str | None = None  # None: of the ARN, or of the environment
    endpoint: str | None = None  # URL in place of the Region's own
    start: str = "latest"  # of a query without a checkpoint: `start.parse_start`
    records_per_fetch: int = MOST_RECORDS
    share: float = 1.0  # of each shard's 2 MB/s
    fetch_period_s: float = 0.4  # between two calls to one shard
    fetch_duration_s: float = 10.0  # of one batch, while there is more to read
    buffer_bytes: int = 64 * MIB  # of records that one task holds: after so many a batch ends
    shards_per_task: int = 5
    list_every_s: float = 10.0
    role: str | None = None
    external_id: str | None = None
    session_name: str = SESSION_NAME
    sts_endpoint: str | None = None
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    fail_on_loss: bool = True
    first_batch: FirstBatch = "backlog"
    out_of_range: OutOfRange = "keep"
    metadata_options: Mapping[str, str] = field(default_factory=dict)  # of `open_store`
    notes: tuple[str, ...] = ()  # options that were given and change nothing


def parse_options(given: Mapping[str, str]) -> Options:
    """The options that Spark hands over; names in any case.

    Raises:
        FerryError: LF-7071 for a name that is none, a value that is none, or one that is missing;
            LF-7012 for an initialPosition that is none.
    """
    known = {name.lower(): name for name in KNOWN}
    said: dict[str, str] = {}
    store: dict[str, str] = {}
    for key, value in given.items():
        name = known.get(key.lower())
        if key.lower().startswith(STORE_PREFIX):
            store[key.lower().removeprefix(STORE_PREFIX)] = value
        elif name is None:
            raise _unknown(key)
        else:
            said[name] = value
    if said.get("consumerMode", "polling").lower() != "polling":
        raise _bad("consumerMode", said["consumerMode"], "shards are polled; write `polling`")
    stream, region = _stream(said)
    start = said.get("initialPosition", "latest")
    parse_start(start, EVER_MS)
    return Options(
        stream,
        _metadata(said),
        region,
        said.get("endpoint"),
        start,
        **_rhythm(said),
        **_rights(said),
        fail_on_loss=_truth(said, "failOnDataLoss", default=True),
        first_batch=_choice(said, "firstBatch", get_args(FirstBatch)),
        out_of_range=_choice(said, "aggregationOutOfRange", ("keep", "drop-record", "kcl")),
        metadata_options=store,
        notes=tuple(f"{name}: {why}" for name, why in NOTED.items() if name in said),
    )


def _stream(said: Mapping[str, str]) -> tuple[str, str | None]:
    """Name or ARN, and the Region that is told of it."""
    given = [said[name] for name in ("streamName", "streamARN") if said.get(name)]
    if len(given) != 1:
        raise _bad(
            "streamName", " and ".join(given) or "", "give one of `streamName` and `streamARN`"
        )
    if "," in given[0]:
        raise _bad(
            "streamName", given[0], "one source reads one stream: load each and unite them, "
            "`a.unionByName(b)`",
        )  # fmt: skip
    try:
        named = named_stream(given[0])
    except Unclear as error:
        raise _bad("streamName", given[0], f"{error.what}; {error.next_step}") from error
    return named.stream, said.get("region") or named.region


def _metadata(said: Mapping[str, str]) -> str:
    found = said.get("metadataPath", "")
    if not found:
        raise FerryError(
            "LF-7071",
            "the option `metadataPath` is missing",
            "Spark does not tell a Python source where the checkpoint is, and what each batch read "
            "is recorded beside it",
            "give a folder that is this query's alone, as `<checkpointLocation>/lakeferry`",
        )
    return found


def _rhythm(said: Mapping[str, str]) -> dict[str, Any]:
    rate = _number(said, "maxFetchRate", MOST_RATE)
    if not 0 < rate <= MOST_RATE:
        raise _bad("maxFetchRate", said["maxFetchRate"], "it is MB/s of a shard, above 0, up to 2")
    period = _seconds(said, "minFetchPeriod", 0.4)
    if period < LEAST_PERIOD_S:
        raise _bad("minFetchPeriod", said["minFetchPeriod"], "a shard allows 5 calls a second")
    return {
        "records_per_fetch": _count(said, "maxRecordsPerFetch", MOST_RECORDS, MOST_RECORDS),
        "share": rate / MOST_RATE,
        "fetch_period_s": period,
        "fetch_duration_s": _seconds(said, "maxFetchDuration", 10.0),
        "buffer_bytes": min(_bytes(said, "fetchBufferSize", 64 * MIB), MOST_BUFFER),
        "shards_per_task": _count(said, "shardsPerTask", 5, 10_000),
        "list_every_s": _seconds(said, "shardFetchInterval", 10.0),
    }


def _rights(said: Mapping[str, str]) -> dict[str, Any]:
    keys = [said.get(name) for name in ("awsAccessKey", "awsSecretKey")]
    if any(keys) and not all(keys):
        raise _bad("awsAccessKey", "alone", "give `awsSecretKey` with it, or neither")
    return {
        "role": said.get("roleArn"),
        "external_id": said.get("roleExternalId"),
        "session_name": said.get("roleSessionName", SESSION_NAME),
        "sts_endpoint": said.get("stsEndpoint"),
        "access_key": keys[0],
        "secret_key": keys[1],
    }


# --- Spark's notation -----------------------------------------------------------------------


def _seconds(said: Mapping[str, str], name: str, default: float) -> float:
    """`400ms`, `10s`, `5min`; a bare number is seconds, as in Spark's own options."""
    if name not in said:
        return default
    found = _TIME.fullmatch(said[name].strip().lower())
    if found is None or float(found[1]) <= 0:
        raise _bad(name, said[name], "write a time as `400ms`, `10s` or `5min`")
    return float(found[1]) * _EACH_S[found[2] or "s"]


def _bytes(said: Mapping[str, str], name: str, default: int) -> int:
    """`64mb`, `20gb`, in powers of 1024 as Spark has them; a bare number is bytes."""
    if name not in said:
        return default
    found = _SIZE.fullmatch(said[name].strip().lower())
    if found is None or int(found[1]) <= 0:
        raise _bad(name, said[name], "write a size as `64mb` or `1gb`")
    return int(found[1]) << 10 * _POWER[(found[2] or "b")[0]]


def _number(said: Mapping[str, str], name: str, default: float) -> float:
    try:
        return float(said.get(name, default))
    except ValueError:
        raise _bad(name, said[name], "write a number") from None


def _count(said: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = said.get(name, str(default)).strip()
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise _bad(name, text, f"write a whole number from 1 to {most:,}")
    return int(text)


def _truth(said: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = said.get(name, str(default)).strip().lower()
    if text not in _TRUTH:
        raise _bad(name, text, "write `true` or `false`")
    return _TRUTH[text]


def _choice(said: Mapping[str, str], name: str, choices: tuple[str, ...]) -> Any:
    """One of some words; the first of them where nothing is said."""
    text = said.get(name, choices[0]).strip().lower()
    if text not in choices:
        raise _bad(name, text, f"write {', '.join(choices[:-1])} or {choices[-1]}")
    return cast(Any, text)


def _bad(name: str, value: str, next_step: str) -> FerryError:
    return FerryError(
        "LF-7071",
        f"the option `{name}` cannot be `{value}`",
        'of format("lakeferry_kinesis")',
        next_step,
    )


def _unknown(key: str) -> FerryError:
    known = {name.lower(): name for name in KNOWN}
    # Other connectors write `kinesis.streamName`.
    close = get_close_matches(key.lower().removeprefix("kinesis."), known, n=1, cutoff=0.6)
    nearest = f"did you mean `{known[close[0]]}`? " if close else ""
    return FerryError(
        "LF-7071",
        f"there is no option `{key}`",
        'of format("lakeferry_kinesis")',
        f"{nearest}all of them: docs/guides/ingest-with-spark.md",
    )
