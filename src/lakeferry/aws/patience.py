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


class Interrupted(Exception):
    """A person asked to stop while something was waited for. Whoever asked to wait catches it."""


def paced(request: Callable[[], Answer], *, sleep: Sleep = time.sleep) -> Answer:
    """The answer of a request whose rate AWS limits hard, asked again and again.

    The first pause is a third of a second, each further one twice that.

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
) -> Answer:
    """The first answer that is not None.

    Args:
        what: is still so when the time is up, as a sentence: 'the role cannot be taken yet'.
        timeout_s: of all pauses together.
        pause_s: before the second try; later pauses grow to MOST_PAUSE_S.

    Raises:
        FerryError: LF-6404 when the time is up.
    """
    left_s = timeout_s
    while True:
        found = done()
        if found is not None:
            return found
        if left_s <= 0:
            raise FerryError(
                "LF-6404",
                f"after {timeout_s:.0f} s {what}",
                where,
                "run the same command again: it goes on from there",
            )
        sleep(min(pause_s, left_s))
        left_s -= pause_s
        pause_s = min(1.5 * pause_s, MOST_PAUSE_S)
