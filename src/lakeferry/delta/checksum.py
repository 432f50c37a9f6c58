"""The small JSON companions of a log: `_last_checkpoint` and version checksums (`N.crc`).

Both only help: a reader must get the same table without them, and a wrong one is worse than none.

Source: Delta protocol, "Last Checkpoint File Schema", "JSON checksum", "Version Checksum File".
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import orjson

from lakeferry.delta.actions import domain_json, metadata_json, protocol_json, txn_json
from lakeferry.delta.checkpoint_write import CheckpointInfo, TableState

# With it set, readers hide expired transactions, by their own clock.
TXN_RETENTION = "delta.setTransactionRetentionDuration"


def last_checkpoint_json(info: CheckpointInfo) -> bytes:
    """The body of `_last_checkpoint` for a checkpoint that was written."""
    body: dict[str, Any] = {
        "version": info.version,
        "size": info.actions,
        "sizeInBytes": info.size_in_bytes,
        "numOfAddFiles": info.add_files,
    }
    return orjson.dumps(body | {"checksum": canonical_checksum(body)})


def canonical_checksum(body: Mapping[str, Any]) -> str:
    """MD5 of a JSON object's canonical form, its top-level `checksum` left out; 32 hex digits."""
    pairs = sorted(
        (
            pair
            for name, value in body.items()
            if name != "checksum"
            for pair in _leaves(value, _text(name))
        ),
        key=lambda pair: pair[0].encode(),
    )
    canonical = ",".join(f"{path}={value}" for path, value in pairs)
    return hashlib.md5(canonical.encode(), usedforsecurity=False).hexdigest()


def _text(value: str) -> str:
    return f'"{quote(value, safe="-._~")}"'


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _leaves(member, f"{path}+{_text(name)}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _leaves(member, f"{path}+{index}")
    elif isinstance(value, str):
        yield path, _text(value)
    else:
        yield path, orjson.dumps(value).decode()


def version_checksum(
    state: TableState,
    *,
    files: int,
    bytes_in_files: int,
    txn_id: str | None = None,
    in_commit_timestamp: int | None = None,
) -> bytes:
    """The body of `N.crc`, with those fields only that are surely right.

    Args:
        state: the table's small actions at version N.
        files: live files.
        bytes_in_files: sum of their sizes.
        txn_id: of the commit N's commitInfo.
        in_commit_timestamp: ms; required iff the table has them at N.
    """
    body: dict[str, Any] = {
        "txnId": txn_id,
        "tableSizeBytes": bytes_in_files,
        "numFiles": files,
        "numMetadata": 1,
        "numProtocol": 1,
        "inCommitTimestampOpt": in_commit_timestamp,
        "domainMetadata": [domain_json(domain) for _, domain in sorted(state.domains.items())],
        "metadata": metadata_json(state.metadata),
        "protocol": protocol_json(state.protocol),
    }
    if TXN_RETENTION not in state.metadata.configuration:
        body["setTransactions"] = [txn_json(txn) for _, txn in sorted(state.txns.items())]
    return orjson.dumps({name: value for name, value in body.items() if value is not None})


def checksum_differences(
    text: bytes, state: TableState, *, files: int, bytes_in_files: int
) -> tuple[str, ...]:
    """Names of the fields in which a log's own `N.crc` contradicts what we read at version N.

    A file that is no JSON object contradicts nothing.
    """
    try:
        stored = orjson.loads(text)
    except orjson.JSONDecodeError:
        return ()
    if not isinstance(stored, dict):
        return ()
    ours = {"numFiles": files, "tableSizeBytes": bytes_in_files}
    wrong = [name for name, value in ours.items() if stored.get(name, value) != value]
    if TXN_RETENTION not in state.metadata.configuration and "setTransactions" in stored:
        theirs = {txn["appId"]: txn["version"] for txn in stored["setTransactions"] or ()}
        if theirs != {name: txn.version for name, txn in state.txns.items()}:
            wrong.append("setTransactions")
    if "domainMetadata" in stored:
        domains = {item["domain"]: item["configuration"] for item in stored["domainMetadata"] or ()}
        if domains != {name: domain.configuration for name, domain in state.domains.items()}:
            wrong.append("domainMetadata")
    return tuple(wrong)
