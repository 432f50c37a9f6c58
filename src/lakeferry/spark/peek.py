"""Whether a stream has anything to read, found out by asking for one record."""

from collections.abc import Callable, Mapping
from time import monotonic

from lakeferry.connect.aws_keys import AwsKeys
from lakeferry.errors import FerryError
from lakeferry.ingest.kinesis.connection import Kinesis, Refused, Unanswered
from lakeferry.ingest.kinesis.refusal_text import refusal_error, unanswered_error
from lakeferry.ingest.position.state import Position
from lakeferry.ingest.settings import SourceSettings
from lakeferry.spark.epoch import Mark

EVERY_S = 1.0  # of one shard: a fifth of the calls that it allows
PATIENCE_S = 60.0  # with a service that does not answer


class Peek:
    """Looks at shards in turn, those first that were not looked at for longest."""

    def __init__(self, source: SourceSettings, keys: Callable[[], AwsKeys]) -> None:
        self._source = source
        self._line = Kinesis(source.endpoint, keys)
        self._mark: Mark | None = None
        self._iterators: dict[str, str] = {}
        self._asked_s: dict[str, float] = {}
        self._trouble_s: float | None = None  # since when nothing but refusals came

    def finds(self, mark: Mark, ready: Mapping[str, Position], until_s: float) -> bool:
        """Whether a shard has a record, or its end, behind the place that it stands at.

        Args:
            mark: of the batch that ended at these places.
            until_s: of `time.monotonic`; shards that are not asked by then are the next time.

        Raises:
            FerryError: of `refusal_error`, LF-1205 after a minute without an answer.
        """
        if mark != self._mark:
            self._mark, self._iterators, self._asked_s = mark, {}, {}
        for shard_id in sorted(ready, key=lambda one: self._asked_s.get(one, 0.0)):
            now = monotonic()
            if now >= until_s or now - self._asked_s.get(shard_id, 0.0) < EVERY_S:
                break
            self._asked_s[shard_id] = now
            if self._has_more(shard_id, ready[shard_id]):
                return True
        return False

    def close(self) -> None:
        """End the connection."""
        self._line.close()

    def _has_more(self, shard_id: str, place: Position) -> bool:
        operation = "GetRecords" if shard_id in self._iterators else "GetShardIterator"
        try:
            iterator = self._iterators.pop(shard_id, None) or self._line.iterator(
                self._source.stream, shard_id, place
            )
            page = self._line.records(iterator, limit=1)
        except Refused as error:
            return self._refused(error, operation)
        except Unanswered as error:
            self._bear(unanswered_error(str(error), self._source))
            return False
        self._trouble_s = None
        if page.records or page.next_shard_iterator is None or page.millis_behind_latest:
            return True
        self._iterators[shard_id] = page.next_shard_iterator
        return False

    def _refused(self, refused: Refused, operation: str) -> bool:
        """A shard that is refused has nothing for now; the refusal is told when it lasts."""
        remedy = refused.refusal.remedy
        if remedy in ("pause the shard", "new iterator"):
            return False
        error = refusal_error(refused.refusal, self._source, operation)
        if remedy == "stop":
            raise error
        self._bear(error)
        return False

    def _bear(self, error: FerryError) -> None:
        now = monotonic()
        if self._trouble_s is None:
            self._trouble_s = now
        if now - self._trouble_s > PATIENCE_S:
            raise error
