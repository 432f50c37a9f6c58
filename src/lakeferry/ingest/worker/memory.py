"""How much of the machine's memory this process holds, and how it is kept from holding more.

Measured on a worker at full speed, 64 shards, 32 MiB of waiting pages: 257 MB as Python and Arrow
come, 220 MB so, for the same CPU. Pages are made by several threads and freed by another; the C
library gives each thread an arena of its own, and what is freed in one is not used by the others.
20 MB more go to a pool of Arrow's own that its writer of Parquet takes, whatever pool pyarrow is
told: only the environment that a process begins with changes that.
"""

import ctypes
import os

import pyarrow as pa

M_ARENA_MAX = -8  # of glibc's malloc.h
ARENAS = 2  # with one, threads that allocate wait for each other


def let_children_hold_little() -> None:
    """Of the processes that this one starts from now on; what the user says of it stays."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def hold_little() -> None:
    """Of this process, from now on. Other C libraries than glibc have no such arenas."""
    pa.set_memory_pool(pa.system_memory_pool())
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, ARENAS)


def memory_bytes() -> int:
    """Resident memory of this process."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
