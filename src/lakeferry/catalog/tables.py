"""What a catalog knows of a table, and what it shall know, as values. Pure.

Names are as the catalog writes them. A property whose key begins with `lakeferry.` is ours; a table
that has the first of them was registered by us.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from lakeferry.errors import FerryError

# What every table carries in the target's catalog, so that this alone tells where it is from.
SOURCE = "lakeferry.source"  # address of the source; marks a registration as ours
SOURCE_VERSION = "lakeferry.source_version"
RECEIPT = "lakeferry.receipt"  # sha256 of the proof under which it was cut over
LAG = "lakeferry.lag"  # whole seconds behind the source
AS_OF = "lakeferry.as_of"  # when version and lag were so: '2026-11-26T19:00:00Z'
OURS = "lakeferry."


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    type: str  # as the catalog writes it: 'bigint', 'struct<a:int>'; wanted ones: SQL
    comment: str = ""
    nullable: bool = True
    json: str = ""  # the field as Delta's schema writes it; '': not known


@dataclass(frozen=True, slots=True)
class Partition:
    """One folder of a table whose partitions only a catalog knows."""

    values: tuple[str | None, ...]  # in the order of `partition_columns`; None: null
    location: str  # anywhere, not always below the table's own


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody may do with a table."""

    principal: str  # user, group, role or ARN
    privilege: str  # 'SELECT'
    kind: str = ""  # 'user', 'group', 'role' where the catalog tells them apart


@dataclass(frozen=True, slots=True)
class CatalogTable:
    """One table as a catalog has it."""

    catalog: str  # of Unity Catalog; 'hive_metastore' of a workspace; '' elsewhere
    schema: str
    table: str
    kind: str  # 'delta', 'parquet', 'iceberg', 'view', 'link', or what else the catalog calls it
    location: str  # as the catalog writes it; '': a view, or not told
    comment: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()  # those of the partitions too; (): a listing leaves them out
    partition_columns: tuple[str, ...] = ()
    has_partitions: bool = False  # the catalog alone knows which folders are its partitions
    owner: str = ""
    is_external: bool = True  # False: dropping the table there deletes its files
    problem: str = ""  # why its files cannot be reached where they lie; '': nothing is known
    next_step: str = ""  # what to do about the problem

    @property
    def is_ours(self) -> bool:
        """Whether we registered it."""
        return SOURCE in self.properties

    @property
    def full_name(self) -> str:
        return ".".join(part for part in (self.catalog, self.schema, self.table) if part)


@dataclass(frozen=True, slots=True)
class Registration:
    """A Delta table that a catalog shall know. Its files stay where they are."""

    schema: str
    table: str
    location: str  # address of the table's folder
    columns: tuple[Column, ...]  # all, in the order of the schema; see `columns.columns_of`
    partition_columns: tuple[str, ...] = ()
    comment: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if SOURCE not in self.properties:
            raise ValueError(f"a registration without the property {SOURCE} is nobody's")


@dataclass(frozen=True, slots=True)
class Change:
    """What a request did to a catalog."""

    kind: str  # 'none', 'created', 'updated', 'removed'
    parts: tuple[
        str, ...
    ] = ()  # of an update: 'comment', 'columns', 'location', or properties' keys


NOTHING = Change("none")
Tables = Iterator[CatalogTable]
OnRefused = Callable[[str, FerryError], object]  # a schema, and why it is not listed, or not wholly
