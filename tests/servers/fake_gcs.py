"""GCS: fake-gcs-server, in memory, JSON API. It checks no credentials."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import Server, free_port, listens, require, started


@contextmanager
def running(folder: Path, *, bucket: str = "lake") -> Iterator[Server]:
    program = require("fake-gcs")
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    command = [str(program), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port),
               "-backend", "memory", "-public-host", f"127.0.0.1:{port}",
               "-external-url", endpoint, "-log-level", "error"]  # fmt: skip
    with started(command, folder / "fake-gcs.log", ready=lambda: listens(port)):
        make_bucket(endpoint, bucket)
        yield Server(f"gs://{bucket}", {"endpoint": endpoint, "anonymous": "true"}, endpoint, port)


def make_bucket(endpoint: str, bucket: str) -> None:
    request = urllib.request.Request(
        f"{endpoint}/storage/v1/b?project=test",
        data=json.dumps({"name": bucket}).encode(),
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=10).close()
