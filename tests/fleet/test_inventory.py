"""What the ledger keeps of what was found."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lakeferry.fleet.discovery.found import DeltaHead, FoundTable, Remark
from lakeferry.fleet.discovery.inventory import moves_of, print_of
from lakeferry.fleet.discovery.vacuum import vacuum_remark
from lakeferry.fleet.manifest.wanted import Limits
from lakeferry.fleet.standing.states import STATES, may_follow
from tests.ledger.lakes import table

HEAD = DeltaHead(
    id="a", version=7, committed_ms=5, reader_version=1, writer_version=2, features=(),
    schema_sha256="00", partition_columns=(), commits_a_day=3.0, streams=(), streams_in_all=0,
    copy_into_files=0, retention_s=3600, checkpoint="none", has_change_feed=False,
    is_clustered=False, column_mapping="none", counted_by="log",
)  # fmt: skip


def found(**other: Any) -> FoundTable:
    given = {"head": HEAD, "files": 1, "bytes": 10, **other}
    return FoundTable("sales", "eu", "orders", "delta", "s3://lake/eu/orders", **given)


def head(**other: Any) -> DeltaHead:
    return DeltaHead(**{name: getattr(HEAD, name) for name in HEAD.__slots__} | other)


def test_that_a_table_has_grown_is_no_change() -> None:
    grown = found(head=head(version=9, commits_a_day=8.0, streams_in_all=2), files=3, bytes=30)

    assert print_of(grown) == print_of(found())


def test_what_a_table_is_is_part_of_its_print() -> None:
    others = [
        found(head=head(id="b")),
        found(head=head(writer_version=7)),
        found(head=head(schema_sha256="01")),
        found(head=head(features=("deletionVectors",))),
        found(head=head(retention_s=1)),
        found(head=None),
        found(is_in_scope=False),
        found(remarks=(Remark("LF-3001", "", ""),)),
        found(catalog="glue"),
    ]

    prints = [print_of(one) for one in (found(), *others)]

    assert len(set(prints)) == len(prints)


states = st.sampled_from(STATES)
codes = st.sampled_from(["", "LF-3001", "LF-8056", "LF-4102"])


@given(states, codes, st.sampled_from(["discovered", "excluded", "blocked"]), codes)
def test_each_step_is_one_that_a_migration_has_and_ends_where_the_look_wants_it(
    before: str, before_code: str, now: str, now_code: str
) -> None:
    """Or nothing is done: what has begun goes on."""
    state = before
    moves = list(moves_of(table("a.b", state=before, code=before_code),
                          table("a.b", state=now, code=now_code)))  # fmt: skip

    for move in moves:
        assert move.before == state
        assert move.after in may_follow(state)  # type: ignore[arg-type]
        state = move.after
    assert not moves or state == now


def test_vacuum_is_a_risk_where_the_copy_takes_longer_than_files_are_kept() -> None:
    hour = 450_000_000_000  # bytes at 1 Gbit/s

    assert vacuum_remark(found(bytes=hour - 1), Limits()) is None
    assert vacuum_remark(found(bytes=hour), Limits()) is not None
    assert vacuum_remark(found(bytes=hour), Limits(bytes_per_s=250e6)) is None
    slow = vacuum_remark(found(bytes=hour), Limits(bytes_per_s=12.5e6))
    assert slow is not None
    assert slow.what == "it keeps removed files for 1 h, and its copy takes 10 h"
