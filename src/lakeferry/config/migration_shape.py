"""The shape of what moves, from where, when and how fast: connections, sources, waves, limits."""

from lakeferry.config.shape import (
    Boolean,
    Either,
    Field,
    Integer,
    ListOf,
    MapOf,
    Number,
    Quantity,
    Record,
    Text,
)

_TEXT = Text()
_SECRET = Text(secret=True)
_TEXTS = ListOf(_TEXT)
_DURATION = Quantity(("duration",))
_RATE = Quantity(("rate",))
_SIZE = Quantity(("size",))
IDENT = Text(r"^[a-z0-9][a-z0-9_-]{0,62}$", "small letters, digits, `-` and `_`, at most 63")
WAVE_KEY = Text(r"^[1-9][0-9]{0,8}$", "a number from 1")
_REGION = Text(r"^[a-z]{2}(-[a-z]+)+-[0-9]$", "a Region such as `us-east-1`")
_ROLE = Text(r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+", "`arn:aws:iam::ACCOUNT:role/NAME`")
_ADDRESS = Text(r"^\S", "an address such as `s3://bucket/prefix`")
_PATH = Text(choices=("internet", "direct-connect", "vpn", "s3-endpoint", "local"))
# Minutes and a zone must be there: a cut-over at an hour that each reads differently is none.
_WHEN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?"
    r"(Z|[+-][0-2][0-9]:[0-5][0-9])$"
)
_TIME = Text(_WHEN, "a time with its zone: `2026-11-26T22:00Z`", literal=True)
_CLOCK = Text(r"^([01][0-9]|2[0-3]):[0-5][0-9]$", '`"18:00"`', literal=True)
_WORD = Text(literal=True)
# Of S3, those that are read without a restore.
STORAGE_CLASSES = ("STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR")
_STORAGE_CLASS = Text(choices=STORAGE_CLASSES)
SSE = ("aws:kms", "aws:kms:dsse", "AES256", "none")

# Settings of a store that hold a secret, by the names that `connect` has for them.
SECRET_OPTIONS = (
    "account_key", "client_secret", "sas_token", "secret_access_key", "session_token",
)  # fmt: skip
_OPTIONS = MapOf(_TEXT, known=dict.fromkeys(SECRET_OPTIONS, _SECRET))

CONNECTION = Record({
    "kind": Field(
        Text(choices=("azure", "aws", "gcs", "hdfs", "databricks", "local")),
        "which service it is", required=True,
    ),
    "auth": Field(
        Text(choices=("default", "workload-identity", "managed-identity", "service-principal",
                      "kerberos", "simple", "oauth-m2m", "token")),
        "how to sign in", "default",
    ),
    "tenant": Field(_TEXT, "Azure's tenant"),
    "client": Field(_TEXT, "the client's id"),
    "secret": Field(_SECRET, "the client's secret"),
    "token": Field(_SECRET, "an access token"),
    "sas": Field(_SECRET, "a shared access signature"),
    "keytab": Field(_SECRET, "a Kerberos keytab: `${file:PATH}`"),
    "credentials": Field(_SECRET, "a key file of Google: `${file:PATH}`"),
    "principal": Field(_TEXT, "a Kerberos principal"),
    "config_dir": Field(_TEXT, "folder of Hadoop's configuration"),
    "role": Field(_ROLE, "ARN of the role to take in AWS"),
    "external_id": Field(_TEXT, "what the role's owner asks for"),
    "profile": Field(_TEXT, "a profile of the AWS configuration files"),
    "endpoint": Field(_TEXT, "URL in place of the vendor's own"),
    "host": Field(_TEXT, "URL of a Databricks workspace or account"),
    "region": Field(_REGION, "AWS Region"),
    "options": Field(_OPTIONS, "further settings of the store, see stores.md"),
})  # fmt: skip

_CATALOG = Record({
    "kind": Field(Text(choices=("unity", "glue", "hive", "none")), "which catalog it is",
                  required=True),
    "connection": Field(_TEXT, "name of one of `connections`: databricks for unity, aws for glue"),
    "uri": Field(_ADDRESS, "of a Hive metastore `thrift://host:9083`, of another Unity Catalog "
                 "`https://host`"),
    "catalog": Field(_TEXT, "its catalog; needed for unity"),
    "schema": Field(_WORD, "schema of a table there, with `-` as `_`", "{source}_{schema}"),
    "external": Field(Boolean(), "false: `cutover` prints ALTER TABLE ... SET MANAGED for each "
                      "table, as `--set-managed`; unity alone", "true"),
    "register": Field(Text(choices=("never", "at-sync", "at-cutover")), "when", "at-cutover"),
})  # fmt: skip

TARGET = Record({
    "connection": Field(_TEXT, "name of one of `connections`"),
    "region": Field(_REGION, "Region of the target"),
    "root": Field(_TEXT, "where the tables land: `s3://bucket/prefix`", required=True),
    "layout": Field(
        _WORD, "place of a table below it, of {catalog} {source} {schema} {table} {wave} {kind} "
        "{path}", "{source}/{schema}/{table}",
    ),
    "encryption": Field(
        Record({
            "sse": Field(Text(choices=SSE), "server-side; none: the bucket's own", "none"),
            "key": Field(_TEXT, "ARN of the KMS key, which `config iam` grants",
                         "AWS's own key for S3"),
            "bucket_key": Field(Boolean(), "false: KMS is asked anew for each object; only for "
                                "aws:kms", "true"),
        }),
        "how S3 encrypts all that is written here, logs too",
    ),
    "storage_class": Field(
        _STORAGE_CLASS, "S3 storage class of data files; logs keep the bucket's own"
    ),
    "commit": Field(
        Record({
            "lock": Field(_TEXT, "`dynamodb://TABLE`, where writers of a server of S3 without "
                          "conditional writes meet; `?region=`, `?endpoint=`, `?profile=`"),
        }),
        "how commits are kept apart, see stores.md",
    ),
    "catalog": Field(_CATALOG, "where tables are registered"),
})  # fmt: skip

# What is said of one table, at whichever level.
_TABLE: dict[str, Field] = {
    "wave": Field(Integer(1), "number of its wave", "1"),
    "mode": Field(Text(choices=("snapshot", "mirror")), "mirror: with its history", "snapshot"),
    "verify": Field(
        Text(choices=("listed", "hashed", "replayed", "rows")),
        "how strong a proof is asked before it is cut over",
        "replayed",
    ),
    "schema_changes": Field(
        Text(choices=("none", "additive", "any")), "which ones are followed", "additive"
    ),
    "on_vacuumed": Field(
        Text(choices=("block", "latest")), "what to do when planned files are gone", "block"
    ),
    "lag_target": Field(_DURATION, "how far the target may be behind", "6 h"),
    "storage_class": Field(_STORAGE_CLASS, "of its data files, in place of the target's"),
    "tags": Field(MapOf(_TEXT, IDENT), "for `tag:NAME` and `tag:NAME=VALUE` of a selection"),
}
_CHOICE = {
    "include": Field(_TEXTS, "globs of `schema.table`, or of paths where they hold a `/`", "all"),
    "exclude": Field(_TEXTS, "likewise; wins over include"),
}
TABLE_OPTIONS = Record(_TABLE)
DEFAULTS = Record({**_TABLE, **_CHOICE})

_FROM = Record({
    "catalog": Field(
        Text(choices=("unity", "hive", "glue", "paths")),
        "where names come from; `paths` walks for `_delta_log`", "paths",
    ),
    "connection": Field(_TEXT, "name of one of `connections`"),
    "name": Field(_TEXT, "catalog of Unity, database of Glue or Hive", "all"),
    "uri": Field(_ADDRESS, "of a Hive metastore `thrift://host:9083`, of another Unity Catalog "
                 "`https://host`"),
    "warehouse": Field(_TEXT, "id of a SQL warehouse, to ask a workspace's hive_metastore"),
    "mounts": Field(MapOf(_ADDRESS, Text(r"^/", "`/mnt/name`")), "what `dbfs:/mnt/...` stands for"),
})  # fmt: skip

SOURCE = Record(
    {
        "use": Field(_WORD, "name of one of `families`"),
        "with": Field(MapOf(_TEXT, IDENT), "words for the braces of the family"),
        "kind": Field(
            Text(choices=("adls", "hdfs", "s3", "gcs", "local", "unity", "hive", "glue")),
            "what it is",
            "as `root` says",
        ),
        "connection": Field(_TEXT, "name of one of `connections`", "the identity of the machine"),
        "root": Field(_ADDRESS, "where its tables lie; `{name}` is the source's key"),
        "from": Field(_FROM, "who knows its tables", "its paths"),
        "path": Field(_PATH, "the way its bytes take", "internet"),
        **_TABLE,
        **_CHOICE,
        "layout": Field(_WORD, "in place of `target.layout`"),
        "tables": Field(
            MapOf(TABLE_OPTIONS),
            "options of tables, by globs as in include; the last that fits wins",
        ),
    }
)

WAVE = Record({
    "title": Field(_TEXT, "what it is called"),
    "after": Field(Either((Integer(1), ListOf(Integer(1)))), "waves that are cut over before it"),
    "start": Field(_TIME, "nothing of it moves before"),
    "cutover": Field(
        Text(rf"^manual$|{_WHEN}", "`manual`, or a time with its zone: `2026-11-26T22:00Z`",
             literal=True),
        "when it is cut over", "manual",
    ),
    "freeze": Field(_DURATION, "how long no source may have been written to before", "10 min"),
})  # fmt: skip

_DAYS = "(mon|tue|wed|thu|fri|sat|sun)"
_WINDOW = Record(
    {
        "days": Field(
            Text(
                rf"^{_DAYS}(-{_DAYS})?(, ?{_DAYS}(-{_DAYS})?)*$",
                "`mon-fri`, `sun`, `mon, wed`",
                literal=True,
            ),
            "days on which it begins",
            "mon-sun",
        ),
        "from": Field(_CLOCK, "begin", required=True),
        "to": Field(_CLOCK, "end; before `from`: on the day after", required=True),
        "tz": Field(_WORD, "time zone, such as `Europe/Berlin`", "UTC"),
        "path": Field(_PATH, "the path that it is about", "all"),
        "select": Field(_WORD, "the tables that it is about", "all"),
        "bandwidth": Field(_RATE, "within the window"),
        "pause": Field(Boolean(), "nothing moves within the window", "false"),
    }
)

LIMITS = Record({
    "bandwidth": Field(_RATE, "of all paths together"),
    "max_bytes": Field(_SIZE, "bytes that one run may move"),
    "concurrency": Field(
        Record({
            "tables": Field(Integer(1), "tables at once"),
            "files": Field(Integer(1), "files at once"),
        }),
        "how much runs at once",
    ),
    "per_account": Field(
        Record({
            "requests": Field(
                Text(r"^[1-9][0-9]*/s$", "`4000/s`", literal=True),
                "a second: listings, logs, files, commits",
            ),
            "bandwidth": Field(_RATE, "of one account"),
        }),
        "limits of one storage account",
    ),
    "stop_if": Field(
        Record({
            "cost_usd": Field(Number(0), "dollars"),
            "error_rate": Field(
                Quantity(("share",)), "failed tries of all, of files and tables, from 100 on"
            ),
        }),
        "when a run stops by itself",
    ),
    "windows": Field(ListOf(_WINDOW), "hours with limits of their own"),
}, former={
    "buffer": "remove it: files go from store to store in parts, and need no disk on their way",
})  # fmt: skip
