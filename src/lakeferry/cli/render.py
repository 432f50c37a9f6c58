"""Events and reports -> terminal, plain lines, JSON lines. The only place that prints.

stdout carries the result, stderr the talk. Colour is never the only carrier.
"""

import math
import os
import shutil
import sys
import textwrap
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, Protocol, TextIO

from lakeferry.cli import colour, json_lines
from lakeferry.cli.clone.estimate import Estimate
from lakeferry.cli.units import counted, duration_text, size_text, time_text
from lakeferry.errors import FerryError
from lakeferry.events import (
    BytesMoved,
    BytesRead,
    ChangeApplied,
    Checked,
    Committed,
    Event,
    FileLanded,
    LogRead,
    Noted,
    TablePlanned,
    Warned,
)
from lakeferry.fleet.standing.time_left import left_text
from lakeferry.version import VERSION

PLAIN_EVERY_S = 30
JSON_EVERY_S = 10
BAR_EVERY_S = 0.2
QUIET_S = 2  # what ends sooner needs no progress


class OutputLost(Exception):
    """stdout takes no more: its reader has gone, or its disk is full. The cause says which."""


class Screen(Protocol):
    """Where a command talks. What cannot be written to stdout raises `OutputLost`."""

    def event(self, event: Event) -> None: ...

    def say(self, text: str) -> None:
        """A word to people, outside of the result."""

    def told(self, text: str, body: dict[str, Any], *, detail: bool = False) -> None:
        """Something that happened: `text` to people ('': nothing), `body` a line with its type.

        `detail`: people are told of it with --verbose alone.
        """

    def moving(
        self, elapsed_s: float, parts: tuple[str, ...], body: dict[str, Any],
        above: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        """How far it is: shown as often as it is bearable, the middle parts where there is room.

        `above`: lines that a terminal shows above it, while it is painted.
        """

    def stopping(self, text: str) -> None:
        """The same from within a signal's handler, which may have interrupted any other call."""

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

    def __init__(
        self, *, quiet: bool, verbose: bool, progress: str, color: colour.Choice = "auto"
    ) -> None:
        self._quiet = quiet
        self._color = color
        self._verbose = verbose
        tty = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._progress = ("bar" if tty else "plain") if progress == "auto" else progress
        self._started = time.monotonic()
        self._shown = -math.inf
        self._painted = 0  # lines
        self._moving = False  # bytes are; then no other progress is of interest
        self._plan = ""  # what will be done, until it is said
        self._estimate = Estimate()
        self._lock = threading.Lock()

    def event(self, event: Event) -> None:
        with self._lock:
            match event:
                case TablePlanned():
                    self._planned(event)
                case ChangeApplied():
                    said = f"{event.step} {event.kind.replace('_', ' ')} {event.name}"
                    elapsed_s = time.monotonic() - self._started
                    self._show(elapsed_s, f"{event.done}/{event.total} steps", said)
                case BytesMoved():
                    self._moved(event)
                case LogRead() if not self._moving:
                    self._show(event.elapsed_s, f"reading logs: {event.entries:,} entries")
                case BytesRead():
                    done, most = size_text(event.bytes_done), size_text(event.bytes_at_most)
                    self._show(event.elapsed_s, f"{done} of at most {most} read")
                case Warned():
                    code = f"{event.code} " if event.code else ""
                    self._say(f"{marks(sys.stderr)['warning']} {code}{event.message}")
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

    def _planned(self, event: TablePlanned) -> None:
        """The totals, before the first byte; in a pipe only if it takes long enough to tell."""
        table = event.table.rstrip("/").rpartition("/")[2]
        size = size_text(event.bytes)
        self._plan = f"{table}  {event.text}  {counted(event.files, 'file')}, {size} to copy"
        if self._progress == "bar" and not self._quiet:
            self._say(f"  {self._plan}")
            self._plan = ""

    def _moved(self, event: BytesMoved) -> None:
        self._moving = event.files_done < event.files_total
        self._estimate.feed(event.elapsed_s, event.bytes_moved, event.files_moved)
        if not event.elapsed_s:
            return
        done, total = (event.bytes_done, event.files_done), (event.bytes_total, event.files_total)
        share = 100 * event.bytes_done / event.bytes_total if event.bytes_total else 100.0
        self._show(
            event.elapsed_s,
            f"{size_text(event.bytes_done)} of {size_text(event.bytes_total)}",
            f"{share:.1f} %",
            f"{event.files_done:,}/{event.files_total:,} files",
            size_text(event.bytes_moved / event.elapsed_s) + "/s",
            left_text(self._estimate.left_s(event.elapsed_s, done, total)),
        )

    def _show(self, elapsed_s: float, *parts: str, above: tuple[str, ...] = ()) -> None:
        """Paint over the last line, or print one now and then."""
        if self._quiet or self._progress == "none" or elapsed_s < QUIET_S:
            return
        pause = BAR_EVERY_S if self._progress == "bar" else PLAIN_EVERY_S
        if time.monotonic() - self._shown < pause:
            return
        self._shown = time.monotonic()
        if self._progress == "bar":
            room = shutil.get_terminal_size().columns - 3
            lines = [*(line[: max(room, 0)] for line in above), fitted(parts, room)]
            _talk(_wiping(self._painted) + "\n".join(f"  {line}" for line in lines), end="")
            self._painted = len(lines)
            return
        for text in filter(None, (self._plan, "  ".join(parts))):
            _talk(f"{time.strftime('%H:%M:%S')}  {text}")
        self._plan = ""

    def _say(self, text: str) -> None:
        self._wipe()
        if sys.stderr.isatty():
            text = "\n".join(wrapped(text.split("\n"), shutil.get_terminal_size().columns))
        _talk(colour.painted(text) if colour.is_wanted(self._color, sys.stderr) else text)

    def _wipe(self) -> None:
        if self._painted:
            _talk(_wiping(self._painted), end="")
            self._painted = 0

    def say(self, text: str) -> None:
        if not self._quiet:
            self._say(f"  {text}")

    def told(self, text: str, body: dict[str, Any], *, detail: bool = False) -> None:  # noqa: ARG002
        if text and not self._quiet and (self._verbose or not detail):
            with self._lock:
                self._say(text)

    def moving(
        self, elapsed_s: float, parts: tuple[str, ...], body: dict[str, Any],  # noqa: ARG002
        above: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        with self._lock:
            self._show(elapsed_s, *parts, above=above)

    def stopping(self, text: str) -> None:
        if not self._quiet:
            with suppress(OSError):
                os.write(2, f"\n  {text}\n".encode())

    def result(self, lines: list[str], body: dict[str, Any]) -> None:  # noqa: ARG002
        self._wipe()
        if lines and not self._quiet:
            if sys.stdout.isatty():
                lines = wrapped(lines, shutil.get_terminal_size().columns)
            if colour.is_wanted(self._color, sys.stdout):
                lines = [colour.painted(line) for line in lines]
            with _heard():
                print("\n".join(lines), flush=True)

    def error(self, error: FerryError) -> None:
        self._say(f"{marks(sys.stderr)['error']} {error}")

    def end(self, exit_code: int) -> None:  # noqa: ARG002
        self._wipe()


def _wiping(lines: int) -> str:
    """What takes painted lines away, the last first; at least the one where the cursor is."""
    return "\r\x1b[2K" + "\x1b[1A\x1b[2K" * (lines - 1)


def _talk(text: str, end: str = "\n") -> None:
    """To stderr. Where nobody listens any more the work goes on all the same."""
    with suppress(OSError):
        print(text, end=end, file=sys.stderr, flush=True)


@contextmanager
def _heard() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputLost from error


def wrapped(lines: list[str], width: int) -> list[str]:
    """Lines for a terminal: broken between words, what follows set deeper than the beginning."""
    found: list[str] = []
    for line in lines:
        deeper = " " * (len(line) - len(line.lstrip()) + 4)
        wrap = textwrap.TextWrapper(width, subsequent_indent=deeper, break_long_words=False)
        wrap.break_on_hyphens = False
        found += wrap.wrap(line) if len(line) > width > 2 * len(deeper) else [line]
    return found


def fitted(parts: tuple[str, ...], width: int) -> str:
    """One line of at most `width` columns: of several parts the middle ones are left out first.

    A painted line that wraps could not be painted over.
    """
    kept = list(parts)
    while len(kept) > 1 and len("  ".join(kept)) > width:
        del kept[len(kept) // 2]
    return "  ".join(kept)[: max(width, 0)]


class JsonScreen:
    """Scripts: one object a line on stdout, `start` first and `summary` last."""

    def __init__(
        self, command: str, *, verbose: bool, out: BinaryIO | None = None,
        start: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """`start`: what the first line says beside what it always does."""
        self._command = command
        self._out = sys.stdout.buffer if out is None else out
        self._verbose = verbose
        self._run = uuid.uuid4().hex[:12]
        self._seq = 0
        self._started = time.monotonic()
        self._shown = 0.0
        self._step: str | None = None  # of which progress was told last
        self._body: dict[str, Any] = {}
        self._estimate = Estimate()
        self._lock = threading.RLock()  # a signal's handler may print too
        self._line(
            {
                "type": "start",
                "cmd": command,
                "lakeferry": VERSION,
                "schema": json_lines.SCHEMA_NAME,
                **(start or {}),
            }
        )

    def event(self, event: Event) -> None:
        if isinstance(event, FileLanded) and not self._verbose:
            return
        if isinstance(event, BytesMoved):
            self._estimate.feed(event.elapsed_s, event.bytes_moved, event.files_moved)
        if isinstance(event, BytesMoved | BytesRead | LogRead):
            last = isinstance(event, BytesMoved) and event.files_done >= event.files_total
            if not last and time.monotonic() - self._shown < JSON_EVERY_S:
                return
            self._shown = time.monotonic()
        self._line(json_lines.body(event, self._estimate))

    def say(self, text: str) -> None:
        """stderr is silent here; the summary tells."""

    def told(self, text: str, body: dict[str, Any], *, detail: bool = False) -> None:  # noqa: ARG002
        if self._verbose or body["type"] != "file":
            self._line(body)

    def moving(
        self, elapsed_s: float, parts: tuple[str, ...], body: dict[str, Any],  # noqa: ARG002
        above: tuple[str, ...] = (),  # noqa: ARG002
    ) -> None:  # fmt: skip
        is_new = body.get("step") != self._step
        if is_new or time.monotonic() - self._shown >= JSON_EVERY_S:
            self._shown, self._step = time.monotonic(), body.get("step")
            self._line(body)

    def stopping(self, text: str) -> None:
        """As `say`."""

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
            text = json_lines.encoded({**head, **body})
            with _heard():
                self._out.write(text + b"\n")
                self._out.flush()

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
