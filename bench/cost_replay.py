"""How long does a month's replay of 64 sources over every path take, beside walking its minutes?

    python -m bench.cost_replay [--runs 5] [--sources 64] [--days 30]

Each source has bytes for each minute of 30 days: a level of its own, hours of day and night, and
bursts (a fixed seed). Each is replayed alone over each path, with and without burst credit; then
each of the NAT instances is lost once. Goal: below 2 s. The walk of minutes is the rule as it is
written, in Python's integers, for a few sources; its answers must be equal.

One thread, so its CPU is the time that it takes on a free core; best of the runs, since other work
on the machine slows any of them. Tables are for README.md.
"""

import argparse
import random
import time
from fractions import Fraction

import numpy as np

from lakeferry.cost.path.load import Load, load_of, summed, total
from lakeferry.cost.path.loss import worst_loss
from lakeferry.cost.path.replay import GBPS, NAT_GATEWAY, Carrier, Replay, replay, steady
from lakeferry.cost.path.ways import INTERFACE_ENDPOINT

GOAL_S = 2.0
WALKED = 2  # sources whose minutes are walked, too
HOUR = 60  # minutes

# A source's share of each path: what one device carries.
PATHS: dict[str, Carrier] = {
    "nat_gateway": NAT_GATEWAY,
    "nat_instance c7gn.large": steady(5 * GBPS),
    "nat_instance c7gn.large with credit": Carrier(
        5 * GBPS, 30 * GBPS, most_credit=15 * HOUR * GBPS, first_credit=0
    ),
    "nat_instance c7gn.medium": steady(3_125 * GBPS // 1000),
    "nat_instance t4g.nano": steady(32 * GBPS // 1000),
    "internet_gateway": steady(5 * GBPS),
    "s3_gateway": steady(25 * GBPS),
    "interface_endpoint": INTERFACE_ENDPOINT,
    "privatelink": INTERFACE_ENDPOINT,
    "direct_connect 10 Gbps": steady(10 * GBPS),
    "expressroute": steady(10 * GBPS),
    "interconnect": steady(10 * GBPS),
}


def made_loads(sources: int, days: int) -> list[Load]:
    """Uneven loads: some 4 PiB over 64 sources in 30 days, all different."""
    chance = random.Random(20261123)
    made = []
    for _ in range(sources):
        rate = chance.randrange(GBPS // 20, GBPS // 4)
        minutes = np.arange(days * 1440, dtype=np.int64)
        by_day = rate + rate * ((minutes // HOUR + chance.randrange(24)) % 24 - 12) // 24
        burst = (minutes * chance.randrange(3, 999)) % 997 < 12
        made.append(load_of(by_day + burst * rate * chance.randrange(5, 60)))
    return made


def walk(load: Load, carrier: Carrier) -> Replay:
    """The rule of a minute, minute after minute."""
    backlog, credit = 0, carrier.first_credit
    carried = minutes = waiting = most = minute = 0
    came = load.tolist()
    while minute < len(came) or backlog:
        comes = came[minute] if minute < len(came) else 0
        served = min(backlog + comes, carrier.peak, carrier.sustained + credit)
        credit = min(carrier.most_credit, max(0, credit + carrier.sustained - served))
        backlog += comes - served
        minute += 1
        carried += served
        waiting += backlog
        most = max(most, backlog)
        minutes = minute if served else minutes
    delay = Fraction(most, carrier.sustained)
    return Replay(sum(came), carried, minutes, waiting, most, delay)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--sources", type=int, default=64)
    parser.add_argument("--days", type=int, default=30)
    asked = parser.parse_args()

    loads = made_loads(asked.sources, asked.days)
    size = sum(total(load) for load in loads)
    print(f"{asked.sources} sources, {asked.days} days, {size:,} bytes")
    by_path = dict.fromkeys(PATHS, float("inf"))
    losses = whole = wall = float("inf")
    for _ in range(asked.runs):
        begun, started = time.process_time(), time.perf_counter()
        for name, carrier in PATHS.items():
            at = time.process_time()
            for load in loads:
                replay(load, carrier)
            by_path[name] = min(by_path[name], time.process_time() - at)
        at = time.process_time()
        groups = [summed(loads[one::6]) for one in range(6)]
        lost = worst_loss(groups, steady(5 * GBPS), minutes=10, dark=2)
        losses = min(losses, time.process_time() - at)
        whole = min(whole, time.process_time() - begun)
        wall = min(wall, time.perf_counter() - started)

    print("\n| path | CPU s |\n|---|---:|")
    for name, seconds in by_path.items():
        print(f"| {name} | {seconds:.3f} |")
    print(f"| 6 x c7gn.large, each lost once for 10 minutes | {losses:.3f} |")
    print(f"| **all** (wall {wall:.2f} s) | **{whole:.2f}** |")
    print(f"\nworst loss: instance {lost.instance} at minute {lost.loss.minute}, "
          f"{float(lost.replay.longest_delay):.1f} minutes of delay")  # fmt: skip

    slow, fast = walked(loads[:WALKED])
    print(f"walking the minutes of {WALKED} sources: {slow:.2f} s, replayed {fast:.3f} s: "
          f"{slow / fast:.0f} times as fast, all answers equal")  # fmt: skip
    print(f"goal of {GOAL_S} s: {'met' if whole < GOAL_S else 'MISSED'}")
    return int(whole >= GOAL_S)


def walked(loads: list[Load]) -> tuple[float, float]:
    """Seconds of CPU to walk and to replay some sources over every path; answers compared."""
    slow = fast = 0.0
    for load in loads:
        for name, carrier in PATHS.items():
            at = time.process_time()
            wanted = walk(load, carrier)
            slow += (then := time.process_time()) - at
            found = replay(load, carrier)
            fast += time.process_time() - then
            if found != wanted:
                raise SystemExit(f"{name}: {found} is not {wanted}")
    return slow, fast


if __name__ == "__main__":
    raise SystemExit(main())
