"""What the coordinator knows of its workers."""

from lakeferry.ingest.crew.assign import Load
from lakeferry.ingest.crew.hands import Hands
from lakeferry.ingest.worker.messages import Batch, Counts, Lag, Told


def told(records: int, *, ended: bool = False) -> Told:
    return Told(Counts(records), {"a": Lag(0, ended=ended)}, 0, 0, 0)


def batch(records: int) -> Batch:
    return Batch(1, (), (), (), Counts(records), None, None)


def test_nothing_is_due_before_a_record_was_read() -> None:
    hands = Hands(2)
    hands.told(0, told(0))

    assert hands.pending(0).since_s is None


def test_records_that_were_told_wait_for_a_flush() -> None:
    hands = Hands(2)
    hands.told(0, told(5))
    pending = hands.pending(0)

    assert pending.since_s is not None
    assert pending.since_s >= pending.last_flush_s


def test_after_a_flush_only_new_records_wait() -> None:
    hands = Hands(1)
    hands.told(0, told(5))
    hands.flushed()
    hands.told(0, told(5))

    assert hands.pending(1).since_s is None
    hands.told(0, told(6))
    assert hands.pending(1).since_s is not None


def test_records_that_were_read_just_before_a_flush_and_came_with_it_wait_for_no_other() -> None:
    hands = Hands(1)
    hands.told(0, told(5))
    hands.flushed()
    hands.told(0, told(7))
    hands.landed(0, batch(7))

    assert hands.pending(0).since_s is None


def test_the_end_of_a_shard_is_known_until_the_next_flush() -> None:
    hands = Hands(1)
    hands.told(0, told(0, ended=True))

    assert hands.pending(0).ended_since_s is not None
    hands.flushed()
    assert hands.pending(0).ended_since_s is None


def test_a_full_file_is_known_until_the_next_flush() -> None:
    hands = Hands(1)
    hands.filled()

    assert hands.pending(0).filled
    hands.flushed()
    assert not hands.pending(0).filled


def test_shards_belong_to_a_worker_until_their_end_is_committed() -> None:
    hands = Hands(2)
    hands.give(0, ("a", "b"))
    hands.give(1, ("c",))
    hands.take("b")

    assert hands.shards == {"a", "c"}
    assert hands.loads == (Load(1), Load(1))
