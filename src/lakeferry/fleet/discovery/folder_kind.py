"""What a folder is, by the names directly in it. Pure.

Whether it holds a Delta table is known before: a folder with a log is that, whatever else lies
beside the log. What lies below a table is part of it and not looked into.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from lakeferry.store.protocol import Folder, ObjectMeta

PARQUET = "parquet"
_PARQUET_ENDINGS = ("parquet", "parq", "pq")
PARTITION = re.compile(r"([^=/]+)=([^/]*)")
_METADATA_FILE = re.compile(r"(?:v?(\d+)|(\d+)-[^/]+)(?:\.gz)?\.metadata\.json")
# Parts of tables, or of jobs under way; a checkpoint of a stream may well be named `_checkpoint`.
_NOT_ENTERED = frozenset(
    {
        "_delta_log", "_delta_index", "_change_data", "_temporary", "_spark_metadata",
        "_started", "_committed",
    }
)  # fmt: skip


@dataclass
class Content:
    """What lies directly in one folder, counted; of partitions, which may be many, only that."""

    folders: list[str] = field(default_factory=list)  # names that may be looked into
    hidden: set[str] = field(default_factory=set)  # names of folders that are not
    partitions: int = 0  # folders `name=value`
    names: set[str] = field(default_factory=set)  # of files that tell what a folder is
    formats: Counter[str] = field(default_factory=Counter)  # ending -> files
    bytes_of: Counter[str] = field(default_factory=Counter)  # ending -> bytes
    sample: str = ""  # a file without an ending
    is_empty: bool = True

    def take(self, found: ObjectMeta | Folder) -> None:
        """One entry; paths are relative to the folder."""
        self.is_empty = False
        name = found.path.rpartition("/")[2]
        if isinstance(found, Folder):
            self._take_folder(name)
            return
        if name == "metadata":
            self.names.add(name)
        if found.size == 0 or is_hidden(name):
            return
        ending = ending_of(name)
        self.formats[ending] += 1
        self.bytes_of[ending] += found.size
        if not ending and not self.sample:
            self.sample = found.path

    def _take_folder(self, name: str) -> None:
        if PARTITION.fullmatch(name):
            self.partitions += 1
        elif name in _NOT_ENTERED or name.startswith("."):
            self.hidden.add(name)
        else:
            self.folders.append(name)

    @property
    def files(self) -> int:
        return self.formats.total()

    @property
    def bytes(self) -> int:
        return self.bytes_of.total()

    @property
    def is_checkpoint(self) -> bool:
        """Of a query of Spark's Structured Streaming."""
        return "metadata" in self.names and "offsets" in self.folders

    @property
    def is_hudi(self) -> bool:
        return ".hoodie" in self.hidden

    @property
    def may_be_iceberg(self) -> bool:
        return "metadata" in self.folders

    @property
    def is_parquet(self) -> bool:
        return self.formats[PARQUET] > 0


def is_hidden(name: str) -> bool:
    """Whether readers of Hive and Spark leave a file or folder out."""
    return name.startswith((".", "_")) and "=" not in name


def ending_of(name: str) -> str:
    """`part-0.snappy.parquet` -> `parquet`; '' where there is none."""
    stem, dot, ending = name.rpartition(".")
    ending = ending.lower()
    if not dot or not stem or len(ending) > 12:
        return ""
    if ending in ("gz", "bz2", "zst", "snappy") and "." in stem:
        return ending_of(stem)
    return PARQUET if ending in _PARQUET_ENDINGS else ending


def partition_columns(path: str) -> tuple[str, ...] | None:
    """Of a file: the names of its `name=value` folders; None where it lies in another folder."""
    names = []
    for part in path.split("/")[:-1]:
        found = PARTITION.fullmatch(part)
        if found is None:
            return None
        names.append(found[1])
    return tuple(names)


def newest_metadata(names: Iterable[str]) -> str | None:
    """Of the files in an Iceberg table's `metadata`: the newest metadata file.

    Source: Iceberg table spec, "File System Tables", "Metastore Tables".
    """
    found = [(int(match[1] or match[2]), name) for name in names
             if (match := _METADATA_FILE.fullmatch(name))]  # fmt: skip
    return max(found)[1] if found else None
