"""Kinds of store as the sources of one migration, and small tables of many shapes put into them."""

import json
import random
import tempfile
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

from lakeferry.errors import FerryError
from lakeferry.store.open import open_store
from lakeferry.store.protocol import AlreadyThere, read_all
from tests import corpora
from tests.servers import Server

ROWS = 10  # of each commit of a made table
HANDS = 16  # files are put at once

Files = Mapping[str, bytes]  # of one table, by their path in it
# Of other projects and of Spark: features that delta-rs reads and does not write.
PUBLISHED = {
    "vectors": "delta-io+delta-rs/table-with-dv-small",
    "mapped": "delta-io+delta-rs/table_with_column_mapping",
    "mapped_parts": "delta-io+delta-rs/table_with_partitioning_mapping",
    "txns": "delta-io+delta-kernel-rs/data/app-txn-no-checkpoint",
    "v2": "delta-io+delta-kernel-rs/golden/v2-checkpoint-json/delta",
    "no_zone": "delta-io+delta-kernel-rs/golden/data-reader-timestamp_ntz-name-mode/delta",
}


@dataclass(frozen=True)
class Shore:
    """One kind of store with room for sources."""

    kind: str  # as a manifest calls it
    root: str  # folders of sources lie below
    options: Mapping[str, str] = field(default_factory=dict)  # as `open_store` takes them
    judge: Mapping[str, str] = field(default_factory=dict)  # as delta-rs takes them
    secret: str = ""  # which of the options is a secret
    takes_writers: bool = True  # delta-rs can write here; else it writes beside it

    @property
    def connection(self) -> str:
        """The line of the manifest; the secret is in the environment."""
        kind = {"s3": "aws", "adls": "azure", "gcs": "gcs", "hdfs": "hdfs"}[self.kind]
        shown = dict(self.options)
        if self.secret:
            shown[self.secret] = f"${{env:{self.variable}}}"
        return f"  {self.kind}: {{kind: {kind}, options: {json.dumps(shown)}}}\n"

    @property
    def variable(self) -> str:
        return f"STORM_{self.kind.upper()}"


def shores(
    folder: Path, run: str, *, s3: Server, azure: Server, hdfs: Server, gcs: Server
) -> list[Shore]:
    """All kinds that run here; `run` is the folder of this storm in each of them."""
    return [
        Shore("local", str(folder / "lake")),
        Shore("s3", f"{s3.place}/{run}", s3.options, s3_judge(s3), "secret_access_key"),
        Shore("hdfs", f"{hdfs.place}/{run}"),
        Shore("adls", f"{azure.place}/{run}", azure.options, {
            "azure_storage_account_name": azure.options["account"],
            "azure_storage_account_key": azure.options["account_key"],
            "azure_storage_endpoint": azure.endpoint, "azure_allow_http": "true",
        }, "account_key", takes_writers=False),  # azurite lists nothing after a commit's name
        Shore("gcs", f"{gcs.place}/{run}", gcs.options, {
            "google_service_account_key": json.dumps(
                {"gcs_base_url": gcs.endpoint, "disable_oauth": True,
                 "client_email": "", "private_key": "", "private_key_id": ""}
            ),
            "allow_http": "true",
        }, takes_writers=False),  # fake-gcs knows no requests of XML, by which delta-rs writes
    ]  # fmt: skip


def s3_judge(server: Server) -> dict[str, str]:
    """A server of S3 as delta-rs takes it."""
    given = {f"AWS_{key.upper()}": value for key, value in server.options.items()}
    given["AWS_ENDPOINT_URL"] = given.pop("AWS_ENDPOINT")
    return given | {"AWS_ALLOW_HTTP": "true", "AWS_CONDITIONAL_PUT": "etag"}


# --- tables ----------------------------------------------------------------------------------


def rows_of(ids: Sequence[int]) -> pa.Table:
    return pa.table({
        "id": pa.array(ids, pa.int64()), "day": [f"2026-11-{1 + one % 3:02}" for one in ids],
        "text": [f"text {one}" for one in ids],
    })  # fmt: skip


def _batch(number: int) -> pa.Table:
    return rows_of(range(number * ROWS, (number + 1) * ROWS))


def _plain(table: str) -> None:
    write_deltalake(table, _batch(0))


def _parts(table: str) -> None:
    write_deltalake(table, _batch(0), partition_by=["day"])
    write_deltalake(table, _batch(1), mode="append")


def _streamed(table: str) -> None:
    for number in range(3):
        said = CommitProperties(app_transactions=[Transaction("query-7", number)])
        write_deltalake(table, _batch(number), mode="append", commit_properties=said)


def _checked(table: str) -> None:
    for number in range(5):
        write_deltalake(table, _batch(number), mode="append")
    DeltaTable(table).create_checkpoint()


MADE: Mapping[str, Callable[[str], None]] = {
    "plain": _plain, "parts": _parts, "streamed": _streamed, "checked": _checked,
}  # fmt: skip


def templates() -> dict[str, Files]:
    """A table of each shape, by its name: made here, and published ones where they are there."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="lakeferry-storm-") as folder:
        for name, make in MADE.items():
            table = Path(folder) / name
            make(str(table))
            found[name] = _files(table)
    for name, place in PUBLISHED.items():
        if (corpora.DELTA / place).exists():
            found[name] = _files(corpora.DELTA / place)
    return found


def _files(table: Path) -> Files:
    return {
        path.relative_to(table).as_posix(): path.read_bytes()
        for path in table.rglob("*")
        if path.is_file() and not path.name.endswith(".crc")
    }


def put(shore: Shore, tables: Iterable[tuple[str, Files]]) -> None:
    """Write tables into a store, by their folders below the shore's root."""
    store = open_store(shore.root, shore.options)
    files = [(f"{table}/{path}", body) for table, found in tables
             for path, body in fresh(found).items()]  # fmt: skip
    with ThreadPoolExecutor(HANDS) as hands:
        for _ in hands.map(lambda one: store.write(one[0], [one[1]], size=len(one[1])), files):
            pass
    store.settle()


class Beside:
    """A table on this disk for delta-rs to write to, carried byte for byte to where it belongs."""

    def __init__(self, url: str, shore: Shore, folder: Path) -> None:
        self.folder = folder
        self._store = open_store(url, shore.options)
        self._carried: set[str] = set()
        for one in self._store.list(""):
            path = folder / one.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(read_all(self._store, one.path))
            self._carried.add(one.path)

    def carry(self) -> None:
        """What is new: data first, then commits in their order, as whoever writes there would."""
        found = {path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*")
                 if path.is_file()}  # fmt: skip
        new = sorted(found - self._carried, key=lambda path: ("_delta_log" in path, path))
        for path in new:
            self._put(path, (self.folder / path).read_bytes())
            self._carried.add(path)

    def _put(self, path: str, body: bytes) -> None:
        """Once more where the service closed a connection that had been idle: nobody else writes
        here, so what lies there by then is this."""
        try:
            self._store.put_if_absent(path, [body], size_hint=len(body))
        except FerryError as error:
            if error.code != "LF-1003":
                raise
            try:
                self._store.put_if_absent(path, [body], size_hint=len(body))
            except AlreadyThere:
                assert read_all(self._store, path) == body


def fresh(files: Files) -> Files:
    """The same as a table of its own: with another id, where no checkpoint says the old one."""
    if any(".checkpoint." in path for path in files):
        return files
    [first] = {
        json.loads(line)["metaData"]["id"]
        for path, body in sorted(files.items())
        if path.endswith("/00000000000000000000.json")
        for line in body.splitlines()
        if b'"metaData"' in line
    }
    old, new = first.encode(), str(uuid.uuid4()).encode()
    return {path: body.replace(old, new) if path.endswith(".json") else body
            for path, body in files.items()}  # fmt: skip


def shared_out(chance: random.Random, count: int, shapes: Iterable[str]) -> list[str]:
    """The shapes of so many tables: each at least once where there is room, most of them made."""
    every = list(shapes)
    more = chance.choices(every, [4 if one in MADE else 1 for one in every], k=count)
    found = (every + more)[:count]
    chance.shuffle(found)
    return found
