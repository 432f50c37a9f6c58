"""The least that a role needs to ingest: policies. Pure.

AWS itself has not judged these texts; see README.

Source: Service Authorization Reference of Kinesis Data Streams, S3 and EC2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lakeferry.catalog.rights import statement
from lakeferry.config.commit_lock import ACTIONS
from lakeferry.ingest.kinesis.refusal_text import READS


@dataclass(frozen=True, slots=True)
class Reach:
    """What one policy is for."""

    streams: tuple[str, ...]  # ARNs
    tables: tuple[str, ...]  # `s3://bucket/prefix`; others need no right of AWS's
    partition: str = "aws"
    keys: tuple[str, ...] = ()  # ARNs of KMS keys of the tables
    leases: tuple[str, ...] = ()  # ARNs of DynamoDB's tables, of positions that are adopted
    checkpoints: tuple[str, ...] = ()  # `s3://bucket/prefix`, of the same
    locks: tuple[str, ...] = ()  # ARNs of DynamoDB's tables, by which commits go


def ingest_policy(reach: Reach) -> Mapping[str, Any]:
    """A policy document: read these streams, write these tables, see which way bytes go.

    The last statement serves `--check` and `doctor` alone and may be left out. What is read of
    another consumer serves the first start alone.
    """
    found = [statement("ReadStreams", READS, reach.streams)]
    places = _places(reach.tables)
    if places:
        objects = _objects(reach, places)
        actions = (
            "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject",
            "s3:ListMultipartUploadParts", "s3:PutObject",
        )  # fmt: skip
        found.append(statement("WriteTables", actions, objects))
        # Without a condition on the prefix: S3 weighs ListBucket when an object that is read is not
        # there, too, and would say 403 in place of 404, which is how a new table is told.
        found.append(statement("ListTables", ["s3:ListBucket"], _buckets(reach, places)))
    if reach.leases:
        found.append(statement("ReadLeases", ["dynamodb:Scan"], reach.leases))
    places = _places(reach.checkpoints)
    if places:
        found.append(statement("ReadCheckpoints", ["s3:GetObject"], _objects(reach, places)))
        found.append(statement("ListCheckpoints", ["s3:ListBucket"], _buckets(reach, places)))
    if reach.keys:
        uses = ("kms:Decrypt", "kms:GenerateDataKey")
        found.append(statement("UseKeys", uses, reach.keys))
    if reach.locks:
        found.append(statement("CommitLock", ACTIONS, reach.locks))
    looks = (
        "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables", "ec2:DescribeVpcEndpoints",
    )  # fmt: skip
    found.append(statement("SeeTheWay", looks, ["*"]))
    return {"Version": "2012-10-17", "Statement": found}


Places = Sequence[tuple[str, str]]  # bucket, prefix


def _places(urls: Sequence[str]) -> Places:
    found = (one.partition("://")[2].partition("/") for one in urls)
    return [(bucket, prefix) for bucket, _, prefix in found]


def _objects(reach: Reach, places: Places) -> list[str]:
    return [f"{_bucket(reach, bucket)}/{_below(prefix)}*" for bucket, prefix in places]


def _buckets(reach: Reach, places: Places) -> list[str]:
    return [_bucket(reach, bucket) for bucket, _ in places]


def _bucket(reach: Reach, bucket: str) -> str:
    return f"arn:{reach.partition}:s3:::{bucket}"


def _below(prefix: str) -> str:
    return f"{prefix.rstrip('/')}/" if prefix else ""
