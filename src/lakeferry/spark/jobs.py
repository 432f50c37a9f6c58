"""Jobs of Spark by its DataFrames alone, so by Spark Connect and on Databricks too.

One row is one task: a binary column in, a binary column out, by a plain Python function.
`mapInArrow` would do the same and ask for pandas on every machine.
"""

from collections.abc import Sequence
from typing import Any

from lakeferry.spark.load import work

OURS = "lakeferry"  # group, or tag, of our jobs


def run_job(spark: Any, sent: Sequence[bytes]) -> list[bytes]:
    """Run a task for each of `sent`, all at once; their answers in the same order.

    Whatever Spark raises when a task has failed as often as it lets it comes through.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.types import BinaryType

    if (context := context_of(spark)) is not None:
        context.setJobGroup(OURS, "files of a sync", interruptOnCancel=True)
    else:
        spark.addTag(OURS)
    # Not deterministic: else Spark may run it twice for one row, or where a plan is made.
    task = F.udf(work, BinaryType(), useArrow=False).asNondeterministic()
    rows = [(number, bytearray(one)) for number, one in enumerate(sent)]
    given = spark.createDataFrame(rows, "id long, sent binary")
    if len(sent) == 1:
        dealt = given.coalesce(1)
    else:
        # Of a hash or a round robin two rows may come to one task; of a range each has its own.
        places = spark.range(0, len(sent), 1, len(sent))
        dealt = places.join(F.broadcast(given), "id")
    # Not `toLocalIterator`: it begins a task when the one before was read.
    found = {row[0]: bytes(row[1]) for row in dealt.select("id", task("sent")).collect()}
    return [found[number] for number in range(len(sent))]


def interrupt(spark: Any) -> None:
    """End all jobs of ours that run, whatever thread began them."""
    if (context := context_of(spark)) is not None:
        context.cancelJobGroup(OURS)  # a tag is of one thread there
    else:
        spark.interruptTag(OURS)


def context_of(spark: Any) -> Any | None:
    """None: the session is of Spark Connect, which has none."""
    try:
        return spark.sparkContext
    except Exception:  # noqa: BLE001 - of a class that only Connect has
        return None
