"""Which lists of a switch nobody has had yet."""

import json
from typing import Any

from lakeferry.fleet.cutover.owed import Owed, owed
from lakeferry.fleet.cutover.switch import LISTS, Statements
from lakeferry.ledger.rows import LedgerEvent


def told(*said: tuple[str, dict[str, Any]]) -> list[LedgerEvent]:
    """Runs, and what each told."""
    return [
        LedgerEvent(number, run, 0, LISTS, None, json.dumps(body))
        for number, (run, body) in enumerate(said)
    ]


def due(*targets: str, grants: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"state": "due", "title": "wave 1", "targets": targets, "grants": grants, "managed": ()}


def test_lists_are_owed_from_the_mark_until_they_are_written_by_whichever_run() -> None:
    marked = ("one", due("s3://a", "s3://b", grants=("GRANT SELECT ...",)))
    written = ("two", {"state": "written", "run": "one", "files": []})

    assert owed(told(marked)) == (
        Owed("one", "wave 1", ("s3://a", "s3://b"), Statements(("GRANT SELECT ...",))),
    )
    assert owed(told(marked, written)) == ()


def test_of_a_table_that_was_switched_again_only_the_later_lists_are_owed() -> None:
    first, again = ("one", due("s3://a", "s3://b")), ("two", due("s3://b"))

    found = [(one.run_id, one.targets) for one in owed(told(first, again))]

    assert found == [("one", ("s3://a",)), ("two", ("s3://b",))]
    written = ("two", {"state": "written", "run": "two", "files": []})
    assert [one.run_id for one in owed(told(first, again, written))] == ["one"]
