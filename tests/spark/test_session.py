"""Whether tasks can be sent to the machines of Spark, and what is said where they cannot."""

import pytest

from lakeferry.errors import FerryError
from lakeferry.spark.load import Machine, this_machine
from lakeferry.spark.session import refuse_others, refused, spark_session
from lakeferry.version import VERSION

HERE = this_machine()
# As pyspark 4.0.1 says them.
OTHER_PYTHON = (
    "An exception was thrown from the Python worker. Please see the stack trace below.\n"
    "Traceback (most recent call last):\n"
    '  File "/opt/spark/python/lib/pyspark.zip/pyspark/worker.py", line 1977, in main\n'
    "pyspark.errors.exceptions.base.PySparkRuntimeError: [PYTHON_VERSION_MISMATCH] Python in "
    "worker has different version: 3.10 than that in driver: 3.11, PySpark cannot run with "
    "different minor versions.\n"
)
NO_MODULE = (
    "Job aborted due to stage failure: Task 0 in stage 0.0 failed 4 times\n"
    "ModuleNotFoundError: No module named 'lakeferry'\n"
)


def test_another_python_is_told_with_both_versions() -> None:
    error = refused(RuntimeError(OTHER_PYTHON))

    assert error.code == "LF-8092"
    assert "3.10" in error.where
    assert f"Python {HERE.python}" in error.next_step


def test_a_missing_lakeferry_is_told_with_what_installs_it() -> None:
    error = refused(RuntimeError(NO_MODULE))

    assert (error.code, error.what) == ("LF-8093", "a machine of Spark has no module `lakeferry`")
    assert f"lakeferry=={VERSION}" in error.next_step


def test_what_else_ends_the_first_task_is_told_by_its_first_line() -> None:
    error = refused(RuntimeError("\njava.io.IOException: disk full\n  at x"))

    assert error.code == "LF-8091"
    assert "disk full" in error.what


def test_a_machine_with_another_lakeferry_is_refused() -> None:
    refuse_others([HERE])
    with pytest.raises(FerryError, match="LF-8093"):
        refuse_others([HERE, Machine(HERE.python, "0.0.9", "worker-2")])
    with pytest.raises(FerryError, match=r"worker-2 has 3\.9"):
        refuse_others([Machine("3.9", VERSION, "worker-2")])


def test_without_pyspark_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyspark.sql", None)

    with pytest.raises(FerryError, match="LF-8091") as raised, spark_session("spark"):
        pass

    assert "pip install pyspark" in raised.value.next_step
