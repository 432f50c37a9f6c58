"""Prove that a target equals its source, as strongly as asked, and say what was not looked at."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from lakeferry.clone.plan import count
from lakeferry.errors import FerryError
from lakeferry.events import BytesRead, Checked, Emit, Noted, log_pulse, silent
from lakeferry.verify.digest import Digest
from lakeferry.verify.engines import ENGINE_CHECKS, ENGINES, compare_engine
from lakeferry.verify.file_bytes import BYTE_CHECKS, DIGESTS, compare_bytes
from lakeferry.verify.findings import Findings
from lakeferry.verify.footers import FOOTER_CHECKS, compare_footers
from lakeferry.verify.listing import FILE_CHECKS, compare_listing
from lakeferry.verify.log_state import LOG_CHECKS, compare_logs, left_out_txns
from lakeferry.verify.report import VerifyReport, VerifyRequest
from lakeferry.verify.row_digests import ROW_CHECKS, compare_rows, digest_target
from lakeferry.verify.sides import Sides, open_sides

_BYTES = "bytes: a file of equal size with another content"
_STATS = "statistics, footers and vectors that do not fit their files"
_ROWS = "rows: what a reader makes of the files"
_ALWAYS = (
    "other versions than the compared one, and change data files",
    "actions of a kind that lakeferry does not know",
)
_MIRROR = ("actions of a kind that lakeferry does not know",)
NOT_SEEN = {
    "listed": (_BYTES, _STATS, _ROWS),
    "hashed": (
        "damage that the source has too: statistics, footers and vectors that do not fit",
        "rows: equal files that are read as other rows",
    ),
    "replayed": (
        "bytes: other content in a file whose size and footer are equal",
        _ROWS,
    ),
    "rows": (
        "bytes that no row shows: order of rows, encodings, footers",
        "statistics that do not fit their files",
    ),
}


def _unseen(sides: Sides) -> None:
    """The `review` of callers that want none."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a strength counted besides its findings."""

    rows: int | None = None
    source: Digest | None = None
    target: Digest | None = None


def verify_table(
    request: VerifyRequest, *, emit: Emit = silent, review: Callable[[Sides], None] = _unseen
) -> VerifyReport:
    """Compare a clone with its source.

    The state of both logs and the listing of the target's files are compared at every strength.

    Args:
        request: both sides, how strongly.
        emit: called with each comparison as it ends.
        review: looks at both sides once they were compared, whatever was found.

    Raises:
        FerryError: a side cannot be read; LF-2001 an unknown digest or engine.
    """
    started = time.monotonic()
    _refuse_unknown(request)
    sides = open_sides(request, on_entries=log_pulse(emit, request.target))
    _note(request, sides, emit)
    sides.meter.tell = _progress(request, sides, emit, started)
    findings = Findings()
    compare_logs(sides, findings)
    _tell(request, emit, findings, LOG_CHECKS)
    compare_listing(sides, findings, jobs=request.jobs)
    _tell(request, emit, findings, FILE_CHECKS)
    seen = _by_strength(request, sides, findings, emit)
    if request.against is not None:
        seen = _by_engine(request.against, request, sides, findings, seen, emit)
    review(sides)
    found = findings.finish()
    return VerifyReport(
        source=sides.source.url,
        target=sides.target.url,
        strength=request.strength,
        source_version=sides.source.version,
        target_version=sides.target.version,
        equal=not found,
        checks=checks_of(request, sides),
        not_seen=not_seen_of(request, sides),
        findings=found,
        files=count(sides.target.files).files,
        bytes_read=sides.meter.bytes,
        rows=seen.rows,
        source_digest=seen.source.whole if seen.source else None,
        target_digest=seen.target.whole if seen.target else None,
        seconds=time.monotonic() - started,
        sample=request.sample,
        seed=request.seed,
    )


def _note(request: VerifyRequest, sides: Sides, emit: Emit) -> None:
    """What a person should know of how the two are compared."""
    if sides.record is None:
        text = "no record of a clone of this source: compared as a snapshot"
        emit(Noted(request.target, f"{text} with version {sides.source.version}"))
    if left := left_out_txns(sides):
        text = f"{len(left)} txn are not at the target: its clone left them out (--no-txn)"
        emit(Noted(request.target, text))


def _progress(
    request: VerifyRequest, sides: Sides, emit: Emit, started: float
) -> Callable[[int], None]:
    """Tells how much of what may have to be read has been."""
    both = count(sides.source.files).bytes + count(sides.target.files).bytes

    def tell(done: int) -> None:
        elapsed = time.monotonic() - started
        expected = sides.meter.expected
        emit(BytesRead(request.target, done, max(done, both if expected is None else expected),
                       elapsed))  # fmt: skip

    return tell


def _refuse_unknown(request: VerifyRequest) -> None:
    for name, value, known in (
        ("--digest", request.digest, DIGESTS),
        ("--against", request.against, (None, *sorted(ENGINES))),
    ):
        if value not in known:
            names = ", ".join(each for each in known if each)
            raise FerryError(
                "LF-2001", f"`{value}` is not one of: {names}", name, "see lakeferry verify --help"
            )


def _by_strength(request: VerifyRequest, sides: Sides, findings: Findings, emit: Emit) -> Seen:
    """What the strength looks at beyond logs and listing."""
    if request.strength == "hashed":
        compare_bytes(
            sides,
            findings,
            digest=request.digest,
            jobs=request.jobs,
            table=request.target,
            emit=emit,
        )
        _tell(request, emit, findings, BYTE_CHECKS)
    elif request.strength == "replayed":
        rows = compare_footers(sides, findings, jobs=request.jobs)
        _tell(request, emit, findings, FOOTER_CHECKS)
        return Seen(rows)
    elif request.strength == "rows":
        source, target = compare_rows(sides, findings, jobs=request.jobs)
        _tell(request, emit, findings, ROW_CHECKS)
        return Seen(target.rows if target else None, source, target)
    return Seen()


def _by_engine(
    engine: str, request: VerifyRequest, sides: Sides, findings: Findings, seen: Seen, emit: Emit
) -> Seen:
    """What another engine makes of the target, whole also where the rest looks at a sample."""
    known = seen.target if sides.sample.is_whole else None
    ours = known or digest_target(sides, jobs=request.jobs)
    compare_engine(sides, findings, engine=engine, ours=ours)
    _tell(request, emit, findings, ENGINE_CHECKS)
    return Seen(ours.rows, seen.source, ours) if sides.sample.is_whole else seen


def checks_of(request: VerifyRequest, sides: Sides) -> tuple[str, ...]:
    """The names of all that was compared, in order; findings go by them."""
    own = {"hashed": BYTE_CHECKS, "replayed": FOOTER_CHECKS, "rows": ROW_CHECKS}
    extra = (
        ()
        if sides.roots.shallow and request.strength == "hashed"
        else own.get(request.strength, ())
    )
    listed = tuple(name for name in FILE_CHECKS if name != "history" or sides.mode == "mirror")
    return (*LOG_CHECKS, *listed, *extra, *(ENGINE_CHECKS if request.against else ()))


def not_seen_of(request: VerifyRequest, sides: Sides) -> tuple[str, ...]:
    """What could differ and was not looked at."""
    shallow = ("bytes: a shallow clone has the source's own files",) if sides.roots.shallow else ()
    left = left_out_txns(sides)
    asked = (f"{len(left)} txn that the clone left out on purpose (--no-txn)",) if left else ()
    always = _MIRROR if sides.mode == "mirror" else _ALWAYS
    own = NOT_SEEN[request.strength]
    if request.against is not None:
        own = tuple(text for text in own if text != _ROWS)
    few = () if sides.sample.is_whole else (f"{100 * (1 - request.sample):g} % of the files",)
    return (*few, *asked, *own, *shallow, *always)


def _tell(request: VerifyRequest, emit: Emit, findings: Findings, checks: tuple[str, ...]) -> None:
    for check in checks:
        found = findings.count(check)
        detail = "equal" if found == 0 else f"{found} differences"
        emit(Checked(request.target, request.strength, check, found == 0, detail))
