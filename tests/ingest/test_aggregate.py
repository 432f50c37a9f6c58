"""KPL aggregates come apart as the KPL put them together, and what is none is left whole."""

from hashlib import md5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.ingest.kinesis.aggregate import OutOfRange, Unpacked, UserRecord, hash_key, unpack
from tests.ingest.kpl import (
    QLDB,
    QLDB_ION,
    QLDB_KEYS,
    aggregate,
    field,
    message,
    record,
    sealed,
    varint,
)

LOWER, UPPER = (0, 2**127 - 1), (2**127, 2**128 - 1)
# MD5 of "a" begins with 0c, of "b" with 92: they belong to different halves.
TWO_HALVES = aggregate([("a", b"one"), ("b", b"two"), ("a", b"three")])


def unpacked(data: bytes) -> Unpacked:
    found = unpack(data)
    assert found is not None
    return found


def payloads(records: tuple[UserRecord, ...]) -> list[tuple[int, bytes]]:
    return [(one.sub_sequence, one.data) for one in records]


# --- what is an aggregate -------------------------------------------------------------------


def test_what_amazon_s_own_producer_wrote_comes_apart() -> None:
    found = unpacked(QLDB)

    begins, first, second = QLDB_ION
    assert [one.partition_key for one in found.kept] == list(QLDB_KEYS)
    assert [one.data[:4] for one in found.kept] == [begins, begins]
    assert [len(one.data) for one in found.kept] == [first, second]


def test_keys_hash_keys_and_order_are_kept() -> None:
    data = sealed(
        message(["k", "l"], [record(1, b"x", 0), record(0, b""), record(1, b"x")], ["17"])
    )

    assert unpacked(data).kept == (
        UserRecord(0, "l", "17", b"x"),
        UserRecord(1, "k", None, b""),
        UserRecord(2, "l", None, b"x"),
    )


def test_tables_may_follow_the_records_that_point_into_them() -> None:
    data = sealed(record(0, b"x") + field(1, b"k"))

    assert unpacked(data).kept == (UserRecord(0, "k", None, b"x"),)


def test_fields_that_we_do_not_know_are_stepped_over() -> None:
    tag = field(4, field(1, b"name") + field(2, b"value"))
    later = field(9, 300) + varint(10 << 3 | 1) + bytes(8) + varint(11 << 3 | 5) + bytes(4)
    data = sealed(message(["k"], [record(0, b"x", extra=tag + later)]) + later)

    assert unpacked(data).kept == (UserRecord(0, "k", None, b"x"),)


def test_an_aggregate_of_no_records_gives_none() -> None:
    assert unpack(sealed(field(1, b"k"))) == Unpacked()


WHOLE = {
    "other bytes": b'{"a":1}' * 10,
    "empty": b"",
    "only magic and digest": sealed(b""),
    "wrong digest": TWO_HALVES[:-1] + bytes([TWO_HALVES[-1] ^ 1]),
    "flipped byte": TWO_HALVES[:9] + bytes([TWO_HALVES[9] ^ 1]) + TWO_HALVES[10:],
    "cut": TWO_HALVES[:-20],
    "message cut before its seal": sealed(message(["k"], [record(0, b"xyz")])[:-1]),
    "record without its key": sealed(field(1, b"k") + field(3, field(3, b"x"))),
    "record without its data": sealed(field(1, b"k") + field(3, field(1, 0))),
    "endless number": sealed(b"\x08" + b"\x80" * 11),
    "a group": sealed(b"\x0b" * 3),
    "field zero": sealed(b"\x00\x00"),
    "a length beyond the end": sealed(field(1, b"k") + b"\x1a\x7f"),
    "an inner length beyond its record": sealed(b"\x1a\x04\x08\x00\x1a\x09" + bytes(9)),
}


@pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE.keys())
def test_a_record_that_is_no_aggregate_is_left_whole(data: bytes) -> None:
    assert unpack(data) is None


@pytest.mark.parametrize(
    "body",
    [
        message(["k"], [record(0, b"x"), record(1, b"y")]),
        message(["k"], [record(0, b"x", 0)]),
        message([], [record(2**64 - 1, b"x")]),
    ],
)
def test_an_index_into_nowhere_sends_the_whole_record_to_quarantine(body: bytes) -> None:
    found = unpacked(sealed(body))

    assert found.broken is not None
    assert (found.kept, found.quarantined) == ((), ())


# --- records of another shard ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "kept", "quarantined", "dropped", "out_of_range"),
    [
        ("keep", [(0, b"one"), (1, b"two"), (2, b"three")], [], 0, 1),
        ("drop-record", [(0, b"one"), (2, b"three")], [], 1, 1),
        ("quarantine", [(0, b"one"), (2, b"three")], [(1, b"two")], 0, 1),
        ("kcl", [], [], 3, 1),
    ],
)
def test_records_outside_the_shard_s_range_go_where_the_option_says(
    rule: OutOfRange,
    kept: list[tuple[int, bytes]],
    quarantined: list[tuple[int, bytes]],
    dropped: int,
    out_of_range: int,
) -> None:
    found = unpack(TWO_HALVES, LOWER, out_of_range=rule)

    assert found is not None
    assert payloads(found.kept) == kept
    assert payloads(found.quarantined) == quarantined
    assert (found.dropped, found.out_of_range) == (dropped, out_of_range)


def test_an_explicit_hash_key_goes_before_the_partition_key() -> None:
    data = sealed(message(["a"], [record(0, b"x", 0)], [str(2**127)]))

    lower = unpack(data, LOWER, out_of_range="drop-record")
    upper = unpack(data, UPPER, out_of_range="drop-record")

    assert lower == Unpacked(dropped=1, out_of_range=1)
    assert upper is not None
    assert payloads(upper.kept) == [(0, b"x")]


def test_both_ends_of_a_range_are_in_it() -> None:
    data = sealed(message(["a"], [record(0, b"x", 0), record(0, b"y", 1)], ["5", "9"]))

    found = unpack(data, (5, 9), out_of_range="drop-record")

    assert found is not None
    assert found.out_of_range == 0


def test_a_word_for_a_hash_key_is_none() -> None:
    assert hash_key("a", "undefined") == hash_key("a") == int(md5(b"a").hexdigest(), 16)


# --- for all --------------------------------------------------------------------------------

pairs = st.lists(st.tuples(st.text(min_size=1, max_size=5), st.binary(max_size=300)), max_size=40)


@given(pairs)
def test_whatever_is_aggregated_comes_out_the_same(pairs: list[tuple[str, bytes]]) -> None:
    pairs = [(key, data) for key, data in pairs if key.isprintable()] or [("k", b"x")]

    found = unpacked(aggregate(pairs))

    assert [(one.partition_key, one.data) for one in found.kept] == pairs
    assert [one.sub_sequence for one in found.kept] == list(range(len(pairs)))


@given(pairs, st.integers(0, 2**128 - 1), st.sampled_from(["keep", "drop-record", "quarantine"]))
def test_every_record_goes_to_exactly_one_place(
    pairs: list[tuple[str, bytes]], edge: int, rule: OutOfRange
) -> None:
    data = aggregate([(key, data) for key, data in pairs if key.isprintable()] or [("k", b"x")])

    whole = unpacked(data)
    found = unpack(data, (0, edge), out_of_range=rule)

    assert found is not None
    assert len(found.kept) + len(found.quarantined) + found.dropped == len(whole.kept)


@given(st.binary(max_size=200))
def test_no_bytes_under_a_right_seal_stop_the_reader(body: bytes) -> None:
    found = unpack(sealed(body))

    assert found is None or found.broken or not found.quarantined
