"""Which files lay at a folder's target when it was switched: 16 bytes a file, beside its receipt.

A folder has no log that could say what was written to it since.
"""

from itertools import islice
from typing import NamedTuple

import numpy as np

from lakeferry.clone.folder import listed_files
from lakeferry.clone.folder_state import HeldMarks, mark_of
from lakeferry.fleet.proof.receipt_files import FOLDER_RECEIPTS
from lakeferry.store.protocol import ObjectMeta, Store, read_all

_BLOCK = 4096  # files looked up at once


class Changed(NamedTuple):
    """What was written to a folder's target since."""

    written: tuple[ObjectMeta, ...]  # new files, and others under old names
    gone: int  # files that are not there any more, or not as they were

    @property
    def deleted(self) -> int:
        """How many were deleted at least: of those that are gone some were written over."""
        return max(0, self.gone - len(self.written))


def put_switched(store: Store, at_ms: int) -> int:
    """Note what lies at the target; how many files."""
    marks = sorted(mark_of(meta) for meta in listed_files(store, ()))
    body = b"".join(marks)
    store.write(_name(at_ms), [body], size=len(body))
    return len(marks)


def changed_since(store: Store, at_ms: int) -> Changed:
    """What is other than when it was switched.

    Raises:
        FileNotFoundError: nothing was noted then.
    """
    body = read_all(store, _name(at_ms))
    held = HeldMarks(np.unique(np.frombuffer(body[: len(body) // 16 * 16], "S16")), ())
    seen, written = 0, []
    metas = listed_files(store, ())
    while block := list(islice(metas, _BLOCK)):
        for meta, is_held in zip(block, held.has([mark_of(meta) for meta in block]), strict=True):
            if is_held:
                seen += 1
            else:
                written.append(meta)
    return Changed(tuple(written), len(held.marks) - seen)


def _name(at_ms: int) -> str:
    return f"{FOLDER_RECEIPTS}/{at_ms:015}-cutover.files"
