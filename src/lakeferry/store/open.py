"""An address and options -> a Store. The only place that reads a scheme."""

import os
from collections.abc import Mapping
from urllib.parse import unquote

from lakeferry.errors import FerryError
from lakeferry.store.local import LocalStore
from lakeferry.store.protocol import Store

NO_OPTIONS: Mapping[str, str] = {}


def open_store(url: str, options: Mapping[str, str] = NO_OPTIONS) -> Store:  # noqa: ARG001
    """The store at `url`: a local path (`~` and relative ones too) or one of the known schemes."""
    return LocalStore(_local_path(url))


def _local_path(url: str) -> str:
    if url.lower().startswith("file:"):
        rest = url[len("file:") :]
        if rest.startswith("//"):
            host, slash, rest = rest[2:].partition("/")
            rest = slash + rest
            if host not in ("", "localhost") or not rest:
                raise _no_address(url)
        return unquote(rest, errors="surrogateescape")
    if not url or "\0" in url:
        raise _no_address(url)
    return os.path.abspath(os.path.expanduser(url))


def _no_address(url: str) -> FerryError:
    return FerryError(
        "LF-2104",
        "this is no address of a store",
        f"`{url}`",
        "give a local path, file:, s3://, s3a://, abfss://, abfs://, az://, gs:// or hdfs://",
    )
