"""SASL with Kerberos around Thrift's messages: who we are is shown, then frames go to and fro.

Source: Thrift's TSaslTransport (status, length, payload; then length, payload); RFC 4752, "The
Kerberos V5 (GSSAPI) SASL Mechanism".
"""

import socket
from collections.abc import Callable
from struct import Struct as Packing

from lakeferry.connect.gssapi import Context

START, OK, BAD, ERROR, COMPLETE = 1, 2, 3, 4, 5
_MESSAGE = Packing("!bI")
_FRAME = Packing("!I")
_NONE, _SIGNED, _SECRET = 1, 2, 4  # layers that a service offers
MOST_FRAME = 1 << 24  # bytes that we take at once
Read = Callable[[int], bytes]


class Refused(Exception):
    """The service does not take us; its words."""


class Framed:
    """Reads and writes through frames, signed or encrypted where the service wants it."""

    def __init__(self, line: socket.socket, read: Read, service: str, host: str) -> None:
        self._line, self._read = line, read
        self._context = Context(service, host)
        self._layer = self._signed_in()
        self._left = b""

    def write(self, data: bytes) -> None:
        """Send some bytes as one frame."""
        if self._layer != _NONE:
            data = self._context.wrap(data, secret=self._layer == _SECRET)
        self._line.sendall(_FRAME.pack(len(data)) + data)

    def read(self, count: int) -> bytes:
        """Exactly so many bytes; EOFError where the service ends before."""
        parts, missing = [], count
        while missing:
            if not self._left:
                frame = self._read(_FRAME.unpack(self._read(_FRAME.size))[0])
                self._left = frame if self._layer == _NONE else self._context.unwrap(frame)
            part, self._left = self._left[:missing], self._left[missing:]
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def _signed_in(self) -> int:
        self._send(START, b"GSSAPI")
        token = self._context.step(b"")
        while True:
            self._send(OK, token)
            status, said = self._receive()
            if status == COMPLETE:
                raise Refused("it ended before it had said how to go on")
            if self._context.is_complete:
                break
            token = self._context.step(said)
        offer = self._context.unwrap(said)
        # The least that the service takes: Kerberos has shown who both are.
        layer = next(one for one in (_NONE, _SIGNED, _SECRET) if offer[0] & one)
        most = 0 if layer == _NONE else MOST_FRAME - 1
        answer = bytes([layer]) + most.to_bytes(3, "big")
        self._send(OK, self._context.wrap(answer, secret=False))
        status, said = self._receive()
        if status != COMPLETE:
            raise Refused(f"it answers {status} where it should be complete")
        return layer

    def _send(self, status: int, data: bytes) -> None:
        self._line.sendall(_MESSAGE.pack(status, len(data)) + data)

    def _receive(self) -> tuple[int, bytes]:
        status, length = _MESSAGE.unpack(self._read(_MESSAGE.size))
        if status not in (OK, BAD, ERROR, COMPLETE) or length > MOST_FRAME:
            raise Refused("what it answers is no SASL")
        said = self._read(length)
        if status in (BAD, ERROR):
            raise Refused(said.decode(errors="replace") or f"status {status}")
        return status, said
