"""The least that a role needs to ingest: policies. Pure.

AWS itself has not judged these texts; see README.

Source: Service Authorization Reference of Kinesis Data Streams, S3 and EC2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lakeferry.ingest.refusal_text import READS


@dataclass(frozen=True, slots=True)
class Reach:
    """What one policy is for."""

    streams: tuple[str, ...]  # ARNs
    tables: tuple[str, ...]  # `s3://bucket/prefix`; others need no right of AWS's
    partition: str = "aws"
    keys: tuple[str, ...] = ()  # ARNs of KMS keys of the tables


def ingest_policy(reach: Reach) -> Mapping[str, Any]:
    """A policy document: read these streams, write these tables, see which way bytes go.

    The last statement serves `--check` and `doctor` alone and may be left out.
    """
    found = [_statement("ReadStreams", READS, reach.streams)]
    places = [one.partition("://")[2].partition("/")[::2] for one in reach.tables]
    if places:
        objects = [f"{_bucket(reach, bucket)}/{_below(prefix)}*" for bucket, prefix in places]
        actions = (
            "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject",
            "s3:ListMultipartUploadParts", "s3:PutObject",
        )  # fmt: skip
        found.append(_statement("WriteTables", actions, objects))
        # Without a condition on the prefix: S3 weighs ListBucket when an object that is read is not
        # there, too, and would say 403 in place of 404, which is how a new table is told.
        buckets = [_bucket(reach, bucket) for bucket, _ in places]
        found.append(_statement("ListTables", ["s3:ListBucket"], buckets))
    if reach.keys:
        uses = ("kms:Decrypt", "kms:GenerateDataKey")
        found.append(_statement("UseKeys", uses, reach.keys))
    looks = (
        "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables", "ec2:DescribeVpcEndpoints",
    )  # fmt: skip
    found.append(_statement("SeeTheWay", looks, ["*"]))
    return {"Version": "2012-10-17", "Statement": found}


def _statement(sid: str, actions: Sequence[str], resources: Sequence[str]) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": sorted(actions),
        "Resource": list(dict.fromkeys(resources)),
    }


def _bucket(reach: Reach, bucket: str) -> str:
    return f"arn:{reach.partition}:s3:::{bucket}"


def _below(prefix: str) -> str:
    return f"{prefix.rstrip('/')}/" if prefix else ""
