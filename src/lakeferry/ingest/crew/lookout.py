"""Who looks after the stream while workers read it: its shards, its retention, which one it is.

Looks are taken by a thread with its own connection, so a service that does not answer holds up no
commit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread
from time import monotonic, sleep
from typing import TypeVar

from lakeferry.connect.aws_keys import AwsKeys, keys_of
from lakeferry.errors import FerryError
from lakeferry.ingest.kinesis.connection import Kinesis, Refused, Unanswered
from lakeferry.ingest.kinesis.lineage import Listing, listing
from lakeferry.ingest.kinesis.pace import wait_after_refusal
from lakeferry.ingest.kinesis.refusal_text import refusal_error, unanswered_error
from lakeferry.ingest.kinesis.wire import StreamSummary
from lakeferry.ingest.position.state import StreamIdentity
from lakeferry.ingest.settings import SourceSettings

PATIENCE_S = 30.0  # with a service that does not answer, or answers that it cannot now
FIRST_PATIENCE_S = 15.0  # before anything is begun: whoever started it may start it again
SUMMARY_EVERY_S = 5.0  # DescribeStreamSummary allows 20 a second in a whole account
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Look:
    """The stream as it was at one moment."""

    number: int  # of the look, from 1
    begun_s: float  # when it was asked for, by a clock that only rises
    service_ms: int  # the service's own clock, since the epoch
    summary: StreamSummary
    listed: Listing
    told_s: float = 0.0  # when the summary was asked for, by the same clock

    @property
    def identity(self) -> StreamIdentity:
        told = self.summary
        return StreamIdentity(told.stream_name, told.stream_arn, told.created_ms, told.stream_id)

    @property
    def retention_s(self) -> float:
        return self.summary.retention_period_hours * 3600.0

    @property
    def horizon_ms(self) -> int:
        """What came before this may be gone; since the epoch."""
        return self.service_ms - round(self.retention_s * 1000)


class Lookout:
    """Looks now and then, and when it is asked to. Use it as a context; it ends with it."""

    def __init__(
        self,
        source: SourceSettings,
        every_s: float,
        *,
        keys: Callable[[], AwsKeys] | None = None,  # None: those of the source's access
    ) -> None:
        self._source = source
        self._every_s = every_s
        self._kinesis = Kinesis(source.endpoint, keys or keys_of(source.access))
        self._asked, self._ended = Event(), Event()
        self._summary_s = -SUMMARY_EVERY_S
        self._wanted_s = 0.0  # a summary from before this is too old
        self._thread = Thread(target=self._watch, daemon=True, name="lookout")
        self._looks = 0
        self._newest: Look | None = None
        self.trouble: FerryError | None = None  # why the last look failed; None: it did not
        self._on_wait: Callable[[FerryError], None] | None = None
        self._patience_s = PATIENCE_S

    def __enter__(self) -> "Lookout":
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._asked.set()
        if self._thread.is_alive():
            self._thread.join(1)

    def first(self, on_wait: Callable[[FerryError], None] | None = None) -> Look:
        """The first look; from here on others follow by themselves.

        Args:
            on_wait: told once why there is no answer yet, where the service is asked again.

        Raises:
            FerryError: LF-7062 and others of `refusal_error`; LF-1205 without an answer.
        """
        self._on_wait, self._patience_s = on_wait, FIRST_PATIENCE_S
        self._newest = self._look()
        self._on_wait, self._patience_s = None, PATIENCE_S
        self._thread.start()
        return self._newest

    @property
    def newest(self) -> Look:
        if self._newest is None:
            raise ValueError("nobody has looked yet")
        return self._newest

    def ask(self) -> None:
        """Look soon, and do not wait for it."""
        self._asked.set()

    def look(self) -> Look:
        """The next look that begins after this, waited for; an older one if none succeeds."""
        since = self._wanted_s = monotonic()
        self.trouble = None
        self._asked.set()
        # One that is under way may end meanwhile; it began too early.
        while self.newest.told_s < since and self.trouble is None:
            if monotonic() >= since + PATIENCE_S:
                break
            sleep(0.02)
        return self.newest

    def _watch(self) -> None:
        while not self._ended.is_set():
            self._asked.wait(self._every_s)
            self._asked.clear()
            if self._ended.is_set():
                break
            try:
                self._newest = self._look()
                self.trouble = None
            except FerryError as error:
                self.trouble = error
            except Exception as error:  # noqa: BLE001 - without looks no child is ever read
                self.trouble = unanswered_error(repr(error), self._source)
        self._kinesis.close()

    def _look(self) -> Look:
        begun = monotonic()
        stream = self._source.stream
        old = begun - self._summary_s >= SUMMARY_EVERY_S or self._summary_s < self._wanted_s
        if self._newest is None or old:
            summary = self._answer("DescribeStreamSummary", lambda: self._kinesis.summary(stream))
            self._summary_s = begun
        else:
            summary = self._newest.summary
        listed = listing(self._answer("ListShards", lambda: self._kinesis.shards(stream)))
        self._looks += 1
        service_ms = self._kinesis.service_ms
        return Look(self._looks, begun, service_ms, summary, listed, self._summary_s)

    def _answer(self, operation: str, ask: Callable[[], Answer]) -> Answer:
        until, times = monotonic() + self._patience_s, 0
        while True:
            times += 1
            try:
                return ask()
            except Refused as error:
                trouble = refusal_error(error.refusal, self._source, operation)
                if error.refusal.remedy not in ("wait", "try again"):
                    raise trouble from error
            except Unanswered as error:
                trouble = unanswered_error(str(error), self._source)
            if monotonic() >= until or self._ended.is_set():
                raise trouble
            if self._on_wait is not None:
                self._on_wait(trouble)
                self._on_wait = None
            self._ended.wait(min(wait_after_refusal(times, 0.5), max(0.0, until - monotonic())))
