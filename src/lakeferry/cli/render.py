"""Events and reports -> terminal, plain lines, JSON lines. The only place that prints.

stdout carries the result, stderr the talk. Colour is never the only carrier.
"""

import math
import os
import sys
import threading
import time
import uuid
from typing import Any, Protocol, TextIO

import orjson

from lakeferry.cli import json_lines
from lakeferry.cli.estimate import Estimate, left_text
from lakeferry.cli.units import duration_text, size_text, time_text
from lakeferry.errors import FerryError
from lakeferry.events import (
    BytesMoved,
    BytesRead,
    Checked,
    Committed,
    Event,
    FileLanded,
    LogRead,
    Noted,
    Warned,
)
from lakeferry.version import VERSION

PLAIN_EVERY_S = 30
JSON_EVERY_S = 10
BAR_EVERY_S = 0.2
QUIET_S = 2  # what ends sooner needs no progress


class Screen(Protocol):
    """Where a command talks."""

    def event(self, event: Event) -> None: ...

    def result(self, lines: list[str], body: dict[str, Any]) -> None:
        """What was asked for: as text on stdout, or as part of the summary."""

    def error(self, error: FerryError) -> None: ...

    def end(self, exit_code: int) -> None: ...


def marks(stream: TextIO) -> dict[str, str]:
    """Signs for outcomes, in words where the encoding cannot hold them."""
    encoding = (stream.encoding or "ascii").lower()
    if "utf" in encoding:
        return {"ok": "✓", "warning": "▲", "error": "✗"}
    return {"ok": "ok", "warning": "!", "error": "x"}


class TextScreen:
    """People: a line that is painted over on a terminal, plain lines elsewhere."""

    def __init__(self, *, quiet: bool, verbose: bool, progress: str) -> None:
        self._quiet = quiet
        self._verbose = verbose
        tty = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._progress = ("bar" if tty else "plain") if progress == "auto" else progress
        self._shown = -math.inf
        self._painted = False
        self._moving = False  # bytes are; then no other progress is of interest
        self._estimate = Estimate()
        self._lock = threading.Lock()

    def event(self, event: Event) -> None:
        with self._lock:
            match event:
                case BytesMoved():
                    self._moved(event)
                case LogRead() if not self._moving:
                    self._show(event.elapsed_s, f"reading logs: {event.entries:,} entries")
                case BytesRead():
                    done, most = size_text(event.bytes_done), size_text(event.bytes_at_most)
                    self._show(event.elapsed_s, f"{done} of at most {most} read")
                case Warned():
                    self._say(f"{marks(sys.stderr)['warning']} {event.code or ''} {event.message}")
                    self._say(f"  next: {event.next_step}")
                case Noted():
                    self._moving = False
                    if not self._quiet:
                        self._say(f"  {event.message}")
                case Committed() | FileLanded() if self._verbose:
                    self._say(f"  {json_lines.body(event)}")
                case Checked() if not self._quiet:
                    sign = marks(sys.stderr)["ok" if event.equal else "error"]
                    self._say(f"  {sign} {event.what}  {event.detail}")
                case _:
                    pass

    def _moved(self, event: BytesMoved) -> None:
        self._moving = event.files_done < event.files_total
        self._estimate.feed(event.elapsed_s, event.bytes_done, event.files_done)
        if not event.elapsed_s:
            return
        done, total = (event.bytes_done, event.files_done), (event.bytes_total, event.files_total)
        share = 100 * event.bytes_done / event.bytes_total if event.bytes_total else 100.0
        rate = size_text(event.bytes_done / event.elapsed_s) + "/s"
        left = left_text(self._estimate.left_s(event.elapsed_s, done, total))
        text = (
            f"{size_text(event.bytes_done)} of {size_text(event.bytes_total)}  {share:.1f} %  "
            f"{event.files_done:,}/{event.files_total:,} files  {rate}  {left}"
        )
        self._show(event.elapsed_s, text)

    def _show(self, elapsed_s: float, text: str) -> None:
        """Paint over the last line, or print one now and then."""
        if self._quiet or self._progress == "none" or elapsed_s < QUIET_S:
            return
        pause = BAR_EVERY_S if self._progress == "bar" else PLAIN_EVERY_S
        if time.monotonic() - self._shown < pause:
            return
        self._shown = time.monotonic()
        if self._progress == "bar":
            print(f"\r\x1b[2K  {text}", end="", file=sys.stderr, flush=True)
            self._painted = True
        else:
            print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)

    def _say(self, text: str) -> None:
        self._wipe()
        print(text, file=sys.stderr, flush=True)

    def _wipe(self) -> None:
        if self._painted:
            print("\r\x1b[2K", end="", file=sys.stderr)
            self._painted = False

    def result(self, lines: list[str], body: dict[str, Any]) -> None:  # noqa: ARG002
        self._wipe()
        if not self._quiet:
            print("\n".join(lines), flush=True)

    def error(self, error: FerryError) -> None:
        self._say(f"{marks(sys.stderr)['error']} {error}")

    def end(self, exit_code: int) -> None:  # noqa: ARG002
        self._wipe()


class JsonScreen:
    """Scripts: one object a line on stdout, `start` first and `summary` last."""

    def __init__(self, command: str, *, verbose: bool) -> None:
        self._command = command
        self._verbose = verbose
        self._run = uuid.uuid4().hex[:12]
        self._seq = 0
        self._started = time.monotonic()
        self._shown = 0.0
        self._body: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._line(
            {
                "type": "start",
                "cmd": command,
                "lakeferry": VERSION,
                "schema": json_lines.SCHEMA_NAME,
            }
        )

    def event(self, event: Event) -> None:
        if isinstance(event, FileLanded) and not self._verbose:
            return
        if isinstance(event, BytesMoved | BytesRead | LogRead):
            last = isinstance(event, BytesMoved) and event.files_done >= event.files_total
            if not last and time.monotonic() - self._shown < JSON_EVERY_S:
                return
            self._shown = time.monotonic()
        self._line(json_lines.body(event))

    def _line(self, body: dict[str, Any]) -> None:
        with self._lock:
            head = {
                "v": 1,
                "type": body["type"],
                "seq": self._seq,
                "ts": time_text(time.time_ns() // 1_000_000),
                "run": self._run,
            }
            self._seq += 1
            text = orjson.dumps({**head, **body})
            sys.stdout.buffer.write(text + b"\n")
            sys.stdout.buffer.flush()

    def result(self, lines: list[str], body: dict[str, Any]) -> None:  # noqa: ARG002
        if "type" in body:
            self._line(body)
        else:
            self._body |= body

    def error(self, error: FerryError) -> None:
        self._line(json_lines.error_body(error))

    def end(self, exit_code: int) -> None:
        seconds = round(time.monotonic() - self._started, 3)
        own = {"type": "summary", "cmd": self._command, "exit": exit_code, "seconds": seconds}
        self._line({**self._body, **own})


def took(seconds: float, moved: int) -> str:
    """`41 min 12 s  2.1 GB/s`."""
    rate = f"  {size_text(moved / seconds)}/s" if moved and seconds >= QUIET_S else ""
    return f"{duration_text(seconds)}{rate}"
