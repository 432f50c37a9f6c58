"""SQL of a workspace through a warehouse: a statement, its states, its rows in chunks.

Source: Databricks REST API, "Statement Execution" 2.0.
"""

import time
from collections.abc import Iterator
from typing import Any

from lakeferry.catalog.asking import Missing, asked
from lakeferry.connect.databricks import WorkspaceAccess, workspace_client
from lakeferry.errors import FerryError

API = "/api/2.0/sql/statements"
WAIT = "5s"  # the shortest that the service waits; the client itself gives up after 10 s
FIRST_PAUSE_S, MOST_PAUSE_S = 0.5, 10.0
PATIENCE_S = 1200.0  # a warehouse that stands still takes minutes to begin
_GOING = ("PENDING", "RUNNING")
# Not any NOT_FOUND: of a table whose files are gone the name is there.
_NOT_THERE = (
    "[TABLE_OR_VIEW_NOT_FOUND]", "[SCHEMA_NOT_FOUND]", "NoSuchTableException",
    "NoSuchDatabaseException",
)  # fmt: skip
_DENIED = ("PERMISSION", "does not have privilege", "does not have permission")
Row = dict[str, str | None]


def rows(access: WorkspaceAccess, warehouse: str, statement: str) -> Iterator[Row]:
    """The rows of a statement as they come, by the names of its columns.

    A value is text; those with parts (lists, maps) are JSON.

    Raises:
        Missing: what the statement names is not there.
        FerryError: LF-8107 where there is no such warehouse; LF-8104, LF-8108; LF-1301, LF-1303.
    """
    body = {
        "statement": statement,
        "warehouse_id": warehouse,
        "wait_timeout": WAIT,
        "on_wait_timeout": "CONTINUE",
        "disposition": "INLINE",
        "format": "JSON_ARRAY",
    }
    try:
        answer = _do(access, warehouse, "POST", API, body)
    except Missing as error:
        raise FerryError(
            "LF-8107",
            f"the workspace has no SQL warehouse `{warehouse}`",
            f"{error}; {access.shown}",
            "give the id of a warehouse (`from: {warehouse: ID}`; its page shows it in brackets)",
        ) from error
    answer = _ended(access, warehouse, answer, statement)
    columns = [one["name"] for one in answer["manifest"]["schema"].get("columns", ())]
    chunk = answer.get("result") or {}
    while True:
        for values in chunk.get("data_array") or ():
            yield dict(zip(columns, values, strict=True))
        following = chunk.get("next_chunk_index")
        if following is None:
            return
        path = f"{API}/{answer['statement_id']}/result/chunks/{following}"
        chunk = _do(access, warehouse, "GET", path)


def _ended(
    access: WorkspaceAccess, warehouse: str, answer: dict[str, Any], statement: str
) -> dict[str, Any]:
    """The answer of a statement that has succeeded."""
    deadline, pause_s = time.monotonic() + PATIENCE_S, FIRST_PAUSE_S
    while answer["status"]["state"] in _GOING:
        if time.monotonic() > deadline:
            raise _failed(access, statement, f"it did not end within {PATIENCE_S:.0f} s")
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, MOST_PAUSE_S)
        answer = _do(access, warehouse, "GET", f"{API}/{answer['statement_id']}")
    status = answer["status"]
    if status["state"] == "SUCCEEDED":
        return answer
    error = status.get("error") or {}
    said = " ".join(str(error.get("message") or status["state"]).split())
    if any(word in said for word in _NOT_THERE):
        raise Missing(said)
    if any(word in said for word in _DENIED):
        raise FerryError(
            "LF-8104",
            f"the workspace refuses: {said[:300]}",
            f"{statement}; {access.shown}",
            "GRANT USAGE, SELECT, READ_METADATA ON SCHEMA hive_metastore.`its schema` TO "
            "`whoever asks`, or ask as an administrator of the workspace",
        )
    raise _failed(access, statement, said)


def _failed(access: WorkspaceAccess, statement: str, said: str) -> FerryError:
    return FerryError(
        "LF-8108",
        f"a SQL statement failed in the workspace: {said[:300]}",
        f"{statement}; {access.shown}",
        "run the statement in the workspace's SQL editor to see why, then the same command again",
    )


def _do(
    access: WorkspaceAccess,
    warehouse: str,
    method: str,
    path: str,
    body: dict[str, str] | None = None,
) -> dict[str, Any]:
    client = workspace_client(access).api_client
    answer: Any = asked(
        access,
        lambda: client.do(method, path, body=body),
        on=f"SQL warehouse {warehouse}",
        rights=f"let whoever asks use the SQL warehouse {warehouse}: permission CAN USE",
    )
    return dict(answer or {})
