"""Clients of Azure Blob, by obstore and by azure-storage-blob."""

import logging
import os
from typing import TYPE_CHECKING, Any

from lakeferry.connect.connection import MIB, Connection, http_settings, wrong_option
from lakeferry.connect.importing import ONE_AT_A_TIME

if TYPE_CHECKING:
    from obstore.store import AzureStore, RetryConfig


def endpoint_of(link: Connection) -> str:
    found = endpoint_or_none(link)
    if found is None:
        raise wrong_option("the storage account is not named", "give `account`, or abfss://…@…")
    return found


def endpoint_or_none(link: Connection) -> str | None:
    """None where neither address, options nor environment name an account."""
    given = link.get("endpoint") or os.environ.get("AZURE_STORAGE_ENDPOINT")
    account = account_of(link)
    return given or (f"https://{account}.blob.core.windows.net" if account else None)


def account_of(link: Connection) -> str | None:
    return link.get("account") or os.environ.get("AZURE_STORAGE_ACCOUNT_NAME")


def backend(
    link: Connection, container: str, *, retry: "RetryConfig", sends: bool = False
) -> "AzureStore":
    with ONE_AT_A_TIME:
        from obstore.store import AzureStore

    endpoint = endpoint_of(link)
    options: dict[str, Any] = {"account_name": account_of(link), "endpoint": endpoint}
    match _secret(link):
        case ("anonymous", _):
            options["skip_signature"] = True
        case ("account_key", secret):
            options["account_key"] = secret
        case ("sas_token", secret):
            options["sas_key"] = secret
        case _:
            with ONE_AT_A_TIME:
                from obstore.auth.azure import AzureCredentialProvider

            options["credential_provider"] = AzureCredentialProvider(_identity(link))
    client = http_settings(link, endpoint, sends=sends)
    return AzureStore(container, client_options=client, retry_config=retry, **options)


def client(link: Connection, container: str) -> Any:
    """azure-storage-blob's ContainerClient, for block lists under a condition, and copies."""
    with ONE_AT_A_TIME:
        from azure.storage.blob import ContainerClient

    match _secret(link):
        case ("anonymous", _):
            credential: Any = None
        case (("account_key" | "sas_token"), secret):
            credential = secret
        case _:
            credential = _identity(link)
    verify: dict[str, Any] = {}
    if path := link.get("ca_file"):
        verify["connection_verify"] = path
    return ContainerClient(
        endpoint_of(link), container, credential=credential, connection_timeout=5,
        read_timeout=60, max_single_put_size=64 * MIB, **verify,
    )  # fmt: skip


def _secret(link: Connection) -> tuple[str, str]:
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


def _identity(link: Connection) -> Any:
    with ONE_AT_A_TIME:
        from azure.identity import ClientSecretCredential, DefaultAzureCredential

    # Without a handler Python prints its warnings to stderr: a page for each identity that there is
    # not, which the refusal says in a line.
    if not (log := logging.getLogger("azure.identity")).handlers:
        log.addHandler(logging.NullHandler())
    client, tenant, secret = (link.get(n) for n in ("client_id", "tenant_id", "client_secret"))
    if client and tenant and secret:
        return ClientSecretCredential(tenant, client, secret)
    return DefaultAzureCredential()
