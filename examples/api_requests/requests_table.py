"""What both jobs make of the stream: requests by a declared schema, and beside them the rest."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

# A field that may not be null must be there: a request without it is none.
SCHEMA = """
    event_id STRING NOT NULL,
    ts TIMESTAMP NOT NULL,
    subscriber_id BIGINT NOT NULL,
    endpoint STRING,
    method STRING,
    path STRING,
    status INT,
    bytes_in BIGINT,
    bytes_out BIGINT,
    duration_ms DOUBLE,
    client_ip STRING,
    user_agent STRING,
    country STRING,
    cached BOOLEAN,
    trace_id STRING,
    retries INT,
    geo STRUCT<lat: DOUBLE, lon: DOUBLE, asn: INT>,
    tags ARRAY<STRING>
"""
REQUIRED = ("event_id", "ts", "subscriber_id")
# Where a row came from: nothing else proves that each record is there once.
CAME_FROM = ("shardId", "sequenceNumber", "subSequenceNumber")
ARRIVED = "approximateArrivalTimestamp"
_BROKEN = "_corrupt_record"


def judged(raw: DataFrame) -> DataFrame:
    """Raw rows with `request`, a struct of the schema, and `error`: null where it is a request."""
    if "subSequenceNumber" not in raw.columns:  # Databricks' own source does not tell it
        raw = raw.withColumn("subSequenceNumber", F.lit(None).cast("bigint"))
    schema = f"{SCHEMA.replace(' NOT NULL', '')}, {_BROKEN} STRING"
    options = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": _BROKEN}
    text = F.col("data").cast("string")
    parsed = raw.withColumn("request", F.from_json(text, schema, options))
    return parsed.withColumn("error", _error())


def _error() -> Column:
    """Why a record is no request, the first reason that holds."""
    reason = F.when(
        F.col("request").isNull() | F.col(f"request.{_BROKEN}").isNotNull(),
        "it is not JSON as declared",
    )
    for name in REQUIRED:
        reason = reason.when(F.col(f"request.{name}").isNull(), f"{name} is missing")
    return reason


def requests(judged_rows: DataFrame) -> DataFrame:
    """One row for each request, with where it came from and the day on which it arrived, UTC."""
    fields = [f"request.{line.split()[0]}" for line in SCHEMA.strip().splitlines()]
    good = judged_rows.where("error IS NULL").select(*fields, *CAME_FROM, ARRIVED)
    return good.withColumn("arrived_on", F.to_date(ARRIVED))


def rejected(judged_rows: DataFrame) -> DataFrame:
    """One row for each record that is no request: as it came, with the reason."""
    columns = ("stream", *CAME_FROM, "partitionKey", ARRIVED, "data", "error")
    return judged_rows.where("error IS NOT NULL").select(*columns)


class TwoTables:
    """Writes a batch into both tables. A batch that is written again changes neither.

    Delta keeps the highest batch of each query in the table: `txnAppId` and `txnVersion`. The query
    is told by the id in its checkpoint: with a new checkpoint batches count from 0 again, and of
    one that has the old name Delta would leave out all that the old one had reached.
    """

    def __init__(self, table: str, quarantine: str) -> None:
        self._table, self._quarantine = table, quarantine

    def __call__(self, raw: DataFrame, batch: int) -> None:
        rows = judged(raw).persist()  # else both writes would read the stream
        try:
            self._append(rejected(rows), self._quarantine, batch, ())
            self._append(requests(rows), self._table, batch, ("arrived_on",))
        finally:
            rows.unpersist()

    def _append(self, rows: DataFrame, table: str, batch: int, by: tuple[str, ...]) -> None:
        writer = rows.write.format("delta").mode("append").partitionBy(*by)
        query = rows.sparkSession.sparkContext.getLocalProperty("sql.streaming.queryId")
        writer = writer.option("txnAppId", query).option("txnVersion", batch)
        if "/" in table:
            writer.save(table)
        else:
            writer.saveAsTable(table)
