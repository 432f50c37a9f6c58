"""The catalog that knows the tables of a source, by what the manifest says of it."""

from lakeferry.catalog.hive import HiveCatalog
from lakeferry.catalog.tables import Tables
from lakeferry.connect.aws import AwsAccess, usual_region
from lakeferry.connect.databricks import WorkspaceAccess
from lakeferry.connect.references import resolved
from lakeferry.errors import FerryError
from lakeferry.fleet.wanted import Link, NamesFrom, Source

HIVE_METASTORE = "hive_metastore"  # of a Databricks workspace


def tables_of(source: Source, by: str | None = None) -> Tables | None:
    """All tables of a source's catalog but those that we registered; None: it has no catalog.

    They are asked for as they are taken.

    Args:
        by: who is asked in place of what the manifest says; 'paths': nobody.

    Raises:
        FerryError: LF-2001 where the manifest does not say which catalog; what the catalog refuses
            is raised when the first table is taken.
    """
    found = _all_of(source, by)
    return None if found is None else (one for one in found if not one.is_ours)


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


def _all_of(source: Source, by: str | None) -> Tables | None:
    names = source.names_from
    schemas = None if names.name is None else [names.name]
    match by or names.catalog:
        case "glue":
            from lakeferry.catalog import glue

            return glue.list_tables(glue.GlueCatalog(aws_access(names.link)), schemas)
        case "hive":
            from lakeferry.catalog import hive

            if names.uri is None:
                raise _not_said(source, "`from.uri`, such as thrift://host:9083")
            return hive.list_tables(hive_catalog(names.uri, names.link), schemas)
        case "unity":
            return _of_workspace(source, names)
        case _:
            return None


def _of_workspace(source: Source, names: NamesFrom) -> Tables:
    access = workspace_access(names.link, names.uri)
    if names.warehouse is not None and names.name in (None, HIVE_METASTORE):
        from lakeferry.catalog import workspace

        catalog = workspace.WorkspaceCatalog(access, names.warehouse, names.mounts)
        return workspace.list_tables(catalog)
    from lakeferry.catalog import unity
    from lakeferry.catalog.unity_entry import UnityCatalog

    if names.name is None:
        raise _not_said(source, "`from.name`, the catalog's name")
    is_databricks = names.uri is None
    return unity.list_tables(UnityCatalog(access, names.name, has_tags=is_databricks))


def _not_said(source: Source, what: str) -> FerryError:
    return FerryError(
        "LF-2001",
        f"sources.{source.name} does not say which catalog to ask",
        f"`from: {{catalog: {source.names_from.catalog}}}` needs {what}",
        "add it to the manifest, or look at the folders alone: --from paths",
    )
