"""How S3 encrypts what is put, said with each request that makes an object. Reads say nothing.

A part of an upload says nothing either: S3 refuses it there, and goes by what began the upload.

Source: Amazon S3 API Reference, PutObject, CopyObject, CreateMultipartUpload; User Guide, "Reducing
the cost of SSE-KMS with Amazon S3 Bucket Keys".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lakeferry.config.migration_shape import SSE
from lakeferry.connect.connection import Connection, wrong_option

_WITH_KEY = ("aws:kms", "aws:kms:dsse")


@dataclass(frozen=True, slots=True)
class Encryption:
    """What is said of one object."""

    sse: str  # 'aws:kms', 'aws:kms:dsse', 'AES256'
    kms_key: str | None = None  # ARN or id; None: AWS's own key for S3
    bucket_key: bool | None = None  # None: nothing is said, for only `aws:kms` has bucket keys

    def for_boto3(self) -> Mapping[str, Any]:
        """Arguments of `put_object`, `copy_object` and `create_multipart_upload`."""
        said = {
            "ServerSideEncryption": self.sse,
            "SSEKMSKeyId": self.kms_key,
            "BucketKeyEnabled": self.bucket_key,
        }
        return {name: value for name, value in said.items() if value is not None}

    def for_obstore(self) -> Mapping[str, Any]:
        """Settings of `S3Store`, which says them of objects and uploads, and of nothing else."""
        said = {
            "server_side_encryption": self.sse,
            "sse_kms_key_id": self.kms_key,
            "sse_bucket_key_enabled": self.bucket_key,
        }
        return {name: value for name, value in said.items() if value is not None}


def encryption_of(link: Connection) -> Encryption | None:
    """As the options say; None: as the bucket does by its own settings.

    A bucket key spares a request to KMS for most objects, so `aws:kms` has one unless told not to.

    Raises:
        FerryError: LF-2001 options that do not go together.
    """
    sse, key, bucket_key = (link.get(name) for name in ("sse", "kms_key", "bucket_key"))
    if sse is not None and sse not in SSE:
        raise wrong_option(f"`{sse}` is no server-side encryption of S3", f"sse: {', '.join(SSE)}")
    if key is not None and sse not in _WITH_KEY:
        raise wrong_option("`kms_key` needs `sse=aws:kms`", "s3")
    if bucket_key is not None and sse != "aws:kms":
        raise wrong_option("`bucket_key` needs `sse=aws:kms`", "s3")
    if sse in (None, "none"):
        return None
    is_wanted = sse == "aws:kms" and (bucket_key is None or link.is_true("bucket_key"))
    return Encryption(str(sse), key, is_wanted if sse == "aws:kms" else None)
