"""Clients of Databricks: of an account, where VPC endpoints are registered, and of workspaces."""

import logging
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from lakeferry.connect.importing import ONE_AT_A_TIME
from lakeferry.connect.references import resolved
from lakeferry.errors import FerryError
from lakeferry.version import VERSION

if TYPE_CHECKING:
    from databricks.sdk import AccountClient, WorkspaceClient
    from databricks.sdk.config import Config

# The SDK goes on for 5 minutes by itself, each time that it asks: for how to sign in, for a token,
# and for the answer.
PATIENCE_S, ONE_TRY_S = 15, 10
ACCOUNTS = "https://accounts.cloud.databricks.com"  # of Databricks on AWS
_WORKSPACE = re.compile(r"(?:https://)?(?!accounts\b)[\w-]+\.(cloud\.databricks\.(?:com|us))/?")


@dataclass(frozen=True, slots=True)
class DatabricksAccess:
    """As whom and where a Databricks account is met.

    A secret is best a reference (`${env:NAME}`, `${file:PATH}`), resolved when the client is made.
    What is not given comes from the SDK's own chain: environment, profiles, managed identities.
    """

    account_id: str
    host: str = ACCOUNTS
    client_id: str | None = None  # of a service principal that is account admin
    client_secret: str | None = None
    token: str | None = None
    profile: str | None = None  # of ~/.databrickscfg

    def __repr__(self) -> str:
        return f"DatabricksAccess({self.account_id!r}, {self.host!r})"


@dataclass(frozen=True, slots=True)
class WorkspaceAccess:
    """As whom and where a Databricks workspace is met; else as `DatabricksAccess`."""

    host: str  # 'https://dbc-a1b2.cloud.databricks.com'
    client_id: str | None = None
    client_secret: str | None = None
    token: str | None = None
    profile: str | None = None

    def __repr__(self) -> str:
        return f"WorkspaceAccess({self.host!r})"

    @property
    def shown(self) -> str:
        return f"workspace {self.host}"


def accounts_of(host: str) -> str:
    """Where the account of a workspace is met; a host that is no workspace's is taken as it is."""
    workspace = _WORKSPACE.fullmatch(host)
    return f"https://accounts.{workspace[1]}" if workspace else host


@cache
def account_client(access: DatabricksAccess) -> "AccountClient":
    """The SDK's client, one for each access.

    Raises:
        FerryError: LF-1301 where no credentials are found, LF-1303 where nobody answers.
    """
    with ONE_AT_A_TIME:
        from databricks.sdk import AccountClient

    shown = f"account {access.account_id} at {access.host}"
    needs = "give `client_id` and `client_secret` of a service principal that is account admin, "
    return AccountClient(config=_config(access, shown, needs, account_id=access.account_id))


@cache
def workspace_client(access: WorkspaceAccess) -> "WorkspaceClient":
    """The SDK's client, one for each access. Raises as `account_client`."""
    with ONE_AT_A_TIME:
        from databricks.sdk import WorkspaceClient

    needs = "give the connection a token, or a client and its secret, of this workspace, "
    return WorkspaceClient(config=_config(access, access.shown, needs))


def _config(
    access: DatabricksAccess | WorkspaceAccess,
    shown: str,
    needs: str,
    account_id: str | None = None,
) -> "Config":
    with ONE_AT_A_TIME:
        from databricks.sdk.config import Config

        Config.attributes()  # the first one to ask gathers them, and breaks off beside a second one

    # It warns of what becomes an error soon after, which we tell.
    logging.getLogger("databricks").addHandler(logging.NullHandler())

    def given(text: str | None) -> str | None:
        return None if text is None else resolved(text)

    try:
        return Config(
            host=access.host,
            account_id=account_id,
            client_id=given(access.client_id),
            client_secret=given(access.client_secret),
            token=given(access.token),
            profile=access.profile,
            product="lakeferry",
            product_version=VERSION,
            http_timeout_seconds=ONE_TRY_S,
            retry_timeout_seconds=PATIENCE_S,
        )
    except ValueError as error:  # the SDK's way to say that nothing in its chain fits
        if (why := _silence(access.host)) is not None:
            raise _silent(shown, why) from error
        raise FerryError(
            "LF-1301",
            "Databricks has no identity to work with",
            f"{' '.join(str(error).split())[:300]}; {shown}",
            f"{needs}or set DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET",
        ) from error


def unreachable(access: DatabricksAccess | WorkspaceAccess, why: BaseException) -> FerryError:
    """The error to raise where the host gives no answer."""
    if isinstance(access, WorkspaceAccess):
        return _silent(access.shown, why)
    return _silent(f"account {access.account_id} at {access.host}", why)


def _silent(shown: str, why: BaseException) -> FerryError:
    while why.__cause__ is not None:
        why = why.__cause__
    said = " ".join(str(why).rpartition("(Caused by ")[2].split())
    step = "go on without `network.databricks` and register the endpoints later"
    if shown.startswith("workspace"):
        step = "leave the workspace out and look at its tags later"
    return FerryError(
        "LF-1303",
        f"the Databricks {shown.partition(' ')[0]} does not answer",
        f"{said[:200]}; {shown}",
        f"see that this machine reaches it (a proxy is taken from HTTPS_PROXY), or {step}",
    )


def _silence(host: str) -> OSError | None:
    """Why a host gives no answer at all; None where it gives one.

    Without the host the SDK does not know where to sign in, and says that of the credentials.
    """
    with ONE_AT_A_TIME:
        import requests

    try:
        requests.head(host, timeout=ONE_TRY_S)
    except OSError as error:  # what requests raises is one
        return error
    return None
