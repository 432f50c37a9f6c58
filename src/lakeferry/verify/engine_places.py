"""A table's address and store options -> what another engine needs to open the same place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from lakeferry.connect import azure, s3
from lakeferry.connect.connection import Connection
from lakeferry.errors import FerryError
from lakeferry.store.open import connection_of, locate

# What each engine was tried on.
STORES = {
    "deltalake": ("local", "s3", "azure"),
    "duckdb": ("local", "s3"),
    "spark": ("local",),
}
# Their kernel decodes paths more than once in some places: of `a%20b` it lists the log, and then
# reads the checkpoint of `a b`.
_DECODING = ("deltalake", "duckdb")


@dataclass(frozen=True, slots=True)
class EnginePlace:
    """Where an engine finds a table, and the keys that it needs there."""

    url: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)  # of deltalake
    secret: str = field(default="", repr=False)  # of DuckDB: SQL that makes it


def place_of(url: str, options: Mapping[str, str], *, engine: str) -> EnginePlace:
    """The table at `url` for `engine`; `options` as the target's store was opened with.

    Raises:
        FerryError: LF-2001 the engine cannot read such a store; LF-1001 no keys.
    """
    at = locate(url, options)
    if at.kind not in STORES[engine]:
        able = [f"`{name}`" for name, kinds in STORES.items() if at.kind in kinds]
        others = f"ask {' or '.join(able)}" if able else "no engine can here"
        raise FerryError(
            "LF-2001",
            f"`{engine}` cannot read a table in such a store ({at.kind})",
            f"--against {engine}, {url}",
            f"{others}; without --against, our own reader reads both sides: --strength rows",
        )
    if "%" in at.path and engine in _DECODING:
        raise FerryError(
            "LF-2001",
            f"`{engine}` may take this path for another one: it has a percent sign",
            f"--against {engine}, {url}",
            "our own reader takes it as it is: --strength rows without --against",
        )
    if at.kind == "local":
        return EnginePlace(at.path)
    address = f"{'az' if at.kind == 'azure' else 's3'}://{at.place}/{quote(at.path)}"
    link = connection_of(url, options)
    if at.kind == "azure":
        return EnginePlace(address, _azure_options(link))
    access = s3.access(link, at.place)
    if engine == "duckdb":
        return EnginePlace(address, secret=_duckdb_secret(access))
    return EnginePlace(address, _s3_options(access))


def _s3_options(access: s3.Access) -> dict[str, str]:
    """In the words of the Rust crate object_store."""
    found = {
        "AWS_REGION": access.region,
        "AWS_ENDPOINT_URL": access.endpoint,
        "AWS_ALLOW_HTTP": "true" if _is_plain(access.endpoint) else None,
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true" if access.virtual_hosted else "false",
        "AWS_ACCESS_KEY_ID": access.access_key_id,
        "AWS_SECRET_ACCESS_KEY": access.secret_access_key,
        "AWS_SESSION_TOKEN": access.session_token,
        "AWS_SKIP_SIGNATURE": None if access.access_key_id else "true",
    }
    return {name: value for name, value in found.items() if value is not None}


def _duckdb_secret(access: s3.Access) -> str:
    """One of DuckDB's secrets, which know an endpoint by host and port."""
    parts = {
        "REGION": access.region,
        "URL_STYLE": "vhost" if access.virtual_hosted else "path",
        "ENDPOINT": urlsplit(access.endpoint).netloc if access.endpoint else None,
        "KEY_ID": access.access_key_id,
        "SECRET": access.secret_access_key,
        "SESSION_TOKEN": access.session_token,
    }
    texts = [f"{name} {_quoted(value)}" for name, value in parts.items() if value is not None]
    if _is_plain(access.endpoint):
        texts.append("USE_SSL false")
    return f"CREATE SECRET (TYPE S3, {', '.join(texts)})"


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _is_plain(endpoint: str | None) -> bool:
    return endpoint is not None and endpoint.lower().startswith("http:")


def _azure_options(link: Connection) -> dict[str, str]:
    """In the words of the Rust crate object_store, which knows the environment's keys itself."""
    endpoint = azure.endpoint_of(link)
    found = {
        "AZURE_STORAGE_ACCOUNT_NAME": azure.account_of(link),
        "AZURE_STORAGE_ENDPOINT": endpoint,
        "AZURE_ALLOW_HTTP": "true" if _is_plain(endpoint) else None,
        "AZURE_STORAGE_ACCOUNT_KEY": link.get("account_key"),
        "AZURE_STORAGE_SAS_TOKEN": link.get("sas_token"),
        "AZURE_STORAGE_CLIENT_ID": link.get("client_id"),
        "AZURE_STORAGE_CLIENT_SECRET": link.get("client_secret"),
        "AZURE_STORAGE_TENANT_ID": link.get("tenant_id"),
        "AZURE_SKIP_SIGNATURE": "true" if link.is_true("anonymous") else None,
    }
    return {name: value for name, value in found.items() if value is not None}
