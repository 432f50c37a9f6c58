"""Files that lie in an archive and cannot be read before they are restored, as a listing tells.

S3 lists the classes GLACIER and DEEP_ARCHIVE, and which of their objects are restored for a while;
whether INTELLIGENT_TIERING has moved an object to its archive only a HEAD of it says. Azure lists
the tier of each blob.

Source: Amazon S3 API, ListObjectsV2, "RestoreStatus"; HeadObject, "x-amz-archive-status"; Azure
Blob Storage REST API, List Blobs, "AccessTier", "ArchiveStatus".
"""

from typing import NamedTuple

from lakeferry.store.objects import ObjectStore
from lakeferry.store.protocol import Store

MOST = 100_000  # objects of one table that are looked at
HEADS = 20  # of INTELLIGENT_TIERING; more are not asked for


class InArchive(NamedTuple):
    """One object that must be restored."""

    path: str
    size: int  # bytes
    tier: str  # 'GLACIER', 'DEEP_ARCHIVE', 'ARCHIVE_ACCESS', 'Archive', ...
    is_under_way: bool = False  # it is being restored


def in_archive(store: Store, *, most: int = MOST) -> tuple[InArchive, ...]:
    """The files below a store's root that lie in an archive, of the first `most` that are listed.

    Raises:
        FerryError: the store refuses, or does not answer.
    """
    if not isinstance(store, ObjectStore):
        return ()
    find = getattr(store.service, "archived", None)  # of S3 and of Azure
    if find is None:
        return ()
    prefix = store.prefix
    cut = len(prefix) + 1 if prefix else 0
    return tuple(one._replace(path=one.path[cut:]) for one in find(prefix, most=most, heads=HEADS))
