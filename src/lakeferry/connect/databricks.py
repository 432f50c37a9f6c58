"""The client of a Databricks account: where VPC endpoints are registered."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from lakeferry.connect.references import resolved
from lakeferry.errors import FerryError
from lakeferry.version import VERSION

if TYPE_CHECKING:
    from databricks.sdk import AccountClient

ACCOUNTS = "https://accounts.cloud.databricks.com"  # of Databricks on AWS


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


@cache
def account_client(access: DatabricksAccess) -> "AccountClient":
    """The SDK's client, one for each access.

    Raises:
        FerryError: LF-1301 where no credentials are found.
    """
    from databricks.sdk import AccountClient

    def given(text: str | None) -> str | None:
        return None if text is None else resolved(text)

    try:
        return AccountClient(
            host=access.host,
            account_id=access.account_id,
            client_id=given(access.client_id),
            client_secret=given(access.client_secret),
            token=given(access.token),
            profile=access.profile,
            product="lakeferry",
            product_version=VERSION,
        )
    except ValueError as error:  # the SDK's way to say that nothing in its chain fits
        raise FerryError(
            "LF-1301",
            "Databricks has no identity to work with",
            f"{' '.join(str(error).split())[:300]}; account {access.account_id} at {access.host}",
            "give `client_id` and `client_secret` of a service principal that is account admin, "
            "or set DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET",
        ) from error
