"""Texts that rows repeat, each with a number and looked at once: answers about them are columns."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Answer = Callable[[str | None], Any]

_MOST = 1 << 17  # texts that are remembered at once


class KnownTexts:
    """Numbers of texts, and what was answered about each. 0 is the number of no text.

    Logs repeat addresses from batch to batch, so what is asked of a batch costs as much as what is
    new in it. An answer is kept under the function that gave it: name a function or a method,
    never a lambda.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._forget()

    def __len__(self) -> int:
        return len(self._texts)

    def make_room(self) -> None:
        """Forget all where it has become too much. Numbers that were given are worth nothing."""
        if len(self._texts) > self._most:
            self._forget()

    def _forget(self) -> None:
        self._texts: list[str | None] = [None]
        self._numbers: dict[str | None, int] = {None: 0}
        self._answers: dict[Answer, np.ndarray] = {}
        self._names: dict[Answer, tuple[np.ndarray, list[str | None], dict[str | None, int]]] = {}

    def numbers(self, texts: Sequence[str | None]) -> np.ndarray:
        """The number of each text (int64)."""
        known, all_texts = self._numbers, self._texts
        found = np.empty(len(texts), np.int64)
        for at, text in enumerate(texts):
            number = known.get(text)
            if number is None:
                number = known[text] = len(all_texts)
                all_texts.append(text)
            found[at] = number
        return found

    def number(self, text: str | None) -> int:
        """The number of one text; -1 where it is not known."""
        return self._numbers.get(text, -1)

    def answers(self, answer: Answer) -> np.ndarray:
        """What is answered about each text, by its number."""
        found = self._answers.get(answer)
        done = 0 if found is None else len(found)
        if done < len(self._texts):
            more = np.array([answer(one) for one in self._texts[done:]])
            found = more if found is None else np.concatenate([found, more])
            self._answers[answer] = found
        assert found is not None
        return found

    def named(self, name: Answer) -> tuple[np.ndarray, list[str | None]]:
        """A code of the name that each text is given, by its number; and the names by code."""
        found, names, codes = self._names.get(name, (np.empty(0, np.int64), [], {}))
        if len(found) < len(self._texts):
            called = [name(one) for one in self._texts[len(found) :]]
            more = [codes.setdefault(one, len(codes)) for one in called]
            names += list(codes)[len(names) :]
            found = np.concatenate([found, np.array(more, np.int64)])
            self._names[name] = (found, names, codes)
        return found, names
