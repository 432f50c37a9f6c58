"""References in the addresses of a migration, replaced by what they name.

A ledger and a catalog know tables by their addresses, so these are needed before anything is
opened. References of connections stay: they are resolved where a client is made.
"""

from dataclasses import replace

from lakeferry.connect.references import resolved
from lakeferry.fleet.manifest.wanted import Migration, Source


def with_addresses(wanted: Migration) -> Migration:
    """The same with the roots of target and sources, and its ledger, as they are.

    Raises:
        FerryError: LF-2001 for a reference that names nothing; LF-1201 to LF-1206 where AWS
            refuses to tell it.
    """
    return replace(
        wanted,
        ledger=resolved(wanted.ledger),
        target=replace(wanted.target, root=resolved(wanted.target.root).rstrip("/")),
        sources={name: _source(one) for name, one in wanted.sources.items()},
    )


def _source(one: Source) -> Source:
    return one if one.root is None else replace(one, root=resolved(one.root))
