"""The connection to Kinesis: what a server answers arrives, what breaks on the way is mended."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from lakeferry.connect.aws import AwsAccess, client
from lakeferry.connect.aws_keys import AwsKeys, keys_of
from lakeferry.ingest.kinesis.connection import Kinesis, Refused, Unanswered
from lakeferry.ingest.kinesis.lineage import listing
from lakeferry.ingest.kinesis.signing import endpoint_of
from lakeferry.ingest.position.state import After, FromTime, FromTrimHorizon
from tests.servers.http_server import served

Reply = tuple[int, bytes, dict[str, str]]
NOW = datetime(2026, 11, 26, 13, 5, 7, tzinfo=UTC)
DATE = "Thu, 26 Nov 2026 13:15:07 GMT"  # ten minutes later
PAGE = b'{"Records":[],"NextShardIterator":"B","MillisBehindLatest":0}'


def refusal(kind: str, message: str = "") -> bytes:
    return json.dumps({"__type": kind, "message": message}).encode()


EXPIRED_TOKEN: Reply = (400, refusal("ExpiredTokenException"), {})
WRONG_CLOCK: Reply = (
    400,
    refusal("InvalidSignatureException", "Signature expired"),
    {"Date": DATE},
)


@dataclass
class Scripted:
    """A server that answers as it is told, one answer after the other, and keeps what it heard."""

    port: int = 0
    # (status, body, headers), or 'hang up', 'cut', 'drip', 'drip of headers'
    answers: list[Any] = field(default_factory=list)
    heard: list[dict[str, str]] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    state = Scripted()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            state.connections.add(self.client_address)
            state.heard.append({name.lower(): value for name, value in self.headers.items()})
            answer = state.answers.pop(0)
            if answer == "hang up":
                self.close_connection = True
                return
            if str(answer).startswith("drip"):
                self.drip(b"HTTP/1.1 200 OK\r\n", in_body=answer == "drip")
                return
            status, body, headers = (200, PAGE, {}) if answer == "cut" else answer
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:20] if answer == "cut" else body)
            self.close_connection = answer == "cut"

        def drip(self, head: bytes, *, in_body: bool) -> None:
            """A byte now and then, until nobody listens; it never ends."""
            self.close_connection = True
            self.wfile.write(head + (b"Content-Length: 100000\r\n\r\n" if in_body else b"X-Drip: "))
            with suppress(OSError):
                while True:
                    self.wfile.write(b" ")
                    time.sleep(0.05)

        def log_message(self, *_: object) -> None: ...

    with served(Handler) as port:
        state.port = port
        yield state


def kinesis(server: Scripted, keys: Callable[[], AwsKeys] | None = None) -> Kinesis:
    endpoint = endpoint_of("eu-west-1", f"http://127.0.0.1:{server.port}")
    known = keys or (lambda: AwsKeys("AKIDEXAMPLE", "secret"))
    return Kinesis(endpoint, known, clock=lambda: NOW, timeout_s=60)


OK: Reply = (200, PAGE, {})


def test_requests_follow_each_other_on_one_connection(scripted: Scripted) -> None:
    scripted.answers += [OK, OK, OK]
    line = kinesis(scripted)

    pages = [line.records("A") for _ in range(3)]

    assert [page.next_shard_iterator for page in pages] == ["B", "B", "B"]
    assert len(scripted.connections) == 1
    assert line.bytes_in == 3 * len(PAGE)


def test_a_connection_that_was_used_for_long_is_made_anew(scripted: Scripted) -> None:
    scripted.answers += [OK, OK, OK]
    endpoint = endpoint_of("eu-west-1", f"http://127.0.0.1:{scripted.port}")
    line = Kinesis(endpoint, lambda: AwsKeys("AKIDEXAMPLE", "secret"), line_s=-1)

    for _ in range(3):
        line.records("A")

    assert len(scripted.connections) == 3


def test_the_service_s_clock_is_the_one_of_its_last_answer(scripted: Scripted) -> None:
    scripted.answers += [(200, PAGE, {"Date": DATE})]
    line = kinesis(scripted)
    before_ms = line.service_ms

    line.records("A")

    assert before_ms == round(NOW.timestamp() * 1000)
    assert line.service_ms == before_ms + 600_000


def test_a_connection_that_was_closed_while_idle_is_made_anew(scripted: Scripted) -> None:
    scripted.answers += [OK, "hang up", OK]
    line = kinesis(scripted)

    line.records("A")
    page = line.records("A")

    assert page.next_shard_iterator == "B"
    assert len(scripted.connections) == 2


def test_a_server_that_hangs_up_on_a_new_connection_is_not_asked_twice(scripted: Scripted) -> None:
    scripted.answers += ["hang up", OK]

    with pytest.raises(Unanswered):
        kinesis(scripted).records("A")

    assert len(scripted.heard) == 1


def test_a_page_that_is_cut_is_used_in_no_part_and_can_be_asked_for_again(
    scripted: Scripted,
) -> None:
    scripted.answers += ["cut", OK]
    line = kinesis(scripted)

    with pytest.raises(Unanswered):
        line.records("A")

    assert line.records("A").next_shard_iterator == "B"


@pytest.mark.parametrize("drip", ["drip", "drip of headers"])
def test_an_answer_that_drips_for_ever_is_given_up_and_can_be_asked_for_again(
    scripted: Scripted, drip: str
) -> None:
    scripted.answers += [drip, OK]
    endpoint = endpoint_of("eu-west-1", f"http://127.0.0.1:{scripted.port}")
    line = Kinesis(endpoint, lambda: AwsKeys("AKIDEXAMPLE", "secret"), timeout_s=60, whole_s=1)
    begun = time.monotonic()

    with pytest.raises(Unanswered, match="no whole answer in 1 s"):
        line.records("A")

    assert time.monotonic() - begun < 30
    assert line.records("A").next_shard_iterator == "B"


def test_a_connection_that_a_server_closes_with_its_answer_is_made_anew(
    scripted: Scripted,
) -> None:
    scripted.answers += [(200, PAGE, {"Connection": "close"}), OK]
    line = kinesis(scripted)

    pages = [line.records("A") for _ in range(2)]

    assert [page.next_shard_iterator for page in pages] == ["B", "B"]


def test_an_answer_of_something_else_is_no_answer(scripted: Scripted) -> None:
    scripted.answers += [(200, b"<html>Sign in</html>", {})]

    with pytest.raises(Unanswered):
        kinesis(scripted).records("A")


def test_expired_keys_are_asked_for_again_once(scripted: Scripted) -> None:
    keys = iter([AwsKeys("OLD", "s"), AwsKeys("NEW", "s")])
    scripted.answers += [EXPIRED_TOKEN, OK]

    kinesis(scripted, lambda: next(keys)).records("A")

    first, second = (heard["authorization"] for heard in scripted.heard)
    assert "Credential=OLD/" in first
    assert "Credential=NEW/" in second


def test_keys_that_stay_expired_are_refused(scripted: Scripted) -> None:
    scripted.answers += [EXPIRED_TOKEN, EXPIRED_TOKEN]

    with pytest.raises(Refused) as found:
        kinesis(scripted).records("A")

    assert found.value.refusal.kind == "ExpiredTokenException"


def test_a_clock_that_is_ten_minutes_off_is_corrected_by_the_service_s(scripted: Scripted) -> None:
    scripted.answers += [WRONG_CLOCK, OK, OK]
    line = kinesis(scripted)

    line.records("A")
    line.records("A")

    assert line.clock_error == timedelta(minutes=10)
    assert [heard["x-amz-date"] for heard in scripted.heard] == [
        *("20261126T130507Z", "20261126T131507Z", "20261126T131507Z")
    ]


def test_every_other_refusal_reaches_the_reader(scripted: Scripted) -> None:
    scripted.answers += [(400, refusal("ExpiredIteratorException", "expired"), {}), OK]
    line = kinesis(scripted)

    with pytest.raises(Refused) as found:
        line.records("A")

    assert found.value.refusal.remedy == "new iterator"
    assert line.records("A").next_shard_iterator == "B"


def test_a_stream_named_by_arn_moves_no_host(scripted: Scripted) -> None:
    scripted.answers += [(200, b'{"Shards":[]}', {})]

    kinesis(scripted).shards("arn:aws:kinesis:eu-west-1:111122223333:stream/clicks")

    assert scripted.heard[0]["host"] == f"127.0.0.1:{scripted.port}"


def test_all_pages_of_shards_are_read(scripted: Scripted) -> None:
    shard = {
        "ShardId": "a",
        "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": "9"},
        "SequenceNumberRange": {"StartingSequenceNumber": "1"},
    }
    pages = [{"Shards": [shard], "NextToken": "t"}, {"Shards": [shard | {"ShardId": "b"}]}]
    scripted.answers += [(200, json.dumps(page).encode(), {}) for page in pages]

    assert list(listing(kinesis(scripted).shards("clicks"))) == ["a", "b"]


def test_nobody_at_the_address_is_no_answer() -> None:
    with pytest.raises(Unanswered):
        kinesis(Scripted(port=1)).records("A")


# --- a server that others wrote -------------------------------------------------------------


@pytest.mark.server
def test_what_was_put_into_a_stream_is_read_from_any_position(
    moto_access: AwsAccess,
) -> None:
    boto = client(moto_access, "kinesis")
    boto.create_stream(StreamName="clicks", ShardCount=1)
    for word in (b"one", b"two", b"\x00\xff"):
        boto.put_record(StreamName="clicks", Data=word, PartitionKey="k")
    line = Kinesis(endpoint_of(moto_access.region, moto_access.endpoint), keys_of(moto_access))

    (shard,) = listing(line.shards("clicks"))
    first = line.records(line.iterator("clicks", shard, FromTrimHorizon()), limit=1)
    after = After(first.records[0].sequence_number, first.records[0].arrival_ms, 1)
    rest = line.records(line.iterator("clicks", shard, after))
    timed = line.records(line.iterator("clicks", shard, FromTime(first.records[0].arrival_ms)))

    assert [one.data for one in (*first.records, *rest.records)] == [b"one", b"two", b"\x00\xff"]
    assert [one.data for one in timed.records] == [b"one", b"two", b"\x00\xff"]
    assert rest.millis_behind_latest == 0
    assert line.summary("clicks").stream_name == "clicks"
    line.close()
