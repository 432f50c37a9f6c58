"""The address of a commit lock, `dynamodb://TABLE`, taken apart. Pure."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

HOW = "write dynamodb://TABLE, or dynamodb://TABLE?region=eu-west-1"
ACTIONS = ("dynamodb:GetItem", "dynamodb:PutItem")  # on the table, of whoever commits
_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_KEYS = ("region", "endpoint", "profile", "scheme")


@dataclass(frozen=True, slots=True)
class LockAddress:
    """`dynamodb://TABLE?region=...&endpoint=...&profile=...&scheme=...`."""

    table: str
    region: str | None = None  # None: the bucket's, or the usual one
    endpoint: str | None = None  # URL in place of AWS's own
    profile: str | None = None  # of the AWS configuration files
    scheme: str = "s3a"  # with which other writers spell the addresses of tables

    def arn(self, partition: str, region: str | None, account: str | None = None) -> str | None:
        """Of the table, with `*` for what is not known; None where it is no table of AWS's."""
        if self.endpoint is not None:
            return None
        where = f"{self.region or region or '*'}:{account or '*'}"
        return f"arn:{partition}:dynamodb:{where}:table/{self.table}"


def lock_address(text: str) -> LockAddress | None:
    """None of a text that is no such address."""
    parts = urlsplit(text)
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    is_right = parts.scheme == "dynamodb" and _TABLE.fullmatch(parts.netloc) is not None
    if not is_right or parts.path.strip("/") or parts.fragment or not {*given} <= {*_KEYS}:
        return None
    return LockAddress(parts.netloc, **given)
