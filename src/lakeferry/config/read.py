"""The door of the room: find a manifest, read it strictly, lay overlays on it, check all of it."""

import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import NoReturn, TextIO
from weakref import WeakKeyDictionary

from lakeferry.config.check import check
from lakeferry.config.manifest import Manifest
from lakeferry.config.manifest_shape import MANIFEST
from lakeferry.config.manifest_values import manifest_of
from lakeferry.config.overlay import (
    SET,
    Flag,
    merged,
    profile_of,
    sets_text,
    with_flags,
    with_sets,
    without,
)
from lakeferry.config.problems import Problem, holds_secret, refuse
from lakeferry.config.shape import Record, part_of
from lakeferry.config.stream_shape import STREAM
from lakeferry.config.tree import MAX_BYTES, Document, Entry, Place, Value, leaves
from lakeferry.config.yaml_text import read_yaml
from lakeferry.errors import FerryError

STDIN = "-"
NO_FILE = "(no manifest)"
NAMES = ("lakeferry.yaml", "lakeferry.yml", "lakeferry.json", "lakeferry.toml")
OfManifest = Callable[[Manifest], Iterable[Problem]]
TextReader = Callable[[str, str], tuple[Value | None, list[Problem]]]
# What came through a stdin, which tells it once: a command may ask for its manifest again.
_heard: WeakKeyDictionary[TextIO, bytes] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Read:
    """A manifest, and the document that it was read from."""

    manifest: Manifest
    document: Document


def _reader(name: str) -> TextReader:
    """By the end of a file's name; what most manifests do not need is not even imported."""
    match Path(name).suffix.lower():
        case ".json":
            from lakeferry.config.json_text import read_json

            return read_json
        case ".toml":
            from lakeferry.config.toml_text import read_toml

            return read_toml
        case _:
            return read_yaml


def find_manifest(start: Path) -> Path | None:
    """The manifest of a folder or of the nearest folder above it; None where there is none.

    Raises:
        FerryError: LF-2002 where a folder holds several.
    """
    for folder in (start, *start.parents):
        found = [folder / name for name in NAMES if (folder / name).is_file()]
        if len(found) > 1:
            raise FerryError(
                "LF-2002",
                f"{folder} holds several manifests",
                ", ".join(path.name for path in found),
                "name one with --file",
            )
        if found:
            return found[0]
    return None


def read_manifest(
    file: str | Path | None,
    *,
    profile: str | None = None,
    sets: Sequence[str] = (),
    flags: Sequence[Flag] = (),
    instead: Sequence[tuple[str, ...]] = (),
    streams: OfManifest = lambda _: (),
) -> Read:
    """A checked manifest.

    Args:
        file: a path whose ending says whether it is YAML, JSON or TOML; `-` is YAML on stdin;
            None: there is none, and flags say it all.
        profile: one of its `profiles`, laid upon it.
        sets: `path=value`, laid upon that.
        flags: of the command, laid upon that.
        instead: paths that the flags take the place of.
        streams: what their room finds wrong with them; asked only where something else is wrong,
            so that all faults are told at once. A sound manifest is for its caller to ask of.

    Raises:
        FerryError: LF-2002 where the file cannot be read.
        ExceptionGroup: of FerryError, one for each fault, at most 20.
    """
    name = NO_FILE if file is None else str(file)
    raw = b"version: 1" if file is None else _bytes(name)
    text = _decoded(raw, name)
    texts = {name: text, SET: sets_text(sets)}
    root, problems = _reader(name)(text, name)
    if root is None:
        empty = Problem("LF-2002", Place(name, 1, 1), "the manifest is empty", _START)
        refuse(problems or [empty], texts)
        raise AssertionError
    layers: tuple[Value, ...] = (root,)
    if root.kind == "map":
        layers, wrong = _layers(root, profile, sets)
        problems += wrong
        layers = (*(without(one, *instead) for one in layers), with_flags(_nothing(root), flags))
        root = reduce(merged, layers)
    wrong = problems + _faults(root, profile)
    if wrong:
        refuse(wrong + _of_streams(root, name, streams), texts)
    manifest = manifest_of(layers, name, _sha256(raw, profile, sets))
    return Read(manifest, Document(root, texts))


def _sha256(raw: bytes, profile: str | None, sets: Sequence[str]) -> str:
    """Of the file's bytes, and of what is laid upon them: another profile is another manifest."""
    digest = hashlib.sha256(raw)
    laid = [] if profile is None else [f"profile {profile}"]
    for one in (*laid, *(f"set {text}" for text in sets)):
        digest.update(f"\0{one}".encode())
    return digest.hexdigest()


def checked_text(
    text: str, name: str, *, besides: Callable[[Manifest], Sequence[Problem]]
) -> Manifest:
    """A manifest of YAML that is at hand, such as one that is about to be written.

    Args:
        name: of its file, for the messages.
        besides: what the rooms find wrong with it.

    Raises:
        ExceptionGroup: of FerryError, one for each fault, at most 20.
    """
    root, problems = read_yaml(text, name)
    texts = {name: text}
    refuse(problems, texts)
    assert root is not None
    refuse(_faults(root, None), texts)
    manifest = manifest_of((root,), name, hashlib.sha256(text.encode()).hexdigest())
    refuse(besides(manifest), texts)
    return manifest


_START = "begin with `version: 1` and `name:`"


def _faults(root: Value, profile: str | None) -> list[Problem]:
    """What is wrong with a document, the profile in it that was laid upon it included."""
    found = [*check(root, MANIFEST), *_profiles(root, besides=profile), *_secrets(root)]
    return found + _names(root)


def _of_streams(root: Value, name: str, problems: OfManifest) -> list[Problem]:
    """What is wrong with streams beyond their shape, as far as their keys have one."""
    streams = root.get("streams")
    if streams is None or not streams.entries:
        return []
    sound, cut = {}, set()
    for key, entry in streams.entries.items():
        left, is_whole = _sound(entry.value, STREAM, ("streams", key))
        sound[key] = Entry(entry.place, left)
        if not is_whole:
            cut.add(left.place)
    kept = {key: root.entries[key] for key in ("connections", "target") if key in root.entries}
    of_streams = Entry(root.entries["streams"].place, replace(streams, entries=sound))
    part = replace(root, entries={**kept, "streams": of_streams})
    # What is told at a stream itself is about a key that it lacks, as it may be by this cut alone.
    found = problems(manifest_of((part,), name, ""))
    return [one for one in found if one.place not in cut]


def _sound(value: Value, shape: Record, path: tuple[str, ...]) -> tuple[Value, bool]:
    """A value without the keys that have a fault, and whether it has all that it must have."""
    left = {
        key: entry
        for key, entry in value.entries.items()
        if key in shape.fields
        and not any(check(entry.value, shape.fields[key].shape, (*path, key)))
    }
    missing = any(one.required and key not in left for key, one in shape.fields.items())
    is_whole = not missing and len(left) == len(value.entries)
    return replace(value, kind="map", entries=left), is_whole


def _layers(
    root: Value, profile: str | None, sets: Sequence[str]
) -> tuple[tuple[Value, ...], list[Problem]]:
    """The document, its profile and `--set`, lowest first."""
    over, wrong = (_nothing(root), []) if profile is None else profile_of(root, profile)
    given, more = with_sets(_nothing(root), sets)
    return (root, over, given), wrong + more


def _nothing(root: Value) -> Value:
    return Value("map", root.place)


def _profiles(root: Value, besides: str | None) -> list[Problem]:
    """A profile may hold any key of a manifest but profiles, and needs none.

    The one that was laid upon the document is checked with it.
    """
    found: list[Problem] = []
    fields = {name: one for name, one in MANIFEST.fields.items() if name != "profiles"}
    shape = part_of(Record(fields))
    profiles = root.get("profiles")
    entries = profiles.entries if profiles is not None else {}
    for name, entry in entries.items():
        if name != besides:
            found += check(entry.value, shape, ("profiles", name))
    return found


def _secrets(root: Value) -> Iterator[Problem]:
    """Addresses with a password or a signature in them, wherever they stand."""
    for path, leaf in leaves(root):
        if leaf.kind == "text" and holds_secret(leaf.text):
            what = f"{'.'.join(path)} holds a password or a signature (value not shown)"
            step = "write ${env:NAME} in its place, or for the whole address"
            yield Problem("LF-2031", leaf.place, what, step, is_secret=True)


def _names(root: Value) -> list[Problem]:
    """Names of connections that do not exist."""
    known = root.get("connections")
    names = list(known.entries) if known is not None else []
    found = []
    streams = root.get("streams")
    paths = [("network", "connection"), ("network", "databricks", "connection"),
             ("target", "connection")]  # fmt: skip
    paths += [
        ("streams", name, "connection") for name in (streams.entries if streams is not None else ())
    ]
    for path in paths:
        value = root.get(*path)
        if value is not None and value.text and value.text not in names:
            what = f"{'.'.join(path)}: there is no connection `{value.text}`"
            step = f"known: {', '.join(names)}" if names else "add it to `connections`"
            found.append(Problem("LF-2001", value.place, what, step))
    return found


def _bytes(file: str) -> bytes:
    try:
        if file == STDIN:
            if sys.stdin not in _heard:
                _heard[sys.stdin] = sys.stdin.buffer.read(MAX_BYTES + 1)
            raw = _heard[sys.stdin]
        else:
            with Path(file).open("rb") as opened:
                raw = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise FerryError(
            "LF-2002",
            "the manifest cannot be read",
            f"{file}: {error.strerror}",
            "name another with --file",
        ) from error
    if len(raw) > MAX_BYTES:
        _refused(file, f"the manifest is larger than {MAX_BYTES:,} bytes", "split it")
    return raw


def _decoded(raw: bytes, file: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        place = Place(file, line, column)
        _refused(str(place), "the manifest is not UTF-8 text", "save it as UTF-8")


def _refused(where: str, what: str, next_step: str) -> NoReturn:
    raise FerryError("LF-2002", what, where, next_step)
