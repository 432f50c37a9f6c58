"""Targets that lie inside a source: the source would be written to, and its copies found as tables.

Asks no service.
"""

from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.landing import FIELD, Name, landing_path
from lakeferry.fleet.manifest.wanted import Migration, Source
from lakeferry.store.open import is_within, locate

_OF_A_TABLE = frozenset({"schema", "table", "path"})


def refuse_inside(wanted: Migration) -> None:
    """Hold where each source lands against the roots of all.

    Raises:
        FerryError: LF-2103; LF-2104 for an address that is none.
    """
    rooted = [one for one in wanted.sources.values() if _is_plain(one.root)]
    if not _is_plain(wanted.target.root):
        return
    roots = [(one.name, locate(one.root or "", one.store_options)) for one in rooted]
    for source in wanted.sources.values():
        lands = locate(_below(wanted, source), wanted.target.store_options)
        for name, root in roots:
            if is_within(lands, root):
                raise _inside(source.name, lands.url, name, root.url, wanted.file)


def _is_plain(address: str | None) -> bool:
    """Whether it is there, and no reference in it is left to be resolved."""
    return address is not None and "${" not in address


def _below(wanted: Migration, source: Source) -> str:
    """The folder below which all tables of a source land."""
    fixed = []
    for part in source.layout.split("/"):
        if _OF_A_TABLE & {field[1] for field in FIELD.finditer(part)}:
            break
        fixed.append(part)
    name = Name(
        source.name, "", "", kind=source.kind, wave=source.options.wave, catalog=source.catalog
    )
    return f"{wanted.target.root.rstrip('/')}/{landing_path('/'.join(fixed), name)}"


def _inside(source: str, lands: str, name: str, root: str, file: str) -> FerryError:
    return FerryError(
        "LF-2103", f"tables of source `{source}` would land inside source `{name}`",
        f"{file}: {lands} lies in {root}, which is never written to; a discovery would find the "
        "copies there as tables, and a sync would copy them again",
        "choose a target.root, or a layout, outside of all sources; or let the source begin "
        "further down",
    )  # fmt: skip
