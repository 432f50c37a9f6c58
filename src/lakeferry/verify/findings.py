"""Differences as they are found: the first hundred of each kind, and how many more there are."""

from collections.abc import Iterable
from typing import Any

from lakeferry.verify.report import Finding

MOST = 100  # findings of one check in a report


class Findings:
    """Collects findings of all checks. Used by one thread."""

    def __init__(self) -> None:
        self._found: dict[str, list[Finding]] = {}
        self._uncounted: dict[str, int] = {}

    def add(self, check: str, what: str, path: str | None = None) -> None:
        """Note one difference; beyond the first hundred of a check it is only counted."""
        found = self._found.setdefault(check, [])
        if len(found) < MOST:
            found.append(Finding(check, what, path))
        else:
            self.add_more(check, 1)

    def add_all(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.add(finding.check, finding.what, finding.path)

    def add_more(self, check: str, count: int) -> None:
        """Note differences that were not looked at one by one."""
        self._uncounted[check] = self._uncounted.get(check, 0) + count

    def is_full(self, check: str) -> bool:
        return len(self._found.get(check, ())) >= MOST

    def count(self, check: str) -> int:
        return len(self._found.get(check, ())) + self._uncounted.get(check, 0)

    def finish(self) -> tuple[Finding, ...]:
        """All findings, in the order in which their checks first found one.

        Where a check found more than can be told, its last finding says how many.
        """
        told: list[Finding] = []
        for check, found in self._found.items():
            more = self._uncounted.get(check, 0)
            if more and len(found) == MOST:
                more += 1
                found = found[:-1]  # noqa: PLW2901
            told += found
            if more:
                told.append(Finding(check, f"and {more} more of this kind"))
        return tuple(told)


def differs(name: str, source: Any, target: Any) -> str:
    """One line with both values; None: not there."""
    return f"{name}: {_shown(source)} at the source, {_shown(target)} at the target"


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, int):
        return str(value)
    text = value if isinstance(value, str) else repr(value)
    return f"`{text}`" if len(text) <= 200 else f"`{text[:197]}...`"
