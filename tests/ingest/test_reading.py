"""What is next for a shard after each answer; stands always after the last record in memory."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.ingest.kinesis.pace import Pace
from lakeferry.ingest.kinesis.reading import (
    LONG_S,
    PATIENCE_S,
    PAUSE_S,
    Reading,
    after_page,
    after_refusal,
    after_silence,
    fresh_records,
    is_final,
    paced,
    with_iterator,
)
from lakeferry.ingest.kinesis.wire import ChildShard, HashKeyRange, Record, RecordsPage, Refusal
from lakeferry.ingest.position.state import After, Ended, FromTime, FromTrimHorizon, Position

NOW_MS = 1_800_000_000_000
READING = Reading("s-0", After("100", 5_000, 7), iterator="A")
EXPIRED = Refusal(400, "ExpiredIteratorException", "Iterator expired.")
THROTTLED = Refusal(400, "ProvisionedThroughputExceededException", "Rate exceeded")
FAILED = Refusal(500, "InternalFailure", "")
TOKEN = Refusal(400, "ExpiredTokenException", "expired")
DENIED = Refusal(400, "AccessDeniedException", "no")
KMS = Refusal(400, "KMSDisabledException", "The key\nis disabled.")


def record(number: int, arrived_s: float = NOW_MS / 1000) -> Record:
    return Record(str(number), arrived_s, b"x", "k")


def page(*numbers: int, behind: int | None = 0, iterator: str | None = "B") -> RecordsPage:
    return RecordsPage([record(one) for one in numbers], iterator, behind)


def moved(reading: Reading, answer: RecordsPage) -> Reading:
    return after_page(reading, answer, answer.records, NOW_MS)


# --- pages ----------------------------------------------------------------------------------


def test_a_page_moves_the_place_behind_its_last_record() -> None:
    after = moved(READING, page(101, 102))

    assert after.place == After("102", NOW_MS - 1_000, 9)
    assert after.iterator == "B"


def test_the_first_record_of_a_shard_begins_its_count() -> None:
    assert moved(Reading("s-0", FromTrimHorizon(5)), page(7)).place == After("7", NOW_MS - 1_000, 1)


@pytest.mark.parametrize(
    ("place", "stays"),
    [
        (FromTrimHorizon(5), FromTrimHorizon(NOW_MS - 61_000)),
        (FromTime(3, 5), FromTime(3, NOW_MS - 61_000)),
        (After("9", 5, 2), After("9", NOW_MS - 61_000, 2)),
    ],
)
def test_an_empty_page_moves_nothing_but_the_time_that_was_read_until(
    place: Position, stays: Position
) -> None:
    assert moved(Reading("s-0", place), page(behind=60_000)).place == stays


def test_the_time_that_was_read_until_never_goes_back() -> None:
    later = replace(READING, place=After("100", NOW_MS + 5, 7))

    assert moved(later, page(101)).place.read_until_ms == NOW_MS + 5


@pytest.mark.parametrize("iterator", ["B", None])
def test_a_backlog_that_is_begun_with_its_oldest_record_is_had_only_as_far_as_it_was_read(
    iterator: str | None,
) -> None:
    """Its start claims all until then; with the first record that becomes what is known."""
    begun = Reading("s-0", FromTrimHorizon(NOW_MS))

    first = moved(begun, page(7, behind=3_600_000, iterator=iterator))

    assert first.place.read_until_ms == NOW_MS - 3_601_000
    assert moved(begun, page(behind=3_600_000)).place == FromTrimHorizon(NOW_MS)


@pytest.mark.parametrize("behind", [0, None])
def test_a_page_with_records_is_known_up_to_the_last_of_them(behind: int | None) -> None:
    """Now would be too late: the shard may have been closed long ago, with that record its last."""
    old = RecordsPage([record(101, NOW_MS / 1000 - 60)], "B", behind)

    assert moved(READING, old).place.read_until_ms == NOW_MS - 61_000


@pytest.mark.parametrize("records", [[], [record(101, NOW_MS / 1000 - 60)]])
def test_the_end_of_a_shard_says_nothing_of_the_time_since_its_last_record(
    records: list[Record],
) -> None:
    """Its children have had records since it was closed, whenever its end is read."""
    open_until = replace(READING, place=After("100", NOW_MS - 60_500, 7))

    ended = moved(open_until, RecordsPage(records, None, 0))

    assert isinstance(ended.place, Ended)
    assert ended.place.read_until_ms == NOW_MS - 60_500


def test_a_server_that_does_not_tell_how_far_behind_a_page_is_leaves_its_arrivals() -> None:
    assert moved(READING, page(101, behind=None)).place.read_until_ms == NOW_MS - 1_000
    assert moved(READING, page(behind=None)).place.read_until_ms == 5_000


def test_a_page_without_a_next_iterator_is_the_end_with_the_children_it_names() -> None:
    keys = HashKeyRange("0", "1")
    children = tuple(ChildShard(name, ("s-0",), keys) for name in ("s-2", "s-1"))
    last = RecordsPage([record(101)], None, 0, children)

    after = moved(READING, last)

    assert after.place == Ended(NOW_MS - 1_000, ("s-1", "s-2"), 8)
    assert after.ended


def test_an_end_without_children_told_is_an_end() -> None:
    assert moved(READING, page(iterator=None)).place == Ended(5_000, (), 7)


def test_a_page_ends_all_trouble() -> None:
    troubled = replace(READING, refused=9, refused_since_s=1.0, paused="KMS")

    after = moved(troubled, page())

    assert (after.refused, after.refused_since_s, after.paused) == (0, None, "")


def test_records_that_were_read_before_are_none() -> None:
    numbers = [record(99), record(100), record(101)]

    assert [one.sequence_number for one in fresh_records(After("100", 0, 1), numbers)] == ["101"]


def test_sequence_numbers_are_compared_as_numbers() -> None:
    assert fresh_records(After("99", 0, 1), [record(100)]) == [record(100)]


# --- rhythm ---------------------------------------------------------------------------------


def test_a_shard_is_due_after_what_its_page_takes_of_the_quota() -> None:
    after = paced(READING, page(101, behind=9_999), 1_000_000, 50.0, Pace())

    assert after.due_s == 50.5


def test_a_shard_that_has_just_caught_up_is_asked_once_more_and_then_left_for_a_second() -> None:
    last = paced(READING, page(101), 100_000, 50.0, Pace())
    after = paced(last, page(), 0, 50.2, Pace())
    behind = paced(after, page(102, behind=9_999), 100_000, 51.2, Pace())

    assert [last.due_s, after.due_s, behind.due_s] == pytest.approx([50.2, 51.2, 51.4])


def test_the_page_that_catches_up_waits_for_what_it_took_of_the_quota() -> None:
    assert paced(READING, page(101), 2_000_000, 50.0, Pace()).due_s == 51.0


def test_the_size_of_records_is_learnt_quickly_upwards_and_slowly_downwards() -> None:
    first = paced(READING, page(1, 2), 2_000, 0.0, Pace())
    larger = paced(first, page(3), 10_000, 0.0, Pace())
    smaller = paced(larger, page(4), 0, 0.0, Pace())

    assert (first.record_bytes, larger.record_bytes, smaller.record_bytes) == (1000, 10_000, 7_500)


def test_an_empty_page_says_nothing_of_the_size_of_records() -> None:
    known = replace(READING, record_bytes=10.0)

    assert paced(known, page(), 0, 0.0, Pace()).record_bytes == 10.0


# --- refusals -------------------------------------------------------------------------------


def test_an_expired_iterator_is_replaced_at_once_after_the_last_record() -> None:
    after = after_refusal(READING, EXPIRED, 50.0, 0.5)

    assert (after.iterator, after.due_s, after.place) == (None, 50.0, READING.place)


def test_an_iterator_that_expires_when_it_is_new_waits() -> None:
    once = after_refusal(READING, EXPIRED, 50.0, 0.5)
    again = after_refusal(with_iterator(once, "C", 50.1), EXPIRED, 50.2, 0.5)

    assert again.iterator is None
    assert again.due_s > 50.3


@pytest.mark.parametrize("refusal", [THROTTLED, FAILED, TOKEN])
def test_what_may_pass_is_tried_again_by_the_same_iterator(refusal: Refusal) -> None:
    after = after_refusal(READING, refusal, 50.0, 0.5)

    assert (after.iterator, after.place) == ("A", READING.place)
    assert after.due_s >= 50.2


@given(st.lists(st.sampled_from([EXPIRED, THROTTLED, FAILED, TOKEN, KMS]), max_size=60))
def test_no_run_of_refusals_asks_more_than_five_times_a_second_nor_moves_the_place(
    refusals: list[Refusal],
) -> None:
    reading, now = READING, 0.0
    for refusal in refusals:
        reading = after_refusal(reading, refusal, now, 0.0)
        now = reading.due_s
        if reading.iterator is None:
            reading = with_iterator(reading, "C", now)

    assert len(refusals) <= 5 * now + 1.000001
    assert reading.place == READING.place


def test_a_shard_that_cannot_be_decrypted_pauses_and_says_why() -> None:
    after = after_refusal(READING, KMS, 50.0, 1.0)

    assert after.paused == "KMSDisabledException: The key is disabled."
    assert after.due_s == 50.0 + PAUSE_S


@pytest.mark.parametrize("trouble", ["throttled", "nobody"])
def test_a_shard_that_gives_nothing_for_long_says_why(trouble: str) -> None:
    def after(reading: Reading, now: float) -> Reading:
        if trouble == "nobody":
            return after_silence(reading, "ConnectionRefusedError", now, 0.5)
        return after_refusal(reading, THROTTLED, now, 0.5)

    first = after(READING, 50.0)
    late = after(first, 50.0 + LONG_S)

    assert first.paused == ""
    told = {
        "nobody": "no answer: ConnectionRefusedError (for 30 s)",
        "throttled": "ProvisionedThroughputExceededException: Rate exceeded (for 30 s)",
    }
    assert late.paused == told[trouble]


def test_what_a_person_must_mend_is_final() -> None:
    assert is_final(READING, DENIED, 0.0)


@pytest.mark.parametrize("refusal", [EXPIRED, THROTTLED, FAILED, KMS])
def test_what_may_pass_is_never_final(refusal: Refusal) -> None:
    long = replace(READING, refused=99, refused_since_s=0.0)

    assert not is_final(long, refusal, 1e9)


def test_keys_that_are_refused_are_final_after_a_while() -> None:
    refused = after_refusal(READING, TOKEN, 50.0, 0.5)

    assert not is_final(READING, TOKEN, 50.0)
    assert not is_final(refused, TOKEN, 50.0 + PATIENCE_S - 0.1)
    assert is_final(refused, TOKEN, 50.0 + PATIENCE_S)
