"""What of `target.commit` cannot be, or does not go with where the tables land. Pure."""

from collections.abc import Iterator

from lakeferry.config.commit_lock import HOW, lock_address
from lakeferry.config.leaf_values import text_at
from lakeferry.config.problems import Problem
from lakeferry.config.tree import Value
from lakeferry.fleet.manifest.wanted_values import kind_of_root


def lock_problems(root: Value) -> Iterator[Problem]:
    """Every fault of the part, with its place."""
    lock = root.get("target", "commit", "lock")
    if lock is None:
        return
    at = text_at(root, "target", "root")
    if at is not None and kind_of_root(at) not in ("s3", None):
        what = "target.commit.lock: only commits in S3 go by a lock"
        step = "remove it; that store itself refuses the second writer of a version"
        yield Problem("LF-2001", lock.place, what, step)
    elif "${" not in lock.text and lock_address(lock.text) is None:
        what = f"target.commit.lock: `{lock.text}` is no table of DynamoDB"
        yield Problem("LF-2001", lock.place, what, HOW)
