"""Files whose reading has a price of its own, or that must be restored first, as a listing tells.

S3 lists the storage class of each object, and which of those in GLACIER and DEEP_ARCHIVE are
restored for a while; whether INTELLIGENT_TIERING has moved an object to its archive only a HEAD of
it says. Azure lists the tier of each blob, Google Cloud Storage the class of each object.

Source: Amazon S3 API, ListObjectsV2, "RestoreStatus"; HeadObject, "x-amz-archive-status"; Azure
Blob Storage REST API, List Blobs, "AccessTier", "ArchiveStatus"; Cloud Storage JSON API, Objects,
"storageClass".
"""

from collections.abc import Iterator

from lakeferry.store.cold import ColdFile
from lakeferry.store.objects import ObjectStore
from lakeferry.store.protocol import Store

MOST = 100_000  # objects of one table that are looked at
HEADS = 20  # of INTELLIGENT_TIERING; more are not asked for


def cold_files(store: Store, *, most: int = MOST) -> Iterator[ColdFile]:
    """Those below a store's root, of the first `most` objects that are listed.

    Raises:
        FerryError: the store refuses, or does not answer.
    """
    if isinstance(store, ObjectStore):
        find = getattr(store.service, "cold", None)  # of S3 and of Azure
        cut = len(store.prefix) + 1 if store.prefix else 0
        for one in find(store.prefix, most=most, heads=HEADS) if find is not None else ():
            yield one._replace(path=one.path[cut:])
    elif (find := getattr(store, "cold", None)) is not None:  # of Google Cloud Storage
        yield from find(most=most)
