"""What does a window of keys cost a row, and how much memory, as it fills?

    python -m bench.ingest_dedup [--rate 57870] [--window 600] [--page 10000]

Keys are texts of 36 characters, each of them new, which is the usual case and the dearest one.
Counted is CPU of this process within `Window.fresh`, page after page of made arrivals at the rate,
until the window is full and has turned over by a fifth; memory is what the process has beyond its
start. The longest call is one in which keys are moved or let go.
"""

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from lakeferry.ingest.dedup.window import Window
from lakeferry.ingest.settings import DedupSettings

DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)
KEY_BYTES = 36
BEGIN_MS = 1_764_000_000_000
STEPS = 6  # rows of the table


@dataclass(frozen=True, slots=True)
class Filled:
    """One row of the table."""

    keys: int
    us_a_row: float  # of CPU, since the row before
    longest_ms: float
    mib: float


def rss_bytes() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def page_of(random: np.random.Generator, rows: int) -> pa.Table:
    digits = DIGITS[random.integers(0, 16, (rows, KEY_BYTES))]
    starts = np.arange(rows + 1, dtype=np.int32) * KEY_BYTES
    buffers = [None, pa.py_buffer(starts), pa.py_buffer(digits.tobytes())]
    return pa.table({"event_id": pa.Array.from_buffers(pa.string(), rows, buffers)})


def filling(rate: int, window_s: int, page: int) -> Iterator[Filled]:
    random = np.random.default_rng(1)
    page_of(random, page)
    window = Window(DedupSettings(("event_id",), window_s))
    total = round(rate * window_s * 1.2)
    before = rss_bytes()
    spent, longest, since, rows = 0.0, 0.0, 0, 0
    while rows < total:
        table = page_of(random, page)
        arrivals = np.full(page, BEGIN_MS + rows * 1000 // rate)
        begun = time.process_time()
        kept = window.fresh(table, arrivals)
        took = time.process_time() - begun
        assert kept.true_count == page, "a key that is new was taken for another"
        spent, longest = spent + took, max(longest, took)
        rows += page
        if rows * STEPS // total > (rows - page) * STEPS // total:
            mib = (rss_bytes() - before) / 2**20
            yield Filled(len(window), spent / (rows - since) * 1e6, longest * 1e3, mib)
            spent, longest, since = 0.0, 0.0, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=int, default=57_870, help="rows a second")
    parser.add_argument("--window", type=int, default=600, help="seconds")
    parser.add_argument("--page", type=int, default=10_000, help="rows of a call")
    asked = parser.parse_args()
    print(f"**{asked.rate:,} rows a second, {asked.window} s, pages of {asked.page:,}**\n")
    print("| keys held | µs of cpu a row | longest call, ms | MiB |")
    print("|---:|---:|---:|---:|")
    for one in filling(asked.rate, asked.window, asked.page):
        print(f"| {one.keys:,} | {one.us_a_row:.2f} | {one.longest_ms:.0f} | {one.mib:.0f} |")
    print(f"\nLoad of the machine meanwhile: {os.getloadavg()[0]:.0f}")


if __name__ == "__main__":
    main()
