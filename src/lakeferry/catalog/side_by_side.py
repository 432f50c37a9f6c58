"""Listings of many schemas side by side, a page at a time, so that memory stays bounded."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

from lakeferry.catalog.tables import CatalogTable

AT_ONCE = 8  # requests under way
Ask = TypeVar("Ask")


@dataclass(frozen=True, slots=True)
class Page(Generic[Ask]):
    """One answer, and what it leaves to be asked."""

    tables: tuple[CatalogTable, ...] = ()
    more: tuple[Ask, ...] = ()


def side_by_side(
    asks: Iterable[Ask], page: Callable[[Ask], Page[Ask]], *, at_once: int = AT_ONCE
) -> Generator[CatalogTable, None, None]:
    """Yield the tables of all pages, in no promised order.

    Args:
        asks: where to begin, one for each schema; taken as they are needed.
        page: one request; called by several threads. What it raises is raised here, after those
            under way have ended.

    At most `at_once` pages are under way or wait here. What an answer leaves to be asked goes
    before a new schema, so schemas are finished one after the other.
    """
    beginnings, left = iter(asks), deque[Ask]()
    with ThreadPoolExecutor(at_once) as pool:
        flying: set[Future[Page[Ask]]] = set()
        while True:
            while len(flying) < at_once:
                ask = left.popleft() if left else next(beginnings, None)
                if ask is None:
                    break
                flying.add(pool.submit(page, ask))
            if not flying:
                return
            done, flying = wait(flying, return_when=FIRST_COMPLETED)
            for one in done:
                found = one.result()
                left.extend(found.more)
                yield from found.tables
