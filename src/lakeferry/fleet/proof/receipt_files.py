"""Receipts beside the table that they are about: they outlive the ledger, and go with the table.

`_delta_log/_lakeferry/receipts/<milliseconds>-<kind>.json`; of a folder, which has no log,
`_lakeferry/receipts/`. What a receipt says is the bytes of the
file, and its hash is theirs, so whoever has the table can recompute it.
"""

import hashlib
import re
from contextlib import suppress

import orjson

from lakeferry.clone.folder_state import FOLDER as MARKS
from lakeferry.clone.record import FOLDER
from lakeferry.ledger.rows import Receipt
from lakeferry.store.protocol import Store, read_all

RECEIPTS = f"{FOLDER}/receipts"
FOLDER_RECEIPTS = f"{MARKS}/receipts"
_NAME = re.compile(r"(\d{15})-([a-z_]+)\.json")


def receipt_of(target_url: str, kind: str, made_at_ms: int, body: str) -> Receipt:
    """A receipt with its hash."""
    return Receipt(hashlib.sha256(body.encode()).hexdigest(), target_url, kind, made_at_ms, body)


def put_receipt(store: Store, receipt: Receipt, *, kind: str = "delta") -> None:
    """Lay a receipt beside its table; twice is once. `kind`: of the table."""
    body = receipt.body.encode()
    name = f"{place_of_receipts(kind)}/{receipt.made_at_ms:015}-{receipt.kind}.json"
    store.write(name, [body], size=len(body))


def receipts_at(store: Store, target_url: str, *, kind: str = "delta") -> tuple[Receipt, ...]:
    """The receipts of a table, oldest first. A file that is no receipt is none."""
    found = []
    for meta in store.list(place_of_receipts(kind), recursive=False):
        named = _NAME.fullmatch(meta.path.rpartition("/")[2])
        if named is None:
            continue
        with suppress(FileNotFoundError, orjson.JSONDecodeError, UnicodeDecodeError):
            body = read_all(store, meta.path)
            if isinstance(orjson.loads(body), dict):
                found.append(receipt_of(target_url, named[2], int(named[1]), body.decode()))
    return tuple(sorted(found, key=lambda receipt: (receipt.made_at_ms, receipt.kind)))


def kinds_at(store: Store, *, kind: str = "delta") -> tuple[str, ...]:
    """Which receipts lie beside a table, oldest first, by their names alone."""
    names = (meta.path.rpartition("/")[2] for meta in
             store.list(place_of_receipts(kind), recursive=False))  # fmt: skip
    return tuple(named[2] for name in sorted(names) if (named := _NAME.fullmatch(name)))


def place_of_receipts(kind: str) -> str:
    """The folder beside a table of this kind, relative to its own."""
    return FOLDER_RECEIPTS if kind == "folder" else RECEIPTS
