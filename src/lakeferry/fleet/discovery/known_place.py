"""Where a table of a catalog lies: its location as an address of a store, and in which part. Pure.

A workspace writes `dbfs:/mnt/sales/orders`; what lies behind the mount only the manifest knows.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from lakeferry.catalog.tables import CatalogTable
from lakeferry.catalog.workspace_places import real_place
from lakeferry.fleet.discovery.found import Remark

LOOKED_AT = ("delta", "parquet", "iceberg", "hudi")  # kinds of tables, as catalogs tell them
_PLACE = re.compile(r"([a-z][a-z0-9+.-]*://[^/]*)/*(.*)", re.IGNORECASE | re.DOTALL)
_FILE = re.compile(r"file:(?://(?:localhost)?(?=/))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class KnownPlace:
    """A location, taken apart."""

    root: str  # address of the bucket, container or cluster; '/' of this machine
    folder: str  # below it, without slashes at its ends

    @property
    def url(self) -> str:
        return f"{self.root.rstrip('/')}/{self.folder}" if self.folder else self.root


def place_of(
    location: str, mounts: Mapping[str, str], name: str, *, is_uri: bool = True
) -> KnownPlace | Remark:
    """The place, or why it is none that can be reached.

    Args:
        mounts: of the manifest: '/mnt/sales' -> an address.
        name: of the table, for what to do next.
        is_uri: whether `file:` has its path encoded. A metastore writes the folders of partitions
            as Hadoop's paths, in which `%3A` is a part of a name.
    """
    real = real_place(location, mounts, name)
    if real.problem:
        return Remark("LF-8053", real.problem, real.next_step)
    address = real.address
    if found := _FILE.match(address):
        address = address[found.end() :]
        address = unquote(address) if is_uri else address
    if address.startswith("/"):
        return KnownPlace("/", address.strip("/"))
    found = _PLACE.fullmatch(address)
    if found is None:
        what = f"its location is no address of a store: `{address}`"
        return Remark("LF-8053", what, "register it with a whole address, or exclude it")
    return KnownPlace(found[1], found[2].strip("/"))


def place_to_look(known: CatalogTable, mounts: Mapping[str, str]) -> KnownPlace | Remark | None:
    """Where the files of a catalog's table are looked at; None: nowhere, it is no such table."""
    if known.problem:
        return Remark("LF-8053", known.problem, known.next_step)
    if known.kind not in LOOKED_AT:
        return None
    return place_of(known.location, mounts, known.full_name)


def path_below(url: str, root: str | None) -> str | None:
    """Where `url` lies below the root of its source; None: elsewhere, or there is no root."""
    if root is None:
        return None
    inner, outer = _plain(url), _plain(root)
    if inner == outer:
        return ""
    return inner[len(outer) + 1 :] if inner.startswith(f"{outer}/") else None


def _plain(url: str) -> str:
    """Spellings of one service made one: `s3a://` is `s3://`, an account's Blob is its DFS."""
    url = re.sub(r"^s3[an]://", "s3://", url)
    url = re.sub(r"^(abfs|wasb)s?://", "abfss://", url).replace(".blob.core.", ".dfs.core.")
    if found := _FILE.match(url):
        url = unquote(url[found.end() :])
    return url.rstrip("/")
