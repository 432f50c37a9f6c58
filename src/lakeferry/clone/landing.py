"""Where each file of the source lies, and where it lands at the target. Pure.

Nearly every file has a relative path and keeps it. Shallow clones and converted tables name files
elsewhere by absolute paths; a clone gathers these below its own root. A changed name derives from
the absolute path alone, so every run finds the same one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from lakeferry.delta.actions import FILE_SCHEMA
from lakeferry.delta.deletion_vector import parse_descriptor, relative_file, relative_vector
from lakeferry.delta.files import FileSet
from lakeferry.delta.paths import canonical, decode, encode, is_absolute, safe_relative

# FILE_SCHEMA with the target's paths, and the places to copy from where these differ.
LANDING_SCHEMA = FILE_SCHEMA.append(pa.field("sourceUrl", pa.string())).append(
    pa.field("sourceVectorUrl", pa.string())
)
ABSOLUTE = r"^([a-zA-Z][a-zA-Z0-9+.-]*:/|/)"
UNSAFE = r"(^|/)(\.{1,2})?(/|$)"  # empty, `.` and `..` segments
NAME_BYTES = 255  # what local file systems and HDFS allow for one segment


@dataclass(frozen=True, slots=True)
class Roots:
    """How absolute paths of a source are to be read."""

    source: str  # URL of the source table
    moved: Mapping[str, str] = field(default_factory=dict)  # --map-prefix: old -> new
    shallow: bool = False  # nothing lands: the target names the source's files where they lie

    def address(self, path: str) -> str:
        """The URL, decoded, that an absolute path of the log stands for after prefixes moved."""
        url = canonical(_absolute(path, self.source))
        for old in sorted(self.moved, key=len, reverse=True):
            start = canonical(old)
            if url == start or url.startswith(start + "/"):
                return canonical(self.moved[old]) + url[len(start) :]
        return url

    def below_source(self, url: str) -> str | None:
        """The path relative to the source's root, percent-encoded; None: it lies elsewhere."""
        root = canonical(self.source)
        return encode(url[len(root) + 1 :]) if url.startswith(root + "/") else None


def _absolute(path: str, source: str) -> str:
    """An absolute path without a scheme lies in the file system of the table itself."""
    decoded = decode(path)
    if not decoded.startswith("/"):
        return decoded
    scheme, _, rest = canonical(source).partition("://")
    return f"{scheme}://{rest.partition('/')[0]}{decoded}"


@dataclass(frozen=True)
class LandedFiles:
    """The source's files as rows of `LANDING_SCHEMA`: what they will be at the target."""

    files: FileSet
    roots: Roots

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        for batch in self.files.batches():
            landed = land_batch(batch, self.roots)
            yield landed if columns is None else landed.select(list(columns))


def land_batch(batch: pa.RecordBatch, roots: Roots) -> pa.RecordBatch:
    """File actions of the source -> the same rows under the target's paths, in the same order.

    Args:
        batch: has at least `path` and `deletionVector`; the two columns of `LANDING_SCHEMA` that
            say where to copy from are put behind its own.

    Raises:
        FerryError: LF-3106 for a path that climbs out of the table or has an empty segment.
    """
    _refuse_unsafe(batch.column("path"))
    if roots.shallow:
        return _point_at_source(batch, roots)
    schema = batch.schema
    for name in ("sourceUrl", "sourceVectorUrl"):
        schema = schema.append(pa.field(name, pa.string()))
    away = pc.match_substring_regex(batch.column("path"), ABSOLUTE)
    away_vector = pc.equal(pc.struct_field(batch.column("deletionVector"), "storageType"), "p")
    if pc.any(away).as_py() or pc.any(away_vector).as_py():
        rows = [_land_row(row, roots) for row in batch.to_pylist()]
        return pa.RecordBatch.from_pylist(rows, schema=schema)
    none = pa.nulls(batch.num_rows, pa.string())
    return pa.RecordBatch.from_arrays([*batch.columns, none, none], schema=schema)


def _point_at_source(batch: pa.RecordBatch, roots: Roots) -> pa.RecordBatch:
    """The rows of a shallow clone: absolute paths, and vectors by absolute path."""
    scheme, _, rest = canonical(roots.source).partition("://")
    root = (
        f"{scheme}://{encode(rest)}"
        if scheme != "file"
        else f"file://{encode('/' + rest.lstrip('/'))}"
    )
    paths = batch.column("path")
    full = pc.binary_join_element_wise(root, paths, "/")
    paths = pc.if_else(pc.match_substring_regex(paths, ABSOLUTE), paths, full)
    vectors = [
        _pointed_vector(root, vector) for vector in batch.column("deletionVector").to_pylist()
    ]
    at = batch.schema.get_field_index("path")
    batch = batch.set_column(at, batch.schema.field(at), paths)
    at = batch.schema.get_field_index("deletionVector")
    field_ = batch.schema.field(at)
    return batch.set_column(at, field_, pa.array(vectors, field_.type))


def _pointed_vector(root: str, vector: dict[str, Any] | None) -> dict[str, Any] | None:
    if vector is None or vector["storageType"] != "u":
        return vector
    path = f"{root}/{encode(vector_file(vector) or '')}"
    return {**vector, "storageType": "p", "pathOrInlineDv": path}


def _refuse_unsafe(paths: pa.Array) -> None:
    relative = pc.invert(pc.match_substring_regex(paths, ABSOLUTE))
    odd = pc.or_(pc.match_substring_regex(paths, UNSAFE), pc.match_substring(paths, "%"))
    for path in paths.filter(pc.and_(relative, odd)).to_pylist():
        safe_relative(path)


def _land_row(row: dict[str, Any], roots: Roots) -> dict[str, Any]:
    landed = {**row, "sourceUrl": None, "sourceVectorUrl": None}
    if is_absolute(row["path"]):
        url = roots.address(row["path"])
        landed["path"] = roots.below_source(url) or gathered_path(url)
        landed["sourceUrl"] = url
    vector = row["deletionVector"]
    if vector and vector["storageType"] == "p":
        url = roots.address(vector["pathOrInlineDv"])
        landed["sourceVectorUrl"] = url
        landed["deletionVector"] = {
            **vector,
            "storageType": "u",
            "pathOrInlineDv": relative_vector(url),
        }
    return landed


def gathered_path(url: str) -> str:
    """A new path, relative and percent-encoded, for a file that lies outside the source's root.

    Partition folders are kept for people; a hash of the whole address keeps two files of one name
    apart.
    """
    folders = [part for part in url.split("/") if part]
    name = folders.pop()
    kept = [part for part in folders if "=" in part and not part.startswith("_")]
    mark = xxhash.xxh3_128_hexdigest(url.encode())[:16]
    new_name = f"{mark}-{name}"
    if len(new_name.encode()) > NAME_BYTES:
        new_name = f"{mark}.parquet"
    return encode("/".join([*kept, new_name]))


def vector_file(vector: Mapping[str, Any]) -> str | None:
    """The file of a landed deletion vector, relative and decoded; None for an inline one."""
    return relative_file(parse_descriptor(vector))


def vector_end(vector: Mapping[str, Any]) -> int:
    """Where a vector ends in its file: behind a size, its bytes and a checksum.

    Source: Delta protocol, "Deletion Vector File Storage Format".
    """
    return int((vector["offset"] or 0) + 4 + vector["sizeInBytes"] + 4)
