"""One coordinator as a process of its own: `led.py FOLDER RUN [pause]`, until it is killed.

It clones twenty tables again and again, one after another, and says that it is alive.
With `pause` it stands still once, between two transactions, until it is told to go on.
"""

import itertools
import os
import signal
import sqlite3
import sys
from pathlib import Path

from lakeferry.errors import FerryError
from lakeferry.ledger.rows import LakeTable
from lakeferry.ledger.write import Ledger
from tests.ledger.lakes import file, start, step, table

NAMES = [f"s{number % 4}.t{number}" for number in range(20)]


def lead(path: Path, run_id: str, *, pause: bool) -> None:
    with Ledger(path, run_id=run_id, command="sync") as ledger:
        ledger.see(table(name) for name in NAMES)
        for round_number in itertools.count():
            for name in NAMES:
                one(ledger, table(name), round_number, path)
                say("alive")
                if pause:
                    os.kill(os.getpid(), signal.SIGSTOP)
                    pause = False


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def one(ledger: Ledger, there: LakeTable, version: int, path: Path) -> None:
    url = there.target_url
    db = sqlite3.connect(path)
    [state] = db.execute("SELECT state FROM lake_table WHERE target_url = ?", (url,)).fetchone()
    db.close()
    clone = ledger.begin_clone(start(version, url), step(state, "syncing", url)
                               if state != "syncing" else None)  # fmt: skip
    ledger.land(clone, file("a.parquet"))
    ledger.tell("note", {"version": version}, url)
    ledger.commit_clone(clone, version, step("syncing", "synced", url))


if __name__ == "__main__":
    try:
        lead(Path(sys.argv[1]) / "ledger.db", sys.argv[2], pause="pause" in sys.argv[3:])
    except FerryError as error:
        say(str(error))
        sys.exit(error.exit_code)
