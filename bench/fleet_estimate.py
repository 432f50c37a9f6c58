"""Does the time that was told hold, against the time that it took?

    python -m bench.fleet_estimate [--seed 1]

A recorded run (made from a seed, `tests/fleet/recorded_run.py`): two routes for four days, with a
day's rhythm, stalls, an office's cap, small files first. Every three hours: what was told, and what
came.
"""

import argparse

from lakeferry.fleet.time_left import left_text
from tests.fleet.recorded_run import predictions


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    seed = parser.parse_args().seed
    print("| after h | told | middle h | came h | held |")
    print("|---:|---|---:|---:|---|")
    told = predictions(seed)
    for one in told:
        print(
            f"| {one.after_s / 3600:.0f} | {left_text(one.said)} | {one.said.p50 / 3600:.1f} "
            f"| {one.came_s / 3600:.1f} | {'yes' if one.is_held else 'no'} |"
        )
    runs = [predictions(seed) for seed in range(8)]
    held = [one.is_held for run in runs for one in run]
    print(f"\nof 8 seeds: {sum(held)} of {len(held)} ranges held")


if __name__ == "__main__":
    main()
