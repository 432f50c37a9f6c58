"""Answers of Glue that moto does not give: pages, refusals, changes by others meanwhile."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from lakeferry.catalog import glue
from lakeferry.catalog.glue import GlueCatalog
from lakeferry.catalog.tables import Change
from lakeferry.connect.aws import AwsAccess
from lakeferry.errors import FerryError
from tests.catalog.registrations import orders, with_properties
from tests.servers import moto
from tests.servers.http_server import AWS_JSON, answer_json, served

Json = dict[str, Any]
Answers = Callable[[str, Json], Json]  # of an operation; `__type`: the error


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    moto.forget_clients()
    yield
    moto.forget_clients()


@contextmanager
def answering(answers: Answers) -> Iterator[GlueCatalog]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = answers(self.headers["X-Amz-Target"].removeprefix("AWSGlue."), body)
            answer_json(self, 400 if "__type" in found else 200, found, kind=AWS_JSON)

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    with served(Handler) as port:
        yield GlueCatalog(AwsAccess("us-east-1", endpoint=f"http://127.0.0.1:{port}"))


def entry(name: str, **more: Any) -> Json:
    return {"Name": name, "DatabaseName": "sales", "TableType": "EXTERNAL_TABLE", **more}


def test_a_listing_goes_on_from_page_to_page() -> None:
    pages = {None: (["a", "b"], "1"), "1": ([], "2"), "2": (["c"], None)}

    def answers(_: str, body: Json) -> Json:
        names, token = pages[body.get("NextToken")]
        more = {"NextToken": token} if token else {}
        return {"TableList": [entry(name) for name in names], **more}

    with answering(answers) as place:
        assert [one.table for one in glue.list_tables(place, ["sales"])] == ["a", "b", "c"]


def test_a_database_that_is_dropped_while_all_are_listed_is_passed_over() -> None:
    def answers(operation: str, body: Json) -> Json:
        if operation == "GetDatabases":
            return {"DatabaseList": [{"Name": "gone"}, {"Name": "sales"}]}
        if body["DatabaseName"] == "gone":
            return {"__type": "EntityNotFoundException", "message": "Database gone not found."}
        return {"TableList": [entry("orders")]}

    with answering(answers) as place:
        assert [one.full_name for one in glue.list_tables(place)] == ["sales.orders"]


def test_lake_formation_keeps_rights_of_its_own_and_is_told_apart() -> None:
    def answers(_: str, __: Json) -> Json:
        said = "Insufficient Lake Formation permission(s): Required Describe on orders"
        return {"__type": "AccessDeniedException", "Message": said}

    with answering(answers) as place, pytest.raises(FerryError, match="Required Describe") as no:
        glue.find_table(place, "sales", "orders")

    assert no.value.code == "LF-8104"
    assert "DESCRIBE on the database" in no.value.next_step


def test_a_missing_right_is_named_with_the_statement_that_gives_it() -> None:
    said = (
        "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: glue:CreateTable "
        "on resource: arn:aws:glue:us-east-1:111122223333:catalog because no identity-based "
        "policy allows the glue:CreateTable action"
    )

    def answers(operation: str, _: Json) -> Json:
        if operation == "GetTable":
            return {"__type": "EntityNotFoundException", "message": "Table orders not found."}
        return {"__type": "AccessDeniedException", "Message": said}

    with answering(answers) as place, pytest.raises(FerryError, match="glue:CreateTable") as no:
        glue.register(place, orders())

    assert no.value.code == "LF-1203"
    assert '"Action":"glue:CreateTable"' in no.value.next_step


def test_a_change_that_meets_another_is_made_upon_what_that_one_left() -> None:
    versions = iter(("1", "2"))
    sent: list[Json] = []

    def answers(operation: str, body: Json) -> Json:
        if operation == "GetTable":
            version = next(versions)
            found = {**entry("orders"), **glue.as_glue(orders()), "VersionId": version}
            found["Parameters"] = {**found["Parameters"], "team": f"as of {version}"}
            return {"Table": {**found, "CreateTime": 1, "CatalogId": "111122223333"}}
        sent.append(body)
        if len(sent) == 1:
            return {"__type": "ConcurrentModificationException", "Message": "Update table failed"}
        return {}

    with answering(answers) as place:
        changed = glue.register(place, with_properties(orders(), lag="40"))

    assert changed == Change("updated", ("lakeferry.lag",))
    assert [one["VersionId"] for one in sent] == ["1", "2"]
    assert sent[-1]["TableInput"]["Parameters"]["team"] == "as of 2"
    assert "CreateTime" not in sent[-1]["TableInput"]
