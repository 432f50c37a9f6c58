"""Keys that outlast a trouble of whoever renews them: they are good for minutes more, mostly.

botocore renews a role's keys 15 minutes before they expire, and from 10 minutes on raises where
that fails, though the keys it has are accepted still. Whether they are the service says.
"""

from collections.abc import Callable
from threading import Lock
from time import monotonic

from lakeferry.connect.aws_keys import AwsKeys
from lakeferry.errors import FerryError

AGAIN_S = 10.0  # between two tries to renew: one may take long, and holds up who waits for it


class LastingKeys:
    """Gives keys; for many threads.

    Raises, when it is asked: what `keys` raises, as long as there were none.
    """

    def __init__(
        self, keys: Callable[[], AwsKeys], *, clock: Callable[[], float] = monotonic
    ) -> None:
        self._keys, self._clock = keys, clock
        self._lock = Lock()
        self._last: AwsKeys | None = None
        self._again_s = 0.0
        self.trouble: FerryError | None = None  # why the last try to renew them failed

    def __call__(self) -> AwsKeys:
        with self._lock:
            if self._last is not None and self.trouble and self._clock() < self._again_s:
                return self._last
        try:
            found = self._keys()
        except FerryError as error:
            with self._lock:
                if self._last is None:
                    raise
                self.trouble, self._again_s = error, self._clock() + AGAIN_S
                return self._last
        with self._lock:
            self._last, self.trouble = found, None
        return found
