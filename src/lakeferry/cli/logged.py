"""A screen that keeps all that it is told in a file as well, as JSON lines, whatever it shows."""

from collections.abc import Mapping
from typing import Any, BinaryIO

from lakeferry.cli.render import JsonScreen, Screen
from lakeferry.errors import FerryError
from lakeferry.events import Event


class LoggedScreen:
    """`shown` for whoever looks now; the file for later, every file that landed included."""

    def __init__(
        self, shown: Screen, command: str, file: BinaryIO, start: Mapping[str, Any] | None = None
    ) -> None:
        lines = JsonScreen(command, verbose=True, out=file, start=start)
        self._screens: tuple[Screen, ...] = (lines, shown)

    def event(self, event: Event) -> None:
        for screen in self._screens:
            screen.event(event)

    def say(self, text: str) -> None:
        for screen in self._screens:
            screen.say(text)

    def told(self, text: str, body: dict[str, Any], *, detail: bool = False) -> None:
        for screen in self._screens:
            screen.told(text, body, detail=detail)

    def moving(
        self, elapsed_s: float, parts: tuple[str, ...], body: dict[str, Any],
        above: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        for screen in self._screens:
            screen.moving(elapsed_s, parts, body, above)

    def stopping(self, text: str) -> None:
        for screen in self._screens:
            screen.stopping(text)

    def result(self, lines: list[str], body: dict[str, Any]) -> None:
        for screen in self._screens:
            screen.result(lines, body)

    def error(self, error: FerryError) -> None:
        for screen in self._screens:
            screen.error(error)

    def end(self, exit_code: int) -> None:
        for screen in self._screens:
            screen.end(exit_code)
