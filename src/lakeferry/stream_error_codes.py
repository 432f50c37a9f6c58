"""The codes of errors about streams: LF-7."""

from lakeferry.error_kinds import ErrorKind

CODES: dict[str, ErrorKind] = {
    "LF-7001": ErrorKind(
        2,
        "this cannot be the name of an ingest",
        "The name is written into the table's log and into paths beside it, so it holds letters, "
        "digits, `.`, `_` and `-` alone.",
    ),
    "LF-7002": ErrorKind(
        1,
        "the positions of an ingest cannot be read",
        "What the table says about where each shard stands is damaged or of a later version of "
        "lakeferry. Starting anew would bring rows twice, so it is never done by itself.",
    ),
    "LF-7003": ErrorKind(
        1,
        "what was read does not join what is committed",
        "A batch must begin exactly where its shard stands in the table. It did not, so that its "
        "commit would have lost or doubled records; it was not made.",
    ),
    "LF-7011": ErrorKind(
        2,
        "a declared column cannot be read from JSON",
        "Payloads are parsed by a declared schema of booleans, numbers, decimals, strings, dates, "
        "timestamps in microseconds, lists and structs. Maps and binary columns are not among "
        "them: JSON has no such values that all producers write alike.",
    ),
    "LF-7012": ErrorKind(
        2,
        "this is no place to start at",
        "A new ingest starts at the latest record, at the oldest that there is (trim horizon) "
        "or at a time, which is told with its zone and has passed. An ingest that has committed "
        "goes on from there, whatever it is told.",
    ),
    "LF-7061": ErrorKind(
        2,
        "the declared schema cannot be read",
        "A schema is declared as the JSON of a Spark StructType or as DDL, `event_id STRING, ts "
        "TIMESTAMP`; names that differ by their case alone are one name to Delta.",
    ),
    "LF-7062": ErrorKind(
        2,
        "there is no such stream",
        "The Region's Kinesis knows no stream of this name in the account of who asks. A stream of "
        "another Region or account is named by its ARN or as kinesis://REGION/NAME.",
    ),
}
