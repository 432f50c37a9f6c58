"""The shape of one of `streams`: every key of an ingest, with what it means."""

from lakeferry.config.shape import (
    Boolean,
    Either,
    Field,
    Integer,
    ListOf,
    MapOf,
    Quantity,
    Record,
    Text,
)

_TEXT = Text()
_TEXTS = Either((_TEXT, ListOf(_TEXT)))
_DURATION = Quantity(("duration",))
_SIZE = Quantity(("size",))
_SHARE = Quantity(("share",))

# Names of ingests; they are part of paths and of the table's log.
NAME = Text(
    r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", "letters, digits, `.`, `_`, `-`, at most 64 of them"
)
STREAM = Record({
    "from": Field(
        Text(r"^(kinesis://[a-z0-9-]+/[A-Za-z0-9_.-]+|arn:aws[a-z-]*:kinesis:.+|[A-Za-z0-9_.-]+)$",
             "`kinesis://us-east-1/clicks`, a stream's ARN, or its name"),
        "the stream", required=True,
    ),
    "to": Field(_TEXT, "the table: an address, or a path below `target.root`", required=True),
    "format": Field(
        Text(choices=("json", "csv", "avro", "raw")), "what a record holds", "json with a schema"
    ),
    "schema": Field(
        _TEXT, "a file with the JSON of a Spark StructType or with DDL, as seen from the manifest; "
        "or the DDL itself; of avro a file with Avro's own schema",
    ),
    "csv": Field(
        Record({"delimiter": Field(_TEXT, "between two fields", "a comma")}),
        "how lines are written, with the format csv",
    ),
    "avro": Field(
        Record({
            "framing": Field(
                Text(choices=("bare", "single-object", "confluent", "glue")),
                "what stands before a datum: nothing, a fingerprint, or what a registry puts there",
                required=True,
            ),
            "writers": Field(
                MapOf(_TEXT, Text(r"^[A-Za-z0-9._-]{1,64}$", "a number, a UUID, or a name")),
                "files with other schemas that records were written by, by their number "
                "(confluent) or UUID (glue) in the registry, else by any name",
            ),
        }),
        "how records are written, with the format avro",
    ),
    "partition_by": Field(
        _TEXTS, "columns, or `day=date(ts)`, `hour=hour(ts)`; of a table that is made",
    ),
    "flush": Field(
        Record({
            "every": Field(_DURATION, "at the latest after", "60 s"),
            "size": Field(_SIZE, "or when a file has", "128 MiB"),
        }),
        "when a commit is due",
    ),
    "app_id": Field(
        Text(r"^(lakeferry[:/](ingest:)?)?[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
             "`clicks` or `lakeferry/clicks`"),
        "name of the positions in the table", "the key",
    ),
    "start": Field(
        _TEXT, "where a new ingest begins: latest, trim-horizon, or `at:2026-11-26T12:00:00Z`",
        "latest",
    ),
    "dead_letter": Field(
        _TEXT, "the table of bad records: an address, or a path below `target.root`",
        "beside the table, `_rejected`",
    ),
    "bad_records": Field(
        Text(choices=("quarantine", "rescue", "fail")),
        "what becomes of a record that is not as declared", "quarantine",
    ),
    "max_bad": Field(_SHARE, "of the last 100,000 records may be bad before it stops", "10%"),
    "on_new_fields": Field(
        Text(choices=("ignore", "rescue", "evolve", "fail")),
        "what becomes of fields that are not declared", "ignore",
    ),
    "provenance": Field(Boolean(), "parsed rows say shard, sequence number and arrival", "true"),
    "dedup": Field(
        Record({
            "columns": Field(_TEXTS, "that make the key of a record", required=True),
            "window": Field(_DURATION, "in which a key counts once", "10 min"),
        }),
        "rows whose key was seen are left out",
    ),
    "read_share": Field(_SHARE, "of each shard's quota that is ours", "100%"),
    "aggregation_out_of_range": Field(
        Text(choices=("keep", "drop-record", "quarantine", "kcl")),
        "records of KPL aggregates that belong to another shard", "keep",
    ),
    "workers": Field(Integer(1), "processes that read", "1"),
    "buffer": Field(_SIZE, "of pages that wait, a worker", "16 MiB"),
    "connection": Field(_TEXT, "name of one of `connections`, of kind aws; of the stream",
                        "that of the target"),
    "endpoint": Field(
        Text(r"^https?://.+", "`https://vpce-0a1b.kinesis.us-east-1.vpce.amazonaws.com`"),
        "URL in place of Kinesis' own",
    ),
    "offsets": Field(
        Text(choices=("auto", "domain", "sidecar")), "where the table keeps positions", "auto"
    ),
    "on_data_loss": Field(
        Text(choices=("fail", "go-on")), "records went out of retention unread", "fail"
    ),
    "on_recreated": Field(
        Text(choices=("fail", "restart")), "the stream is another one of the same name", "fail"
    ),
    "compact": Field(Boolean(), "small files are joined, hourly", "true"),
    "single_writer": Field(Boolean(), "accept a store without put-if-absent", "false"),
    "store_options": Field(MapOf(_TEXT), "settings of the table's store, see stores.md"),
})  # fmt: skip
