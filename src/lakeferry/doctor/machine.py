"""This machine: room on disks, memory, open files, and its clock against a service's."""

import os
import resource
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from email.utils import parsedate_to_datetime
from pathlib import Path

from lakeferry.doctor.check import BLOCKER, OK, WARNING, Check

GIB = 1 << 30
LEAST_TEMPORARY = 1 * GIB  # bytes; logs of millions of files are spilled there
LEAST_MEMORY = 1 * GIB // 2  # bytes; a log of 1 M files is planned within so much
LEAST_OPEN_FILES = 1024
SKEW_S = 30  # worth a look
SKEW_FATAL_S = 240  # services refuse signatures that are 5 minutes off


def temporary_disk() -> Check:
    """Room for what does not fit into memory."""
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    text = f"{_size(free)} free in {folder} for temporary files"
    if free >= LEAST_TEMPORARY:
        return Check("temp disk", OK, text)
    outcome = BLOCKER if free < LEAST_TEMPORARY // 10 else WARNING
    return Check("temp disk", outcome, text, "free space there, or name another folder in TMPDIR")


def target_disk(folder: str, needed: int | None, *, holds_table: bool) -> Check:
    """Room in a local target for the source's live files.

    Args:
        folder: the target's; it need not exist.
        needed: bytes of all live files of the source; None: unknown.
        holds_table: the target has a table already, so that less may be needed.
    """
    at = Path(folder)
    while not at.exists():
        at = at.parent
    free = shutil.disk_usage(at).free
    text = f"{_size(free)} free at {folder}"
    if needed is None:
        return Check("target disk", OK, f"{text}; the table's size is not known")
    text += f", the table has {_size(needed)}"
    if free > needed:
        return Check("target disk", OK, text)
    if holds_table:
        step = "see how much is new: lakeferry clone SOURCE TARGET --dry-run"
        return Check("target disk", WARNING, text, step)
    return Check("target disk", BLOCKER, text, "free space, or choose another target")


def memory() -> Check:
    """Memory that is to be had without swapping, a container's limit included."""
    free = _available()
    if free is None:
        return Check("memory", OK, "this system does not tell how much is free")
    text = f"{_size(free)} available"
    if free >= LEAST_MEMORY:
        return Check("memory", OK, text)
    return Check("memory", WARNING, text, "fewer files in flight need less: --jobs 4")


def open_files() -> Check:
    """How many files and connections this process may hold open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = "any number of" if soft == resource.RLIM_INFINITY else str(soft)
    text = f"{allowed} open files allowed"
    if soft == resource.RLIM_INFINITY or soft >= LEAST_OPEN_FILES:
        return Check("open files", OK, text)
    raised = LEAST_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, LEAST_OPEN_FILES)
    return Check("open files", WARNING, text, f"raise the limit: ulimit -n {raised}")


def clock(skew_s: float, of: str, *, is_signed: bool) -> Check:
    """Judge how far this machine's clock is from a service's.

    Args:
        skew_s: the service's time less ours; 0 where they agree as far as can be told.
        of: whose clock, for people.
        is_signed: requests carry the time, so that the service refuses too large a difference.
    """
    text = f"{abs(skew_s):.1f} s off the clock of {of}" if skew_s else f"agrees with that of {of}"
    if abs(skew_s) <= SKEW_S:
        return Check("clock", OK, text)
    outcome = BLOCKER if is_signed and abs(skew_s) > SKEW_FATAL_S else WARNING
    return Check("clock", outcome, text, "set this machine's clock (chrony, ntpd, timedatectl)")


def skew(before_s: float, stamp_s: float, after_s: float, *, precision_s: float = 0.0) -> float:
    """Seconds by which `stamp_s` lies outside [before, after]; 0.0 where it lies inside.

    `precision_s`: the stamp was cut down to whole steps of so many seconds.
    """
    if stamp_s + precision_s < before_s:
        return stamp_s + precision_s - before_s
    return max(stamp_s - after_s, 0.0)


def skew_of_endpoint(endpoint: str) -> float | None:
    """The skew by the `Date` of any answer of an HTTP service, a refusal too; None: no answer."""
    before = time.time()
    try:
        request = urllib.request.Request(endpoint, method="HEAD")
        with urllib.request.urlopen(request, timeout=5) as answer:
            date = answer.headers.get("Date")
    except urllib.error.HTTPError as error:
        date = error.headers.get("Date")
    except (OSError, ValueError):
        return None
    if not date:
        return None
    try:
        stamp = parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None
    return skew(before, stamp, time.time(), precision_s=1.0)


def _available() -> int | None:
    """Bytes; what the kernel says is available, or what a container's limit leaves of it."""
    found = []
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")]
    except OSError:
        if "SC_PHYS_PAGES" in os.sysconf_names:
            found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    limits = Path("/sys/fs/cgroup")
    try:
        most = (limits / "memory.max").read_text().strip()
        used = int((limits / "memory.current").read_text())
        if most.isdecimal():
            found.append(max(int(most) - used, 0))
    except (OSError, ValueError):
        pass
    return min(found, default=None)


def _size(count: int) -> str:
    """Decimal units, as everywhere in lakeferry."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
