"""A live writer over a switch from Azure to an S3 server and back: nothing lost, nothing twice.

delta-rs writes, as Spark cannot reach the emulator. Like a stream it commits the number of each
batch with the data, and asks the table for the last one when it begins.
"""

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import TableNotFoundError

from lakeferry.connect.databricks import workspace_client
from tests.flows.fleet_shores import s3_judge
from tests.flows.fleets import Fleet
from tests.flows.live_cutover import live_cutover
from tests.flows.test_cutover import prove_all, run, states
from tests.flows.test_cutover_catalogs import check_told
from tests.judges.catalog_clients import in_unity
from tests.servers import Server, unity_catalog

pytestmark = pytest.mark.server

APP = "hourly load"
ROWS = 3  # of each batch


@dataclass
class Load:
    """Writes batch after batch until it is stopped, somewhere within one."""

    place: str
    options: Mapping[str, str]
    _ended: threading.Event = field(default_factory=threading.Event)
    _hand: threading.Thread | None = None

    def start(self) -> None:
        self._hand = threading.Thread(target=self._go, daemon=True)
        self._hand.start()

    def stop(self) -> None:
        assert self._hand is not None
        self._ended.set()
        self._hand.join()

    def _go(self) -> None:
        while not self._ended.is_set():
            self.one()
            self._ended.wait(0.3)

    def one(self) -> None:
        """The batch behind the last one that the table knows."""
        try:
            last = DeltaTable(self.place, storage_options=dict(self.options)).transaction_version(
                APP
            )
        except TableNotFoundError:
            last = None
        batch = 0 if last is None else last + 1
        rows = pa.table({"id": range(ROWS * batch, ROWS * (batch + 1))})
        write_deltalake(
            self.place, rows, mode="append", storage_options=dict(self.options),
            commit_properties=CommitProperties(app_transactions=[Transaction(APP, batch)]),
        )  # fmt: skip

    def _table(self) -> DeltaTable:
        return DeltaTable(self.place, storage_options=dict(self.options))

    @property
    def batches(self) -> int:
        """That the table holds; every id of them once, and no other."""
        table = self._table()
        last = table.transaction_version(APP)
        assert last is not None
        count = last + 1
        assert sorted(table.to_pyarrow_table()["id"].to_pylist()) == list(range(ROWS * count))
        return count


@pytest.fixture
def azure_options(azure_server: Server, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """As delta-rs takes them. It knows that the emulator lists from a name on not as Azure does,
    where it is told that it is one; its address then comes from the environment."""
    address = azure_server.endpoint.rpartition("/")[0]
    monkeypatch.setenv("AZURITE_BLOB_STORAGE_URL", address)
    return {"azure_storage_use_emulator": "true"}


def test_a_load_goes_on_from_azure_at_an_s3_server_and_back(
    azure_server: Server, s3_server: Server, azure_options: Mapping[str, str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    secrets = {"FLEET_S3": s3_server.options["secret_access_key"],
               "FLEET_AZURE": azure_server.options["account_key"]}  # fmt: skip
    for name, secret in secrets.items():
        monkeypatch.setenv(name, secret)
    lake = f"{azure_server.place}/{uuid.uuid4().hex}"
    fleet = Fleet(tmp_path, f"{s3_server.place}/{uuid.uuid4().hex}", s3_judge(s3_server), secrets)
    there = link("aws", {**s3_server.options, "secret_access_key": "${env:FLEET_S3}"})
    here = link("azure", {**azure_server.options, "account_key": "${env:FLEET_AZURE}"})
    source = Load(f"{lake}/s/events", azure_options)
    target = Load(f"{fleet.target}/a/s/events", fleet.options)
    with unity_catalog.running(tmp_path) as url:
        fleet.write(
            f"connections: {{there: {there}, here: {here}}}\n", lake=lake,
            source=", mode: mirror, connection: here",
            target=f", connection: there, catalog: {{kind: unity, uri: '{url}', catalog: atlas}}",
        )  # fmt: skip
        known = in_unity(url, "atlas")
        source.one()
        source.start()
        for command in ("discover", "sync --yes"):
            code, lines = run(fleet, *command.split())
            assert code == 0, lines
        prove_all(fleet)

        refused, lines = run(fleet, "cutover", "--yes", "--wave", "1", "--freeze-check", "30s")
        assert (refused, lines[-2]["code"]) == (1, "LF-8072")
        assert states(fleet) == {"s.events": "verified"}
        assert known("a_s", "events") is None
        done = live_cutover(fleet, source.stop)

        assert done.code == 0, done.lines[-3:]
        assert "delta-rs" in done.named
        target.one()
        print(done.told_of_pause("Azure to S3, Unity Catalog"))  # noqa: T201
        assert target.batches == source.batches + 1
        check_told(fleet)
        found = known("a_s", "events")
        assert found is not None
        assert found[0] == target.place

        assert run(fleet, "rollback", "--yes", "--wave", "1")[0] == 3
        back, lines = run(fleet, "rollback", "--yes", "--wave", "1", "--reverse")

        assert (back, states(fleet)) == (0, {"s.events": "synced"}), lines
        assert known("a_s", "events") is None
        source.one()
        assert source.batches == target.batches + 1
    workspace_client.cache_clear()


def link(kind: str, options: Mapping[str, Any]) -> str:
    said = ", ".join(f"{key}: '{value}'" for key, value in options.items())
    return f"{{kind: {kind}, options: {{{said}}}}}"
