"""What lies under `_delta_log` that no action names: COPY INTO state, and anything else unknown.

Its format is private, so it is carried byte for byte. It must belong to the same moment as the
cloned version: state that is newer than the rows would make COPY INTO skip files whose rows the
clone lacks, older state would load rows twice. So it is pinned together with the version, looked
at again when the data has arrived, and put just before the commit.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lakeferry.delta.log import LogListing, head_version, list_log
from lakeferry.errors import FerryError
from lakeferry.store.protocol import ObjectMeta, Store

TRIES = 5


def facts(others: Iterable[ObjectMeta]) -> tuple[Mapping[str, Any], ...]:
    """What tells one state from another: name, size and ETag of each object."""
    return tuple({"path": meta.path, "size": meta.size, "e_tag": meta.e_tag} for meta in others)


def pin(store: Store, *, pause: Callable[[int], None]) -> LogListing:
    """A listing in which the log's head and the state beside it belong to one moment.

    Two listings are taken. If both show the same commits and the same state (name, size, ETag),
    then from the end of the first to the start of the second neither changed.

    Args:
        pause: called with the number of tries so far before each further one.

    Raises:
        FerryError: LF-4107 where it would not stand still.
    """
    first = list_log(store)
    for tries in range(1, TRIES + 1):
        if not first.others:
            return first
        second = list_log(store)
        if same_moment(first, second):
            return second
        first = second
        pause(tries)
    raise moving(store.url, first)


def same_moment(first: LogListing, second: LogListing) -> bool:
    """Whether neither the head nor the state changed between two listings."""
    return head_version(first) == head_version(second) and facts(first.others) == facts(
        second.others
    )


def moving(url: str, listing: LogListing) -> FerryError:
    """LF-4107, naming what moved."""
    names = ", ".join(meta.path for meta in listing.others[:3])
    return FerryError(
        "LF-4107",
        "COPY INTO state kept changing while it was read, so it was not carried and nothing cloned",
        f"{url}: {len(listing.others)} objects, such as {names}",
        "pause COPY INTO (and other writers) on the source, then run the same command again",
    )


def refuse_older_version(listing: LogListing, version: int) -> None:
    """LF-4108 where state exists, but an older version than its own was asked for."""
    if listing.others and version != head_version(listing):
        raise FerryError(
            "LF-4108",
            f"COPY INTO state belongs to version {head_version(listing)}, not to version {version}",
            f"{listing.url}: {len(listing.others)} objects, such as {listing.others[0].path}",
            "clone the newest version (leave --version and --timestamp out)",
        )


def carry(
    source: Store, target: Store, others: Sequence[ObjectMeta], *, held: Iterable[Mapping[str, Any]]
) -> int:
    """Put the state at the target, byte for byte, under the same names.

    Args:
        held: what the last clone carried; an object that has not changed since is left alone.

    Returns:
        How many objects were put.

    Raises:
        FerryError: LF-1004 where an object changed after it was pinned; FileNotFoundError where
            it went.
    """
    known = {(fact["path"], fact["size"], fact["e_tag"]) for fact in held if fact["e_tag"]}
    put = 0
    for meta in others:
        if (meta.path, meta.size, meta.e_tag) in known and target.head(meta.path) is not None:
            continue
        body = source.read(meta.path, if_match=meta.e_tag)
        target.write(meta.path, body, size=meta.size)
        put += 1
    return put
