"""Look at objects with the credentials and the code that lakeferry itself uses; JSON on stdout.

    python -m accept.objects log URL                     version -> actions of its commit
    python -m accept.objects digests URL FOLDER          path -> SHA-256 of what lies below FOLDER
    python -m accept.objects find URL FOLDER TEXT...     path -> which of the texts its bytes hold
    python -m accept.objects rebase SOURCE TARGET        a table that starts at SOURCE's checkpoint

The notebook runs it beside itself: the workspace refuses path access to what a table governs, and
lakeferry's libraries are kept apart from those of the workspace's runtime.
"""

import hashlib
import json
import re
import sys
from typing import Any

from lakeferry.store.open import open_store
from lakeferry.store.protocol import Store, read_all

COMMIT = re.compile(r"_delta_log/(\d{20})\.json")
CHECKPOINT = re.compile(r"_delta_log/(\d{20})\.checkpoint\..*")


def log(url: str) -> dict[int, list[Any]]:
    """Every commit that is still there."""
    store = open_store(url)
    found: dict[int, list[Any]] = {}
    for meta in store.list("_delta_log", recursive=False):
        if name := COMMIT.fullmatch(meta.path):
            lines = read_all(store, meta.path).splitlines()
            found[int(name[1])] = [json.loads(line) for line in lines if line.strip()]
    return found


def digests(url: str, folder: str) -> dict[str, str]:
    """SHA-256 of every object below a folder."""
    store = open_store(url)
    return {
        meta.path: hashlib.sha256(read_all(store, meta.path)).hexdigest()
        for meta in store.list(folder)
    }


def find(url: str, folder: str, *texts: str) -> dict[str, list[str]]:
    """Which of `texts` stand in the bytes of each object as they are, not decompressed."""
    store = open_store(url)
    bodies = {meta.path: read_all(store, meta.path) for meta in store.list(folder)}
    return {
        path: [text for text in texts if text.encode() in body] for path, body in bodies.items()
    }


def rebase(source_url: str, target_url: str) -> int:
    """Copy the newest checkpoint N, N.json and all data; the answer is N."""
    source, target = open_store(source_url), open_store(target_url)
    paths = [meta.path for meta in source.list("")]
    versions = {int(name[1]) for path in paths if (name := CHECKPOINT.fullmatch(path))}
    if not versions:
        raise SystemExit(f"{source_url} has no checkpoint to start a log from")
    start = max(versions)
    for path in paths:
        data = not path.startswith("_delta_log/")
        sidecar = path.startswith("_delta_log/_sidecars/")
        first = path.startswith(f"_delta_log/{start:020}.") and not path.endswith(".compacted.json")
        if data or sidecar or first:
            copy(source, target, path)
    return start


def copy(source: Store, target: Store, path: str) -> None:
    body = read_all(source, path)
    target.write(path, [body], size=len(body))


COMMANDS = {"log": log, "digests": digests, "find": find, "rebase": rebase}


def main() -> None:
    name, *arguments = sys.argv[1:]
    command: Any = COMMANDS[name]
    json.dump(command(*arguments), sys.stdout)


if __name__ == "__main__":
    main()
