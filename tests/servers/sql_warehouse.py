"""A workspace's SQL warehouse: answers of the shapes that its API documents, by the statement.

Each statement is PENDING first, then RUNNING, then there, its rows in chunks; what is said of a
statement that is not known is what a workspace says.

Source: Databricks REST API reference, Statement Execution 2.0; answers recorded from its tutorial.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.servers.http_server import answer_json, served

WAREHOUSE = "abcdef0123456789"
STATEMENTS = "/api/2.0/sql/statements"
Rows = list[dict[str, Any]]
Json = dict[str, Any]


@dataclass(slots=True)
class Warehouse:
    """What it answers, for the test to set and to look at."""

    host: str
    rows: dict[str, Rows] = field(default_factory=dict)  # by the statement
    failures: dict[str, str] = field(default_factory=dict)  # likewise: the message
    asked: list[str] = field(default_factory=list)  # statements
    a_chunk: int = 2  # rows
    states: tuple[str, ...] = ("PENDING", "RUNNING")  # before a statement has ended
    _open: dict[str, tuple[str, list[str]]] = field(default_factory=dict)

    def answer(self, method: str, path: str, body: Json) -> tuple[int, Json]:
        if method == "POST" and path == f"{STATEMENTS}/":
            path = STATEMENTS
        if method == "POST" and path == STATEMENTS:
            if body["warehouse_id"] != WAREHOUSE:
                return 404, {
                    "error_code": "RESOURCE_DOES_NOT_EXIST",
                    "message": f"SQL warehouse {body['warehouse_id']} does not exist",
                }
            id = f"01ef-{len(self.asked)}"
            self.asked.append(body["statement"])
            self._open[id] = (body["statement"], list(self.states))
            return 200, self._state(id)
        id, _, rest = path.removeprefix(f"{STATEMENTS}/").partition("/")
        if rest:
            return 200, self._chunk(id, int(rest.rpartition("/")[2]))
        return 200, self._state(id)

    def _state(self, id: str) -> Json:
        statement, left = self._open[id]
        if left:
            return {"statement_id": id, "status": {"state": left.pop(0)}}
        message = self.failures.get(statement)
        if message is None and statement not in self.rows:
            what = "SCHEMA" if " IN " in statement else "TABLE_OR_VIEW"
            message = (
                f"[{what}_NOT_FOUND] what `{statement}` names cannot be found. SQLSTATE: 42P01"
            )
        if message is not None:
            error = {"error_code": "BAD_REQUEST", "message": message}
            return {"statement_id": id, "status": {"state": "FAILED", "error": error}}
        rows = self.rows[statement]
        columns = [
            {"name": name, "position": at, "type_name": "STRING", "type_text": "STRING"}
            for at, name in enumerate(rows[0] if rows else ("nothing",))
        ]
        chunks = max(1, -(-len(rows) // self.a_chunk))
        return {
            "statement_id": id,
            "status": {"state": "SUCCEEDED"},
            "manifest": {
                "format": "JSON_ARRAY",
                "schema": {"column_count": len(columns), "columns": columns},
                "total_chunk_count": chunks,
                "total_row_count": len(rows),
                "truncated": False,
            },
            "result": self._chunk(id, 0),
        }

    def _chunk(self, id: str, number: int) -> Json:
        rows = self.rows[self._open[id][0]]
        first = number * self.a_chunk
        some = rows[first : first + self.a_chunk]
        chunk: Json = {
            "chunk_index": number, "row_offset": first, "row_count": len(some),
            "data_array": [[text(value) for value in row.values()] for row in some],
        }  # fmt: skip
        if first + self.a_chunk < len(rows):
            chunk["next_chunk_index"] = number + 1
            link = f"{STATEMENTS}/{id}/result/chunks/{number + 1}?row_offset={first + len(some)}"
            chunk["next_chunk_internal_link"] = link
        return chunk


def text(value: Any) -> str | None:
    """As JSON_ARRAY writes a value."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


@contextmanager
def running() -> Iterator[Warehouse]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            found: Json
            status, found = 404, {"error_code": "NOT_FOUND"}
            if not self.path.startswith("/.well-known"):
                status, found = state.answer(self.command, self.path.partition("?")[0], body)
            answer_json(self, status, found)

        do_GET = do_POST = _do

        def log_message(self, format: str, *args: object) -> None:
            """Silent: `asked` is the log."""

    with served(Handler) as port:
        state = Warehouse(f"http://127.0.0.1:{port}")
        yield state
