"""How fast are flow logs read and summed, beside zcat, awk, DuckDB and polars?

    python -m bench.flow_logs [--rows 50] [--runs 3] [--keep FOLDER]

Made rows of a migration (`_flow_rows.py`) in the recommended format of 26 fields, a million in a
file, as gzip text and as Parquet; five files, read again under other names up to the rows asked
for. Asked: bytes, packets and rows by interface, minute and direction. All answers must be equal.
Counted is CPU, of all processes that a way takes, their start included: what a reader costs, on
however many cores. × is the rate against `zcat | wc -l` of the same run.

Tables are for README.md, and the plot beside it.
"""

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench._flow_ways import WAYS
from bench._plot import bars, lines, svg
from bench.clone_vs_peers import Cost, measure
from lakeferry.network.fields import RECOMMENDED_FORMAT
from tests.servers import CACHE

PLOT = Path(__file__).with_name("flow_logs.svg")
TILES, ROWS = 5, 1_000_000  # files that differ, and rows in each
FLOOR = "zcat, wc -l"
RULES = "lakeferry, all rules at once"
GOALS = {"lakeferry": 1.2, "lakeferry, Parquet zstd": 10.0, "lakeferry, Parquet gzip": 10.0,
         RULES: 0.5}  # fmt: skip
_AT = {name: RECOMMENDED_FORMAT.index(name) + 1 for name in RECOMMENDED_FORMAT}
_AWK = (
    f'FNR > 1 && $1 != "version" {{ k = ${_AT["interface-id"]} " " int(${_AT["start"]} / 60) '
    f'" " ${_AT["flow-direction"]}; b[k] += ${_AT["bytes"]}; p[k] += ${_AT["packets"]}; n[k]++ }}'
    ' END { for (k in n) { g++; B += b[k]; P += p[k]; N += n[k] } printf "%d %.0f %.0f %d\\n", g, '
    "B, P, N }"
)


def commands(folders: dict[str, Path], rules: Path) -> dict[str, list[str]]:
    """Each way with what it is called in tables."""
    text = folders["text"]
    found = {
        FLOOR: ["sh", "-c", f"zcat {text}/*.gz | wc -l"],
        "zcat, awk": ["sh", "-c", f"zcat {text}/*.gz | awk '{_AWK}'"],
        RULES: [
            sys.executable, "-m", "lakeferry.cli.main", "monitor", "prove", str(rules), str(text),
        ],
    }  # fmt: skip
    for way in WAYS:
        if way == "polars" and not (CACHE / "peers-1" / "polars").exists():
            continue
        for form, folder in folders.items():
            label = way if form == "text" else f"{way}, Parquet {form}"
            path = f"PYTHONPATH={CACHE / 'peers-1'}" if way == "polars" else "PYTHONPATH="
            command = ["env", path, sys.executable, "-m", "bench._flow_ways"]
            found[label] = [*command, way, str(folder)]
    return found


def make(folder: Path, rows: int) -> dict[str, Path]:
    """Files of some million rows in each form, below `folder`; those that are there are kept."""
    # In a process of its own: what a process has taken counts as the peak of those it starts.
    made, count = folder / "made", min(TILES, rows)
    command = [sys.executable, "-m", "bench._flow_rows", str(folder), str(count), str(ROWS)]
    subprocess.run(command, check=True)
    forms = {"text": "log.gz", "gzip": "gzip.parquet", "zstd": "zstd.parquet"}
    found = {form: folder / f"{form}-{rows}" for form in forms}
    for form, ending in forms.items():
        found[form].mkdir(exist_ok=True)
        for number in range(rows):
            name = found[form] / f"{number:03}.{ending}"
            if not name.exists():
                os.link(made / f"{number % TILES}.{ending}", name)
    return found


def answers_agree(found: dict[str, list[str]]) -> None:
    """Ask each way once, and stop where one says something else."""
    said = {
        name: subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        for name, command in found.items()
        if name not in (FLOOR, RULES)
    }
    if len(set(said.values())) > 1:
        sys.exit(f"the answers differ: {said}")


def run(found: dict[str, list[str]], runs: int) -> dict[str, list[Cost]]:
    """Every way once a run, in a new order each time."""
    costs: dict[str, list[Cost]] = {name: [] for name in found}
    for _ in range(runs):
        for name in random.sample(list(found), len(found)):
            accept = (0, 3) if name == RULES else (0,)  # 3: a rule matched nothing, as none is
            costs[name].append(measure(found[name], accept=accept))
            print(f"  {name}: {costs[name][-1].cpu_s:.1f} cpu s", file=sys.stderr, flush=True)
    return costs


def rates(costs: dict[str, list[Cost]], rows: int) -> dict[str, tuple[float, float]]:
    """Million rows a CPU second (median), and × the floor's rate in the same run (median)."""
    return {
        name: (
            statistics.median(rows / one.cpu_s for one in found),
            statistics.median(
                floor.cpu_s / one.cpu_s for floor, one in zip(costs[FLOOR], found, strict=True)
            ),
        )
        for name, found in costs.items()
    }


def show(title: str, costs: dict[str, list[Cost]], rows: int) -> None:
    print(f"\n**{title}**\n")
    print("| way | M rows a cpu s | × zcat, wc -l | cpu s | wall s | peak MiB |")
    print("|---|---:|---:|---:|---:|---:|")
    found = rates(costs, rows)
    for name in sorted(found, key=lambda one: -found[one][0]):
        cpu, wall, peak = (
            statistics.median(getattr(one, field) for one in costs[name])
            for field in ("cpu_s", "wall_s", "peak_mib")
        )
        rate, times = found[name]
        print(f"| {name} | {rate:.2f} | {times:.2f} | {cpu:.1f} | {wall:.1f} | {peak:.0f} |")


@contextmanager
def workspace(keep: str | None) -> Iterator[Path]:
    folder = Path(keep or tempfile.mkdtemp(prefix="lakeferry-bench-"))
    folder.mkdir(exist_ok=True)
    try:
        yield folder
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50, help="millions")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--keep", help="a folder for the made files, which stay there")
    asked = parser.parse_args()
    with workspace(asked.keep) as folder:
        sizes = sorted({min(size, asked.rows) for size in (TILES, 20, asked.rows)})
        answers_agree(commands(make(folder, sizes[0]), folder / "rules"))
        peaks: dict[str, dict[int, float]] = {}
        costs: dict[str, list[Cost]] = {}
        for rows in sizes:
            found = commands(make(folder, rows), folder / "rules")
            if rows < asked.rows:
                found = {name: one for name, one in found.items() if name.startswith("lakeferry")}
            costs = run(found, asked.runs if rows == asked.rows else 1)
            for name, one in costs.items():
                if name.startswith("lakeferry"):
                    peaks.setdefault(name, {})[rows] = max(cost.peak_mib for cost in one)
        rules = len(list((folder / "rules").iterdir()))
    show(f"{asked.rows} M rows of 26 fields; {rules} rules", costs, asked.rows)
    show_growth(peaks)
    PLOT.write_text(drawn(costs, peaks, asked.rows))


def show_growth(peaks: dict[str, dict[int, float]]) -> None:
    sizes = list(next(iter(peaks.values())))
    print("\n| way, peak MiB | " + " | ".join(f"{size} M rows" for size in sizes) + " |")
    print("|---|" + "---:|" * len(sizes))
    for name, found in peaks.items():
        print(f"| {name} | " + " | ".join(f"{found[size]:.0f}" for size in sizes) + " |")


def drawn(costs: dict[str, list[Cost]], peaks: dict[str, dict[int, float]], rows: int) -> str:
    values = {name: times for name, (_, times) in rates(costs, rows).items()}
    below = 60 + 22 * len(values)
    title = f"Rows a CPU second, x zcat | wc -l, {rows} M rows; red: the goal"
    parts = bars(title, values, GOALS, 0)
    parts += lines("Peak memory in MiB as rows grow", peaks, "M rows", below)
    return svg(parts, below + 210)


if __name__ == "__main__":
    main()
