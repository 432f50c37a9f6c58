"""A Databricks workspace: answers of the shapes that its API documents, kept as they are edited.

What it holds against: an edit of a pool or a warehouse replaces what it names and resets what it
does not, entries of a job are replaced whole by their keys, a cluster that runs is restarted by an
update, one that a job made cannot be updated.

Source: Databricks REST API reference, Clusters 2.1, Instance Pools 2.0, Cluster Policies 2.0,
Jobs 2.2, SQL Warehouses 2.0.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.servers.http_server import answer_json, served

TOKEN = "dapi-workspace"
Answer = tuple[int, Any]
Json = dict[str, Any]
_POOL_KEPT = ("instance_pool_id", "state", "stats", "status", "default_tags", "aws_attributes")


@dataclass(slots=True)
class Workspace:
    """What is in the workspace, for the test to set and to look at."""

    host: str
    clusters: dict[str, Json] = field(default_factory=dict)
    pools: dict[str, Json] = field(default_factory=dict)
    policies: dict[str, Json] = field(default_factory=dict)
    jobs: dict[int, Json] = field(default_factory=dict)
    warehouses: dict[str, Json] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)  # "METHOD path"
    refusals: dict[str, tuple[int, str, str]] = field(default_factory=dict)  # by "METHOD path"
    restarted: list[str] = field(default_factory=list)
    a_page: int = 2  # items of a list
    busy: int = 0  # times that the next requests are throttled

    @property
    def writes(self) -> list[str]:
        return [one for one in self.requests if not one.startswith("GET")]

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Json) -> Answer:
        if self.busy:
            self.busy -= 1
            return _error(429, "REQUEST_LIMIT_EXCEEDED", "too many requests")
        if refusal := self.refusals.get(f"{method} {path}"):
            return _error(*refusal)
        route = f"{method} {path.removeprefix('/api/')}"
        act = self._acts.get(route)
        if act is not None:
            return act(query, body)
        id = path.removesuffix("/edit").rpartition("/")[2]
        if route == f"GET 2.0/sql/warehouses/{id}":
            return _one(self.warehouses, id)
        if route == f"POST 2.0/sql/warehouses/{id}/edit":
            kept = {key: self.warehouses[id][key] for key in ("id", "state")}
            self.warehouses[id] = {**kept, **body}
            return 200, {}
        return _error(404, "ENDPOINT_NOT_FOUND", f"{method} {path}")

    @property
    def _acts(self) -> Mapping[str, Callable[[Mapping[str, str], Json], Answer]]:
        return {
            "GET 2.1/clusters/list": lambda query, _: self._page("clusters", self.clusters, query),
            "GET 2.1/clusters/get": lambda query, _: _one(self.clusters, query["cluster_id"]),
            "POST 2.1/clusters/update": lambda _, body: self._update_cluster(body),
            "GET 2.0/instance-pools/list": lambda *_: _all("instance_pools", self.pools),
            "GET 2.0/instance-pools/get": lambda query, _: _one(
                self.pools, query["instance_pool_id"]
            ),
            "POST 2.0/instance-pools/edit": lambda _, body: self._edit_pool(body),
            "GET 2.0/policies/clusters/list": lambda *_: _all("policies", self.policies),
            "GET 2.0/policies/clusters/get": lambda query, _: _one(
                self.policies, query["policy_id"]
            ),
            "POST 2.0/policies/clusters/edit": lambda _, body: self._edit_policy(body),
            "GET 2.2/jobs/list": lambda query, _: self._page(
                "jobs", {str(id): self._listed(one) for id, one in self.jobs.items()}, query
            ),
            "GET 2.2/jobs/get": lambda query, _: self._job(int(query["job_id"]), query),
            "POST 2.2/jobs/update": lambda _, body: self._update_job(body),
            "GET 2.0/sql/warehouses": lambda *_: _all("warehouses", self.warehouses),
        }

    def _page(self, key: str, found: Mapping[str, Json], query: Mapping[str, str]) -> Answer:
        items = list(found.values())
        first = int(query.get("page_token", "0"))
        page: Json = {key: items[first : first + self.a_page]}
        if first + self.a_page < len(items):
            page["next_page_token"] = str(first + self.a_page)
        return 200, page

    def _update_cluster(self, body: Json) -> Answer:
        one = self.clusters[body["cluster_id"]]
        if one.get("cluster_source") == "JOB":
            return _error(400, "INVALID_PARAMETER_VALUE", "Job clusters cannot be updated")
        if one["state"] not in ("RUNNING", "TERMINATED"):
            return _error(400, "INVALID_STATE", f"Cluster is in state {one['state']}")
        one |= {key: body["cluster"].get(key) for key in body["update_mask"].split(",")}
        if one["state"] == "RUNNING":
            self.restarted.append(body["cluster_id"])
        return 200, {}

    def _edit_pool(self, body: Json) -> Answer:
        pool = self.pools[body["instance_pool_id"]]
        if body["node_type_id"] != pool["node_type_id"]:
            return _error(400, "INVALID_PARAMETER_VALUE", "node_type_id cannot be changed")
        kept = {key: pool[key] for key in _POOL_KEPT if key in pool}
        self.pools[body["instance_pool_id"]] = {**kept, **body}
        return 200, {}

    def _edit_policy(self, body: Json) -> Answer:
        policy = self.policies[body["policy_id"]]
        if policy.get("policy_family_id") and "definition" in body:
            return _error(400, "INVALID_PARAMETER_VALUE", "definition of a family's policy")
        policy |= body
        if overrides := body.get("policy_family_definition_overrides"):
            whole = {**json.loads(policy["definition"]), **json.loads(overrides)}
            policy["definition"] = json.dumps(whole)
        return 200, {}

    def _listed(self, job: Json) -> Json:
        """As a list shows it: the first 100 tasks."""
        tasks = job["settings"].get("tasks", [])
        settings = {**job["settings"], "tasks": tasks[:100]}
        return {**job, "settings": settings, "has_more": len(tasks) > 100}

    def _job(self, id: int, query: Mapping[str, str]) -> Answer:
        job = self.jobs[id]
        first = int(query.get("page_token", "0"))
        tasks = job["settings"].get("tasks", [])
        settings = {**job["settings"], "tasks": tasks[first : first + 100]}
        found = {**job, "settings": settings}
        if first + 100 < len(tasks):
            found["next_page_token"] = str(first + 100)
        return 200, found

    def _update_job(self, body: Json) -> Answer:
        settings = self.jobs[body["job_id"]]["settings"]
        for part, key in (("tasks", "task_key"), ("job_clusters", "job_cluster_key")):
            entries = {one[key]: one for one in body["new_settings"].get(part, ())}
            before = settings.get(part, [])
            settings[part] = [entries.pop(one[key], one) for one in before] + [*entries.values()]
        rest = body["new_settings"].keys() - {"tasks", "job_clusters"}
        settings |= {key: body["new_settings"][key] for key in rest}
        return 200, {}


def _one(found: Mapping[str, Json], id: str) -> Answer:
    if id not in found:
        return _error(404, "RESOURCE_DOES_NOT_EXIST", f"{id} does not exist")
    return 200, found[id]


def _all(key: str, found: Mapping[str, Json]) -> Answer:
    return 200, {key: list(found.values())}


def _error(status: int, code: str, message: str) -> Answer:
    return status, {"error_code": code, "message": message}


@contextmanager
def running() -> Iterator[Workspace]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._do({})

        def do_POST(self) -> None:
            self._do(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _do(self, body: Json) -> None:
            url = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(url.query).items()}
            if not url.path.startswith("/.well-known"):
                state.requests.append(f"{self.command} {url.path}")
            if self.headers.get("Authorization") == f"Bearer {TOKEN}":
                status, found = state.answer(self.command, url.path, query, body)
            else:
                status, found = _error(401, "UNAUTHENTICATED", "Invalid token")
            answer_json(self, status, found)

        def log_message(self, format: str, *args: object) -> None:
            """Silent: `requests` is the log."""

    with served(Handler) as port:
        state = Workspace(f"http://127.0.0.1:{port}")
        yield state
