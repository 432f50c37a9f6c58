"""Tasks that can be sent to other machines, for tests of those who send them."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakeferry.errors import FerryError
from lakeferry.workers import Known, Parcel

Throttle = Callable[[int], None] | None


@dataclass(frozen=True)
class Errand:
    """What is done with an item, wherever it is done."""

    kind: str
    folder: str = ""

    def __call__(self, item: int, throttle: Throttle) -> Any:
        match self.kind:
            case "double":
                return item * 2
            case "slow":
                time.sleep(0.02)
                return item
            case "sleep":
                time.sleep(3600)
            case "raise" if item == 7:
                raise ValueError(item)
            case "die" if item == 7:
                os.kill(os.getpid(), signal.SIGKILL)
            case "die once" if item == 7:
                mark = Path(self.folder, "died")
                if not mark.exists():
                    mark.touch()
                    os.kill(os.getpid(), signal.SIGKILL)
            case "move":
                assert throttle is not None
                throttle(item)
        return item

    def settle(self) -> None:
        """Nothing was written."""

    def failed(self, item: int, error: FerryError) -> tuple[int, str]:
        return item, error.code


@dataclass(frozen=True)
class Task:
    """The task of an errand, here or elsewhere."""

    errand: Errand
    known: frozenset[int] = frozenset()
    per_s: float | None = None
    bytes: int = 0  # of each item

    def __call__(self, item: int) -> Any:
        return self.errand(item, None)

    def travels(self) -> bool:
        return True

    def parcel(self, item: int) -> Parcel | Known:
        return (
            Known(f"known {item}") if item in self.known else Parcel(self.errand, item, self.bytes)
        )

    def bytes_per_s(self) -> float | None:
        return self.per_s


def task(kind: str, **more: Any) -> Task:
    return Task(Errand(kind), **more)
