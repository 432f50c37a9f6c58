"""A server that breaks the rules: answers that no real server gives on demand, but networks do.

It speaks as much of S3 as reading needs. Each key has a list of tricks; each GET takes the next
one, and when none is left the answer is honest.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.servers.http_server import served

Trick = Callable[["Answer"], "Answer"]


@dataclass(slots=True)
class Answer:
    """What goes out; a trick changes it."""

    status: int
    headers: dict[str, str]
    body: bytes
    cut_at: int | None = None  # bytes of the body after which the connection closes


@dataclass(slots=True)
class Faulty:
    """The server's state, for the test to set and to look at."""

    port: int
    objects: dict[str, bytes] = field(default_factory=dict)
    e_tags: dict[str, str] = field(default_factory=dict)
    tricks: dict[str, list[Trick]] = field(default_factory=lambda: defaultdict(list))
    requests: list[str] = field(default_factory=list)  # "METHOD key range"

    @property
    def options(self) -> dict[str, str]:
        return {"endpoint": f"http://127.0.0.1:{self.port}", "region": "us-east-1",
                "access_key_id": "a", "secret_access_key": "b"}  # fmt: skip


def slow_down(_: Answer) -> Answer:
    body = (
        b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
    )
    return Answer(503, {}, body)


def cut_short(answer: Answer) -> Answer:
    """Honest headers, then half of the body and a closed connection."""
    return Answer(answer.status, answer.headers, answer.body, len(answer.body) // 2)


def lie_short(answer: Answer) -> Answer:
    """Fewer bytes than asked for, and a Content-Length that agrees with them."""
    return Answer(answer.status, answer.headers, answer.body[:-3])


def expired(_: Answer) -> Answer:
    return Answer(400, {}, b"<Error><Code>ExpiredToken</Code><Message>Expired.</Message></Error>")


def skewed(_: Answer) -> Answer:
    return Answer(403, {}, b"<Error><Code>RequestTimeTooSkewed</Code></Error>")


def denied(_: Answer) -> Answer:
    return Answer(403, {}, b"<Error><Code>AccessDenied</Code></Error>")


@contextmanager
def running() -> Iterator[Faulty]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path, _, _ = self.path.partition("?")
            key = path.removeprefix("/bucket").lstrip("/")
            asked = self.headers.get("Range", "")
            state.requests.append(f"{self.command} {key} {asked}".rstrip())
            if not key:
                listing = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
                self._send(Answer(200, {"Content-Type": "application/xml"}, listing))
                return
            answer = self._honest(key, asked)
            if state.tricks[key]:
                answer = state.tricks[key].pop(0)(answer)
            self._send(answer)

        do_HEAD = do_GET

        def _honest(self, key: str, asked: str) -> Answer:
            body = state.objects.get(key)
            if body is None:
                return Answer(404, {}, b"<Error><Code>NoSuchKey</Code></Error>")
            e_tag = state.e_tags.get(key, '"one"')
            if self.headers.get("If-Match") not in (None, e_tag):
                return Answer(412, {}, b"<Error><Code>PreconditionFailed</Code></Error>")
            when = "Tue, 24 Nov 2026 00:00:00 GMT"
            headers = {"ETag": e_tag, "Last-Modified": when}
            found = re.fullmatch(r"bytes=(\d+)-(\d*)", asked)
            if not found:
                return Answer(200, headers, body)
            start, last = int(found[1]), min(int(found[2] or len(body)), len(body) - 1)
            headers["Content-Range"] = f"bytes {start}-{last}/{len(body)}"
            return Answer(206, headers, body[start : last + 1])

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command == "HEAD":
                return
            self.wfile.write(answer.body[: answer.cut_at])
            if answer.cut_at is not None:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Silent: `requests` is the log."""

    with served(Handler) as port:
        state = Faulty(port)
        yield state
