"""An address and options -> a Store. The only place that reads a scheme.

Addresses of object stores are taken byte for byte, as their own tools take them: `%20` in one is
three characters of a key. A `file:` URI is decoded, for that is how programs make them.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote

from lakeferry.config.migration_shape import STORAGE_CLASSES
from lakeferry.connect import azure, s3
from lakeferry.connect.connection import (
    HASTY,
    LARGE_COMMIT_BYTES,
    PATIENT,
    SENDING,
    Connection,
    connection,
)
from lakeferry.connect.importing import ONE_AT_A_TIME
from lakeferry.errors import FerryError
from lakeferry.store.local import LocalStore
from lakeferry.store.pacing import pace_of
from lakeferry.store.protocol import Lock, Store
from lakeferry.store.sharing import shared

NO_OPTIONS: Mapping[str, str] = {}
KINDS = {"s3": "s3", "s3a": "s3", "s3n": "s3", "az": "azure", "abfs": "azure", "abfss": "azure",
         "gs": "gcs", "hdfs": "hdfs", "file": "local"}  # fmt: skip
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(/?)")


@dataclass(frozen=True, slots=True)
class Address:
    """One address taken apart; equal places have equal `service`, `place` and `path`."""

    url: str  # as written, without trailing slashes
    kind: str  # a key of connection.OPTIONS
    service: str  # endpoint, account or cluster; '' is the vendor's own or this machine
    place: str  # bucket or container; '' where there is none
    path: str  # below it, without slashes at its ends; local: the real, absolute path


def open_store(url: str, options: Mapping[str, str] = NO_OPTIONS) -> Store:
    """The store at `url`.

    Args:
        url: a local path (`~` and relative ones too), file:, s3://, s3a://, abfss://, abfs://,
            az://, gs:// or hdfs://; a bucket's or file system's root too.
        options: see docs/reference/stores.md; values may be `${env:NAME}` or `${file:PATH}`.

    Nothing is asked of a service before the store is first used.

    Raises:
        FerryError: LF-2104 for an address that is none; LF-2001 for an unknown option.
    """
    link = connection_of(url, options)
    at = locate(url, options)
    match at.kind:
        case "s3":
            return _s3(at, link)
        case "azure":
            return _azure(at, link)
        case "gcs":
            with ONE_AT_A_TIME:
                from lakeferry.store.gcs import GcsStore

            pace = pace_of(account_of(at))
            return GcsStore(at.url, link, at.place, prefix=at.path, pace=pace)
        case "hdfs":
            with ONE_AT_A_TIME:
                from lakeferry.store.hdfs import HdfsStore

            pace = pace_of(account_of(at))
            return HdfsStore(at.url, link, at.service, root=f"/{at.path}", pace=pace)
        case _:
            return LocalStore(at.path)


def memory_store(url: str = "memory://") -> Store:
    """A store that lives as long as the value; for tests and trials."""
    with ONE_AT_A_TIME:
        from obstore.store import MemoryStore

    from lakeferry.store.names import NameRules
    from lakeferry.store.objects import ObjectStore

    return ObjectStore(url, MemoryStore, prefix="", rules=NameRules("memory"))


def same_place(
    a: str,
    b: str,
    *,
    a_options: Mapping[str, str] = NO_OPTIONS,
    b_options: Mapping[str, str] = NO_OPTIONS,
) -> bool:
    """Whether two addresses are one folder, whatever their spelling. Asks no service."""
    return _where(locate(a, a_options)) == _where(locate(b, b_options))


def contains(
    outer: str,
    inner: str,
    *,
    outer_options: Mapping[str, str] = NO_OPTIONS,
    inner_options: Mapping[str, str] = NO_OPTIONS,
) -> bool:
    """Whether `inner` lies somewhere below `outer`; False for the same place."""
    around, within = locate(outer, outer_options), locate(inner, inner_options)
    return around.path != within.path and is_within(within, around)


def is_within(inner: Address, outer: Address) -> bool:
    """Whether an address is at or below another."""
    if _where(outer)[:3] != _where(inner)[:3]:
        return False
    is_below = outer.path in ("", "/") or inner.path.startswith(f"{outer.path}/")
    return is_below or inner.path == outer.path


def locate(url: str, options: Mapping[str, str] = NO_OPTIONS) -> Address:
    """Take an address apart; LF-2104 if it is none."""
    kind = _kind(url)
    if kind == "local":
        return Address(url, kind, "", "", _local_path(url))
    rest = url.partition(":")[2]
    if not rest.startswith("//") or "\0" in rest:
        raise _no_address(url)
    authority, _, path = rest[2:].partition("/")
    path = path.strip("/")
    link = connection_of(url, options)
    if not authority and not (kind == "hdfs" and path):
        raise _no_address(url)
    match kind:
        case "s3":
            service, place = s3.endpoint_of(link) or "", authority
        case "azure":
            service, place = azure.endpoint_or_none(link) or "", authority.partition("@")[0]
        case "gcs":
            service, place = link.get("endpoint") or "", authority
        case _:
            service, place = authority, ""
    return Address(url.rstrip("/"), kind, service.rstrip("/").lower(), place, path)


def account_of(at: Address) -> str:
    """What limits of requests hold for: a bucket of S3 and Google, an account, a cluster."""
    return f"{at.kind}:{at.service}:{at.place if at.kind in ('s3', 'gcs') else ''}"


def _kind(url: str) -> str:
    """The kind of store; LF-2104 for an unknown scheme. `a:b` is the name of a local file."""
    found = _SCHEME.match(url)
    scheme, slash = (found[1].lower(), found[2]) if found else ("", "")
    if scheme not in KINDS and slash:
        raise _no_address(url)
    return KINDS.get(scheme, "local")


def _where(at: Address) -> tuple[str, str, str, str]:
    return (at.kind, at.service, at.place, at.path)


def connection_of(url: str, options: Mapping[str, str]) -> Connection:
    """The checked options of the address's kind; an Azure address brings its account."""
    kind = _kind(url)
    found: dict[str, str] = {}
    if kind == "azure":
        authority = url.partition("://")[2].partition("/")[0]
        container, at, host = authority.partition("@")
        if at and not (container and host):
            raise _no_address(url)
        account, _, domain = host.partition(".")
        if account:
            found["account"] = account
        if domain:
            # The Blob endpoint serves what the DFS endpoint shows: one way to commit.
            blob = "blob." + domain.removeprefix("dfs.").removeprefix("blob.")
            found["endpoint"] = f"https://{account}.{blob}"
    return connection(kind, {**found, **options})


def _s3(at: Address, link: Connection) -> Store:
    with ONE_AT_A_TIME:
        from lakeferry.store.objects import ObjectStore
        from lakeferry.store.s3 import PART, RULES, S3

    limit = link.number("large_commit_bytes", LARGE_COMMIT_BYTES)
    storage_class = link.get("storage_class")
    if storage_class is not None and storage_class not in STORAGE_CLASSES:
        raise _no_storage_class(storage_class, at.url)
    return ObjectStore(
        at.url,
        _client(s3.backend, link, at, retry=PATIENT),
        greet=_client(s3.backend, link, at, retry=HASTY),
        sender=_client(s3.backend, link, at, retry=SENDING, sends=True),
        prefix=at.path,
        rules=RULES,
        service=S3(
            link, at.place, part=min(PART, max(limit, S3.LEAST_PART)), storage_class=storage_class
        ),
        storage_class=storage_class,
        lock=_lock(link, at.place),
        large_commit_bytes=limit,
        pace=pace_of(account_of(at)),
    )


def _lock(link: Connection, bucket: str) -> Lock | None:
    text = link.get("commit_lock")
    if text is None:
        return None
    with ONE_AT_A_TIME:
        from lakeferry.store.commit_lock import CommitLock

    return CommitLock(text, link, bucket)


def _no_storage_class(name: str, url: str) -> FerryError:
    return FerryError(
        "LF-2001",
        f"`{name}` is no storage class in which a table can be read",
        f"{url}: storage_class",
        f"choose one of: {', '.join(STORAGE_CLASSES)}; what lies in an archive must be restored "
        "before each read, so let a lifecycle rule move what nobody reads",
    )


def _azure(at: Address, link: Connection) -> Store:
    with ONE_AT_A_TIME:
        from lakeferry.store.azure import BLOCK, RULES, Azure
        from lakeferry.store.objects import ObjectStore

    limit = link.number("large_commit_bytes", LARGE_COMMIT_BYTES)
    return ObjectStore(
        at.url,
        _client(azure.backend, link, at, retry=PATIENT),
        greet=_client(azure.backend, link, at, retry=HASTY),
        sender=_client(azure.backend, link, at, retry=SENDING, sends=True),
        prefix=at.path,
        rules=RULES,
        service=Azure(link, at.place, block=min(BLOCK, limit)),
        large_commit_bytes=limit,
        pace=pace_of(account_of(at)),
    )


def _client(backend: Callable[..., Any], link: Connection, at: Address, **how: Any) -> Any:
    """What makes a client of a bucket; within `shared_clients` equal ones are one."""
    key = (at.kind, at.service, at.place, tuple(sorted(link.options.items())), repr(how))
    return shared(key, partial(backend, link, at.place, **how))


def _local_path(url: str) -> str:
    if url.lower().startswith("file:"):
        rest = url[len("file:") :]
        if rest.startswith("//"):
            host, slash, rest = rest[2:].partition("/")
            rest = slash + rest
            if host not in ("", "localhost") or not rest:
                raise _no_address(url)
        path = unquote(rest, errors="surrogateescape")
        if not path.startswith("/"):
            raise _no_address(url)
    else:
        path = os.path.expanduser(url)
    if not path or "\0" in path:
        raise _no_address(url)
    return os.path.realpath(path)


def _no_address(url: str) -> FerryError:
    return FerryError(
        "LF-2104",
        "this is no address of a store",
        f"`{url}`",
        "give a local path, file:, s3://, s3a://, abfss://, abfs://, az://, gs:// or hdfs://",
    )
