"""The task of a fetch: one file to its target, by the stores open here or those of other machines.

What is sent to another machine is addresses, options and one file's names: options that hold a
secret hold the reference to it, which is resolved there.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Protocol

from lakeferry.clone.copy import CopyItem, Failed, Landed, Outcome, copy_one
from lakeferry.clone.places import Places, open_places
from lakeferry.clone.report import CloneRequest
from lakeferry.connect.connection import written_secret
from lakeferry.errors import FerryError
from lakeferry.store.open import locate
from lakeferry.workers import Known, Parcel

Throttle = Callable[[int], None]
Options = tuple[tuple[str, str], ...]
FRESH_S = 600  # so long stores stay open on another machine


class Look(Protocol):
    """What is known of the target before the first copy."""

    def has(self, item: CopyItem) -> bool: ...

    def is_unsure(self, item: CopyItem) -> bool: ...


@dataclass(frozen=True)
class Bring:
    """The task, with stores that are open."""

    places: Places
    throttle: Throttle | None
    look: Look

    def __call__(self, item: CopyItem) -> Outcome:
        return self._there(item) or _bring(
            item, self.places, look_first=self.look.is_unsure(item), throttle=self.throttle
        )

    def travels(self) -> bool:
        """Not where bytes are counted in a way that only this machine knows."""
        return self.places.asked is not None and (
            self.throttle is None or hasattr(self.throttle, "per_s")
        )

    def parcel(self, item: CopyItem) -> Parcel | Known:
        """What is at the target already is not sent. Raises LF-8094 rather than send a secret."""
        if (there := self._there(item)) is not None:
            return Known(there)
        is_unsure = self.look.is_unsure(item)
        return Parcel(self._unsure_errand if is_unsure else self._errand, item, item.foreseen_bytes)

    def bytes_per_s(self) -> float | None:
        """Of all machines together, now."""
        found: float | None = getattr(self.throttle, "per_s", None)
        return found

    @cached_property
    def _errand(self) -> "BringElsewhere":
        asked = self.places.asked
        assert asked is not None
        return BringElsewhere(
            self.places.source.url, _options(asked.source, asked.source_options),
            self.places.target.url, _options(asked.target, asked.target_options),
            look_first=False, streams=self.throttle is not None,
        )  # fmt: skip

    @cached_property
    def _unsure_errand(self) -> "BringElsewhere":
        return replace(self._errand, look_first=True)

    def _there(self, item: CopyItem) -> Landed | None:
        if not self.look.has(item):
            return None
        return Landed(item.target_path, item.size or 0, "already_there", item.kind, None, None)


@dataclass(frozen=True, slots=True)
class BringElsewhere:
    """The same on another machine, which opens both stores by itself."""

    source: str
    source_options: Options
    target: str
    target_options: Options
    look_first: bool
    streams: bool  # every byte is counted: no service copies by itself

    def __call__(self, item: CopyItem, throttle: Throttle | None) -> Outcome:
        if throttle is None and self.streams:
            throttle = _uncounted
        try:
            return _bring(item, self._places(), look_first=self.look_first, throttle=throttle)
        except FerryError as error:  # of a store that cannot be opened there
            return Failed(item, error)

    def settle(self) -> None:
        """Raises LF-1004 where a disk lost what was written."""
        self._places().target.settle()

    def failed(self, item: CopyItem, error: FerryError) -> Failed:
        return Failed(item, error)

    def _places(self) -> Places:
        return _opened(
            self.source, self.source_options, self.target, self.target_options,
            int(time.monotonic() // FRESH_S),
        )  # fmt: skip


def _bring(
    item: CopyItem, places: Places, *, look_first: bool, throttle: Throttle | None
) -> Outcome:
    source, path = places.source, item.source_path
    if item.source_url:
        source, path = places.elsewhere(item.source_url)
    return copy_one(
        replace(item, source_path=path), source, places.target, look_first=look_first,
        throttle=throttle,
    )  # fmt: skip


@lru_cache(maxsize=256)
def _opened(
    source: str, source_options: Options, target: str, target_options: Options, since: int
) -> Places:
    """Stores of this process, for a while: keys may have been rotated then."""
    del since
    return open_places(CloneRequest(
        source, target, source_options=dict(source_options), target_options=dict(target_options)
    ))  # fmt: skip


def _uncounted(size: int) -> None:
    """Bytes pass here although nothing limits them at the moment."""


def _options(url: str, options: Mapping[str, str]) -> Options:
    """As they are sent. Raises LF-8094 for a secret that is written out."""
    kind = locate(url, options).kind
    name = written_secret(kind, options)
    if name is not None:
        raise FerryError(
            "LF-8094",
            f"the option `{name}` is a secret that is written out, and would be sent",
            f"{url}; other machines are sent no secret",
            f"give it as ${{env:NAME}} or ${{file:PATH}} that each machine has: {name}",
        )
    return tuple(sorted(options.items()))
