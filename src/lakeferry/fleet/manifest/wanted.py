"""What a manifest wants of a migration, as frozen values with every default filled in. Pure.

Sizes are bytes, rates bytes a second, durations seconds, times UTC. References to secrets stay
references: they are resolved where a connection is made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from lakeferry.config.target_encryption import with_encryption
from lakeferry.fleet.manifest.landing import Name, landing_path
from lakeferry.fleet.manifest.pattern import Pattern, is_chosen, may_be_chosen

LAYOUT = "{source}/{schema}/{table}"
CATALOG_SCHEMA = "{source}_{schema}"


@dataclass(frozen=True, slots=True)
class Link:
    """One of `connections`: who we are at a service. Secrets are references."""

    name: str
    kind: str  # 'azure', 'aws', 'gcs', 'hdfs', 'databricks', 'local'
    auth: str = "default"
    given: Mapping[str, str] = field(default_factory=dict)  # its other keys, as written
    options: Mapping[str, str] = field(default_factory=dict)  # as `store.open_store` takes them


@dataclass(frozen=True, slots=True)
class TableOptions:
    """How one table is treated; the defaults are lakeferry's own."""

    wave: int = 1
    mode: str = "snapshot"  # 'snapshot', 'mirror'
    verify: str = "replayed"  # 'listed', 'hashed', 'replayed', 'rows'
    schema_changes: str = "additive"  # 'none', 'additive', 'any'
    on_vacuumed: str = "block"  # 'block', 'latest'
    lag_target_s: int = 21_600
    storage_class: str | None = None  # of its data files; None: as the target says
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OptionLevel:
    """What one level says of tables, in the order of meaning."""

    given: TableOptions
    keys: tuple[str, ...]  # the fields of `given` that it says
    pattern: Pattern | None = None  # None: of all tables

    def upon(self, under: TableOptions) -> TableOptions:
        """The options with what this level says; of tags the keys are joined."""
        changes = {key: getattr(self.given, key) for key in self.keys}
        if "tags" in changes:
            changes["tags"] = {**under.tags, **self.given.tags}
        return replace(under, **changes)


@dataclass(frozen=True, slots=True)
class NamesFrom:
    """Who knows the tables of a source."""

    catalog: str = "paths"  # 'paths': its folders; 'unity', 'hive', 'glue'
    link: Link | None = None
    name: str | None = None  # a catalog of Unity, a database of Glue or Hive; None: all
    uri: str | None = None  # of a metastore or another Unity Catalog
    warehouse: str | None = None  # id of the SQL warehouse that answers for hive_metastore
    mounts: Mapping[str, str] = field(default_factory=dict)  # '/mnt/x' -> address


@dataclass(frozen=True, slots=True)
class Source:
    """One source, with its family and the defaults in it."""

    name: str
    kind: str  # 'adls', 'hdfs', 's3', 'gcs', 'local', 'unity', 'hive', 'glue'
    link: Link | None  # None: the identity of the machine
    root: str | None  # address; None: a catalog says where each table lies
    names_from: NamesFrom
    path: str  # 'internet', 'direct-connect', 'vpn', 's3-endpoint', 'local'
    layout: str
    include: tuple[Pattern, ...] = ()  # (): all
    exclude: tuple[Pattern, ...] = ()
    levels: tuple[OptionLevel, ...] = ()  # lowest first

    @property
    def store_options(self) -> Mapping[str, str]:
        """As `store.open_store` takes them."""
        return self.link.options if self.link is not None else {}

    @property
    def catalog(self) -> str:
        """What `{catalog}` of a layout stands for; '' where folders alone name the tables."""
        if self.names_from.catalog == "unity":
            return self.names_from.name or "hive_metastore"
        return "" if self.names_from.catalog == "paths" else self.names_from.catalog

    def is_in_scope(self, schema: str, table: str, path: str = "") -> bool:
        """Whether `include` and `exclude` leave a table in; `path` is relative to `root`."""
        return is_chosen(self.include, self.exclude, schema, table, path)

    def may_want(self, schema: str) -> bool:
        """Whether tables of a schema may be in scope, whatever they are called."""
        return may_be_chosen(self.include, self.exclude, schema)

    def options_of(self, schema: str, table: str, path: str = "") -> TableOptions:
        """How a table of this source is treated."""
        found = TableOptions()
        for level in self.levels:
            if level.pattern is None or level.pattern.fits(schema, table, path):
                found = level.upon(found)
        return found

    @property
    def options(self) -> TableOptions:
        """How its tables are treated where no pattern says otherwise."""
        found = TableOptions()
        for level in self.levels:
            if level.pattern is None:
                found = level.upon(found)
        return found

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        """All globs that its part of the manifest holds, to tell which fit no table."""
        named = (level.pattern for level in self.levels if level.pattern is not None)
        return (*self.include, *self.exclude, *dict.fromkeys(named))


@dataclass(frozen=True, slots=True)
class Catalog:
    """Where tables are registered."""

    kind: str  # 'unity', 'glue', 'hive'
    link: Link | None
    uri: str | None
    catalog: str | None  # of Unity
    schema: str  # a layout of names, see `landing.catalog_names`
    is_external: bool
    register: str  # 'never', 'at-sync', 'at-cutover'


@dataclass(frozen=True, slots=True)
class Target:
    """Where tables land."""

    root: str  # address, without a slash at its end
    link: Link | None
    region: str | None
    layout: str
    encryption: Mapping[str, str]  # of all that is put, as options of its store; {}: its own
    lock: str | None  # by which commits go, as `config.commit_lock` has it
    catalog: Catalog | None
    storage_class: str | None = None  # of data files; None: the bucket's own

    @property
    def kms_key(self) -> str | None:
        """That all is encrypted with, an ARN or a reference; None: none of one's own."""
        return self.store_options.get("kms_key")

    @property
    def store_options(self) -> Mapping[str, str]:
        """As `store.open_store` takes them."""
        options = self.link.options if self.link is not None else {}
        given = dict(with_encryption(options, self.encryption))
        if self.region is not None and self.root.startswith(("s3:", "s3a:")):
            given.setdefault("region", self.region)
        if self.storage_class is not None:
            given["storage_class"] = self.storage_class
        if self.lock is not None:
            given["commit_lock"] = self.lock
        return given


@dataclass(frozen=True, slots=True)
class Wave:
    """Tables that move and are cut over together."""

    number: int
    title: str | None = None
    after: tuple[int, ...] = ()  # waves that must be cut over before
    start: datetime | None = None  # UTC; nothing of it moves before
    cutover: datetime | None = None  # UTC; None: a person says when
    freeze_s: int = 600  # no writer at any of its sources for so long


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of the week with limits of their own; see `window` for what they come to."""

    days: tuple[int, ...]  # on which it begins; Monday is 0
    begins: int  # minutes after midnight
    ends: int  # likewise; not after `begins`: on the day after
    zone: str  # of the IANA database
    path: str | None = None  # None: all
    select: str | None = None  # None: all tables
    bytes_per_s: float | None = None
    is_pause: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may take; None: no limit, or lakeferry's own choice."""

    bytes_per_s: float | None = None
    max_bytes: int | None = None
    tables: int | None = None  # at once
    files: int | None = None  # at once
    account_requests_per_s: int | None = None
    account_bytes_per_s: float | None = None
    stop_cost_usd: Decimal | None = None
    stop_error_share: float | None = None
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class Migration:
    """A whole migration."""

    name: str
    file: str  # the manifest, as it was found
    sha256: str  # of its bytes
    ledger: str  # a path beside the manifest, or a reference
    target: Target
    sources: Mapping[str, Source]
    waves: Mapping[int, Wave]  # those that are written, and those that sources name
    limits: Limits
    archive_usd_per_gb: Decimal | None = None  # of 2^30 bytes, restored; None: not said

    def storage_class(self, options: TableOptions) -> str | None:
        """In which a table's data files are put; None: the bucket's own."""
        return options.storage_class or self.target.storage_class

    def store_options(self, options: TableOptions) -> Mapping[str, str]:
        """As `store.open_store` takes them, to write a table to the target."""
        given, chosen = self.target.store_options, self.storage_class(options)
        return given if chosen is None else {**given, "storage_class": chosen}

    def landing(self, source: Source, schema: str, table: str, **more: str) -> str:
        """The address at which a table lands.

        Args:
            more: `path`, relative to the root of the source, where it is known.
        """
        wave = source.options_of(schema, table, more.get("path", "")).wave
        name = Name(
            source.name, schema, table, kind=source.kind, wave=wave, catalog=source.catalog, **more
        )
        return f"{self.target.root}/{landing_path(source.layout, name)}"
