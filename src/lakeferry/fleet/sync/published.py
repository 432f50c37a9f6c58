"""Tables whose catalog decides what a commit is: cloned where all of their commits are published.

A catalog keeps a commit in `_staged_commits` (a coordinator of before in `_commits`) until it
publishes it as `N.json`. What is published is whole; what is not, the log alone does not tell.

Source: Delta protocol, "Catalog-managed tables".
"""

from lakeferry.clone.report import CloneRequest
from lakeferry.delta.features import OF_CATALOGS, effective_features
from lakeferry.delta.log import LOG
from lakeferry.delta.snapshot import Snapshot
from lakeferry.errors import FerryError
from lakeferry.store.open import open_store
from lakeferry.store.protocol import Store

_STAGED = (f"{LOG}/_staged_commits", f"{LOG}/_commits")


def allowed(mode: str) -> frozenset[str]:
    """The features that a clone in this mode may leave out: a mirror keeps all that a table has."""
    return OF_CATALOGS if mode == "snapshot" else frozenset()


def unpublished(store: Store, version: int) -> int:
    """How many commits after `version` lie beside the log and are not in it yet."""
    found = set()
    for folder in _STAGED:
        for meta in store.list(folder, recursive=False):
            name = meta.path.rpartition("/")[2]
            if name[:20].isdecimal() and int(name[:20]) > version:
                found.add(name[:20])
    return len(found)


def refuse_unpublished(request: CloneRequest, source: Snapshot) -> None:
    """Refuse what would be an older table than readers see by its catalog.

    Raises:
        FerryError: LF-8051. Of a version that was asked for it does not matter what came after it.
    """
    is_owned = not OF_CATALOGS.isdisjoint(effective_features(source.protocol))
    if is_owned and request.version is None:
        _refuse(open_store(request.source, request.source_options), source.version)


def refuse_hidden(request: CloneRequest, version: int, protocol: str) -> None:
    """The same of a table that was not read, as its newest published version is held already.

    Args:
        protocol: '3/7', as the ledger knows it; '' where it does not.

    Raises:
        FerryError: LF-8051.
    """
    if request.version is None:
        refuse_kept_back(open_store(request.source, request.source_options), version, protocol)


def refuse_kept_back(store: Store, version: int, protocol: str) -> None:
    """Refuse to take a version for the newest while a catalog has newer ones.

    Args:
        protocol: '3/7', as the ledger knows it; '' where it does not.

    Raises:
        FerryError: LF-8051.
    """
    if protocol[:2] in ("", "3/"):
        _refuse(store, version)


def _refuse(store: Store, version: int) -> None:
    count = unpublished(store, version)
    if count:
        raise FerryError(
            "LF-8051",
            f"{count} of its commits lie with its catalog alone",
            f"{store.url}, published is version {version}",
            "let the catalog publish them, as any later write does in Databricks, or drop the "
            "feature catalogManaged; then run this again",
        )
