"""How the life of a crew may end, other than in an error."""

from dataclasses import dataclass

from lakeferry.errors import FerryError
from lakeferry.ingest.table.target import Lost

# A store that is out of reach or answers what it must not, a store or a disk that is full: these
# may pass, and till then the stream keeps what is not committed.
PASSING = frozenset({"LF-1003", "LF-1004", "LF-5101", "LF-7032"})


@dataclass(frozen=True, slots=True)
class Finished:
    """All is committed that was to be."""

    reason: str  # as `events.Ended` has it


@dataclass(frozen=True, slots=True)
class BeginAgain:
    """What workers hold is void; the table says where to go on."""

    why: str
    version: int | None = None  # of another's commit; None: something of ours failed
    error: FerryError | None = None  # which passes, or does not
    writer: str = ""  # whose commit it was: 'process 4711 on etl-2'
    changed: str = ""  # what of the table changed by that commit


def lost_to(lost: Lost) -> BeginAgain:
    """Another coordinator of this name was faster, or the table is not what rows were made for."""
    if lost.changed:
        why = f"version {lost.version} of the table changed it: {lost.changed}"
        return BeginAgain(why, lost.version, changed=lost.changed)
    who = f" ({lost.writer})" if lost.writer else ""
    why = f"another ingest of this name{who} committed version {lost.version}"
    return BeginAgain(why, lost.version, writer=lost.writer)


def failed(error: FerryError) -> BeginAgain:
    """What may pass is tried anew. Raises the error where it cannot pass by itself."""
    if error.code not in PASSING:
        raise error
    return BeginAgain(f"{error.what}: {error.where}", error=error)


def unkept_error(again: BeginAgain, error: FerryError) -> FerryError:
    """LF-7045: the table changed, and what it asks of rows since then is not kept here.

    Args:
        error: why the ingest cannot begin anew.
    """
    return FerryError(
        "LF-7045",
        f"the table changed, and what was read does not fit it any more: {again.changed}",
        f"{error.where}: version {again.version}; {error.what}",
        f"undo the change; or {error.next_step}. Nothing is lost: the next start reads on from "
        "what is committed",
    )


def not_all_error(why: str, url: str, version: int) -> FerryError:
    """LF-7056: a stop asked for a commit of what was read, and it was not made."""
    return FerryError(
        "LF-7056",
        "not all that was read is committed",
        f"{url} stands at version {version}: {why}",
        "nothing is lost and nothing comes twice: mend what the message names, and start it again",
    )
