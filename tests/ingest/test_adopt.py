"""An ingest goes on where another consumer stands, or says what it cannot know."""

import pytest

from lakeferry.errors import FerryError
from lakeferry.ingest.kinesis.lineage import Listing, Shard, readable
from lakeferry.ingest.position.adopt import Adopted, Looked, adopted, records_to_look_at
from lakeferry.ingest.position.standing import Place, Standing
from lakeferry.ingest.position.state import (
    After,
    Ended,
    FromTime,
    FromTrimHorizon,
    Gap,
    Position,
    StreamIdentity,
)

N = "49590338271490256608559692538361571095921575989136588898"
NOW = 1_764_000_000_000
CLICKS = StreamIdentity("clicks", created_ms=5)


def shards(**parents: tuple[str, ...]) -> dict[str, Shard]:
    """Shards by their parents; who is one is closed."""
    closed = {one for some in parents.values() for one in some}
    return {one: Shard(one, some, closed=one in closed) for one, some in parents.items()}


def taken(
    standing: dict[str, Place | Position],
    listed: Listing,
    *,
    looked: dict[str, Looked] | None = None,
    begin: FromTrimHorizon | FromTime | None = None,
    may_lose: bool = False,
) -> Adopted:
    return adopted(
        Standing("table t", standing), listed, looked or {}, stream=CLICKS, now_ms=NOW,
        begin=begin, may_lose=may_lose,
    )  # fmt: skip


def test_each_shard_begins_behind_the_record_that_was_read_last() -> None:
    found = taken({"a": Place("after", N)}, shards(a=()), looked={"a": Looked(True, 500)})

    assert found == Adopted({"a": After(N, 500)}, exact=True)


def test_ends_and_beginnings_are_taken_as_they_are() -> None:
    found = taken(
        {"a": Place("end"), "b": Place("trim horizon"), "c": Place("time", at_ms=70)},
        shards(a=(), b=("a",), c=("a",)),
    )

    assert found == Adopted(
        {
            "a": Ended(NOW, ("b", "c")),
            "b": FromTrimHorizon(NOW),
            "c": FromTime(70, 70),
        },
        exact=True,
    )


def test_positions_of_another_lakeferry_are_taken_without_a_look() -> None:
    found = taken({"a": After(N, 5, 70), "b": Ended(6, ("c",), 9)}, shards(a=(), b=(), c=("b",)))

    assert found == Adopted({"a": After(N, 5, 70), "b": Ended(6, ("c",), 9)}, exact=True)


@pytest.mark.parametrize(("sub", "users", "whole"), [
    (0, None, True), (4, None, True), (0, 1, True), (4, 5, True), (3, 5, False), (0, 2, False),
])  # fmt: skip
def test_an_aggregate_was_read_if_its_last_user_record_was(
    sub: int, users: int | None, whole: bool
) -> None:
    looked = {"a": Looked(True, 500, users)}

    found = taken({"a": Place("after", N, sub)}, shards(a=()), looked=looked)

    assert found.exact is whole
    assert found.shards == {"a": After(N, 500) if whole else FromTime(500, 500)}


def test_a_position_at_a_record_comes_again_by_its_time() -> None:
    found = taken({"a": Place("at", N)}, shards(a=()), looked={"a": Looked(True, 500)})

    assert found.shards == {"a": FromTime(500, 500)}
    assert not found.exact
    assert "comes again" in found.notes[0]


# --- shards that came and went --------------------------------------------------------------


def test_children_that_nobody_told_of_are_read_after_their_parents() -> None:
    listed = shards(a=(), b=("a",), c=("a",), d=("b", "c"))

    found = taken({"a": Place("after", N)}, listed, looked={"a": Looked(True, 500)})

    assert found.shards == {"a": After(N, 500)}
    assert readable(listed, found.shards) == {"a": After(N, 500)}


def test_listed_parents_of_a_shard_that_is_read_were_read() -> None:
    """The KCL deletes the leases of shards that have ended when their children are read."""
    listed = shards(a=(), b=("a",), c=("a",), d=("b",), e=("b",))
    at = Place("after", N)
    looked = {one: Looked(True, 500) for one in "cde"}

    found = taken({"c": at, "d": at, "e": at}, listed, looked=looked)

    assert found.shards["a"] == Ended(NOW, ("b", "c"))
    assert found.shards["b"] == Ended(NOW, ("d", "e"))
    assert set(readable(listed, found.shards)) == {"c", "d", "e"}


def test_ended_shards_that_are_listed_no_more_are_kept_while_a_child_waits_for_them() -> None:
    listed = {"b": Shard("b", ("a",), (0, 9)), "c": Shard("c", ("a",), (10, 19))}

    found = taken({"a": Place("end"), "b": Place("trim horizon")}, listed)
    horizon = Place("trim horizon")
    all_told = taken({"a": Place("end"), "b": horizon, "c": horizon}, listed)

    assert found.shards == {"a": Ended(NOW, ("b", "c")), "b": FromTrimHorizon(NOW)}
    assert set(readable(listed, found.shards)) == {"b", "c"}
    assert "a" not in all_told.shards


def test_a_shard_of_which_nothing_follows_is_refused() -> None:
    with pytest.raises(FerryError, match="nothing is told of b") as caught:
        taken({"a": Place("trim horizon")}, shards(a=(), b=()))
    assert caught.value.exit_code == 2


def test_positions_of_shards_that_are_none_of_the_stream_are_refused() -> None:
    with pytest.raises(FerryError, match="LF-7083"):
        taken({"a": Place("trim horizon"), "z": Place("after", N)}, shards(a=()))


def test_a_shard_that_ended_there_and_is_open_here_is_of_another_stream() -> None:
    with pytest.raises(FerryError, match="LF-7083"):
        taken({"a": Place("end")}, shards(a=()))


def test_positions_of_a_stream_that_was_made_anew_since_are_refused() -> None:
    other = StreamIdentity("clicks", created_ms=1_795_694_400_000)
    standing = Standing("f", {"a": After(N, 5)}, stream=other)

    with pytest.raises(FerryError, match="LF-7083") as refused:
        adopted(standing, shards(a=()), {}, stream=CLICKS, now_ms=NOW)

    said = "f: it read clicks, created 2026-11-26T12:00:00Z, and there is "
    assert refused.value.where.startswith(said)


# --- what cannot be known -------------------------------------------------------------------


def test_a_record_that_is_gone_may_mean_loss_and_is_refused_unless_that_is_accepted() -> None:
    standing: dict[str, Place | Position] = {"a": Place("after", N)}
    gone = {"a": Looked(False, 800)}

    with pytest.raises(FerryError, match="LF-7084"):
        taken(standing, shards(a=()), looked=gone)

    found = taken(standing, shards(a=()), looked=gone, may_lose=True)
    assert found.shards == {"a": After(N, 800)}
    assert found.gaps == (Gap("a", CLICKS.created_ms, 800),)
    assert not found.exact


def test_of_a_shard_without_any_record_nothing_is_missing() -> None:
    found = taken({"a": Place("after", N)}, shards(a=()), looked={"a": Looked(False, empty=True)})

    assert found == Adopted({"a": After(N, NOW)}, exact=True)


@pytest.mark.parametrize("where", ["latest", "unknown time"])
def test_a_shard_that_was_not_read_yet_needs_to_be_told_where_it_began(where: str) -> None:
    place = Place("latest") if where == "latest" else Place("unknown time")

    with pytest.raises(FerryError, match="LF-7085"):
        taken({"a": place}, shards(a=()))

    assert taken({"a": place}, shards(a=()), begin=FromTime(70, 70)).shards == {
        "a": FromTime(70, 70)
    }
    assert taken({"a": place}, shards(a=()), begin=FromTrimHorizon(3)).shards == {
        "a": FromTrimHorizon(NOW)
    }


def test_where_shards_are_private_all_begin_at_a_time() -> None:
    standing = Standing("dir", since_ms=70, notes=("said",))

    found = adopted(standing, shards(a=(), b=()), {}, stream=CLICKS, now_ms=NOW)

    since = FromTime(70, 70)
    assert found == Adopted({"a": since, "b": since}, False, ("said",), since=since)


def test_only_records_that_are_named_are_looked_at() -> None:
    standing = Standing(
        "t", {"a": Place("after", N), "b": Place("end"), "c": Place("at", "5"), "d": After("7", 1)}
    )

    assert records_to_look_at(standing) == {"a": N, "c": "5"}
