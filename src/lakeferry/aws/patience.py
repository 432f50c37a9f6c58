"""Waiting for AWS: requests that come too fast, and what takes a while to be there or gone.

Source: CloudWatch API Reference, "CloudWatch service quotas" (PutMetricAlarm: 3 a second); IAM
User Guide, "Changes that I make are not always immediately visible".
"""

import time
from collections.abc import Callable
from typing import TypeVar

from lakeferry.errors import FerryError

Answer = TypeVar("Answer")
Sleep = Callable[[float], None]

FIRST_PAUSE_S = 0.34  # three a second
MOST_PAUSE_S = 15.0
MOST_THROTTLED = 6  # times beyond the client's own tries


def paced(request: Callable[[], Answer], *, sleep: Sleep = time.sleep) -> Answer:
    """The answer of a request whose rate AWS limits hard: tried again at a third of a second,
    then at twice that, and so on.

    Raises:
        FerryError: LF-1204 when it is refused as too fast to the end.
    """
    pause_s = FIRST_PAUSE_S
    for _ in range(MOST_THROTTLED):
        try:
            return request()
        except FerryError as error:
            if error.code != "LF-1204":
                raise
        sleep(pause_s)
        pause_s = min(2 * pause_s, MOST_PAUSE_S)
    return request()


def until(
    done: Callable[[], Answer | None],
    what: str,
    where: str,
    *,
    timeout_s: float,
    pause_s: float = 2.0,
    sleep: Sleep = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> Answer:
    """The first answer that is not None.

    Args:
        what: that is waited for, as a sentence of the error: 'the role cannot be taken yet'.
        pause_s: before the second try; later pauses grow to MOST_PAUSE_S.

    Raises:
        FerryError: LF-6404 when the time is up.
    """
    deadline = now() + timeout_s
    while True:
        found = done()
        if found is not None:
            return found
        if now() + pause_s > deadline:
            raise FerryError(
                "LF-6404",
                f"after {timeout_s:.0f} s {what}",
                where,
                "run the same command again: it goes on from there",
            )
        sleep(pause_s)
        pause_s = min(1.5 * pause_s, MOST_PAUSE_S)
