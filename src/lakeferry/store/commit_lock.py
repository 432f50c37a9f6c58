"""Put-if-absent where S3 lacks it: a table of DynamoDB says which of two writers was first.

The table is that of Delta Lake's `S3DynamoDBLogStore`, so that its writers and ours exclude each
other. A commit is put under a name of its own, entered in the table where no entry of its version
is, copied to its place, and its entry marked. It is decided by the entry: whoever finds one that is
not marked copies for its writer, who may have died. So a commit's first copy stays (`.tmp/`), and
a copy never differs from another.

Source: Delta Lake, storage-s3-dynamodb, `BaseExternalLogStore` and `S3DynamoDBLogStore`;
documentation, "Storage configuration", "Multi-cluster setup".
"""

import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from tempfile import SpooledTemporaryFile
from typing import Any, Literal

from lakeferry.config.commit_lock import HOW, LockAddress, lock_address
from lakeferry.connect.aws import AwsAccess, call, usual_region
from lakeferry.connect.connection import Connection
from lakeferry.connect.importing import ONE_AT_A_TIME
from lakeferry.errors import FerryError
from lakeferry.store.protocol import AlreadyThere, Store

KEPT_S = 24 * 3600  # how long an entry outlasts its commit, as Spark has it; then it may expire
IN_MEMORY = 32 << 20  # bytes; a longer commit waits on disk, for its size must be known
_COMMIT = re.compile(r"(?:(.*)/)?_delta_log/\d{20}\.json")
_REFUSED, _NO_TABLE = "ConditionalCheckFailedException", "ResourceNotFoundException"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the table: who has a name, and where its text lies until it is there."""

    table_path: str  # of a commit: its table's address
    name: str
    temporary: str  # relative to the folder of the name
    is_complete: bool = False

    def item(self) -> dict[str, Any]:
        """As DynamoDB takes it."""
        found = {
            "tablePath": {"S": self.table_path}, "fileName": {"S": self.name},
            "tempPath": {"S": self.temporary},
            "complete": {"S": "true" if self.is_complete else "false"},
        }  # fmt: skip
        if self.is_complete:
            found["expireTime"] = {"N": str(int(time.time()) + KEPT_S)}
        return found


class CommitLock:
    """The lock of one bucket's writers. Safe to use from many threads."""

    def __init__(self, text: str, link: Connection, bucket: str) -> None:
        """`link`: of the bucket; where it leads to AWS itself, the lock is met as the same one.

        Raises:
            FerryError: LF-2001 for an address that is none.
        """
        self._at = _address(text)
        self._link = link
        self._bucket = bucket

    def put_if_absent(self, store: Store, path: str, key: str, chunks: Iterable[bytes]) -> None:
        """As `Store.put_if_absent`. `key`: of the path in the bucket.

        Raises:
            FerryError: LF-5010 the table is missing or contradicts the log; LF-1003 it cannot be
                reached; LF-1201 to LF-1206 it refuses.
        """
        if store.head(path) is not None:
            raise AlreadyThere(path)
        folder, _, name = path.rpartition("/")
        mine = Entry(self._table_path(key), name, f".tmp/{name}.{uuid.uuid4()}")
        temporary = f"{folder}/{mine.temporary}".lstrip("/")
        with _sized(chunks) as (body, size):
            store.write(temporary, body(), size=size)
        if not self._enter(mine, "attribute_not_exists(fileName)"):
            found = self._found(mine)
            if found.temporary != mine.temporary and not self._replaces(store, path, found, mine):
                _discard(store, temporary)
                self._finish(store, path, found)
                raise AlreadyThere(path)
        self._finish(store, path, mine)
        if not _is_commit(path):
            _discard(store, temporary)

    def _table_path(self, key: str) -> str:
        """Spark's word for the table of a commit. What is no commit has a word of ours: Spark
        takes the last entry of a table for its newest commit."""
        above = _COMMIT.fullmatch(key)
        place = f"{self._at.scheme}://{self._bucket}/"
        if above is not None:
            return f"{place}{above[1] or ''}"
        return f"lakeferry:{place}{key.rpartition('/')[0]}"

    def _replaces(self, store: Store, path: str, found: Entry, mine: Entry) -> bool:
        """Whether an entry whose file was removed since has given way; one of a commit never does.

        Only what is no commit is ever removed so that it can be put again.
        """
        if _is_commit(path) or not found.is_complete or store.head(path) is not None:
            return False
        return self._enter(mine, "tempPath = :held", held=found.temporary)

    def _finish(self, store: Store, path: str, entry: Entry) -> None:
        """Put the text of an entry in its place, whosever it is, and mark the entry."""
        if store.head(path) is None:
            if entry.is_complete:
                raise self._contradicted(store, path, entry, "says that it is there, and it is not")
            try:
                _copy(store, f"{path.rpartition('/')[0]}/{entry.temporary}".lstrip("/"), path)
            except FileNotFoundError as error:
                if store.head(path) is None:  # else another has finished it, and tidied up
                    what = f"names {entry.temporary}, which is gone"
                    raise self._contradicted(store, path, entry, what) from error
        if not entry.is_complete:
            done = Entry(entry.table_path, entry.name, entry.temporary, is_complete=True)
            with suppress(FerryError):  # it is there; the next who looks marks it
                self._enter(done, "tempPath = :held", held=entry.temporary)

    def _enter(self, entry: Entry, condition: str, *, held: str | None = None) -> bool:
        """Whether the entry could be put under its condition."""
        values = {} if held is None else {
            "ExpressionAttributeValues": {":held": {"S": held}}
        }  # fmt: skip
        answer = self._asked("put_item", Item=entry.item(), ConditionExpression=condition, **values)
        return answer is not None

    def _found(self, of: Entry) -> Entry:
        key = {"tablePath": {"S": of.table_path}, "fileName": {"S": of.name}}
        item = (self._asked("get_item", Key=key, ConsistentRead=True) or {}).get("Item")
        if item is None:
            raise FerryError(
                "LF-1003",
                "the entry of a commit went away while it was looked at",
                f"{of.table_path}, {of.name} in dynamodb://{self._at.table}",
                "run the same command again",
            )
        is_complete = item["complete"]["S"] == "true"
        return Entry(of.table_path, of.name, item["tempPath"]["S"], is_complete)

    def _asked(
        self, operation: Literal["put_item", "get_item"], **parameters: Any
    ) -> Mapping[str, Any] | None:
        """The answer; None where the condition does not hold."""
        with ONE_AT_A_TIME:
            from botocore.exceptions import ClientError

        try:
            return call(
                self._access, "dynamodb", operation, TableName=self._at.table,
                on=self._at.table, expected=(_REFUSED, _NO_TABLE), **parameters,
            )  # fmt: skip
        except ClientError as error:
            if error.response["Error"]["Code"] == _REFUSED:
                return None
            raise self._missing() from error
        except FerryError as error:
            if error.code not in ("LF-1204", "LF-1205"):
                raise
            # As a store that does not answer: who commits looks what became of the commit.
            raise FerryError(
                "LF-1003", f"the commit lock does not answer: {error.what}", error.where,
                error.next_step,
            ) from error  # fmt: skip

    @cached_property
    def _access(self) -> AwsAccess:
        at, link = self._at, self._link
        own = at.profile is None and link.get("endpoint") is None
        profile = link.get("profile") if own else at.profile
        region = at.region or link.get("region") or usual_region(profile) or "us-east-1"
        role, external_id = (link.get("role"), link.get("external_id")) if own else (None, None)
        return AwsAccess(
            region, profile=profile, role=role, external_id=external_id, endpoint=at.endpoint
        )

    def _missing(self) -> FerryError:
        access = self._access
        return FerryError(
            "LF-5010",
            "the table of the commit lock does not exist",
            f"dynamodb://{self._at.table}; {access.shown}",
            f"make it: aws dynamodb create-table --region {access.region} --table-name "
            f"{self._at.table} --billing-mode PAY_PER_REQUEST --attribute-definitions "
            "AttributeName=tablePath,AttributeType=S AttributeName=fileName,AttributeType=S "
            "--key-schema AttributeName=tablePath,KeyType=HASH "
            "AttributeName=fileName,KeyType=RANGE",
        )

    def _contradicted(self, store: Store, path: str, entry: Entry, what: str) -> FerryError:
        return FerryError(
            "LF-5010",
            f"the commit lock {what}",
            f"{store.url}/{path}; dynamodb://{self._at.table} has it under {entry.table_path}",
            "where the table was deleted and is made anew, delete the entries of its address from "
            "the lock's table; else bring the file back first",
        )


def _address(text: str) -> LockAddress:
    found = lock_address(text)
    if found is None:
        raise FerryError(
            "LF-2001", "the commit lock is no table of DynamoDB", f"commit_lock: `{text}`", HOW
        )
    return found


def _is_commit(path: str) -> bool:
    return _COMMIT.fullmatch(path) is not None


def _copy(store: Store, temporary: str, path: str) -> None:
    """At once or not at all, so that nobody reads a part. Raises FileNotFoundError."""
    if store.copy_from(store, temporary, path) is None:
        with _sized(store.read(temporary)) as (body, size):
            store.write(path, body(), size=size)


def _discard(store: Store, path: str) -> None:
    with suppress(FerryError):  # without the right to delete it stays, and nobody reads it
        store.delete(path)


Body = Callable[[], Iterator[bytes]]


@contextmanager
def _sized(chunks: Iterable[bytes]) -> Iterator[tuple[Body, int]]:
    """The bytes once more, and how many they are."""
    with SpooledTemporaryFile(max_size=IN_MEMORY) as held:
        for chunk in chunks:
            try:
                held.write(chunk)
            except OSError as error:
                raise FerryError(
                    "LF-5101", "no room for a commit that waits for its lock", str(error),
                    "free some space where temporary files lie (TMPDIR), then run this again",
                ) from error  # fmt: skip
        size = held.tell()
        held.seek(0)
        yield lambda: iter(lambda: held.read(1 << 20), b""), size
