"""A log of any size is read in little memory: measured in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.corpora import ROOT, required

from .tables import METADATA, PROTOCOL, add, lines, write

FILES = 300_000
MEASURE = """
import sys
from pathlib import Path
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.store.local import LocalStore

snapshot = read_snapshot(LocalStore(sys.argv[1]))
files = bytes = 0
for batch in snapshot.files.batches():
    files += len(batch)
    bytes += sum(batch.column("size").to_pylist())
# Not getrusage: its peak begins with that of the process that started this one.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(files, bytes, int(status["VmHWM"].split()[0]) // 1024)
"""


@pytest.mark.parametrize("kind", ["classic", "multipart", "v2"])
def test_a_large_checkpoint_streams_through_little_memory(tmp_path: Path, kind: str) -> None:
    maker = required(ROOT).parent / "bench" / "make_big_log.py"
    options = ["--files", str(FILES), "--commits", "20", "--part-rows", "100000"]
    subprocess.run(
        [sys.executable, str(maker), str(tmp_path), *options, "--checkpoint", kind],
        check=True,
        capture_output=True,
    )

    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path)], check=True, capture_output=True, text=True
    )

    files, size, peak_mib = map(int, measured.stdout.split())
    expected = json.loads((tmp_path / "expected.json").read_text())["at_last"]
    assert (files, size) == (expected["live_files"], expected["live_bytes"])
    assert peak_mib < 300


def test_a_large_commit_without_a_checkpoint_streams_too(tmp_path: Path) -> None:
    stats = '{"numRecords":1000,"minValues":{"id":1},"maxValues":{"id":2},"nullCount":{"id":0}}' * 4
    body = lines(PROTOCOL, METADATA) + b"".join(
        lines(add(f"part-{number:032d}.parquet", stats=stats)) for number in range(FILES)
    )
    write(tmp_path, f"{0:020d}.json", body)

    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path)], check=True, capture_output=True, text=True
    )

    files, size, peak_mib = map(int, measured.stdout.split())
    assert (files, size) == (FILES, 10 * FILES)
    assert peak_mib < 300
