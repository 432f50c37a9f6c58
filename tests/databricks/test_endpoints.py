"""VPC endpoints are registered in a Databricks account, and forgotten, as often as one asks."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from lakeferry.connect.databricks import ACCOUNTS, DatabricksAccess, account_client, accounts_of
from lakeferry.databricks.endpoints import ensure_registration, registrations, remove_registration
from lakeferry.errors import FerryError
from lakeferry.network.resources import EndpointRegistration
from tests.servers import databricks_account, free_port
from tests.servers.databricks_account import ACCOUNT_ID, PATH, TOKEN, Account

RELAY = EndpointRegistration("lakeferry-m1.databricks-relay", "lakeferry-m1.databricks-relay",
                             "us-east-1")  # fmt: skip
NAMES = {"vpce-1": RELAY.endpoint}


@pytest.fixture
def account() -> Iterator[Account]:
    with databricks_account.running() as running:
        yield running
    account_client.cache_clear()


@pytest.fixture
def access(account: Account, monkeypatch: pytest.MonkeyPatch) -> DatabricksAccess:
    monkeypatch.setenv("DATABRICKS_TEST_TOKEN", TOKEN)
    return DatabricksAccess(ACCOUNT_ID, account.host, token="${env:DATABRICKS_TEST_TOKEN}")


def test_an_endpoint_is_registered_once_however_often_one_asks(
    account: Account, access: DatabricksAccess
) -> None:
    ensure_registration(access, RELAY, "vpce-1")
    ensure_registration(access, RELAY, "vpce-1")

    (one,) = account.endpoints
    assert one["aws_vpc_endpoint_id"] == "vpce-1"
    assert one["region"] == "us-east-1"
    assert account.requests.count(f"POST {PATH}") == 2


def test_a_name_that_stands_for_another_endpoint_is_not_taken_for_ours(
    access: DatabricksAccess,
) -> None:
    ensure_registration(access, RELAY, "vpce-1")

    with pytest.raises(FerryError) as refused:
        ensure_registration(access, RELAY, "vpce-2")

    assert (refused.value.code, refused.value.exit_code) == ("LF-1302", 1)
    assert "RESOURCE_ALREADY_EXISTS: a configuration has this name" in refused.value.where


def test_registrations_name_endpoints_of_ours_and_keep_the_ids_of_others(
    account: Account, access: DatabricksAccess
) -> None:
    ensure_registration(access, RELAY, "vpce-1")
    account.register(
        {"vpc_endpoint_name": "theirs", "aws_vpc_endpoint_id": "vpce-9", "region": "eu-west-1"}
    )

    found = registrations(access, NAMES)

    assert found == (RELAY, EndpointRegistration("theirs", "vpce-9", "eu-west-1"))
    assert [one.state for one in found] == ["available", "available"]
    assert found[0].id == account.endpoints[0]["vpc_endpoint_id"]


def test_an_endpoint_is_forgotten_and_one_that_is_gone_already_is_no_error(
    account: Account, access: DatabricksAccess
) -> None:
    ensure_registration(access, RELAY, "vpce-1")
    (found,) = registrations(access, NAMES)

    remove_registration(access, found)
    remove_registration(access, found)

    assert account.endpoints == []


def test_what_databricks_refuses_is_told_in_its_words(
    account: Account, access: DatabricksAccess
) -> None:
    ensure_registration(access, RELAY, "vpce-1")
    account.refusal = (400, "INVALID_STATE", "the endpoint is used by workspace 17")

    with pytest.raises(FerryError) as refused:
        remove_registration(access, registrations(access, NAMES)[0])

    assert refused.value.code == "LF-1302"
    assert "used by workspace 17" in refused.value.where
    assert ACCOUNT_ID in refused.value.where


@pytest.mark.parametrize("status", [401, 403])
def test_an_identity_that_may_not_is_refused_with_what_it_must_be(
    account: Account, access: DatabricksAccess, status: int
) -> None:
    code = "UNAUTHENTICATED" if status == 401 else "PERMISSION_DENIED"
    account.refusal = (status, code, "account admins only")

    with pytest.raises(FerryError) as refused:
        ensure_registration(access, RELAY, "vpce-1")

    assert (refused.value.code, refused.value.exit_code) == ("LF-1301", 2)
    assert "admin of the Databricks account" in refused.value.next_step


def test_without_credentials_it_is_said_which_to_give(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TOKEN", "CLIENT_ID", "CLIENT_SECRET", "CONFIG_PROFILE", "HOST"):
        monkeypatch.delenv(f"DATABRICKS_{name}", raising=False)
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setenv("PATH", "/nonexistent")
    nobody = DatabricksAccess(ACCOUNT_ID, account.host)

    with pytest.raises(FerryError) as refused:
        registrations(nobody, {})

    assert refused.value.code == "LF-1301"
    assert "client_id" in refused.value.next_step


def test_an_access_shows_no_secret(access: DatabricksAccess) -> None:
    shown = repr(replace(access, client_secret="s3cret", token="t0ken"))

    assert "s3cret" not in shown
    assert "t0ken" not in shown


def test_an_account_that_nobody_answers_for_is_told_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lakeferry.connect.databricks.PATIENCE_S", 1)
    nobody = f"http://127.0.0.1:{free_port()}"
    by_secret = DatabricksAccess(ACCOUNT_ID, nobody, client_id="a", client_secret="b")
    by_token = DatabricksAccess(ACCOUNT_ID, nobody, token="c")

    for access in (by_secret, by_token):
        begun = time.monotonic()
        with pytest.raises(FerryError) as refused:
            registrations(access, {})

        assert (refused.value.code, refused.value.exit_code) == ("LF-1303", 1)
        assert "Connection refused" in refused.value.where
        assert time.monotonic() - begun < 20


@pytest.mark.parametrize(
    ("host", "account"),
    [
        ("https://dbc-a1b2.cloud.databricks.com", ACCOUNTS),
        ("dbc-a1b2.cloud.databricks.com/", ACCOUNTS),
        ("https://dbc-a1b2.cloud.databricks.us", "https://accounts.cloud.databricks.us"),
        ("https://accounts.cloud.databricks.us", "https://accounts.cloud.databricks.us"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_the_account_of_a_workspace_is_met_in_its_own_cloud(host: str, account: str) -> None:
    assert accounts_of(host) == account
