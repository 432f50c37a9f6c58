"""Positions say what was read, survive their text, and join from commit to commit."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.errors import FerryError
from lakeferry.ingest.position.state import (
    LAST_EPOCH,
    After,
    Ended,
    FromTime,
    FromTrimHorizon,
    Gap,
    IngestState,
    Missed,
    Position,
    Span,
    StreamIdentity,
    advanced,
    app_id,
    domain,
    epoch_of,
    iterator_of,
    sidecar_path,
    txn_version,
)
from lakeferry.ingest.position.text import parse_state, state_json, state_text

A, B = "shardId-000000000000", "shardId-000000000001"
# Real ones have some 56 digits: more than 64 bits, more than 128.
N1 = "49590338271490256608559692538361571095921575989136588898"
N2 = "49590338271490256608559692538361571095921575989136588899"
CLICKS = StreamIdentity("clicks", "arn:aws:kinesis:eu-west-1:111122223333:stream/clicks", 17)


def state(**shards: Position) -> IngestState:
    return IngestState(7, CLICKS, shards)


# --- text -----------------------------------------------------------------------------------


WHOLE = IngestState(
    812,
    CLICKS,
    {
        B: Ended(90, ("c", "d"), 5),
        A: After(N1, 99, 7),
        "c": FromTrimHorizon(90),
        "e": FromTime(50, 60),
        "named-by-another-server": After(N2, 80, 3),
    },
    (Gap(A, 1, 2),),
    {"f": Missed(After(N2, 80, 3), 95)},
)
PLAIN: dict[str, Any] = {
    "v": 1,
    "epoch": 812,
    "stream": {"name": "clicks", "arn": CLICKS.arn, "created": 17},
    "shards": {
        A: {"seq": N1, "until": 99, "records": 7},
        B: {"end": True, "until": 90, "records": 5, "children": ["c", "d"]},
        "c": {"start": "trim_horizon", "until": 90},
        "e": {"start": 50, "until": 60},
        "named-by-another-server": {"seq": N2, "until": 80, "records": 3},
    },
    "gaps": [{"shard": A, "since": 1, "until": 2}],
    "missed": {"f": {"seq": N2, "until": 80, "records": 3, "missed": 95}},
}


def test_a_table_keeps_of_shards_that_are_read_on_what_varies_alone() -> None:
    others = {shard: place for shard, place in PLAIN["shards"].items() if shard != A}

    # The bytes of the number in base64, records, and how many ms before `until`.
    assert json.loads(state_text(WHOLE)) == PLAIN | {
        "v": 2,
        "until": 99,
        "after": {"0": "AgW_TlwmAAAAAGdkihcABcGB7qAAAABi 7 0"},
        "shards": others,
    }


def test_the_positions_of_a_thousand_shards_are_below_75_kb() -> None:
    many = {
        f"shardId-{number:012}": After(str(int(N1) + number), 1763942400000 - number, 91_234_567)
        for number in range(1000)
    }

    assert len(json.dumps(state_text(state(**many)))) < 75_000  # as it lies in the log


def test_the_form_for_people_is_the_one_that_tables_had_at_first_and_is_read() -> None:
    assert state_json(WHOLE) == PLAIN
    assert parse_state(json.dumps(PLAIN), "here") == WHOLE


def test_a_text_from_before_shards_could_be_missed_is_read() -> None:
    text = state_text(state(a=After(N1, 9, 3)))

    assert "missed" not in text
    assert parse_state(text, "here") == state(a=After(N1, 9, 3))


times = st.integers(0, 2**45)
counts = st.integers(0, 2**53)
numbers = st.integers(0, 2**190).map(str) | st.sampled_from(["007", "٣"])
positions: st.SearchStrategy[Position] = st.one_of(
    st.builds(FromTrimHorizon, times),
    st.builds(FromTime, times, times),
    st.builds(After, numbers, times, counts),
    st.builds(Ended, times, st.lists(st.text(max_size=5), max_size=2).map(tuple), counts),
)
shard_ids = st.text(max_size=20) | st.integers(0, 10**13).map("shardId-{:012}".format)
states = st.builds(
    IngestState,
    st.integers(0, LAST_EPOCH),
    st.builds(StreamIdentity, st.text(), st.text(), times, st.none() | st.text(min_size=1)),
    st.dictionaries(shard_ids, positions, max_size=5),
    st.lists(st.builds(Gap, st.text(), times, times), max_size=2).map(tuple),
    st.dictionaries(st.text(max_size=20), st.builds(Missed, positions, times), max_size=2),
)


@given(states)
def test_a_state_survives_its_text(state: IngestState) -> None:
    assert parse_state(state_text(state), "here") == state
    assert parse_state(json.dumps(state_json(state)), "here") == state


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"v":1}',
        '{"v":3,"epoch":1,"stream":{},"shards":{},"gaps":[]}',
        state_text(state(**{A: After(N1, 1)})).replace(" 0 0", " 0"),
        state_text(state(**{A: After(N1, 1)})).replace("Ag", "A!"),
        state_text(state(**{A: After(N1, 1)})).replace(
            '"shards":{', f'"shards":{{"{A}":{{"until":1,"start":1}}'
        ),
        state_text(state(a=After(N1, 1))).replace(N1, "LATEST"),
        state_text(state(a=FromTime(1))).replace('"until"', '"til"'),
        state_text(state(a=FromTime(1))).replace('{"start":1', '{"start":"soon"'),
    ],
)
def test_a_text_that_is_no_state_is_refused_and_never_taken_for_an_empty_one(text: str) -> None:
    with pytest.raises(FerryError, match="LF-7002"):
        parse_state(text, "s3://b/t/_delta_log/x")


# --- names and versions ---------------------------------------------------------------------


def test_names_in_the_table_follow_from_the_name_of_the_ingest() -> None:
    assert app_id("clicks") == "lakeferry:ingest:clicks"
    assert domain("clicks") == "lakeferry.ingest.clicks"
    assert (
        sidecar_path("clicks", txn_version(1, 5))
        == "_delta_log/_lakeferry/ingest/clicks/0000000000001048581.json"
    )


@pytest.mark.parametrize("name", ["", "../x", "a/b", "-a", ".a", "a b", "ü", "x" * 65])
def test_a_name_that_could_leave_its_folder_is_refused(name: str) -> None:
    with pytest.raises(FerryError, match="LF-7001"):
        app_id(name)


@given(st.integers(0, LAST_EPOCH - 1), st.integers(0), st.integers(0))
def test_versions_rise_with_epochs_whatever_is_drawn(epoch: int, one: int, other: int) -> None:
    assert txn_version(epoch, one) < txn_version(epoch + 1, other) < 2**63
    assert epoch_of(txn_version(epoch, one)) == epoch


def test_an_epoch_beyond_the_last_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        txn_version(LAST_EPOCH + 1, 0)


# --- where reading goes on ------------------------------------------------------------------


def test_reading_goes_on_after_the_position() -> None:
    assert iterator_of(FromTrimHorizon()) == ("TRIM_HORIZON", None, None)
    assert iterator_of(FromTime(5)) == ("AT_TIMESTAMP", None, 5)
    assert iterator_of(After(N1, 9)) == ("AFTER_SEQUENCE_NUMBER", N1, None)


def test_the_end_of_a_shard_is_never_asked_for() -> None:
    with pytest.raises(ValueError, match="read to its end"):
        iterator_of(Ended(9))


# --- from commit to commit ------------------------------------------------------------------


def test_a_commit_moves_its_shards_and_counts_itself() -> None:
    before = state(a=After(N1, 9, 3), b=FromTime(1))
    spans = (
        Span("a", After(N1, 9, 3), After(N2, 12, 4), 1, first=N2),
        Span("b", FromTime(1), FromTime(1, 12), 0),
        Span("c", FromTrimHorizon(9), Ended(12), 0),
    )

    assert advanced(before, spans) == IngestState(
        8, CLICKS, {"a": After(N2, 12, 4), "b": FromTime(1, 12), "c": Ended(12)}
    )


@pytest.mark.parametrize(
    ("stands", "span"),
    [
        (After(N1, 9, 3), Span("a", FromTrimHorizon(), After(N2, 9, 1), 1, first=N2)),
        (After(N1, 9, 3), Span("a", After(N2, 9, 3), After(N2, 9, 4), 1, first=N2)),
        (After(N1, 9, 3), Span("a", After(N1, 9, 3), After(N1, 9, 4), 1, first=N1)),
        (After(N2, 9, 3), Span("a", After(N2, 9, 3), After(N2, 9, 4), 1, first=N1)),
        (After(N1, 9, 3), Span("a", After(N1, 9, 3), After(N2, 9, 5), 1, first=N2)),
        (After(N1, 9, 3), Span("a", After(N1, 9, 3), After(N2, 9, 3), 0)),
        (After(N1, 9, 3), Span("a", After(N1, 9, 3), FromTime(9), 0)),
        (After("10", 9, 3), Span("a", After("10", 9, 3), After("9", 9, 4), 1, first="9")),
        (After("9", 9, 3), Span("a", After("9", 9, 3), After("11", 9, 4), 1, first="12")),
        (After(N1, 9, 3), Span("a", After(N1, 9, 3), After(N2, 9, 4), 1)),
        (Ended(9, (), 3), Span("a", Ended(9, (), 3), Ended(9, (), 3), 0)),
        (FromTime(1), Span("a", FromTime(1), FromTime(2), 0)),
        (FromTime(1), Span("a", FromTime(1), FromTrimHorizon(), 0)),
    ],
)
def test_a_span_that_would_lose_or_double_is_refused(stands: Position, span: Span) -> None:
    with pytest.raises(FerryError, match="LF-7003"):
        advanced(state(a=stands), (span,))


def test_a_shard_that_was_missed_is_read_on_from_where_it_stood_and_is_missed_no_more() -> None:
    stood = After(N1, 9, 3)
    lost = replace(state(a=Ended(9, (), 3)), missed={"a": Missed(stood, 20)})

    after = advanced(lost, (Span("a", stood, After(N2, 30, 4), 1, first=N2),))

    assert after == IngestState(8, CLICKS, {"a": After(N2, 30, 4)})
    with pytest.raises(FerryError, match="LF-7003"):
        advanced(lost, (Span("a", FromTrimHorizon(), After(N2, 30, 1), 1, first=N2),))


def test_a_shard_that_is_not_known_is_read_from_its_beginning() -> None:
    with pytest.raises(FerryError, match="LF-7003"):
        advanced(state(), (Span("a", FromTime(1), After(N1, 2, 1), 1, first=N1),))


def test_a_shard_moves_once_in_a_commit() -> None:
    spans = (
        Span("a", After(N1, 9), After(N2, 9, 1), 1, first=N2),
        Span("a", After(N2, 9, 1), After(N2, 10, 1), 0),
    )

    with pytest.raises(FerryError, match="two spans"):
        advanced(state(a=After(N1, 9)), spans)
