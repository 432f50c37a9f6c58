"""Connections: a value that says how to reach a service, and the clients made of it.

The only module that makes clients of services. A `Connection` travels with work and may be
printed: an option that holds a secret is best given as a reference (`${env:NAME}`,
`${file:PATH}`), which is resolved here, when a client is made, and nowhere else. What no option
says comes from each SDK's own chain (environment, profiles, managed identities).
"""

import os
import re
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lakeferry.errors import FerryError

if TYPE_CHECKING:
    from obstore.store import AzureStore, ClientConfig, RetryConfig, S3Store

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
        "access_key_id": Option("an access key; needs `secret_access_key`"),
        "secret_access_key": Option("its secret", secret=True),
        "session_token": Option("its session token", secret=True),
        "anonymous": _ANONYMOUS,
        "virtual_hosted": Option("`true`: the bucket's name is part of the endpoint's host name"),
        "checksum": Option("`crc64nvme` (default) or `none`, for servers that refuse the header"),
        "ca_file": _CA_FILE,
        "large_commit_bytes": _LARGE,
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
_REFERENCE = re.compile(r"\$\{(env|file):([^}]+)\}")
# Bounded ranges make 15 minutes a request plenty; 20 s without a byte is a dead connection.
_CLIENT: "ClientConfig" = {"timeout": "15m", "connect_timeout": "5s", "read_timeout": "20s"}
PATIENT: "RetryConfig" = {"max_retries": 10, "retry_timeout": timedelta(minutes=3)}
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
            name: "***" if known[name].secret and not _REFERENCE.fullmatch(value) else value
            for name, value in self.options.items()
        }
        return f"Connection({self.kind!r}, {shown})"

    def get(self, name: str) -> str | None:
        """The option's value with its references resolved; None where it is not given."""
        given = self.options.get(name)
        return None if given is None else _REFERENCE.sub(_resolve, given)

    def is_true(self, name: str) -> bool:
        return (self.get(name) or "").lower() in ("true", "1", "yes")

    def number(self, name: str, default: int) -> int:
        given = self.get(name)
        if given is None:
            return default
        if not given.isdecimal():
            raise _wrong_option(f"option `{name}` is no number: `{given}`", self.kind)
        return int(given)


def connection(kind: str, options: Mapping[str, str]) -> Connection:
    """A checked connection; LF-2001 for an option that this kind of store does not have."""
    known = OPTIONS[kind]
    for name in options:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise _wrong_option(f"unknown option `{name}`", f"{kind} knows: {listed}")
    return Connection(kind, dict(options))


# ---- S3


def s3_endpoint(link: Connection) -> str | None:
    """The endpoint in use; None is AWS's own."""
    environment = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return link.get("endpoint") or environment


def s3_backend(link: Connection, bucket: str, *, retry: "RetryConfig") -> "S3Store":
    from obstore.store import S3Store

    endpoint = s3_endpoint(link)
    options: dict[str, Any] = {"region": s3_region(link, bucket)}
    if endpoint:
        options["endpoint"] = endpoint
    if link.is_true("virtual_hosted"):
        options["virtual_hosted_style_request"] = True
    if s3_sends_checksum(link):
        options["checksum_algorithm"] = "crc64nvme"
        # The CRC is checked by the server; SHA-256 of the body is then needed only where a
        # stranger could change it on the way.
        options["unsigned_payload"] = _is_private(endpoint)
    if link.is_true("anonymous"):
        options["skip_signature"] = True
    elif link.get("access_key_id"):
        options |= _s3_static_key(link)
    elif link.get("profile") or not os.environ.get("AWS_ACCESS_KEY_ID"):
        options["credential_provider"] = _s3_chain(link)
    return S3Store(bucket, client_options=_client(link, endpoint), retry_config=retry, **options)


def s3_client(link: Connection, bucket: str) -> Any:
    """boto3, for what obstore has not: conditional multipart, stored checksums, copies."""
    from botocore import UNSIGNED
    from botocore.config import Config

    endpoint = s3_endpoint(link)
    when = "when_supported" if s3_sends_checksum(link) else "when_required"
    config = Config(
        connect_timeout=5,
        read_timeout=60,
        retries={"mode": "standard", "max_attempts": 5},
        max_pool_connections=64,
        request_checksum_calculation=when,
        s3={"addressing_style": "virtual" if link.is_true("virtual_hosted") or not endpoint
            else "path"},
        user_agent_extra="lakeferry",
        **({"signature_version": UNSIGNED} if link.is_true("anonymous") else {}),
    )  # fmt: skip
    return _s3_session(link).client(
        "s3", region_name=s3_region(link, bucket), endpoint_url=endpoint, config=config,
        verify=link.get("ca_file"),
    )  # fmt: skip


def s3_sends_checksum(link: Connection) -> bool:
    return link.get("checksum") != "none"


def s3_region(link: Connection, bucket: str) -> str:
    """The option, or what the service says of the bucket, or the environment's default.

    AWS refuses requests that are signed for another region than the bucket's, and the two sides
    of a copy often lie in two; so the environment is asked last.
    """
    default = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    given = link.get("region")
    if given or s3_endpoint(link):
        return given or default
    return ask_region(bucket) or default


def ask_region(bucket: str, endpoint: str = "https://s3.amazonaws.com") -> str | None:
    """What S3 tells anybody about a bucket: the region header comes with refusals too."""
    request = urllib.request.Request(f"{endpoint}/{bucket}", method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            headers = answer.headers
    except urllib.error.HTTPError as error:
        headers = error.headers
    except OSError:
        return None
    region: str | None = headers.get("x-amz-bucket-region")
    return region


def _s3_static_key(link: Connection) -> dict[str, str]:
    secret = link.get("secret_access_key")
    if not secret:
        raise _wrong_option("`access_key_id` needs `secret_access_key`", "s3")
    key = {"access_key_id": link.get("access_key_id") or "", "secret_access_key": secret}
    token = link.get("session_token")
    return key | ({"session_token": token} if token else {})


def _s3_session(link: Connection) -> Any:
    from boto3 import Session

    if link.get("access_key_id"):
        key = _s3_static_key(link)
        return Session(
            aws_access_key_id=key["access_key_id"],
            aws_secret_access_key=key["secret_access_key"],
            aws_session_token=key.get("session_token"),
        )
    return Session(profile_name=link.get("profile"))


def _s3_chain(link: Connection) -> Any:
    from obstore.auth.boto3 import Boto3CredentialProvider

    session = _s3_session(link)
    if session.get_credentials() is None:
        raise FerryError(
            "LF-1001",
            "no AWS credentials were found",
            "neither in options, environment, profiles nor from this machine's role",
            "set AWS_PROFILE, give `access_key_id`, or `anonymous=true` for a public bucket",
        )
    # The provider is asked again every 15 minutes; botocore renews what expires earlier.
    return Boto3CredentialProvider(session, ttl=timedelta(minutes=15))


# ---- Azure


def azure_endpoint(link: Connection) -> str:
    found = azure_endpoint_or_none(link)
    if found is None:
        raise _wrong_option("the storage account is not named", "give `account`, or abfss://…@…")
    return found


def azure_endpoint_or_none(link: Connection) -> str | None:
    """None where neither address, options nor environment name an account."""
    given = link.get("endpoint") or os.environ.get("AZURE_STORAGE_ENDPOINT")
    account = _azure_account(link)
    return given or (f"https://{account}.blob.core.windows.net" if account else None)


def _azure_account(link: Connection) -> str | None:
    return link.get("account") or os.environ.get("AZURE_STORAGE_ACCOUNT_NAME")


def azure_backend(link: Connection, container: str, *, retry: "RetryConfig") -> "AzureStore":
    from obstore.store import AzureStore

    endpoint = azure_endpoint(link)
    options: dict[str, Any] = {"account_name": _azure_account(link), "endpoint": endpoint}
    match _azure_secret(link):
        case ("anonymous", _):
            options["skip_signature"] = True
        case ("account_key", secret):
            options["account_key"] = secret
        case ("sas_token", secret):
            options["sas_key"] = secret
        case _:
            from obstore.auth.azure import AzureCredentialProvider

            options["credential_provider"] = AzureCredentialProvider(_azure_identity(link))
    client = _client(link, endpoint)
    return AzureStore(container, client_options=client, retry_config=retry, **options)


def azure_client(link: Connection, container: str) -> Any:
    """azure-storage-blob's ContainerClient, for block lists under a condition, and copies."""
    from azure.storage.blob import ContainerClient

    match _azure_secret(link):
        case ("anonymous", _):
            credential: Any = None
        case (("account_key" | "sas_token"), secret):
            credential = secret
        case _:
            credential = _azure_identity(link)
    verify: dict[str, Any] = {}
    if path := link.get("ca_file"):
        verify["connection_verify"] = path
    return ContainerClient(
        azure_endpoint(link), container, credential=credential, connection_timeout=5,
        read_timeout=60, max_single_put_size=64 * MIB, **verify,
    )  # fmt: skip


def _azure_secret(link: Connection) -> tuple[str, str]:
    """Which of the plain secrets is in use, options first."""
    if link.is_true("anonymous"):
        return ("anonymous", "")
    for name in ("account_key", "sas_token"):
        if secret := link.get(name):
            return (name, secret)
    if link.get("client_id"):
        return ("identity", "")
    environment = {
        "account_key": ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY"),
        "sas_token": ("AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY"),
    }
    for name, variables in environment.items():
        for variable in variables:
            if secret := os.environ.get(variable):
                return (name, secret)
    return ("identity", "")


def _azure_identity(link: Connection) -> Any:
    from azure.identity import ClientSecretCredential, DefaultAzureCredential

    client, tenant, secret = (link.get(n) for n in ("client_id", "tenant_id", "client_secret"))
    if client and tenant and secret:
        return ClientSecretCredential(tenant, client, secret)
    return DefaultAzureCredential()


# ---- GCS, HDFS


def gcs_client(link: Connection) -> Any:
    from google.auth.credentials import AnonymousCredentials
    from google.auth.exceptions import DefaultCredentialsError
    from google.cloud.storage import Client

    endpoint = link.get("endpoint") or os.environ.get("STORAGE_EMULATOR_HOST")
    options = {"api_endpoint": endpoint} if endpoint else None
    project = link.get("project")
    if link.is_true("anonymous"):
        nobody = AnonymousCredentials()  # type: ignore[no-untyped-call]
        return Client(project or "none", nobody, client_options=options)
    if path := link.get("service_account_file"):
        return Client.from_service_account_json(path, project=project, client_options=options)
    try:
        return Client(project, client_options=options)
    except DefaultCredentialsError as error:
        raise FerryError(
            "LF-1001",
            "no Google credentials were found",
            str(error).partition("\n")[0],
            "run `gcloud auth application-default login`, or give `service_account_file`",
        ) from error


def hdfs_client(link: Connection, authority: str) -> Any:
    from hdfs_native import Client

    host, _, port = authority.rpartition(":")
    if host:
        _knock(host, int(port))
    config = {}
    if replication := link.get("replication"):
        config["dfs.replication"] = replication
    return Client(
        f"hdfs://{authority}" if authority else None, config or None, link.get("config_dir"),
        kerberos_principal=link.get("principal"), kerberos_keytab=link.get("keytab"),
    )  # fmt: skip


def _knock(host: str, port: int) -> None:
    """Say soon that nobody answers: the client itself tries for three minutes."""
    try:
        socket.create_connection((host.strip("[]"), port), timeout=5).close()
    except OSError as error:
        raise FerryError(
            "LF-1003",
            f"the namenode cannot be reached: {error}",
            f"at hdfs://{host}:{port}",
            "check the address and the network, then run the same command again",
        ) from error


# ---- common


def _client(link: Connection, endpoint: str | None) -> "ClientConfig":
    client = _CLIENT.copy()
    client["user_agent"] = "lakeferry"
    if endpoint and endpoint.lower().startswith("http:"):
        client["allow_http"] = True
    if path := link.get("ca_file"):
        client["root_certificate"] = Path(path).read_bytes()
    return client


def _is_private(endpoint: str | None) -> bool:
    """Whether nobody else can change bytes on the way: TLS, or this machine itself."""
    if endpoint is None:
        return True
    parts = urlsplit(endpoint)
    return parts.scheme.lower() == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1")


def _resolve(reference: re.Match[str]) -> str:
    source, name = reference[1], reference[2]
    if source == "env":
        if name in os.environ:
            return os.environ[name]
        raise _wrong_option(f"the environment variable `{name}` is not set", reference[0])
    try:
        return Path(name).expanduser().read_text().strip()
    except OSError as error:
        raise _wrong_option(f"the file cannot be read: {error.strerror}", reference[0]) from error


def _wrong_option(what: str, where: str) -> FerryError:
    return FerryError("LF-2001", what, where, "see docs/reference/stores.md for all options")
