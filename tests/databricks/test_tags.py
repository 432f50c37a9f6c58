"""Custom tags in a workspace: who bears them on EC2, and that an edit changes nothing else."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lakeferry.connect.databricks import WorkspaceAccess, workspace_client
from lakeferry.databricks.put_tags import put_tags
from lakeferry.databricks.read_tags import SERVERLESS, find_bearers
from lakeferry.errors import FerryError
from lakeferry.monitor.tags.audit import TagAudit, audit
from lakeferry.network.tag_bearers import Put
from tests.servers import databricks_workspace, free_port
from tests.servers.databricks_workspace import TOKEN, Workspace

MAP = {"map-migrated": "migABCDE12345"}
DEFAULT_TAGS = {"Vendor": "Databricks", "Creator": "a@example.com"}


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with databricks_workspace.running() as found:
        yield found
    workspace_client.cache_clear()


@pytest.fixture
def access(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> WorkspaceAccess:
    monkeypatch.setenv("DATABRICKS_TEST_TOKEN", TOKEN)
    return WorkspaceAccess(workspace.host, token="${env:DATABRICKS_TEST_TOKEN}")


def cluster(id: str, state: str = "TERMINATED", **more: Any) -> dict[str, Any]:
    """As `clusters/list` shows one, with a field that the SDK does not know."""
    return {
        "cluster_id": id, "cluster_name": f"name of {id}", "spark_version": "15.4.x-scala2.12",
        "node_type_id": "i3.xlarge", "num_workers": 8, "state": state, "cluster_source": "UI",
        "default_tags": DEFAULT_TAGS | {"ClusterId": id}, "brand_new_field": {"a": 1}, **more,
    }  # fmt: skip


def pool(id: str, **more: Any) -> dict[str, Any]:
    return {
        "instance_pool_id": id, "instance_pool_name": f"name of {id}", "node_type_id": "i3.xlarge",
        "min_idle_instances": 2, "max_capacity": 50, "idle_instance_autotermination_minutes": 15,
        "state": "ACTIVE", "default_tags": DEFAULT_TAGS, **more,
    }  # fmt: skip


def job(id: int, **settings: Any) -> dict[str, Any]:
    return {
        "job_id": id, "creator_user_name": "a@example.com",
        "settings": {"name": f"job {id}", "format": "MULTI_TASK", **settings},
    }  # fmt: skip


NEW_CLUSTER = {"spark_version": "15.4.x-scala2.12", "num_workers": 4, "brand_new_field": "kept"}


def audited(access: WorkspaceAccess, *allow: str) -> TagAudit:
    return audit(find_bearers(access), MAP, allow=allow)


def mended(access: WorkspaceAccess, *allow: str) -> list[Put]:
    wishes = [(one.bearer, one.put) for one in audited(access, *allow).work]
    return list(put_tags(access, wishes))


# ---- clusters and pools


def test_a_stopped_cluster_gets_its_tag_and_keeps_all_else(
    workspace: Workspace, access: WorkspaceAccess
) -> None:
    workspace.clusters["c-1"] = cluster("c-1", custom_tags={"team": "red"})
    before = {**workspace.clusters["c-1"]}

    (put,) = mended(access)

    assert put.fault == ""
    assert workspace.clusters["c-1"] == before | {"custom_tags": {"team": "red", **MAP}}
    assert workspace.restarted == []


def test_a_running_cluster_is_restarted_only_by_who_says_so(
    workspace: Workspace, access: WorkspaceAccess
) -> None:
    workspace.clusters["c-1"] = cluster("c-1", "RUNNING")

    assert mended(access) == []
    assert workspace.writes == []
    assert audited(access).asks == ("restart",)

    assert [one.fault for one in mended(access, "restart")] == [""]
    assert workspace.restarted == ["c-1"]


def test_a_cluster_of_a_pool_has_the_pools_tags_so_the_pool_gets_it(
    workspace: Workspace, access: WorkspaceAccess
) -> None:
    workspace.pools["p-1"] = pool("p-1", custom_tags={"team": "red"})
    workspace.clusters["c-1"] = cluster("c-1", instance_pool_id="p-1", custom_tags=MAP)
    before = {**workspace.pools["p-1"]}

    found = audited(access)
    (put,) = mended(access)

    assert [one.id for one in found.elsewhere] == ["c-1"]
    assert "the tags of the pool p-1 and no other" in found.elsewhere[0].elsewhere
    assert put.bearer.kind == "databricks_pool"
    assert put.bearer.then == "instances of the pool keep the old tags until they are replaced"
    assert workspace.pools["p-1"] == before | {"custom_tags": {"team": "red", **MAP}}


def test_a_cluster_that_a_job_made_bears_no_tag_of_its_own(
    workspace: Workspace, access: WorkspaceAccess
) -> None:
    workspace.clusters["c-1"] = cluster("c-1", "RUNNING", cluster_source="JOB")
    workspace.clusters["c-2"] = cluster("c-2", "TERMINATED", cluster_source="JOB")

    found = audited(access, "restart")

    assert [one.id for one in found.elsewhere] == ["c-1"]  # the other one has ended
    assert found.work == ()


def test_every_page_of_clusters_is_read(workspace: Workspace, access: WorkspaceAccess) -> None:
    for number in range(7):
        workspace.clusters[f"c-{number}"] = cluster(f"c-{number}")

    assert len(audited(access).wrong) == 7
    assert workspace.requests.count("GET /api/2.1/clusters/list") == 4


# ---- policies


def test_a_policy_fixes_the_tag_and_keeps_its_other_rules(
    workspace: Workspace, access: WorkspaceAccess
) -> None:
    rules = {"num_workers": {"type": "range", "maxValue": 20}}
    workspace.policies["y-1"] = {
        "policy_id": "y-1", "name": "etl", "definition": json.dumps(rules),
        "max_clusters_per_user": 3, "description": "for etl",
    }  # fmt: skip

    mended(access)

    kept = workspace.policies["y-1"]
    fixed = {"custom_tags.map-migrated": {"type": "fixed", "value": "migABCDE12345"}}
    assert json.loads(kept["definition"]) == rules | fixed
    assert (kept["name"], kept["max_clusters_per_user"], kept["description"]) == (
        "etl", 3, "for etl",
    )  # fmt: skip
    assert audited(access).wrong == ()


def test_of_a_family_only_the_overrides_are_written(
    workspace: Workspace, access: WorkspaceAccess
) -> None:
    workspace.policies["y-1"] = {
        "policy_id": "y-1", "name": "Job Compute", "policy_family_id": "job-cluster",
        "definition": json.dumps({"cluster_type": {"type": "fixed", "value": "job"}}),
    }  # fmt: skip

    assert [one.fault for one in mended(access)] == [""]

    overrides = workspace.policies["y-1"]["policy_family_definition_overrides"]
    assert set(json.loads(overrides)) == {"custom_tags.map-migrated"}


def test_a_rule_that_only_proposes_another_value_is_not_written_over_without_the_word(
    workspace: Workspace, access: WorkspaceAccess
) -> None:
    rule = {"type": "unlimited", "defaultValue": "mig00000"}
    definition = json.dumps({"custom_tags.map-migrated": rule})
    workspace.policies["y-1"] = {"policy_id": "y-1", "name": "etl", "definition": definition}

    assert mended(access) == []
    assert audited(access).asks == ("overwrite",)
    assert [one.fault for one in mended(access, "overwrite")] == [""]


# ---- jobs


def test_clusters_of_a_job_get_the_tag_wherever_they_are_written(
    workspace: Workspace, access: WorkspaceAccess
) -> None:
    workspace.jobs[7] = job(
        7,
        job_clusters=[
            {"job_cluster_key": "main", "new_cluster": {**NEW_CLUSTER}},
            {"job_cluster_key": "done", "new_cluster": {**NEW_CLUSTER, "custom_tags": MAP}},
        ],
        tasks=[
            {"task_key": "a", "job_cluster_key": "main", "new_task_field": 1},
            {"task_key": "b", "new_cluster": {**NEW_CLUSTER, "custom_tags": {"team": "red"}}},
            {"task_key": "each", "for_each_task": {
                "inputs": "[1]", "task": {"task_key": "in", "new_cluster": {**NEW_CLUSTER}}}},
        ],
        schedule={"quartz_cron_expression": "0 0 1 * * ?"},
    )  # fmt: skip
    before = json.loads(json.dumps(workspace.jobs[7]))

    puts = mended(access)

    assert [one.bearer.id for one in puts] == ["7/job_clusters/main", "7/tasks/b", "7/tasks/each"]
    after = workspace.jobs[7]["settings"]
    tagged = [
        after["job_clusters"][0]["new_cluster"],
        after["tasks"][1]["new_cluster"],
        after["tasks"][2]["for_each_task"]["task"]["new_cluster"],
    ]
    assert [one.pop("custom_tags") for one in tagged] == [MAP, {"team": "red", **MAP}, MAP]
    before["settings"]["tasks"][1]["new_cluster"].pop("custom_tags")
    assert workspace.jobs[7] == before


def test_a_task_beyond_the_first_hundred_is_found_and_mended(
    workspace: Workspace, access: WorkspaceAccess
) -> None:
    tasks: list[dict[str, Any]] = [{"task_key": f"t{n}", "existing_cluster_id": "c"} for n in
                                   range(250)]  # fmt: skip
    tasks[230] = {"task_key": "t230", "new_cluster": {**NEW_CLUSTER}}
    workspace.jobs[7] = job(7, tasks=tasks)

    (put,) = mended(access)

    assert put.bearer.id == "7/tasks/t230"
    found = workspace.jobs[7]["settings"]["tasks"]
    assert [one["task_key"] for one in found] == [f"t{n}" for n in range(250)]
    assert found[230]["new_cluster"]["custom_tags"] == MAP


def test_jobs_of_pools_of_bundles_and_without_machines_bear_no_tag_of_their_own(
    workspace: Workspace, access: WorkspaceAccess
) -> None:
    of_pool = {"job_cluster_key": "k", "new_cluster": {**NEW_CLUSTER, "instance_pool_id": "p-1"}}
    workspace.jobs[1] = job(1, job_clusters=[of_pool])
    own = {"job_cluster_key": "k", "new_cluster": {**NEW_CLUSTER}}
    workspace.jobs[2] = job(2, job_clusters=[own], deployment={"kind": "BUNDLE"})
    workspace.jobs[3] = job(3, tasks=[{"task_key": "t", "notebook_task": {"notebook_path": "/x"}}])

    why = {one.id: one.elsewhere for one in audited(access).elsewhere}

    assert "the pool bears the tag" in why["1/job_clusters/k"]
    assert "a bundle deploys the job" in why["2/job_clusters/k"]
    assert why["3"] == SERVERLESS
    assert audited(access).wrong == ()


# ---- SQL warehouses


def warehouse(id: str, state: str = "STOPPED", **more: Any) -> dict[str, Any]:
    return {
        "id": id, "name": f"name of {id}", "cluster_size": "Small", "min_num_clusters": 1,
        "max_num_clusters": 4, "auto_stop_mins": 10, "enable_photon": True, "state": state,
        "spot_instance_policy": "COST_OPTIMIZED", "warehouse_type": "PRO",
        "enable_serverless_compute": False, "channel": {"name": "CHANNEL_NAME_CURRENT"}, **more,
    }  # fmt: skip


def test_a_warehouse_gets_its_tag_and_keeps_its_size_and_limits(
    workspace: Workspace, access: WorkspaceAccess
) -> None:
    tags = {"custom_tags": [{"key": "team", "value": "red"}]}
    workspace.warehouses["w-1"] = warehouse("w-1", tags=tags, statement_timeout=3600, max_dbu=80)
    before = {**workspace.warehouses["w-1"]}

    assert [one.fault for one in mended(access)] == [""]

    both = [{"key": "team", "value": "red"}, {"key": "map-migrated", "value": "migABCDE12345"}]
    assert workspace.warehouses["w-1"] == before | {"tags": {"custom_tags": both}}


def test_a_serverless_warehouse_bears_none_and_a_running_one_asks(
    workspace: Workspace, access: WorkspaceAccess
) -> None:
    workspace.warehouses["w-1"] = warehouse("w-1", enable_serverless_compute=True)
    workspace.warehouses["w-2"] = warehouse("w-2", "RUNNING")

    found = audited(access)

    assert [(one.id, one.elsewhere) for one in found.elsewhere] == [("w-1", SERVERLESS)]
    assert found.asks == ("restart",)


# ---- all together, and refusals


def test_mending_twice_writes_once(workspace: Workspace, access: WorkspaceAccess) -> None:
    workspace.pools["p-1"] = pool("p-1")
    workspace.clusters["c-1"] = cluster("c-1")
    workspace.warehouses["w-1"] = warehouse("w-1")

    first, second = mended(access), mended(access)

    assert (len(first), len(second)) == (3, 0)
    assert len(workspace.writes) == 3


def test_one_refusal_does_not_stop_the_others(
    workspace: Workspace, access: WorkspaceAccess
) -> None:
    workspace.clusters["c-1"] = cluster("c-1")
    workspace.pools["p-1"] = pool("p-1")
    refusal = (403, "PERMISSION_DENIED", "c-1 is another's")
    workspace.refusals["POST /api/2.1/clusters/update"] = refusal

    puts = mended(access)

    faults = {one.bearer.id: one.fault for one in puts}
    assert "c-1 is another's" in faults["c-1"]
    assert faults["p-1"] == ""


def test_a_throttled_request_is_asked_again(workspace: Workspace, access: WorkspaceAccess) -> None:
    workspace.clusters["c-1"] = cluster("c-1")
    workspace.busy = 2

    assert len(audited(access).wrong) == 1


def test_a_token_that_is_refused_is_told_with_what_it_must_be(workspace: Workspace) -> None:
    with pytest.raises(FerryError) as refused:
        find_bearers(WorkspaceAccess(workspace.host, token="wrong"))

    assert (refused.value.code, refused.value.exit_code) == ("LF-1301", 2)
    assert "admin of the workspace" in refused.value.next_step
    assert "wrong" not in str(refused.value)


def test_a_workspace_that_nobody_answers_for_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakeferry.connect.databricks.PATIENCE_S", 1)

    with pytest.raises(FerryError) as silent:
        find_bearers(WorkspaceAccess(f"http://127.0.0.1:{free_port()}", token="t"))

    assert (silent.value.code, silent.value.exit_code) == ("LF-1303", 1)
