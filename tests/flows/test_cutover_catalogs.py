"""Tables cut over into a catalog: it tells what the ledger knows, and readers find them by name."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lakeferry.catalog import reading
from lakeferry.catalog.judging import same_place
from lakeferry.catalog.tables import RECEIPT
from lakeferry.connect import thrift_form as thrift
from lakeferry.connect.aws import AwsAccess
from lakeferry.connect.databricks import workspace_client
from lakeferry.connect.metastore import ask
from lakeferry.fleet.catalogs.target_catalog import target_catalog
from lakeferry.ledger import read
from lakeferry.ledger.open import open_to_read
from tests.flows.fleets import ROWS, Fleet
from tests.flows.test_cutover import cutover, ready
from tests.judges.spark_by_name import RowsByName
from tests.servers import Server, unity_catalog

pytestmark = pytest.mark.server
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
Lay = Callable[[str, str], Fleet]


@pytest.fixture
def lay(tmp_path: Path) -> Lay:
    """A fleet whose target has a catalog, told as the manifest tells it."""

    def written(catalog: str, connections: str = "") -> Fleet:
        fleet = Fleet(tmp_path, str(tmp_path / "out"), environment=KEYS)
        more = f"connections: {{{connections}}}\n" if connections else ""
        fleet.write(more, target=f", catalog: {catalog}")
        return fleet

    return written


def check_told(fleet: Fleet) -> None:
    """The catalog alone says of each table what the ledger says."""
    place = target_catalog(fleet.wanted.target)
    assert place is not None
    db = open_to_read(fleet.folder / ".lakeferry" / "ledger.db")
    for name, row in fleet.tables().items():
        schema, table = name.split(".")
        found = reading.find_table(place, f"a_{schema}", table)
        [receipt] = [one for one in read.receipts(db, row.target_url) if one.kind == "cutover"]
        assert found is not None
        assert same_place(found.location, row.target_url)
        assert found.properties["lakeferry.source"] == row.source_url
        assert found.properties["lakeferry.source_version"] == str(row.held_version)
        assert found.properties["lakeferry.lag"] == "0"
        assert found.properties[RECEIPT] == receipt.sha256


def test_glue_tells_of_each_table_what_the_ledger_knows(lay: Lay, moto_access: AwsAccess) -> None:
    link = f"aws: {{kind: aws, endpoint: '{moto_access.endpoint}', region: {moto_access.region}}}"
    fleet = lay("{kind: glue, connection: aws}", link)
    ready(fleet, "sales.orders", "sales.items")

    code, _ = cutover(fleet, "--wave", "1")

    assert code == 0
    check_told(fleet)


def test_unity_catalog_tells_of_each_table_what_the_ledger_knows(lay: Lay, tmp_path: Path) -> None:
    with unity_catalog.running(tmp_path) as url:
        fleet = lay(f"{{kind: unity, uri: '{url}', catalog: atlas}}", "")
        ready(fleet, "sales.orders")

        code, _ = cutover(fleet, "--wave", "1")

        assert code == 0
        check_told(fleet)
    workspace_client.cache_clear()


@pytest.mark.spark
def test_spark_reads_a_table_by_its_name_once_it_is_cut_over(
    lay: Lay,
    hive_metastore_server: Server,
    rows_by_name: RowsByName,
    request: pytest.FixtureRequest,
) -> None:
    uri = hive_metastore_server.place
    fleet = lay(f"{{kind: hive, uri: '{uri}', schema: 'a_{{schema}}'}}", "")
    ready(fleet, "sales.orders")
    request.addfinalizer(lambda: _drop(uri))

    code, _ = cutover(fleet, "--wave", "1")

    assert code == 0
    check_told(fleet)
    assert rows_by_name("SELECT count(*) FROM a_sales.orders") == [[ROWS]]


def _drop(uri: str) -> None:
    """All tests of a run share the metastore."""
    drop = {1: thrift.text("a_sales"), 2: thrift.flag(False), 3: thrift.flag(True)}
    ask(uri, "drop_database", drop, {})
