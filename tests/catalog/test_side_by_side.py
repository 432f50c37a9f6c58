"""Listings side by side: everything once, little at a time, what fails is told."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.catalog.side_by_side import Page, side_by_side
from lakeferry.catalog.tables import CatalogTable
from lakeferry.errors import FerryError


class Ask(NamedTuple):
    schema: str
    number: int = 0


@dataclass
class Service:
    """Schemas of so many pages, one table each."""

    schemas: dict[str, int]
    taken: list[str] = field(default_factory=list)
    asked: int = 0
    flying: int = 0
    most_flying: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> Iterator[Ask]:
        for name in self.schemas:
            self.taken.append(name)
            yield Ask(name)

    def page(self, ask: Ask) -> Page[Ask]:
        name, number = ask
        with self.lock:
            self.asked += 1
            self.flying += 1
            self.most_flying = max(self.flying, self.most_flying)
        table = CatalogTable("", name, f"t{number}", "delta", "")
        more = (Ask(name, number + 1),) if number + 1 < self.schemas[name] else ()
        with self.lock:
            self.flying -= 1
        return Page((table,), more)


@given(
    schemas=st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 5)),
    at_once=st.integers(1, 4),
)
def test_every_table_comes_once(schemas: dict[str, int], at_once: int) -> None:
    service = Service(schemas)

    found = [one.full_name for one in side_by_side(service.begin(), service.page, at_once=at_once)]

    assert sorted(found) == sorted(f"{name}.t{n}" for name in schemas for n in range(schemas[name]))
    assert service.most_flying <= at_once


def test_who_takes_slowly_is_not_overrun() -> None:
    service = Service({f"s{number}": 100 for number in range(1000)})

    listing = side_by_side(service.begin(), service.page, at_once=4)
    first = [next(listing) for _ in range(10)]
    listing.close()

    assert len(first) == 10
    assert service.asked <= 10 + 2 * 4
    assert len(service.taken) <= 8


def test_a_failure_is_told_to_whoever_takes() -> None:
    def page(ask: Ask) -> Page[Ask]:
        raise ConnectionError(ask[0])

    with pytest.raises(ConnectionError, match="a"):
        list(side_by_side([Ask("a")], page))


@pytest.mark.parametrize("code", ["LF-8104", "LF-1203"])  # the catalog's own rights, those of IAM
def test_a_schema_that_refuses_is_told_and_the_others_are_listed(code: str) -> None:
    def page(ask: Ask) -> Page[Ask]:
        if ask == ("hr", 1):
            raise FerryError(code, "no right", "hr", "GRANT")
        return service.page(ask)

    service, refused = Service({"hr": 3, "sales": 2}), dict[str, FerryError]()
    asks = [Ask("hr"), Ask("sales")]

    found = {one.full_name for one in side_by_side(asks, page, on_refused=refused.setdefault)}

    assert found == {"hr.t0", "sales.t0", "sales.t1"}
    assert [(name, why.code) for name, why in refused.items()] == [("hr", code)]
    with pytest.raises(FerryError, match="no right"):
        list(side_by_side(asks, page))


def test_a_service_that_does_not_answer_is_no_matter_of_a_schema() -> None:
    def page(ask: Ask) -> Page[Ask]:
        raise FerryError("LF-1303", "silence", ask.schema, "look at the network")

    with pytest.raises(FerryError, match="silence"):
        list(side_by_side([Ask("a")], page, on_refused=lambda *_: None))
