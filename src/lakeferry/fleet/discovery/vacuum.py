"""Whether VACUUM at the source may take files before a copy has read them. Pure."""

from collections.abc import Mapping

from lakeferry.fleet.discovery.found import FoundTable, Remark
from lakeferry.fleet.manifest.wanted import Limits

BYTES_PER_S = 125_000_000  # 1 Gbit/s, where the manifest sets no bandwidth
AT_RISK = "vacuum-risk"  # a tag that such tables have in a selection: `tag:vacuum-risk`


def copy_s(size: int, limits: Limits) -> float:
    """How long the copy of one table takes that has the bandwidth for itself."""
    given = [one for one in (limits.bytes_per_s, limits.account_bytes_per_s) if one is not None]
    return size / min(given, default=BYTES_PER_S)


def tags_of(
    said: Mapping[str, str], size: int, retention_s: int | None, limits: Limits
) -> Mapping[str, str]:
    """The tags that the manifest gives a table, and `AT_RISK` where it is.

    Args:
        size: bytes that are still to be copied.
    """
    is_safe = not size or retention_s is None or copy_s(size, limits) < retention_s
    return said if is_safe else {**said, AT_RISK: ""}


def vacuum_remark(found: FoundTable, limits: Limits) -> Remark | None:
    """LF-8057 where the table keeps removed files for a shorter time than its copy takes."""
    if found.head is None or not found.bytes or not found.is_in_scope:
        return None
    seconds = copy_s(found.bytes, limits)
    if seconds < found.head.retention_s:
        return None
    kept_h, needed_h = found.head.retention_s / 3600, seconds / 3600
    what = f"it keeps removed files for {kept_h:.0f} h, and its copy takes {needed_h:.0f} h"
    step = (
        "until its cut-over set delta.deletedFileRetentionDuration = 'interval "
        f"{_days(seconds)} days' on the source, or give it more bandwidth"
    )
    return Remark("LF-8057", what, step, blocks=False)


def _days(seconds: float) -> int:
    """Days to keep removed files: twice what the copy takes, so that an increment fits in, too."""
    return max(8, round(2 * seconds / 86400) + 1)
