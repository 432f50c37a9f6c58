"""The buckets that endpoint policies let through, from all that the manifest says. Pure."""

import re

from lakeferry.config.manifest import Manifest
from lakeferry.config.tree import Value

_NAME = re.compile(r"s3a?://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/|$)")
_HOLE = re.compile(r"\{([a-z_]+)\}")


def buckets(manifest: Manifest) -> tuple[str, ...]:
    """Names of buckets, sorted; () where none is named, so that all are let through.

    Only a manifest that names some is taken to name all: then those of the target and of the
    sources are added. Otherwise a policy would cut off what nobody has thought of, such as the
    workspace's root bucket.
    """
    named = manifest.network.buckets
    if not named:
        return ()
    found = {one.removeprefix("s3://").partition("/")[0] for one in named}
    target = manifest.root.get("target", "root")
    found |= _bucket(target.text if target is not None else "")
    sources = manifest.root.get("sources")
    for name, entry in (sources.entries if sources is not None else {}).items():
        found |= _bucket(_root(manifest, name, entry.value))
    return tuple(sorted(found))


def _root(manifest: Manifest, name: str, source: Value) -> str:
    """The address of a source; of its family where it has none, with the braces filled."""
    root = source.get("root")
    used = source.get("use")
    if root is None and used is not None:
        root = manifest.root.get("families", used.text, "root")
    words = source.get("with")
    known = {key: one.value.text for key, one in (words.entries if words else {}).items()}
    known["name"] = name
    return _HOLE.sub(lambda hole: known.get(hole[1], hole[0]), root.text if root else "")


def _bucket(address: str) -> set[str]:
    found = _NAME.match(address)
    return {found[1]} if found else set()
