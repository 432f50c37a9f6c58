"""A load, minute by minute, over what carries it: when it ends, and how long bytes wait.

The model of a minute, with C = `sustained`, P = `peak` and b = the credit:

    cap = min(P, C + b)    served = min(q + a, cap)
    b'  = min(most credit, b + C - served)    q' = q + a - served

Minutes are not walked through. The rule is that of two limits in a row, of which each carries what
it may as soon as it may, so what was carried up to minute t is a running minimum over what came:

    D(t) = min over s <= t of  A(s) + (t - s) P
    R(t) = min(D(t), min over s <= t of  D(s) + (t - s) C + credit at s)

with the credit at the start for s = 0 and the most credit for later s. A test holds this to the
rule above, walked in fractions. After the load's end what waits drains in at most four runs of
equal minutes, however long that takes.

All is whole bytes. int64 is used where (minutes + 1) x C or P, the load's sum and the credit
together stay below 2^62, which is looked at before; otherwise Python's integers.

Source: EC2 User Guide, "Amazon EC2 instance network bandwidth": baseline, burst, network I/O
credits. Concatenated shapers: Le Boudec and Thiran, "Network Calculus", chapter 1.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from lakeferry.cost.path.load import SAFE, Load, load_of, total

GBPS = 7_500_000_000  # bytes a minute of 10^9 bit/s


@dataclass(frozen=True, slots=True)
class Carrier:
    """What one device carries in a minute, and for how long it may carry more."""

    sustained: int  # bytes a minute, 1 or more
    peak: int  # bytes a minute while there is credit; not below sustained
    most_credit: int = 0  # bytes; credit is best effort at AWS, so none is counted on
    first_credit: int = 0  # bytes at the first minute

    def __post_init__(self) -> None:
        if not 1 <= self.sustained <= self.peak:
            raise ValueError(f"a peak of {self.peak} over {self.sustained} bytes a minute")
        if not 0 <= self.first_credit <= self.most_credit:
            raise ValueError(f"{self.first_credit} of {self.most_credit} bytes of credit")

    @property
    def has_credit(self) -> bool:
        return self.most_credit > 0 and self.peak > self.sustained


def steady(sustained: int) -> Carrier:
    """A carrier without burst."""
    return Carrier(sustained, sustained)


# A NAT gateway carries 5 Gbps and grows to 100 by itself; NAT gateways, VPC User Guide.
NAT_GATEWAY = steady(100 * GBPS)


@dataclass(frozen=True, slots=True)
class Run:
    """Minutes in a row that carry the same."""

    minutes: int
    served: int  # bytes in each of them


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of a load, or of several together."""

    came: int  # bytes
    carried: int  # bytes; equals `came`: the replay ends when nothing waits
    minutes: int  # from the load's first minute to the end of the last that carried something
    waiting: int  # bytes x minutes: what waited at the end of each minute, summed
    most_waiting: int  # bytes at the end of the worst minute; of several loads, of the worst one
    longest_delay: Fraction  # minutes that the last byte of the worst minute waits, at C

    @property
    def mean_delay(self) -> Fraction:
        """Minutes that a byte waits, on average."""
        return Fraction(self.waiting, self.came) if self.came else Fraction(0)


@dataclass(frozen=True, slots=True, eq=False)
class _Minutes:
    """The minutes of a load, and the state after them."""

    came: Load  # sums up to each minute's end, from 0
    served: Load  # likewise
    backlog: Load
    credit: int  # at the end

    @property
    def left(self) -> int:
        return int(self.backlog[-1]) if len(self.backlog) else 0


def replay(load: Load, carrier: Carrier) -> Replay:
    """Carry a load until nothing waits."""
    done = _carry(load, carrier)
    return _summed(done, carrier, tuple(_drain(done.left, done.credit, carrier)))


def together(replays: Iterable[Replay]) -> Replay:
    """Groups that were replayed each on its own, as one: sums, and the worst of each."""
    parts = tuple(replays)
    return Replay(
        came=sum(part.came for part in parts),
        carried=sum(part.carried for part in parts),
        minutes=max((part.minutes for part in parts), default=0),
        waiting=sum(part.waiting for part in parts),
        most_waiting=max((part.most_waiting for part in parts), default=0),
        longest_delay=max((part.longest_delay for part in parts), default=Fraction(0)),
    )


def in_a_row(first: Replay, second: Replay, *, after: int) -> Replay:
    """A replay of some minutes that left nothing, and one that starts `after` minutes later."""
    both = together((first, second))
    ends = after + second.minutes if second.carried else first.minutes
    return Replay(
        both.came, both.carried, ends, both.waiting, both.most_waiting, both.longest_delay
    )


def minutes_of(
    load: Load, carrier: Carrier, *, backlog: int, credit: int
) -> tuple[Replay, int, int]:
    """The minutes of a load alone, from a state: what they carried, what waits, the credit left.

    `came` of the answer counts the backlog, as bytes that come with the first minute; so a load
    without minutes has no backlog.
    """
    first = Carrier(carrier.sustained, carrier.peak, carrier.most_credit, credit)
    given = load if not backlog else load_of([int(load[0]) + backlog, *load[1:].tolist()])
    done = _carry(given, first)
    return _summed(done, carrier, ()), done.left, done.credit


def _carry(load: Load, carrier: Carrier) -> _Minutes:
    came = _up_to(load, carrier)
    steadily = _times(len(came), carrier.sustained, came.dtype)
    if carrier.has_credit:
        served = _with_credit(came, steadily, carrier)
    else:
        served = steadily + np.minimum.accumulate(came - steadily)
    credit = int(_credits(served, carrier)[-1]) if carrier.most_credit else 0
    return _Minutes(came, served, (came - served)[1:], credit)


def _with_credit(came: Load, steadily: Load, carrier: Carrier) -> Load:
    # Nothing carries more in a minute than there is: a lower peak is the same, and stays in range.
    peak = min(carrier.peak, max(carrier.sustained, int(came[-1])))
    at_peak = _times(len(came), peak, came.dtype)
    peaked = at_peak + np.minimum.accumulate(came - at_peak)
    allowed = peaked - steadily + carrier.most_credit
    allowed[0] = carrier.first_credit
    served: Load = np.minimum(peaked, steadily + np.minimum.accumulate(allowed))
    return served


def _credits(served: Load, carrier: Carrier) -> Load:
    """The credit at the end of each minute, from sums served; the first entry: before them all."""
    steadily = _times(len(served), carrier.sustained, served.dtype)
    least = served - steadily + carrier.most_credit
    least[0] = carrier.first_credit
    credits: Load = steadily - served + np.minimum.accumulate(least)
    return credits


def _up_to(load: Load, carrier: Carrier) -> Load:
    """Sums of a load up to each minute's end, from 0; Python's integers where int64 is too small.

    Whatever the replay computes from them is a difference of two of: these sums, (minutes + 1)
    times C or P (P no higher than the sum), plus at most the credit.
    """
    came = total(load)
    top = (len(load) + 1) * max(carrier.sustained, min(carrier.peak, came)) + came
    kind = np.int64 if top + carrier.most_credit < SAFE else object
    sums = np.zeros(len(load) + 1, dtype=kind)
    np.cumsum(load.astype(kind, copy=False), out=sums[1:])
    return sums


def _times(count: int, step: int, kind: np.dtype) -> Load:
    return np.arange(count).astype(kind) * step


def _summed(done: _Minutes, carrier: Carrier, drained: tuple[Run, ...]) -> Replay:
    served = int(done.served[-1])
    waiting, left = total(done.backlog), done.left
    for run in drained:
        waiting += run.minutes * left - run.served * run.minutes * (run.minutes + 1) // 2
        left -= run.minutes * run.served
    minutes = len(done.backlog) + sum(run.minutes for run in drained)
    if not drained:  # ends with the last minute that carried something
        minutes = int(np.searchsorted(done.served, done.served[-1]))
    most = int(done.backlog.max()) if len(done.backlog) else 0
    return Replay(
        came=int(done.came[-1]),
        carried=served + sum(run.minutes * run.served for run in drained),
        minutes=minutes,
        waiting=waiting,
        most_waiting=most,
        longest_delay=Fraction(most, carrier.sustained),
    )


def _drain(left: int, credit: int, carrier: Carrier) -> Iterator[Run]:
    """Runs of minutes until nothing waits and nothing comes: at the peak, by the last credit, at C.

    At the peak a minute costs P - C of credit, so `credit // (P - C)` minutes are full ones.
    """
    if left and carrier.has_credit:
        full = min(credit // (carrier.peak - carrier.sustained), left // carrier.peak)
        if full:
            yield Run(full, carrier.peak)
        left -= full * carrier.peak
        credit -= full * (carrier.peak - carrier.sustained)
        if left and credit:
            once = min(left, carrier.peak, carrier.sustained + credit)
            yield Run(1, once)
            left -= once
    whole, rest = divmod(left, carrier.sustained)
    if whole:
        yield Run(whole, carrier.sustained)
    if rest:
        yield Run(1, rest)
