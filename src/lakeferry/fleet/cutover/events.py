"""What a cut-over tells whoever watches it, and how it ended."""

from collections.abc import Callable
from dataclasses import dataclass

from lakeferry.fleet.cutover.load_ways import LoadWay
from lakeferry.fleet.cutover.plan import Step
from lakeferry.fleet.cutover.repoint import Repoint
from lakeferry.fleet.cutover.stream_ways import StreamWay
from lakeferry.fleet.proof.run import Proving
from lakeferry.fleet.sync.events import Progress
from lakeferry.ledger.rows import LakeTable


@dataclass(frozen=True, slots=True)
class Said:
    """A word to people; `code` makes it a warning."""

    text: str
    table: str = ""
    code: str | None = None
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Watching:
    """How far a freeze check is, at every look at the sources."""

    tables: int
    quiet_s: float  # since the newest commit of any source
    of_s: float  # that are asked for
    seconds: float  # of this step


@dataclass(frozen=True)
class CutoverReport:
    """How a run ended."""

    title: str
    switched: tuple[LakeTable, ...]
    already: tuple[LakeTable, ...]  # were cut over before
    left: tuple[tuple[LakeTable, str], ...]
    pause_s: float | None  # from the beginning of the freeze check to the mark; None: no mark
    watched_s: float  # of it: how long the sources were watched
    streams: tuple[StreamWay, ...] = ()
    loads: tuple[LoadWay, ...] = ()
    repoints: tuple[Repoint, ...] = ()
    grants: tuple[str, ...] = ()  # statements for a person
    managed: tuple[str, ...] = ()  # ALTER TABLE ... SET MANAGED
    late: tuple[tuple[str, str], ...] = ()  # tables written at their source since, and by whom
    is_dry: bool = False
    run_id: str = ""  # in the ledger
    owed: tuple["CutoverReport", ...] = ()  # of runs before, killed before their lists were written

    @property
    def asks(self) -> bool:
        """Whether a person has something to look at."""
        return bool(self.late) or "cannot" in {
            *(one.does for one in self.streams), *(one.does for one in self.loads)
        }  # fmt: skip


Event = Step | Said | Watching | Progress | Proving
Emit = Callable[[Event], None]
# A question, and whether Enter alone says yes -> whether to go on; it may wait for a person. What
# Enter alone confirms was done by that person, so no flag can answer it.
Ask = Callable[[str, bool], bool]
