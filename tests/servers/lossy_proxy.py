"""A network that loses an answer: a proxy that passes a request on and then hangs up."""

import http.client
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.servers.http_server import served

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect"}
# What S3 says of an upload that was completed; versitygw says so only while it completes it.
_JOINED = b"<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>"
_NO_UPLOAD = b"<Error><Code>NoSuchUpload</Code><Message>It does not exist.</Message></Error>"

_SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"


@dataclass(slots=True)
class Losses:
    """For the test to set and to look at."""

    port: int
    lose: list[str] = field(default_factory=list)  # "METHOD text": of the next request with it
    early: list[str] = field(default_factory=list)  # same: answered before it is passed on
    refuse: list[str] = field(default_factory=list)  # same: told 503 SlowDown, not passed on
    lost: list[str] = field(default_factory=list)  # status of each answer that was lost
    done: set[str] = field(default_factory=set)  # paths of these requests
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)  # as `lose`, headers


@contextmanager
def running(upstream_port: int) -> Iterator[Losses]:
    """A proxy in front of 127.0.0.1:`upstream_port`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            said = {name.lower(): text for name, text in self.headers.items()}
            state.asked.append((f"{self.command} {self.path}", said))
            if self._is_in(state.early):
                threading.Timer(1.5, self._pass_on, [body]).start()
                self._answer(200, _JOINED)
                return
            if self._is_in(state.refuse):
                self._answer(503, _SLOW_DOWN)
                return
            status, headers, content = self._pass_on(body)
            # An upload that was completed is no more; an object that was put is there.
            if self.path in state.done and "uploadId" in self.path:
                self._answer(404, _NO_UPLOAD)
                return
            if self._is_in(state.lose):
                state.lost.append(str(status))
                state.done.add(self.path)
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            length = dict(headers).get("Content-Length") if self.command == "HEAD" else None
            self.send_header("Content-Length", length or str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _pass_on(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            link = http.client.HTTPConnection("127.0.0.1", upstream_port, timeout=60)
            link.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                link.putheader(name, value)
            link.endheaders(body)
            answer = link.getresponse()
            content = answer.read()
            link.close()
            return answer.status, answer.getheaders(), content

        def _is_in(self, wishes: list[str]) -> bool:
            for wish in wishes:
                method, _, text = wish.partition(" ")
                if method == self.command and text in self.path:
                    wishes.remove(wish)
                    return True
            return False

        do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    with served(Handler) as port:
        state = Losses(port)
        yield state
