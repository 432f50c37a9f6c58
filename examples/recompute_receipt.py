"""python recompute_receipt.py RECEIPT.json [TABLE] [--no-bytes]: its hashes, without lakeferry.

Needs pyarrow alone. Reads the log, of a folder its listing, then every live file, some MB a second,
as Python computes CRC-64 byte by byte, unless --no-bytes. TABLE: its place now. Exit 1: not equal.
"""

import json
import re
import sys
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote

from pyarrow import fs, parquet

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
    return sha256(b"".join(sorted(sha256(one.encode()).digest() for one in entries))).hexdigest()


def key_of(file):
    vector = file.get("deletionVector") or {"storageType": "", "pathOrInlineDv": ""}
    behind = "" if vector.get("offset") is None else f"@{vector['offset']}"
    return file["path"], f"{vector['storageType']}{vector['pathOrInlineDv']}{behind}"


def files_of_log(store, log, version):
    """The newest whole checkpoint up to `version`, then the commits after it."""
    found = {}
    for file in store.get_file_info(fs.FileSelector(log)):
        if (match := re.fullmatch(NAME, file.base_name)) and int(match[1]) <= version:
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
        is_json = path.endswith(".json")
        rows = body.read().splitlines() if is_json else parquet.read_table(body).to_pylist()
        for action in map(json.loads, rows) if is_json else rows:
            if one := action.get("sidecar"):
                todo.insert(0, f"{log}/_sidecars/{unquote(one['path'])}")
            if one := action.get("remove"):
                files.pop(key_of(one), None)
            if one := action.get("add"):
                files[key_of(one)] = one["size"]
            if one := action.get("txn"):
                txns[one["appId"]] = one["version"]
            if one := action.get("domainMetadata"):
                domains[one["domain"]] = None if one["removed"] else one["configuration"]
    return files, txns, {name: text for name, text in domains.items() if text is not None}


def folder_at(store, root):
    """All its files but lakeferry's own; it knows of no streams and domains."""
    found = store.get_file_info(fs.FileSelector(root, recursive=True))
    files = {(one.path[len(root) + 1 :], ""): one.size for one in found if one.is_file}
    return {key: files[key] for key in files if not key[0].startswith("_lakeferry/")}, {}, {}


def main(receipt, table=None):
    said = json.loads(text := Path(receipt).read_bytes())
    print("sha256 of the receipt, as catalog and ledger have it:", sha256(text).hexdigest())
    store, root = fs.FileSystem.from_uri((table or said["target"]).rstrip("/"))
    is_folder, at = said["mode"] == "folder", said.get("content_version", said["target_version"])
    files, txns, domains = folder_at(store, root) if is_folder else state_at(store, root, at)
    found = {"files": len(files), "bytes": sum(files.values()), "txns": txns, "domains": domains}
    found["files_sha256"] = entries_sha256(f"{p}\t{size}\t{v}" for (p, v), size in files.items())
    if said["content"]["bytes_sha256"] and "--no-bytes" not in sys.argv:
        names = {p: f"{root}/{p if is_folder else unquote(p)}" for p, _ in files}
        sums = {p: crc64nvme(store.open_input_file(names[p])) for p in names}
        found["bytes_sha256"] = entries_sha256(f"{p}\t{files[p, v]}\t{sums[p]}" for p, v in files)
    for name, value in found.items():
        print("equal  " if value == said["content"][name] else "DIFFERS", name, value)
    return int(any(value != said["content"][name] for name, value in found.items()))


if __name__ == "__main__":
    sys.exit(main(*(word for word in sys.argv[1:] if word != "--no-bytes")))
