"""One of `connections` -> how a store is opened with it; and which keys each kind has. Pure."""

from collections.abc import Mapping

from lakeferry.config.leaf_values import text_at, texts_by_key
from lakeferry.config.references import references
from lakeferry.config.tree import Value
from lakeferry.fleet.manifest.wanted import Link

AUTHS: Mapping[str, tuple[str, ...]] = {
    "azure": ("default", "workload-identity", "managed-identity", "service-principal"),
    "aws": ("default",),
    "gcs": ("default",),
    "hdfs": ("default", "kerberos", "simple"),
    "databricks": ("default", "oauth-m2m", "token"),
    "local": ("default",),
}
# By kind: its keys beside `kind`, `auth` and `options`, and the store's option that each gives.
KEYS: Mapping[str, Mapping[str, str]] = {
    "azure": {"tenant": "tenant_id", "client": "client_id", "secret": "client_secret",
              "sas": "sas_token", "endpoint": "endpoint"},
    "aws": {"role": "role", "external_id": "external_id", "profile": "profile",
            "endpoint": "endpoint", "region": "region"},
    "gcs": {"credentials": "service_account_file", "endpoint": "endpoint"},
    "hdfs": {"principal": "principal", "keytab": "keytab", "config_dir": "config_dir"},
    "databricks": {"host": "", "token": "", "client": "", "secret": ""},
    "local": {},
}  # fmt: skip
# The kind of connection that a kind of source or catalog is reached by.
LINK_OF = {
    "adls": "azure", "s3": "aws", "gcs": "gcs", "hdfs": "hdfs", "local": "local",
    "unity": "databricks", "glue": "aws",
}  # fmt: skip
STORE_OF = {"azure": "azure", "aws": "s3", "gcs": "gcs", "hdfs": "hdfs", "local": "local"}
# Their files are opened by the client's own library, so a path is given, not what is in it.
BY_PATH = ("keytab", "credentials")


def link_of(name: str, value: Value) -> Link:
    """The value of one connection."""
    kind = text_at(value, "kind") or ""
    given = {
        key: entry.value.text
        for key, entry in value.entries.items()
        if key not in ("kind", "auth", "options")
    }
    known = KEYS.get(kind, {})
    options = {
        known[key]: path_of(text) if key in BY_PATH else text
        for key, text in given.items()
        if known.get(key)
    }
    options |= texts_by_key(value, "options")
    return Link(name, kind, text_at(value, "auth") or "default", given, options)


def path_of(text: str) -> str:
    """The path in `${file:PATH}`; any other text as it is."""
    found = references(text)
    return found[0].name if len(found) == 1 and found[0].kind == "file" else text
