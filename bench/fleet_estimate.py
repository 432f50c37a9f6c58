"""Does the time that was told hold, against the time that it took?

    python -m bench.fleet_estimate [--seed 1]

First a sync that was recorded from a real ledger (`bench/data`, made by `bench._record_sync`): what
is told of each of its moments, and what came. Then a run made from a seed
(`tests/fleet/recorded_run.py`): two routes for four days, with a day's rhythm, stalls, an office's
cap, small files first; every three hours what was told, and what came.
"""

import argparse

import orjson

from lakeferry.fleet.standing.time_left import left_text
from tests.fleet.recorded_run import predictions
from tests.fleet.replayed_run import RECORDINGS, replayed

SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)


def real_runs() -> None:
    for recording in sorted(RECORDINGS.glob("sync_*.json")):
        run = orjson.loads(recording.read_bytes())
        took_s = (run["ended_ms"] - run["began_ms"]) / 1000
        print(f"**{recording.name}**: {run['moments'][0]['bytes'] / 1e9:.2f} GB, "
              f"{run['moments'][0]['files']:,} files in {took_s:.0f} s\n")  # fmt: skip
        print("| of the time | told | 10th to 90th, s | middle s | came s | held |")
        print("|---:|---|---:|---:|---:|---|")
        moments = replayed(recording)
        for share in SHARES:
            near = min(moments, key=lambda one, share=share: abs(one.share - share))  # type: ignore[misc]
            if near.told is None:
                print(f"| {share:.0%} | measuring | | | {took_s * (1 - near.share):.0f} | |")
                continue
            said, came_s = near.told.said, near.told.came_s
            print(f"| {share:.0%} | {left_text(said)} | {said.p10:.0f} to {said.p90:.0f} "
                  f"| {said.p50:.0f} | {came_s:.0f} "
                  f"| {'yes' if near.told.is_held else 'no'} |")  # fmt: skip
        told = [one.told for one in moments if one.told is not None]
        print(f"\nof {len(moments)} moments {len(told)} were told; "
              f"{sum(one.is_held for one in told)} of these ranges held\n")  # fmt: skip


def made_run(seed: int) -> None:
    print("| after h | told | middle h | came h | held |")
    print("|---:|---|---:|---:|---|")
    for one in predictions(seed):
        print(
            f"| {one.after_s / 3600:.0f} | {left_text(one.said)} | {one.said.p50 / 3600:.1f} "
            f"| {one.came_s / 3600:.1f} | {'yes' if one.is_held else 'no'} |"
        )
    runs = [predictions(seed) for seed in range(8)]
    held = [one.is_held for run in runs for one in run]
    print(f"\nof 8 seeds: {sum(held)} of {len(held)} ranges held")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    seed = parser.parse_args().seed
    real_runs()
    made_run(seed)


if __name__ == "__main__":
    main()
