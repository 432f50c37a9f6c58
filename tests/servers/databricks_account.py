"""A Databricks account's VPC endpoint registrations: answers of the shapes that its API documents.

Source: Databricks REST API reference, Account API, "VPC endpoint configurations".
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.servers.http_server import answer_json, served

ACCOUNT_ID = "449e7a5c-69d3-4b8a-aaaf-5c9b713ebc65"
TOKEN = "dapi-test"
PATH = f"/api/2.0/accounts/{ACCOUNT_ID}/vpc-endpoints"


@dataclass(slots=True)
class Account:
    """The account's state, for the test to set and to look at."""

    host: str
    endpoints: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)  # "METHOD path"
    refusal: tuple[int, str, str] | None = None  # status, error code, message: to all but lists
    made: int = 0

    def names(self) -> list[str]:
        return sorted(one["vpc_endpoint_name"] for one in self.endpoints)

    def register(self, wanted: dict[str, Any]) -> dict[str, Any]:
        self.made += 1
        one = {
            "vpc_endpoint_id": f"d3f1b2a0-0000-4000-8000-{self.made:012}",
            "account_id": ACCOUNT_ID,
            "vpc_endpoint_name": wanted["vpc_endpoint_name"],
            "aws_vpc_endpoint_id": wanted["aws_vpc_endpoint_id"],
            "aws_endpoint_service_id": "vpce-svc-00018a8c3ff62ffdf",
            "aws_account_id": "123456789012",
            "use_case": "DATAPLANE_RELAY_ACCESS",
            "region": wanted["region"],
            "state": "available",
        }
        self.endpoints.append(one)
        return one


@contextmanager
def running() -> Iterator[Account]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == PATH:
                self._answer(200, state.endpoints)
            else:  # /.well-known/databricks-config, which the SDK can do without
                self._refuse(404, "NOT_FOUND", f"{self.path} does not exist")

        def do_POST(self) -> None:
            wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            taken = [one["vpc_endpoint_name"] for one in state.endpoints]
            if state.refusal:
                self._refuse(*state.refusal)
            elif wanted["vpc_endpoint_name"] in taken:
                self._refuse(409, "RESOURCE_ALREADY_EXISTS", "a configuration has this name")
            else:
                self._answer(201, state.register(wanted))

        def do_DELETE(self) -> None:
            id = self.path.rpartition("/")[2]
            found = [one for one in state.endpoints if one["vpc_endpoint_id"] == id]
            if state.refusal:
                self._refuse(*state.refusal)
            elif not found:
                self._refuse(404, "RESOURCE_DOES_NOT_EXIST", f"{id} does not exist")
            else:
                state.endpoints.remove(found[0])
                self._answer(200, found[0])

        def _refuse(self, status: int, code: str, message: str) -> None:
            self._answer(status, {"error_code": code, "message": message})

        def _answer(self, status: int, body: Any) -> None:
            state.requests.append(f"{self.command} {self.path}")
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status = 401
                body = {"error_code": "UNAUTHENTICATED", "message": "Invalid token"}
            answer_json(self, status, body)

        def log_message(self, format: str, *args: object) -> None:
            """Silent: `requests` is the log."""

    with served(Handler) as port:
        state = Account(f"http://127.0.0.1:{port}")
        yield state
