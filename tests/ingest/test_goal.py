"""When an ingest that runs once has all that there was."""

from dataclasses import replace

from lakeferry.ingest.crew.goal import Goal, goal_of, held_up_error
from lakeferry.ingest.kinesis.lineage import Shard
from lakeferry.ingest.position.state import (
    After,
    Ended,
    IngestState,
    Missed,
    Position,
    StreamIdentity,
)
from lakeferry.ingest.worker.messages import Lag

GOAL = Goal(frozenset("ab"), at_ms=10_000)
LISTED = {"a": Shard("a"), "b": Shard("b")}
BOTH = frozenset("ab")  # are given to workers
READ, UNREAD = Lag(0, read_until_ms=10_000), Lag(0, read_until_ms=9_999)


def state(**shards: Position) -> IngestState:
    return IngestState(3, StreamIdentity("clicks"), shards)


def test_it_is_reached_when_each_shard_is_committed_beyond_the_start_or_ended() -> None:
    assert GOAL.is_reached(state(a=After("7", 10_000), b=Ended(5)), LISTED)
    assert not GOAL.is_reached(state(a=After("7", 9_999), b=Ended(5)), LISTED)


def test_a_child_that_waits_for_its_parent_is_still_to_be_read() -> None:
    assert not GOAL.is_reached(state(a=Ended(5)), LISTED)


def test_what_the_first_listing_lacks_belongs_to_it() -> None:
    goal = goal_of({"a": Shard("a")}, state(a=Ended(5, ("c",)), b=After("7", 3)), 8_500)

    assert goal == Goal(frozenset("abc"), 10_000)


def test_a_child_that_a_listing_lacks_is_still_to_be_read() -> None:
    assert not GOAL.is_reached(state(a=Ended(5, ("b",))), {"a": Shard("a")})


def test_an_ended_shard_that_was_forgotten_is_done() -> None:
    assert GOAL.is_reached(state(a=After("7", 10_000)), {"a": Shard("a")})


def test_a_forgotten_shard_that_is_listed_once_more_is_done() -> None:
    child = {"a": Shard("a", ("b",)), "b": Shard("b", closed=True)}

    assert GOAL.is_reached(state(a=After("7", 10_000)), child)


def test_a_shard_that_was_given_up_is_still_to_be_read_only_if_it_is_listed() -> None:
    lost = replace(state(a=After("7", 10_000), b=Ended(5)), missed={"b": Missed(After("9", 5), 6)})

    assert GOAL.is_reached(lost, {"a": Shard("a")})
    assert not GOAL.is_reached(lost, LISTED)


def test_a_commit_is_due_when_all_shards_are_read_up_to_the_start() -> None:
    known = state(a=After("7", 1), b=After("9", 1))

    assert GOAL.is_read(known, LISTED, {"a": READ, "b": READ})
    assert not GOAL.is_read(known, LISTED, {"a": READ, "b": UNREAD})
    assert not GOAL.is_read(known, LISTED, {"a": READ})
    assert not GOAL.is_read(known, LISTED, {"a": READ, "b": replace(READ, paused="KMS")})
    assert GOAL.is_read(known, LISTED, {"a": READ, "b": Lag(None, ended=True)})


def test_shards_that_hold_up_the_end_are_named_when_nothing_else_is_left() -> None:
    known = state(a=After("7", 1), b=After("9", 1))

    assert GOAL.held_up(known, LISTED, {"a": READ, "b": Lag(5, "KMS")}, BOTH) == {"b": "KMS"}
    assert GOAL.held_up(known, LISTED, {"a": UNREAD, "b": Lag(5, "KMS")}, BOTH) == {}
    assert GOAL.held_up(known, LISTED, {"a": READ, "b": READ}, BOTH) == {}


def test_a_shard_whose_worker_still_starts_is_not_held_up() -> None:
    known = state(a=After("7", 1), b=After("9", 1))

    assert GOAL.held_up(known, LISTED, {"a": Lag(5, "KMS")}, BOTH) == {}


def test_children_of_a_shard_that_cannot_be_read_wait_with_it() -> None:
    known = state(a=After("7", 1))

    assert GOAL.held_up(known, LISTED, {"a": Lag(5, "KMS")}, frozenset("a")) == {"a": "KMS"}
    assert held_up_error({"a": "KMSDisabled"}).where == "a: KMSDisabled"
