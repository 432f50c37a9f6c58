"""All trials, in the order in which their troubles explain each other.

The source is only read. In the target everything happens below `_lakeferry_probe/`.
"""

import os
import pwd
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

import pyarrow.compute as pc

from lakeferry.connect.connection import OPTIONS, connection
from lakeferry.delta.commit_read import read_commit
from lakeferry.delta.log import LOG, LogListing, head_version, list_log, told_from_nowhere
from lakeferry.delta.paths import below, canonical
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.doctor import machine
from lakeferry.doctor.check import BLOCKER, OK, WARNING, Check, tried
from lakeferry.doctor.folders import Folders
from lakeferry.doctor.probe import LARGE_COMMIT_BYTES, Probe
from lakeferry.errors import FerryError
from lakeferry.events import Emit, Noted, Warned, silent
from lakeferry.store.open import (
    NO_OPTIONS,
    Address,
    contains,
    locate,
    open_store,
    same_place,
)
from lakeferry.store.protocol import Store

_NAMES = {"s3": "S3", "azure": "Azure", "gcs": "GCS", "hdfs": "HDFS", "local": "local folder"}
# Where an identity may come from, in the order in which each kind of store looks: an option or
# a variable of the environment.
_IDENTITIES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "s3": (
        ("access_key_id", "access key"),
        ("profile", "profile"),
        ("AWS_ACCESS_KEY_ID", "access key of the environment,"),
        ("AWS_PROFILE", "profile of the environment,"),
        ("", "the SDK's own chain: AWS profiles or this machine's role"),
    ),
    "azure": (
        ("account_key", "account key"),
        ("sas_token", "SAS token"),
        ("client_id", "service principal"),
        ("AZURE_STORAGE_ACCOUNT_KEY", "account key of the environment"),
        ("AZURE_STORAGE_KEY", "account key of the environment"),
        ("AZURE_STORAGE_SAS_TOKEN", "SAS token of the environment"),
        ("", "the SDK's own chain: az login, environment or managed identity"),
    ),
    "gcs": (
        ("service_account_file", "service account of"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "credentials of"),
        ("", "the SDK's own chain: gcloud or this machine's service account"),
    ),
    "hdfs": (
        ("principal", "principal"),
        ("HADOOP_USER_NAME", "user"),
        ("", "Kerberos' ticket cache, or this machine's user"),
    ),
}
_PARQUET = (b"PAR1", b"PARE")  # how a file ends; the second is an encrypted one
_ENDPOINTS = {"s3": "https://s3.amazonaws.com", "gcs": "https://storage.googleapis.com"}
_SHOWN = 4  # letters of a key's name; the rest is nobody's business


def examine(
    source: str,
    target: str | None = None,
    *,
    source_options: Mapping[str, str] = NO_OPTIONS,
    target_options: Mapping[str, str] = NO_OPTIONS,
    emit: Emit = silent,
    on_check: Callable[[Check], None] | None = None,
) -> tuple[Check, ...]:
    """Try whether `source` can be cloned from this machine to `target`.

    Args:
        source: address of a table; it is only read.
        target: address of its clone, there already or not; None: only the source is tried.
        source_options, target_options: docs/reference/stores.md.
        emit: called with `Noted` for each trial that went well and `Warned` for each other, as
            they end.
        on_check: called with each trial as it ends.

    Returns:
        What was tried. Troubles of stores are blockers in it, not exceptions.
    """
    found = []
    for check in _checks(source, target, source_options, target_options):
        found.append(check)
        if on_check is not None:
            on_check(check)
        table = target if target is not None else source
        if check.outcome == OK:
            emit(Noted(table, f"{check.name}: {check.what}"))
        else:
            emit(Warned(table, None, f"{check.name}: {check.what}", check.next_step))
    return tuple(found)


def _checks(
    source: str,
    target: str | None,
    source_options: Mapping[str, str],
    target_options: Mapping[str, str],
) -> Iterator[Check]:
    reached = tried("source", lambda: reach("source", source, source_options, LOG))
    yield reached
    needed = None
    if reached.outcome != BLOCKER:
        yield from _read_source(source, source_options)
        if target is not None and _kind_of(target) == "local":
            needed = _live_bytes(source, source_options)
    yield from _clock_of_source(source, source_options)
    if target is not None:
        yield from _try_target(source, target, (source_options, target_options), needed)
    yield machine.temporary_disk()
    yield machine.memory()
    yield machine.open_files()


def _kind_of(url: str) -> str | None:
    """The kind of store of an address; None where it is no address."""
    try:
        return locate(url).kind
    except FerryError:
        return None


def reach(side: str, url: str, options: Mapping[str, str], folder: str) -> Check:
    """Open, list, and say as whom."""
    at, store = locate(url, options), open_store(url, options)
    identity = _identity(at, options)
    started = time.monotonic()
    is_there = next(iter(store.list(folder)), None) is not None
    took = (time.monotonic() - started) * 1000
    what = f"{_NAMES[at.kind]}{f' {at.place}' if at.place else ''}, {identity}, listed in"
    content = "" if side == "source" or is_there else "; nothing is there yet"
    return Check(side, OK, f"{what} {took:.0f} ms{content}")


def _identity(at: Address, options: Mapping[str, str]) -> str:
    """As whom the store will see us, without asking it; no secret is shown."""
    if at.kind == "local":
        with suppress(KeyError):  # a container may run as a number that has no name
            return f"user {pwd.getpwuid(os.getuid()).pw_name}"
        return f"user {os.getuid()}"
    link = connection(at.kind, options)
    if "anonymous" in OPTIONS[at.kind] and link.is_true("anonymous"):
        return "nobody (anonymous)"
    for name, text in _IDENTITIES[at.kind]:
        value = link.get(name) if name.islower() else os.environ.get(name)
        if name and value:
            return text if _is_secret(name) else f"{text} {_masked(name, value)}"
    return _IDENTITIES[at.kind][-1][1]


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in ("account_key", "storage_key", "sas_token"))


def _masked(name: str, value: str) -> str:
    return f"{value[:_SHOWN]}…" if "access_key_id" in name.lower() else value


def _read_source(source: str, options: Mapping[str, str]) -> Iterator[Check]:
    store = open_store(source, options)
    listing: list[LogListing] = []

    def log() -> Check:
        listing.append(list_log(store))
        try:
            version = head_version(listing[0])
        except FerryError as error:
            raise told_from_nowhere(store, error) from None
        files = [*listing[0].commits.values()]
        if not files:
            files = [file for found in listing[0].checkpoints for file in found.files]
        meta = max(files, key=lambda file: file.version).meta
        middle = meta.size // 2
        got = sum(map(len, store.read(meta.path, start=middle, end=meta.size)))
        return Check("log", OK, f"version {version}; the last {got} bytes of {meta.path} read")

    found = tried("log", log)
    yield found
    if found.outcome == OK:
        yield tried("data", lambda: _read_data(store, listing[0]))


def _read_data(store: Store, listing: LogListing) -> Check:
    """A range of one data file: its right may be another than the log's."""
    for key, size in _data_files(store, listing):
        if store.head(key) is None:
            continue  # removed since, and vacuumed
        tail = b"".join(store.read(key, start=size - 4, end=size))
        if tail in _PARQUET:
            return Check("data", OK, f"the last 4 bytes of `{key}` read")
        step = f"look at the file: {store.url}/{key}"
        return Check("data", WARNING, f"`{key}` ends with no mark of Parquet", step)
    return Check("data", OK, "the newest commits name no data file that could be tried")


def _data_files(store: Store, listing: LogListing) -> Iterator[tuple[str, int]]:
    """Key and size of files that the newest commits added below the table."""
    root = canonical(store.url)
    for version in sorted(listing.commits, reverse=True)[:10]:
        for batch in read_commit(store, version).adds:
            plain = batch.filter(pc.greater(batch.column("size"), 8)).select(["path", "size"])
            for row in plain.to_pylist():
                key = below(row["path"], root)
                if key is not None:
                    yield key, row["size"]


def _live_bytes(source: str, options: Mapping[str, str]) -> int | None:
    try:
        snapshot = read_snapshot(open_store(source, options))
    except FerryError:
        return None  # `lakeferry explain` says why
    return sum(
        pc.sum(batch.column("size")).as_py() or 0 for batch in snapshot.files.batches(["size"])
    )


def _clock_of_source(source: str, options: Mapping[str, str]) -> Iterator[Check]:
    endpoint = _endpoint(source, options)
    if endpoint is None:
        return
    off = machine.skew_of_endpoint(endpoint)
    if off is not None:
        yield machine.clock(off, "the source", is_signed=True)


def _endpoint(url: str, options: Mapping[str, str]) -> str | None:
    """Where an HTTP service answers; None for other stores."""
    try:
        at = locate(url, options)
    except FerryError:
        return None
    if at.kind not in ("s3", "azure", "gcs"):
        return None
    return at.service or _ENDPOINTS.get(at.kind)


def _try_target(
    source: str,
    target: str,
    both_options: tuple[Mapping[str, str], Mapping[str, str]],
    needed: int | None,
) -> Iterator[Check]:
    # An address that is none is told by the side's own trial.
    if _kind_of(source) is not None and _kind_of(target) is not None:
        apart = tried("places", lambda: _apart(source, target, both_options))
        if apart.outcome != OK:
            yield apart
            return
    yield from try_target(target, both_options[1], needed)


def try_target(
    target: str, options: Mapping[str, str], needed: int | None = None, *, folder: str = LOG
) -> Iterator[Check]:
    """Everything a commit needs of a store, done in small below `_lakeferry_probe/`.

    Args:
        needed: bytes of room, where the target is a folder; None: not known.
        folder: in which something lies where the target is in use.
    """
    reached = tried("target", lambda: reach("target", target, options, folder))
    yield reached
    if reached.outcome == BLOCKER:
        return
    at = locate(target, options)

    def open_one(in_parts: bool) -> Store:
        low = {"large_commit_bytes": str(LARGE_COMMIT_BYTES)} if in_parts else {}
        return open_store(target, {**options, **low})

    yield from Probe(at, Folders(at, options), open_one, is_locked="commit_lock" in options).run()
    if at.kind == "local":
        holds = os.path.isdir(os.path.join(at.path, LOG))
        yield machine.target_disk(at.path, needed, holds_table=holds)


def _apart(source: str, target: str, options: tuple[Mapping[str, str], Mapping[str, str]]) -> Check:
    theirs, ours = options
    step = "choose a target outside the source table"
    if same_place(source, target, a_options=theirs, b_options=ours):
        return Check("places", BLOCKER, "LF-2103 source and target are the same place", step)
    if contains(source, target, outer_options=theirs, inner_options=ours):
        return Check("places", BLOCKER, "LF-2103 the target lies inside the source", step)
    if contains(target, source, outer_options=ours, inner_options=theirs):
        return Check("places", BLOCKER, "LF-2103 the source lies inside the target", step)
    return Check("places", OK, "source and target lie apart")
