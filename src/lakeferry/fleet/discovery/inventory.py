"""What was found -> what the ledger keeps: the tables of the migration, and what changed. Pure.

A table's state is the migration's own: a discovery brings new tables in, leaves those out that the
manifest leaves out, and blocks those that cannot be cloned, but only before they have begun.
"""

import hashlib
from collections.abc import Iterator

import orjson

from lakeferry.fleet.discovery.found import FoundTable, Remark
from lakeferry.fleet.discovery.telling import BESIDE
from lakeferry.fleet.discovery.vacuum import tags_of
from lakeferry.fleet.manifest.select import TableFacts
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.planning.plan import requests_of
from lakeferry.fleet.standing.states import COLLIDES, State, may_follow, move
from lakeferry.ledger.rows import Inventoried, LakeTable, Move

# Blocked by one of these a table goes on as soon as a look finds the reason gone.
OURS = ("LF-3", "LF-805")
_NOT_BEGUN = ("discovered", "planned")
_STAYS = ("cut_over", "rolled_back")
GONE = "it is not at its source any more"


def landing_of(wanted: Migration, found: FoundTable) -> str:
    """The address at which it lands, or would."""
    source = wanted.sources[found.source]
    return wanted.landing(source, found.schema, found.table, path=found.path)


def facts_of_found(
    wanted: Migration, found: FoundTable, before: LakeTable | None, target_url: str
) -> TableFacts:
    """What a selection can ask of it."""
    options = wanted.sources[found.source].options_of(found.schema, found.table, found.path)
    state = "discovered" if before is None else before.state
    left = found.bytes if before is None or before.held_version is None else before.left_bytes
    retention_s = None if found.head is None else found.head.retention_s
    tags = tags_of(options.tags, left or 0, retention_s, wanted.limits)
    return TableFacts(
        target_url, found.source, found.schema, found.table, options.wave, state, tags, found.path,
    )  # fmt: skip


def lake_table(
    wanted: Migration, found: FoundTable, before: LakeTable | None, *, target_url: str, now_ms: int
) -> LakeTable | None:
    """Its row; None of what only lies beside the tables.

    Args:
        before: the row that the ledger has.
    """
    if found.why_not == BESIDE:
        return None
    source = wanted.sources[found.source]
    options = source.options_of(found.schema, found.table, found.path)
    state, why, code, step = _state(found)
    row = LakeTable(
        target_url=target_url,
        name=found.name,
        source=found.source,
        source_url=found.url,
        kind=found.kind,
        wave=options.wave,
        route=source.path,
        lag_target_s=options.lag_target_s,
        state=state,
        why=why,
        code=code,
        next_step=step,
        looked_at_ms=now_ms,
        behind_since_ms=_behind_since(found, before, now_ms),
        schema_name=found.schema,
        table_name=found.table,
        path=found.path,
    )
    return _with_head(row, found, before or row)


def _with_head(row: LakeTable, found: FoundTable, known: LakeTable) -> LakeTable:
    """With what its log says; what cannot be read now is as the last look knew it."""
    size = known.bytes if found.bytes is None else found.bytes
    files = known.files if found.files is None else found.files
    is_left = found.is_in_scope and found.blocker is None
    row = row._replace(
        bytes=size,
        files=files,
        left_bytes=size if is_left else 0,
        left_files=files if is_left else 0,
        left_requests=requests_of(size, files) if is_left else 0,
    )
    head = found.head
    if head is None:
        return row._replace(
            source_id=known.source_id, source_version=known.source_version,
            protocol=known.protocol, schema_sha256=known.schema_sha256,
            retention_s=known.retention_s,
        )  # fmt: skip
    return row._replace(
        source_id=head.id, source_version=head.version,
        protocol=f"{head.reader_version}/{head.writer_version}",
        schema_sha256=head.schema_sha256, retention_s=head.retention_s,
    )  # fmt: skip


def inventoried(found: FoundTable, target_url: str | None, now_ms: int) -> Inventoried:
    """All that is told of it, for the ledger."""
    return Inventoried(
        found.source, found.name, found.url, found.kind, target_url, print_of(found), now_ms,
        orjson.dumps(found).decode(),
    )  # fmt: skip


def print_of(found: FoundTable) -> str:
    """A fingerprint of what counts as a change: what a table is, not how much it has grown."""
    head = found.head
    told = (
        found.kind, found.is_in_scope, found.partition_columns, found.catalog,
        [(one.code, one.blocks) for one in found.remarks],
        head and (head.id, head.reader_version, head.writer_version, head.features,
                  head.schema_sha256, head.retention_s),
    )  # fmt: skip
    return hashlib.sha256(orjson.dumps(told)).hexdigest()[:16]


def moves_of(before: LakeTable, now: LakeTable) -> Iterator[Move]:
    """The steps of a table that the ledger knew, as the look at its source wants them."""
    if before.state in _STAYS or before.state == now.state == "discovered":
        return
    match now.state:
        case "excluded":
            if before.state != "excluded":
                yield _move(before, "excluded", now)
        case "blocked":
            if before.state == "blocked" and before.code != now.code and _is_ours(before):
                yield _move(before, "discovered", now)
                yield _move(before._replace(state="discovered"), "blocked", now)
            elif before.state in _NOT_BEGUN:
                yield _move(before, "blocked", now)
            elif before.state in ("excluded", "orphaned"):
                yield _move(before, "discovered", now)
                yield _move(before._replace(state="discovered"), "blocked", now)
        case _:
            if before.state in ("excluded", "orphaned") or (
                before.state == "blocked" and _is_ours(before)
            ):
                yield _move(before, "discovered", now._replace(why="found again"))


def orphaned(before: LakeTable, why: str = "") -> Move | None:
    """The step of a table that is not there any more; nothing of it is deleted."""
    if "orphaned" not in may_follow(before.state):  # type: ignore[arg-type]
        return None
    return move(before.target_url, before.state, "orphaned", why=why or GONE)  # type: ignore[arg-type]


def blocked(before: LakeTable, remark: Remark) -> Move | None:
    """The step of a table that cannot be moved as the manifest wants; None where it has begun."""
    if before.state not in _NOT_BEGUN:
        return None
    return move(
        before.target_url, before.state, "blocked",  # type: ignore[arg-type]
        why=remark.what, code=remark.code, next_step=remark.next_step,
    )  # fmt: skip


def released(before: LakeTable) -> tuple[Move, ...]:
    """The step of a table that was blocked by another one, which is not in its way any more."""
    if before.state != "blocked":
        return ()
    why = "no other table would land there any more"
    return (move(before.target_url, "blocked", "discovered", why=why),)


def _state(found: FoundTable) -> tuple[State, str, str, str]:
    """Of a table that the ledger does not know yet: state, why, code, what to do."""
    blocker = found.blocker
    if not found.is_in_scope:
        code, step = (blocker.code, blocker.next_step) if blocker else ("", "")
        return "excluded", found.why_not, code, step
    if blocker is not None:
        return "blocked", blocker.what, blocker.code, blocker.next_step
    return "discovered", "", "", ""


def _behind_since(found: FoundTable, before: LakeTable | None, now_ms: int) -> int | None:
    """When the first commit was made that the target lacks; None: it lacks none, or all.

    Of several only the newest is known: what the last look told of the oldest stays true.
    """
    head = found.head
    if before is None or before.held_version is None:
        return None
    # Whether data were written after a switch its commits tell, not the number of the newest.
    if head is None or before.state == "cut_over":
        return before.behind_since_ms
    if head.version <= before.held_version:
        return None
    return before.behind_since_ms or head.committed_ms or now_ms


def _is_ours(before: LakeTable) -> bool:
    return before.code.startswith(OURS) and before.code != COLLIDES


def _move(before: LakeTable, after: State, now: LakeTable) -> Move:
    return move(
        before.target_url, before.state, after,  # type: ignore[arg-type]
        why=now.why, code=now.code, next_step=now.next_step,
    )  # fmt: skip
