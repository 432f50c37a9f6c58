"""Orders go before pages, pages keep their order and their bytes, and nobody waits in vain."""

from threading import Thread
from time import monotonic

from lakeferry.ingest.position.state import FromTrimHorizon
from lakeferry.ingest.worker.inbox import Fetched, Inbox
from lakeferry.ingest.worker.messages import Drain, Flush


def page(name: str, size: int = 10) -> Fetched:
    return Fetched(name, [], FromTrimHorizon(), 0, size, FromTrimHorizon())


def taken(inbox: Inbox, *, pages: bool = True) -> object:
    return inbox.take(monotonic(), pages=pages)


def test_pages_are_taken_in_their_order_and_orders_before_them() -> None:
    inbox = Inbox(100)
    inbox.put_page(page("a"))
    inbox.put_page(page("b"))
    inbox.put(Flush(1))
    inbox.put(Drain())

    assert [taken(inbox) for _ in range(5)] == [Flush(1), Drain(), page("a"), page("b"), None]


def test_pages_wait_while_none_are_wanted() -> None:
    inbox = Inbox(100)
    inbox.put_page(page("a"))

    assert taken(inbox, pages=False) is None
    assert (inbox.has_pages, inbox.waiting_bytes) == (True, 10)
    assert taken(inbox) == page("a")
    assert (inbox.has_pages, inbox.waiting_bytes) == (False, 0)


def test_who_asks_for_a_page_waits_until_there_is_room() -> None:
    inbox = Inbox(20)
    inbox.put_page(page("a", 20))
    waiting = Thread(target=inbox.reserve, args=(10, lambda: False, 60.0))
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()

    taken(inbox)
    waiting.join(60)

    assert not waiting.is_alive()


def test_pages_that_are_asked_for_take_room_until_they_are_there() -> None:
    inbox, over = Inbox(20), iter([False, True])
    assert inbox.reserve(15, lambda: False)
    assert inbox.reserve(15, lambda: False)  # the last may exceed it, or large pages never came

    assert not inbox.reserve(1, lambda: next(over), 0.0)

    inbox.put_page(page("a", 5))
    inbox.release(15)
    assert inbox.waiting_bytes == 5
    inbox.release(15)
    assert inbox.reserve(1, lambda: False)


def test_nobody_waits_for_room_when_it_is_over() -> None:
    inbox = Inbox(1)
    inbox.put_page(page("a"))

    assert not inbox.reserve(1, lambda: True)


def test_a_page_that_comes_ends_the_waiting_for_one() -> None:
    inbox = Inbox(100)
    putting = Thread(target=inbox.put_page, args=(page("a"),))
    begun = monotonic()
    putting.start()

    found = inbox.take(begun + 60, pages=True)

    putting.join()
    assert found == page("a")
    assert monotonic() - begun < 30
