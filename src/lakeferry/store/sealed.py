"""Objects that lie encrypted otherwise than their store puts them, of a few that are asked.

An object keeps what it was put with: what was brought before `target.encryption` was said, and what
others put, is as the bucket had it then. Only a HEAD tells, so a few stand for all.
"""

from collections.abc import Iterator
from itertools import islice

from lakeferry.store.objects import ObjectStore, is_of_log
from lakeferry.store.protocol import Store
from lakeferry.store.s3 import S3

PAGE = 1000  # objects that are listed, to choose from
ASKED = 3  # data files, and the same of the log


def otherwise_sealed(store: Store) -> Iterator[tuple[str, str | None]]:
    """Paths of objects that were asked, and how each is encrypted where that is not as asked for.

    Nothing of a store that asks for no encryption. One page of a listing and `ASKED` HEADs twice.

    Raises:
        FerryError: the store refuses, or does not answer.
    """
    service = store.service if isinstance(store, ObjectStore) else None
    if not (isinstance(store, ObjectStore) and isinstance(service, S3) and service.seals):
        return
    paths = [meta.path for meta in islice(store.list(""), PAGE)]
    for is_log in (True, False):
        for path in [one for one in paths if is_of_log(one) is is_log][-ASKED:]:
            yield path, service.otherwise_sealed(store.key(path))
