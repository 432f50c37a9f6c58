"""A checked tree -> the values of a manifest. What is not written is None or empty."""

from collections.abc import Mapping
from functools import reduce

from lakeferry.config import quantities
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
        tags=TagsConfig(_texts_by_key(root, "tags")),
        alarms=AlarmsConfig(
            notify=_texts(root, "alarms", "notify"),
            rules=tuple(_alarms(alarms.get("rules") if alarms is not None else None)),
        ),
        streams={name: _stream(root, name, one) for name, one in _entries(root, "streams").items()},
        root=root,
        layers=layers,
    )


def _deployment(root: Value) -> Deployment:
    named = _text(root, "network", "connection") or _text(root, "target", "connection")
    region = _text(root, "network", "region")
    return _access(root, named, region)


def _access(root: Value, named: str | None, region: str | None) -> Deployment:
    """As whom a connection of kind aws meets AWS, and in which Region if no other is said."""
    link = ("connections", named) if named else ("connections",)
    is_aws = _text(root, *link, "kind") == "aws"
    own = _text(root, *link, "region") if is_aws else None
    return Deployment(
        name=_text(root, "name"),
        region=region or own or _text(root, "target", "region"),
        profile=_text(root, *link, "profile") if is_aws else None,
        role=_text(root, *link, "role") if is_aws else None,
        external_id=_text(root, *link, "external_id") if is_aws else None,
        endpoint=_text(root, *link, "endpoint") if is_aws else None,
    )


def _network(root: Value) -> NetworkConfig:
    at = "network"
    return NetworkConfig(
        vpc=_text(root, at, "vpc"),
        subnets=_texts(root, at, "subnets"),
        interfaces=_texts(root, at, "interfaces"),
        tags=_texts_by_key(root, at, "tags"),
        workers=WorkersConfig(
            tags=_texts_by_key(root, at, "workers", "tags"),
            subnets=_texts(root, at, "workers", "subnets"),
            count=_integer(root, at, "workers", "count"),
        ),
        beyond=tuple(
            BeyondConfig(account, _text(one, "role") or "", _text(one, "external_id"))
            for account, one in _entries(root, at, "beyond").items()
        ),
        endpoints=tuple(
            EndpointConfig(kind, one.text or _text(one, "type") or "", _text(one, "service"))
            for kind, one in _entries(root, at, "endpoints").items()
        ),
        buckets=_texts(root, at, "buckets"),
        streams=_texts(root, at, "streams"),
        databricks=_databricks(root),
        nat=_nat(root),
        flow_logs=_flow_logs(root),
        insights=InsightsConfig(
            rules=_texts(root, at, "insights", "rules"), per=_text(root, at, "insights", "per")
        ),
        tagged=_tagged(root),
        policy=_texts(root, at, "policy"),
    )


def _tagged(root: Value) -> TaggedConfig | None:
    at = ("network", "tagged_instances")
    watch = _text(root, *at, "watch")
    if watch is None:
        return None
    return TaggedConfig(watch, _text(root, *at, "tag"), _boolean(root, *at, "allowances"))


def _databricks(root: Value) -> DatabricksConfig | None:
    at = ("network", "databricks")
    account, connection = _text(root, *at, "account_id"), _text(root, *at, "connection")
    return DatabricksConfig(account, connection) if account and connection else None


def _nat(root: Value) -> NatConfig | None:
    at = ("network", "nat")
    kind = _text(root, *at, "kind")
    if kind is None:
        return None
    return NatConfig(
        kind=kind,
        instance_type=_text(root, *at, "type"),
        count=_integer(root, *at, "count"),
        auto_scaling=_boolean(root, *at, "recovery", "auto_scaling"),
        standby=_text(root, *at, "recovery", "standby"),
        max_outage_s=_seconds(root, *at, "recovery", "max_outage"),
        check=_text(root, *at, "recovery", "check"),
        image=_text(root, *at, "image"),
    )


def _flow_logs(root: Value) -> FlowLogsConfig:
    at = ("network", "flow_logs")
    retention = _seconds(root, *at, "retention")
    return FlowLogsConfig(
        destinations=_texts(root, *at, "destination"),
        group=_text(root, *at, "group"),
        bucket=_text(root, *at, "bucket"),
        format=_texts(root, *at, "format"),
        interval_s=_seconds(root, *at, "interval"),
        retention_days=None if retention is None else max(1, -(-retention // 86_400)),
        file_format=_text(root, *at, "file_format"),
        kms_key=_text(root, *at, "kms_key"),
        tag_keys={
            kind: _texts(root, *at, "tag_keys", kind)
            for kind in ("auto-scaling-group", "instance", "network-interface")
            if root.get(*at, "tag_keys", kind) is not None
        },
    )


# ---- streams


def _stream(root: Value, name: str, one: Value) -> StreamConfig:
    named = _text(one, "connection") or _text(root, "target", "connection")
    return StreamConfig(
        name=name,
        source=_text(one, "from") or "",
        target=_text(one, "to") or "",
        format=_text(one, "format"),
        schema=_text(one, "schema"),
        partition_by=_texts(one, "partition_by"),
        flush_s=_seconds(one, "flush", "every"),
        flush_bytes=_bytes(one, "flush", "size"),
        app_id=_text(one, "app_id"),
        start=_text(one, "start"),
        dead_letter=_text(one, "dead_letter"),
        bad_records=_text(one, "bad_records"),
        max_bad=_share(one, "max_bad"),
        on_new_fields=_text(one, "on_new_fields"),
        provenance=_boolean(one, "provenance"),
        dedup_columns=_texts(one, "dedup", "columns"),
        dedup_window_s=_seconds(one, "dedup", "window"),
        read_share=_share(one, "read_share"),
        out_of_range=_text(one, "aggregation_out_of_range"),
        workers=_integer(one, "workers"),
        buffer_bytes=_bytes(one, "buffer"),
        endpoint=_text(one, "endpoint"),
        offsets=_text(one, "offsets"),
        on_data_loss=_text(one, "on_data_loss"),
        on_recreated=_text(one, "on_recreated"),
        compact=_boolean(one, "compact"),
        single_writer=_boolean(one, "single_writer"),
        store_options=_texts_by_key(one, "store_options"),
        root=_text(root, "target", "root"),
        access=_access(root, named, None),
    )


# ---- alarms


def _alarms(rules: Value | None) -> list[AlarmRule]:
    entries = rules.entries if rules is not None else {}
    return [
        AlarmRule(name, _limit(entry.value), _boolean(entry.value, "enabled") is not False)
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


# ---- leaves


def _text(value: Value, *path: str) -> str | None:
    found = value.get(*path)
    return found.text if found is not None else None


def _texts(value: Value, *path: str) -> tuple[str, ...]:
    """A list of texts, or the one text that stands in its place."""
    found = value.get(*path)
    if found is None:
        return ()
    return (found.text,) if found.kind == "text" else tuple(one.text for one in found.items)


def _texts_by_key(value: Value, *path: str) -> Mapping[str, str]:
    return {key: one.text for key, one in _entries(value, *path).items()}


def _entries(value: Value, *path: str) -> Mapping[str, Value]:
    found = value.get(*path)
    entries = found.entries if found is not None else {}
    return {key: entry.value for key, entry in entries.items()}


def _integer(value: Value, *path: str) -> int | None:
    found = _text(value, *path)
    return int(found) if found is not None else None


def _boolean(value: Value, *path: str) -> bool | None:
    found = _text(value, *path)
    return found.lower() == "true" if found is not None else None


def _seconds(value: Value, *path: str) -> int | None:
    found = _text(value, *path)
    return quantities.duration_s(found) if found is not None else None


def _bytes(value: Value, *path: str) -> int | None:
    found = _text(value, *path)
    return quantities.size_bytes(found) if found is not None else None


def _share(value: Value, *path: str) -> float | None:
    found = _text(value, *path)
    return quantities.share(found) if found is not None else None
