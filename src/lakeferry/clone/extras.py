"""What lies under `_delta_log` that no action names: COPY INTO state, and anything else unknown.

Its format is private, so it is carried byte for byte. It must belong to the same moment as the
cloned version: state that is newer than the rows would make COPY INTO skip files whose rows the
clone lacks, older state would load rows twice. So it is pinned together with the version, looked
at again when the data has arrived, and put just before the commit.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from lakeferry.clone.surroundings import PlanAgain
from lakeferry.delta.log import LOG, LogListing, head_version, list_log
from lakeferry.errors import FerryError
from lakeferry.store.protocol import ObjectMeta, Store

TRIES = 5
COPY_INTO = f"{LOG}/_copy_into_log/"


def facts(others: Iterable[ObjectMeta]) -> tuple[Mapping[str, Any], ...]:
    """What tells one state from another: name, size and ETag of each object."""
    return tuple({"path": meta.path, "size": meta.size, "e_tag": meta.e_tag} for meta in others)


def is_carried(
    source: Store,
    target: Store,
    listing: LogListing,
    here: Iterable[ObjectMeta],
    held: Iterable[Mapping[str, Any]],
) -> bool:
    """Whether the target's state is still what a clone put there, and the source's still that.

    Args:
        listing: of the source.
        here: the state that was listed at the target.
        held: what `carry` gave back.

    Raises:
        PlanAgain: the source's state is changing just now.
    """
    there = {meta.path: meta for meta in here}
    known = {fact["path"]: fact for fact in held}
    metas = {meta.path: meta for meta in listing.others}
    return metas.keys() == known.keys() and all(
        _is_from(meta, known[path]) and _is_at(source, target, meta, known[path], there.get(path))
        for path, meta in metas.items()
    )


def _is_from(meta: ObjectMeta, fact: Mapping[str, Any]) -> bool:
    """Whether the source's object is the one that was carried."""
    return (fact["size"], fact["e_tag"]) == (meta.size, meta.e_tag)


def _is_at(
    source: Store,
    target: Store,
    meta: ObjectMeta,
    fact: Mapping[str, Any] | None,
    there: ObjectMeta | None,
) -> bool:
    """Whether the target has the source's object.

    Another clone that lost its race may have put it again, or an older one over it. By the e_tag
    the first cannot be told from the second, so the bytes decide.
    """
    if there is None or there.size != meta.size:
        return False
    if fact is not None and _is_from(meta, fact) and fact.get("target_e_tag") == there.e_tag:
        return True
    try:
        theirs = b"".join(target.read(meta.path))
    except FileNotFoundError:
        return False
    with _pinned():
        return theirs == b"".join(source.read(meta.path, if_match=meta.e_tag))


@contextmanager
def _pinned() -> Iterator[None]:
    """PlanAgain where an object of the source is not the pinned one any more."""
    try:
        yield
    except FileNotFoundError as error:
        raise PlanAgain("COPY INTO state changed while it was read") from error
    except FerryError as error:
        if error.code != "LF-1004":
            raise
        raise PlanAgain("COPY INTO state changed while it was read") from error


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
    """LF-4108 where COPY INTO state exists, but an older version than its own was asked for.

    What else lies there (statistics, say) tells COPY INTO nothing and is carried as it is.
    """
    state = [meta for meta in listing.others if meta.path.startswith(COPY_INTO)]
    if state and version != head_version(listing):
        raise FerryError(
            "LF-4108",
            f"COPY INTO state belongs to version {head_version(listing)}, not to version {version}",
            f"{listing.url}: {len(state)} objects, such as {state[0].path}",
            "clone the newest version (leave --version and --timestamp out)",
        )


def refuse_moved(listing: LogListing, source: Store) -> None:
    """PlanAgain where the state is not the pinned one any more when the data has arrived.

    Also where none was seen: the first listing is no moment, a commit can be in it and the state
    that was put before that commit not.
    """
    now = list_log(source)
    if (listing.others or now.others) and not same_moment(listing, now):
        raise PlanAgain("COPY INTO state changed while the files were copied")


def refuse_overwritten(
    listing: LogListing,
    source: Store,
    target: Store,
    carried: Iterable[Mapping[str, Any]],
    *,
    head: int,
) -> None:
    """PlanAgain where another clone, pinned to another version, may have mixed its state with ours.

    Whoever commits looks again afterwards, so the last one to put state finds it whole.

    Args:
        carried: what `carry` gave back before the commit.
        head: the version of the target that was committed.
    """
    if not carried:
        return
    now = list_log(target)
    if head_version(now) != head or not is_carried(source, target, listing, now.others, carried):
        raise PlanAgain("another clone put its state over the one of this version")


def carry(
    source: Store, target: Store, others: Sequence[ObjectMeta], *, held: Iterable[Mapping[str, Any]]
) -> tuple[Mapping[str, Any], ...]:
    """Make the target's state the source's, byte for byte, under the same names.

    Args:
        held: what the last clone carried; an object that has not changed since is left alone, one
            that the source has no more is removed.

    Returns:
        What is there now: for the record, and so for `held` of the next clone.

    Raises:
        PlanAgain: an object changed after it was pinned, or went.
    """
    known = {fact["path"]: fact for fact in held}
    carried: list[Mapping[str, Any]] = []
    for meta in others:
        there = target.head(meta.path)
        if not _is_at(source, target, meta, known.pop(meta.path, None), there):
            with _pinned():
                body = source.read(meta.path, if_match=meta.e_tag)
                there = target.write(meta.path, body, size=meta.size)
        carried.append({**facts([meta])[0], "target_e_tag": there.e_tag if there else None})
    for path in known:
        target.delete(path)
    return tuple(carried)
