"""A checked manifest -> what it wants of a migration, defaults filled in. Pure."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from lakeferry.config.leaf_values import (
    boolean_at,
    bytes_at,
    entries_at,
    integer_at,
    rate_at,
    seconds_at,
    share_at,
    text_at,
    texts_at,
    texts_by_key,
)
from lakeferry.config.manifest import Manifest
from lakeferry.config.target_encryption import encryption_options
from lakeferry.config.tree import Value
from lakeferry.fleet.manifest.inheritance import levels, source_tree
from lakeferry.fleet.manifest.links import link_of
from lakeferry.fleet.manifest.pattern import Pattern
from lakeferry.fleet.manifest.wanted import (
    CATALOG_SCHEMA,
    LAYOUT,
    Catalog,
    Limits,
    Link,
    Migration,
    NamesFrom,
    OptionLevel,
    Source,
    TableOptions,
    Target,
    Wave,
    Window,
)

LEDGER = ".lakeferry/ledger.db"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OPTIONS = (
    "wave", "mode", "verify", "schema_changes", "on_vacuumed", "lag_target", "storage_class",
    "tags",
)  # fmt: skip
CATALOG_KINDS = ("unity", "hive", "glue")
# What an address begins with, and the kind of source that it is.
KIND_OF_SCHEME = {
    "abfss": "adls", "abfs": "adls", "az": "adls", "s3": "s3", "s3a": "s3", "s3n": "s3",
    "gs": "gcs", "hdfs": "hdfs", "file": "local",
}  # fmt: skip


def migration_of(manifest: Manifest) -> Migration:
    """The values of a manifest in which `wanted_problems` found no fault."""
    root, layers = manifest.root, manifest.layers
    archive = text_at(root, "cost", "archive_usd_per_gb")
    sources = {name: _source(root, layers, name) for name in entries_at(root, "sources")}
    return Migration(
        name=text_at(root, "name") or "",
        file=manifest.file,
        sha256=manifest.sha256,
        ledger=text_at(root, "ledger") or LEDGER,
        target=_target(root),
        sources=sources,
        waves=_waves(root, sources.values()),
        limits=_limits(root),
        archive_usd_per_gb=None if archive is None else Decimal(archive),
    )


def kind_of_root(root: str) -> str | None:
    """The kind of source that an address is of; None where a reference or something odd is."""
    scheme, colon, _ = root.partition(":")
    if colon and scheme.isalnum():
        return KIND_OF_SCHEME.get(scheme.lower())
    return "local" if root.startswith(("/", ".", "~")) else None


def kind_of(source: Value) -> str | None:
    """What a source says that it is, or its address says, or who knows its tables."""
    root = text_at(source, "root")
    catalog = text_at(source, "from", "catalog")
    named = text_at(source, "kind") or (kind_of_root(root) if root is not None else None)
    return named or (catalog if catalog in CATALOG_KINDS else None)


def options_of(value: Value) -> tuple[TableOptions, tuple[str, ...]]:
    """The options that a level says, and which of them it says."""
    said: dict[str, int | str | Mapping[str, str]] = {}
    for key in OPTIONS:
        text = text_at(value, key)
        if text is None:
            continue
        if key == "wave":
            said["wave"] = int(text)
        elif key == "lag_target":
            said["lag_target_s"] = seconds_at(value, key) or 0
        elif key == "tags":
            said["tags"] = texts_by_key(value, key)
        else:
            said[key] = text
    return TableOptions(**said), tuple(said)  # type: ignore[arg-type]


def _link(root: Value, name: str | None) -> Link | None:
    value = root.get("connections", name) if name is not None else None
    return link_of(name, value) if name is not None and value is not None else None


def _source(root: Value, layers: tuple[Value, ...], name: str) -> Source:
    tree = source_tree(layers, name)
    kind = kind_of(tree) or "local"
    given = text_at(tree, "from", "catalog")
    return Source(
        name=name,
        kind=kind,
        link=_link(root, text_at(tree, "connection")),
        root=text_at(tree, "root"),
        names_from=NamesFrom(
            catalog=given or (kind if kind in CATALOG_KINDS else "paths"),
            link=_link(root, text_at(tree, "from", "connection") or text_at(tree, "connection")),
            name=text_at(tree, "from", "name"),
            uri=text_at(tree, "from", "uri"),
            warehouse=text_at(tree, "from", "warehouse"),
            mounts=texts_by_key(tree, "from", "mounts"),
        ),
        path=text_at(tree, "path") or ("local" if kind == "local" else "internet"),
        layout=text_at(tree, "layout") or text_at(root, "target", "layout") or LAYOUT,
        include=tuple(map(Pattern, texts_at(tree, "include"))),
        exclude=tuple(map(Pattern, texts_at(tree, "exclude"))),
        levels=tuple(
            OptionLevel(*options_of(level), pattern) for level, pattern in levels(layers, name)
        ),
    )


def _target(root: Value) -> Target:
    at = ("target",)
    kind = text_at(root, *at, "catalog", "kind")
    external = boolean_at(root, *at, "catalog", "external")
    return Target(
        root=(text_at(root, *at, "root") or "").rstrip("/"),
        link=_link(root, text_at(root, *at, "connection")),
        region=text_at(root, *at, "region"),
        layout=text_at(root, *at, "layout") or LAYOUT,
        encryption=encryption_options(root),
        lock=text_at(root, *at, "commit", "lock"),
        storage_class=text_at(root, *at, "storage_class"),
        catalog=None
        if kind in (None, "none")
        else Catalog(
            kind=kind or "",
            link=_link(root, text_at(root, *at, "catalog", "connection")),
            uri=text_at(root, *at, "catalog", "uri"),
            catalog=text_at(root, *at, "catalog", "catalog"),
            schema=text_at(root, *at, "catalog", "schema") or CATALOG_SCHEMA,
            is_external=external is not False,
            register=text_at(root, *at, "catalog", "register") or "at-cutover",
        ),
    )


# ---- waves


def after_of(wave: Value) -> tuple[int, ...]:
    """The waves that one comes after."""
    given = wave.get("after")
    if given is None:
        return ()
    return tuple(int(one.text) for one in (given.items if given.kind == "list" else (given,)))


def time_of(text: str | None) -> datetime | None:
    """UTC. Raises ValueError for a day that no calendar has."""
    return None if text in (None, "manual") else datetime.fromisoformat(str(text)).astimezone(UTC)


def waves_of(source: Source) -> set[int]:
    """The waves that tables of a source can be of."""
    of_tables = {
        level.given.wave for level in source.levels if "wave" in level.keys and level.pattern
    }
    return {source.options.wave, *of_tables}


def _waves(root: Value, sources: Iterable[Source]) -> Mapping[int, Wave]:
    found = {number: Wave(number) for source in sources for number in waves_of(source)}
    for key, value in entries_at(root, "waves").items():
        freeze = seconds_at(value, "freeze")
        found[int(key)] = Wave(
            int(key),
            title=text_at(value, "title"),
            after=after_of(value),
            start=time_of(text_at(value, "start")),
            cutover=time_of(text_at(value, "cutover")),
            freeze_s=Wave(0).freeze_s if freeze is None else freeze,
        )
    return dict(sorted(found.items()))


# ---- limits


def _limits(root: Value) -> Limits:
    at = "limits"
    requests = text_at(root, at, "per_account", "requests")
    dollars = text_at(root, at, "stop_if", "cost_usd")
    windows = root.get(at, "windows")
    return Limits(
        bytes_per_s=rate_at(root, at, "bandwidth"),
        max_bytes=bytes_at(root, at, "max_bytes"),
        tables=integer_at(root, at, "concurrency", "tables"),
        files=integer_at(root, at, "concurrency", "files"),
        account_requests_per_s=int(requests.partition("/")[0]) if requests else None,
        account_bytes_per_s=rate_at(root, at, "per_account", "bandwidth"),
        stop_cost_usd=Decimal(dollars) if dollars is not None else None,
        stop_error_share=share_at(root, at, "stop_if", "error_rate"),
        windows=tuple(window_of(one) for one in (windows.items if windows is not None else ())),
    )


def window_of(value: Value) -> Window:
    """One of `limits.windows`."""
    return Window(
        days=_days(text_at(value, "days") or "mon-sun"),
        begins=_minutes(text_at(value, "from") or "00:00"),
        ends=_minutes(text_at(value, "to") or "00:00"),
        zone=text_at(value, "tz") or "UTC",
        path=text_at(value, "path"),
        select=text_at(value, "select"),
        bytes_per_s=rate_at(value, "bandwidth"),
        is_pause=boolean_at(value, "pause") is True,
    )


def _days(text: str) -> tuple[int, ...]:
    """`fri-mon` is Friday to Monday."""
    found: set[int] = set()
    for part in text.replace(" ", "").split(","):
        first, _, last = part.partition("-")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        found |= {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}
    return tuple(sorted(found))


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)
