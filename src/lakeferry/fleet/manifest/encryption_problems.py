"""What of `target.encryption` does not go together, or with where the tables land. Pure."""

from collections.abc import Iterator

from lakeferry.config.leaf_values import text_at
from lakeferry.config.problems import Problem
from lakeferry.config.tree import Value
from lakeferry.fleet.manifest.wanted_values import kind_of_root

_WITH_KEY = ("aws:kms", "aws:kms:dsse")


def encryption_problems(root: Value) -> Iterator[Problem]:
    """Every fault of the part, with its place."""
    said = root.get("target", "encryption")
    if said is None:
        return
    sse = text_at(said, "sse") or "none"
    at = text_at(root, "target", "root")
    if at is not None and kind_of_root(at) not in ("s3", None):
        for name, entry in said.entries.items():
            if entry.value.text != "none":
                what = f"target.encryption.{name}: only objects of S3 are encrypted by it"
                step = "remove it; what encrypts there is a setting of the account or cluster"
                yield Problem("LF-2001", entry.value.place, what, step)
        return
    key, bucket_key = said.get("key"), said.get("bucket_key")
    if key is not None and sse not in _WITH_KEY:
        what = f"target.encryption.key: `sse: {sse}` takes no key"
        yield Problem("LF-2001", key.place, what, "write `sse: aws:kms` beside it")
    elif key is not None:
        yield from _other_region(root, key)
    if bucket_key is not None and sse != "aws:kms":
        what = f"target.encryption.bucket_key: `sse: {sse}` has none"
        yield Problem("LF-2001", bucket_key.place, what, "write `sse: aws:kms`, or remove it")


def _other_region(root: Value, key: Value) -> Iterator[Problem]:
    """S3 takes keys of the bucket's own Region alone."""
    service, region = key.text.split(":")[2:4] if key.text.count(":") >= 5 else ("", "")
    lands = text_at(root, "target", "region")
    if service == "kms" and lands is not None and "$" not in lands + region and region != lands:
        what = f"target.encryption.key: a key in {region}, and the target is in {lands}"
        yield Problem("LF-2001", key.place, what, f"name a key, or a replica of it, in {lands}")
