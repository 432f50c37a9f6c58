"""Whether a table that a catalog has may become the one that is wanted, and what differs. Pure."""

from collections.abc import Callable, Iterable

from lakeferry.catalog.tables import OURS, SOURCE, CatalogTable, Column, Registration
from lakeferry.errors import FerryError

Columns = tuple[Column, ...]
_AS_THEY_ARE: Callable[[Columns], Columns] = tuple


def differences(
    found: CatalogTable,
    wanted: Registration,
    *,
    as_kept: Callable[[Columns], Columns] = _AS_THEY_ARE,
) -> tuple[str, ...]:
    """What must be changed: 'columns', 'comment', and the keys of properties.

    Args:
        as_kept: how the catalog keeps columns that it is given.

    Properties that `wanted` does not name are somebody's, and stay.
    """
    parts = []
    if _plain(found.columns) != _plain(as_kept(wanted.columns)):
        parts.append("columns")
    if found.comment != wanted.comment:
        parts.append("comment")
    keys = sorted(wanted.properties)
    parts += [key for key in keys if found.properties.get(key) != wanted.properties[key]]
    return tuple(parts)


def check_may_take(found: CatalogTable, wanted: Registration, shown: str) -> None:
    """Refuse to register over somebody else's table, or over ours at another place.

    Raises:
        FerryError: LF-8101, LF-8102.
    """
    if not found.is_ours or found.properties[SOURCE] != wanted.properties[SOURCE]:
        whose = (
            f"it comes from {found.properties[SOURCE]}, not from {wanted.properties[SOURCE]}"
            if found.is_ours
            else f"it has no property `{SOURCE}`, so somebody else registered it"
        )
        raise FerryError(
            "LF-8101",
            f"the catalog has another table named `{found.full_name}`",
            f"{whose}; it lies at {found.location or 'no place'}; {shown}",
            "choose another schema for it (`target.catalog.schema`), or drop the table there first",
        )
    if not same_place(found.location, wanted.location):
        raise FerryError(
            "LF-8102",
            f"the catalog has `{found.full_name}` at another place",
            f"at {found.location}, and not at {wanted.location}; {shown}",
            "if it has moved, drop the table there and run the same command again",
        )


def check_unchanged(
    found: CatalogTable,
    known: Registration,
    shown: str,
    *,
    as_kept: Callable[[Columns], Columns] = _AS_THEY_ARE,
) -> None:
    """Refuse to take away what is not as we registered it.

    Properties of ours move with every sync, so that of the origin alone is compared.

    Raises:
        FerryError: LF-8103.
    """
    changed = [
        part
        for part in differences(found, known, as_kept=as_kept)
        if not part.startswith(OURS) or part == SOURCE
    ]
    if not same_place(found.location, known.location):
        changed.insert(0, "location")
    if not found.is_external:
        changed.insert(0, "ownership of its files (to drop it there would delete them)")
    if changed:
        raise FerryError(
            "LF-8103",
            f"`{found.full_name}` was changed in the catalog since it was registered",
            f"{', '.join(changed)} differ; {shown}",
            "look at what was changed and drop the table there yourself",
        )


def check_there(found: CatalogTable | None, name: str, shown: str) -> CatalogTable:
    """The table, if the catalog has it. Raises LF-8107."""
    if found is None:
        raise no_table(name, shown)
    return found


def no_table(name: str, shown: str) -> FerryError:
    return FerryError(
        "LF-8107",
        f"the catalog has no table `{name}`",
        shown,
        "register it first, or look whether it was dropped or renamed",
    )


def same_place(one: str, other: str) -> bool:
    """Whether two addresses are of one folder: services have several schemes and hosts."""
    return _place(one) == _place(other)


def _place(address: str) -> str:
    scheme, colon, rest = address.partition(":")
    if not colon or "/" in scheme:
        scheme, rest = "file", address
    azure = dict.fromkeys(("abfs", "wasb", "wasbs"), "abfss")
    scheme = {"s3a": "s3", "s3n": "s3", **azure}.get(scheme.lower(), scheme.lower())
    path = rest.rstrip("/")
    if scheme == "abfss":
        path = path.replace(".blob.core.", ".dfs.core.")
    if scheme == "file":
        path = "/" + path.lstrip("/")
    return f"{scheme}:{path}"


def _plain(columns: Iterable[Column]) -> list[tuple[str, str, str]]:
    return [(one.name.lower(), one.type.lower(), one.comment) for one in columns]
