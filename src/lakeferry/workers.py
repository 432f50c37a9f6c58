"""More hands: the same task over many items, results in any order.

The contract: `task` is a function of one small value that returns a value, also for an expected
trouble (`Failed`); it may run twice for one item, so it must be idempotent. Items are taken lazily,
a window at a time, so a plan of millions of files never becomes a list.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from threading import Event
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_threads(
    task: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    count: int,
    stop: Event | None = None,
) -> Iterator[Result]:
    """Run `task` over `items` in `count` threads; results come as they are ready.

    At most 2 × `count` items are taken ahead. Setting `stop` ends the taking of new items; those
    that run are awaited and yielded. An exception of a task is raised here after the others ended.
    """
    # A queue of what is done, for `concurrent.futures.wait` looks at the whole window each time,
    # which costs more than copying a small file.
    done: SimpleQueue[Future[Result]] = SimpleQueue()
    source = iter(items)
    running = 0
    with ThreadPoolExecutor(count) as pool:

        def fill(running: int) -> int:
            while running < 2 * count and not (stop and stop.is_set()):
                try:
                    item = next(source)
                except StopIteration:
                    break
                pool.submit(task, item).add_done_callback(done.put)
                running += 1
            return running

        running = fill(running)
        while running:
            future = done.get()
            running = fill(running - 1)
            yield future.result()
