"""Makers of ledgers and of what is written into them."""

import time
from pathlib import Path
from typing import Any

from lakeferry.ledger.lease import leader
from lakeferry.ledger.open import reading
from lakeferry.ledger.rows import CloneStart, LakeTable, LandedFile, Move
from lakeferry.ledger.write import Ledger


class Clock:
    """Milliseconds that a test turns on by hand."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def __call__(self) -> int:
        return self.now_ms


def leading(path: Path, run_id: str = "first", **other: Any) -> Ledger:
    return Ledger(path, run_id=run_id, command="sync", **other)


def until_heard(path: Path, at_ms: int) -> None:
    """Wait until the leader was last heard of then, by its own clock, or later."""
    give_up = time.monotonic() + 60
    while True:
        with reading(path) as db:
            found = leader(db)
        if found is not None and found.heard_at_ms >= at_ms:
            return
        assert time.monotonic() < give_up, found
        time.sleep(0.01)


def table(name: str, **other: Any) -> LakeTable:
    """`sales.orders` in wave 1 of source `sales`, 100 bytes in 2 files."""
    source = name.partition(".")[0]
    place = name.replace(".", "/")
    found = LakeTable(
        f"s3://lake/{place}", name, source, f"abfss://{place}", "delta", 1, "internet"
    )
    sizes = {"bytes": 100, "files": 2, "left_bytes": 100, "left_files": 2, "left_requests": 6}
    return found._replace(**(sizes | other))


ORDERS = "s3://lake/sales/orders"


def step(before: str, after: str, target_url: str = ORDERS, **other: Any) -> Move:
    return Move(target_url, before, after, **other)


def start(source_version: int = 7, target_url: str = ORDERS) -> CloneStart:
    return CloneStart(target_url, None, source_version, "ab" * 32, 2, 100)


def file(path: str, size: int = 50) -> LandedFile:
    return LandedFile(path, size, "streamed", "0123456789abcdef")
