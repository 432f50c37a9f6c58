"""Publish one version of a table: put-if-absent, and the truth about who won.

Source: Delta protocol, "Delta Log Entries"; a commit is the creation of `<version>.json` by exactly
one writer.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import orjson

from lakeferry.delta.log import commit_name
from lakeferry.errors import FerryError
from lakeferry.store.protocol import AlreadyThere, Store

HEAD_BYTES = 1 << 16  # enough for the first line of any commit of ours
TRIES = 3
PROBE = "_delta_log/_lakeferry/put_if_absent"


class VersionTaken(Exception):
    """Another writer's commit has the version; the caller knows whether to plan again."""

    def __init__(self, version: int) -> None:
        super().__init__(version)
        self.version = version


def line(action: str, body: Any) -> bytes:
    """One action as one line of a commit."""
    return orjson.dumps({action: body}) + b"\n"


def publish(
    store: Store,
    version: int,
    chunks: Callable[[], Iterable[bytes]],
    *,
    txn_id: str,
    size_hint: int,
    single_writer: bool = False,
) -> None:
    """Make `version` visible, once, or raise `VersionTaken`.

    Args:
        chunks: makes the body anew for each try; its first line is a commitInfo with `txn_id`.
        txn_id: our token. A store may answer "exists" to our own write whose first answer was
            lost, or not answer at all; the token in the commit that is there decides.
        size_hint: bytes, about; large bodies go up in parts.
        single_writer: the store lacks put-if-absent and the caller vouches to be alone.
    """
    path = f"_delta_log/{commit_name(version)}"
    for attempt in range(1, TRIES + 1):
        try:
            if single_writer:
                put_alone(store, path, chunks())
            else:
                store.put_if_absent(path, chunks(), size_hint=size_hint)
            return
        except AlreadyThere:
            if committed_by(store, version) == txn_id:
                return
            raise VersionTaken(version) from None
        except FerryError as error:
            if error.code not in ("LF-1003", "LF-1004"):
                raise
            owner = committed_by(store, version)
            if owner == txn_id:
                return
            if owner is not None:
                raise VersionTaken(version) from error
            if attempt == TRIES:
                raise


def put_alone(store: Store, path: str, chunks: Iterable[bytes]) -> None:
    """Put-if-absent for a store that lacks it; right as long as nobody else writes there."""
    if store.head(path) is not None:
        raise AlreadyThere(path)
    body = b"".join(chunks)
    store.write(path, [body], size=len(body))


def committed_by(store: Store, version: int) -> str | None:
    """The txnId of the commit, '' if it states none, None if there is no such commit."""
    info = commit_info(store, version)
    return None if info is None else str(info.get("txnId") or "")


def commit_info(store: Store, version: int) -> dict[str, Any] | None:
    """The commitInfo of a version if it is its first line, {} if not, None without the commit."""
    path = f"_delta_log/{commit_name(version)}"
    meta = store.head(path)
    if meta is None:
        return None
    head = b"".join(store.read(path, end=min(HEAD_BYTES, meta.size)))
    first, _, _ = head.partition(b"\n")
    try:
        body = orjson.loads(first).get("commitInfo", {})
    except (orjson.JSONDecodeError, AttributeError):
        return {}
    return body if isinstance(body, dict) else {}


def prove_put_if_absent(store: Store, *, fresh: bool = False) -> None:
    """Refuse a store that lets a second writer overwrite (LF-5004).

    Some S3 servers ignore If-None-Match and answer 200 to both writers. The probe stays beside the
    log, so that a target without the right to delete can be proven too; the next time one request
    is enough.

    `fresh`: there is no log yet, and there shall be none if the clone fails: nothing stays.
    """
    path = f"_lakeferry_probe-{uuid.uuid4().hex}" if fresh else PROBE
    if not _refuses_second_writer(store, path):
        _withdraw(store, path)
        raise FerryError(
            "LF-5004",
            "this store cannot create a file only if it is absent: a commit could overwrite "
            "another",
            f"{store.url} accepted a second put-if-absent of {path}",
            "use a store that honours If-None-Match, name a lock (`target.commit.lock`, or the "
            "store's option commit_lock=dynamodb://TABLE), or vouch for a single writer: "
            "--single-writer",
        )
    if fresh:
        _withdraw(store, path)


def _refuses_second_writer(store: Store, path: str) -> bool:
    for _ in range(2):
        try:
            store.put_if_absent(path, [b"lakeferry\n"], size_hint=10)
        except AlreadyThere:
            return True
    return False


def _withdraw(store: Store, path: str) -> None:
    with suppress(FerryError):  # whoever may not delete leaves ten bytes that nobody reads
        store.delete(path)


def in_chunks(lines: Iterable[bytes], *, size: int = 1 << 20) -> Iterator[bytes]:
    """Join small lines into chunks of about `size` bytes."""
    held: list[bytes] = []
    length = 0
    for text in lines:
        held.append(text)
        length += len(text)
        if length >= size:
            yield b"".join(held)
            held, length = [], 0
    if held:
        yield b"".join(held)
