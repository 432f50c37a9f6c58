"""A cut-over beside writers that write until it names them, as a person at a terminal sees it."""

import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from tests.cli.program import LAKEFERRY, Ended, environment_of, json_lines
from tests.flows.fleets import Fleet

AIM_S = 30.0  # for the pause of the writers
Line = dict[str, Any]


@dataclass(frozen=True)
class Live:
    """How one went."""

    code: int
    lines: list[Line]
    named: str  # what was said of the writers, before they were stopped
    stopped_at: float  # by the monotonic clock: when the writers were told to stop

    @property
    def carried(self) -> dict[str, str]:
        return carried_of(self.lines)

    def told_of_pause(self, what: str) -> str:
        """Of each table: a wave is frozen as one, so all of its tables pause as long."""
        last, now = self.lines[-1], time.monotonic()
        return (
            f"{what}: writers of {len(last['cut_over'])} tables paused {last['pause_s']:.1f} s, "
            f"{last['watched_s']:.1f} s of it watched; {now - self.stopped_at:.1f} s from stopping "
            f"them to their first commits at the target (aim: {AIM_S:g} s)"
        )


def carried_of(lines: list[Line]) -> dict[str, str]:
    """Address of each carried checkpoint, by the first eight characters of its query's id."""
    said = (line["message"] for line in lines if line["type"] == "note")
    notes = (one.split() for one in said if one.startswith("checkpoint of stream "))
    return {words[3].rstrip(":"): words[-1] for words in notes}


def live_cutover(fleet: Fleet, stop: Callable[[], None], *words: str, freeze: str = "3s") -> Live:
    """Cut wave 1 over, while somebody writes to its sources.

    A writer that is slower than the freeze check is met behind it: the command refuses to go on,
    having changed nothing, and is typed again, as it says.

    Args:
        stop: ends the writers; called once, when they were named.
        freeze: how long the sources have to be quiet.
    """
    named, stopped_at = "", 0.0

    def hear(said: Line) -> bool:
        nonlocal named, stopped_at
        if said.get("code") == "LF-8072" and not named:
            named, stopped_at = said["message"], time.monotonic()
            stop()
        return True

    while True:
        was_named = bool(named)
        code, lines = heard(fleet, hear, "--freeze-check", freeze, "--wait", "2min", *words)
        if code == 0 or was_named or not named:
            return Live(code, lines, named, stopped_at)


def heard(fleet: Fleet, hear: Callable[[Line], bool], *words: str) -> tuple[int, list[Line]]:
    """Cut wave 1 over; exit code and lines, each told to `hear` as it comes: False is Ctrl-C."""
    command = [LAKEFERRY, "cutover", "--json", "--yes", "--wave", "1", *words]
    texts: list[str] = []
    goes_on = True
    with subprocess.Popen(
        command, cwd=fleet.folder, env=environment_of(fleet.folder, dict(fleet.environment)),
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for text in process.stdout:
            texts.append(text)
            if goes_on and not hear(orjson.loads(text)):
                goes_on = False
                process.send_signal(signal.SIGINT)
        code = process.wait()
    return code, json_lines(Ended(command, code, "".join(texts), ""))


def is_watching(said: Line) -> bool:
    """Whether a line tells that the sources are watched, and how long they have been quiet."""
    return said["type"] == "progress" and said.get("step") == "freeze check"
