"""What a run of `sync` may take, from its flags and the manifest."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from lakeferry.config.quantities import Unreadable, duration_s
from lakeferry.errors import FerryError
from lakeferry.fleet.budget import Budget
from lakeferry.fleet.wanted import Limits

if TYPE_CHECKING:
    from lakeferry.cli.sync import SyncFlags


def budget_of(flags: "SyncFlags", limits: Limits, now_s: float) -> Budget:
    """The stricter of both.

    Raises:
        FerryError: LF-2001 for a flag that says nothing.
    """
    most = None if flags.max_cost is None else Decimal(str(flags.max_cost))
    dollars = [usd for usd in (limits.stop_cost_usd, most) if usd is not None]
    ends = []
    if flags.max_time is not None:
        ends.append(now_s + _duration_s(flags.max_time))
    if flags.stop_at is not None:
        ends.append(next_clock_s(flags.stop_at, datetime.fromtimestamp(now_s)))
    return Budget(
        bytes=limits.max_bytes,
        usd=min(dollars, default=None),
        until_s=min(ends, default=None),
        error_share=limits.stop_error_share,
    )


def next_clock_s(text: str, now: datetime) -> float:
    """When a clock shows `06:00` next, since the epoch.

    Args:
        now: by the clock of this machine, without a zone; else in the zone that it has.

    Raises:
        FerryError: LF-2001 for what is no time of a day.
    """
    try:
        at = datetime.strptime(text.strip(), "%H:%M").time()
    except ValueError:
        raise FerryError(
            "LF-2001", f"`{text}` is no time of the day", "--stop-at", "write 06:00"
        ) from None
    moment = datetime.combine(now.date(), at, now.tzinfo)
    if moment <= now:
        moment = datetime.combine(now.date() + timedelta(days=1), at, now.tzinfo)
    return moment.timestamp()


def _duration_s(text: str) -> int:
    try:
        found = duration_s(text)
    except Unreadable as error:
        what = f"--max-time `{text}` {error.what}"
        raise FerryError(error.code, what, "--max-time", error.next_step) from error
    if found < 1:
        raise FerryError("LF-2001", f"`{text}` is no time", "--max-time", "write 6h or 90min")
    return found
