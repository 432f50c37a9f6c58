"""The checklist of a cut-over: what must hold before, what each step found, what follows. Pure.

Seven steps in one order; before the sixth nothing is changed that anybody could see.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from lakeferry.fleet.counting import counted
from lakeferry.fleet.cutover.writers import Head, Sighting
from lakeferry.fleet.manifest.typed import typed
from lakeferry.fleet.manifest.wanted import Wave
from lakeferry.fleet.planning.plan import MOVED_KINDS
from lakeferry.fleet.standing.states import NEED_A_LOOK, word
from lakeferry.ledger.rows import CheckResult, LakeTable
from lakeferry.verify.report import STRENGTHS

PRECONDITIONS, FREEZE, INCREMENT, VERIFY, TXN, REGISTER, MARK = range(1, 8)
NAMES = {
    PRECONDITIONS: "preconditions", FREEZE: "freeze check", INCREMENT: "final increment",
    VERIFY: "verify", TXN: "txn proof", REGISTER: "registered", MARK: "marked",
}  # fmt: skip
FRESH_MS = 24 * 3600 * 1000  # a proof is older than that: give it again
# Planned, and yet it holds a version: there is more to bring, or a run was cut off as it did.
READY = frozenset({"planned", "synced", "verified", "frozen"})
# Beside the target lies the receipt of a switch: of a run that was killed, or that this ledger is
# too old to know. Given again, it ends the first and makes the second known.
IN_USE = "LF-8087"
KINDS = MOVED_KINDS  # of what is cut over
_OUT = frozenset({"orphaned", "excluded"})


@dataclass(frozen=True)
class CutoverRequest:
    """What one run is asked for."""

    title: str  # 'wave 2', or the tables: for people, and for the names of files
    strength: str | None = None  # None: what the manifest says of each table
    freeze_s: float | None = None  # None: what its wave says
    wait_s: float = 0.0  # for writers that are seen, where nobody can be asked
    registers: bool = True
    dry_run: bool = False
    at: datetime | None = None  # UTC: the freeze check begins then
    accept_reload: bool = False  # of landing zones that move
    checkpoints: tuple[str, ...] = ()  # of streams, beside those that were discovered
    moved_landings: tuple[str, ...] = ()  # addresses that will be read elsewhere


StepState = Literal["ok", "failed", "planned", "skipped"]


@dataclass(frozen=True, slots=True)
class Step:
    """How one step ended."""

    number: int
    state: StepState
    text: str
    lines: tuple[str, ...] = ()  # the details that people should see
    proof: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def name(self) -> str:
        return NAMES[self.number]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why one table cannot be cut over, and what to do."""

    table: str
    what: str
    next_step: str

    @property
    def text(self) -> str:
        return f"{self.table}: {self.what}; next: {self.next_step}"


class Chosen(NamedTuple):
    """The tables that are meant, by what becomes of them."""

    todo: tuple[LakeTable, ...]
    done: tuple[LakeTable, ...]  # are cut over
    left: tuple[tuple[LakeTable, str], ...]  # nothing is done with them, and why


def chosen(tables: Iterable[LakeTable]) -> Chosen:
    """What a cut-over does with each."""
    todo, done, left = [], [], []
    for one in sorted(tables, key=lambda table: table.name):
        if one.state == "cut_over":
            done.append(one)
        elif one.state in _OUT:
            left.append((one, word(one.state)))
        elif one.kind not in KINDS:
            left.append(
                (
                    one,
                    f"it is {one.kind}, which is not moved: lakeferry discover says what moves it",
                )
            )
        else:
            todo.append(one)
    return Chosen(tuple(todo), tuple(done), tuple(left))


def problems(
    todo: Sequence[LakeTable],
    every: Iterable[LakeTable],
    waves: Mapping[int, Wave],
    checks: Mapping[str, Sequence[CheckResult]],
    strengths: Mapping[str, str],
    *,
    now_ms: int,
) -> tuple[Problem, ...]:
    """What does not hold of the first step.

    Args:
        every: all tables of the migration, to know which waves are cut over.
        checks: of each table, by target.
        strengths: that are asked of each, by target.
    """
    found = [
        fault
        for one in todo
        if (fault := _problem(one, checks.get(one.target_url, ()), strengths[one.target_url],
                              now_ms)) is not None
    ]  # fmt: skip
    return (*_waves_before(todo, every, waves), *found)


def _waves_before(
    todo: Sequence[LakeTable], every: Iterable[LakeTable], waves: Mapping[int, Wave]
) -> tuple[Problem, ...]:
    left: dict[int, int] = {}
    for one in every:
        if one.kind in KINDS and one.state != "cut_over" and one.state not in _OUT:
            left[one.wave] = left.get(one.wave, 0) + 1
    found = []
    for number in sorted({one.wave for one in todo}):
        wave = waves.get(number)
        for before in wave.after if wave else ():
            if left.get(before):
                tables = counted(left[before], "table")
                what = f"wave {before} comes before it and has {tables} to cut over"
                step = f"lakeferry cutover --wave {before}"
                found.append(Problem(f"wave {number}", what, step))
    return tuple(found)


def _problem(
    one: LakeTable, checks: Sequence[CheckResult], strength: str, now_ms: int
) -> Problem | None:
    is_in_use = one.code == IN_USE and one.held_version is not None  # to be marked so by this run
    if one.state in NEED_A_LOOK and not is_in_use:
        return Problem(one.name, f"{word(one.state)}: {one.code} {one.why}",
                       one.next_step or f"lakeferry status -s {typed(one.name)}")  # fmt: skip
    if one.held_version is None or not (one.state in READY or is_in_use):
        return Problem(one.name, f"it is {word(one.state)}", f"lakeferry sync -s {typed(one.name)}")
    again = f"lakeferry verify -s {typed(one.name)} --strength {strength}"
    wrong = next((each for each in checks if each.outcome == "different"
                  and each.source_version == one.held_version), None)  # fmt: skip
    if wrong is not None:
        return Problem(one.name, f"its last proof found a difference: {wrong.detail}", again)
    if not any(proves(each, strength, now_ms) for each in checks):
        what = f"no proof of strength {strength} or more within 24 h"
        return Problem(one.name, what, again)
    return None


def provable(kind: str, strength: str) -> str:
    """How strongly what was asked for can be proven of a table of this kind.

    A source without a log states no rows, so equal bytes of all files are the most; rows are equal
    with them.
    """
    if kind == "delta" or STRENGTHS.index(strength) <= STRENGTHS.index("hashed"):
        return strength
    return "hashed"


def proves(check: CheckResult, strength: str, now_ms: int) -> bool:
    """Whether a check found a table equal, so strongly, not long ago."""
    if check.kind not in STRENGTHS or check.outcome != "equal":
        return False
    is_strong = STRENGTHS.index(check.kind) >= STRENGTHS.index(strength)
    return is_strong and check.checked_at_ms >= now_ms - FRESH_MS


def to_prove(
    one: LakeTable, checks: Sequence[CheckResult], strength: str, now_ms: int
) -> str | None:
    """How strongly a table is proven before the switch; None: its version was, a moment ago.

    One that was proven so at this very version is listed once more, which reads no data.
    """
    held = [each for each in checks if each.source_version == one.held_version]
    return "listed" if any(proves(each, strength, now_ms) for each in held) else strength


def stood_s(head: Head, row: LakeTable, now_ms: int) -> float:
    """How long the newest version of a source stood before this run saw it; 0: nothing says it.

    The time of a commit is by the clock of whoever wrote it or of its store, which may be hours
    behind: alone it says nothing. That a sync of ours brought this very version is by our own
    clock, and both have to say that it was long ago.
    """
    if head.made_ms is None or row.held_at_ms is None or row.kind != "delta":
        return 0.0
    if row.held_version is None or head.version > row.held_version:
        return 0.0
    return max(0, now_ms - max(head.made_ms, row.held_at_ms)) / 1000


def quiet_in_s(seen: Iterable[Sighting], freeze_s: float, now_s: float) -> float:
    """How long until no source had a commit for `freeze_s`; 0: it is so.

    Args:
        now_s: by the clock of the sightings.
    """
    last_s = max((one.at_s - one.stood_s for one in seen), default=now_s - freeze_s)
    return max(0.0, last_s + freeze_s - now_s)


def is_loud(head: Head, freeze_s: float, now_ms: int) -> bool:
    """Whether the newest commit is younger than `freeze_s` by its own clock.

    Clocks differ, so this names a writer, and never proves that nobody writes.
    """
    return head.made_ms is not None and head.made_ms > now_ms - freeze_s * 1000


def freeze_of(todo: Iterable[LakeTable], waves: Mapping[int, Wave], asked_s: float | None) -> float:
    """How long the sources must be quiet: as asked, or the longest of the waves."""
    if asked_s is not None:
        return asked_s
    known = [waves[one.wave].freeze_s for one in todo if one.wave in waves]
    return float(max(known, default=Wave(0).freeze_s))


@dataclass(frozen=True)
class TxnProof:
    """What streaming writers and COPY INTO remember, on both sides."""

    apps: Mapping[str, tuple[int | None, int | None]]  # appId -> version at source, at target
    loads: tuple[int, int] = (0, 0)  # objects of COPY INTO's state: source, target
    loads_equal: bool = True

    @property
    def is_equal(self) -> bool:
        return self.loads_equal and all(one == other for one, other in self.apps.values())

    @property
    def detail(self) -> str:
        """What differs; '' where nothing does."""
        parts = [f"{app}: {one} at the source, {other} at the target"
                 for app, (one, other) in sorted(self.apps.items()) if one != other]  # fmt: skip
        if not self.loads_equal:
            parts.append(f"COPY INTO: {self.loads[0]} objects at the source, {self.loads[1]} here")
        return "; ".join(parts)


def txn_proof(
    source: Mapping[str, int],
    target: Mapping[str, int],
    source_loads: Mapping[str, int],
    target_loads: Mapping[str, int],
) -> TxnProof:
    """Compare them: appId -> version, object of COPY INTO's state -> bytes."""
    apps = {app: (source.get(app), target.get(app)) for app in sorted({*source, *target})}
    return TxnProof(
        apps, (len(source_loads), len(target_loads)), dict(source_loads) == dict(target_loads)
    )
