"""A migration between two places of a real S3 server: planned, moved, told, its ledger lost."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from lakeferry.fleet.planning.plan_file import read_plan
from lakeferry.store.open import open_store
from tests.cli.program import Ended, called, json_lines
from tests.clone.small import append, new_table
from tests.fleet.plans import known
from tests.servers import Server

pytestmark = pytest.mark.server

MANIFEST = """
version: 1
name: atlas
ledger: ledger.db
connections: {{s3: {{kind: aws, endpoint: "{endpoint}", region: us-east-1}}}}
target: {{connection: s3, root: "{place}/lake"}}
sources:
  sales: {{connection: s3, root: "{place}/sales", path: internet}}
"""


@dataclass
class Fleet:
    """Tables made in a folder, brought to the server, moved there by the program."""

    folder: Path
    place: str
    server: Server

    def put(self, name: str) -> None:
        """Bring the source's table to the state of its folder."""
        store = open_store(f"{self.place}/sales/{name}", self.server.options)
        root = self.folder / "made" / name
        files = [file for file in root.rglob("*") if file.is_file()]
        for file in sorted(files, key=lambda one: "_delta_log" in one.parts):
            path, body = str(file.relative_to(root)), file.read_bytes()
            store.write(path, [body], size=len(body))

    def run(self, *words: str) -> Ended:
        return called(*words, folder=self.folder, **self.environment, COLUMNS="200")

    @property
    def environment(self) -> Mapping[str, str]:
        options = self.server.options
        return {
            "AWS_ACCESS_KEY_ID": options["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": options["secret_access_key"],
        }


@pytest.fixture
def fleet(tmp_path: Path, s3_server: Server) -> Fleet:
    place = f"{s3_server.place}/fleet-{uuid.uuid4().hex}"
    text = MANIFEST.format(endpoint=s3_server.options["endpoint"], place=place)
    (tmp_path / "lakeferry.yaml").write_text(text)
    fleet = Fleet(tmp_path, place, s3_server)
    for name in ("eu/orders", "eu/items", "us/orders"):
        new_table(tmp_path / "made" / name, "a", "b")
        fleet.put(name)
    return fleet


def actions(ended: Ended) -> dict[str, str]:
    assert ended.returncode == 0, ended.stderr
    return {line["table"]: line["action"] for line in json_lines(ended)
            if line["type"] == "plan_item"}  # fmt: skip


def test_a_migration_is_planned_moved_planned_again_and_its_ledger_read_back(fleet: Fleet) -> None:
    assert fleet.run("discover").returncode == 0
    assert actions(fleet.run("plan", "-o", "a.lfp", "--json")) == {
        "sales.eu.items": "copy", "sales.eu.orders": "copy", "sales.us.orders": "copy",
    }  # fmt: skip

    ended = fleet.run("sync", "a.lfp", "--yes")
    assert ended.returncode == 0, ended.stderr
    assert fleet.run("plan", "--check").returncode == 0
    assert fleet.run("status", "--check").returncode == 0

    append(fleet.folder / "made" / "eu" / "orders", 1, "c")
    fleet.put("eu/orders")
    again = fleet.run("plan", "-o", "b.lfp", "--json")
    assert actions(again) == {
        "sales.eu.items": "keep", "sales.eu.orders": "increment", "sales.us.orders": "keep",
    }  # fmt: skip
    line = {one.name: one for one in read_plan(str(fleet.folder / "b.lfp")).tables}
    orders = line["sales.eu.orders"]
    assert (orders.bytes, orders.files, orders.added, orders.removed) == (10, 1, 1, 0)

    live = json_lines(fleet.run("status", "--by", "table", "--live", "--json"))
    versions = {one["table"]: (one["source_version"], one["holds_version"])
                for one in live if one["type"] == "table"}  # fmt: skip
    assert versions["sales.eu.orders"] == (1, 0)

    before = known(fleet.folder)
    for file in fleet.folder.glob("ledger.db*"):
        file.unlink()
    ended = fleet.run("config", "rebuild-ledger")
    assert ended.returncode == 0, ended.stderr
    after = known(fleet.folder)
    assert {name: (row.state, row.held_version, row.source_version, row.target_url)
            for name, row in after.items()} == {
        name: (row.state, row.held_version, row.source_version, row.target_url)
        for name, row in before.items()
    }  # fmt: skip
    assert fleet.run("config", "rebuild-ledger").returncode == 2
    assert fleet.run("sync", "b.lfp", "--yes").returncode == 0
    assert fleet.run("plan", "--check").returncode == 0


def test_a_plan_that_no_longer_holds_is_refused_before_anything_moves(fleet: Fleet) -> None:
    fleet.run("discover")
    fleet.run("plan", "-o", "a.lfp")
    file = fleet.folder / "lakeferry.yaml"
    file.write_text(file.read_text().replace("path: internet", "path: internet, mode: mirror"))

    ended = fleet.run("sync", "a.lfp", "--yes")

    assert (ended.returncode, "LF-2051" in ended.stderr) == (2, True)
    assert "sales.eu.items: mode snapshot -> mirror" in ended.stderr
    assert list(open_store(f"{fleet.place}/lake", fleet.server.options).list("")) == []
