"""A batch that lost its race is committed once, or not at all; whoever wins, rows come once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.delta.actions import Metadata, Protocol
from lakeferry.ingest.table.commit_rule import (
    Again,
    Batch,
    Changed,
    Ours,
    ReadAgain,
    Stop,
    Winner,
    judge,
    misfit,
    winner,
)

APP, DOMAIN = "lakeferry:ingest:clicks", "lakeferry.ingest.clicks"
SUPPORTED = frozenset({"appendOnly", "domainMetadata", "rowTracking"})


def column(
    name: str,
    kind: Any = "long",
    *,
    nullable: bool = True,
    rules: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    return {"name": name, "type": kind, "nullable": nullable, "metadata": dict(rules or {})}


def table(
    *columns: Mapping[str, Any],
    table_id: str = "t",
    by: tuple[str, ...] = (),
    configuration: Mapping[str, str] | None = None,
) -> Metadata:
    schema = json.dumps({"type": "struct", "fields": list(columns)})
    return Metadata(table_id, schema, by, configuration or {})


A = column("a")
BEFORE = table(A)
BATCH = Batch("ours", APP, DOMAIN, BEFORE)


def verdict(*winners: Winner) -> object:
    return judge(BATCH, winners, SUPPORTED)


# --- the verdicts ---------------------------------------------------------------------------


def test_our_own_token_means_that_the_commit_was_made() -> None:
    assert verdict(Winner(8, "ours", frozenset({APP})), Winner(9)) == Ours(8)


def test_a_commit_of_anybody_else_is_followed() -> None:
    assert verdict(Winner(8, "optimize"), Winner(9, "other", frozenset({"other:app"}))) == Again(10)


@pytest.mark.parametrize(
    "other",
    [
        Winner(9, "zombie", frozenset({APP})),
        Winner(9, "zombie", domains={DOMAIN: "{}"}),
        Winner(9, "zombie", domains={DOMAIN: ""}),
    ],
)
def test_a_commit_of_our_own_ingest_makes_the_batch_void(other: Winner) -> None:
    assert verdict(Winner(8), other, Winner(10)) == ReadAgain(9)


def test_a_batch_is_void_even_where_the_table_has_changed_beneath_it() -> None:
    changed = Winner(8, metadata=table(column("a", "string")))

    assert verdict(changed, Winner(9, "zombie", frozenset({APP}))) == ReadAgain(9)


def test_a_change_that_rows_do_not_fit_makes_the_batch_void() -> None:
    assert verdict(Winner(8), Winner(9, metadata=table(column("a", "string")))) == Changed(
        9, "column `a` is now of type string, was long"
    )


def test_a_feature_that_we_cannot_write_makes_the_batch_void() -> None:
    new = Protocol(3, 7, frozenset({"deletionVectors"}), frozenset({"deletionVectors"}))

    assert verdict(Winner(8, protocol=new)) == Changed(8, "the table now needs deletionVectors")


def test_another_table_in_the_place_of_ours_stops_whatever_else_changed() -> None:
    changed = Winner(8, metadata=table(column("a", "string")))
    replaced = Winner(9, metadata=table(A, table_id="another"))

    assert verdict(changed, replaced) == Stop(9, "the table was replaced by another")


def test_what_changed_is_restated_in_the_next_try() -> None:
    wider, newer = table(A, column("b")), Protocol(1, 7, None, frozenset({"rowTracking"}))

    found = verdict(
        Winner(8, metadata=wider, in_commit_timestamp=500),
        Winner(9, protocol=newer, domains={"delta.rowTracking": '{"rowIdHighWaterMark":7}'}),
        Winner(10, in_commit_timestamp=400),
    )

    assert found == Again(11, wider, newer, '{"rowIdHighWaterMark":7}', 500)


def test_changes_are_judged_one_after_the_other() -> None:
    wider = table(A, column("b"))

    assert verdict(Winner(8, metadata=wider), Winner(9, metadata=table(A))) == Changed(
        9, "column `b` is gone"
    )


# --- whether rows fit -----------------------------------------------------------------------

STRUCT = {"type": "struct", "fields": [A]}
WIDER = {"type": "struct", "fields": [A, column("b")]}


def array(kind: Any, *, nulls: bool = True) -> dict[str, Any]:
    return {"type": "array", "elementType": kind, "containsNull": nulls}


FITS = {
    "nothing": (table(A), table(A)),
    "a description": (table(A), table({**A, "metadata": {"comment": "x"}})),
    "a new column that may be null": (table(A), table(A, column("b"))),
    "another order": (table(A, column("b")), table(column("b"), A)),
    "null allowed": (table(column("a", nullable=False)), table(A)),
    "a new inner column": (table(column("s", STRUCT)), table(column("s", WIDER))),
    "one within a list": (table(column("s", array(STRUCT))), table(column("s", array(WIDER)))),
    "a property": (table(A), table(A, configuration={"delta.appendOnly": "true"})),
    "a constraint that went": (table(A, configuration={"delta.constraints.c": "a > 0"}), table(A)),
}
MISFITS = {
    "partitions": (table(A), table(A, by=("a",))),
    "a column that went": (table(A, column("b")), table(A)),
    "a type": (table(A), table(column("a", "integer"))),
    "a struct for a value": (table(A), table(column("a", STRUCT))),
    "a list for a struct": (table(column("s", STRUCT)), table(column("s", array("long")))),
    "an inner type": (table(column("s", array("long"))), table(column("s", array("date")))),
    "nulls in a list": (
        table(column("s", array("long"))),
        table(column("s", array("long", nulls=False))),
    ),
    "an inner column that went": (table(column("s", WIDER)), table(column("s", STRUCT))),
    "null forbidden": (table(A), table(column("a", nullable=False))),
    "a required column": (table(A), table(A, column("b", nullable=False))),
    "a computed column": (
        table(A),
        table(A, column("b", rules={"delta.generationExpression": "a + 1"})),
    ),
    "a column with a default": (table(A), table(A, column("b", rules={"CURRENT_DEFAULT": "7"}))),
    "an invariant": (table(A), table(column("a", rules={"delta.invariants": "a > 0"}))),
    "a name in files": (
        table(A),
        table(column("a", rules={"delta.columnMapping.physicalName": "x"})),
    ),
    "a constraint": (table(A), table(A, configuration={"delta.constraints.c": "a > 0"})),
    "column mapping": (table(A), table(A, configuration={"delta.columnMapping.mode": "name"})),
}


@pytest.mark.parametrize("pair", FITS.values(), ids=FITS.keys())
def test_rows_fit_a_table_that_asks_no_more_of_them(pair: tuple[Metadata, Metadata]) -> None:
    assert misfit(*pair) == ""


@pytest.mark.parametrize("pair", MISFITS.values(), ids=MISFITS.keys())
def test_rows_do_not_fit_a_table_that_asks_what_was_not_checked(
    pair: tuple[Metadata, Metadata],
) -> None:
    assert misfit(*pair) != ""


# --- reading a winner -----------------------------------------------------------------------


def test_a_winner_is_read_without_its_files() -> None:
    lines = [
        b'{"commitInfo":{"txnId":"x","inCommitTimestamp":17}}',
        b'{"add":{ this is not parsed',
        b'{"txn":{"appId":"q","version":3}}',
        b'{"domainMetadata":{"domain":"d","configuration":"c","removed":false}}',
        b'{"domainMetadata":{"domain":"e","configuration":"c","removed":true}}',
        b'{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}',
        b"",
    ]

    assert winner(8, lines) == Winner(
        8, "x", frozenset({"q"}), {"d": "c", "e": ""}, None, Protocol(1, 2), 17
    )


# --- for all races --------------------------------------------------------------------------


@dataclass
class Table:
    """A log: versions with the rows that each brought; a version is taken once."""

    log: list[tuple[Winner, range]] = field(default_factory=list)

    def put(self, version: int, made: Winner, rows: range) -> bool:
        if version != len(self.log):
            return False
        self.log.append((made, rows))
        return True

    def read_until(self) -> int:
        ends = [rows.stop for made, rows in self.log if APP in made.app_ids]
        return ends[-1] if ends else 0


@dataclass
class Consumer:
    """Reads numbers in order and commits them with the place where it stands."""

    table: Table
    version: int = -1  # the newest that it has seen
    at: int = 0
    token: str = ""
    rows: range = range(0)

    def load(self) -> None:
        self.version, self.at, self.rows = (
            len(self.table.log) - 1,
            self.table.read_until(),
            range(0),
        )

    def read(self, most: int, token: str) -> None:
        if not self.rows:
            self.rows, self.token = range(self.at, self.at + most), token

    def commit(self, *, answer_is_lost: bool) -> None:
        """One try. Without an answer it looks, as after a conflict."""
        if not self.rows:
            return
        made = Winner(self.version + 1, self.token, frozenset({APP}))
        done = self.table.put(self.version + 1, made, self.rows)
        if done and not answer_is_lost:
            self.version, self.at, self.rows = self.version + 1, self.rows.stop, range(0)
            return
        winners = [made for made, _ in self.table.log[self.version + 1 :]]
        batch = Batch(self.token, APP, DOMAIN, BEFORE)
        match judge(batch, winners, SUPPORTED):
            case Ours(version):
                self.version, self.at, self.rows = version, self.rows.stop, range(0)
            case Again(version):
                self.version = version - 1
            case ReadAgain():
                self.load()


happening = st.tuples(
    st.sampled_from(["read", "commit", "commit", "lost answer", "crash", "optimize", "other"]),
    st.integers(0, 2),
    st.integers(1, 5),
)


@given(st.lists(happening, min_size=40, max_size=80))
def test_however_consumers_race_and_crash_each_row_is_in_the_table_once(
    happenings: list[tuple[str, int, int]],
) -> None:
    table_ = Table()
    consumers = [Consumer(table_) for _ in range(3)]
    for number, (what, who, most) in enumerate(happenings):
        consumer = consumers[who]
        match what:
            case "read":
                consumer.read(most, f"token-{number}")
            case "commit" | "lost answer":
                consumer.commit(answer_is_lost=what == "lost answer")
            case "crash":
                consumer.load()
            case "optimize":
                table_.put(len(table_.log), Winner(len(table_.log), "optimize"), range(0))
            case "other":
                made = Winner(len(table_.log), f"o-{number}", frozenset({"lakeferry:ingest:x"}))
                table_.put(len(table_.log), made, range(0))
    rows = [row for made, rows in table_.log if APP in made.app_ids for row in rows]

    assert rows == list(range(len(rows)))
