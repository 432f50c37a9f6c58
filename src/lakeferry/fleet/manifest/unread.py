"""Keys of a manifest that are taken and not acted upon, so that nobody relies on them. Pure."""

from collections.abc import Iterator

from lakeferry.config.leaf_values import text_at
from lakeferry.config.problems import Problem
from lakeferry.config.tree import Value

# Path -> what does not happen, and what to do instead.
_UNREAD: dict[tuple[str, ...], tuple[str, str]] = {
    ("network", "nat", "recovery", "auto_scaling"): (
        "no Auto Scaling group is made",
        "leave it out: EC2 brings an instance back with its addresses, which a group would race "
        "with, and a standby takes over meanwhile",
    ),
    ("serve",): ("no page is served", "`lakeferry status --watch` shows where a migration stands"),
    ("target", "catalog", "external"): (
        "only Unity Catalog takes external tables over as its own",
        "leave it out: tables are registered as external ones",
    ),
}
# What is so whether or not it is written.
_SO_ANYWAY = {
    ("network", "nat", "recovery", "auto_scaling"): "false",
    ("target", "catalog", "external"): "true",
}


def unread_keys(root: Value) -> Iterator[Problem]:
    """Each of these keys that is written, with its place."""
    kind = text_at(root, "target", "catalog", "kind")
    for path, (what, step) in _UNREAD.items():
        value = root.get(*path)
        if kind == "unity" and path[-1] == "external":
            continue
        if value is not None and value.text != _SO_ANYWAY.get(path):
            name = ".".join(path)
            yield Problem("LF-2108", value.place, f"{name} is not acted upon: {what}", step)
