"""What a person chose, in the manifest and by flags -> one request to the door of this room."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from lakeferry.config.manifest import Manifest, NetworkConfig
from lakeferry.config.references import references
from lakeferry.config.tree import Value
from lakeferry.connect.aws import AwsAccess, usual_region
from lakeferry.connect.databricks import ACCOUNTS, DatabricksAccess, accounts_of
from lakeferry.connect.references import resolved
from lakeferry.errors import FerryError
from lakeferry.monitor.choice_problems import format_fields
from lakeferry.monitor.nat.wish import nat_wish
from lakeferry.monitor.run import MonitorRequest, Transfer
from lakeferry.monitor.settings import (
    AlarmLimit,
    EndpointWish,
    FlowLogWish,
    MonitorSettings,
    TaggedWish,
)
from lakeferry.monitor.wanted.let_through import buckets
from lakeferry.network.discover import Beyond, Scope
from lakeferry.network.rule_set import QUESTIONS


@dataclass(frozen=True, slots=True)
class Extras:
    """What only the command line says."""

    profile: str | None = None  # of the AWS configuration files
    role: str | None = None
    external_id: str | None = None
    endpoint: str | None = None
    transfer: Transfer | None = None
    start_s: int | None = None  # when the transfer begins, since the epoch
    tolerance_usd: Decimal | None = None
    usd_per_day: Decimal | None = None
    suppressor: str = ""


def monitor_request(
    manifest: Manifest, extras: Extras = Extras(), *, needs_name: bool = True
) -> MonitorRequest:
    """The request that a manifest and the command line make.

    Args:
        manifest: without a fault, see `choice_problems`.
        needs_name: the command makes or looks for things that bear the deployment's name.

    Raises:
        FerryError: LF-2001 where a Region or a name is missing, or a reference names nothing;
            LF-1201 to LF-1206 for references that AWS resolves.
    """
    name = manifest.deployment.name
    if name is None and needs_name:
        raise FerryError(
            "LF-2001",
            "the deployment has no name",
            f"{manifest.file}: `name`",
            "write `name: ...`, or give --name; it is part of every name that is made",
        )
    access = access_of(manifest, extras)
    return MonitorRequest(
        access=access,
        scope=_scope(manifest.network),
        settings=_settings(manifest, extras, name or "", access.region),
        registry=_registry(manifest),
        transfer=extras.transfer,
        hidden=tuple(resolved(one) for one in manifest.alarms.notify if references(one)),
    )


def access_of(manifest: Manifest, extras: Extras = Extras()) -> AwsAccess:
    """As whom and where AWS is met. Raises LF-2001 where nothing names a Region."""
    said = manifest.deployment
    profile = extras.profile or said.profile
    region = said.region or usual_region(profile)
    if region is None:
        raise FerryError(
            "LF-2001",
            "nothing says which Region is meant",
            f"{manifest.file}: `network.region`; AWS_REGION; the AWS profile",
            "give --region, or write `network.region`",
        )
    return AwsAccess(
        region=resolved(region),
        profile=profile,
        role=extras.role or said.role,
        external_id=extras.external_id or said.external_id,
        endpoint=extras.endpoint or said.endpoint,
    )


def _scope(network: NetworkConfig) -> Scope:
    workers = network.workers
    return Scope(
        vpc=None if network.vpc is None else resolved(network.vpc),
        subnets=_resolved(network.subnets),
        interfaces=_resolved(network.interfaces),
        tags=_resolved_tags(network.tags),
        worker_tags=_resolved_tags(workers.tags),
        worker_subnets=_resolved(workers.subnets),
        beyond=tuple(
            Beyond(one.account, resolved(one.role), one.external_id) for one in network.beyond
        ),
    )


def _settings(manifest: Manifest, extras: Extras, name: str, region: str) -> MonitorSettings:
    network = manifest.network
    named = tuple(one.rpartition("stream/")[2] for one in _resolved(network.streams))
    ingested = _ingested(manifest, region)
    chosen: dict[str, Any] = {
        "flow_logs": _flow_logs(manifest),
        "nat": nat_wish(manifest.network),
        "questions": network.insights.rules or QUESTIONS,
        "endpoints": tuple(
            EndpointWish(one.kind, _type(one.type), one.service or "")
            for one in network.endpoints
            if one.type != "none"
        ),
        "buckets": buckets(manifest),
        "streams": tuple(dict.fromkeys((*named, *(ingested if named else ())))),
        "ingested": ingested,
        "notify": _resolved(manifest.alarms.notify),
        "alarms": _alarms(manifest),
        "window": _window(extras),
        "usd_per_day": extras.usd_per_day,
        "workers": network.workers.count,
        "suppressor": extras.suppressor,
        "tags": _resolved_tags(manifest.tags.values),
        "tagged": _tagged(network),
    }
    if network.insights.per is not None:
        chosen["per"] = network.insights.per
    if extras.tolerance_usd is not None:
        chosen["tolerance_usd"] = extras.tolerance_usd
    return MonitorSettings(name, "", region, **chosen)


def _ingested(manifest: Manifest, region: str) -> tuple[str, ...]:
    """Names of streams that are ingested; those of another Region are not met in this one."""
    found = []
    for one in manifest.streams.values():
        source = resolved(one.source)
        place, _, name = source.removeprefix("kinesis://").rpartition("/")
        if source.startswith("arn:"):
            place, name = source.split(":")[3], source.rpartition("stream/")[2]
        if place in ("", region):
            found.append(name)
    return tuple(dict.fromkeys(found))


def _tagged(network: NetworkConfig) -> TaggedWish:
    said, usual = network.tagged, TaggedWish()
    if said is None:
        return usual
    how: Any = said.watch  # of TaggedWish's ways, as the manifest's shape has seen
    return TaggedWish(how, bool(said.allowances), said.tag or usual.key)


def _type(text: str) -> Any:
    return text  # 'gateway' or 'interface', as `choice_problems` has seen


def _flow_logs(manifest: Manifest) -> FlowLogWish:
    wish, usual = manifest.network.flow_logs, FlowLogWish()
    bucket = resolved(wish.bucket or "").removeprefix("s3://")
    chosen: dict[str, Any] = {
        "destinations": wish.destinations,
        "group": resolved(wish.group or ""),
        # Bucket names say nothing of the partition, whose name is in the ARN.
        "bucket": bucket and f"arn:{_partition(manifest)}:s3:::{bucket.rstrip('/')}",
        "fields": format_fields(wish.format),
        "interval_s": wish.interval_s,
        "retention_days": wish.retention_days,
        "file_format": wish.file_format,
        "kms_key": resolved(wish.kms_key or ""),
        "tag_keys": tuple((kind, _resolved(keys)) for kind, keys in sorted(wish.tag_keys.items())),
    }
    return replace(usual, **{key: value for key, value in chosen.items() if value})


def _partition(manifest: Manifest) -> str:
    return AwsAccess(manifest.deployment.region or "us-east-1").partition


def _alarms(manifest: Manifest) -> Mapping[str, AlarmLimit]:
    found: dict[str, AlarmLimit] = {}
    for rule in manifest.alarms.rules:
        if not rule.enabled:
            found[rule.name] = AlarmLimit(None)
        elif rule.limit is not None:
            found[rule.name] = AlarmLimit(rule.limit.value, rule.limit.kind)
    return found


def _window(extras: Extras) -> tuple[int, int] | None:
    if extras.start_s is None or extras.transfer is None:
        return None
    return extras.start_s, extras.start_s + round(extras.transfer.days * 86_400)


def _registry(manifest: Manifest) -> DatabricksAccess | None:
    """The Databricks account. Its secrets stay references until a client is made."""
    named = manifest.network.databricks
    if named is None:
        return None
    link = manifest.root.get("connections", named.connection)

    def given(key: str) -> str | None:
        value: Value | None = link.get(key) if link is not None else None
        return value.text if value is not None else None

    return DatabricksAccess(
        account_id=resolved(named.account_id),
        # The connection may be of a workspace; endpoints are registered in its account.
        host=accounts_of(resolved(given("host") or ACCOUNTS)),
        client_id=given("client"),
        client_secret=given("secret"),
        token=given("token"),
        profile=given("profile"),
    )


def _resolved(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(resolved(one) for one in texts)


def _resolved_tags(tags: Mapping[str, str]) -> Mapping[str, str]:
    return {key: resolved(value) for key, value in tags.items()}
