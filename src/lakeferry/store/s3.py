"""S3 beyond obstore: conditional uploads in parts, stored checksums, copies inside the service."""

import base64
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from lakeferry.config.target_encryption import is_of_a_key
from lakeferry.connect import s3 as connect
from lakeferry.connect.connection import Connection
from lakeferry.connect.importing import ONE_AT_A_TIME
from lakeferry.connect.s3_encryption import encryption_of
from lakeferry.errors import FerryError
from lakeferry.store import faults
from lakeferry.store.checksum import changed, wrong_size
from lakeferry.store.cold import ColdFile
from lakeferry.store.names import NameRules
from lakeferry.store.objects import Service, is_of_log
from lakeferry.store.parts import sized_parts
from lakeferry.store.protocol import CRC64NVME, AlreadyThere, Folder, ObjectMeta

RULES = NameRules("S3", longest_path=1024)
PART = 16 << 20  # bytes of one part of a large commit
PARTS_AT_ONCE = 4
COPY_WHOLE = 5 << 30  # bytes; S3 copies no more by one request
COPY_PART = 512 << 20
HASTY_S, PATIENT_S = 60, 900  # without an answer; a copy of 5 GiB at 6 MB/s takes the second
ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE"})  # as a listing tells; others are read at once
FOR_A_FEE = frozenset({"STANDARD_IA", "ONEZONE_IA", "GLACIER_IR"})
_NO_UPLOAD = {"NoSuchUpload"}  # no object is missing: the upload has ended, well or not
NOT_IMPLEMENTED = 501  # as a server answers to a condition that it does not know
STORED = {"ChecksumCRC64NVME": CRC64NVME, "ChecksumCRC32C": "crc32c", "ChecksumCRC32": "crc32",
          "ChecksumSHA256": "sha256"}  # fmt: skip


class S3:
    """One bucket, by boto3. A client is made by the first call that needs it."""

    LEAST_PART = 5 << 20  # bytes; S3 refuses smaller ones, but for the last

    def __init__(
        self,
        link: Connection,
        bucket: str,
        *,
        part: int = PART,
        copy_whole: int = COPY_WHOLE,
        copy_part: int = COPY_PART,
        storage_class: str | None = None,
    ) -> None:
        """
        Args:
            part: bytes of one part of a large commit.
            copy_whole: a copy of more bytes goes in parts...
            copy_part: ...of so many. Both are fixed but for tests.
            storage_class: of copies, but for logs; None: the bucket's own.

        Raises:
            FerryError: LF-2001 for options of encryption that do not go together.
        """
        self._link = link
        self._bucket = bucket
        self._part = part
        self._copy_whole = copy_whole
        self._copy_part = copy_part
        self._storage_class = storage_class
        encryption = encryption_of(link)
        self._encryption = {} if encryption is None else encryption.for_boto3()
        self._made: dict[bool, Any] = {}  # clients, by whether they are patient
        self._making = threading.Lock()

    def head(self, key: str) -> ObjectMeta | None:
        try:
            with self._translated(key):
                found = self._client().head_object(
                    Bucket=self._bucket, Key=key, ChecksumMode="ENABLED"
                )
        except FileNotFoundError:
            return None
        modified_ms = int(found["LastModified"].timestamp() * 1000)
        e_tag, size = found["ETag"].strip('"'), found["ContentLength"]
        return ObjectMeta(key, size, e_tag, modified_ms, _whole_checksums(found))

    @property
    def seals(self) -> bool:
        """Whether how objects are encrypted is said with each."""
        return bool(self._encryption)

    def otherwise_sealed(self, key: str) -> str | None:
        """How an object is encrypted, where that is not as this store asks; None: it is, or gone.

        What a key's id or alias stands for only KMS knows, so only an ARN is held against it.
        """
        sse, kms_key = map(self._encryption.get, ("ServerSideEncryption", "SSEKMSKeyId"))
        try:
            with self._translated(key):
                found = self._client().head_object(Bucket=self._bucket, Key=key)
        except FileNotFoundError:
            return None
        has, with_key = found.get("ServerSideEncryption", "nothing"), found.get("SSEKMSKeyId")
        if has != sse:
            return f"{has}, not {sse}"
        if kms_key is None or not is_of_a_key(kms_key) or with_key == kms_key:
            return None
        return f"with the key {with_key}"

    def entries(self, folder: str) -> Iterator[ObjectMeta | Folder]:
        pages = self._client().get_paginator("list_objects_v2")
        prefix = f"{folder}/" if folder else ""
        with self._translated(folder):
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix, Delimiter="/"):
                for found in page.get("Contents", ()):
                    modified_ms = int(found["LastModified"].timestamp() * 1000)
                    e_tag = found["ETag"].strip('"')
                    yield ObjectMeta(found["Key"].rstrip("/"), found["Size"], e_tag, modified_ms)
                for found in page.get("CommonPrefixes", ()):
                    yield Folder(found["Prefix"].rstrip("/"))

    def cold(self, folder: str, *, most: int, heads: int) -> Iterator[ColdFile]:
        """As `archive.cold_files`. `heads`: objects of INTELLIGENT_TIERING that are asked."""
        pages = self._client().get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{folder}/" if folder else "",
            OptionalObjectAttributes=["RestoreStatus"], PaginationConfig={"MaxItems": most},
        )  # fmt: skip
        with self._translated(folder):
            for found in (one for page in pages for one in page.get("Contents", ())):
                tier, restore = found.get("StorageClass", ""), found.get("RestoreStatus") or {}
                key, size = found["Key"], found["Size"]
                if tier in ARCHIVES and not restore.get("RestoreExpiryDate"):
                    under_way = bool(restore.get("IsRestoreInProgress"))
                    yield ColdFile(key, size, tier, is_under_way=under_way)
                elif tier in FOR_A_FEE:
                    yield ColdFile(key, size, tier, waits=False)
                elif tier == "INTELLIGENT_TIERING" and heads > 0:
                    heads -= 1
                    seen = self._client().head_object(Bucket=self._bucket, Key=key)
                    if "ArchiveStatus" in seen:
                        under_way = "Restore" in seen
                        yield ColdFile(key, size, seen["ArchiveStatus"], is_under_way=under_way)

    def put_large_if_absent(self, key: str, chunks: Iterator[bytes], *, size_hint: int) -> None:
        """The condition goes with the request that joins the parts: S3 checks it then."""
        client = self._client(patient=True)
        with self._upload(key) as upload:
            parts: list[dict[str, object]] = []
            waiting: deque[Future[dict[str, object]]] = deque()
            with ThreadPoolExecutor(PARTS_AT_ONCE) as pool:
                bodies = sized_parts(chunks, size_hint, self._part)
                for number, body in enumerate(bodies, start=1):
                    if len(waiting) == PARTS_AT_ONCE:
                        parts.append(waiting.popleft().result())
                    waiting.append(pool.submit(self._send_part, upload, number, body))
                parts.extend(sent.result() for sent in waiting)
            with self._translated(key):
                client.complete_multipart_upload(
                    **upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
                )

    def copy(self, other: Service, source: ObjectMeta, key: str) -> ObjectMeta | None:
        """Copy by requests to this bucket. None where the two are not one service to us."""
        if not isinstance(other, S3) or not self._reaches(other):
            return None
        origin = {"CopySource": {"Bucket": other._bucket, "Key": source.path},
                  "CopySourceIfMatch": f'"{source.e_tag}"'}  # fmt: skip
        if source.size > self._copy_whole:
            with self._translated(key, reading=source.path):
                self._copy_in_parts(key, source.size, origin)
            copied = self.head(key)
            if copied is None or copied.size != source.size:
                got = copied.size if copied else 0
                raise wrong_size(f"s3://{self._bucket}/{key}", expected=source.size, got=got)
            return copied
        with self._translated(key, reading=source.path):
            # The request is bound to the e_tag that `source` was seen with, so its size holds.
            answer = self._client(patient=True).copy_object(
                Bucket=self._bucket, Key=key, **origin,
                **self._checksum(), **self._class_of(key), **self._encryption,
            )["CopyObjectResult"]  # fmt: skip
        e_tag = answer["ETag"].strip('"')
        return ObjectMeta(key, source.size, e_tag, None, _whole_checksums(answer))

    def delete(self, key: str, e_tag: str) -> None:
        """By a condition of the request, which not every other server of this protocol keeps to."""
        if connect.endpoint_of(self._link) is not None:
            found = self.head(key)
            if found is not None and found.e_tag != e_tag:
                raise AlreadyThere(key)
        client, named = self._client(), {"Bucket": self._bucket, "Key": key}
        with self._translated(key):
            try:
                client.delete_object(**named, IfMatch=f'"{e_tag}"')
            except client.exceptions.ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] != NOT_IMPLEMENTED:
                    raise
                client.delete_object(**named)  # it was looked at just before

    def _reaches(self, other: "S3") -> bool:
        same = connect.endpoint_of(self._link) == connect.endpoint_of(other._link)
        return same and _identity(self._link) == _identity(other._link)

    def _copy_in_parts(self, key: str, size: int, origin: dict[str, Any]) -> None:
        client = self._client(patient=True)
        # No checksum is asked for: the service takes its own of the whole. Asked for one of each
        # part, versitygw answers with that of the whole source and keeps a wrong one.
        with self._upload(key, is_copy=True) as upload, ThreadPoolExecutor(PARTS_AT_ONCE) as pool:

            def copy_part(number: int, start: int) -> dict[str, object]:
                last = min(start + self._copy_part, size) - 1
                answer = client.upload_part_copy(
                    **upload, **origin, PartNumber=number, CopySourceRange=f"bytes={start}-{last}"
                )
                return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}

            starts = range(0, size, self._copy_part)
            parts = list(pool.map(copy_part, range(1, len(starts) + 1), starts))
            try:
                client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
            except client.exceptions.NoSuchUpload:
                # The answer to an earlier try was lost, or somebody ended the upload. The caller
                # looks at what is there.
                return

    @contextmanager
    def _upload(self, key: str, *, is_copy: bool = False) -> Iterator[dict[str, str]]:
        """The names of a new upload in parts; aborted unless the block ends well."""
        wanted = self._class_of(key) if is_copy else self._checksum()
        with self._translated(key):
            begun = self._client().create_multipart_upload(
                Bucket=self._bucket, Key=key, **wanted, **self._encryption
            )
        upload = {"Bucket": self._bucket, "Key": key, "UploadId": begun["UploadId"]}
        try:
            yield upload
        except BaseException:
            # What cannot be taken back stays as parts; it must not hide why.
            with suppress(FileNotFoundError, FerryError), self._translated(key):
                self._client().abort_multipart_upload(**upload)
            raise

    def _send_part(self, upload: dict[str, str], number: int, body: bytes) -> dict[str, object]:
        with self._translated(upload["Key"]):
            sent = self._client().upload_part(
                **upload, PartNumber=number, Body=body, **self._checksum()
            )
        part: dict[str, object] = {"PartNumber": number, "ETag": sent["ETag"]}
        if "ChecksumCRC64NVME" in sent:
            part["ChecksumCRC64NVME"] = sent["ChecksumCRC64NVME"]
        return part

    def _class_of(self, key: str) -> dict[str, str]:
        if self._storage_class is None or is_of_log(key):
            return {}
        return {"StorageClass": self._storage_class}

    def _checksum(self) -> dict[str, str]:
        return {"ChecksumAlgorithm": "CRC64NVME"} if connect.sends_checksum(self._link) else {}

    def _client(self, *, patient: bool = False) -> Any:
        """`patient`: for requests that the service works on before it answers."""
        with self._making:
            if patient not in self._made:
                seconds = PATIENT_S if patient else HASTY_S
                self._made[patient] = connect.client(self._link, self._bucket, answer_s=seconds)
            return self._made[patient]

    @contextmanager
    def _translated(self, key: str, *, reading: str | None = None) -> Iterator[None]:
        """`reading`: the source of a copy, whose e_tag is the condition of the request."""
        with ONE_AT_A_TIME:
            from botocore.exceptions import BotoCoreError, ClientError

        where = f"s3://{self._bucket}/{key}"
        try:
            yield
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code")
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if status == 412 and reading is not None:
                raise changed(reading, expected="that of the listing", found="another") from error
            if status in (409, 412) and code not in faults.BAD_NAME:
                # 409: another write of this key is under way. The caller looks who won.
                raise AlreadyThere(key) from error
            if status == 404 and code not in faults.NO_PLACE | faults.CREDENTIALS | _NO_UPLOAD:
                raise FileNotFoundError(where) from error
            raise faults.refusal(where, code=code, status=status, message=str(error)) from error
        except BotoCoreError as error:
            raise faults.refusal(where, message=str(error)) from error


def _identity(link: Connection) -> tuple[str | None, ...]:
    return tuple(link.get(name) for name in ("profile", "role", "access_key_id", "anonymous"))


def _whole_checksums(found: dict[str, Any]) -> dict[str, str]:
    """Checksums of the whole body, as hex; a checksum of part checksums compares with nothing."""
    if found.get("ChecksumType") == "COMPOSITE":
        return {}
    kept = {ours: found[theirs] for theirs, ours in STORED.items() if theirs in found}
    return {name: base64.b64decode(value).hex() for name, value in kept.items() if "-" not in value}
