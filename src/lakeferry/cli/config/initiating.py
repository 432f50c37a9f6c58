"""What `config init` does: a new manifest and the schema for editors, and nothing written over."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from lakeferry.cli.config.new_manifest import SCHEMA_FILE, NewManifest, manifest_text
from lakeferry.cli.manifest_flags import ManifestFlags
from lakeferry.cli.render import Screen, marks
from lakeferry.config.read import checked_text
from lakeferry.config.schema import schema
from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.wanted_problems import wanted_problems
from lakeferry.store.new_file import write_whole

STDOUT = "-"
_NO_NAME = re.compile(r"[^a-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a manifest is made from, and where it goes."""

    name: str | None
    target: str | None
    region: str | None
    sources: Sequence[str]
    out: str
    replaces: bool = False  # a manifest that is there already
    discovery: str | None = None  # a file; None: flags alone say it


def init(asked: Asked, chosen: ManifestFlags, *, screen: Screen) -> int:
    """Write it.

    Raises:
        FerryError: LF-2001 for a source without an address; LF-2004 where the file is there, or
            what is no discovery; LF-8007 nothing was discovered.
        ExceptionGroup: where the flags make no manifest.
    """
    out, sources = asked.out, dict(map(_source, asked.sources))
    new = NewManifest(asked.name or "", asked.target, asked.region, sources)
    if asked.discovery is None:
        text, count = manifest_text(_named(new)), len(sources)
    else:
        from lakeferry.cli.config.discovered_manifest import discovered_text
        from lakeferry.cli.config.reading_discovery import basis_of

        basis = basis_of(asked.discovery, chosen, new)
        text = discovered_text(replace(basis, new=_named(basis.new)))
        count = len(basis.sources)
    checked_text(text, out, besides=wanted_problems)
    body = {"file": out, "sources": count, "text": text}
    if out == STDOUT:
        screen.result([text.rstrip("\n")], body)
        return 0
    editors = Path(out).parent / SCHEMA_FILE
    _write(Path(out), text, editors, replaces=asked.replaces)
    screen.result([f"  {marks(sys.stdout)['ok']} {out}  and {editors}, for editors"], body)
    screen.say("next: lakeferry config check")
    return 0


def _write(path: Path, text: str, editors: Path, *, replaces: bool) -> None:
    """Never over another manifest, but where it was asked for; it is whole or as it was.

    `editors`: the schema, which goes first: killed before its manifest is there, this is repeated.
    """
    try:
        if path.parent.is_dir() and (replaces or not path.exists()):
            _write_schema(editors)
        write_whole(str(path), text.encode(), replaces=replaces)
    except FileExistsError as error:
        raise FerryError(
            "LF-2004", "there is a manifest already", str(path),
            "name another with --out, or - for the screen; --replace writes over it",
        ) from error  # fmt: skip
    except OSError as error:
        raise FerryError(
            "LF-2004", "the manifest cannot be written", f"{path}: {error.strerror}",
            "name another file with --out",
        ) from error  # fmt: skip


def _write_schema(path: Path) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
        body = orjson.dumps(schema(), option=orjson.OPT_INDENT_2) + b"\n"
        write_whole(str(path), body, replaces=True)
    except OSError as error:
        raise FerryError(
            "LF-2004", "the schema for editors cannot be written", f"{path}: {error.strerror}",
            "make room for it, or name a manifest in another folder with --out",
        ) from error  # fmt: skip


def _source(text: str) -> tuple[str, str]:
    name, equals, address = text.partition("=")
    if not (name and equals and address):
        raise FerryError(
            "LF-2001", f"--source `{text}` is no source", "on the command line",
            "write --source NAME=ADDRESS, such as --source sales=s3://sales-lake",
        )  # fmt: skip
    return name, address


def _named(new: NewManifest) -> NewManifest:
    return new if new.name else replace(new, name=_name_of(Path.cwd()))


def _name_of(folder: Path) -> str:
    """The folder's name as far as it can be one."""
    return _NO_NAME.sub("-", folder.name.lower()).strip("-_")[:63] or "migration"
