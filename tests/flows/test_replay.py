"""Ranges of the source that one commit cannot tell: made again at the target one by one."""

from pathlib import Path
from typing import Any

import pytest

from tests.flows.compare import digest, look, state
from tests.flows.spark_table import Table, append, checksum_is_valid, clone, optimize
from tests.judges.spark_reader import spark_session, spark_state

__all__ = ["spark_session"]  # the fixture `spark`

pytestmark = pytest.mark.spark


def test_everything_small_that_changes_within_a_replayed_range_is_kept(
    spark: Any, tmp_path: Path
) -> None:
    source, target = Table(spark, tmp_path / "table"), tmp_path / "clone"
    append(spark, source.root, 1, txnAppId="job", txnVersion=1)
    clone(source.root, target)

    append(spark, source.root, 2, txnAppId="job", txnVersion=2)
    source.sql("ALTER TABLE {t} SET TBLPROPERTIES ('delta.enableInCommitTimestamps' = 'true')")
    optimize(spark, source.root)
    source.sql("ALTER TABLE {t} SET TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')")
    source.sql("ALTER TABLE {t} ADD CONSTRAINT positive CHECK (id > 0)")
    append(spark, source.root, 3, 4, 5, txnAppId="job", txnVersion=3)
    source.sql("DELETE FROM {t} WHERE id = 4")
    report = clone(source.root, target)

    assert report.commits == 7
    assert state(look(target)) == state(look(source.root))
    assert digest(look(target)) == digest(look(source.root))
    seen = spark_state(spark, target)
    assert seen.txns["job"]["version"] == 3
    # In-commit timestamps began at the target with *its* version 2, at that commit's own time.
    begun = Table(spark, target).commit(2)[0]["commitInfo"]["inCommitTimestamp"]
    assert since(seen.metadata["configuration"]) == ("2", str(begun))
    history = Table(spark, target).sql("DESCRIBE HISTORY {t}")
    assert [row[0] for row in history] == list(range(7, -1, -1))


def test_the_version_checksum_of_a_replayed_range_is_spark_s(spark: Any, tmp_path: Path) -> None:
    source, target = Table(spark, tmp_path / "table"), tmp_path / "clone"
    append(spark, source.root, 1)
    clone(source.root, target)
    append(spark, source.root, 2)
    source.sql("ALTER TABLE {t} SET TBLPROPERTIES ('delta.enableInCommitTimestamps' = 'true')")
    optimize(spark, source.root)
    clone(source.root, target)

    assert checksum_is_valid(spark, target)
    append(spark, target, 3)  # Spark derives the next checksum from ours
    assert checksum_is_valid(spark, target)


def since(configuration: dict[str, str]) -> tuple[str, str]:
    return (
        configuration["delta.inCommitTimestampEnablementVersion"],
        configuration["delta.inCommitTimestampEnablementTimestamp"],
    )
