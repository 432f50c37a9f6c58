"""Kinesis: kinesis-local, which is kinesis-mock for node, in memory.

It names the children of a shard, and is the slowest of all: some hundred records a second.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import Server, free_port, listens, require, started


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    program = require("kinesis-local")
    port, tls_port = free_port(), free_port()
    times = [f"{name}_DURATION=5ms" for name in (
        *("CREATE_STREAM", "DELETE_STREAM", "MERGE_SHARDS", "SPLIT_SHARD", "UPDATE_SHARD_COUNT"),
    )]  # fmt: skip
    # It looks for server.json in the folder that it runs in.
    command = ["env", "--chdir", str(program.parent), f"KINESIS_MOCK_PLAIN_PORT={port}",
               f"KINESIS_MOCK_TLS_PORT={tls_port}", "SHARD_LIMIT=1000", *times,
               "node", str(program)]  # fmt: skip
    endpoint = f"http://127.0.0.1:{port}"
    log = folder / "kinesis-local.log"
    with started(command, log, ready=lambda: listens(port)) as process:
        yield Server("", {"endpoint": endpoint}, endpoint, port)
        process.kill()  # asked to end it takes its time
