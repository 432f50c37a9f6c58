"""Twelve sources of five kinds of store that are written to, and what moves them killed six times.

`make soak PART=fleet-kills` does it with 60 sources, 1,000 tables, 30 kills.
"""

from pathlib import Path

import pytest

from tests.flows.fleet_shores import Shore, s3_judge, shores
from tests.flows.fleet_storm import storm
from tests.servers import Server


@pytest.mark.server
def test_a_fleet_that_is_killed_and_loses_its_ledger_is_whole_at_the_end_and_nothing_twice(
    tmp_path: Path,
    s3_server: Server,
    azure_server: Server,
    hdfs_server: Server,
    gcs_server: Server,
) -> None:
    run = tmp_path.name
    used = shores(tmp_path, run, s3=s3_server, azure=azure_server, hdfs=hdfs_server, gcs=gcs_server)
    target = Shore("s3", f"{s3_server.place}/{run}-target", s3_server.options,
                   s3_judge(s3_server), "secret_access_key")  # fmt: skip
    fleet = storm(tmp_path, used, target, sources=12, tables=60, span_s=4.0, seed=8)
    done = []
    with fleet.living():
        while fleet.kills < 3:
            done.append(fleet.round())
        done.append(fleet.lose_the_ledger(rebuild=True))
        while fleet.kills < 6:
            done.append(fleet.round())

    found = fleet.judge()

    assert found["tables"] == 60, done
    assert found["commits"] > 60, done
