"""Whether a table may be made in a folder: where other files lie, its VACUUM would remove them."""

from collections.abc import Iterator

from lakeferry.errors import FerryError
from lakeferry.store.protocol import Store


def refuse_occupied(store: Store) -> None:
    """Refuse a folder with files that a VACUUM of a new table would take, such as other tables'.

    Whoever has found no table here looks for one again before this counts: another writer may have
    made it meanwhile, and put files beside its log.

    Raises:
        FerryError: LF-5002 with one of the files.
    """
    for path in _seen(store):
        raise FerryError(
            "LF-5002",
            "no table can be made here: the folder holds other files",
            f"{store.url}: {path} is one; a VACUUM of the new table would remove it",
            "name a folder of its own, as in one more name behind this one; what is left of a "
            "table whose log was deleted is to be deleted, too",
        )


def _seen(store: Store) -> Iterator[str]:
    """Paths that VACUUM looks at: no names that begin with `_` or `.`, but folders of partitions.

    Source: Delta Lake, `DeltaTableUtils.isHiddenDirectory`.
    """
    for meta in store.list(""):
        names = meta.path.split("/")
        if not any(name[:1] in ("_", ".") and "=" not in name for name in names):
            yield meta.path
