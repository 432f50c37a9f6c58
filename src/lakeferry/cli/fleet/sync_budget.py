"""What a run of `sync` may take, from its flags and the manifest."""

from datetime import datetime, timedelta
from decimal import Decimal

from lakeferry.cli.fleet.sync_flags import SyncFlags
from lakeferry.cli.units import parse_duration
from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.wanted import Limits
from lakeferry.fleet.sync.budget import Budget


def budget_of(flags: SyncFlags, limits: Limits, now_s: float) -> Budget:
    """The stricter of both.

    Raises:
        FerryError: LF-2001 for a flag that says nothing.
    """
    if flags.max_cost is not None and not 0 <= flags.max_cost < float("inf"):
        raise FerryError(
            "LF-2001", f"`{flags.max_cost}` is no sum of dollars", "--max-cost", "write 20 or 19.99"
        )
    most = None if flags.max_cost is None else Decimal(str(flags.max_cost))
    dollars = [usd for usd in (limits.stop_cost_usd, most) if usd is not None]
    ends = []
    if flags.max_time is not None:
        ends.append(now_s + parse_duration(flags.max_time, "--max-time"))
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
