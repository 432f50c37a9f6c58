"""Which commits a clone makes: one, unless streams that read the target need more."""

import uuid

from lakeferry.clone import replay
from lakeferry.clone.changes import RangeChanges, scan_commits
from lakeferry.clone.fetch import copy_items
from lakeferry.clone.landing import Roots
from lakeferry.clone.places import Places
from lakeferry.clone.plan import ClonePlan, count, plan_clone
from lakeferry.clone.record import CloneRecord
from lakeferry.clone.report import CloneRequest
from lakeferry.clone.surroundings import PlanAgain, Surroundings
from lakeferry.clone.target import TargetView
from lakeferry.delta.commit_read import read_commits
from lakeferry.delta.log import head_version, list_log
from lakeferry.delta.snapshot import Snapshot, read_snapshot
from lakeferry.errors import FerryError
from lakeferry.events import Warned


def plan_steps(
    request: CloneRequest,
    around: Surroundings,
    source: Snapshot,
    view: TargetView,
    roots: Roots,
    *,
    same_table: bool,
) -> tuple[ClonePlan, ...]:
    """The commits to make: one, unless streams need more.

    `same_table`: the source's log is the one that the last clone was made from.
    """
    record = view.record
    if record is None or not same_table or view.foreign or record.mode != "snapshot":
        return (_plan(request, source, view.snapshot, roots, None, None),)
    asked = request.version is not None or request.timestamp_ms is not None or request.replace
    if source.version < record.source_version and not asked:
        if head_version(list_log(around.places.source)) > source.version:
            raise PlanAgain("a newer version was cloned while the source was read")
        raise _went_back(source, record)
    versions = _range(source, record.source_version)
    changes = None
    if versions is not None:
        commits = read_commits(around.places.source, versions, on_entries=around.on_entries)
        changes = scan_commits(commits, roots)
    if changes is None or not (changes.rearranged or view.rearranged):
        return (_plan(request, source, view.snapshot, roots, record.source_version, changes),)
    return _careful_plans(request, around, source, view, roots, changes)


def _plan(
    request: CloneRequest,
    source: Snapshot,
    target: Snapshot | None,
    roots: Roots,
    since: int | None,
    changes: RangeChanges | None,
) -> ClonePlan:
    return plan_clone(
        source, target, roots=roots, new_id=str(uuid.uuid4()), since=since, changes=changes,
        replace_target=request.replace, carry_txns=request.carry_txns,
    )  # fmt: skip


def _range(source: Snapshot, since: int) -> range | None:
    """The source's versions after `since`; None where one is gone or time runs backwards."""
    versions = range(since + 1, source.version + 1)
    if source.version < since or any(version not in source.listing.commits for version in versions):
        return None
    return versions


def _careful_plans(
    request: CloneRequest,
    around: Surroundings,
    source: Snapshot,
    view: TargetView,
    roots: Roots,
    changes: RangeChanges,
) -> tuple[ClonePlan, ...]:
    """First back to what the last clone held, then the range: as one commit, or one by one."""
    assert view.record is not None
    assert view.snapshot is not None
    since = view.record.source_version
    try:
        before = read_snapshot(
            around.places.source, version=since, listing=source.listing,
            allow_features=request.allow_features, on_entries=around.on_entries,
        )  # fmt: skip
    except FerryError:
        # Log cleanup took what would rebuild it: one commit that says all data changed.
        return (_plan(request, source, view.snapshot, roots, since, None),)
    undo = _plan(request, before, view.snapshot, roots, since, RangeChanges())
    if not changes.rearranged and undo.is_empty:
        return (_plan(request, source, view.snapshot, roots, since, changes),)
    kept = () if undo.is_empty else (undo,)
    versions = range(since + 1, source.version + 1)
    replayed = replay.plan_replay(
        lambda: read_commits(around.places.source, versions, on_entries=around.on_entries),
        state=undo.after,
        next_version=view.snapshot.version + 1 + len(kept),
        roots=roots,
        source=count(source.files),
        carry_txns=request.carry_txns,
        target_files=view.snapshot.files,
    )
    missing = _missing_at_source(around.places, replayed)
    if missing:
        around.emit(
            Warned(
                request.target, "LF-5005",
                f"{len(missing)} files that streams would need are gone, such as `{missing[0]}`",
                "streams that read the target will see old rows again; start them anew",
            )
        )  # fmt: skip
        return (_plan(request, source, view.snapshot, roots, since, None),)
    return (*kept, *replayed)


def _missing_at_source(places: Places, plans: tuple[ClonePlan, ...]) -> list[str]:
    """Files that a replay must bring and that are at neither side."""
    return [
        item.source_path
        for plan in plans
        for item in copy_items(plan.fetch)
        if not item.source_url
        and places.target.head(item.target_path) is None
        and places.source.head(item.source_path) is None
    ]


def _went_back(source: Snapshot, record: CloneRecord) -> FerryError:
    return FerryError(
        "LF-4104",
        f"the source is at version {source.version}, cloned was {record.source_version}",
        f"{source.url}, same table id: its log was rewritten or its storage restored",
        "make the target equal to it as it is now: --replace",
    )
