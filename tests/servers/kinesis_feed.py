"""Kinesis: our own feed, in this process or as a child that outlives a kill of what reads it."""

import json
import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakeferry.demo.kinesis_feed_stream import ShardTruth
from tests.servers import started


@dataclass(frozen=True, slots=True)
class FeedAway:
    """A feed in another process: what `Feed` can be told, by name."""

    url: str
    stream: str
    region: str
    process: subprocess.Popen[bytes]

    def tell(self, name: str, **given: object) -> Any:
        """Any command of `Feed`; its answer as JSON has it."""
        request = urllib.request.Request(
            f"{self.url}/_feed/{name}", json.dumps(given).encode(), method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=30, context=_trusted(self.url)) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise ValueError(error.read().decode()) from error

    def split(self, shard_id: str, **given: object) -> list[str]:
        found: list[str] = self.tell("split", shard_id=shard_id, **given)
        return found

    def merge(self, one_id: str, other_id: str) -> str:
        found: str = self.tell("merge", one_id=one_id, other_id=other_id)
        return found

    def wrong(self, what: str, **given: object) -> None:
        self.tell("wrong", what=what, **given)

    def mend(self) -> None:
        self.tell("mend")

    def truth(self) -> dict[str, ShardTruth]:
        return {name: _truth(one) for name, one in self.tell("truth").items()}


def _trusted(url: str) -> ssl.SSLContext | None:
    if url.startswith("http:"):
        return None
    return ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))


def _truth(told: dict[str, Any]) -> ShardTruth:
    runs = tuple((first, last) for first, last in told.pop("served"))
    return ShardTruth(served=runs, parents=tuple(told.pop("parents")), **told)


@contextmanager
def away(folder: Path, *arguments: str, core: int | None = None) -> Iterator[FeedAway]:
    """A feed as a process of its own; see `python -m lakeferry.demo.kinesis_feed --help`.

    Args:
        core: the only one that it may use.
    """
    log = folder / "kinesis-feed.log"
    pinned = [] if core is None else ["taskset", "--cpu-list", str(core)]
    command = [*pinned, sys.executable, "-m", "lakeferry.demo.kinesis_feed", *arguments]
    with started(command, log, ready=lambda: log.read_bytes().endswith(b"}\n")) as process:
        told = json.loads(log.read_text().splitlines()[-1])
        yield FeedAway(process=process, **told)


def self_signed(folder: Path) -> tuple[str, str]:
    """Files of a certificate for this machine, and of its key; AWS_CA_BUNDLE trusts the first."""
    certificate, key = str(folder / "feed.crt"), str(folder / "feed.key")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
               "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
               "-keyout", key, "-out", certificate]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key
