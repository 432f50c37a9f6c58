"""A store that ignores If-None-Match, as some S3 lookalikes do: a proxy that drops the header.

The client signs that header, so the proxy signs the request anew, with the server's own keys.
"""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.servers import versitygw
from tests.servers.http_server import served

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect"}


@contextmanager
def running(upstream_port: int) -> Iterator[int]:
    """The port of a proxy in front of 127.0.0.1:`upstream_port`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            link = http.client.HTTPConnection("127.0.0.1", upstream_port, timeout=60)
            link.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self._heard(body).items():
                link.putheader(name, value)
            link.endheaders(body)
            answer = link.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else None
            for name, value in answer.getheaders():
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", length or str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            link.close()

        def _heard(self, body: bytes) -> dict[str, str]:
            deaf = {"if-none-match", "connection"}
            kept = {name.lower(): value for name, value in self.headers.items()}
            kept = {name: value for name, value in kept.items() if name not in deaf}
            if "If-None-Match" not in self.headers:
                return kept
            del kept["authorization"], kept["x-amz-date"]
            url = f"http://{kept['host']}{self.path}"
            request = AWSRequest(self.command, url, headers=kept, data=body)
            keys = Credentials(versitygw.ACCESS_KEY, versitygw.SECRET_KEY)
            S3SigV4Auth(keys, "s3", "us-east-1").add_auth(request)
            return dict(request.headers.items())

        do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    with served(Handler) as port:
        yield port
