"""The shape of `lakeferry.yaml`: every key of the parts that are read, with what it means."""

from lakeferry.config import map_value
from lakeferry.config.migration_shape import (
    CONNECTION,
    DEFAULTS,
    IDENT,
    LIMITS,
    SOURCE,
    TARGET,
    WAVE,
    WAVE_KEY,
)
from lakeferry.config.shape import (
    Anything,
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
from lakeferry.config.stream_shape import NAME, STREAM

_TEXT = Text()
_TEXTS = ListOf(_TEXT)
_DURATION = Quantity(("duration",))
_ARN = Text(r"^arn:aws[a-z-]*:.+", "an ARN: `arn:aws:...`")
_ROLE = Text(r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+", "`arn:aws:iam::ACCOUNT:role/NAME`")
_ACCOUNT = Text(r"^[0-9]{12}$", "an account, 12 digits in quotes")
_REGION = Text(r"^[a-z]{2}(-[a-z]+)+-[0-9]$", "a Region such as `us-east-1`")
_VPC = Text(r"^vpc-[0-9a-f]+$", "the id of a VPC: `vpc-0a1b...`")
_SUBNETS = ListOf(Text(r"^subnet-[0-9a-f]+$", "the id of a subnet: `subnet-0a1b...`"))
_ENIS = ListOf(Text(r"^eni-[0-9a-f]+$", "the id of an interface: `eni-0a1b...`"))
_TAGS = MapOf(_TEXT, Text(r"^.{1,128}$", "a tag's key of at most 128 characters"))
MAP_MIGRATED = Text(map_value.PATTERN, map_value.EXAMPLE, near=map_value.nearest_value)
_ALL_TAGS = MapOf(_TEXT, _TAGS.key, {"map-migrated": MAP_MIGRATED})

_ENDPOINT_KINDS = Text(choices=("gateway", "interface", "none"))
_NETWORK = Record({
    "connection": Field(_TEXT, "the AWS connection to look with; else `target.connection`"),
    "region": Field(_REGION, "Region of the VPC; else the connection's or the target's"),
    "vpc": Field(_VPC, "the VPC where the data plane runs"),
    "subnets": Field(_SUBNETS, "its subnets in question", "all of the VPC"),
    "interfaces": Field(_ENIS, "interfaces in question, in place of subnets"),
    "tags": Field(_TAGS, "tags by which VPC and subnets are found"),
    "workers": Field(
        Record({
            "tags": Field(_TAGS, "tags of the workers' instances or interfaces"),
            "subnets": Field(_SUBNETS, "subnets where only workers are"),
            "count": Field(Integer(1), "how many instances are expected; for the alarms"),
        }),
        "whose bytes are the migration's", "every instance of the subnets",
    ),
    "beyond": Field(
        MapOf(
            Record({
                "role": Field(_ROLE, "the role that may look there", required=True),
                "external_id": Field(_TEXT, "what the role's owner asks for"),
            }),
            _ACCOUNT,
        ),
        "accounts behind a transit gateway, by their number",
    ),
    "endpoints": Field(
        MapOf(Either((
            _ENDPOINT_KINDS,
            Record({
                "type": Field(_ENDPOINT_KINDS, "gateway, interface or none", required=True),
                "service": Field(_TEXT, "full name of the endpoint service"),
            }),
        )), Text(r"^[a-z0-9][a-z0-9.-]*$", "a service: `s3`, `kinesis-streams`, `sts`, `logs`")),
        "VPC endpoints that shall be there, by service",
    ),
    "buckets": Field(
        _TEXTS, "buckets that endpoint policies let through; target and S3 sources are added",
        "all buckets",
    ),
    "streams": Field(_TEXTS, "Kinesis streams that are watched and let through, names or ARNs"),
    "databricks": Field(
        Record({
            "account_id": Field(_TEXT, "id of the Databricks account", required=True),
            "connection": Field(_TEXT, "name of a connection of kind databricks", required=True),
        }),
        "where PrivateLink endpoints are registered",
    ),
    "nat": Field(
        Record({
            "kind": Field(Text(choices=("gateway", "instance", "auto", "none")),
                          "how bytes reach the internet", required=True),
            "type": Field(_TEXT, "type of the instances", "auto"),
            "count": Field(Integer(1), "how many, in all zones together", "one in each zone"),
            "image": Field(Text(r"^ami-[0-9a-f]+$", "the id of an image: `ami-0a1b...`"),
                           "of the instances", "the newest Amazon Linux 2023 when one is made"),
            "recovery": Field(
                Record({
                    "auto_scaling": Field(Boolean(), "a group replaces an instance that died"),
                    "standby": Field(Text(choices=("gateway", "instance", "none")),
                                     "what takes over", "gateway"),
                    "check": Field(Text(choices=("peer", "lambda", "none")),
                                   "who looks whether the path is alive", "peer"),
                    "max_outage": Field(_DURATION, "how long it may take"),
                }),
                "what happens when one fails",
            ),
        }),
        "NAT devices that shall be there",
    ),
    "flow_logs": Field(
        Record({
            "destination": Field(
                Either((Text(choices=("cloudwatch", "s3")),
                        ListOf(Text(choices=("cloudwatch", "s3"))))),
                "where the rows go, one or both", "cloudwatch",
            ),
            "group": Field(
                Text(r"^[.\-_/#A-Za-z0-9]{1,512}$", "a name of a log group"),
                "log group", "/lakeferry/NAME/flow",
            ),
            "bucket": Field(Text(r"^s3://[a-z0-9.-]+(/.*)?$", "`s3://bucket/prefix`"),
                            "bucket and prefix; for the destination s3"),
            "format": Field(
                Either((Text(fields=True), ListOf(_TEXT))),
                "`v2`, `v5-nat`, `connections`, or fields as AWS names them",
                "what the rules need",
            ),
            "interval": Field(Quantity(("duration",), ("60 s", "600 s")),
                              "over which rows are summed", "60 s"),
            "retention": Field(_DURATION, "how long the log group keeps rows", "30 d"),
            "file_format": Field(Text(choices=("plain-text", "parquet")), "of files in S3",
                                 "parquet"),
            "kms_key": Field(_ARN, "key of the log group"),
            "tag_keys": Field(
                Record({
                    "instance": Field(_TEXTS, "for `instance-tag`, `instance-tag-2`"),
                    "network-interface": Field(_TEXTS, "for `interface-tag`, `interface-tag-2`"),
                    "auto-scaling-group": Field(_TEXTS, "for `asg-tag`, `asg-tag-2`"),
                }),
                "keys of tags, two each, whose values stand in every row",
            ),
        }),
        "the flow logs that are made",
    ),
    "insights": Field(
        Record({
            "rules": Field(_TEXTS, "which questions get rules", "all"),
            "per": Field(Text(choices=("eni", "vpc")),
                         "a rule for each interface, or grouped", "vpc"),
        }),
        "Contributor Insights rules",
    ),
    "tagged_instances": Field(
        Record({
            "watch": Field(Text(choices=("each", "query", "none")),
                           "each one by its id, or all by the tag itself", required=True),
            "tag": Field(_TAGS.key, "key of one of `tags`, by which they are told",
                         "map-migrated"),
            "allowances": Field(Boolean(), "the CloudWatch agent publishes their ENA counters",
                                "false"),
        }),
        "graphs and alarms of the instances that bear a tag of `tags`",
    ),
    "policy": Field(
        ListOf(Text(choices=("no-public-ip", "no-instance", "no-gateway"))),
        "what shall not be used; read by `cost`",
    ),
})  # fmt: skip

_ALARM = Record({
    "limit": Field(
        Either((Quantity(("rate", "size", "duration", "share", "factor")), Number(0))),
        "where it begins; a bare number for alarms that count",
    ),
    "limit_usd": Field(Number(0), "where it begins, in dollars"),
    "enabled": Field(Boolean(), "`false`: there shall be none", "true"),
})  # fmt: skip

MANIFEST = Record({
    "version": Field(Integer(1, only=1), "of the manifest's format: 1", required=True),
    "name": Field(IDENT, "of the migration; part of every name that is made"),
    "ledger": Field(_TEXT, "where progress is kept", ".lakeferry/ledger.db"),
    "profiles": Field(MapOf(Anything()), "overlays by name, chosen with `--profile`"),
    "connections": Field(MapOf(CONNECTION, IDENT), "who we are at each service"),
    "target": Field(TARGET, "where the tables go"),
    "defaults": Field(DEFAULTS, "options of all tables"),
    "families": Field(
        MapOf(SOURCE, IDENT), "what many sources share; in braces `{name}`, and words of `with`"
    ),
    "sources": Field(MapOf(SOURCE, IDENT), "where the tables come from"),
    "waves": Field(MapOf(WAVE, WAVE_KEY), "what moves when, by number"),
    "limits": Field(LIMITS, "what a run may take"),
    "network": Field(_NETWORK, "where the data plane runs, and what shall be there"),
    "tags": Field(_ALL_TAGS, "tags of everything that is made"),
    "alarms": Field(
        Record({
            "notify": Field(_TEXTS, "ARNs of SNS topics, e-mail addresses, https URLs"),
            "rules": Field(MapOf(_ALARM), "limits, by the alarm's name"),
        }),
        "who is told, and when",
    ),
    "cost": Field(
        Record({
            "prices": Field(_TEXT, "a file of prices, as seen from the manifest"),
            "assume": Field(Anything(), "keys of a plan of `cost`, see cost.md"),
            "archive_usd_per_gb": Field(
                Number(0), "dollars for 2^30 bytes that are restored from an archive"
            ),
        }),
        "prices and assumptions",
    ),
    "streams": Field(MapOf(STREAM, NAME), "streams that are ingested, by name"),
    "serve": Field(
        Record({
            "bind": Field(_TEXT, "address of the page", "127.0.0.1:7777"),
            "token": Field(Text(secret=True), "for addresses beyond this machine"),
        }),
        "of a live page; not read by this version",
    ),
})  # fmt: skip
