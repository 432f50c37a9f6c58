"""What lies directly in one folder of an object store, without holding millions of it.

One page of all that lies below tells whether it is little, which most folders are; what it does not
tell is asked by delimiter, and a flat folder of many objects page by page.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import obstore

from lakeferry.store.protocol import Folder, ObjectMeta

if TYPE_CHECKING:
    from obstore import ObjectMeta as Found
    from obstore.store import ObjectStore as Backend

PAGE = 1000  # objects; S3's

Entry = ObjectMeta | Folder
Paged = Callable[[str], Iterator[Entry]]


def entries(
    backend: "Backend",
    folder: str,
    paged: Paged | None,
    meta_of: Callable[[str, "Found"], ObjectMeta],
) -> Iterator[Entry]:
    """Objects and folders directly in `folder`; paths are whole keys.

    Args:
        folder: without slashes at its ends; '' is the bucket.
        paged: asks the service itself; None where there is none (memory).
    """
    start = len(folder) + 1 if folder else 0
    first = next(iter(obstore.list(backend, folder or None, chunk_size=PAGE)), [])
    direct = [found for found in first if "/" not in found["path"][start:]]
    if len(first) < PAGE:
        below = (found["path"][start:].partition("/") for found in first)
        names = {name for name, slash, _ in below if slash}
        yield from _told(direct, {f"{folder}/{name}" if folder else name for name in names},
                         folder, meta_of)  # fmt: skip
    elif len(direct) == len(first) and paged is not None:
        yield from (found for found in paged(folder) if found.path != folder)
    else:
        answer = obstore.list_with_delimiter(backend, folder or None)
        yield from _told(answer["objects"], set(answer["common_prefixes"]), folder, meta_of)


def _told(
    objects: Iterable["Found"],
    folders: set[str],
    folder: str,
    meta_of: Callable[[str, "Found"], ObjectMeta],
) -> Iterator[Entry]:
    """A folder's own marker, an empty object of its name, is no object."""
    for found in objects:
        if found["path"] != folder and found["path"] not in folders:
            yield meta_of(found["path"], found)
    for path in folders:
        yield Folder(path)
