"""Processes that end with us, and not before us by a signal that is meant for us."""

import os
import signal
from multiprocessing import get_context
from multiprocessing.connection import Connection

from lakeferry.ingest.crew import die_with_parent, start_deaf


def say_it_lives(pipe: Connection) -> None:
    die_with_parent()
    pipe.send("alive")


def test_a_signal_to_the_whole_group_ends_no_process_that_has_only_just_begun() -> None:
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=say_it_lives, args=(theirs,), daemon=True)
    start_deaf(child)
    theirs.close()
    os.kill(child.pid or 0, signal.SIGTERM)

    assert ours.recv() == "alive"
    child.join(10)
    assert child.exitcode == 0
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()
