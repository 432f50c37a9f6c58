"""Closed files on their way to the store, batch after batch, while the worker reads on."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from queue import SimpleQueue
from threading import Thread

from lakeferry.ingest.files.data_file import ClosedFile, upload
from lakeferry.ingest.worker.inbox import Failed, Inbox
from lakeferry.ingest.worker.messages import Batch, DataFile
from lakeferry.store.protocol import Store

AT_ONCE = 4  # files of one batch


@dataclass(frozen=True, slots=True)
class Unsent:
    """A batch whose files lie on this machine's disk."""

    batch: Batch  # without its files
    files: tuple[ClosedFile, ...]
    rejected: tuple[ClosedFile, ...]  # of the quarantine table


class Sender(Thread):
    """Uploads one batch after the other; each goes to the inbox when all its files are durable.

    Args:
        table, rejected: open the stores of the table and of its quarantine table.
    """

    def __init__(
        self, inbox: Inbox, table: Callable[[], Store], rejected: Callable[[], Store] | None
    ) -> None:
        super().__init__(name="send", daemon=True)
        self._inbox, self._table, self._rejected = inbox, table, rejected
        self._todo: SimpleQueue[Unsent | None] = SimpleQueue()  # None: there will be no more

    def send(self, unsent: Unsent) -> None:
        self._todo.put(unsent)

    def end(self) -> None:
        """No batch follows; what is on its way is not waited for."""
        self._todo.put(None)

    def run(self) -> None:
        try:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                while (unsent := self._todo.get()) is not None:
                    self._inbox.put(self._sent(unsent, pool))
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            self._inbox.put(Failed(error))

    def _sent(self, unsent: Unsent, pool: ThreadPoolExecutor) -> Batch:
        rejected: tuple[DataFile, ...] = ()
        if unsent.rejected and self._rejected is not None:
            rejected = _uploaded(self._rejected(), unsent.rejected, pool)
        files = _uploaded(self._table(), unsent.files, pool) if unsent.files else ()
        return replace(unsent.batch, files=files, rejected=rejected)


def _uploaded(
    store: Store, closed: Iterable[ClosedFile], pool: ThreadPoolExecutor
) -> tuple[DataFile, ...]:
    files = tuple(pool.map(partial(upload, store), closed))
    store.settle()
    return files
