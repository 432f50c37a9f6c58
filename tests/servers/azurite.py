"""Azure Blob: azurite, in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import Server, free_port, listens, require, started

ACCOUNT = "devstoreaccount1"
# Published by Microsoft for its emulators; it opens nothing else.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@contextmanager
def running(folder: Path, *, container: str = "lake") -> Iterator[Server]:
    program = require("azurite")
    port = free_port()
    command = [str(program), "--blobHost", "127.0.0.1", "--blobPort", str(port),
               "--inMemoryPersistence", "--silent", "--skipApiVersionCheck"]  # fmt: skip
    endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
    options = {"endpoint": endpoint, "account": ACCOUNT, "account_key": KEY}
    with started(command, folder / "azurite.log", ready=lambda: listens(port)):
        make_container(endpoint, container)
        yield Server(f"az://{container}", options, endpoint, port)


def make_container(endpoint: str, container: str) -> None:
    from azure.storage.blob import BlobServiceClient

    with BlobServiceClient(endpoint, credential=KEY) as client:
        client.create_container(container)
