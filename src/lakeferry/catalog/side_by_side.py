"""Listings of many schemas side by side, a page at a time, so that memory stays bounded.

A schema that refuses can be told and left out; the others are listed all the same.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from lakeferry.catalog.tables import CatalogTable, OnRefused
from lakeferry.errors import FerryError

AT_ONCE = 8  # requests under way
# A right that is missing, or an answer that is no: what it is about, and not who asks, is at fault.
OF_ONE_SCHEMA = ("LF-1203", "LF-1206", "LF-8104", "LF-8106", "LF-8108")


class OfSchema(Protocol):
    """A question about a schema."""

    @property
    def schema(self) -> str:
        """Its name."""


Ask = TypeVar("Ask", bound=OfSchema)


@dataclass(frozen=True, slots=True)
class Page(Generic[Ask]):
    """One answer, and what it leaves to be asked."""

    tables: tuple[CatalogTable, ...] = ()
    more: tuple[Ask, ...] = ()


def side_by_side(
    asks: Iterable[Ask],
    page: Callable[[Ask], Page[Ask]],
    *,
    at_once: int = AT_ONCE,
    on_refused: OnRefused | None = None,
) -> Generator[CatalogTable, None, None]:
    """Yield the tables of all pages, in no promised order.

    Args:
        asks: where to begin, one for each schema; taken as they are needed.
        page: one request; called by several threads. What it raises is raised here, after those
            under way have ended.
        on_refused: told of a schema that refuses, or a part of it, where the others can be listed;
            called by whoever takes. None: that is raised, too.

    At most `at_once` pages are under way or wait here. What an answer leaves to be asked goes
    before a new schema, so schemas are finished one after the other.
    """
    beginnings, left = iter(asks), deque[Ask]()
    with ThreadPoolExecutor(at_once) as pool:
        flying: dict[Future[Page[Ask]], Ask] = {}
        while True:
            while len(flying) < at_once:
                ask = left.popleft() if left else next(beginnings, None)
                if ask is None:
                    break
                flying[pool.submit(page, ask)] = ask
            if not flying:
                return
            for one in wait(flying, return_when=FIRST_COMPLETED).done:
                asked = flying.pop(one)
                try:
                    found = one.result()
                except FerryError as error:
                    if on_refused is None or error.code not in OF_ONE_SCHEMA:
                        raise
                    on_refused(asked.schema, error)
                    continue
                left.extend(found.more)
                yield from found.tables
