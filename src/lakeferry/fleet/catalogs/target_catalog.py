"""The catalog where a migration registers its tables, by what the manifest says of it."""

from dataclasses import replace

from lakeferry.catalog.glue import GlueCatalog
from lakeferry.catalog.registering import Catalog
from lakeferry.catalog.unity_entry import UnityCatalog
from lakeferry.errors import FerryError
from lakeferry.fleet.discovery.from_catalog import aws_access, hive_catalog, workspace_access
from lakeferry.fleet.manifest.wanted import Target

NO_TOKEN = "none"  # the open-source server without sign-in takes any


def target_catalog(target: Target) -> Catalog | None:
    """Where its tables are registered; None: nowhere.

    Raises:
        FerryError: LF-2001 where the manifest does not say enough.
    """
    wanted = target.catalog
    if wanted is None:
        return None
    match wanted.kind:
        case "glue":
            access = aws_access(wanted.link)
            named = wanted.link is not None and "region" in wanted.link.options
            region = access.region if named else target.region or access.region
            return GlueCatalog(replace(access, region=region))
        case "hive":
            if wanted.uri is None:
                raise _not_said("hive", "`uri`, such as thrift://host:9083")
            return hive_catalog(wanted.uri, wanted.link)
        case _:
            if wanted.catalog is None:
                raise _not_said("unity", "`catalog`, its name")
            place = workspace_access(wanted.link, wanted.uri)
            if wanted.uri is not None and not (place.token or place.client_id):
                place = replace(place, token=NO_TOKEN)
            return UnityCatalog(place, wanted.catalog, has_tags=wanted.uri is None)


def _not_said(kind: str, what: str) -> FerryError:
    return FerryError(
        "LF-2001",
        "the manifest does not say where tables are registered",
        f"`target.catalog: {{kind: {kind}}}` needs {what}",
        "add it to the manifest",
    )
