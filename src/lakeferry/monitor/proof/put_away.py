"""Partial results of rules in temporary files, read back one batch at a time."""

from collections.abc import Iterable

import pyarrow as pa

from lakeferry.delta.files import TemporaryFile, temporary_room


class FileRun:
    """Batches in one temporary Arrow file, which goes with this value."""

    def __init__(self, file: TemporaryFile, batches: int) -> None:
        self._file = file
        self._batches = batches

    def __len__(self) -> int:
        return self._batches

    def batch(self, index: int) -> pa.RecordBatch:
        # Not mapped: pages of a mapped file count as memory of the process.
        with pa.OSFile(str(self._file.path)) as source, pa.ipc.open_file(source) as reader:
            return reader.get_batch(index)


def put_away(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> FileRun:
    """Write batches to a temporary file. Raises LF-5101 where the disk is full."""
    file, count = TemporaryFile(".arrow"), 0
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with (
        temporary_room(),
        pa.OSFile(str(file.path), "wb") as sink,
        pa.ipc.new_file(sink, schema, options=options) as writer,
    ):
        for batch in batches:
            writer.write_batch(batch)
            count += 1
    return FileRun(file, count)
