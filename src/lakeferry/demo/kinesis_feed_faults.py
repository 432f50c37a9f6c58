"""What goes wrong in the feed on command: which answers, how often, and in which way."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import orjson

from lakeferry.demo.kinesis_feed_shard import Body, whole
from lakeferry.demo.kinesis_feed_stream import Fault

Breakage = Literal[
    "throttle",  # ProvisionedThroughputExceededException
    "500",
    "503",
    "expired iterator",  # though it is new
    "expired token",  # of a role
    "denied",
    "kms",  # the key of a shard is disabled
    "empty",  # a page without records, though there are some
    "stale",  # the page before, once more
    "unlisted",  # of ListShards: every other shard is left out
    "reset",  # half of the body, then the connection is reset
    "cut",  # half of the body, then the connection ends
    "drip",  # the body, in many pieces, over `seconds`
    "hang",  # nothing for `seconds`, then the connection ends
]
_REFUSALS: Mapping[str, tuple[str, str, int]] = {
    "throttle": (
        "ProvisionedThroughputExceededException", "Rate exceeded for the shard.", 400),
    "500": ("InternalFailure", "The request processing has failed.", 500),
    "503": ("ServiceUnavailable", "The request has failed due to a temporary failure.", 503),
    "expired iterator": ("ExpiredIteratorException", "Iterator expired.", 400),
    "expired token": (
        "ExpiredTokenException", "The security token included in the request is expired", 400),
    "denied": (
        "AccessDeniedException",
        "User: arn:aws:iam::000000000000:role/feed is not authorized to perform this action", 400),
    "kms": ("KMSDisabledException", "The key of the stream is disabled.", 400),
}  # fmt: skip


def with_half_of_shards(body: Body) -> Body:
    """An answer to ListShards that leaves out every other shard."""
    page = orjson.loads(b"".join(body.pieces))
    return whole(orjson.dumps(page | {"Shards": page["Shards"][1::2]}))


@dataclass
class Wrong:
    """One fault that is on. Mutable: `times` counts down."""

    what: Breakage
    operation: str | None = "GetRecords"  # None: any
    shard_id: str | None = None  # None: any; matters to GetRecords alone
    share: float = 1.0  # of the answers that it befalls
    times: int | None = None  # None: until it is ended
    seconds: float = 5.0

    def refusal(self) -> Fault | None:
        """The answer in place of the right one; None where the right one is spoilt."""
        told = _REFUSALS.get(self.what)
        return None if told is None else Fault(*told)


@dataclass
class Faults:
    """All that are on, the oldest first. Mutable; guarded by the lock of its feed."""

    on: list[Wrong] = field(default_factory=list)
    draw: random.Random = field(default_factory=lambda: random.Random(7))
    befell: dict[str, int] = field(default_factory=dict)  # by kind, how many answers

    def drawn(self, operation: str, shard_id: str | None) -> Wrong | None:
        """What befalls this answer, if anything."""
        for wrong in self.on:
            meant = wrong.operation in (None, operation)
            if not meant or wrong.shard_id not in (None, shard_id):
                continue
            if wrong.share < 1 and self.draw.random() >= wrong.share:
                continue
            if wrong.times is not None:
                wrong.times -= 1
                if not wrong.times:
                    self.on.remove(wrong)
            self.befell[wrong.what] = self.befell.get(wrong.what, 0) + 1
            return wrong
        return None
