"""What the windows of a manifest leave a route, hour by hour from now on. Pure."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice

from lakeferry.fleet.manifest.wanted import Window
from lakeferry.fleet.manifest.window import allowed_at, next_change
from lakeferry.fleet.standing.estimate import Span


def spans_ahead(windows: Sequence[Window], *, now_s: float, route: str) -> Iterator[Span]:
    """Without end as long as a window has a say on the route; none: as fast as it goes."""
    at = datetime.fromtimestamp(now_s, UTC)
    while (change := next_change(windows, at, path=route)) is not None:
        allowed = allowed_at(windows, at, path=route)
        yield Span(change.timestamp(), allowed.bytes_per_s, allowed.is_paused)
        at = change


def known_ahead(windows: Sequence[Window], *, now_s: float, route: str) -> tuple[Span, ...]:
    """`spans_ahead` as a value: the next five hundred, which is a quarter of a year or more."""
    return tuple(islice(spans_ahead(windows, now_s=now_s, route=route), 500))
