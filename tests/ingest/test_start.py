"""A new ingest starts where it is told, at a moment that a crash does not move."""

import pytest

from lakeferry.errors import FerryError
from lakeferry.ingest.position.start import parse_start, start_anew
from lakeferry.ingest.position.state import (
    After,
    FromTime,
    FromTrimHorizon,
    IngestState,
    StreamIdentity,
    iterator_of,
)
from lakeferry.ingest.position.way_back import way_back

NOW = 1_795_698_307_000  # 2026-11-26T13:05:07Z


def test_latest_is_a_moment_that_can_be_asked_for_again() -> None:
    place = parse_start("latest", NOW)

    assert place == FromTime(NOW, NOW)
    assert iterator_of(place) == ("AT_TIMESTAMP", None, NOW)


def test_latest_was_before_a_stream_that_is_made_anew_so_all_of_that_is_read() -> None:
    assert start_anew("latest", NOW) == FromTrimHorizon(NOW)
    assert start_anew("at:2026-11-26T12:00:00Z", NOW) == parse_start("at:2026-11-26T12:00:00Z", NOW)


@pytest.mark.parametrize("text", ["trim-horizon", "trim_horizon", "TRIM_HORIZON", "earliest"])
def test_the_oldest_record_has_several_names(text: str) -> None:
    assert parse_start(text, NOW) == FromTrimHorizon(NOW)


@pytest.mark.parametrize(
    "text",
    [
        "at:2026-11-26T12:00:00Z",
        "at:2026-11-26T13:00:00+01:00",
        "at:2026-11-26T12:00:00.000Z",
        '{"at_timestamp": "2026-11-26T12:00:00Z"}',
        """{"at_timestamp":"2026-11-26T12:00:00.000Z","format":"yyyy-MM-dd'T'HH:mm:ss.SSSX"}""",
        """{"at_timestamp":"2026-11-26T12:00:00Z","format":"yyyy-MM-dd'T'HH:mm:ss'Z'"}""",
    ],
)
def test_a_time_is_told_with_its_zone(text: str) -> None:
    assert parse_start(text, NOW) == FromTime(1_795_694_400_000, 1_795_694_400_000)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "at:",
        "at:noon",
        "at:2026-11-26T12:00:00",
        "at:2026-11-26T13:05:08Z",
        "2026-11-26T12:00:00Z",
        '{"at_timestamp": "11/26/2026", "format": "MM/dd/yyyy"}',
        '{"at_timestamp": 1795694400}',
        "[]",
        "17",
    ],
)
def test_anything_else_is_refused_and_not_guessed(text: str) -> None:
    with pytest.raises(FerryError, match="LF-7012"):
        parse_start(text, NOW)


def test_what_positions_prints_for_databricks_is_taken_here_too() -> None:
    state = IngestState(3, StreamIdentity("clicks"), {"a": After("7", NOW - 5_000, 7)})
    printed = way_back(state, "s3://lake/clicks", 3)["databricks"]["initialPosition"]

    assert parse_start(printed, NOW) == FromTime(NOW - 5_000, NOW - 5_000)


def test_who_wants_to_go_on_for_another_consumer_is_shown_how() -> None:
    with pytest.raises(FerryError, match="LF-7012") as refused:
        parse_start("checkpoint", NOW)

    assert "--adopt kcl:TABLE, checkpoint:DIR" in refused.value.next_step
