"""Processes that end with us, and not before us by a signal that is meant for us; what they say."""

import os
import resource
import signal
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, pairwise
from multiprocessing import active_children, current_process, get_context
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from time import monotonic, sleep

import pyarrow as pa
import pytest

from lakeferry.connect.aws import AwsAccess
from lakeferry.errors import FerryError
from lakeferry.ingest.crew.processes import Crew, Entry, Lost, Work, die_with_parent, start_deaf
from lakeferry.ingest.kinesis.signing import endpoint_of
from lakeferry.ingest.settings import Ingest, SourceSettings, TargetSettings
from lakeferry.ingest.worker.messages import Counts, Drain, Filled, Report, TableForm, Told

NOWHERE = SourceSettings("clicks", endpoint_of("eu-west-1"), AwsAccess("eu-west-1"))
WORK = Work(
    Ingest("clicks", NOWHERE, TargetSettings("/nowhere")), TableForm("/nowhere", pa.schema([]), ()),
    None, None,
)  # fmt: skip
PATIENCE_S = 60.0


def told(records: int) -> Told:
    return Told(Counts(records), {}, 0, 0, 0)


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
    child.join(PATIENCE_S)
    assert child.exitcode == 0
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()


# --- what they say --------------------------------------------------------------------------


def half_a_word(pipe: Connection) -> None:
    word = bytes(ForkingPickler.dumps(told(1)))
    os.write(pipe.fileno(), struct.pack("!i", len(word)) + word[: len(word) // 2])


def talk(pipe: Connection, work: Work) -> None:  # noqa: ARG001
    die_with_parent()
    for number in count(1):
        pipe.send(told(number))
        pipe.send(Filled())
        sleep(0.05)


def stop_amid_a_word(pipe: Connection, work: Work) -> None:
    """Worker 0 is stopped while it speaks; all others go on."""
    if current_process().name != "0":
        talk(pipe, work)
    die_with_parent()
    pipe.send(told(1))
    half_a_word(pipe)
    os.kill(os.getpid(), signal.SIGSTOP)


def die_amid_a_word(pipe: Connection, work: Work) -> None:  # noqa: ARG001
    pipe.send(told(1))
    half_a_word(pipe)
    os._exit(7)


def say_one_word(pipe: Connection, work: Work) -> None:  # noqa: ARG001
    die_with_parent()
    pipe.send(Filled())
    sleep(PATIENCE_S)


def answer(pipe: Connection, work: Work) -> None:  # noqa: ARG001
    die_with_parent()
    pipe.recv()
    pipe.send(Filled())
    sleep(PATIENCE_S)


def tell_of_the_pool(pipe: Connection, work: Work) -> None:  # noqa: ARG001
    die_with_parent()
    pipe.send(told(int(pa.default_memory_pool().backend_name == "system")))
    sleep(PATIENCE_S)


@contextmanager
def crew_of(count: int, entry: Entry) -> Iterator[Crew]:
    crew = Crew(WORK, count, entry=entry)
    try:
        yield crew
    finally:
        crew.end()


def heard(crew: Crew, worker: int, kind: type) -> list[Report | Lost]:
    """What a worker says up to the first word of a kind."""
    found: list[Report | Lost] = []
    end = monotonic() + PATIENCE_S
    while not any(isinstance(one, kind) for one in found):
        assert monotonic() < end, f"no {kind.__name__}: {found[-3:]}"
        found += [one for speaker, one in crew.hear(0.2) if speaker == worker]
    return found


def is_running(process_id: int) -> bool:
    return Path(f"/proc/{process_id}").exists()


def test_words_come_in_their_order_and_of_how_it_goes_the_newest() -> None:
    with crew_of(1, talk) as crew:
        heard(crew, 0, Filled)
        sleep(0.5)
        found = crew.hear(0)
        while len(found) < 6:
            found += crew.hear(1)

    kinds = [type(one) for _, one in found]
    assert all(one is not other for one, other in pairwise(kinds)), "they are said in turns"
    numbers = [one.counts.records for _, one in found if isinstance(one, Told)]
    assert numbers == sorted(numbers)


def test_a_worker_that_is_stopped_amid_a_word_holds_up_nobody_and_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with crew_of(2, stop_amid_a_word) as crew:
        heard(crew, 0, Told)
        heard(crew, 1, Told)  # while the word of the other does not end
        monkeypatch.setattr("lakeferry.ingest.crew.processes.SILENCE_S", 2.0)
        [*_, lost] = heard(crew, 0, Lost)
        processes = crew.process_ids

    assert isinstance(lost, Lost)
    assert "worker 0 said nothing for" in lost.why
    assert not any(map(is_running, processes))


def test_a_worker_that_dies_amid_a_word_is_lost_and_what_it_said_before_counts() -> None:
    with crew_of(1, die_amid_a_word) as crew:
        found = heard(crew, 0, Lost)

    assert found == [told(1), Lost("worker 0 ended with code 7")]


def test_whoever_was_stopped_itself_takes_nobody_for_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lakeferry.ingest.crew.processes.SILENCE_S", 0.5)
    monkeypatch.setattr("lakeferry.ingest.crew.processes.DEAF_S", 1.0)
    with crew_of(1, say_one_word) as crew:
        heard(crew, 0, Filled)
        sleep(1.5)

        assert crew.hear(0) == []
        assert heard(crew, 0, Lost)


def test_a_worker_has_no_pool_of_memory_beside_the_one_that_it_is_told() -> None:
    with crew_of(1, tell_of_the_pool) as crew:
        assert heard(crew, 0, Told)[-1] == told(1)


def test_who_has_not_said_a_word_is_known() -> None:
    with crew_of(1, answer) as crew:
        before = crew.silent
        crew.order(0, Drain())
        heard(crew, 0, Filled)

        assert before == {0}
        assert crew.silent == frozenset()


def test_where_the_system_has_no_room_for_a_worker_it_is_told_and_none_stays() -> None:
    before = set(active_children())
    open_now = len(os.listdir("/proc/self/fd"))
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_now + 20, usual[1]))
    try:
        with pytest.raises(FerryError, match=r"LF-7054 worker \d+ of 40 cannot be started"):
            Crew(WORK, 40, entry=say_one_word)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)

    assert set(active_children()) <= before


def test_none_is_started_once_it_is_over() -> None:
    over = iter([False, False, True])
    crew = Crew(WORK, 5, is_over=lambda: next(over), entry=say_one_word)
    crew.end()

    assert len(crew) == 2
