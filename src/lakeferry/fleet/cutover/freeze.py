"""Steps 2 and 3 of a cut-over: nobody writes to the sources, and what they wrote last is brought.

What was written before is brought over while writers still write, so that the pause is short.
"""

import time

from lakeferry.errors import FerryError
from lakeferry.fleet.counting import counted
from lakeferry.fleet.cutover.events import Said, Watching
from lakeferry.fleet.cutover.look import latest
from lakeferry.fleet.cutover.plan import FREEZE, INCREMENT, freeze_of, quiet_in_s
from lakeferry.fleet.cutover.prove import prove, read_sides
from lakeferry.fleet.cutover.work import Run
from lakeferry.fleet.cutover.writers import Head, Made, told

POLL_S = 2.0  # between two looks at the sources while they are watched
SHOWN = 5  # tables that an error names
# Blocked: by a switch that the ledger does not know, see `plan.IN_USE`.
_TO_LOOK_AT = ("planned", "blocked")
ROUNDS = 3  # of freeze and increment, where a writer comes between


def bring_up_to_date(run: Run) -> None:
    """While writers still write, all is brought and proven: little is left when they stop."""
    behind = [one for one, head in run.heads()
              if head.version > (one.held_version or 0) or one.state in _TO_LOOK_AT]  # fmt: skip
    if behind:
        run.emit(Said(f"sources moved on ({len(behind)}): brought up to date before the freeze"))
        run.sync(behind)
    prove(run, run.rows, early=True)
    read_sides(run)


def freeze_and_bring(run: Run) -> None:
    """Both steps; again where somebody writes between them. Raises LF-8072."""
    run.paused_at = time.monotonic()
    for _ in range(ROUNDS):
        heads = freeze(run)
        if increment(run, heads):
            return
    raise written(run, "a source moved on between the freeze check and the increment", {})


def freeze(run: Run) -> dict[str, Head]:
    """No commit on any source for so long; whoever makes one is named."""
    run.begin()
    freeze_s = freeze_of(run.rows, run.wanted.waves, run.asked.freeze_s)
    began = watched_at = looked_at = time.monotonic()
    run.heads()
    while (left := quiet_in_s(run.seen.values(), freeze_s, time.monotonic())) > 0:
        before = {url: one.head for url, one in run.seen.items()}
        seconds = time.monotonic() - watched_at
        run.emit(Watching(len(run.rows), max(0.0, freeze_s - left), freeze_s, seconds))
        run.rest(min(left, POLL_S))
        since, looked_at = looked_at, time.monotonic()
        now = run.heads()
        moved = {one.target_url: before[one.target_url].version for one, head in now
                 if head.is_after(before[one.target_url])}  # fmt: skip
        if moved:
            name_writers(run, moved, began)
            # Until the newest commit nothing was paused; it was made after the look before.
            run.paused_at = watched_at = since
    run.watched_s = time.monotonic() - watched_at
    run.frozen = {url: one.head for url, one in run.seen.items()}
    text = f"no commit on any source for {freeze_s:g} s"
    if listed := sum(one.kind != "delta" for one in run.rows):
        text += f"; {listed:,} without a log were listed again, alike"
    run.end(FREEZE, "ok", text, proof={
        "freeze_s": freeze_s,
        "heads": {one.name: run.frozen[one.target_url].version for one in run.rows},
    })  # fmt: skip
    return run.frozen


def name_writers(run: Run, since: dict[str, int], began: float) -> None:
    """Tell who writes; LF-8072 where nobody can be asked and the time to wait for them is over."""
    made: list[Made] = []
    for one in run.rows:
        if one.target_url in since:
            made += latest(run.stores, one, after=since[one.target_url])
    who = told(each.writer for each in made)
    text = f"{counted(len(since), 'source table')} written to, by {who}: stop it"
    run.emit(Said(text, code="LF-8072",
                    next_step="stop the writer; the sources are watched on"))  # fmt: skip
    if time.monotonic() - began < run.asked.wait_s:
        return
    if not run.asking(f"stopped {who}? Enter goes on", by_default=True):
        raise written(run, f"written by {who}", since)


def written(run: Run, why: str, since: dict[str, int]) -> FerryError:
    """LF-8072."""
    names = [one.name for one in run.rows if one.target_url in since]
    where = ", ".join(names[:SHOWN]) or run.asked.title
    return FerryError(
        "LF-8072", f"a source is still written to: {why}", where,
        "stop the writer, then run the same command again; --wait 10min waits for it",
    )  # fmt: skip


def increment(run: Run, heads: dict[str, Head]) -> bool:
    """The last one; False where a source has moved on beyond what was frozen."""
    run.begin()
    behind = [one for one in run.rows
              if (one.held_version or 0) < heads[one.target_url].version]  # fmt: skip
    files = size = 0
    is_same = True
    if behind:
        files, size = run.sync(behind)
        # A state has no other name than its listing, so what came was looked at once more.
        listed = [one for one in behind if one.kind != "delta"]
        is_same = not any(head.is_after(heads[one.target_url]) for one, head in run.heads(listed))
    is_held = is_same and all(one.held_version == heads[one.target_url].version for one in run.rows)
    text = f"{counted(len(behind), 'table')}, {counted(files, 'file')}, {size:,} bytes"
    run.end(INCREMENT, "ok" if is_held else "failed", text)
    return is_held
