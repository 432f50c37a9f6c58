"""Orders go before pages, pages keep their order and their bytes, and nobody waits in vain."""

from threading import Thread
from time import monotonic

from lakeferry.ingest.inbox import Fetched, Inbox
from lakeferry.ingest.messages import Drain, Flush
from lakeferry.ingest.position import FromTrimHorizon


def page(name: str, size: int = 10) -> Fetched:
    return Fetched(name, [], FromTrimHorizon(), 0, size)


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


def test_who_has_a_page_to_put_waits_until_there_is_room() -> None:
    inbox = Inbox(20)
    inbox.put_page(page("a"))
    inbox.wait_for_room(lambda: False)
    inbox.put_page(page("b"))
    waiting = Thread(target=inbox.wait_for_room, args=(lambda: False, 60.0))
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()

    taken(inbox)
    waiting.join(10)

    assert not waiting.is_alive()


def test_nobody_waits_for_room_when_it_is_over() -> None:
    inbox = Inbox(1)
    inbox.put_page(page("a"))

    inbox.wait_for_room(lambda: True)

    assert inbox.has_pages


def test_a_page_that_comes_ends_the_waiting_for_one() -> None:
    inbox = Inbox(100)
    putting = Thread(target=inbox.put_page, args=(page("a"),))
    begun = monotonic()
    putting.start()

    found = inbox.take(begun + 60, pages=True)

    putting.join()
    assert found == page("a")
    assert monotonic() - begun < 30
