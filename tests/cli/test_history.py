"""The history of a table, as people read it."""

import orjson

from lakeferry.cli.fleet.history import history_lines
from lakeferry.ledger.rows import LedgerEvent


def event(seq: int, kind: str, /, **body: object) -> LedgerEvent:
    return LedgerEvent(seq, "run", 1_795_747_600_000, kind, "s3://t", orjson.dumps(body).decode())


def test_each_event_says_what_it_was_and_a_proof_is_one_line() -> None:
    found = list(history_lines([
        event(1, "state", to="syncing", why="version 3: 4 files"),
        event(2, "commit", source_version=3, files=4, bytes=19132, target_version=0),
        event(3, "check", kind="listed", outcome="equal", detail=""),
        event(4, "check", kind="bytes", outcome="different", detail="1 file"),
        event(5, "check", kind="txn", outcome="equal", detail=""),
        event(6, "receipt", kind="verify", sha256="fc75121c944cc30c5e75"),
        event(7, "state", to="cut_over"),
    ]))  # fmt: skip

    assert [line[9:].partition(" UTC  ")[2] for line in found] == [
        "syncing  version 3: 4 files",
        "commit  version 3 of the source: 4 files, 19.1 kB",
        "checked  listed, txn: equal; bytes (1 file): different",
        "receipt  of its verify, fc75121c944c",
        "cut over",
    ]
    assert found[0].startswith("  history  ")
    assert found[1].startswith("           ")
