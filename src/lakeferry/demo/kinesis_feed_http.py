"""The wire of the feed: HTTP/1.1 that stays open, TLS if asked, signatures looked at.

A thread a connection: readers have few, and one big write of a page costs less than the same in an
event loop.
"""

import contextlib
import hmac
import socket
import socketserver
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from hashlib import sha256

import orjson

from lakeferry.connect.aws_keys import AwsKeys
from lakeferry.demo.kinesis_feed_shard import Body, whole
from lakeferry.demo.kinesis_feed_stream import Fault
from lakeferry.ingest.kinesis.wire import CONTENT_TYPE

SKEW_S = 300  # that a signature may be off
PIECES = 50  # of a body that drips
TOGETHER = 1 << 15  # bytes that are worth a copy to save a system call
Headers = Mapping[str, str]  # names in lower case


@dataclass(frozen=True, slots=True)
class Heard:
    """A request."""

    path: str
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, and how it is spoilt on the way."""

    status: int
    body: Body
    headers: Headers = field(default_factory=dict)
    spoilt: str = ""  # 'reset', 'cut', 'drip', 'hang'
    seconds: float = 0.0


def refused(fault: Fault, date: str) -> Said:
    """The answer that is no 200."""
    kind = fault.kind
    body = orjson.dumps({"__type": kind, "message": fault.message})
    return Said(fault.status, whole(body), {"Date": date, "x-amzn-ErrorType": kind})


class Server(socketserver.ThreadingTCPServer):
    """Answers by a function until it is closed.

    Args:
        answer: what is said to a request; called from many threads.
        context: of TLS; None: plain.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(
        self, port: int, answer: Callable[[Heard], Said], context: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(("127.0.0.1", port), _Line)
        self.answer, self.context = answer, context
        self.lines: set[socket.socket] = set()
        self.port = int(self.server_address[1])

    def begin(self) -> None:
        """Serve in a thread of its own."""
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def end(self) -> None:
        """Close all, the connections among them."""
        self.shutdown()
        self.server_close()
        for line in list(self.lines):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


class _Line(socketserver.BaseRequestHandler):
    """One connection."""

    server: Server

    def handle(self) -> None:
        line: socket.socket = self.request
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        try:
            if self.server.context is not None:
                line = self.server.context.wrap_socket(line, server_side=True)
            self.server.lines.add(line)
            with line.makefile("rb") as inward:
                while (heard := _heard(inward.readline, inward.read)) is not None:
                    said = self.server.answer(heard)
                    if not _say(line, said) or heard.headers.get("connection") == "close":
                        return
        except OSError:
            return
        finally:
            self.server.lines.discard(line)
            line.close()


def _heard(readline: Callable[[], bytes], read: Callable[[int], bytes]) -> Heard | None:
    first = readline()
    if not first.strip():
        return None
    headers: dict[str, str] = {}
    while line := readline().strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    path = first.decode("latin-1").split(" ")[1]
    return Heard(path, headers, read(int(headers.get("content-length", 0))))


def _say(line: socket.socket, said: Said) -> bool:
    """Send an answer; whether the connection lives on."""
    told = {"Content-Type": CONTENT_TYPE, "x-amzn-RequestId": "feed", **said.headers}
    told["Content-Length"] = str(said.body.size)
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    begin = f"HTTP/1.1 {said.status} said\r\n{head}\r\n".encode()
    if not said.spoilt:
        for piece in _together(begin, said.body.pieces):
            line.sendall(piece)
        return True
    if said.spoilt == "hang":
        time.sleep(said.seconds)
        return False
    body = b"".join(said.body.pieces)
    if said.spoilt == "drip":
        line.sendall(begin)
        step = len(body) // PIECES + 1
        for at in range(0, len(body), step):
            time.sleep(said.seconds / PIECES)
            line.sendall(body[at : at + step])
        return True
    line.sendall(begin + body[: max(1, len(body) // 2)])
    if said.spoilt == "reset":
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def _together(begin: bytes, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Small pieces as one, so that they are one packet."""
    held = begin
    for piece in pieces:
        if len(held) + len(piece) > TOGETHER:
            yield held
            held = piece
        else:
            held += piece
    yield held


# --- signatures -----------------------------------------------------------------------------


def check_signature(heard: Heard, keys: AwsKeys, now: datetime) -> None:
    """Raises Fault where a request is not signed by these keys, or at another time.

    Source: AWS IAM User Guide, "Create a signed AWS API request".
    """
    given = heard.headers.get("authorization", "")
    if not given.startswith("AWS4-HMAC-SHA256 "):
        raise Fault("MissingAuthenticationTokenException", "Missing Authentication Token")
    parts = dict(part.strip().split("=", 1) for part in given[17:].split(","))
    access_key, _, scope = parts["Credential"].partition("/")
    if access_key != keys.access_key or heard.headers.get("x-amz-security-token") != keys.token:
        raise Fault(
            "UnrecognizedClientException", "The security token included in the request is invalid."
        )
    stamp = heard.headers["x-amz-date"]
    signed = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    late = (now - signed).total_seconds()
    if abs(late) > SKEW_S:
        word = "expired" if late > 0 else "not yet current"
        raise Fault("InvalidSignatureException", f"Signature {word}: {stamp} is off by {late} s")
    names = parts["SignedHeaders"]
    lines = "".join(f"{one}:{' '.join(heard.headers[one].split())}\n" for one in names.split(";"))
    digest = sha256(heard.body).hexdigest()
    canonical = f"POST\n{heard.path}\n\n{lines}\n{names}\n{digest}"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{keys.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), sha256).digest()
    if hmac.new(key, text.encode(), sha256).hexdigest() != parts["Signature"]:
        raise Fault(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided.",
        )


def http_date(now: datetime) -> str:
    return formatdate(now.timestamp(), usegmt=True)
