"""Made records of a shard: any of them at any time, alike whenever asked, under 1 µs each.

A page is cut out of a table of serialised records of equal width, into which sequence numbers,
arrival times and the identity of each record are written by columns. Nothing is kept of what was
served: record 7 of shard 3 is the same bytes each time.

`event_id` of each payload is stream generation (2 digits), shard (7) and index (12): no two records
of a feed share it, so whoever read them can say which are missing or there twice.
"""

import random
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import md5
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lakeferry.ingest.kinesis.aggregate import MAGIC

Kind = Literal["json", "bad", "kpl", "raw"]
Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]

SCHEMA = pa.schema(
    [
        ("event_id", pa.string()),
        ("ts", pa.timestamp("us", "UTC")),
        ("subscriber_id", pa.int64()),
        ("endpoint", pa.string()),
        ("method", pa.string()),
        ("path", pa.string()),
        ("status", pa.int32()),
        ("bytes_in", pa.int64()),
        ("bytes_out", pa.int64()),
        ("duration_ms", pa.float64()),
        ("client_ip", pa.string()),
        ("user_agent", pa.string()),
        ("country", pa.string()),
        ("cached", pa.bool_()),
        ("trace_id", pa.string()),
        ("retries", pa.int32()),
        (
            "geo",
            pa.struct([("lat", pa.float64()), ("lon", pa.float64()), ("asn", pa.int32())]),
        ),
        ("tags", pa.list_(pa.string())),
    ]
)
PAYLOAD_BYTES = 588  # divides by 3: base64 without padding
KEY_BYTES = 13  # 'user-10000007'
TEMPLATES = 2_000  # records that differ in all but what is written into them
SHARD_STEP = 1_600  # templates from shard to shard: what is read together is not alike
BAD_EVERY = 100  # of `bad`: one record in so many has a word for a number
PIECE = 256  # records that are made at once: larger ones leave the cache and take twice as long
STEP = 10**16  # between two sequence numbers of a shard
# Where columns lie in a payload; all begin at a multiple of three, so that base64 can be patched.
_ID_AT, _ID_BYTES = 15, 21
_TS_AT, _TS_BYTES = 45, 21  # '"2026-11-26T15:35:22.'
_HEAD = b'{"SequenceNumber":"'
_ARRIVED = b'","ApproximateArrivalTimestamp":'
_DATA = b',"Data":"'
_KEY = b'","PartitionKey":"'
_SEQUENCE_AT = len(_HEAD)
_ARRIVED_AT = _SEQUENCE_AT + 56 + len(_ARRIVED)
_DATA_AT = _ARRIVED_AT + 14 + len(_DATA)
_WORDS = ("alpha", "gamma", "delta", "theta", "kappa", "sigma")


@dataclass(frozen=True, slots=True)
class Load:
    """What is made for each shard, and when."""

    kind: Kind = "json"
    backlog: int = 0  # records that are there when the shard begins
    rate: float = 0.0  # records a second from then on
    most: int | None = None  # records in all
    aggregate: int = 80  # user records in one record of `kpl`; divides `templates`, SHARD_STEP
    # 100,000 for measurements: the values of a row group are all different then, as real ones are,
    # and neither dictionaries nor zstd make little of them. It takes 2 s and 150 MB.
    templates: int = TEMPLATES
    jitter_ms: int = 0  # arrival times are up to so much off, and so out of order

    def count(self, began_ms: int, now_ms: int) -> int:
        """Records that have arrived by now."""
        found = self.backlog + max(0, int((now_ms - began_ms) * self.rate / 1000))
        return found if self.most is None else min(found, self.most)

    def warm(self) -> None:
        """Make the templates now, so that the first reader need not wait for them."""
        Shelf(self, 0, 0, 0, 0).text_bytes(1)
        if self.kind != "kpl":
            _table(self.kind, self.templates)

    def arrivals(self, began_ms: int, first: int, records: int) -> Numbers:
        """When each of some records arrived, ms since the epoch. The backlog came before."""
        places = np.arange(first, first + records, dtype=np.int64)
        pace = self.rate or 1_000.0
        times = began_ms + ((places + 1 - self.backlog) * (1000 / pace)).astype(np.int64)
        if self.jitter_ms:
            times += (places * 2_654_435_761 >> 7) % (2 * self.jitter_ms) - self.jitter_ms
        return times

    def place_at(self, began_ms: int, at_ms: int) -> int:
        """The first record that arrived at a time or later, jitter apart."""
        pace = self.rate or 1_000.0
        guess = max(0, int((at_ms - began_ms) * pace / 1000) + self.backlog - 3)
        smooth = Load(backlog=self.backlog, rate=self.rate)
        times = smooth.arrivals(began_ms, guess, 8)
        return guess + int(np.searchsorted(times, at_ms))


@dataclass(frozen=True, slots=True)
class Shelf:
    """One shard of a load: all that its records are made of."""

    load: Load
    generation: int  # of the stream: how often one of the name was made before
    shard: int
    began_ms: int
    base: int  # sequence number of the shard itself; those of its records are above

    @property
    def record_bytes(self) -> int:
        """Of data and key, as quotas count them."""
        if self.load.kind == "kpl":
            return self._aggregates().width + KEY_BYTES
        return PAYLOAD_BYTES + KEY_BYTES

    def sequence_number(self, place: int) -> int:
        return self.base + (place + 1) * STEP

    def text_bytes(self, records: int) -> int:
        """Of the JSON of so many records, commas between."""
        if self.load.kind == "kpl":
            data = (self._aggregates().width + 2) // 3 * 4
        else:
            data = PAYLOAD_BYTES // 3 * 4
        each = _DATA_AT + data + len(_KEY) + KEY_BYTES + len(b'"}')
        return max(0, records * (each + 1) - 1)

    def text(self, first: int, records: int) -> Iterator[bytes]:
        """The JSON of some records in a row, commas between, in pieces that fit into a cache."""
        size = 5 if self.load.kind == "kpl" else PIECE
        for at in range(first, first + records, size):
            piece = self._piece(at, min(size, first + records - at))
            yield piece if at + size < first + records else piece[:-1]

    def _piece(self, first: int, records: int) -> bytes:
        times = self.load.arrivals(self.began_ms, first, records)
        if self.load.kind == "kpl":
            return self._aggregated(first, times)
        table = _table(self.load.kind, self.load.templates)
        begin = first + self.shard * SHARD_STEP
        page = table.take(np.arange(begin, begin + records) % len(table), axis=0)
        self._number(page, first)
        _write_times(page[:, _ARRIVED_AT : _ARRIVED_AT + 14], times)
        _identify(page[:, _DATA_AT:], self.generation, self.shard, first)
        if self.load.kind != "raw":
            _stamp(page[:, _DATA_AT:], times)
        return page.tobytes()

    def _number(self, page: Bytes, first: int) -> None:
        prefix, rest = divmod(self.base, 10**32)
        page[:, _SEQUENCE_AT : _SEQUENCE_AT + 24] = _digits_of(prefix, 24)
        page[:, _SEQUENCE_AT + 40 : _SEQUENCE_AT + 56] = _digits_of(rest % STEP, 16)
        numbers = np.arange(first + 1, first + 1 + len(page), dtype=np.int64)
        _write_number(page[:, _SEQUENCE_AT + 24 : _SEQUENCE_AT + 40], numbers + rest // STEP)

    def _aggregates(self) -> "_Aggregates":
        return _aggregates(self.load.aggregate, self.load.templates)

    def _aggregated(self, first: int, times: Numbers) -> bytes:
        size = self.load.aggregate
        made, offset = self._aggregates(), self.shard * SHARD_STEP
        out = []
        for place, at_ms in enumerate(times.tolist(), first):
            data = made.record(self.generation, self.shard, place * size, offset)
            out.append(
                b'%b%056d%b%.3f%b%b%buser-10000000"}'
                % (_HEAD, self.sequence_number(place), _ARRIVED, at_ms / 1000,
                   _DATA, b64encode(data), _KEY)
            )  # fmt: skip
        return b",".join(out) + b","


def event_id(generation: int, shard: int, index: int) -> str:
    """Of a made record: what its payload says who it is."""
    return f"{generation:02}{shard:07}{index:012}"


@lru_cache(maxsize=4)
def _payloads(kind: Kind, count: int) -> Bytes:
    """The templates' payloads: (count, PAYLOAD_BYTES)."""
    draw = random.Random(7)
    rows = [_payload(draw) for _ in range(count)]
    if kind == "raw":
        rows = [row[: _ID_AT + _ID_BYTES] + draw.randbytes(PAYLOAD_BYTES - 36) for row in rows]
    if kind == "bad":
        for place in range(BAD_EVERY - 1, count, BAD_EVERY):
            before, mark, after = rows[place].partition(b'"status":')
            rows[place] = before + mark + b'"2"' + after[3:]
    return np.frombuffer(b"".join(rows), np.uint8).reshape(count, PAYLOAD_BYTES)


def _payload(draw: random.Random) -> bytes:
    """An event of an API; its id and the seconds of its time are written later."""
    text = (
        f'{{  "event_id":"{"0" * _ID_BYTES}"'
        f',"ts":  "2026-11-26T00:00:00.{draw.randrange(10**6):06}Z"'
        f',"subscriber_id":{draw.randrange(10_000_000, 27_000_000)}'
        f',"endpoint":"ep-{draw.randrange(17_000_000):08}","method":"{draw.choice(("GET", "PUT"))}"'
        f',"path":"/v1/devices/{draw.getrandbits(48):012x}/readings"'
        f',"status":{draw.choice((200, 200, 200, 201, 304, 404, 500))}'
        f',"bytes_in":{draw.randrange(1_000, 10_000)},"bytes_out":{draw.randrange(10**5, 10**6)}'
        f',"duration_ms":{draw.uniform(100, 999):.3f}'
        f',"client_ip":"198.51.{draw.randrange(100, 256)}.{draw.randrange(100, 256)}"'
        f',"user_agent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 '
        f'(KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"'
        f',"country":"{draw.choice(("DE", "US", "BR", "JP"))}"'
        f',"cached":{draw.choice(("true ", "false"))},"trace_id":"{draw.getrandbits(128):032x}"'
        f',"retries":{draw.randrange(3)}'
        f',"geo":{{"lat":{draw.uniform(10, 89):.6f},"lon":{draw.uniform(100, 179):.6f}'
        f',"asn":{draw.randrange(10_000, 65_536)}}}'
        f',"tags":["{draw.choice(_WORDS)}","{draw.choice(_WORDS)}","sigma"]}}'
    )
    return text.encode().ljust(PAYLOAD_BYTES)


@lru_cache(maxsize=4)
def _table(kind: Kind, count: int) -> Bytes:
    """The templates as GetRecords has them, each with a comma behind."""
    draw = random.Random(8)
    rows = [
        b'%b%056d%b1764171322.123%b%b%buser-%08d"},'
        % (_HEAD, 0, _ARRIVED, _DATA, b64encode(row.tobytes()), _KEY,
           10_000_000 + draw.randrange(17_000_000))
        for row in _payloads(kind, count)
    ]  # fmt: skip
    return np.frombuffer(b"".join(rows), np.uint8).reshape(count, -1)


# --- writing into columns -------------------------------------------------------------------

_FOUR = np.frombuffer(b"".join(b"%04d" % n for n in range(10_000)), np.uint8).reshape(-1, 4)
_THREE = np.frombuffer(b"".join(b"%03d" % n for n in range(1_000)), np.uint8).reshape(-1, 3)
_THREE_64 = np.frombuffer(b"".join(b64encode(b"%03d" % n) for n in range(1_000)), np.uint8).reshape(
    -1, 4
)


def _digits_of(number: int, width: int) -> Bytes:
    return np.frombuffer(b"%0*d" % (width, number), np.uint8)


def _write_number(columns: Bytes, numbers: Numbers) -> None:
    """Decimal, 16 digits; numbers ascend."""
    last = int(numbers[-1])
    for at in (12, 8, 4, 0):
        scale = 10 ** (12 - at)
        if last < scale:
            columns[:, at : at + 4] = _FOUR[0]
        else:
            columns[:, at : at + 4] = _FOUR[(numbers // scale) % 10_000]


def _write_times(columns: Bytes, times: Numbers) -> None:
    """'1764171322.123'."""
    seconds, ms = np.divmod(times, 1000)
    high, low = np.divmod(seconds, 10_000)
    columns[:, 6:10] = _FOUR[low]
    columns[:, 2:6] = _FOUR[high % 10_000]
    columns[:, 0:2] = _FOUR[high // 10_000][:, 2:]
    columns[:, 11:14] = _THREE[ms]


def _identify(data: Bytes, generation: int, shard: int, first: int) -> None:
    """The event ids, in base64."""
    at = _ID_AT // 3 * 4
    whose = b64encode(b"%02d%07d" % (generation, shard))
    data[:, at : at + 12] = np.frombuffer(whose, np.uint8)
    numbers = np.arange(first, first + len(data), dtype=np.int64)
    for group in range(4):
        scale = 10 ** (9 - 3 * group)
        here = at + 12 + 4 * group
        data[:, here : here + 4] = _THREE_64[(numbers // scale) % 1_000]


def _stamp(data: Bytes, times: Numbers) -> None:
    """The payloads' own times to the second, in base64: that of their arrival."""
    seconds, place = np.unique(times // 1000, return_inverse=True)
    at = _TS_AT // 3 * 4
    texts = b"".join(b64encode(_moment(second)) for second in seconds.tolist())
    data[:, at : at + 28] = np.frombuffer(texts, np.uint8).reshape(-1, 28)[place.ravel()]


def _moment(second: int) -> bytes:
    return datetime.fromtimestamp(second, UTC).strftime('"%Y-%m-%dT%H:%M:%S.').encode()


# --- aggregates -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Aggregates:
    """KPL records, each of `size` user records under one key."""

    size: int
    bodies: Any  # (templates / size, length of the message)
    begins: int  # of the first user record
    stride: int
    payload: int  # of a payload within its user record

    @property
    def width(self) -> int:
        return int(self.bodies.shape[1]) + len(MAGIC) + 16

    def record(self, generation: int, shard: int, first: int, offset: int) -> bytes:
        """Of user records from `first` on."""
        body: Bytes = self.bodies[(first + offset) // self.size % len(self.bodies)].copy()
        rows = body[self.begins :].reshape(self.size, self.stride)[:, self.payload :]
        rows[:, _ID_AT : _ID_AT + 9] = _digits_of(generation * 10**7 + shard, 9)
        numbers = np.arange(first, first + self.size, dtype=np.int64)
        for group in range(4):
            here = _ID_AT + 9 + 3 * group
            rows[:, here : here + 3] = _THREE[(numbers // 10 ** (9 - 3 * group)) % 1_000]
        message = body.tobytes()
        return MAGIC + message + md5(message, usedforsecurity=False).digest()


@lru_cache(maxsize=4)
def _aggregates(size: int, count: int) -> _Aggregates:
    if count % size or SHARD_STEP % size:
        raise ValueError(f"an aggregate of {size} records does not divide {count}, {SHARD_STEP}")
    key = b"user-10000000"
    table = b"\x0a" + _varint(len(key)) + key
    inner = b"\x08\x00\x1a" + _varint(PAYLOAD_BYTES)
    head = b"\x1a" + _varint(len(inner) + PAYLOAD_BYTES) + inner
    payloads = _payloads("json", count)
    bodies = [
        table + b"".join(head + row.tobytes() for row in payloads[at : at + size])
        for at in range(0, count, size)
    ]
    whole = np.frombuffer(b"".join(bodies), np.uint8).reshape(len(bodies), -1)
    stride = len(head) + PAYLOAD_BYTES
    return _Aggregates(size, whole, len(table), stride, len(head))


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])
