"""python recompute_receipt.py RECEIPT.json [TABLE] [--no-bytes]: its hashes, without lakeferry.

Needs pyarrow alone. Reads the table's log at the receipt's version, then every live file once, some
MB a second, as Python computes CRC-64 byte by byte; --no-bytes leaves that out. TABLE: where it
lies now, if not where the receipt says. Exit 1 where anything differs.
"""

import hashlib
import json
import re
import sys
from pathlib import Path
from urllib.parse import unquote

import pyarrow.fs
import pyarrow.parquet as pq

NAME = r"(\d{20})\.checkpoint(?:\.\d{10}\.(\d{10})|\.[0-9a-f-]{36})?\.(?:parquet|json)"
CRC = list(range(256))
for _ in range(8):
    CRC = [crc >> 1 ^ (crc & 1) * 0x9A6C9329AC4BC9B5 for crc in CRC]


def crc64nvme(file):
    crc = (1 << 64) - 1
    while chunk := file.read(1 << 20):
        for byte in chunk:
            crc = CRC[(crc ^ byte) & 255] ^ crc >> 8
    return f"{crc ^ (1 << 64) - 1:016x}"


def entries_sha256(entries):
    """SHA-256 over the sorted SHA-256 of each entry, so that no order has to be agreed on."""
    digests = sorted(hashlib.sha256(entry.encode()).digest() for entry in entries)
    return hashlib.sha256(b"".join(digests)).hexdigest()


def key_of(file):
    vector = file.get("deletionVector") or {"storageType": "", "pathOrInlineDv": ""}
    behind = "" if vector.get("offset") is None else f"@{vector['offset']}"
    return file["path"], f"{vector['storageType']}{vector['pathOrInlineDv']}{behind}"


def files_of_log(store, log, version):
    """The newest whole checkpoint up to `version`, then the commits after it."""
    found = {}
    for file in store.get_file_info(pyarrow.fs.FileSelector(log)):
        match = re.fullmatch(NAME, file.base_name)
        if match and int(match[1]) <= version:
            found.setdefault((int(match[1]), int(match[2] or 1)), []).append(file.path)
    whole = {key: paths for key, paths in found.items() if len(paths) >= key[1]}
    start, parts = max(whole, default=(-1, 0))
    commits = [f"{log}/{number:020}.json" for number in range(start + 1, version + 1)]
    return whole[start, parts][:parts] + commits if whole else commits


def state_at(store, root, version):
    """Live files with their sizes, versions of streams, domains."""
    log, files, txns, domains = f"{root}/_delta_log", {}, {}, {}
    todo = files_of_log(store, log, version)
    while todo:
        body = store.open_input_file(path := todo.pop(0))
        if path.endswith(".json"):
            rows = [json.loads(line) for line in body.read().splitlines()]
        else:
            rows = pq.read_table(body).to_pylist()
        for action in rows:
            said = {kind: value for kind, value in action.items() if value}
            if "sidecar" in said:
                todo.insert(0, f"{log}/_sidecars/{unquote(said['sidecar']['path'])}")
            if "remove" in said:
                files.pop(key_of(said["remove"]), None)
            if "add" in said:
                files[key_of(said["add"])] = said["add"]["size"]
            if "txn" in said:
                txns[said["txn"]["appId"]] = said["txn"]["version"]
            if one := said.get("domainMetadata"):
                domains[one["domain"]] = None if one["removed"] else one["configuration"]
    return files, txns, {name: text for name, text in domains.items() if text is not None}


def main(receipt, table=None):
    said = json.loads(text := Path(receipt).read_bytes())
    print("sha256 of the receipt, as catalog and ledger have it:", hashlib.sha256(text).hexdigest())
    store, root = pyarrow.fs.FileSystem.from_uri(table or said["target"])
    version = said.get("content_version", said["target_version"])
    files, txns, domains = state_at(store, root, version)
    found = {"files": len(files), "bytes": sum(files.values()), "txns": txns, "domains": domains}
    found["files_sha256"] = entries_sha256(f"{p}\t{size}\t{v}" for (p, v), size in files.items())
    if said["content"]["bytes_sha256"] and "--no-bytes" not in sys.argv:
        sums = {p: crc64nvme(store.open_input_file(f"{root}/{unquote(p)}")) for p, _ in files}
        listed = (f"{p}\t{size}\t{sums[p]}" for (p, _), size in files.items())
        found["bytes_sha256"] = entries_sha256(listed)
    for name, value in found.items():
        print("equal  " if value == said["content"][name] else "DIFFERS", name, value)
    return int(any(value != said["content"][name] for name, value in found.items()))


if __name__ == "__main__":
    sys.exit(main(*(word for word in sys.argv[1:] if word != "--no-bytes")))
