"""Requests to storage accounts, kept to what each is allowed, where they leave this process.

A listing's page, a log that is read, a range of a file, a part, a commit: each is one. Stores ask
here when they are opened, as they do for shared clients, since they are opened in many places.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Pace = Callable[[float], None]  # returns when so many requests more may be made


def unpaced(requests: float) -> None:
    """No limit."""


_scope: Callable[[str], Pace] | None = None


@contextmanager
def paced_accounts(pace_of: Callable[[str], Pace]) -> Iterator[None]:
    """Within, in all threads, stores that are opened keep to the pace of their account.

    `pace_of`: called from many threads, by `open.account_of`; what is the same is one account.
    """
    global _scope  # noqa: PLW0603 - stores are opened in many places, by an address alone
    before, _scope = _scope, pace_of
    try:
        yield
    finally:
        _scope = before


def pace_of(account: str) -> Pace:
    """The pace that holds for an account here."""
    scope = _scope
    return unpaced if scope is None else scope(account)
