"""Where a table of a workspace's `hive_metastore` really lies: mounts, and the DBFS root. Pure.

Source: Databricks, "Mounting cloud object storage", "What is the DBFS root?"; Azure Storage, "The
Azure Blob Filesystem driver".
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

_WASB = re.compile(r"wasbs?://([^@/]+)@([^./]+)\.blob\.([^/]+)(/.*)?")
DBFS = "dbfs:"


class Place(NamedTuple):
    """An address, or why there is none."""

    address: str
    problem: str = ""
    next_step: str = ""


def real_place(location: str, mounts: Mapping[str, str], name: str) -> Place:
    """The address of a table in a store.

    Args:
        location: as the workspace tells it.
        mounts: what a folder of DBFS stands for: '/mnt/sales' -> 'abfss://...'; '/' is the root.
        name: of the table, for what to do next.
    """
    if found := _WASB.fullmatch(location):
        return Place(f"abfss://{found[1]}@{found[2]}.dfs.{found[3]}{found[4] or '/'}")
    if not location.lower().startswith(DBFS):
        return Place(location)
    path = "/" + location[len(DBFS) :].lstrip("/")
    for folder in sorted(mounts, key=len, reverse=True):
        prefix = folder.rstrip("/") + "/"
        if path.startswith(prefix) or path == folder:
            return Place(mounts[folder].rstrip("/") + "/" + path[len(prefix) :].lstrip("/"))
    if path.startswith("/mnt/"):
        mount = "/".join(path.split("/")[:3])
        return Place(
            location,
            f"`{mount}` is a mount, and nothing says what it stands for",
            f"add it to the source: `from: {{mounts: {{{mount}: ADDRESS}}}}`; dbutils.fs.mounts() "
            "in a notebook there lists them",
        )
    return Place(
        location,
        "it lies at the DBFS root, in storage that belongs to the workspace",
        "carry it to a place that can be read, in that workspace: CREATE TABLE "
        f"delta.`ADDRESS` DEEP CLONE {name}; and let the source list that. Where the root's own "
        "bucket may be read (AWS), map it: `from: {mounts: {/: s3://BUCKET/PREFIX}}`",
    )
