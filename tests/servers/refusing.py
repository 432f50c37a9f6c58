"""A proxy before an AWS server that answers some requests itself, as AWS refuses them.

moto says yes to everything; what AWS says when it does not is here in AWS's own shapes.
"""

import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.servers.http_server import served

_ACTION = re.compile(rb"(?:^|&)Action=(\w+)")
_HOP = frozenset({"connection", "content-length", "date", "server", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """One answer in place of the server's."""

    status: int
    body: str
    content_type: str = "text/xml"


@dataclass(slots=True)
class Refusing:
    """The proxy's state, for the test to set and to look at."""

    endpoint: str
    answers: dict[str, Refusal] = field(default_factory=dict)  # by operation: 'CreateFlowLogs'
    asked: list[str] = field(default_factory=list)


def ec2_error(code: str, message: str, status: int = 403) -> Refusal:
    """An error as EC2 writes it (EC2 API Reference, "Error codes")."""
    return Refusal(
        status,
        '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error>'
        f"<Code>{code}</Code><Message>{message}</Message></Error></Errors>"
        "<RequestID>0f29e4bb-0000-4000-8000-000000000000</RequestID></Response>",
    )


@contextmanager
def before(upstream: str) -> Iterator[Refusing]:
    """A proxy on a free port of this machine."""
    state = Refusing("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            operation = _operation(self.path, dict(self.headers), body)
            state.asked.append(operation)
            refusal = state.answers.get(operation)
            if refusal is not None:
                self._answer(refusal.status, {"Content-Type": refusal.content_type}, refusal.body)
                return
            headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
            request = urllib.request.Request(
                upstream + self.path, data=body, headers=headers, method=self.command
            )
            try:
                with urllib.request.urlopen(request, timeout=60) as found:
                    self._answer(found.status, dict(found.headers), found.read())
            except urllib.error.HTTPError as error:
                self._answer(error.code, dict(error.headers), error.read())

        do_GET = do_PUT = do_POST

        def _answer(self, status: int, headers: dict[str, str], body: str | bytes) -> None:
            raw = body.encode() if isinstance(body, str) else body
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

    with served(Handler) as port:
        state.endpoint = f"http://127.0.0.1:{port}"
        yield state


def _operation(path: str, headers: dict[str, str], body: bytes) -> str:
    """What is asked for, whichever of AWS's protocols asks."""
    target = next((v for k, v in headers.items() if k.lower() == "x-amz-target"), "")
    if target:
        return target.rpartition(".")[2]
    if "/operation/" in path:
        return path.rpartition("/")[2]
    found = _ACTION.search(body)
    return found[1].decode() if found else path
