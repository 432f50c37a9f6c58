"""Commands killed at each of their changes: whatever is typed next leads on, and to the truth."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chance import chance
from tests.flows.command_runner import Command, Ended, Runner

Line = tuple[str, ...]
Lay = Callable[[Path, Runner], None]


@dataclass(frozen=True)
class Scene:
    """A command that is killed, what lies there before it, and what is typed when it is dead."""

    words: Line
    lay: Lay
    then: tuple[Line, ...]
    found: Callable[[Path], Any]  # by readers that know nothing of us; equal after every kill
    waits: Mapping[str, str] = field(default_factory=dict)  # code of an error -> what leads on
    environment: Mapping[str, str] = field(default_factory=dict)


class Play:
    """One scene, again and again from the same beginning."""

    def __init__(self, folder: Path, scene: Scene, runner: Runner) -> None:
        self._home, self._before = folder / "home", folder / "before"
        self._scene, self._runner = scene, runner
        self._home.mkdir(parents=True)
        scene.lay(self._home, runner)
        laid(self._home, self._before)
        self._whole = self._typed(scene.words)
        assert self._whole.code == 0, self._whole.text
        self._onward(scene.then)
        self._truth = scene.found(self._home)

    @property
    def moments(self) -> list[tuple[int, str]]:
        """Of an undisturbed run: number of the change, and when in it."""
        before = [(number, "before") for number in range(1, self._whole.changes + 1)]
        return sorted([*before, *((number, "amid") for number in self._whole.opens)])

    def kill_some(self, count: int) -> int:
        """At moments that chance chooses, until one was met; how many were."""
        killed, draw = 0, chance(" ".join(self._scene.words))
        for tried, moment in enumerate(draw.sample(self.moments, len(self.moments))):
            if tried >= count and killed:
                break
            killed += self.kill_at(*moment, repeats=draw.random() < 0.5)
        return killed

    def kill_at(self, number: int, when: str, *, repeats: bool) -> bool:
        """Whether it was killed there; all that must hold afterwards was seen to hold.

        Args:
            repeats: the same command is typed again first.
        """
        shutil.rmtree(self._home)
        laid(self._before, self._home)
        ended = self._typed(self._scene.words, at=number, when=when)
        told = f"killed {when} change {number}, {'then' if repeats else 'not'} repeated"
        # It may be over a moment before: what threads do is not in the same order each time.
        assert ended.code in (-9, 0), f"{told}: {ended.text}"
        try:
            self._onward((self._scene.words, *self._scene.then) if repeats else self._scene.then)
            found = self._scene.found(self._home)
        except Exception as error:
            error.add_note(told)
            raise
        assert found == self._truth, told
        return ended.code == -9

    def _onward(self, lines: tuple[Line, ...]) -> None:
        ended = self._typed(lines[0], more=lines[1:])
        for at, (code, text) in enumerate(((ended.code, ended.text), *ended.more)):
            if code and not self._leads_on(text, lines[at + 1 :]):
                raise AssertionError(f"`{' '.join(lines[at])}` is a dead end: {code}\n{text}")

    def _leads_on(self, text: str, lines: tuple[Line, ...]) -> bool:
        """Whether the next step of an error is typed later; '' is an answer in itself."""
        next_step = text.partition("next:")[2]
        return any(
            code in text and way in next_step
            and any(" ".join(line).startswith(way) for line in lines)
            for code, way in self._scene.waits.items()
        )  # fmt: skip

    def _typed(
        self, words: Line, *, at: int = 0, when: str = "before", more: tuple[Line, ...] = ()
    ) -> Ended:
        given = dict(self._scene.environment)
        return self._runner.run(Command(str(self._home), words, at, when, given, more))


def laid(folder: Path, there: Path) -> None:
    """The same files once more: by links, for their inodes are part of their ETags, but for those
    that are written where they lie."""

    def file(one: str, to: str) -> None:
        if Path(one).parent == folder or "ledger" in Path(one).name:
            shutil.copy2(one, to)
        else:
            os.link(one, to)

    shutil.copytree(folder, there, copy_function=file)


def type_all(folder: Path, runner: Runner, lines: tuple[Line, ...]) -> None:
    """Each of which must end well."""
    if lines:
        ended = runner.run(Command(str(folder), lines[0], more=lines[1:]))
        assert not any((ended.code, *(code for code, _ in ended.more))), (ended.text, ended.more)
