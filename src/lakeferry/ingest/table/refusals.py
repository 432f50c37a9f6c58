"""Errors about a table: rows do not fit, or it asks of writers what is not done here. Pure."""

from lakeferry.errors import FerryError


def misfit(url: str, what: str, way_out: str = "") -> FerryError:
    """LF-7041."""
    return FerryError(
        "LF-7041",
        f"the table does not fit: {what}",
        url,
        way_out or "declare what the table has (--schema), change it, or ingest into another one",
    )


def unwritable(url: str, what: str, way_out: str) -> FerryError:
    """LF-7042."""
    return FerryError(
        "LF-7042",
        f"rows cannot be appended to this table: {what}",
        url,
        f"{way_out}; or ingest into another table",
    )
