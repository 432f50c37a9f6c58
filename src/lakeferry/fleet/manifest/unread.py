"""Keys of a manifest that are taken and not acted upon, so that nobody relies on them. Pure."""

from collections.abc import Iterator

from lakeferry.config.problems import Problem
from lakeferry.config.tree import Value

# Path -> what does not happen, and what to do instead.
_UNREAD: dict[tuple[str, ...], tuple[str, str]] = {
    ("alarms", "rules", "cost-forecast"): (
        "no alarm is made of it",
        "`limits.stop_if` ends a sync; `lakeferry cost --reconcile` forecasts the bill",
    ),
    ("alarms", "rules", "lag"): (
        "no alarm is made of it",
        "`lakeferry status --check` exits 3 where a table is beyond its lag_target",
    ),
    ("serve",): ("no page is served", "`lakeferry status --watch` shows where a migration stands"),
    ("target", "commit", "lock"): (
        "no lock is taken",
        "leave it out: of two writers of one version the store itself refuses the second",
    ),
    ("target", "encryption", "sse"): (
        "files are put as the bucket encrypts by default",
        "make that the bucket's default; the key is granted by `lakeferry config iam`",
    ),
}


def unread_keys(root: Value) -> Iterator[Problem]:
    """Each of these keys that is written, with its place."""
    for path, (what, step) in _UNREAD.items():
        value = root.get(*path)
        if value is not None:
            name = ".".join(path)
            yield Problem("LF-2108", value.place, f"{name} is not acted upon: {what}", step)
