"""Processes that clone at the same moment: each waits for an order, and all get it at once.

Run as `python -m tests.flows.racers`, one process a racer: a line of JSON in, a line out.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lakeferry.errors import FerryError


class Racers:
    """The other ends of their pipes."""

    def __init__(self, processes: "list[subprocess.Popen[str]]") -> None:
        self._processes = processes

    def clone(self, source: str, target: str, mode: str, options: Mapping[str, str]) -> list[str]:
        """How the clone of each ended: 'committed', 'up to date', or a code."""
        order = json.dumps({"source": source, "target": target, "mode": mode,
                            "target_options": dict(options)})  # fmt: skip
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write(order + "\n")
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.flush()
        return [_answer(process) for process in self._processes]


def _answer(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return str(json.loads(process.stdout.readline()))


@contextmanager
def running(count: int) -> Iterator[Racers]:
    with ExitStack() as stack:
        processes = []
        for _ in range(count):
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.flows.racers"], cwd=Path(__file__).parents[2],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            stack.enter_context(process)
            assert process.stdin is not None
            stack.callback(process.stdin.close)
            processes.append(process)
        # Ready: whatever was slow to import is imported.
        assert [_answer(process) for process in processes] == ["ready"] * count
        yield Racers(processes)


def _serve() -> None:
    import lakeferry.clone.job  # what a first clone imports
    import lakeferry.store.hdfs
    import lakeferry.store.objects

    _say("ready")
    for line in sys.stdin:
        try:
            report = lakeferry.clone(**json.loads(line), jobs=2)
            _say("up to date" if report.up_to_date else "committed")
        except FerryError as error:
            sys.stderr.write(f"{error}\n")
            _say(error.code)


def _say(text: str) -> None:
    sys.stdout.write(json.dumps(text) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _serve()
