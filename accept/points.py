"""What was never seen on a real Databricks workspace: each point, what we expect, how it is judged.

README lists the same names. The notebook looks at a workspace and asks this module for the
verdict; nothing here needs a workspace, so the verdicts themselves are tested.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

Action = Mapping[str, Any]
Log = Mapping[int, Sequence[Action]]  # version -> its actions, in the order of the lines

EXPECTED: dict[str, str] = {
    # What Databricks' own DEEP CLONE writes: the shape that a snapshot clone takes after.
    "first-clone-commit": "version 0 says CLONE with `source`, `sourceVersion` as a number and "
    "`isShallow` false; every add has dataChange true; the table id is a new one",
    "incremental-clone-commit": "the next DEEP CLONE is one commit CLONE that adds only what the "
    "clone lacks, removes only what the source no longer has, and keeps the clone's table id",
    "incremental-clone-data-change": "every add and remove of that commit has dataChange true",
    "clone-txn": "each application's txn is in the clone with the same version",
    "clone-row-ids": "each add has the source's baseRowId and defaultRowCommitVersion",
    "clone-domains": "the clone has the source's domains with the same configuration",
    "with-history": "DEEP CLONE ... WITH HISTORY is accepted for a plain table and keeps the "
    "table id and every version",
    "copy-into-state": "`_delta_log/_copy_into_log/` holds the state and a DEEP CLONE carries it "
    "with the same names and bytes",
    "copy-into-keys": "the state knows a file by its full URI: the same files under another "
    "folder are loaded again",
    # What Databricks makes of lakeferry's clones.
    "snapshot-is-equal": "rows, columns and properties of a snapshot clone equal the source's",
    "snapshot-row-ids": "`_metadata.row_id` of each row is the source's",
    "snapshot-second-run": "after a change at the source a second run makes them equal again, and "
    "a third makes no version",
    "snapshot-is-writable": "on a snapshot clone a constraint refuses, the identity column goes "
    "on above its mark, DELETE, MERGE and OPTIMIZE work",
    "mirror-is-equal": "a mirror has the source's id, versions and rows at each version",
    "sink-continues": "a stream that writes the table goes on at the clone with its own "
    "checkpoint; a batch that is repeated is not written twice",
    "reader-continues-on-mirror": "a stream that reads the table goes on at the mirror with its "
    "own checkpoint and gets exactly the new rows",
    "reader-starts-on-snapshot": "a new checkpoint with startingVersion = clone version + 1 gets "
    "exactly the rows that come later",
    "edited-offsets": "the reader's own checkpoint with its last two offset files set to the "
    "clone's id and version goes on and gets exactly the new rows",
    "rebased-log-start": "a table whose log starts at a checkpoint N and N.json is read, and an "
    "append makes version N + 1",
    "copy-into-continues": "COPY INTO a lakeferry clone from the same folder loads nothing again",
    # The store below it.
    "put-if-absent": "`lakeferry doctor` finds no blocker on the location: the second of two "
    "writers of one name is refused",
}


@dataclass(frozen=True, slots=True)
class Point:
    """One line of the receipt."""

    name: str  # a key of EXPECTED
    expected: str
    seen: Any  # what JSON can hold
    ok: bool | None  # None: it could not be looked at; `seen` says why

    def line(self) -> str:
        return json.dumps(asdict(self), default=str, ensure_ascii=False)


def actions(log: Log, kind: str, versions: Iterable[int] | None = None) -> list[Any]:
    """The bodies of all actions of one kind, oldest first."""
    wanted = sorted(log if versions is None else versions)
    return [line[kind] for version in wanted for line in log[version] if kind in line]


def table_id(log: Log) -> str | None:
    """The id in the newest metaData action of these commits."""
    found = actions(log, "metaData")
    return found[-1]["id"] if found else None


def first_clone(log: Log, source: Log) -> tuple[Any, bool]:
    """Judge version 0 of a DEEP CLONE."""
    info = actions(log, "commitInfo", [0])[0]
    parameters = info.get("operationParameters", {})
    data_change = sorted({add["dataChange"] for add in actions(log, "add", [0])})
    seen = {
        "operation": info.get("operation"),
        "operationParameters": parameters,
        "operationMetrics": sorted(info.get("operationMetrics", {})),
        "order": list(dict.fromkeys(kind for line in log[0] for kind in line)),
        "dataChange of adds": data_change,
        "new id": table_id(log) != table_id(source),
    }
    good = (
        info.get("operation") == "CLONE"
        and "source" in parameters
        and isinstance(parameters.get("sourceVersion"), int)
        and parameters.get("isShallow") is False
        and data_change == [True]
        and seen["new id"] is True
    )
    return seen, good


def incremental_clone(log: Log, added: set[str], removed: set[str]) -> tuple[Any, bool]:
    """Judge the versions after 0; `added`, `removed`: what changed at the source, as DV keys.

    Databricks may name a copied file anew, so the numbers are compared, not the names.
    """
    later = [version for version in log if version > 0]
    info = actions(log, "commitInfo", later)
    ids = {metadata["id"] for metadata in actions(log, "metaData")}
    seen = {
        "operations": [one.get("operation") for one in info],
        "operationParameters": [one.get("operationParameters") for one in info],
        "operationMetrics": [one.get("operationMetrics") for one in info],
        "adds": len(actions(log, "add", later)),
        "adds expected": len(added),
        "removes": len(actions(log, "remove", later)),
        "removes expected": len(removed),
        "table ids": len(ids),
    }
    good = (
        seen["operations"] == ["CLONE"]
        and seen["adds"] == len(added)
        and seen["removes"] == len(removed)
        and len(ids) == 1
    )
    return seen, good


def incremental_data_change(log: Log) -> tuple[Any, bool]:
    """Whether all file actions after version 0 say that they change data."""
    later = [version for version in log if version > 0]
    files = actions(log, "add", later) + actions(log, "remove", later)
    seen = sorted({file["dataChange"] for file in files})
    return seen, seen == [True]


def logical_files(log: Log) -> dict[str, Action]:
    """The live files after all commits: key (path and deletion vector) -> add.

    Only for logs without a checkpoint before their first commit, as this notebook makes them.
    """
    live: dict[str, Action] = {}
    for version in sorted(log):
        for line in log[version]:
            if "remove" in line:
                live.pop(key(line["remove"]), None)
        for line in log[version]:
            if "add" in line:
                live[key(line["add"])] = line["add"]
    return live


def key(file: Action) -> str:
    """Delta's key of a logical file."""
    vector = file.get("deletionVector")
    if vector is None:
        return str(file["path"])
    offset = f"@{vector['offset']}" if "offset" in vector else ""
    return f"{file['path']} {vector['storageType']}{vector['pathOrInlineDv']}{offset}"


def transactions(log: Log) -> dict[str, int]:
    """The newest version of each application."""
    return {txn["appId"]: txn["version"] for txn in actions(log, "txn")}


def domains(log: Log) -> dict[str, str]:
    """The live domains with their configuration."""
    newest = {domain["domain"]: domain for domain in actions(log, "domainMetadata")}
    return {name: one["configuration"] for name, one in newest.items() if not one["removed"]}


def row_ids(log: Log) -> list[tuple[Any, Any]]:
    """(baseRowId, defaultRowCommitVersion) of the live files, sorted; names may differ."""
    files = logical_files(log).values()
    pairs = [(file.get("baseRowId"), file.get("defaultRowCommitVersion")) for file in files]
    return sorted(pairs, key=str)


def equal(expected: Any, seen: Any) -> tuple[Any, bool]:
    """Equality of two things that JSON can hold; on a difference both are shown."""
    return (seen, True) if expected == seen else ({"wanted": expected, "seen": seen}, False)


def differences(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The keys whose values differ, with both; None where one side lacks the key."""
    return {
        name: (left.get(name), right.get(name))
        for name in sorted(left.keys() | right.keys())
        if left.get(name) != right.get(name)
    }


def receipt(seen: Sequence[Point], where: Mapping[str, Any]) -> list[str]:
    """One line a point, then one line on all of them; a point never reached is named there."""
    summary = {
        **where,
        "points": len(EXPECTED),
        "agree": sum(point.ok is True for point in seen),
        "differ": sorted(point.name for point in seen if point.ok is False),
        "not looked at": sorted(
            EXPECTED.keys() - {point.name for point in seen if point.ok is not None}
        ),
    }
    return [*(point.line() for point in seen), json.dumps(summary)]


def edited_offset(text: str, *, table_id: str, version: int) -> str:
    """An offset file of a stream that reads one Delta table, pointed at another table.

    Args:
        text: the file: a line `v1`, a line of the batch's metadata, a line per source.
        table_id: the id of the table to go on with.
        version: the first version of it that has not been read.
    """
    lines = text.rstrip("\n").split("\n")
    if len(lines) != 3:
        raise ValueError(f"an offset file of one source has 3 lines, this one {len(lines)}")
    offset = json.loads(lines[2])
    offset.update(reservoirId=table_id, reservoirVersion=version, index=-1, isStartingVersion=False)
    return "\n".join([*lines[:2], json.dumps(offset, separators=(",", ":"))])
