"""Put custom tags on what a workspace has: each is read just before, and nothing else changes.

Source: Databricks Clusters API 2.1, `update` (a running cluster is restarted); Instance Pools API,
`edit`; Cluster Policies API, `edit` (`policy_family_definition_overrides` of a family's policy);
Jobs API 2.2, `update` (entries of `tasks` and `job_clusters` are replaced by their keys); SQL
Warehouses API, `edit`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from lakeferry.connect.databricks import WorkspaceAccess, workspace_client
from lakeferry.databricks.asking import asked
from lakeferry.databricks.read_tags import CUSTOM, JOBS, clusters_of, whole_job
from lakeferry.errors import FerryError
from lakeferry.network.resources import Tags
from lakeferry.network.tag_bearers import Bearer, Put


def put_tags(access: WorkspaceAccess, wishes: Sequence[tuple[Bearer, Tags]]) -> Iterator[Put]:
    """Put each bearer's tags on it, and say what became of it, in order of the wishes.

    Raises:
        FerryError: LF-1303 where nobody answers: no further request can do better.
    """
    for bearer, tags in wishes:
        try:
            asked(access, partial(_ACTS[bearer.kind], access, bearer.id, tags))
        except FerryError as error:
            if error.code == "LF-1303":
                raise
            yield Put(bearer, tags, f"{error.what}: {error.where}")
        else:
            yield Put(bearer, tags)


def _cluster(access: WorkspaceAccess, id: str, tags: Tags) -> None:
    """Only the tags are sent: the mask keeps all else, whatever fields the API has by now."""
    from databricks.sdk.service.compute import UpdateClusterResource

    client = workspace_client(access)
    before = client.clusters.get(id).custom_tags or {}
    shall = UpdateClusterResource(custom_tags={**before, **tags})
    client.clusters.update(id, "custom_tags", cluster=shall)


def _pool(access: WorkspaceAccess, id: str, tags: Tags) -> None:
    """An edit takes what it is not told for a default, so it is told all that can be edited."""
    client = workspace_client(access)
    pool = client.instance_pools.get(id)
    client.instance_pools.edit(
        id,
        pool.instance_pool_name or "",
        pool.node_type_id or "",
        custom_tags={**(pool.custom_tags or {}), **tags},
        idle_instance_autotermination_minutes=pool.idle_instance_autotermination_minutes,
        max_capacity=pool.max_capacity,
        min_idle_instances=pool.min_idle_instances,
        remote_disk_throughput=pool.remote_disk_throughput,
        total_initial_remote_disk_size=pool.total_initial_remote_disk_size,
    )


def _policy(access: WorkspaceAccess, id: str, tags: Tags) -> None:
    client = workspace_client(access)
    policy = client.cluster_policies.get(id)
    rules = {f"{CUSTOM}{key}": {"type": "fixed", "value": value} for key, value in tags.items()}
    family = policy.policy_family_id
    own = policy.policy_family_definition_overrides if family else policy.definition
    text = orjson.dumps({**orjson.loads(own or "{}"), **rules}).decode()
    said: dict[str, Any] = (
        {"policy_family_id": family, "policy_family_definition_overrides": text}
        if family
        else {"definition": text}
    )
    client.cluster_policies.edit(
        id,
        name=policy.name,
        description=policy.description,
        libraries=policy.libraries,
        max_clusters_per_user=policy.max_clusters_per_user,
        **said,
    )


def _job(access: WorkspaceAccess, id: str, tags: Tags) -> None:
    """Only the entry with the cluster is sent, as it was but for its tags."""
    job_id, part, key = id.split("/", 2)
    settings = whole_job(access, job_id)["settings"]
    named = {"tasks": "task_key", "job_clusters": "job_cluster_key"}[part]
    for where, found, cluster in clusters_of(settings):
        if (where, found) == (part, key):
            cluster["custom_tags"] = {**cluster.get("custom_tags", {}), **tags}
    entries = [one for one in settings.get(part, ()) if one[named] == key]
    body = {"job_id": int(job_id), "new_settings": {part: entries}}
    workspace_client(access).api_client.do("POST", f"{JOBS}/update", body=body)


def _warehouse(access: WorkspaceAccess, id: str, tags: Tags) -> None:
    """An edit resets what it is not told, so it is told all that can be edited, as it was read."""
    api = workspace_client(access).api_client
    where = f"/api/2.0/sql/warehouses/{id}"
    found: Any = api.do("GET", where)
    pairs = (found.get("tags") or {}).get("custom_tags") or ()
    kept = [pair for pair in pairs if pair.get("key") not in tags]
    new = [{"key": key, "value": value} for key, value in tags.items()]
    body = {key: value for key, value in found.items() if key in _OF_WAREHOUSE}
    api.do("POST", f"{where}/edit", body={**body, "tags": {"custom_tags": [*kept, *new]}})


# What an edit of a SQL warehouse takes; the rest of an answer is its state. The SDK of a person may
# be older than some of these.
_OF_WAREHOUSE = (
    "auto_stop_mins", "channel", "cluster_size", "customer_version_label", "enable_photon",
    "enable_serverless_compute", "instance_profile_arn", "max_dbu", "max_num_clusters",
    "min_num_clusters", "name", "reyden_cluster_size_multiplier", "spot_instance_policy",
    "statement_timeout", "warehouse_type",
)  # fmt: skip
_ACTS: Mapping[str, Callable[[WorkspaceAccess, str, Tags], None]] = {
    "databricks_cluster": _cluster,
    "databricks_pool": _pool,
    "databricks_policy": _policy,
    "databricks_job": _job,
    "databricks_warehouse": _warehouse,
}
