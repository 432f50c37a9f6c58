"""`--on`: files are copied by the machines of a Spark cluster, in place of this one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakeferry.cli.render import Screen
from lakeferry.cli.units import counted
from lakeferry.workers_shared import Crew, SharedCrew

if TYPE_CHECKING:
    from lakeferry.fleet.manifest.wanted import Migration

HERE = 8  # files at once of tasks that cannot be sent: rates that only this machine counts


@contextmanager
def crew_on(on: str | None, wanted: "Migration", screen: Screen) -> Iterator[Crew | None]:
    """The crew of `--on`; None: it was not given, and this machine does it all.

    Raises:
        FerryError: LF-8091, LF-8092, LF-8093 before anything is changed.
    """
    if on is None:
        yield None
        return
    from lakeferry.spark.crew import SparkCrew
    from lakeferry.spark.session import machines, spark_session, tasks_at_once

    screen.say(f"starting Spark: {on}")
    with spark_session(on) as spark:
        tasks, hands = tasks_at_once(spark, wanted.limits.files)
        found = machines(spark, tasks)
        hosts = ", ".join(sorted(one.host for one in found)[:8])
        screen.say(
            f"files are copied by {counted(len(found), 'machine')} of Spark ({hosts}): "
            f"{counted(tasks, 'task')} at once, of {hands} files each"
        )
        yield SparkCrew(spark, tasks=tasks, hands=hands, here=SharedCrew(HERE))
