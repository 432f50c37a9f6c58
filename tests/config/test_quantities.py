"""Sizes, rates and times with their units; what has two readings is refused with both."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lakeferry.config import quantities
from lakeferry.config.quantities import KINDS, Unreadable, readable


@pytest.mark.parametrize(
    ("text", "bytes"),
    [
        ("2 PB", 2 * 10**15),
        ("2 PiB", 2 * 2**50),
        ("64GB", 64 * 10**9),
        ("0.5 kB", 500),
        ("512 B", 512),
        ("1.5 KiB", 1536),
    ],
)
def test_sizes(text: str, bytes: int) -> None:
    assert quantities.size_bytes(text) == bytes


@pytest.mark.parametrize(
    ("text", "bytes_per_s"),
    [
        ("40 Gbit/s", 5 * 10**9),
        ("2 GB/s", 2 * 10**9),
        ("64 MiB/s", 64 * 2**20),
        ("36 kB/h", 10),
        ("6 kB/min", 100),
        ("86.4 GB/d", 10**6),
    ],
)
def test_rates(text: str, bytes_per_s: float) -> None:
    assert quantities.rate_bytes_per_s(text) == bytes_per_s


def test_durations_shares_and_factors() -> None:
    assert quantities.duration_s("30 min") == 1800
    assert quantities.duration_s("2d") == 172_800
    assert quantities.share("1%") == 0.01
    assert quantities.share("12.5%") == 0.125
    assert quantities.factor("2x") == 2.0


@pytest.mark.parametrize(
    ("text", "kind", "code", "what", "step"),
    [
        (
            "2 pb", "size", "LF-2011",
            "can mean 2 petabytes (2 PB) or 2 petabits (2 Pb = 250 TB)",
            "write 2 PB (10^15 bytes) or 2 PiB (2^50 bytes)",
        ),
        (
            "40 Gbps", "rate", "LF-2011",
            "can mean 40 gigabytes (40 GB) or 40 gigabits (40 Gb = 5 GB)",
            "write 40 Gbit/s or 40 GB/s",
        ),
        (
            "1 Mb/s", "rate", "LF-2011",
            "can mean 1 megabytes (1 MB) or 1 megabits (1 Mb = 125 kB)",
            "write 1 Mbit/s or 1 MB/s",
        ),
        (
            "5 KB", "size", "LF-2011",
            "can mean 5 times 1000 or 1024 bytes",
            "write 5 kB (10^3 bytes) or 5 KiB (2^10 bytes)",
        ),
        ("64", "size", "LF-2001", "has no unit", "write `64 GB`, `2 PiB` or `512 MB`"),
        ("40", "rate", "LF-2001", "has no unit", "write `40 Gbit/s`, `2 GB/s` or `5 GB/h`"),
        ("0.01", "share", "LF-2001", "has no unit", "write `1%` or `0.5%`"),
        (
            "2 GB", "rate", "LF-2001",
            "is no rate", "write it as in `40 Gbit/s`, `2 GB/s` or `5 GB/h`",
        ),
        (
            "soon", "duration", "LF-2001",
            "is no duration", "write it as in `60 s`, `30 min`, `6 h` or `30 d`",
        ),
        (
            "-5 GB", "size", "LF-2001",
            "is no size", "write it as in `64 GB`, `2 PiB` or `512 MB`",
        ),
    ],
)  # fmt: skip
def test_what_is_refused_says_how_to_write_it(
    text: str, kind: str, code: str, what: str, step: str
) -> None:
    with pytest.raises(Unreadable) as refused:
        readable(text, kind)

    assert (refused.value.code, refused.value.what, refused.value.next_step) == (code, what, step)


@given(text=st.text(alphabet="0123456789. kKMGTPEibBits/minhdx%\n", max_size=12))
@example("0s\n")  # `$` lets a last line feed pass
def test_the_patterns_of_the_schema_accept_what_is_read_and_nothing_else(text: str) -> None:
    readers = {
        "size": quantities.size_bytes,
        "rate": quantities.rate_bytes_per_s,
        "duration": quantities.duration_s,
        "share": quantities.share,
        "factor": quantities.factor,
    }
    for kind, read in readers.items():
        fits = re.fullmatch(KINDS[kind].pattern.strip("^$"), text) is not None
        try:
            read(text)
        except Unreadable:
            assert not fits
        else:
            assert fits
