"""Steps 4 and 5 of a cut-over: targets equal their sources, streams and loads find their place."""

from collections import Counter
from collections.abc import Sequence

from lakeferry.errors import FerryError
from lakeferry.fleet.counting import counted
from lakeferry.fleet.cutover.load_ways import landing_hit, load_ways
from lakeferry.fleet.cutover.look import both_sides, moved_landings, streams
from lakeferry.fleet.cutover.plan import TXN, VERIFY, to_prove
from lakeferry.fleet.cutover.sides import BothSides
from lakeferry.fleet.cutover.stream_ways import stream_ways
from lakeferry.fleet.cutover.work import Run
from lakeferry.fleet.proof.run import Proved, ProveRequest, Proving
from lakeferry.fleet.proof.run import prove as prove_side_by_side
from lakeferry.ledger import read
from lakeferry.ledger.open import reading
from lakeferry.ledger.rows import CheckResult, LakeTable
from lakeferry.ledger.write import now_ms

SHOWN = 5  # streams that a step names
_MOVED_ON = "LF-4107"


def verify(run: Run) -> None:
    """Step 4: whatever of each target is not proven yet, as strongly as asked.

    A proof of this run from before the freeze still holds where its version is the one held now.
    """
    run.begin()
    late = prove(run, run.rows)
    counts = Counter(how for _, how in run.proven.values())
    parts = [f"{name} on {count:,}" for name, count in sorted(counts.items())]
    after = f", {late:,} of them in the pause" if late else ""
    run.end(VERIFY, "ok", ", ".join(parts) + after, proof=dict(counts))


def prove(run: Run, rows: Sequence[LakeTable], *, early: bool = False) -> int:
    """Prove those that lack a proof as strong as asked at the version that is held; how many.

    Args:
        early: writers still write: a source without a log, which can only be compared while it
            stands still, is left to the pause.

    Raises:
        FerryError: LF-8073 one is not equal.
    """
    checks = run.checks()
    work = []
    for one in rows:
        if run.proven.get(one.target_url, (None, ""))[0] == one.held_version:
            continue
        known = checks.get(one.target_url, ())
        strength = to_prove(one, known, run.strength(one), now_ms())
        if strength is not None:
            work.append((one, strength))

    def progress_alone(event: Proved | Proving) -> None:
        if isinstance(event, Proving):  # what it comes to is told as a step
            run.emit(event)

    asked = ProveRequest(strengths=tuple((one.target_url, how) for one, how in work))
    found = prove_side_by_side(
        run.wanted, run.ledger, [one for one, _ in work], asked, emit=progress_alone, stop=run.stop
    )
    run.renew()
    run.proofs |= {one.table.target_url: one.receipt for one in found if one.receipt is not None}
    moving = {one.table.target_url for one in found if early and one.error is not None
              and one.error.code == _MOVED_ON}  # fmt: skip
    bad = [one for one in found
           if one.outcome != "equal" and one.table.target_url not in moving]  # fmt: skip
    if wrong := [_wrong(one) for one in bad]:
        run.end(VERIFY, "failed", f"{counted(len(wrong), 'table')} not proven", wrong)
        raise unproven(run, wrong[0])
    run.proven |= {one.target_url: (one.held_version, how) for one, how in work
                   if one.target_url not in moving}  # fmt: skip
    return len(work)


def _wrong(one: Proved) -> str:
    if one.report is not None:
        return f"{one.table.name}: {one.report.findings[0].what}"
    return f"{one.table.name}: {'' if one.error is None else one.error.what}"


def unproven(run: Run, what: str) -> FerryError:
    """LF-8073."""
    return FerryError(
        "LF-8073", f"a target is not its source: {what}", run.asked.title,
        "nothing was switched; see lakeferry verify and lakeferry sync",
    )  # fmt: skip


def read_sides(run: Run) -> None:
    """What is remembered on both sides of each table, read once a version."""
    shown = run.shown()

    def task(row: LakeTable) -> BothSides:
        return both_sides(run.stores, row, shown[row.target_url])

    todo = [row for row in run.rows if not _is_read(run, row)]
    for one in run.beside(task, todo):
        run.sides[one.target_url] = one


def _is_read(run: Run, row: LakeTable) -> bool:
    known = run.sides.get(row.target_url)
    # State of COPY INTO may change without a commit, so it is looked at again.
    is_same = known is not None and known.switched.held_version == row.held_version
    if row.kind != "delta":
        frozen = run.frozen.get(row.target_url)
        if known is None or frozen is None:
            return False
        return is_same and known.state.get("listing") == frozen.listing
    return is_same and known is not None and known.loaded is None


def prove_txns(run: Run) -> None:
    """Step 5: what streams and loads remember, equal on both sides. Raises LF-8073."""
    run.begin()
    read_sides(run)
    wrong, apps, loads = [], [], 0
    results: list[tuple[CheckResult, str | None]] = []
    for row in run.rows:
        proof = run.sides[row.target_url].proof
        outcome = "equal" if proof.is_equal else "different"
        kept = CheckResult(row.target_url, row.held_version or 0, "txn", outcome,
                           proof.detail, now_ms())  # fmt: skip
        results.append((kept, row.strength))
        apps += [f"{row.name} {app[:40]} {one} = {other}"
                 for app, (one, other) in proof.apps.items() if one == other]  # fmt: skip
        loads += proof.loads[0]
        if not proof.is_equal:
            wrong.append(f"{row.name}: {proof.detail}")
    with run.ledger.together():
        for kept, strength in results:
            run.ledger.check(kept, strength=strength)
    if wrong:
        run.end(TXN, "failed", f"different: {counted(len(wrong), 'table')}", wrong)
        raise unproven(run, wrong[0])
    look_at_streams(run)
    text = f"streaming: {counted(len(apps), 'app')}, highest (appId, version) equal on both sides"
    if loads:
        text += f"; COPY INTO: {loads:,} objects of state known on both"
    ways = [one.text for one in run.ways] + [one.text for one in run.loads]
    run.end(TXN, "ok", text, [*apps[:SHOWN], *ways], proof={"apps": len(apps)})


def look_at_streams(run: Run) -> None:
    """What becomes of them. Raises LF-8074, LF-8076."""
    with reading(run.path) as db:
        run.inventory = tuple(read.inventory(db))
    found = streams(run.wanted, run.stores, run.inventory, run.asked.checkpoints)
    switched = [run.sides[one.target_url].switched for one in run.rows]
    every = tuple(found)
    run.ways = stream_ways((one.position for one in every), switched)
    known = {one.url for one in run.ways}
    run.streams = tuple(one for one in every if one.position.url in known)
    moved = (*run.asked.moved_landings, *moved_landings(run.wanted, run.inventory, run.rows))
    tables = [side.loaded for side in run.sides.values() if side.loaded is not None]
    # Of the others those that read what is switched now: they would read it elsewhere, too.
    switched_files = [one.source_url for one in run.rows if one.kind != "delta"]
    meant = [
        one.position for one in every
        if one.position.url in known or landing_hit(one.position, switched_files)
    ]  # fmt: skip
    run.loads = load_ways(tables, meant, moved, now_ms=now_ms())
    again = [one for one in run.loads if one.does == "reloads"]
    if again and not run.asked.accept_reload:
        run.end(TXN, "failed", "a landing zone moves", [one.text for one in again])
        raise FerryError(
            "LF-8076", f"files would be loaded again: {again[0].text.splitlines()[0].strip()}",
            run.asked.title,
            "keep the landing zone where it is, or accept it: --accept-reload",
        )  # fmt: skip
