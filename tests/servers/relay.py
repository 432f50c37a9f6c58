"""A way to a server that can be cut: a relay of TCP that refuses everybody until it is mended."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.servers import free_port


class Relay:
    """127.0.0.1:`port` leads to 127.0.0.1:`upstream` while it is not cut."""

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._lines: list[socket.socket] = []
        self.port = free_port()  # which no connection takes while it is cut
        self._ear = socket.create_server(("127.0.0.1", self.port))
        self._listen()

    def cut(self) -> None:
        """End all connections; further ones are refused."""
        for line in [self._ear, *self._lines]:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()
        self._lines = []

    def mend(self) -> None:
        self._ear = socket.create_server(("127.0.0.1", self.port))
        self._listen()

    def _listen(self) -> None:
        threading.Thread(target=self._accept, args=(self._ear,), daemon=True).start()

    def _accept(self, ear: socket.socket) -> None:
        with suppress(OSError):
            while True:
                here, _ = ear.accept()
                there = socket.create_connection(("127.0.0.1", self._upstream))
                self._lines += [here, there]
                for pair in ((here, there), (there, here)):
                    threading.Thread(target=_pass_on, args=pair, daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(1 << 16):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def relayed(upstream: int) -> Iterator[Relay]:
    """A relay for as long as a block lasts."""
    relay = Relay(upstream)
    try:
        yield relay
    finally:
        relay.cut()
