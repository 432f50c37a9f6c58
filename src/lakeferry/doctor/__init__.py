"""Whether this machine and these stores can do the job, found out by doing it in small."""

from lakeferry.doctor.check import BLOCKER, OK, WARNING, Check
from lakeferry.doctor.examine import examine

__all__ = ["BLOCKER", "OK", "WARNING", "Check", "examine"]
