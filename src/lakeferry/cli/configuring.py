"""What `config check | show | schema` do."""

import sys

import orjson

from lakeferry.cli import json_lines
from lakeferry.cli.manifest_answers import checked_lines, counts, resolved_lines, tree_lines
from lakeferry.cli.manifest_flags import ManifestFlags, read
from lakeferry.cli.render import Screen, marks
from lakeferry.config.schema import schema as manifest_schema

OK = 0


def check(chosen: ManifestFlags, *, screen: Screen) -> int:
    """Say that all is well, and what there is; the faults are raised."""
    found = read(chosen, is_needed=True)
    manifest = found.manifest
    body = {"file": manifest.file, "sha256": manifest.sha256, "counts": counts(manifest)}
    screen.result(checked_lines(manifest, marks(sys.stdout)), body)
    return OK


def show(chosen: ManifestFlags, *, screen: Screen, resolved: bool) -> int:
    """The manifest after profile and `--set`; with `resolved` each value's origin."""
    manifest = read(chosen, is_needed=True).manifest
    lines = resolved_lines(manifest.root) if resolved else tree_lines(manifest.root)
    body = {"file": manifest.file, "sha256": manifest.sha256, "manifest": lines}
    screen.result(lines, body)
    return OK


def schema(*, screen: Screen, events: bool) -> int:
    """A JSON Schema on stdout."""
    made = json_lines.schema() if events else manifest_schema()
    text = orjson.dumps(made, option=orjson.OPT_INDENT_2).decode()
    screen.result([text], {"schema_of": made["$id"], "json_schema": made})
    return OK
