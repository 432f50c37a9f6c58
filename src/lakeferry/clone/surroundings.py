"""What one clone works with, and what it hands back."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event as Flag

from lakeferry.clone.copy import CopyItem
from lakeferry.clone.places import Places
from lakeferry.clone.plan import ClonePlan
from lakeferry.clone.record import CloneRecord
from lakeferry.delta.commit import prove_put_if_absent
from lakeferry.delta.files import FileSet, OnEntries, untold
from lakeferry.delta.snapshot import Snapshot
from lakeferry.events import Emit
from lakeferry.workers import Hands, map_threads


@dataclass
class Haul:
    """What one fetch brought. Counted by one thread, the one that yields results."""

    copied_files: int = 0
    copied_bytes: int = 0
    present_files: int = 0
    gone: list[CopyItem] = field(default_factory=list)
    landed: FileSet | None = None  # rows of FILES_SCHEMA


# Told before anything moves: the source as it will be cloned, the target as it is (None: no table
# there), and the version of the source that it holds. What it raises ends the clone.
Review = Callable[[Snapshot, Snapshot | None, int | None], None]


def unreviewed(source: Snapshot, target: Snapshot | None, held_version: int | None) -> None:
    """The `Review` of who takes a source as it is."""


@dataclass(frozen=True)
class Lent:
    """What whoever clones many tables lends to each of them."""

    hands: Hands = map_threads  # by which files are copied
    throttle: Callable[[int], None] | None = None  # of bytes, beside the request's own limit
    review: Review = unreviewed
    proven: set[str] = field(default_factory=set)  # buckets that keep to put-if-absent


@dataclass(frozen=True)
class Surroundings:
    """What a clone needs besides its request."""

    places: Places
    throttle: Callable[[int], None] | None  # None: no limit
    emit: Emit
    stop: Flag | None = None
    on_entries: OnEntries = untold
    hands: Hands = map_threads  # by which files are copied
    review: Review = unreviewed
    proven: set[str] = field(default_factory=set)

    def prove_target(self, *, fresh: bool) -> None:
        """Prove that the target keeps to put-if-absent; once a bucket, where many are cloned.

        Raises:
            FerryError: LF-5004 it does not.
        """
        target = self.places.target
        scheme, of_service, rest = target.url.partition("://")
        place = f"{scheme}://{rest.partition('/')[0]}" if of_service else target.url
        if place not in self.proven:
            prove_put_if_absent(target, fresh=fresh)
            self.proven.add(place)

    def heed_stop(self) -> None:
        """KeyboardInterrupt where the end was asked for; called where it leaves nothing half."""
        if self.stop is not None and self.stop.is_set():
            raise KeyboardInterrupt


@dataclass(frozen=True)
class Done:
    """How one snapshot clone ended."""

    source: Snapshot | None  # None: known to be up to date without reading it
    source_version: int
    target_version: int | None
    plans: tuple[ClonePlan, ...]
    haul: Haul
    extras: tuple[str, ...]
    record: CloneRecord | None
    mirrored: int = 0  # commits that a mirror put
    state_moved: bool = False  # what lies beside the log was brought, without a commit


class PlanAgain(Exception):
    """This round cannot end; the next one starts from what is there now."""

    def __init__(self, why: str, *, gone: frozenset[str] = frozenset()) -> None:
        super().__init__(why)
        self.gone = gone  # target paths of the files that were missing
