"""What holds for every test: UTC, patient Hypothesis, and no skip where everything is required."""

import gc
import os
import time
from collections.abc import Generator
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadGroupScheduling  # type: ignore[import-untyped]
from xdist.workermanage import WorkerController  # type: ignore[import-untyped]

from tests.flows.warm_start import cold_workers, warm_workers  # noqa: F401
from tests.judges.spark_by_name import rows_by_name  # noqa: F401

# Fixtures: real servers, each started by the first test that asks for it.
from tests.servers.fixtures import (  # noqa: F401
    azure_server,
    gcs_server,
    hdfs_server,
    hive_metastore_server,
    keys,
    kinesalite_server,
    kinesis_feed,
    kinesis_local_server,
    moto_access,
    moto_server,
    s3_server,
)

os.environ["TZ"] = "UTC"
time.tzset()

# Fourteen thousand collected tests live to the end. To look through them for garbage again and
# again, after each 700 new objects, took a fifth of all tests' CPU.
gc.set_threshold(20_000)


def pytest_collection_finish() -> None:
    gc.freeze()


# No deadline, and nothing is too slow: a shared machine may stop any example for long. CI repeats
# the same examples, so that a red run can be repeated; everywhere else each run tries new ones.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("new examples", PATIENT)
settings.register_profile("same examples", PATIENT, derandomize=True, print_blob=True)
settings.load_profile("same examples" if os.environ.get("CI") else "new examples")

EVERYTHING_REQUIRED = os.environ.get("LAKEFERRY_TEST_REQUIRE") == "all"
Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def refuse_skip(report: Report) -> Report:
    """Where everything is required a skip is a failure with the skip's reason; no exceptions.

    Expected failures (`wasxfail`) are reported as skipped by pytest but did run.
    """
    if EVERYTHING_REQUIRED and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"LAKEFERRY_TEST_REQUIRE=all, and this was skipped. {reason}"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return refuse_skip((yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return refuse_skip((yield))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of several workers two run all of Spark's tests: a session takes 10 s and 1 GB."""
    for item in items:
        if item.get_closest_marker("spark"):
            second = item.path.name in OF_SECOND_SPARK
            item.add_marker(pytest.mark.xdist_group("spark-2" if second else "spark"))
        group = item.get_closest_marker("xdist_group")
        if group and config.getoption("loadgroup", False):
            tell_group(item, group.args[0])


def tell_group(item: pytest.Item, group: str) -> None:
    """Of pytest 9.2 no id is where xdist 3.8 ends it with the group, so that groups are ignored.

    See pytest-xdist's issue 1386. A test whose id ends in it twice is in the same group.
    """
    if hasattr(item, "_id"):
        item._id = type(item._id).parse(f"{item.nodeid}@{group}")


class Shares(LoadGroupScheduling):  # type: ignore[misc]
    """What one worker takes at a time: a group, a file of quick tests, or one test of a flow.

    A file's servers and tables are begun once then, and the workers are told of files instead of
    ten thousand tests. Spark's, which take longest, are given out first, then those of many tests;
    flows, of which one may take half a minute, are left to the end, one by one, so that no worker
    has many of them when others have none.
    """

    def _split_scope(self, nodeid: str) -> str:
        group = super()._split_scope(nodeid)
        file = nodeid.partition("::")[0]
        alone = file.startswith("tests/flows/") and not file.endswith(MADE_ONCE)
        return group if group != nodeid or alone else file

    def _assign_work_unit(self, node: WorkerController) -> None:
        for share in ("spark-2", "spark"):
            if share in self.workqueue:
                self.workqueue.move_to_end(share, last=False)
        super()._assign_work_unit(node)


MADE_ONCE = ("test_delta_corpora.py", "test_single_truth.py")  # flows that share what a file makes
# About half of the time that Spark's tests take.
OF_SECOND_SPARK = ("test_cutover_streams.py", "test_ingest_spark_table.py",
                   "test_spark_corpora.py", "test_stream_continuation.py")  # fmt: skip


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Shares | None:
    return Shares(config, log) if config.getoption("dist") == "loadgroup" else None
