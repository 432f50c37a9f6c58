"""Files beside the log that a `txn` names: where an ingest stands, without which its `txn` is void.

Whoever carries the `txn` to another table carries its file, and puts it before the commit.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from lakeferry.delta.actions import DomainMetadata, Txn
from lakeferry.errors import FerryError
from lakeferry.store.protocol import Store, read_all

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # of an ingest
KEPT = 100  # newest files of one ingest, besides its first: others serve the history alone
_APP = "lakeferry:ingest:"
_FOLDER = "_delta_log/_lakeferry/ingest"


def app_id(name: str) -> str:
    """Of the `txn`s of an ingest."""
    return f"{_APP}{name}"


def domain(name: str) -> str:
    """Of the `domainMetadata` that says the same where the table has domains."""
    return f"lakeferry.ingest.{name}"


def ingest_of(app: str) -> str | None:
    """The name of the ingest whose `txn` this is; None: of none."""
    name = app.removeprefix(_APP)
    return name if app.startswith(_APP) and NAME.fullmatch(name) else None


def folder_of(name: str) -> str:
    """Where the files lie; no reader and no VACUUM looks there."""
    return f"{_FOLDER}/{name}"


def file_of(name: str, version: int) -> str:
    """The file that a `txn` of this version names."""
    return f"{folder_of(name)}/{version:019}.json"


def named_files(
    txns: Mapping[str, Txn], domains: Mapping[str, DomainMetadata]
) -> Iterator[tuple[str, str]]:
    """Name of each ingest that keeps its positions in files, and the file that counts."""
    for app, txn in sorted(txns.items()):
        name = ingest_of(app)
        if name is not None and domain(name) not in domains:
            yield name, file_of(name, txn.version)


def read_files(store: Store, paths: Iterable[str]) -> dict[str, bytes]:
    """Those that are there."""
    found = {}
    for path in paths:
        with suppress(FileNotFoundError):
            found[path] = read_all(store, path)
    return found


def file_versions(store: Store, name: str) -> Iterator[int]:
    """Versions of `txn`s whose files lie there, committed ones and others."""
    for meta in store.list(folder_of(name), recursive=False):
        stem = meta.path.rpartition("/")[2].removesuffix(".json")
        if stem.isdecimal():
            yield int(stem)


def drop_file(store: Store, name: str, version: int) -> None:
    """Remove one that no commit names, or an old one; one that stays harms nobody."""
    with suppress(FerryError):
        store.delete(file_of(name, version))
