"""A session of Spark for `--on`, and whether tasks can be sent to its machines."""

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from lakeferry.errors import FerryError
from lakeferry.spark.jobs import context_of, interrupt, run_job
from lakeferry.spark.load import Machine, pack, this_machine, unpack

ANSWER_S = 180  # until a machine must have taken a task
TASKS = 8  # at once, where Spark does not say how many it can do
FILES_OF_TASK = 8  # at once, in one task


@contextmanager
def spark_session(on: str) -> Iterator[Any]:
    """A session; one that was begun here is ended here.

    Args:
        on: 'spark' is the session that runs here, as in a notebook, or the one that Spark's own
            settings and environment name; an address with `sc://` is of Spark Connect; another
            text is a master: `spark://host:7077`, `yarn`, `k8s://…`, `local[2]`.

    Raises:
        FerryError: LF-8091 there is no pyspark, or no session could be begun.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise _unusable(
            f"pyspark cannot be imported: {error}",
            "`pip install pyspark`, of the cluster's version",
        ) from error
    running = SparkSession.getActiveSession() if on == "spark" else None
    if running is not None:
        yield running
        return
    if on.startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("lakeferry")
    if on.startswith("sc://"):
        builder = builder.remote(on)
    else:
        builder = builder.config("spark.ui.showConsoleProgress", "false")
        if on != "spark":
            builder = builder.master(on)
    try:
        spark = builder.getOrCreate()
    except Exception as error:
        raise _unusable(f"no session with `{on}`: {_first_line(error)}", _STEP) from error
    try:
        if not on.startswith("sc://"):
            spark.sparkContext.setLogLevel("ERROR")
        yield spark
    finally:
        spark.stop()


def tasks_at_once(spark: Any, files: int | None) -> tuple[int, int]:
    """How many tasks, and how many files at once in each, make up `files` at once.

    Args:
        files: of the manifest's limits; None: as many tasks as Spark has cores now.
    """
    if files is not None:
        return max(1, files // FILES_OF_TASK), min(files, FILES_OF_TASK)
    context = context_of(spark)
    return max(1, TASKS if context is None else context.defaultParallelism), FILES_OF_TASK


def machines(spark: Any, tasks: int) -> tuple[Machine, ...]:
    """Who answers, each host once.

    Raises:
        FerryError: LF-8091 nobody; LF-8092 another Python; LF-8093 lakeferry is missing there, or
            is another one.
    """
    found: list[Machine] = []
    trouble: list[Exception] = []

    def ask() -> None:
        try:
            found.extend(unpack(one) for one in run_job(spark, [pack(None)] * min(tasks, 256)))
        except Exception as error:  # noqa: BLE001 - told below
            trouble.append(error)

    asking = threading.Thread(target=ask, name="lakeferry-spark-ask", daemon=True)
    asking.start()
    asking.join(ANSWER_S)
    if asking.is_alive():
        interrupt(spark)
        raise _unusable(f"no machine took a task within {ANSWER_S} s", "start workers; see its UI")
    if trouble:
        raise refused(trouble[0]) from trouble[0]
    refuse_others(found)
    return tuple({one.host: one for one in found}.values())


def refused(error: Exception) -> FerryError:
    """What Spark said when the first task failed."""
    said = str(error)
    if "PYTHON_VERSION_MISMATCH" in said or "different version" in said:
        return _other_python(_first_line(error))
    if "No module named" in said or "ModuleNotFoundError" in said:
        missing = said.partition("No module named")[2].strip().split()[0].strip("'\".")
        return _no_lakeferry(f"a machine of Spark has no module `{missing}`")
    return _unusable(f"the first task failed: {_first_line(error)}", _STEP)


def refuse_others(found: Sequence[Machine]) -> None:
    """Raises LF-8092, LF-8093 for a machine that is not as this one."""
    mine = this_machine()
    for one in found:
        if one.python != mine.python:
            raise _other_python(f"{one.host} has {one.python}, here is {mine.python}")
        if one.lakeferry != mine.lakeferry:
            raise _no_lakeferry(f"{one.host} has {one.lakeferry}, here is {mine.lakeferry}")


_STEP = "look at the master's address, its log and its UI"


def _other_python(said: str) -> FerryError:
    python = this_machine().python
    return FerryError(
        "LF-8092", "Spark's machines have another Python", said,
        f"set PYSPARK_PYTHON to a Python {python} that all machines have, with lakeferry in it",
    )  # fmt: skip


def _no_lakeferry(said: str) -> FerryError:
    version = this_machine().lakeferry
    return FerryError(
        "LF-8093", said, "tasks run in PYSPARK_PYTHON of each machine",
        f"`pip install lakeferry=={version}` there, or ship an environment that has it",
    )  # fmt: skip


def _unusable(what: str, step: str) -> FerryError:
    return FerryError("LF-8091", what, "--on", step)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "Error" in line or "MISMATCH" in line]
    return (telling or lines or [type(error).__name__])[0][:300]
