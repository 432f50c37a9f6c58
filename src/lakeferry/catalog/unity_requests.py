"""Requests to Unity Catalog, and the tags by which Databricks' own is told what changes later.

Source: Unity Catalog REST API 2.1; Databricks REST API, "Entity tag assignments".
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from lakeferry.catalog.asking import Missing, Taken, asked
from lakeferry.catalog.judging import no_table
from lakeferry.catalog.tables import NOTHING, OURS, CatalogTable, Change
from lakeferry.catalog.unity_entry import Json, UnityCatalog, may_read, path_of, quoted
from lakeferry.connect.databricks import workspace_client

API = "/api/2.1/unity-catalog"
TAGS = f"{API}/entity-tag-assignments"
_TAG = "lakeferry_"  # a dot is not allowed in the key of a tag


def do(
    place: UnityCatalog,
    method: str,
    path: str,
    *,
    on: str,
    rights: str,
    query: Mapping[str, Any] | None = None,
    body: Json | None = None,
    api: str = API,
) -> Json:
    """The answer to one request. Raises as `asking.asked`."""
    client = workspace_client(place.access).api_client
    answer: Any = asked(
        place.access,
        lambda: client.do(method, f"{api}{path}", query=dict(query or {}), body=body),
        on=on,
        rights=rights,
    )
    return dict(answer or {})


def with_tags(place: UnityCatalog, table: CatalogTable) -> CatalogTable:
    """The table, what its tags say among its properties."""
    if not place.has_tags:
        return table
    return replace(table, properties={**table.properties, **tags_of(place, table.full_name)})


def tags_of(place: UnityCatalog, name: str) -> dict[str, str]:
    """What the tags of ours say, by the keys of properties; of a table that has gone nothing."""
    found: dict[str, str] = {}
    query: Json = {}
    path = f"/tables/{path_of(name)}/tags"
    while True:
        try:
            answer = do(place, "GET", path, on=name, rights=may_read(place), query=query, api=TAGS)
        except Missing:
            return found
        for one in answer.get("tag_assignments", ()):
            if one["tag_key"].startswith(_TAG):
                found[OURS + one["tag_key"].removeprefix(_TAG)] = one.get("tag_value") or ""
        if not answer.get("next_page_token"):
            return found
        query = {"page_token": answer["next_page_token"]}


def tag(place: UnityCatalog, name: str, wanted: Mapping[str, str | None]) -> Change:
    """Bring the tags of a table to what is wanted; properties that are not ours have none.

    Those of the entry do not count: a service that follows the table's log may drop them.

    Raises:
        FerryError: LF-8107 there is no such table; else as `asking.asked`.
    """
    found = tags_of(place, name)
    changed = {
        key: value
        for key, value in wanted.items()
        if key.startswith(OURS) and found.get(key) != value
    }
    path = f"/tables/{path_of(name)}/tags"
    rights = f"GRANT APPLY TAG ON TABLE {quoted(name)} TO `whoever asks`"
    for key, value in changed.items():
        word = _TAG + key.removeprefix(OURS)
        body: Json = {"entity_type": "tables", "entity_name": name, "tag_key": word}
        if value is None:
            with suppress(Missing):
                do(place, "DELETE", f"{path}/{word}", on=word, rights=rights, api=TAGS)
            continue
        body["tag_value"] = value
        try:
            _assign(place, path, body, rights)
        except Missing as error:  # somebody has dropped the table
            raise no_table(name, f"{error}; {place.shown}") from error
    return Change("updated", tuple(sorted(changed))) if changed else NOTHING


def _assign(place: UnityCatalog, path: str, body: Json, rights: str) -> None:
    """Raises Missing."""
    word = body["tag_key"]
    try:
        do(place, "POST", "", on=word, rights=rights, body=body, api=TAGS)
    except Taken:
        query = {"update_mask": "tag_value"}
        do(place, "PATCH", f"{path}/{word}", on=word, rights=rights, query=query, body=body,
           api=TAGS)  # fmt: skip
