"""One thing that was tried, and how it went."""

from collections.abc import Callable
from dataclasses import dataclass

from lakeferry.errors import FerryError

OK, WARNING, BLOCKER = "ok", "warning", "blocker"
Attempt = Callable[[], "Check"]


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one trial."""

    name: str  # one or two words: 'source', 'clock', 'put-if-absent', ...
    outcome: str  # 'ok', 'warning', 'blocker'
    what: str  # one line: what was seen, with its numbers
    next_step: str = ""  # '' where nothing needs to be done


def tried(name: str, attempt: Attempt) -> Check:
    """Run one trial; what the store refuses becomes a blocker with its next step."""
    try:
        return attempt()
    except FerryError as error:
        return Check(name, BLOCKER, f"{error.code} {error.what} ({error.where})", error.next_step)
    except FileNotFoundError as error:
        return Check(
            name,
            BLOCKER,
            f"what was just there is gone: {error}",
            "ask those who run the store: a read must see what was written before it",
        )
