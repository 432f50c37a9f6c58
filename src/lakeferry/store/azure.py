"""Azure Blob beyond obstore: conditional block lists, stored MD5, copies inside the account.

All goes by the Blob endpoint, for accounts with a hierarchical namespace too: one way to commit.
"""

import base64
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Any

from lakeferry.connect import azure as connect
from lakeferry.connect.connection import Connection
from lakeferry.connect.importing import ONE_AT_A_TIME
from lakeferry.errors import FerryError
from lakeferry.store import faults
from lakeferry.store.checksum import changed
from lakeferry.store.cold import ColdFile
from lakeferry.store.names import NameRules
from lakeferry.store.objects import Service
from lakeferry.store.parts import sized_parts
from lakeferry.store.protocol import AlreadyThere, Folder, ObjectMeta

# The service turns backslashes into slashes and drops dots at the end of a segment.
RULES = NameRules("Azure Blob", longest_path=1024, refused="\\", final_dots=False)
BLOCK = 16 << 20  # bytes of one block of a large commit
FOR_A_FEE = frozenset({"Cool", "Cold"})
BLOCKS_AT_ONCE = 4
COPY_POLL_S = 0.5


class Azure:
    """One container, by azure-storage-blob. The client is made by the first call."""

    def __init__(self, link: Connection, container: str, *, block: int = BLOCK) -> None:
        self._link = link
        self._container = container
        self._block = block
        self._made: Any = None
        self._making = threading.Lock()

    def head(self, key: str) -> ObjectMeta | None:
        try:
            with self._translated(key):
                found = self._blob(key).get_blob_properties()
        except FileNotFoundError:
            return None
        modified_ms = int(found.last_modified.timestamp() * 1000)
        md5 = found.content_settings.content_md5
        checksums = {"md5": bytes(md5).hex()} if md5 else {}
        return ObjectMeta(key, found.size, found.etag.strip('"'), modified_ms, checksums)

    def entries(self, folder: str) -> Iterator[ObjectMeta | Folder]:
        with ONE_AT_A_TIME:
            from azure.storage.blob import BlobPrefix

        prefix = f"{folder}/" if folder else None
        with self._translated(folder):
            for found in self._container_client().walk_blobs(name_starts_with=prefix):
                if isinstance(found, BlobPrefix):
                    yield Folder(found.name.rstrip("/"))
                else:
                    modified_ms = int(found.last_modified.timestamp() * 1000)
                    yield ObjectMeta(found.name, found.size, found.etag.strip('"'), modified_ms)

    def cold(self, folder: str, *, most: int, heads: int) -> Iterator[ColdFile]:
        """As `archive.cold_files`; a listing tells all, so nothing is asked of single blobs."""
        del heads
        with self._translated(folder):
            blobs = self._container_client().list_blobs(
                name_starts_with=f"{folder}/" if folder else None
            )
            for found in islice(blobs, most):
                tier, under_way = found.blob_tier, bool(found.archive_status)
                if tier == "Archive":
                    yield ColdFile(found.name, found.size, tier, is_under_way=under_way)
                elif tier in FOR_A_FEE:
                    yield ColdFile(found.name, found.size, tier, waits=False)

    def put_large_if_absent(self, key: str, chunks: Iterator[bytes], *, size_hint: int) -> None:
        """Blocks are invisible until a list of them is put, and that is put conditionally."""
        with ONE_AT_A_TIME:
            from azure.core import MatchConditions
            from azure.storage.blob import BlobBlock

        blob = self._blob(key)
        writer = uuid.uuid4().hex  # blocks of several writers lie beside each other
        blocks: list[Any] = []
        waiting: deque[Future[None]] = deque()

        def stage(name: str, body: bytes) -> None:
            with self._translated(key):
                blob.stage_block(name, body, length=len(body))

        with ThreadPoolExecutor(BLOCKS_AT_ONCE) as pool:
            for number, body in enumerate(sized_parts(chunks, size_hint, self._block)):
                if len(waiting) == BLOCKS_AT_ONCE:
                    waiting.popleft().result()
                name = base64.b64encode(f"{writer}{number:08}".encode()).decode()
                blocks.append(BlobBlock(name))
                waiting.append(pool.submit(stage, name, body))
            for staged in waiting:
                staged.result()
        try:
            with self._translated(key):
                blob.commit_block_list(blocks, match_condition=MatchConditions.IfMissing)
        except FerryError as error:
            # Another writer's list has thrown our blocks away: it has won.
            if self.head(key) is not None:
                raise AlreadyThere(key) from error
            raise

    def copy(self, other: Service, source: ObjectMeta, key: str) -> ObjectMeta | None:
        """Copy inside one account. None where the two are not one account to us."""
        with ONE_AT_A_TIME:
            from azure.core import MatchConditions

        if not isinstance(other, Azure) or self._link != other._link:
            return None
        blob = self._blob(key)
        with self._translated(key, reading=source.path):
            answer = blob.start_copy_from_url(
                other._blob(source.path).url,
                source_etag=f'"{source.e_tag}"',
                source_match_condition=MatchConditions.IfNotModified,
            )
            state = answer["copy_status"]
            while state == "pending":
                time.sleep(COPY_POLL_S)
                state = blob.get_blob_properties().copy.status
        if state != "success":
            raise faults.refusal(self._where(key), message=f"the copy ended as `{state}`")
        return ObjectMeta(key, source.size, answer["etag"].strip('"'))

    def delete(self, key: str, e_tag: str) -> None:
        """Under the condition that it is still that."""
        with ONE_AT_A_TIME:
            from azure.core import MatchConditions

        with self._translated(key):
            self._blob(key).delete_blob(
                etag=f'"{e_tag}"', match_condition=MatchConditions.IfNotModified
            )

    def _where(self, key: str) -> str:
        return f"{connect.endpoint_of(self._link)}/{self._container}/{key}"

    def _blob(self, key: str) -> Any:
        return self._container_client().get_blob_client(key)

    def _container_client(self) -> Any:
        with self._making:
            if self._made is None:
                self._made = connect.client(self._link, self._container)
            return self._made

    @contextmanager
    def _translated(self, key: str, *, reading: str | None = None) -> Iterator[None]:
        """`reading`: the source of a copy, whose e_tag is the condition of the request."""
        with ONE_AT_A_TIME:
            from azure.core.exceptions import AzureError, HttpResponseError

        where = self._where(key)
        try:
            yield
        except HttpResponseError as error:
            # Not every answer has a code: those to HEAD have none but in a header.
            code = str(getattr(error, "error_code", None) or "") or None
            code = code.rpartition(".")[2] if code else None
            if error.status_code == 412 and reading is not None:
                raise changed(reading, expected="that of the listing", found="another") from error
            if error.status_code == 412 or code in faults.EXISTS:
                raise AlreadyThere(key) from error
            if error.status_code == 404 and code not in faults.NO_PLACE:
                raise FileNotFoundError(where) from error
            status, message = error.status_code, error.message
            raise faults.refusal(where, code=code, status=status, message=message) from error
        except AzureError as error:
            raise faults.refusal(where, message=str(error)) from error
