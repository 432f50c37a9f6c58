"""How much one task of Spark is given. Pure: what waits, and how fast tasks were, are arguments.

A task lasts 10 to 60 s: of shorter ones Spark's own overhead (0.1 to 0.5 s) is felt, a longer one
is much to do again where a machine is lost.
"""

import math
from dataclasses import dataclass

TASK_S = 20.0  # aimed at
FILE_WEIGHT = 1 << 20  # bytes that a file weighs beside its own: requests take time too
FIRST_WEIGHT = 256 << 20  # of a task, until one has been measured
LEAST_WEIGHT, MOST_WEIGHT = 16 << 20, 1 << 40
MOST_ITEMS = 10_000  # of one task: a few MB as they are sent
_KEPT = 0.5  # of what was known, when another task has been measured


@dataclass(slots=True)
class Measure:
    """What a task carries in a second, by those that ended."""

    per_s: float | None = None

    def take(self, weight: int, seconds: float) -> None:
        """One more has ended. Its own overhead is not in `seconds`."""
        found = weight / max(seconds, 0.01)
        self.per_s = found if self.per_s is None else _KEPT * self.per_s + (1 - _KEPT) * found

    @property
    def weight(self) -> int:
        """That a full task has."""
        if self.per_s is None:
            return FIRST_WEIGHT
        return round(min(MOST_WEIGHT, max(LEAST_WEIGHT, self.per_s * TASK_S)))


def weight_of(size: int) -> int:
    """Of one file of so many bytes."""
    return size + FILE_WEIGHT


def share_of(waiting: int, *, idle: int, full: int) -> int:
    """The weight of the next task.

    Args:
        waiting: the weight of all that waits.
        idle: tasks that could begin now; what waits is dealt out evenly among them.
        full: what a task has that lasts as long as it should.
    """
    return max(1, min(full, math.ceil(waiting / max(1, idle))))


def jobs_of(tasks: int, *, most_jobs: int) -> tuple[int, int]:
    """How many jobs at once, of how many tasks each, make up `tasks` at once; rather fewer.

    A job of one task answers as soon as it ends; a thousand jobs at once no driver bears.
    """
    jobs = min(tasks, most_jobs)
    return jobs, max(1, tasks // jobs)
