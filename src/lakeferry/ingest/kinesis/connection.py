"""One connection to Kinesis that stays open: signed requests out, typed answers in.

Every operation only reads, so a request whose answer was lost or cut is simply made again. What
waiting, new iterators or giving up are for is left to the reader: it gets the refusal as it is.
"""

import http.client
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, TypeVar

from lakeferry.connect.aws_keys import AwsKeys
from lakeferry.ingest.kinesis import wire
from lakeferry.ingest.kinesis.signing import Endpoint, clock_error, signed_headers
from lakeferry.ingest.kinesis.timed_socket import TimedSocket, TooSlow
from lakeferry.ingest.kinesis.tls_socket import TlsSocket, trusting
from lakeferry.ingest.position.state import Position, iterator_of
from lakeferry.version import VERSION

# A zone that is lost answers nothing: the connection is given up, its host resolved anew, and one
# of its other addresses met, all of it within 10 s.
TIMEOUT_S = 6  # without a byte
# For a whole answer: 13 MB at most, which a line of 2 Mbit/s brings in that time. Iterators live
# for 5 minutes, so the same one is good for another try.
WHOLE_S = 60
CONNECT_S = 3  # for one address of the host
LINE_S = 300  # that a connection is used; then its host is resolved anew, which may have moved
AGENT = f"lakeferry/{VERSION}"
Answer = TypeVar("Answer")


class Refused(Exception):
    """Kinesis said no; the refusal says what to do about it."""

    def __init__(self, refusal: wire.Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


class Unanswered(Exception):
    """No whole answer came: no connection, a time-out, a body that was cut or is not Kinesis'."""


def _utc() -> datetime:
    return datetime.now(UTC)


class Kinesis:
    """A keep-alive connection to one endpoint; for one thread at a time.

    Args:
        keys: gives the keys as they are now; asked for each request, and again where they expired.
        clock: our time, UTC. What it lacks to the service's is learnt when a signature is refused.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        keys: Callable[[], AwsKeys],
        *,
        clock: Callable[[], datetime] = _utc,
        timeout_s: float = TIMEOUT_S,
        whole_s: float = WHOLE_S,
        line_s: float = LINE_S,
    ) -> None:
        self._endpoint = endpoint
        self._keys = keys
        self._clock = clock
        self._timeout_s, self._whole_s, self._line_s = timeout_s, whole_s, line_s
        self._line: _Line | None = None
        self._opened_s = 0.0
        self.clock_error = timedelta(0)  # added to our time when signing
        self.bytes_in = 0  # of bodies, since the beginning: what the endpoint bills, about
        self._date: str | None = None  # of the last answer

    def records(self, iterator: str, *, limit: int = wire.MOST_RECORDS) -> wire.RecordsPage:
        """The next page of a shard. Raises Refused, Unanswered; then the iterator is still good."""
        return self._ask(wire.get_records(iterator, limit=limit), wire.records_page)

    def iterator(self, stream: str, shard_id: str, place: Position) -> str:
        """What reads on from a position; good for 5 minutes. Raises Refused, Unanswered."""
        kind, number, at_ms = iterator_of(place)
        request = wire.get_shard_iterator(
            stream, shard_id, kind, sequence_number=number, at_ms=at_ms
        )
        return self._ask(request, wire.shard_iterator)

    def iterator_at(self, stream: str, shard_id: str, sequence_number: str) -> str:
        """What reads from a record on, it included. Raises Refused, Unanswered."""
        request = wire.get_shard_iterator(
            stream, shard_id, "AT_SEQUENCE_NUMBER", sequence_number=sequence_number
        )
        return self._ask(request, wire.shard_iterator)

    def shards(self, stream: str) -> tuple[wire.ListedShard, ...]:
        """All shards that are listed, open and closed. Raises Refused, Unanswered."""
        page = self._ask(wire.list_shards(stream), wire.shards_page)
        found = page.shards
        while page.next_token:
            page = self._ask(wire.list_shards(stream, token=page.next_token), wire.shards_page)
            found += page.shards
        return found

    def summary(self, stream: str) -> wire.StreamSummary:
        """What the stream is. Raises Refused, Unanswered."""
        return self._ask(wire.describe_stream_summary(stream), wire.stream_summary)

    @property
    def service_ms(self) -> int:
        """The service's clock when it last answered, since the epoch, to a second; ours at first.

        What we lack to it is small where signatures are accepted, and still 5 minutes at most.
        """
        now = self._clock()
        return round((now + clock_error(self._date, now)).timestamp() * 1000)

    def close(self) -> None:
        """End the connection; the next request makes another, and resolves the host again."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def _ask(self, request: wire.Request, read: Callable[[bytes], Answer]) -> Answer:
        """The answer; once more after new keys, and once more after the clock was corrected."""
        tried: set[wire.Remedy] = set()
        while True:
            try:
                return read(self._sent(request))
            except wire.Unreadable as error:
                self.close()
                raise Unanswered(f"an answer that is not Kinesis': {error}") from error
            except Refused as error:
                remedy = error.refusal.remedy
                if remedy not in ("new credentials", "correct the clock") or remedy in tried:
                    raise
                tried.add(remedy)

    def _sent(self, request: wire.Request) -> bytes:
        """The body of a 200. A connection that was idle may have been closed: it is made anew."""
        is_closed = self._line is not None and self._line.sock is None  # as its answer said
        if is_closed or monotonic() - self._opened_s > self._line_s:
            self.close()
        fresh = self._line is None
        try:
            return self._exchanged(request)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if fresh or isinstance(error, TimeoutError | http.client.IncompleteRead):
                raise Unanswered(_said(error)) from error
        try:
            return self._exchanged(request)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unanswered(_said(error)) from error

    def _exchanged(self, request: wire.Request) -> bytes:
        if self._line is None:
            self._line = _opened(self._endpoint, self._timeout_s, self._whole_s)
            self._opened_s = monotonic()
        at = self._clock() + self.clock_error
        headers = signed_headers(request, self._endpoint, self._keys(), at)
        headers["user-agent"] = AGENT
        self._line.sock.begin(self._timeout_s, self._whole_s)
        self._line.request("POST", self._endpoint.path, request.body, headers)
        answer = self._line.getresponse()
        body = answer.read()
        self._date = answer.getheader("Date")
        self.bytes_in += len(body)
        if answer.status == 200:
            return body
        kind = answer.getheader("x-amzn-ErrorType") or ""
        refused = wire.refusal(answer.status, body, kind)
        if refused.remedy == "correct the clock":
            self.clock_error = clock_error(answer.getheader("Date"), self._clock())
        raise Refused(refused)


def _said(error: Exception) -> str:
    """In the system's words where it has some: 'Connection refused'."""
    if isinstance(error, TooSlow):
        return str(error)
    if isinstance(error, TimeoutError):
        return "no answer in time"
    told = getattr(error, "strerror", None)
    return str(told) if told else f"{type(error).__name__}: {error}"


def _opened(endpoint: Endpoint, timeout_s: float, whole_s: float) -> "_Line":
    kind = _TlsLine if endpoint.secure else _Line
    line = kind(endpoint.host, min(timeout_s, CONNECT_S), whole_s)
    line.connect()
    return line


class _Line(http.client.HTTPConnection):
    """A connection whose every exchange is to begin with `sock.begin`."""

    sock: Any  # a TimedSocket, or TLS over one

    def __init__(self, host: str, connect_s: float, whole_s: float) -> None:
        super().__init__(host, timeout=connect_s)
        self._times = connect_s, whole_s

    def connect(self) -> None:
        super().connect()
        self.sock = TimedSocket(self.sock, *self._times)


class _TlsLine(_Line):
    default_port = http.client.HTTPS_PORT

    def connect(self) -> None:
        super().connect()
        try:
            # Where a firewall looks into TLS, its authority is told to all AWS SDKs by this name.
            trusted = trusting(os.environ.get("AWS_CA_BUNDLE"))
            self.sock = TlsSocket(self.sock, trusted, self.host)
        except OSError:
            self.close()
            raise
