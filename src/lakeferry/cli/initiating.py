"""What `config init` does: a new manifest and the schema for editors, and nothing written over."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import orjson

from lakeferry.cli.new_manifest import SCHEMA_FILE, NewManifest, manifest_text
from lakeferry.cli.render import Screen, marks
from lakeferry.config.read import checked_text
from lakeferry.config.schema import schema
from lakeferry.errors import FerryError
from lakeferry.fleet.wanted_problems import wanted_problems

STDOUT = "-"
_NO_NAME = re.compile(r"[^a-z0-9_-]+")


def init(
    *,
    name: str | None,
    target: str | None,
    region: str | None,
    sources: Sequence[str],
    out: str,
    screen: Screen,
) -> int:
    """Write it.

    Raises:
        FerryError: LF-2001 for a source without an address; LF-2004 where the file is there.
        ExceptionGroup: where the flags make no manifest.
    """
    new = NewManifest(name or _name_of(Path.cwd()), target, region, dict(map(_source, sources)))
    text = manifest_text(new)
    checked_text(text, out, besides=wanted_problems)
    body = {"file": out, "sources": len(new.sources), "text": text}
    if out == STDOUT:
        screen.result([text.rstrip("\n")], body)
        return 0
    _write(Path(out), text)
    editors = Path(out).parent / SCHEMA_FILE
    editors.parent.mkdir(parents=True, exist_ok=True)
    editors.write_bytes(orjson.dumps(schema(), option=orjson.OPT_INDENT_2) + b"\n")
    screen.result([f"  {marks(sys.stdout)['ok']} {out}  and {editors}, for editors"], body)
    screen.say("next: lakeferry config check")
    return 0


def _write(path: Path, text: str) -> None:
    """Never over another file."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise FerryError(
            "LF-2004", "there is a manifest already", str(path),
            "it is not written over: name another with --out, or - for the screen",
        ) from error  # fmt: skip
    except OSError as error:
        raise FerryError(
            "LF-2004", "the manifest cannot be written", f"{path}: {error.strerror}",
            "name another file with --out",
        ) from error  # fmt: skip


def _source(text: str) -> tuple[str, str]:
    name, equals, address = text.partition("=")
    if not (name and equals and address):
        raise FerryError(
            "LF-2001", f"--source `{text}` is no source", "on the command line",
            "write --source NAME=ADDRESS, such as --source sales=s3://sales-lake",
        )  # fmt: skip
    return name, address


def _name_of(folder: Path) -> str:
    """The folder's name as far as it can be one."""
    return _NO_NAME.sub("-", folder.name.lower()).strip("-_")[:63] or "migration"
