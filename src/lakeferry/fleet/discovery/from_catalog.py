"""The catalog that knows the tables of a source, by what the manifest says of it."""

from lakeferry.catalog.glue import GlueCatalog
from lakeferry.catalog.hive import HiveCatalog
from lakeferry.catalog.reading import AnyCatalog, list_tables
from lakeferry.catalog.tables import OnRefused, Tables
from lakeferry.catalog.unity_entry import UnityCatalog
from lakeferry.catalog.workspace import WorkspaceCatalog
from lakeferry.connect.aws import AwsAccess, usual_region
from lakeferry.connect.databricks import WorkspaceAccess
from lakeferry.connect.references import resolved
from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.wanted import Link, Source

HIVE_METASTORE = "hive_metastore"  # of a Databricks workspace


def tables_of(
    source: Source, by: str | None = None, on_refused: OnRefused | None = None
) -> Tables | None:
    """All tables of a source's catalog but those that we registered; None: it has no catalog.

    They are asked for as they are taken.

    Args:
        by: who is asked in place of what the manifest says; 'paths': nobody.
        on_refused: told of schemas that refuse, where the manifest names none of them.

    Raises:
        FerryError: LF-2001 where the manifest does not say which catalog; what the catalog refuses
            is raised when the first table is taken.
    """
    place = known_by(source, by)
    if place is None:
        return None
    name = source.names_from.name
    is_schema = isinstance(place, GlueCatalog | HiveCatalog | WorkspaceCatalog)
    schemas = [name] if is_schema and name and name != HIVE_METASTORE else None
    found = list_tables(place, schemas, None if schemas else on_refused)
    return (one for one in found if not one.is_ours)


def known_by(source: Source, by: str | None = None) -> AnyCatalog | None:
    """The catalog that knows a source's tables by name; None: its folders alone tell them.

    Args:
        by: as in `tables_of`.

    Raises:
        FerryError: LF-2001 where the manifest does not say which catalog.
    """
    names = source.names_from
    match by or names.catalog:
        case "glue":
            return GlueCatalog(aws_access(names.link))
        case "hive" if names.uri is not None:
            return hive_catalog(names.uri, names.link)
        case "hive" if names.warehouse is None:
            raise _not_said(source, "`from.uri`, such as thrift://host:9083")
        case "unity" if names.warehouse is None or names.name not in (None, HIVE_METASTORE):
            if names.name is None:
                raise _not_said(source, "`from.name`, the catalog's name")
            access = workspace_access(names.link, names.uri)
            return UnityCatalog(access, names.name, has_tags=names.uri is None)
        case "hive" | "unity":
            access = workspace_access(names.link, names.uri)
            return WorkspaceCatalog(access, names.warehouse or "", names.mounts)
        case _:
            return None


def hive_catalog(uri: str, link: Link | None) -> HiveCatalog:
    """A metastore; one of `connections` with `auth: kerberos` says that it asks for a ticket."""
    asks = link is not None and link.auth == "kerberos"
    return HiveCatalog(uri, service="hive" if asks else "")


def aws_access(link: Link | None) -> AwsAccess:
    """As whom AWS is met by one of `connections`; None: by the identity of the machine."""
    given = {} if link is None else {key: resolved(text) for key, text in link.options.items()}
    return AwsAccess(
        region=given.get("region") or usual_region() or "us-east-1",
        profile=given.get("profile"),
        role=given.get("role"),
        external_id=given.get("external_id"),
        endpoint=given.get("endpoint"),
    )


def workspace_access(link: Link | None, host: str | None = None) -> WorkspaceAccess:
    """As whom a workspace, or another Unity Catalog, is met.

    Args:
        host: its URL, where the connection does not name it.
    """
    given = {} if link is None else {key: resolved(text) for key, text in link.given.items()}
    return WorkspaceAccess(
        host=given.get("host") or host or "",
        client_id=given.get("client"),
        client_secret=given.get("secret"),
        token=given.get("token"),
        profile=given.get("profile"),
    )


def _not_said(source: Source, what: str) -> FerryError:
    return FerryError(
        "LF-2001",
        f"sources.{source.name} does not say which catalog to ask",
        f"`from: {{catalog: {source.names_from.catalog}}}` needs {what}",
        "add it to the manifest, or look at the folders alone: --from paths",
    )
