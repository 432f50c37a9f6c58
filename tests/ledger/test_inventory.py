"""What a discovery found, as the ledger keeps it."""

from pathlib import Path

from lakeferry.ledger import read
from lakeferry.ledger.open import open_to_read
from lakeferry.ledger.rows import Inventoried
from lakeferry.ledger.write import Ledger
from tests.ledger.lakes import Clock, leading

ITEMS = Inventoried("sales", "sales.eu.items", "s3://a/items", "delta", "s3://t/i", "p1", 10, "{}")
LAND = Inventoried("sales", "sales.eu.land", "s3://a/land", "folder", None, "p2", 10, "{}")
TIMES = "SELECT name, first_seen_ms, changed_ms, gone_ms FROM inventory ORDER BY name"


def times(path: Path) -> list[tuple[str, int, int, int | None]]:
    db = open_to_read(path)
    found = [tuple(row) for row in db.execute(TIMES)]
    db.close()
    return found


def filled(path: Path, clock: Clock) -> Ledger:
    ledger = leading(path, clock_ms=clock)
    ledger.take_inventory([LAND, ITEMS])
    return ledger


def test_what_was_found_is_read_back_by_name_with_its_prints(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    filled(path, Clock()).close()

    db = open_to_read(path)
    assert list(read.inventory(db)) == [ITEMS, LAND]
    assert read.prints(db) == {ITEMS[:3]: "p1", LAND[:3]: "p2"}
    db.close()


def test_another_print_is_a_change_and_another_body_is_none(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with filled(path, Clock()) as ledger:
        ledger.take_inventory([ITEMS._replace(seen_ms=20, body='{"files":7}'),
                               LAND._replace(seen_ms=20, print="p3")])  # fmt: skip

    assert times(path) == [
        ("sales.eu.items", 10, 10, None), ("sales.eu.land", 10, 20, None),
    ]  # fmt: skip


def test_what_is_gone_stays_known_and_is_changed_when_it_comes_back(tmp_path: Path) -> None:
    path, clock = tmp_path / "ledger.db", Clock()
    with filled(path, clock) as ledger:
        ledger.take_inventory((), [LAND[:3]])
        db = open_to_read(path)
        assert list(read.inventory(db)) == [ITEMS]
        assert LAND[:3] not in read.prints(db)
        db.close()
        assert times(path)[1] == ("sales.eu.land", 10, 10, clock.now_ms)

        ledger.take_inventory([LAND._replace(seen_ms=30)])

    assert times(path)[1] == ("sales.eu.land", 10, 30, None)
