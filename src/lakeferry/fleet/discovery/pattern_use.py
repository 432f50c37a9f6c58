"""Patterns of a manifest that fit none of the tables that were found. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator

from lakeferry.config.check import nearest
from lakeferry.fleet.discovery.found import TABLES, FoundTable, Remark
from lakeferry.fleet.manifest.pattern import Pattern
from lakeferry.fleet.manifest.wanted import Source

MOST_NAMES = 2000  # of one source that are kept to tell the nearest


class PatternUse:
    """Which patterns of some sources fitted a table so far."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._sources = {one.name: one for one in sources}
        self._open = {name: dict.fromkeys(one.patterns) for name, one in self._sources.items()}
        self._names: dict[str, list[str]] = {name: [] for name in self._sources}
        # What many sources say stands in `defaults` or a family, and is right if it fits anywhere.
        self._said_by = Counter(pattern.text for name in self._open for pattern in self._open[name])
        self._fitted: set[str] = set()

    def see(self, found: FoundTable) -> None:
        """A table, in scope or not."""
        waiting = self._open.get(found.source)
        if waiting is None:
            return
        for pattern in [one for one in waiting
                        if one.fits(found.schema, found.table, found.path)]:  # fmt: skip
            self._fitted.add(pattern.text)
            del waiting[pattern]
        names = self._names[found.source]
        if found.kind in TABLES and len(names) < MOST_NAMES:
            names.append(f"{found.schema}.{found.table}")

    def pass_over(self, source: Source, schema: str) -> None:
        """A schema whose tables nobody told: a pattern may fit one of them."""
        waiting = self._open[source.name]
        for pattern in [one for one in waiting if one.may_fit(schema)]:
            del waiting[pattern]

    def unused(self, seen: Iterable[str]) -> Iterator[tuple[str, Remark]]:
        """Source and what to tell of it, of those sources that were seen to their end.

        An `exclude` that many share keeps out what may come one day: it is not told of.
        """
        for name in sorted(seen):
            source = self._sources[name]
            for pattern in self._open[name]:
                is_shared = self._said_by[pattern.text] > 1
                if pattern.text in self._fitted or (is_shared and pattern in source.exclude):
                    continue
                yield name, self._remark(source, pattern)

    def _remark(self, source: Source, pattern: Pattern) -> Remark:
        key = "include" if pattern in source.include else (
            "exclude" if pattern in source.exclude else "tables")  # fmt: skip
        what = f"sources.{source.name} matches no table with {key} [{pattern.text!r}]"
        names = self._names[source.name]
        close = nearest(pattern.text, names) if names else ""
        if not close.startswith("did"):
            close = "see the names that there are: lakeferry discover --out inventory.jsonl"
        return Remark("LF-2107", what, close, blocks=False)
