"""A TCP proxy in front of any server, to break its links on purpose."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers import free_port, listens, require, started


@dataclass(frozen=True, slots=True)
class Link:
    """One proxied port. `port` is what a client connects to instead of the server's own."""

    port: int
    control: str  # http://127.0.0.1:PORT/proxies/NAME

    def spoil(self, kind: str, *, stream: str = "downstream", **attributes: int) -> None:
        """Add a toxic: latency, bandwidth, slicer, limit_data, reset_peer, timeout, ..."""
        toxic = {"name": kind, "type": kind, "stream": stream, "attributes": attributes}
        _send("POST", f"{self.control}/toxics", toxic)

    def heal(self, kind: str) -> None:
        _send("DELETE", f"{self.control}/toxics/{kind}")

    def cut(self) -> None:
        """Refuse connections until `join`."""
        _send("POST", self.control, {"enabled": False})

    def join(self) -> None:
        _send("POST", self.control, {"enabled": True})


@contextmanager
def running(folder: Path, *, upstream_port: int) -> Iterator[Link]:
    program = require("toxiproxy")
    control_port, port = free_port(), free_port()
    command = [str(program), "-host", "127.0.0.1", "-port", str(control_port)]
    control = f"http://127.0.0.1:{control_port}/proxies"
    log = folder / "toxiproxy.log"
    with started(command, log, ready=lambda: listens(control_port)):
        upstream = f"127.0.0.1:{upstream_port}"
        _send("POST", control, {"name": "link", "listen": f"127.0.0.1:{port}",
                                "upstream": upstream})  # fmt: skip
        yield Link(port, f"{control}/link")


def _send(method: str, url: str, body: object = None) -> None:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method)
    urllib.request.urlopen(request, timeout=10).close()
