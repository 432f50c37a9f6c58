"""Checksums of all files: where they come from, and what they find."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeferry.clone.record import FILES_SCHEMA, FOLDER
from lakeferry.clone.run import clone
from lakeferry.events import Event, Noted, silent
from lakeferry.store.local import LocalStore
from lakeferry.store.protocol import CRC64NVME, ObjectMeta, Store
from lakeferry.verify.file_bytes import compare_bytes, read_sent_sums, read_sum
from lakeferry.verify.findings import Findings
from lakeferry.verify.report import VerifyRequest
from lakeferry.verify.run import verify
from lakeferry.verify.sides import Meter, MeteredStore, Sides, open_sides
from tests.verify.tables import (
    FIRST,
    SECOND,
    VECTOR_FILE,
    cloned,
    flip_byte,
    make_source,
    proof,
    told,
)


class KeepsSums(MeteredStore):
    """A store that keeps a checksum of every body, as S3 does."""

    def head(self, path: str, *, checksums: bool = False) -> ObjectMeta | None:
        found = self._store.head(path)
        if found is None or not checksums:
            return found
        kept = {CRC64NVME: read_sum(self._store, path, CRC64NVME) or ""}
        return ObjectMeta(found.path, found.size, found.e_tag, found.modified_ms, kept)


def opened(source: Path, target: Path) -> Sides:
    return open_sides(VerifyRequest(str(source), str(target), strength="hashed"))


def with_stores(sides: Sides, source: Store, target: Store, meter: Meter) -> Sides:
    return replace(sides, source_store=source, target_store=target, meter=meter)


def compared(sides: Sides) -> Findings:
    findings = Findings()
    compare_bytes(sides, findings, digest=CRC64NVME, jobs=2, table="t", emit=silent)
    return findings


def forget_records(target: Path) -> None:
    for path in (target / FOLDER).glob("*.parquet"):
        path.unlink()


def write_record(target: Path, *rows: tuple[str, int, str | None, str | None]) -> None:
    """Path, size, CRC64NVME and ETag of the source for each file that was sent."""
    table = pa.Table.from_pylist(
        [dict(zip(FILES_SCHEMA.names, row, strict=True)) for row in rows], schema=FILES_SCHEMA
    )
    (target / FOLDER).mkdir(parents=True, exist_ok=True)
    pq.write_table(table, target / FOLDER / f"{0:020d}-x.parquet")


@pytest.mark.parametrize("digest", ["crc64nvme", "sha256"])
@pytest.mark.parametrize("path", [FIRST, SECOND, VECTOR_FILE])
@pytest.mark.parametrize("side", [0, 1])
def test_a_flipped_byte_of_any_file_on_either_side_is_found(
    tmp_path: Path, path: str, digest: str, side: int
) -> None:
    sides = cloned(tmp_path)
    forget_records(sides[1])
    flip_byte(sides[side] / path, 8)

    report = proof(sides, "hashed", digest=digest)

    assert told(report) == [("bytes", path)]
    assert digest in report.findings[0].what


def test_without_kept_sums_and_records_both_sides_are_read_whole(tmp_path: Path) -> None:
    sides = cloned(tmp_path)
    forget_records(sides[1])
    size = sum((sides[0] / path).stat().st_size for path in (FIRST, SECOND, VECTOR_FILE))
    events: list[Event] = []

    report = verify(*map(str, sides), strength="hashed", on_event=events.append)

    assert report.equal
    assert report.bytes_read == 2 * size
    data = size - (sides[0] / VECTOR_FILE).stat().st_size
    [noted] = [event.message for event in events if isinstance(event, Noted)]
    assert f"{data:,} bytes at the source and {data:,} at the target" in noted


def test_what_both_stores_keep_is_not_read(tmp_path: Path) -> None:
    source, target = cloned(tmp_path)
    meter = Meter()
    here, there = (KeepsSums(LocalStore(str(root)), meter) for root in (source, target))
    sides = with_stores(opened(source, target), here, there, meter)

    equal = compared(sides).finish()
    flip_byte(target / FIRST, 8)
    found = compared(sides).finish()

    assert equal == ()
    assert [(each.check, each.path) for each in found] == [("bytes", FIRST)]
    assert meter.bytes == 0


def test_a_record_answers_for_the_source_while_size_and_etag_fit(tmp_path: Path) -> None:
    source, target = cloned(tmp_path)
    forget_records(target)
    store = LocalStore(str(source))
    write_record(target, *[sent(store, path) for path in (FIRST, SECOND, VECTOR_FILE)])
    size = sum((source / path).stat().st_size for path in (FIRST, SECOND, VECTOR_FILE))

    trusted = verify(str(source), str(target), strength="hashed")
    flip_byte(target / SECOND, 8)
    found = verify(str(source), str(target), strength="hashed")

    assert (trusted.equal, trusted.bytes_read) == (True, size)
    assert told(found) == [("bytes", SECOND)]


def sent(store: Store, path: str) -> tuple[str, int, str | None, str | None]:
    meta = store.head(path)
    assert meta is not None
    return path, meta.size, read_sum(store, path, CRC64NVME), meta.e_tag


def test_a_source_file_written_over_after_the_clone_is_read_not_trusted(tmp_path: Path) -> None:
    source, target = cloned(tmp_path)
    forget_records(target)
    path, size, crc, _ = sent(LocalStore(str(source)), FIRST)
    write_record(target, (path, size, crc, "an older etag"))
    flip_byte(source / FIRST, 8)

    report = verify(str(source), str(target), strength="hashed")

    assert told(report) == [("bytes", FIRST)]


def test_a_file_that_the_source_no_longer_has_is_held_against_the_record(tmp_path: Path) -> None:
    source, target = cloned(tmp_path)
    forget_records(target)
    write_record(target, *[sent(LocalStore(str(source)), path) for path in (FIRST, SECOND)])
    (source / FIRST).unlink()

    recorded = verify(str(source), str(target), strength="hashed")
    forget_records(target)
    unknown = verify(str(source), str(target), strength="hashed")

    assert recorded.equal
    assert told(unknown) == [("bytes", FIRST)]
    assert "no longer" in unknown.findings[0].what


def test_a_missing_target_file_is_told_by_listing_and_by_bytes(tmp_path: Path) -> None:
    sides = cloned(tmp_path)
    (sides[1] / FIRST).unlink()

    assert told(proof(sides, "hashed")) == [("size", FIRST), ("bytes", FIRST)]


def test_of_two_records_of_a_path_the_later_counts_and_a_broken_one_is_passed_over(
    tmp_path: Path,
) -> None:
    folder = tmp_path / FOLDER
    write_record(tmp_path, ("a", 1, "00000000000000aa", "old"), ("b", 1, None, "x"))
    (folder / f"{0:020d}-x.parquet").rename(folder / f"{0:020d}-a.parquet")
    write_record(tmp_path, ("a", 1, "00000000000000bb", "new"))
    (folder / f"{1:020d}-y.parquet").write_bytes(b"PAR1")

    found = read_sent_sums(LocalStore(str(tmp_path)))

    assert found.find("a", ObjectMeta("a", 1, "new")) == "00000000000000bb"
    assert found.find("a", ObjectMeta("a", 1, "old")) is None
    assert found.find("a", ObjectMeta("a", 2, "new")) is None
    assert found.find("a", ObjectMeta("a", 1, None)) is None
    assert found.find("b", None) is None
    assert found.is_checkable("a")
    assert not found.is_checkable("b")
    assert found.paths.dtype == np.uint64


def test_a_record_without_etags_is_never_trusted_for_a_file_that_is_there(tmp_path: Path) -> None:
    write_record(tmp_path, ("a", 1, "00000000000000aa", None))

    found = read_sent_sums(LocalStore(str(tmp_path)))

    assert found.find("a", ObjectMeta("a", 1, "e")) is None
    assert found.find("a", None) == "00000000000000aa"
    assert not found.is_checkable("a")


def test_a_file_that_went_between_two_looks_has_no_checksum(tmp_path: Path) -> None:
    assert read_sum(LocalStore(str(tmp_path)), "gone", CRC64NVME) is None


def test_a_shallow_clone_has_no_bytes_of_its_own_and_says_so(tmp_path: Path) -> None:
    source, target = make_source(tmp_path / "source"), tmp_path / "target"
    clone(str(source), str(target), shallow=True)

    report = verify(str(source), str(target), strength="hashed")

    assert report.equal
    assert "bytes" not in report.checks
    assert any("shallow" in text for text in report.not_seen)


def test_a_verification_cannot_write(tmp_path: Path) -> None:
    store = MeteredStore(LocalStore(str(tmp_path)), Meter())
    body: Iterator[bytes] = iter(())

    for write in (
        lambda: store.write("a", body, size=0),
        lambda: store.put_if_absent("a", body, size_hint=0),
        lambda: store.copy_from(store, "a", "b"),
        lambda: store.set_modified("a", 0),
        lambda: store.delete("a"),
        store.settle,
    ):
        with pytest.raises(NotImplementedError):
            write()
