"""One clone from request to report: opens the stores, chooses the mode, counts."""

import time
from collections.abc import Callable
from threading import Event as Flag

from lakeferry.clone.keeping import Inventory, kept, not_kept
from lakeferry.clone.places import Places, open_places, refuse_overlap
from lakeferry.clone.plan import Totals
from lakeferry.clone.report import CloneReport, CloneRequest
from lakeferry.clone.surroundings import Done, Lent, Surroundings
from lakeferry.delta.log import told_from_nowhere
from lakeferry.delta.snapshot import Snapshot
from lakeferry.errors import FerryError
from lakeferry.events import Emit, Event, Warned, log_pulse, silent
from lakeferry.store.limits import Throttle


def clone_table(
    request: CloneRequest,
    *,
    emit: Emit = silent,
    stop: Flag | None = None,
    lent: Lent | None = None,
) -> CloneReport:
    """Clone one table, or bring an earlier clone up to date.

    Args:
        request: what to clone, where to, how.
        emit: called with progress and findings.
        stop: set it to end early; what landed is kept and no commit begins.
        lent: what many clones share; None: nothing.

    Raises:
        FerryError: with the code, place and next step; the target's table is as it was.
        KeyboardInterrupt: `stop` was set.
    """
    started = time.monotonic()
    warnings: list[str] = []

    def told(event: Event) -> None:
        if isinstance(event, Warned):
            warnings.append(event.message)
        emit(event)

    refuse_overlap(
        request.source, request.target,
        source_options=request.source_options, target_options=request.target_options,
    )  # fmt: skip
    places = open_places(request)
    pulse = log_pulse(emit, places.target.url)

    def read(entries: int) -> None:
        if stop is not None and stop.is_set():
            raise KeyboardInterrupt
        pulse(entries)

    lent = lent or Lent()
    around = Surroundings(
        places, _throttle(request, lent.throttle), told, stop, read, lent.hands, lent.review,
        lent.proven,
    )  # fmt: skip
    try:
        done = _clone(request, around)
    except FerryError as error:
        raise told_from_nowhere(places.source, error) from None
    return _report(request, done, places, tuple(warnings), time.monotonic() - started)


def _clone(request: CloneRequest, around: Surroundings) -> Done:
    """By the mode that was asked for; the other one is not even imported."""
    if request.mode == "mirror":
        from lakeferry.clone.mirror_clone import clone_mirror

        return clone_mirror(request, around)
    from lakeferry.clone.snapshot_clone import clone_snapshot

    return clone_snapshot(request, around)


def _throttle(
    request: CloneRequest, shared: Callable[[int], None] | None
) -> Callable[[int], None] | None:
    if not request.limit_bytes_per_s:
        return shared
    own = Throttle(request.limit_bytes_per_s).take
    if shared is None:
        return own

    def both(size: int) -> None:
        own(size)
        shared(size)

    return both


def _report(
    request: CloneRequest, done: Done, places: Places, warnings: tuple[str, ...], seconds: float
) -> CloneReport:
    source = done.source
    copied = sum(plan.copied.files for plan in done.plans)
    copied_bytes = sum(plan.copied.bytes for plan in done.plans)
    removed = sum(plan.removed.files for plan in done.plans)
    removed_bytes = sum(plan.removed.bytes for plan in done.plans)
    totals = done.plans[-1].source if done.plans else None
    texts = _texts(request, source, totals, len(done.extras))
    return CloneReport(
        source=places.source.url,
        target=places.target.url,
        mode=request.mode,
        source_version=done.source_version,
        target_version=done.target_version,
        up_to_date=not (done.plans or done.mirrored or done.haul.copied_files or done.state_moved),
        dry_run=request.dry_run,
        commits=0 if request.dry_run else len(done.plans) + done.mirrored,
        files_copied=done.haul.copied_files,
        bytes_copied=done.haul.copied_bytes,
        files_present=done.haul.present_files,
        vectors=totals.vectors if totals else 0,
        txns=_txns(request, done),
        domains=tuple(sorted(source.domains)) if source else (),
        extras=done.extras,
        kept=texts[0],
        not_kept=texts[1],
        warnings=warnings,
        seconds=seconds,
        source_table_size=totals.bytes if totals else 0,
        source_num_of_files=totals.files if totals else 0,
        num_removed_files=removed,
        num_copied_files=0 if request.shallow else copied,
        removed_files_size=removed_bytes,
        copied_files_size=0 if request.shallow else copied_bytes,
    )


def _txns(request: CloneRequest, done: Done) -> dict[str, int]:
    """appId -> version at the target, as far as this run saw it."""
    if done.source is None:
        return {}
    seen = done.source.txns
    if not request.carry_txns:
        seen = done.plans[-1].after.txns if done.plans else {}
    return {app: txn.version for app, txn in sorted(seen.items())}


def _texts(
    request: CloneRequest, source: Snapshot | None, totals: Totals | None, companions: int
) -> tuple[str, str]:
    """What was kept and what was not, for people."""
    if source is None:
        return "all that was kept before", ""
    has = Inventory(
        source.protocol,
        source.metadata,
        source.txns if request.carry_txns else {},
        source.domains.keys(),
        companions=companions,
        files=totals.files if totals else 0,
        vectors=totals.vectors if totals else 0,
        left_txns=0 if request.carry_txns else len(source.txns),
    )
    left = {
        "mirror": "what VACUUM and log cleanup had already taken",
        "shallow": "the data files: the clone names the source's own",
        "snapshot": "; ".join(not_kept(has)),
    }
    return "; ".join(kept(has)), left["shallow" if request.shallow else request.mode]
