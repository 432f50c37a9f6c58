"""An HTTP server on this machine for as long as a block lasts."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

AWS_JSON = "application/x-amz-json-1.1"
LOOK_S = 0.01  # between two looks whether it shall end


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """Serve by `handler`; the port, on 127.0.0.1."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(LOOK_S,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer_json(
    asked: BaseHTTPRequestHandler, status: int, answer: Any, *, kind: str = "application/json"
) -> None:
    """Answer what is asked; who is throttled may come again at once."""
    text = json.dumps(answer).encode()
    asked.send_response(status)
    asked.send_header("Content-Type", kind)
    asked.send_header("Content-Length", str(len(text)))
    if status == 429:
        asked.send_header("Retry-After", "0")
    asked.end_headers()
    asked.wfile.write(text)
