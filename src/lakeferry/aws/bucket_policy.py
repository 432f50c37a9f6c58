"""What the policy of a bucket says for our flow logs: read, put, taken away; others' words stay.

Source: VPC User Guide, "Publish flow logs to Amazon S3"; S3 API Reference, GetBucketPolicy.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from lakeferry.aws.place import Place
from lakeferry.errors import FerryError
from lakeferry.network.policy_text import policy_text
from lakeferry.network.resources import BucketPolicy

NO_BUCKET, NO_POLICY = "NoSuchBucket", "NoSuchBucketPolicy"
REFUSED = ("AccessDenied", "MethodNotAllowed")  # the second to others than the bucket's account
Statements = list[Mapping[str, Any]]


def find_policies(
    place: Place, buckets: Iterable[str], *, needed: str = ""
) -> tuple[BucketPolicy, ...]:
    """Our statements in the policies of buckets, '' where there are none; by name.

    A bucket whose policy may not be read is left out: it is another account's, and AWS itself adds
    what is missing, or says that it could not.

    Raises:
        FerryError: LF-6406 where the bucket that is needed is not there. Others may have gone.
    """
    found: list[BucketPolicy] = []
    for name in sorted(set(buckets)):
        try:
            there = _statements(place, name)
        except FerryError as error:
            if error.code != "LF-6406" or name == needed:
                raise
            continue
        if there is not None:
            found.append(_ours(name, there, _mark(place)))
    return tuple(found)


def _ours(bucket: str, statements: Statements, mark: str) -> BucketPolicy:
    ours = [
        {**one, "Sid": str(one["Sid"]).removesuffix(mark)}
        for one in statements
        if _is_ours(one, mark)
    ]
    return BucketPolicy(bucket, policy_text(*ours) if ours else "")


def ensure_policy(place: Place, wanted: BucketPolicy) -> None:
    """Put our statements beside those of others, where the policy may be read."""
    found = _statements(place, wanted.name)
    if found is None:
        return
    mark = _mark(place)
    ours = orjson.loads(wanted.policy)["Statement"]
    added = [{**one, "Sid": one["Sid"] + mark} for one in ours]
    _put(place, wanted.name, [*(one for one in found if not _is_ours(one, mark)), *added])


def remove_policy(place: Place, found: BucketPolicy) -> None:
    """Take our statements out; a bucket that is gone already is no error."""
    try:
        there = _statements(place, found.name)
    except FerryError as error:
        if error.code != "LF-6406":
            raise
        return
    if there is None:
        return
    if kept := [one for one in there if not _is_ours(one, _mark(place))]:
        _put(place, found.name, kept)
    else:
        place.attempt("s3", "delete_bucket_policy", found.name, (NO_BUCKET,), **_of(place, found))


def _statements(place: Place, bucket: str) -> Statements | None:
    """All of a bucket's policy; None where it may not be read."""
    answer, code = place.attempt(
        "s3", "get_bucket_policy", _arn(place, bucket), (*REFUSED, NO_POLICY, NO_BUCKET),
        Bucket=bucket, ExpectedBucketOwner=place.account,
    )  # fmt: skip
    if code in REFUSED:
        return None
    if code == NO_BUCKET:
        raise FerryError(
            "LF-6406",
            f"there is no bucket `{bucket}`",
            f"flow logs go there; {place.access.shown}; nothing was changed",
            "make it, or name another one",
        )
    listed = orjson.loads(answer["Policy"])["Statement"] if answer else []
    return listed if isinstance(listed, list) else [listed]


def _put(place: Place, bucket: str, statements: Iterable[Mapping[str, Any]]) -> None:
    place.ask(
        "s3", "put_bucket_policy", _arn(place, bucket), Bucket=bucket,
        Policy=policy_text(*statements), ExpectedBucketOwner=place.account,
    )  # fmt: skip


def _of(place: Place, found: BucketPolicy) -> Mapping[str, str]:
    return {"Bucket": found.name, "ExpectedBucketOwner": place.account}


def _arn(place: Place, bucket: str) -> str:
    return f"arn:{place.partition}:s3:::{bucket}"


def _is_ours(statement: Mapping[str, Any], mark: str) -> bool:
    return str(statement.get("Sid", "")).endswith(mark)


def _mark(place: Place) -> str:
    """Ends the ids of our statements, which take letters and digits alone."""
    return f"Lakeferry{hashlib.sha256(place.deployment.encode()).hexdigest()[:8]}"
