"""What of a manifest only this room can judge: names of rules and alarms, formats. Pure."""

import re
from collections.abc import Iterator

from lakeferry.config.check import nearest
from lakeferry.config.manifest import AlarmRule, Manifest
from lakeferry.config.problems import Problem
from lakeferry.config.references import references
from lakeferry.config.tree import Place, Value
from lakeferry.cost.prices.price_file import own_book
from lakeferry.errors import FerryError
from lakeferry.monitor.nat.instances import least_outage_s
from lakeferry.monitor.nat.wish import nat_wish
from lakeferry.monitor.wanted.alarms import ALARMS
from lakeferry.monitor.wanted.migration_alarms import METRICS
from lakeferry.network.fields import (
    CONNECTION_FORMAT,
    DEFAULT_FORMAT,
    RECOMMENDED_FORMAT,
    parse_format,
)
from lakeferry.network.resources import OWNER_TAG, REGION_TAG
from lakeferry.network.rule_set import QUESTIONS

FORMATS = {"v2": DEFAULT_FORMAT, "v5-nat": RECOMMENDED_FORMAT, "connections": CONNECTION_FORMAT}
GATEWAYS = ("s3", "dynamodb")  # all services that have gateway endpoints
MOST_TAGS = 47  # of 50 on a thing: two say whose and where it is, one is its name
# What every service takes: some take more signs.
_TAG_VALUE = re.compile(r"[\w .:/=+\-@]{0,256}")
_LIMITS = {
    "bytes_per_s": "a rate: `5 GB/h`",
    "bytes": "a size: `5 TB`",
    "share": "a share: `25%`",
    "count": "a bare number",
    "seconds": "a duration: `60 s`",
    "factor": "a multiple of lag_target: `2x`",
    "usd": "dollars, as `limit_usd: 20000`",
}


def problems(manifest: Manifest) -> list[Problem]:
    """Every fault, with its place."""
    return [
        *_rules(manifest), *_endpoints(manifest), *_flow_logs(manifest), *_alarms(manifest),
        *_nat(manifest), *_tags(manifest),
    ]  # fmt: skip


def format_fields(format: tuple[str, ...]) -> tuple[str, ...]:
    """The fields of a format's name, or of a text or list of fields; () where none is given.

    Raises:
        FerryError: LF-6201 for a field that is not known.
    """
    if not format:
        return ()
    if len(format) == 1 and format[0] in FORMATS:
        return FORMATS[format[0]]
    return parse_format(" ".join(format))


def _at(manifest: Manifest, *path: str) -> Place:
    """Where something is written, or the nearest thing around it that is."""
    value: Value = manifest.root
    for key in path:
        inner = value.get(key)
        if inner is None:
            break
        value = inner
    return value.place


def _rules(manifest: Manifest) -> Iterator[Problem]:
    listed = manifest.root.get("network", "insights", "rules")
    for item in listed.items if listed is not None else ():
        if item.text not in QUESTIONS:
            what = f"network.insights.rules: there is no rule `{item.text}`"
            yield Problem("LF-2001", item.place, what, nearest(item.text, QUESTIONS))


def _endpoints(manifest: Manifest) -> Iterator[Problem]:
    for one in manifest.network.endpoints:
        if one.type == "gateway" and one.kind not in GATEWAYS:
            what = f"network.endpoints.{one.kind}: it has no gateway endpoint"
            step = "write `interface`"
            place = _at(manifest, "network", "endpoints", one.kind)
            yield Problem("LF-2001", place, what, step)


def _flow_logs(manifest: Manifest) -> Iterator[Problem]:
    wish, at = manifest.network.flow_logs, ("network", "flow_logs")
    if "s3" in wish.destinations and wish.bucket is None:
        what = "network.flow_logs.bucket is missing: the destination is s3"
        step = "add `bucket: s3://bucket/prefix`"
        yield Problem("LF-2001", _at(manifest, *at, "destination"), what, step)
    try:
        format_fields(wish.format)
    except FerryError as error:
        place = _at(manifest, *at, "format")
        step = f"{error.next_step}; or one of {', '.join(FORMATS)}"
        yield Problem("LF-6201", place, f"network.flow_logs.format: {error.what}", step)


def _nat(manifest: Manifest) -> Iterator[Problem]:
    wish, at = nat_wish(manifest.network), ("network", "nat")
    if wish.kind not in ("instance", "auto"):
        return
    for word, is_met in (
        ("no-instance", wish.kind == "instance"), ("no-gateway", wish.standby == "gateway"),
    ):  # fmt: skip
        if is_met and word in manifest.network.policy:
            what = f"network.nat: `network.policy` says {word}"
            step = "choose another kind or standby (`--nat`, `--nat-standby`), or change the policy"
            yield Problem("LF-2001", _at(manifest, *at), what, step)
    held = least_outage_s(wish)
    if wish.max_outage_s is not None and wish.max_outage_s < held:
        what = f"network.nat.recovery.max_outage: what is chosen holds {held} s at best"
        step = "let peers look at each other (`check: peer`) and a gateway stand by, or allow more"
        place = _at(manifest, *at, "recovery", "max_outage")
        yield Problem("LF-6432", place, what, step)
    if wish.type:
        try:
            own_book().instance(wish.type)
        except FerryError as error:
            what = f"network.nat.type: {error.what}"
            yield Problem(error.code, _at(manifest, *at, "type"), what, error.where)


def _tags(manifest: Manifest) -> Iterator[Problem]:
    """Tags that some service would refuse half way through, or that are not theirs to give."""
    for key, value in manifest.tags.values.items():
        said = _key_fault(key)
        if said:
            what, step = f"tags: `{key}` is {said}", "choose another key"
        elif not references(value) and not _TAG_VALUE.fullmatch(value):
            what = f"tags.{key}: `{value[:40]}` is not valid here"
            step = "write at most 256 letters, digits, blanks and _ . : / = + - @"
        else:
            continue
        yield Problem("LF-2001", _at(manifest, "tags", key), what, step)
    if len(manifest.tags.values) > MOST_TAGS:
        what = f"tags: {len(manifest.tags.values)} tags do not fit beside ours"
        yield Problem("LF-2001", _at(manifest, "tags"), what, f"give at most {MOST_TAGS}")


def _key_fault(key: str) -> str:
    if key in (OWNER_TAG, REGION_TAG, "Name"):
        return "lakeferry's own"
    if key.lower().startswith("aws:"):
        return "AWS's own"
    return "" if _TAG_VALUE.fullmatch(key) else "no key of a tag"


def _alarms(manifest: Manifest) -> Iterator[Problem]:
    for rule in manifest.alarms.rules:
        at = ("alarms", "rules", rule.name)
        place = _at(manifest, *at, "limit")
        if rule.name in ALARMS:
            yield from _limit(rule, place)
        else:
            entry = manifest.root.get("alarms", "rules")
            assert entry is not None, "the alarm was read from it"
            what = f"alarms.rules: there is no alarm `{rule.name}`"
            step = nearest(rule.name, ALARMS)
            yield Problem("LF-2001", entry.entries[rule.name].place, what, step)


def _limit(rule: AlarmRule, place: Place) -> Iterator[Problem]:
    wanted = ALARMS[rule.name]
    if rule.limit is not None and rule.limit.kind != wanted:
        what = f"alarms.rules.{rule.name}: `{rule.limit.text}` is not what it is held against"
        yield Problem("LF-2001", place, what, f"write {_LIMITS[wanted]}")
    if rule.limit is None and rule.enabled and rule.name in METRICS:
        what = f"alarms.rules.{rule.name}: it has no limit, so it could never ring"
        yield Problem("LF-2001", place, what, f"write {_LIMITS[wanted]}")
