"""Clients of Databricks that several threads make at once, as those of a wave's tables do."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from databricks.sdk.config import Config, ConfigAttribute

from lakeferry.connect.databricks import WorkspaceAccess, workspace_client
from tests.servers import databricks_workspace

TOGETHER = 4


@pytest.fixture
def gathered_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK as in a new process, which breaks off where two gather what a client may be given."""
    Config.attributes()
    monkeypatch.delattr(Config, "_attributes")
    gather, busy = Config.attributes, threading.Lock()

    def attributes() -> list[ConfigAttribute]:
        if "_attributes" not in Config.__dict__:
            if not busy.acquire(blocking=False):
                raise RuntimeError("dictionary changed size during iteration")
            time.sleep(0.1)
            busy.release()
        return list(gather())

    monkeypatch.setattr(Config, "attributes", staticmethod(attributes))


@pytest.mark.usefixtures("gathered_by_one")
def test_clients_that_are_made_at_once_are_all_made() -> None:
    gate = threading.Barrier(TOGETHER)

    def made(access: WorkspaceAccess) -> str | None:
        gate.wait()
        return workspace_client(access).config.host

    with databricks_workspace.running() as workspace, ThreadPoolExecutor(TOGETHER) as hands:
        access = WorkspaceAccess(workspace.host, token=databricks_workspace.TOKEN)
        assert list(hands.map(made, [access] * TOGETHER)) == [workspace.host] * TOGETHER
    workspace_client.cache_clear()
