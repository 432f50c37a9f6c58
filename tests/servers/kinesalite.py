"""Kinesis: kinesalite, in memory.

It lies in that GetRecords never names the children of a shard, that DescribeStreamSummary and
UpdateShardCount are unknown to it, and that no quota is ever used up; an iterator at a time after
which nothing came is never answered.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import Server, free_port, listens, require, started


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    program = require("kinesalite")
    port = free_port()
    command = ["node", str(program), "--port", str(port), "--shardLimit", "1000",
               "--createStreamMs", "5", "--deleteStreamMs", "5",
               "--updateStreamMs", "5"]  # fmt: skip
    endpoint = f"http://127.0.0.1:{port}"
    with started(command, folder / "kinesalite.log", ready=lambda: listens(port)):
        yield Server("", {"endpoint": endpoint}, endpoint, port)
