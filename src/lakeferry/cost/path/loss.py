"""One NAT instance is lost for some minutes: what its groups wait, and what the next one bears."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from lakeferry.cost.path.load import SAFE, Load, load_of, total
from lakeferry.cost.path.replay import Carrier, Replay, in_a_row, minutes_of, replay, together


@dataclass(frozen=True, slots=True)
class Loss:
    """An instance that carries nothing for a while. What waits there is not lost, but sent anew."""

    minute: int  # the first without it
    minutes: int  # without it; from then on it carries its groups again
    dark: int = 0  # of these, the first ones: until the loss is seen and routes have moved
    resent: int = 0  # bytes sent twice, since each connection broke: open transfers x part / 2

    def __post_init__(self) -> None:
        if self.minute < 0 or not 0 <= self.dark <= self.minutes or self.minutes < 1:
            raise ValueError(f"{self.dark} dark of {self.minutes} minutes from {self.minute}")
        if self.resent < 0:
            raise ValueError(f"{self.resent} bytes sent again")

    @property
    def back(self) -> int:
        return self.minute + self.minutes


@dataclass(frozen=True, slots=True)
class Lost:
    """A replay with one instance lost."""

    instance: int  # its index
    loss: Loss
    replay: Replay  # of all instances together


def replay_loss(
    own: Load, other: Load, carrier: Carrier, other_carrier: Carrier, loss: Loss
) -> Replay:
    """The lost instance and the one that its groups are sent to, together.

    Args:
        own: bytes a minute of the groups of the instance that is lost.
        other: bytes a minute of the groups of the next one, of its own.

    In dark minutes the groups wait. Then what waits, what is sent again and what comes go to the
    next instance, until the lost one is back, empty and with the credit of its first minute. A loss
    that is dark throughout has no next: all waits until the instance is back.
    """
    ends = max(len(own), len(other), loss.back + 1)
    own, other = _alike(own, other, ends, beside=loss.resent)
    moves = loss.minute + loss.dark
    before, left, _ = minutes_of(
        own[: loss.minute], carrier, backlog=0, credit=carrier.first_credit
    )
    waits = left + np.cumsum(own[loss.minute : moves])
    handed = left + total(own[loss.minute : moves]) + loss.resent
    before = replace(before, came=before.came - left)  # what is left there comes elsewhere

    after, bears = own[loss.back :].copy(), other.copy()
    takes_over = loss.dark < loss.minutes
    if takes_over:
        bears[moves : loss.back] += own[moves : loss.back]
        bears[moves] += handed
    else:
        after[0] += handed
    lost = in_a_row(before, replay(after, carrier), after=loss.back)
    both = together((lost, replay(bears, other_carrier)))

    way, at, by = (bears, moves, other_carrier) if takes_over else (after, 0, carrier)
    delay = loss.dark + _delay_at(way, at, by) if handed else Fraction(0)
    return replace(
        both,
        waiting=both.waiting + sum(waits.tolist()),
        most_waiting=max(both.most_waiting, *waits.tolist(), 0),
        longest_delay=max(both.longest_delay, delay),
    )


def _delay_at(load: Load, minute: int, carrier: Carrier) -> Fraction:
    """Minutes that the last byte of a minute waits."""
    first = carrier.first_credit
    _, behind, _ = minutes_of(load[: minute + 1], carrier, backlog=0, credit=first)
    return Fraction(behind, carrier.sustained)


def worst_loss(
    loads: Sequence[Load], carrier: Carrier, *, minutes: int, dark: int = 0, resent: int = 0
) -> Lost:
    """Each instance is lost in turn, when it and the next together have most to carry; the worst.

    Args:
        loads: bytes a minute, one load an instance; the last one's next is the first.
        minutes: that an instance is gone; dark and resent as in `Loss`.

    The worst ends last; among equals, most waits. A single instance has no next: all is dark.
    """
    whole = [replay(load, carrier) for load in loads]
    found = []
    for at, load in enumerate(loads):
        following = (at + 1) % len(loads)
        if following == at:
            loss = Loss(_busiest(load, load, minutes), minutes, minutes, resent)
            replays = [replay_loss(load, load_of([]), carrier, carrier, loss)]
        else:
            other = loads[following]
            loss = Loss(_busiest(load, other, minutes), minutes, dark, resent)
            replays = [
                replay_loss(load, other, carrier, carrier, loss),
                *(one for i, one in enumerate(whole) if i not in (at, following)),
            ]
        found.append(Lost(at, loss, together(replays)))
    return max(found, key=lambda lost: (lost.replay.minutes, lost.replay.waiting))


def _busiest(load: Load, other: Load, minutes: int) -> int:
    """The minute from which `minutes` have the most to carry; the first of equals."""
    ends = max(len(load), len(other), minutes)
    one, two = _alike(load, other, ends)
    sums = np.concatenate(([0], np.cumsum(one + two)))
    return int(np.argmax(sums[minutes:] - sums[:-minutes]))


def _alike(one: Load, two: Load, minutes: int, *, beside: int = 0) -> tuple[Load, Load]:
    """Both of so many minutes, and of a kind that holds all bytes of both and those beside."""
    kind = np.int64 if total(one) + total(two) + beside < SAFE else object
    ends = [np.zeros(minutes - len(load), dtype=kind) for load in (one, two)]
    return np.concatenate((one.astype(kind), ends[0])), np.concatenate((two.astype(kind), ends[1]))
