"""A commit done aside: while a store is away it may take minutes, and people are to see that.

Stores try on for 3 minutes before they raise, for 15 with large bodies.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

Result = TypeVar("Result")


class Aside:
    """One thread that works while the loop goes on."""

    def __init__(self, meanwhile: Callable[[], None], every_s: float) -> None:
        """
        Args:
            meanwhile: called every so many seconds by whoever waits.
        """
        self._meanwhile = meanwhile
        self._every_s = every_s
        self._pool = ThreadPoolExecutor(1, "commit")

    def do(self, work: Callable[[], Result]) -> Result:
        """What `work` gives, or raises."""
        doing = self._pool.submit(work)
        while not wait([doing], self._every_s).done:
            self._meanwhile()
        return doing.result()

    def end(self) -> None:
        """Whatever is being done is waited for: it may be a commit that was made."""
        self._pool.shutdown()
