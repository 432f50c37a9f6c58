"""What a discovery told of each thing, read back from a ledger's lines or a command's. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from lakeferry.errors import FerryError

MOVED = ("delta", "parquet")  # kinds that a manifest moves without being asked


@dataclass(frozen=True, slots=True)
class Discovered:
    """One table, checkpoint or folder, as far as a manifest is made of it."""

    source: str
    schema: str
    table: str
    kind: str
    url: str
    path: str = ""  # relative to the root of its source; '': the root, or elsewhere
    catalog: str = ""  # that knows it; '': its folder alone
    files: int | None = None
    bytes: int | None = None  # None: not known
    id: str = ""  # metaData.id
    streams: tuple[str, ...] = ()  # appId of each that writes it
    query_id: str = ""  # of a checkpoint: its query, which is an appId of what it writes
    reads: tuple[str, ...] = ()  # of a checkpoint: metaData.id of what it reads
    is_in_scope: bool = True
    why_not: str = ""
    blocker: str = ""  # the code that keeps it from being moved

    @property
    def name(self) -> str:
        return f"{self.schema}.{self.table}"

    @property
    def is_moved(self) -> bool:
        """Whether it is a table that the migration takes."""
        return self.is_in_scope and self.kind in MOVED


def of_lines(lines: Iterable[bytes], name: str) -> Iterator[Discovered]:
    """The JSON lines of `discover --json`, or of the file that `discover --out` writes.

    Args:
        name: of the file, for messages.

    Raises:
        FerryError: LF-2004 for what is neither.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            body = orjson.loads(line)
            kind = body.get("type", "inventory")
        except (orjson.JSONDecodeError, AttributeError) as error:
            raise _no_discovery(f"{name}:{number} is no JSON object") from error
        if kind in ("found", "inventory"):
            yield of_body({**body, "table": _own_name(body)}, f"{name}:{number}")


def _own_name(body: Mapping[str, Any]) -> Any:
    """Of a table, without source and schema.

    Lines have the whole name as `table`; a file that an older release wrote has it as `name`.
    """
    whole = f"{body.get('source')}.{body.get('schema')}.{body.get('table')}"
    return body.get("table") if body.get("name") in (whole, None) else body["name"]


def of_body(body: Mapping[str, Any], place: str) -> Discovered:
    """One thing; `body` has the fields of `found.FoundTable`.

    Raises:
        FerryError: LF-2004 where some are not there.
    """
    try:
        head, query = body["head"] or {}, body["query"] or {}
        return Discovered(
            body["source"], body["schema"], body["table"], body["kind"], body["url"],
            path=body["path"], catalog=body["catalog"], files=body["files"], bytes=body["bytes"],
            id=head.get("id", ""),
            streams=tuple(one["app_id"] for one in head.get("streams") or ()),
            query_id=query.get("query_id", ""), reads=tuple(query.get("reads", ())),
            is_in_scope=body["is_in_scope"], why_not=body["why_not"],
            blocker=next((one["code"] for one in body["remarks"] if one["blocks"]), ""),
        )  # fmt: skip
    except (KeyError, TypeError, AttributeError) as error:
        raise _no_discovery(f"{place} lacks what a discovery says: {error}") from error


def _no_discovery(where: str) -> FerryError:
    return FerryError(
        "LF-2004", "this is no discovery", where,
        "name a ledger, what `lakeferry discover --json` printed, or what its --out wrote",
    )  # fmt: skip
