"""Two tables and two streams of Spark in a lake that is to be moved to an S3 server."""

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.flows.fleet_shores import s3_judge
from tests.flows.fleets import Fleet
from tests.flows.streams import Landing, ids_in
from tests.flows.test_cutover import prove_all, run
from tests.servers import Server, s3a

FIRST, SECOND = "s.events", "s.clean"  # a stream writes the first, another reads it into the second


@dataclass(frozen=True)
class Pipeline:
    """The two tables and their streams, in a lake that is to be moved to an S3 server."""

    spark: Any
    fleet: Fleet
    s3: Server
    landing: Landing
    lake: str  # as Spark addresses it
    checkpoints: str  # the folder of both

    @property
    def sink(self) -> str:
        return f"{self.checkpoints}/sink"

    @property
    def reader(self) -> str:
        return f"{self.checkpoints}/reader"

    def source(self, table: str) -> str:
        return f"{self.lake}/{table.replace('.', '/')}"

    def target(self, table: str) -> str:
        return s3a.address(f"{self.fleet.target}/a/{table.replace('.', '/')}")

    @property
    def words(self) -> list[str]:
        """That name the checkpoints, where no discovery finds them."""
        if self.checkpoints.startswith(self.lake):
            return []
        return ["--checkpoint", self.sink, "--checkpoint", self.reader]

    def ready(self) -> None:
        """Discovered, synced and proven."""
        for command in ("discover", "sync --yes"):
            code, lines = run(self.fleet, *command.split())
            assert code == 0, lines
        prove_all(self.fleet)

    def ids(self, table: str) -> list[int]:
        """Of a table at the target: by Spark, and by delta-rs."""
        theirs = self.fleet.rows(table)["id"].to_pylist()
        ours = ids_in(self.spark, self.target(table))
        assert ours == theirs
        return ours


def pipeline(
    spark: Any, s3: Server, folder: Path, *, lake: str = "", more: str = "", target: str = "",
    mode: str = "mirror",
) -> Pipeline:  # fmt: skip
    """Its manifest.

    Args:
        lake: elsewhere than on this disk; the checkpoints lie below it then, else beside it.
        more, target: of the manifest, for a catalog.
    """
    s3a.reach(spark, s3)
    keys = {"FLEET_SECRET": s3.options["secret_access_key"],
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}  # fmt: skip
    fleet = Fleet(folder, f"{s3.place}/{uuid.uuid4().hex}", s3_judge(s3), keys)
    told = {**s3.options, "secret_access_key": "${env:FLEET_SECRET}"}
    said = ", ".join(f"{key}: '{value}'" for key, value in told.items())
    fleet.write(f"connections: {{here: {{kind: aws, options: {{{said}}}}}{more}}}\n",
                source=f", mode: {mode}", target=f", connection: here{target}",
                lake=lake)  # fmt: skip
    checkpoints = f"{lake}/jobs" if lake else f"{folder}/checkpoints"
    return Pipeline(spark, fleet, s3, Landing(folder / "landing"), lake or str(fleet.lake),
                    checkpoints)  # fmt: skip
