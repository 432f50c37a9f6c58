"""A checked tree -> the values of a manifest. What is not written is None or empty."""

from functools import reduce

from lakeferry.config import quantities
from lakeferry.config.leaf_values import (
    boolean_at,
    bytes_at,
    entries_at,
    integer_at,
    seconds_at,
    share_at,
    text_at,
    texts_at,
    texts_by_key,
)
from lakeferry.config.manifest import (
    AlarmRule,
    AlarmsConfig,
    BeyondConfig,
    DatabricksConfig,
    Deployment,
    EndpointConfig,
    FlowLogsConfig,
    InsightsConfig,
    Limit,
    Manifest,
    NatConfig,
    NetworkConfig,
    StreamConfig,
    TaggedConfig,
    TagsConfig,
    WorkersConfig,
)
from lakeferry.config.overlay import merged
from lakeferry.config.quantities import Unreadable
from lakeferry.config.target_encryption import encryption_options
from lakeferry.config.tree import Value


def manifest_of(layers: tuple[Value, ...], file: str, sha256: str) -> Manifest:
    """The values of layers that, each laid upon the one before, `check` found no fault in."""
    root = reduce(merged, layers)
    alarms = root.get("alarms")
    return Manifest(
        file=file,
        sha256=sha256,
        deployment=_deployment(root),
        network=_network(root),
        tags=TagsConfig(texts_by_key(root, "tags")),
        alarms=AlarmsConfig(
            notify=texts_at(root, "alarms", "notify"),
            rules=tuple(_alarms(alarms.get("rules") if alarms is not None else None)),
        ),
        streams={
            name: _stream(root, name, one) for name, one in entries_at(root, "streams").items()
        },
        root=root,
        layers=layers,
    )


def _deployment(root: Value) -> Deployment:
    named = text_at(root, "network", "connection") or text_at(root, "target", "connection")
    region = text_at(root, "network", "region")
    return _access(root, named, region)


def _access(root: Value, named: str | None, region: str | None) -> Deployment:
    """As whom a connection of kind aws meets AWS, and in which Region if no other is said."""
    link = ("connections", named) if named else ("connections",)
    is_aws = text_at(root, *link, "kind") == "aws"
    own = text_at(root, *link, "region") if is_aws else None
    return Deployment(
        name=text_at(root, "name"),
        region=region or own or text_at(root, "target", "region"),
        profile=text_at(root, *link, "profile") if is_aws else None,
        role=text_at(root, *link, "role") if is_aws else None,
        external_id=text_at(root, *link, "external_id") if is_aws else None,
        endpoint=text_at(root, *link, "endpoint") if is_aws else None,
    )


def _network(root: Value) -> NetworkConfig:
    at = "network"
    return NetworkConfig(
        vpc=text_at(root, at, "vpc"),
        subnets=texts_at(root, at, "subnets"),
        interfaces=texts_at(root, at, "interfaces"),
        tags=texts_by_key(root, at, "tags"),
        workers=WorkersConfig(
            tags=texts_by_key(root, at, "workers", "tags"),
            subnets=texts_at(root, at, "workers", "subnets"),
            count=integer_at(root, at, "workers", "count"),
        ),
        beyond=tuple(
            BeyondConfig(account, text_at(one, "role") or "", text_at(one, "external_id"))
            for account, one in entries_at(root, at, "beyond").items()
        ),
        endpoints=tuple(
            EndpointConfig(kind, one.text or text_at(one, "type") or "", text_at(one, "service"))
            for kind, one in entries_at(root, at, "endpoints").items()
        ),
        buckets=texts_at(root, at, "buckets"),
        streams=texts_at(root, at, "streams"),
        databricks=_databricks(root),
        nat=_nat(root),
        flow_logs=_flow_logs(root),
        insights=InsightsConfig(
            rules=texts_at(root, at, "insights", "rules"), per=text_at(root, at, "insights", "per")
        ),
        tagged=_tagged(root),
        policy=texts_at(root, at, "policy"),
    )


def _tagged(root: Value) -> TaggedConfig | None:
    at = ("network", "tagged_instances")
    watch = text_at(root, *at, "watch")
    if watch is None:
        return None
    return TaggedConfig(watch, text_at(root, *at, "tag"), boolean_at(root, *at, "allowances"))


def _databricks(root: Value) -> DatabricksConfig | None:
    at = ("network", "databricks")
    account, connection = text_at(root, *at, "account_id"), text_at(root, *at, "connection")
    return DatabricksConfig(account, connection) if account and connection else None


def _nat(root: Value) -> NatConfig | None:
    at = ("network", "nat")
    kind = text_at(root, *at, "kind")
    if kind is None:
        return None
    return NatConfig(
        kind=kind,
        instance_type=text_at(root, *at, "type"),
        count=integer_at(root, *at, "count"),
        auto_scaling=boolean_at(root, *at, "recovery", "auto_scaling"),
        standby=text_at(root, *at, "recovery", "standby"),
        max_outage_s=seconds_at(root, *at, "recovery", "max_outage"),
        check=text_at(root, *at, "recovery", "check"),
        image=text_at(root, *at, "image"),
    )


def _flow_logs(root: Value) -> FlowLogsConfig:
    at = ("network", "flow_logs")
    retention = seconds_at(root, *at, "retention")
    return FlowLogsConfig(
        destinations=texts_at(root, *at, "destination"),
        group=text_at(root, *at, "group"),
        bucket=text_at(root, *at, "bucket"),
        format=texts_at(root, *at, "format"),
        interval_s=seconds_at(root, *at, "interval"),
        retention_days=None if retention is None else max(1, -(-retention // 86_400)),
        file_format=text_at(root, *at, "file_format"),
        kms_key=text_at(root, *at, "kms_key"),
        tag_keys={
            kind: texts_at(root, *at, "tag_keys", kind)
            for kind in ("auto-scaling-group", "instance", "network-interface")
            if root.get(*at, "tag_keys", kind) is not None
        },
    )


# ---- streams


def _stream(root: Value, name: str, one: Value) -> StreamConfig:
    named = text_at(one, "connection") or text_at(root, "target", "connection")
    return StreamConfig(
        name=name,
        source=text_at(one, "from") or "",
        target=text_at(one, "to") or "",
        format=text_at(one, "format"),
        schema=text_at(one, "schema"),
        partition_by=texts_at(one, "partition_by"),
        flush_s=seconds_at(one, "flush", "every"),
        flush_bytes=bytes_at(one, "flush", "size"),
        app_id=text_at(one, "app_id"),
        start=text_at(one, "start"),
        dead_letter=text_at(one, "dead_letter"),
        bad_records=text_at(one, "bad_records"),
        max_bad=share_at(one, "max_bad"),
        on_new_fields=text_at(one, "on_new_fields"),
        provenance=boolean_at(one, "provenance"),
        dedup_columns=texts_at(one, "dedup", "columns"),
        dedup_window_s=seconds_at(one, "dedup", "window"),
        read_share=share_at(one, "read_share"),
        out_of_range=text_at(one, "aggregation_out_of_range"),
        workers=integer_at(one, "workers"),
        buffer_bytes=bytes_at(one, "buffer"),
        endpoint=text_at(one, "endpoint"),
        offsets=text_at(one, "offsets"),
        on_data_loss=text_at(one, "on_data_loss"),
        on_recreated=text_at(one, "on_recreated"),
        compact=boolean_at(one, "compact"),
        single_writer=boolean_at(one, "single_writer"),
        store_options=texts_by_key(one, "store_options"),
        root=text_at(root, "target", "root"),
        encryption=encryption_options(root),
        commit_lock=text_at(root, "target", "commit", "lock"),
        access=_access(root, named, None),
        csv_delimiter=text_at(one, "csv", "delimiter"),
        avro_framing=text_at(one, "avro", "framing"),
        avro_writers=texts_by_key(one, "avro", "writers"),
    )


# ---- alarms


def _alarms(rules: Value | None) -> list[AlarmRule]:
    entries = rules.entries if rules is not None else {}
    return [
        AlarmRule(name, _limit(entry.value), boolean_at(entry.value, "enabled") is not False)
        for name, entry in entries.items()
    ]


def _limit(rule: Value) -> Limit | None:
    dollars = rule.get("limit_usd")
    if dollars is not None:
        return Limit("usd", float(dollars.text), dollars.text)
    given = rule.get("limit")
    if given is None:
        return None
    if given.kind != "text":
        return Limit("count", float(given.text), given.text)
    return limit_of(given.text)


def limit_of(text: str) -> Limit:
    """A limit with its unit: `5 GB/h`, `100 GB`, `60 s`, `25%`, `2x`. Raises Unreadable."""
    for kind, read in (
        ("bytes_per_s", quantities.rate_bytes_per_s),
        ("bytes", quantities.size_bytes),
        ("seconds", quantities.duration_s),
        ("share", quantities.share),
        ("factor", quantities.factor),
    ):
        try:
            return Limit(kind, float(read(text)), text)
        except Unreadable:
            continue
    raise Unreadable("LF-2001", "is no limit", "write it as in `5 GB/h`, `60 s` or `25%`")
