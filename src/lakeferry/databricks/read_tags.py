"""What bears custom tags in a Databricks workspace, and which of them reach EC2.

A cluster whose instances come from a pool has the pool's tags on EC2 and no other. Default tags win
over custom ones. Serverless compute runs in Databricks' own account, where no tag of ours is.

Source: Databricks on AWS, "Monitor usage using tags"; Clusters, Instance Pools, Cluster Policies,
Jobs and SQL Warehouses APIs.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from lakeferry.connect.databricks import WorkspaceAccess, workspace_client
from lakeferry.databricks.asking import asked
from lakeferry.network.resources import Tags
from lakeferry.network.tag_bearers import DATABRICKS_OWN, MOST_OF_DATABRICKS, Bearer

if TYPE_CHECKING:
    from databricks.sdk.service.compute import ClusterDetails

JOBS = "/api/2.2/jobs"  # asked as it is: what is sent back must hold fields that no SDK knows yet
A_PAGE = 100
SERVERLESS = "serverless compute runs in Databricks' own account: no EC2 tags, and no MAP credit"
CUSTOM = "custom_tags."  # begins the keys of a policy's rules about tags
_STILL = ("TERMINATED", "ERROR", "UNKNOWN")  # states of clusters that an edit does not restart
_MADE_BY = {
    "JOB": "a job made it for one run: the job bears the tag",
    "PIPELINE": "a pipeline made it: the pipeline's settings bear the tag",
    "PIPELINE_MAINTENANCE": "a pipeline made it: the pipeline's settings bear the tag",
    "SQL": "a SQL warehouse made it: the warehouse bears the tag",
    "MODELS": SERVERLESS,
}


def find_bearers(access: WorkspaceAccess) -> tuple[Bearer, ...]:
    """Clusters, pools, policies, jobs' clusters and SQL warehouses of a workspace.

    Raises:
        FerryError: LF-1301, LF-1302, LF-1303.
    """
    return asked(access, lambda: tuple(_all(access)))


def _all(access: WorkspaceAccess) -> Iterator[Bearer]:
    client = workspace_client(access)
    for pool in client.instance_pools.list():
        yield _bearer(
            access, "databricks_pool", pool.instance_pool_id, pool.instance_pool_name,
            pool.custom_tags or {},
            then="instances of the pool keep the old tags until they are replaced",
        )  # fmt: skip
    for policy in client.cluster_policies.list():
        fixed, loose = ruled(policy.definition or "")
        yield _bearer(
            access, "databricks_policy", policy.policy_id, policy.name, fixed, idle=loose,
            then="clusters that it made before keep their tags until they are edited",
        )  # fmt: skip
    for cluster in client.clusters.list(page_size=A_PAGE):
        yield from _cluster(access, cluster)
    for job in _jobs(access):
        yield from _job(access, job)
    for warehouse in client.warehouses.list():
        pairs = warehouse.tags.custom_tags if warehouse.tags else None
        tags = {one.key or "": one.value or "" for one in pairs or ()}
        state = warehouse.state.value if warehouse.state else ""
        yield _bearer(
            access, "databricks_warehouse", warehouse.id, warehouse.name, tags,
            elsewhere=SERVERLESS if warehouse.enable_serverless_compute else "",
            asks="restart" if state in ("RUNNING", "STARTING") else "",
        )  # fmt: skip


def _bearer(
    access: WorkspaceAccess,
    kind: str,
    id: object,
    name: str | None,
    tags: Tags,
    **more: Any,
) -> Bearer:
    return Bearer(
        kind, str(id or ""), name or "", tags, most=MOST_OF_DATABRICKS, reserved=DATABRICKS_OWN,
        where=access.host, **more,
    )  # fmt: skip


def ruled(definition: str) -> tuple[Tags, Tags]:
    """The tags that a policy fixes, and those that it only allows or proposes."""
    rules: Mapping[str, Any] = orjson.loads(definition or "{}")
    fixed: dict[str, str] = {}
    loose: dict[str, str] = {}
    for path, rule in rules.items():
        if path.startswith(CUSTOM) and isinstance(rule, dict):
            key = path.removeprefix(CUSTOM)
            if rule.get("type") == "fixed":
                fixed[key] = str(rule.get("value", ""))
            else:
                loose[key] = str(rule.get("defaultValue", ""))
    return fixed, loose


def _cluster(access: WorkspaceAccess, one: "ClusterDetails") -> Iterator[Bearer]:
    state = one.state.value if one.state else "UNKNOWN"
    source = one.cluster_source.value if one.cluster_source else ""
    if source in _MADE_BY and state in _STILL:
        return  # it will not run again
    pool = one.instance_pool_id or one.driver_instance_pool_id
    yield _bearer(
        access, "databricks_cluster", one.cluster_id, one.cluster_name, one.custom_tags or {},
        elsewhere=_MADE_BY.get(source, "") or (_of_pool(pool) if pool else ""),
        asks="" if state in _STILL else "restart",
    )  # fmt: skip


def _of_pool(pool: str) -> str:
    return f"its instances have the tags of the pool {pool} and no other: the pool bears the tag"


# ---- jobs


def _jobs(access: WorkspaceAccess) -> Iterator[Mapping[str, Any]]:
    """Every job with all of its tasks and clusters; lists show the first hundred of them."""
    api = workspace_client(access).api_client
    query: dict[str, Any] = {"expand_tasks": "true", "limit": A_PAGE}
    while True:
        page: Any = api.do("GET", f"{JOBS}/list", query=query)
        for job in page.get("jobs", ()):
            yield whole_job(access, job["job_id"]) if job.get("has_more") else job
        if not page.get("next_page_token"):
            return
        query["page_token"] = page["next_page_token"]


def whole_job(access: WorkspaceAccess, id: object) -> Mapping[str, Any]:
    """A job with the tasks and clusters of all its pages."""
    api = workspace_client(access).api_client
    query: dict[str, Any] = {"job_id": id}
    job: dict[str, Any] = {}
    while True:
        page: Any = api.do("GET", f"{JOBS}/get", query=query)
        if not job:
            job = page
        else:
            for part in ("tasks", "job_clusters"):
                job["settings"].setdefault(part, []).extend(page["settings"].get(part, ()))
        if not page.get("next_page_token"):
            return job
        query["page_token"] = page["next_page_token"]


def clusters_of(settings: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each cluster that a job's runs make: part of the settings, key there, the cluster itself."""
    for one in settings.get("job_clusters", ()):
        if "new_cluster" in one:
            yield "job_clusters", one["job_cluster_key"], one["new_cluster"]
    for task in settings.get("tasks", ()):
        inner = task.get("for_each_task", {}).get("task", {})
        for each in (task, inner):
            if "new_cluster" in each:
                yield "tasks", task["task_key"], each["new_cluster"]


def _job(access: WorkspaceAccess, job: Mapping[str, Any]) -> Iterator[Bearer]:
    settings = job.get("settings", {})
    name = settings.get("name", "")
    bundle = settings.get("deployment", {}).get("kind") == "BUNDLE"
    found = list(clusters_of(settings))
    for part, key, cluster in found:
        pool = cluster.get("instance_pool_id") or cluster.get("driver_instance_pool_id")
        elsewhere = _of_pool(pool) if pool else ""
        if bundle and not pool:
            elsewhere = "a bundle deploys the job and would write over it: the bundle has the tag"
        yield _bearer(
            access, "databricks_job", f"{job['job_id']}/{part}/{key}", f"{name}: {key}",
            cluster.get("custom_tags", {}), elsewhere=elsewhere,
            then="runs that have begun keep the old tags",
        )  # fmt: skip
    if not found and _is_serverless(settings.get("tasks", ())):
        yield _bearer(access, "databricks_job", job["job_id"], name, {}, elsewhere=SERVERLESS)


def _is_serverless(tasks: Iterable[Mapping[str, Any]]) -> bool:
    """Tasks of notebooks and code that name no cluster."""
    kinds = ("notebook_task", "spark_python_task", "python_wheel_task", "dbt_task")
    return any(
        any(kind in one for kind in kinds) and not one.get("existing_cluster_id") for one in tasks
    )
