"""Unity Catalog's REST API in a process of its own, judged by the published client's models.

    python tests/servers/unity_catalog.py PORT FOLDER_OF_THE_CLIENT

Its server cannot be had, so this one keeps the entries, and every request and answer passes the
pydantic models of `unitycatalog-client`: fields that they do not know, or lack, are a 500, which
fails the test. A process of its own, because the client wants older libraries than the tests have.

`/stub` is the test's own door: GET tells all requests, POST sets `throttled` (answers of 429 to
come), `denied` ("METHOD path" or
"METHOD path location" -> message), `a_page`. Tags are Databricks' alone, which has no such
client: they are held against the SDK's names in test_unity.py.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

API = "/api/2.1/unity-catalog"
Json = dict[str, Any]


class Refusal(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, code, message)
        self.status, self.code, self.message = status, code, message


class State:
    """What the catalog holds."""

    def __init__(self) -> None:
        self.schemas: dict[str, Json] = {}
        self.tables: dict[str, Json] = {}
        self.granted: dict[str, dict[str, list[str]]] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.requests: list[str] = []
        self.throttled = 0
        self.denied: dict[str, str] = {}
        self.a_page = 2
        self.catalogs = {"atlas"}


def judged(model: str, value: Json) -> Json:
    """The value, if the client's model takes it whole."""
    from unitycatalog.client import models  # type: ignore[import-not-found]

    taken = getattr(models, model).from_dict(value)
    lost = set(flat(value)) - set(flat(taken.to_dict()))
    if lost:
        raise ValueError(f"{model} does not know {sorted(lost)}")
    return value


def flat(value: Any, at: str = "") -> Iterator[str]:
    """The paths of all leaves that are something."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from flat(one, f"{at}.{key}")
    elif isinstance(value, list):
        for one in value:
            yield from flat(one, f"{at}[]")
    elif value is not None:
        yield at


def page(state: State, model: str, key: str, found: list[Json], query: Mapping[str, str]) -> Json:
    size = min(int(query.get("max_results", state.a_page)), state.a_page)
    first = int(query.get("page_token", "0"))
    answer: Json = {key: found[first : first + size]}
    if first + size < len(found):
        answer["next_page_token"] = str(first + size)
    return judged(model, answer)


def list_schemas(state: State, query: Mapping[str, str], _: Json) -> Json:
    known_catalog(state, query["catalog_name"])
    return page(state, "ListSchemasResponse", "schemas", list(state.schemas.values()), query)


def create_schema(state: State, _: Mapping[str, str], body: Json) -> Json:
    judged("CreateSchema", body)
    known_catalog(state, body["catalog_name"])
    name = f"{body['catalog_name']}.{body['name']}"
    if name in state.schemas:
        raise Refusal(409, "SCHEMA_ALREADY_EXISTS", f"Schema '{name}' already exists.")
    state.schemas[name] = {**body, "full_name": name, "schema_id": f"id-{name}"}
    return judged("SchemaInfo", state.schemas[name])


def list_tables(state: State, query: Mapping[str, str], _: Json) -> Json:
    schema = f"{query['catalog_name']}.{query['schema_name']}"
    known_schema(state, schema)
    inside = [one for name, one in state.tables.items() if name.startswith(f"{schema}.")]
    return page(state, "ListTablesResponse", "tables", inside, query)


def create_table(state: State, _: Mapping[str, str], body: Json) -> Json:
    judged("CreateTable", body)
    known_schema(state, f"{body['catalog_name']}.{body['schema_name']}")
    name = f"{body['catalog_name']}.{body['schema_name']}.{body['name']}"
    if name in state.tables:
        raise Refusal(409, "TABLE_ALREADY_EXISTS", f"Table '{name}' already exists.")
    if body["table_type"] == "EXTERNAL" and not body.get("storage_location"):
        raise Refusal(400, "INVALID_ARGUMENT", "Storage location is required for external table")
    state.tables[name] = {
        **body, "table_id": f"id-{len(state.requests)}", "owner": "ann@example.com",
        "created_at": 1_790_000_000_000,
    }  # fmt: skip
    return judged("TableInfo", state.tables[name])


def known_catalog(state: State, name: str) -> None:
    if name not in state.catalogs:
        raise Refusal(404, "CATALOG_NOT_FOUND", f"Catalog '{name}' does not exist.")


def known_schema(state: State, name: str) -> None:
    known_catalog(state, name.partition(".")[0])
    if name not in state.schemas:
        raise Refusal(404, "SCHEMA_NOT_FOUND", f"Schema '{name}' does not exist.")


def known_table(state: State, name: str) -> Json:
    if name not in state.tables:
        raise Refusal(404, "TABLE_NOT_FOUND", f"Table '{name}' does not exist.")
    return state.tables[name]


def of_table(state: State, method: str, name: str) -> Json:
    found = known_table(state, name)
    if method == "GET":
        return judged("TableInfo", found)
    del state.tables[name]
    state.granted.pop(name, None)  # they go with the table's id
    state.tags.pop(name, None)
    return {}


def permissions(state: State, method: str, name: str, body: Json) -> Json:
    known_table(state, name)
    granted = state.granted.setdefault(name, {})
    if method == "PATCH":
        for change in judged("UpdatePermissions", body)["changes"]:
            granted.setdefault(change["principal"], []).extend(change["add"])
    listed = [{"principal": who, "privileges": list(what)} for who, what in granted.items()]
    return judged("PermissionsList", {"privilege_assignments": listed})


def tags(state: State, method: str, path: list[str], body: Json) -> Json:
    kind, name = path[:2] if len(path) > 1 else (body["entity_type"], body["entity_name"])
    if kind != "tables":
        raise Refusal(400, "INVALID_PARAMETER_VALUE", f"no entity of type {kind}")
    if body and {body["entity_type"], body["entity_name"]} != {kind, name}:
        raise Refusal(400, "INVALID_PARAMETER_VALUE", "path and body differ")
    known_table(state, name)
    found = state.tags.setdefault(name, {})
    if method == "POST":
        if body["tag_key"] in found:
            raise Refusal(409, "ALREADY_EXISTS", "Tag assignment already exists")
        found[body["tag_key"]] = body["tag_value"]
    elif method == "PATCH":
        found[path[3]] = body["tag_value"]
    elif method == "DELETE":
        found.pop(path[3])
    else:
        return {"tag_assignments": [
            {"entity_type": "tables", "entity_name": name, "tag_key": key, "tag_value": value}
            for key, value in found.items()
        ]}  # fmt: skip
    return body


LISTS: Mapping[str, Callable[[State, Mapping[str, str], Json], Json]] = {
    "GET schemas": list_schemas, "POST schemas": create_schema,
    "GET tables": list_tables, "POST tables": create_table,
}  # fmt: skip


def answered(state: State, method: str, path: str, query: Mapping[str, str], body: Json) -> Json:
    words = [unquote(word) for word in path.removeprefix(f"{API}/").split("/")]
    if act := LISTS.get(f"{method} {'/'.join(words)}"):
        return act(state, query, body)
    if words[0] == "tables":
        return of_table(state, method, words[1])
    if words[0] == "permissions":
        return permissions(state, method, words[2], body)
    if words[0] == "entity-tag-assignments":
        return tags(state, method, words[1:], body)
    raise Refusal(404, "ENDPOINT_NOT_FOUND", path)


def check_let_in(state: State, location: str) -> None:
    if state.throttled:
        state.throttled -= 1
        raise Refusal(429, "RESOURCE_EXHAUSTED", "too many requests")
    asked = state.requests[-1]
    if message := state.denied.get(asked) or state.denied.get(f"{asked} {location}"):
        raise Refusal(403, "PERMISSION_DENIED", message)


def told(state: State, method: str, body: Json) -> Json:
    """The test's own door."""
    if method == "POST":
        for key, value in body.items():
            setattr(state, key, value)
    return {key: getattr(state, key) for key in ("requests", "tables", "granted", "tags")}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state = State()

    def _do(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        length = int(self.headers.get("Content-Length") or 0)
        body: Json = json.loads(self.rfile.read(length) or b"{}") if length else {}
        status, answer = self._answer(url.path, query, body)
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        if status == 429:
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(text)

    def _answer(self, path: str, query: Mapping[str, str], body: Json) -> tuple[int, Json]:
        if path == "/stub":
            return 200, told(self.state, self.command, body)
        if path.startswith("/.well-known"):
            return 404, {}
        self.state.requests.append(f"{self.command} {unquote(path.removeprefix(API))}")
        try:
            check_let_in(self.state, body.get("storage_location", ""))
            return 200, answered(self.state, self.command, path, query, body)
        except Refusal as refusal:
            return refusal.status, {"error_code": refusal.code, "message": refusal.message}
        except Exception as error:  # noqa: BLE001 - whatever the models refuse
            return 400, {"error_code": "NOT_AS_THE_CLIENT_KNOWS_IT", "message": repr(error)}

    do_GET = do_POST = do_PATCH = do_DELETE = _do

    def log_message(self, format: str, *args: object) -> None:
        """Silent: `requests` is the log."""


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The address of one that holds the catalog `atlas`, empty."""
    from tests.servers import free_port, listens, require, started

    client = require("unity-models").parent
    port = free_port()
    command = [sys.executable, "-P", "-S", __file__, str(port), str(client)]
    with started(command, folder / "unity.log", ready=lambda: listens(port)):
        yield f"http://127.0.0.1:{port}"


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[2])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
