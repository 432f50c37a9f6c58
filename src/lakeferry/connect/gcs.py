"""The client of Google Cloud Storage."""

import os
from typing import Any

from lakeferry.connect.connection import Connection
from lakeferry.connect.importing import ONE_AT_A_TIME
from lakeferry.errors import FerryError

CONNECTIONS = 64  # kept open; with the default of 10, more threads open and close one per request


def endpoint_of(link: Connection) -> str | None:
    """The endpoint in use; None is Google's own."""
    return link.get("endpoint") or os.environ.get("STORAGE_EMULATOR_HOST")


def client(link: Connection) -> Any:
    with ONE_AT_A_TIME:
        from requests.adapters import HTTPAdapter

    made = _client(link)
    adapter = HTTPAdapter(pool_connections=CONNECTIONS, pool_maxsize=CONNECTIONS)
    for scheme in ("https://", "http://"):
        made._http.mount(scheme, adapter)
    return made


def _client(link: Connection) -> Any:
    with ONE_AT_A_TIME:
        from google.auth.credentials import AnonymousCredentials
        from google.auth.exceptions import DefaultCredentialsError
        from google.cloud.storage import Client

    endpoint = endpoint_of(link)
    options = {"api_endpoint": endpoint} if endpoint else None
    project = link.get("project")
    if link.is_true("anonymous"):
        nobody = AnonymousCredentials()  # type: ignore[no-untyped-call]
        return Client(project or "none", nobody, client_options=options)
    if path := link.get("service_account_file"):
        try:
            return Client.from_service_account_json(path, project=project, client_options=options)
        except (OSError, ValueError) as error:
            raise FerryError(
                "LF-1001", "the key file of a service account of Google cannot be used", str(error),
                "name its JSON file in `service_account_file`, in a manifest in `credentials`",
            ) from error  # fmt: skip
    try:
        return Client(project, client_options=options)
    except DefaultCredentialsError as error:
        raise FerryError(
            "LF-1001",
            "no Google credentials were found",
            str(error).partition("\n")[0],
            "run `gcloud auth application-default login`, or give `service_account_file`",
        ) from error
