"""Options are those of Databricks, in any case; one that is unknown is refused, not passed over."""

import csv
from pathlib import Path

import pytest

from lakeferry.errors import FerryError
from lakeferry.spark.option_names import KNOWN, NOTED, OWN, USED
from lakeferry.spark.options import MIB, parse_options

DOCUMENTED = Path(__file__).parent / "data" / "databricks_options.tsv"
LEAST = {"streamName": "clicks", "metadataPath": "s3://lake/checkpoints/clicks/lakeferry"}


def refused(**given: str) -> FerryError:
    with pytest.raises(FerryError) as caught:
        parse_options({**LEAST, **given})
    return caught.value


def test_every_option_that_databricks_documents_is_known_and_no_other_is_called_theirs() -> None:
    with DOCUMENTED.open(encoding="utf-8") as file:
        documented = {row["name"] for row in csv.DictReader(file, delimiter="\t")}

    assert {*USED, *NOTED} == documented
    assert not {*OWN} & documented
    assert len(KNOWN) == len({name.lower() for name in KNOWN})


def test_a_stream_and_a_place_for_the_record_are_enough() -> None:
    options = parse_options(LEAST)

    assert options.stream == "clicks"
    assert options.metadata == "s3://lake/checkpoints/clicks/lakeferry"
    assert options.start == "latest"
    assert options.fail_on_loss
    assert options.share == 1.0
    assert options.notes == ()


def test_names_are_read_in_any_case_and_quantities_as_spark_writes_them() -> None:
    options = parse_options(
        {
            "STREAMNAME": "clicks",
            "metadatapath": "/lake/record",
            "maxRecordsPerFetch": "500",
            "maxFetchRate": "1.0",
            "MinFetchPeriod": "400ms",
            "maxFetchDuration": "1min",
            "fetchBufferSize": "128mb",
            "shardFetchInterval": "2",
            "shardsPerTask": "8",
            "failOnDataLoss": "False",
        }
    )

    assert options.records_per_fetch == 500
    assert options.share == 0.5
    assert options.fetch_period_s == 0.4
    assert options.fetch_duration_s == 60
    assert options.buffer_bytes == 128 * MIB
    assert options.list_every_s == 2
    assert options.shards_per_task == 8
    assert not options.fail_on_loss


def test_an_arn_says_the_region_and_the_option_goes_before_it() -> None:
    arn = "arn:aws:kinesis:eu-central-1:123456789012:stream/clicks"
    given = {"streamARN": arn, "metadataPath": "/lake/record"}

    assert parse_options(given).stream == arn
    assert parse_options(given).region == "eu-central-1"
    assert parse_options({**given, "region": "eu-west-1"}).region == "eu-west-1"


@pytest.mark.parametrize(
    "place",
    [
        "latest",
        "trim_horizon",
        "earliest",
        '{"at_timestamp": "2026-11-26T12:00:00Z"}',
    ],
)
def test_a_query_begins_where_databricks_would(place: str) -> None:
    assert parse_options({**LEAST, "initialPosition": place}).start == place


def test_the_buffer_of_a_job_of_databricks_is_none_that_one_task_would_hold() -> None:
    assert parse_options({**LEAST, "fetchBufferSize": "20gb"}).buffer_bytes == 256 * MIB


def test_options_that_mean_nothing_here_are_taken_and_told() -> None:
    options = parse_options({**LEAST, "coalesceBinSize": "128000000", "maxPartitions": "4"})

    assert [note.partition(":")[0] for note in options.notes] == [
        "maxPartitions",
        "coalesceBinSize",
    ]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("streemName", "streamName"),
        ("kinesis.streamName", "streamName"),
        ("initialPositions", "initialPosition"),
        ("failOnDataLos", "failOnDataLoss"),
    ],
)
def test_a_misspelt_option_is_refused_with_the_one_that_is_meant(given: str, meant: str) -> None:
    error = refused(**{given: "x"})

    assert error.code == "LF-7071"
    assert given in error.what
    assert error.next_step.startswith(f"did you mean `{meant}`?")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("consumerMode", "efo"),
        ("streamName", "clicks,views"),
        ("streamARN", "arn:aws:kinesis:eu-west-1:123456789012:stream/views"),
        ("maxFetchRate", "3"),
        ("maxFetchRate", "fast"),
        ("minFetchPeriod", "100ms"),
        ("maxFetchDuration", "soon"),
        ("fetchBufferSize", "-1"),
        ("maxRecordsPerFetch", "20000"),
        ("shardsPerTask", "0"),
        ("failOnDataLoss", "maybe"),
        ("firstBatch", "all"),
        ("aggregationOutOfRange", "quarantine"),
        ("awsAccessKey", "AKIA"),
    ],
)
def test_a_value_that_cannot_be_is_refused(name: str, value: str) -> None:
    assert refused(**{name: value}).code == "LF-7071"


def test_a_place_that_is_none_is_refused() -> None:
    assert refused(initialPosition="yesterday").code == "LF-7012"


def test_without_a_place_for_the_record_nothing_is_read() -> None:
    with pytest.raises(FerryError, match="metadataPath"):
        parse_options({"streamName": "clicks"})


def test_a_secret_is_not_shown() -> None:
    options = parse_options({**LEAST, "awsAccessKey": "AKIA", "awsSecretKey": "hidden"})

    assert options.secret_key == "hidden"
    assert "hidden" not in repr(options)


def test_the_store_of_the_record_has_options_of_its_own() -> None:
    options = parse_options({**LEAST, "metadata.endpoint": "https://s3.example.com"})

    assert options.metadata_options == {"endpoint": "https://s3.example.com"}
