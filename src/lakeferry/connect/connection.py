"""A connection as a value: the kind of service and the options given for it.

It travels with work and may be printed: an option that holds a secret is best given as a
reference (`${env:NAME}`, `${file:PATH}`), which is resolved when a client is made, not before.
What no option says comes from each SDK's own chain (environment, profiles, managed identities).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lakeferry.config.references import is_secret_reference
from lakeferry.connect.references import resolved
from lakeferry.errors import FerryError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

MIB = 1 << 20
LARGE_COMMIT_BYTES = 32 * MIB  # up to here a commit is one conditional request, held in memory


@dataclass(frozen=True, slots=True)
class Option:
    """One `--source-option NAME=VALUE` or `--target-option NAME=VALUE`."""

    about: str
    secret: bool = False


_ENDPOINT = Option("URL of the service, where it is not the vendor's own")
_ANONYMOUS = Option("`true`: send no credentials")
_CA_FILE = Option("PEM file of a further certificate authority to trust")
_LARGE = Option(f"commits over so many bytes are sent in parts; default {LARGE_COMMIT_BYTES:,}")
OPTIONS: Mapping[str, Mapping[str, Option]] = {
    "s3": {
        "endpoint": _ENDPOINT,
        "region": Option("the bucket's region; asked of the service where it is not given"),
        "profile": Option("a profile of the AWS configuration files"),
        "role": Option("ARN of a role to take, as the profile or the usual identity"),
        "external_id": Option("what the role's owner asks for"),
        "sts_endpoint": Option("URL of STS, which gives the role, where it is not AWS's own"),
        "access_key_id": Option("an access key; needs `secret_access_key`"),
        "secret_access_key": Option("its secret", secret=True),
        "session_token": Option("its session token", secret=True),
        "anonymous": _ANONYMOUS,
        "virtual_hosted": Option("`true`: the bucket's name is part of the endpoint's host name"),
        "checksum": Option("`crc64nvme` (default) or `none`, for servers that refuse the header"),
        "ca_file": _CA_FILE,
        "storage_class": Option(
            "of what is written, but for logs: `STANDARD_IA`, `GLACIER_IR`, ..."
        ),
        "sse": Option(
            "encryption of all that is written: `aws:kms`, `aws:kms:dsse` or `AES256`; "
            "default: the bucket's own"
        ),
        "kms_key": Option("ARN of the KMS key; default: AWS's own key for S3"),
        "bucket_key": Option("`false`: ask KMS anew for each object; only for `aws:kms`"),
        "large_commit_bytes": _LARGE,
        "commit_lock": Option(
            "`dynamodb://TABLE`: where writers meet of a server without conditional writes"
        ),
    },
    "azure": {
        "endpoint": _ENDPOINT,
        "account": Option("storage account, where the address does not name it"),
        "account_key": Option("the account's key", secret=True),
        "sas_token": Option("a shared access signature", secret=True),
        "tenant_id": Option("with `client_id` and `client_secret`: a service principal"),
        "client_id": Option("the principal's application id"),
        "client_secret": Option("its secret", secret=True),
        "anonymous": _ANONYMOUS,
        "ca_file": _CA_FILE,
        "large_commit_bytes": _LARGE,
    },
    "gcs": {
        "endpoint": _ENDPOINT,
        "project": Option("project that requests are billed to"),
        "service_account_file": Option("JSON key file of a service account"),
        "anonymous": _ANONYMOUS,
        "large_commit_bytes": _LARGE,
    },
    "hdfs": {
        "config_dir": Option("folder of core-site.xml and hdfs-site.xml; default $HADOOP_CONF_DIR"),
        "principal": Option("Kerberos principal; default: the ticket cache"),
        "keytab": Option("its keytab file"),
        "replication": Option("copies of each block that is written; default: the cluster's"),
    },
    "local": {},
}
# Bounded ranges make 15 minutes a request plenty; 20 s without a byte is a dead connection.
_CLIENT: "ClientConfig" = {"timeout": "15m", "connect_timeout": "5s", "read_timeout": "20s"}
# That clock runs while a body is sent, too: 8 MiB within 20 s would ask 0.4 MB/s of each of up to
# 64 connections. And a service that joins parts says nothing until it has done so.
_SENDING_SILENCE = "5m"
PATIENT: "RetryConfig" = {"max_retries": 10, "retry_timeout": timedelta(minutes=3)}
SENDING: "RetryConfig" = {"max_retries": 10, "retry_timeout": timedelta(minutes=15)}
HASTY: "RetryConfig" = {  # for the first request: a wrong endpoint is told within seconds
    "max_retries": 2,
    "retry_timeout": timedelta(seconds=5),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=1),
                "base": 2},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach one service. Equal connections may share a copy inside the service."""

    kind: str  # a key of OPTIONS
    options: Mapping[str, str] = field(default_factory=dict)  # as given: references unresolved

    def __repr__(self) -> str:
        known = OPTIONS[self.kind]
        shown = {
            name: "***" if known[name].secret and not is_secret_reference(value) else value
            for name, value in self.options.items()
        }
        return f"Connection({self.kind!r}, {shown})"

    def get(self, name: str) -> str | None:
        """The option's value with its references resolved; None where it is not given."""
        given = self.options.get(name)
        return None if given is None else resolved(given)

    def is_true(self, name: str) -> bool:
        return (self.get(name) or "").lower() in ("true", "1", "yes")

    def number(self, name: str, default: int) -> int:
        given = self.get(name)
        if given is None:
            return default
        if not given.isdecimal():
            raise wrong_option(f"option `{name}` is no number: `{given}`", self.kind)
        return int(given)


def connection(kind: str, options: Mapping[str, str]) -> Connection:
    """A checked connection; LF-2001 for an option that this kind of store does not have."""
    known = OPTIONS[kind]
    for name in options:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise wrong_option(f"unknown option `{name}`", f"{kind} knows: {listed}")
    return Connection(kind, dict(options))


def written_secret(kind: str, options: Mapping[str, str]) -> str | None:
    """The name of an option that holds a secret itself, not a reference; None: none does."""
    known = OPTIONS[kind]
    for name, value in options.items():
        if name in known and known[name].secret and not is_secret_reference(value):
            return name
    return None


def http_settings(link: Connection, endpoint: str | None, *, sends: bool) -> "ClientConfig":
    """`sends`: for a client whose requests carry bodies."""
    client = _CLIENT.copy()
    if sends:
        client["read_timeout"] = _SENDING_SILENCE
    client["user_agent"] = "lakeferry"
    if endpoint and endpoint.lower().startswith("http:"):
        client["allow_http"] = True
    if path := link.get("ca_file"):
        client["root_certificate"] = Path(path).read_bytes()
    return client


def is_private(endpoint: str | None) -> bool:
    """Whether nobody else can change bytes on the way: TLS, or this machine itself."""
    if endpoint is None:
        return True
    parts = urlsplit(endpoint)
    return parts.scheme.lower() == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1")


def wrong_option(what: str, where: str) -> FerryError:
    return FerryError("LF-2001", what, where, "see docs/reference/stores.md for all options")
