"""A socket whose every exchange ends: soon where nothing comes, and at last whatever comes.

The time-out of a socket starts anew with every byte, so whoever sends one now and then would hold a
reader for ever.
"""

import io
import socket
from collections.abc import Callable
from time import monotonic
from typing import Any, Literal


class TooSlow(TimeoutError):
    """Something came now and then, and the whole did not come in its time."""


class TimedSocket:
    """A connected socket; for one thread at a time.

    Args:
        silence_s: without a byte, until an exchange is given up.
        whole_s: until it is given up whatever comes.
    """

    def __init__(self, line: socket.socket, silence_s: float, whole_s: float) -> None:
        self._line = line
        self.begin(silence_s, whole_s)

    def begin(self, silence_s: float, whole_s: float) -> None:
        """An exchange begins, with its own times."""
        self._silence_s, self._whole_s = silence_s, whole_s
        self._until_s = monotonic() + whole_s

    def sendall(self, data: Any) -> None:
        """Raises TimeoutError where the other side does not take it."""
        self._line.settimeout(self._left_s())
        self._line.sendall(data)

    def recv_into(self, view: Any) -> int:
        """What has arrived, at least a byte, waiting for that; 0 at the end.

        Raises:
            TooSlow: the exchange has lasted too long.
            TimeoutError: nothing came.
        """
        self._line.settimeout(self._left_s())
        try:
            return self._line.recv_into(view)
        except TimeoutError:
            self._left_s()
            raise

    def makefile(self, mode: Literal["rb"]) -> io.BufferedReader:
        """For reading alone. The socket stays open as long as it is."""
        return self.reader(self.recv_into, mode)

    def reader(
        self, read_into: Callable[[memoryview], int], mode: Literal["rb"]
    ) -> io.BufferedReader:
        """The same of what someone makes of the bytes."""
        return io.BufferedReader(_Stream(read_into, self._line.makefile(mode, buffering=0)))

    def close(self) -> None:
        self._line.close()

    def _left_s(self) -> float:
        left_s = self._until_s - monotonic()
        if left_s <= 0:
            raise TooSlow(f"no whole answer in {self._whole_s:g} s")
        return min(self._silence_s, left_s)


class _Stream(io.RawIOBase):
    def __init__(self, read_into: Callable[[memoryview], int], holds_open: Any) -> None:
        self._read_into, self._holds_open = read_into, holds_open

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._read_into(memoryview(buffer))

    def close(self) -> None:
        self._holds_open.close()
        super().close()
