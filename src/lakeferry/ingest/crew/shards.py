"""Which shards are read, and by whom; what the stream shows meanwhile, and what it has lost."""

from collections.abc import Sequence
from time import monotonic

from lakeferry.ingest.crew.assign import share_out
from lakeferry.ingest.crew.epochs import Ended, Epochs
from lakeferry.ingest.crew.joining import rejected_places
from lakeferry.ingest.crew.landing import salvage
from lakeferry.ingest.crew.life import Life
from lakeferry.ingest.crew.lookout import Look, Lookout
from lakeferry.ingest.crew.loss import LossWatch, loss_error, unread
from lakeferry.ingest.crew.outcome import BeginAgain
from lakeferry.ingest.events import ShardsBegun
from lakeferry.ingest.kinesis.lineage import Listing, older_missed, readable
from lakeferry.ingest.position.state import Gap
from lakeferry.ingest.worker.messages import Read, ShardStart

LOSS_EVERY_S = 3600.0  # between two gaps that are accepted: each is a commit
SLOW_START_S = 300.0  # until a shard that told nothing is taken for one that cannot be read


class Shards:
    """Of one life; for one thread.

    Args:
        look: at the stream, that the life begins with.
    """

    def __init__(self, life: Life, epochs: Epochs, lookout: Lookout, look: Look) -> None:
        self._life = life
        self._epochs = epochs
        self._lookout = lookout
        self.look = look
        self._losses = LossWatch()
        self._begun_s = monotonic()
        self._accepted_s = -LOSS_EVERY_S

    @property
    def listed(self) -> Listing:
        return self.look.listed

    def hand_out(self) -> None:
        """Give shards that may be read now, and are not, to workers."""
        hands, tables = self._life.hands, self._epochs.tables
        places = readable(self.listed, tables.state.shards, tables.state.missed)
        new = places.keys() - hands.shards
        if not new:
            return
        state, rejected = tables.state, tables.rejected
        begun = state.shards.keys() | hands.shards  # the next commit has a position of each
        self._epochs.miss(older_missed(self.listed, begun, state.missed, new))
        stands = rejected_places(rejected.state if rejected else None, self.look.identity)
        known = self._epochs.known_bad
        for worker, shards in enumerate(share_out(new, hands.loads)):
            starts = tuple(
                ShardStart(
                    shard,
                    places[shard],
                    self.listed[shard].hash_range,
                    stands.get(shard),
                    None if known is None else known.get(shard, frozenset()),
                )
                for shard in shards
            )
            if starts:
                hands.give(worker, shards)
                self._life.crew.order(worker, Read(starts, self._epochs.next))
        self._life.emit(ShardsBegun(tuple(sorted(new)), len(hands.shards)))
        self._life.notices.found_again(new & tables.state.missed.keys())

    def ended(self, shards: Ended) -> None:
        """Their ends are committed: their children may be read."""
        if shards:
            self._lookout.ask()
            self.hand_out()

    def look_again(self) -> BeginAgain | None:
        """What the stream shows, asked for now and waited for."""
        self._lookout.look()
        return self.take_look()

    def take_look(self) -> BeginAgain | None:
        """What the stream shows since the last look at it.

        Raises:
            FerryError: LF-7051 it is another stream, LF-7052 records were lost.
        """
        look = self._lookout.newest
        if look.number == self.look.number:
            if self._lookout.trouble is not None:
                self._life.notices.trouble(self._lookout.trouble)
                self._lookout.trouble = None
            return None
        self.look = look
        again = self._epochs.made_anew(look)
        if again is not None:
            return again
        self.hand_out()
        if look.begun_s < self._epochs.committed_s:
            return None  # it may lack children whose parents' ends are committed
        return self._look_for_losses(look)

    def _look_for_losses(self, look: Look) -> BeginAgain | None:
        seen = self._losses.seen(look.listed, self._epochs.tables.state, look.horizon_ms)
        all_told = monotonic() - self._begun_s > SLOW_START_S
        lags = self._life.tally.lags
        gaps = unread(seen, lags, look.service_ms, look.horizon_ms, all_told=all_told)
        return self._lose(gaps, look) if gaps else None

    def _lose(self, gaps: Sequence[Gap], look: Look) -> BeginAgain | None:
        if self._life.ingest.on_loss == "fail":
            salvage(self._life, self._epochs, look.listed)
            raise loss_error(gaps, look.identity.name)
        now = monotonic()
        if now - self._accepted_s < LOSS_EVERY_S:
            return None
        self._accepted_s = now
        again = self._epochs.accept(gaps, look)
        if again is None and any(gap.shard_id not in look.listed for gap in gaps):
            return BeginAgain("shards are gone with what they held")
        return again
