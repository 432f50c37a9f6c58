"""A network that loses an answer: a proxy that passes a request on and then hangs up."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect"}
# What S3 says of an upload that was completed; versitygw says so only while it completes it.
_NO_UPLOAD = b"<Error><Code>NoSuchUpload</Code><Message>It does not exist.</Message></Error>"


@dataclass(slots=True)
class Losses:
    """For the test to set and to look at."""

    port: int
    lose: list[str] = field(default_factory=list)  # "METHOD text": of the next request with it
    lost: list[str] = field(default_factory=list)  # status of each answer that was lost
    done: set[str] = field(default_factory=set)  # paths of these requests


@contextmanager
def running(upstream_port: int) -> Iterator[Losses]:
    """A proxy in front of 127.0.0.1:`upstream_port`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            link = http.client.HTTPConnection("127.0.0.1", upstream_port, timeout=60)
            link.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                link.putheader(name, value)
            link.endheaders(body)
            answer = link.getresponse()
            content = answer.read()
            link.close()
            if self.path in state.done:
                self.send_response(404)
                self.send_header("Content-Length", str(len(_NO_UPLOAD)))
                self.end_headers()
                self.wfile.write(_NO_UPLOAD)
                return
            if self._is_lost(answer.status):
                self.close_connection = True
                return
            self.send_response(answer.status)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else None
            for name, value in answer.getheaders():
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", length or str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _is_lost(self, status: int) -> bool:
            for wish in state.lose:
                method, _, text = wish.partition(" ")
                if method == self.command and text in self.path:
                    state.lose.remove(wish)
                    state.lost.append(str(status))
                    state.done.add(self.path)
                    return True
            return False

        do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state = Losses(server.server_address[1])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
