"""Where the real tables lie that tests read: `shared/corpora` beside the checkout."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "shared" / "corpora"
DELTA = ROOT / "delta"  # small tables that other projects publish; see its LIST.md
SPARK = ROOT / "spark"  # written by Spark, with what Spark sees at each step
FLOWLOGS = ROOT / "flowlogs"  # published VPC Flow Logs and a made scenario; see its LIST.md


def required(path: Path) -> Path:
    """`path`, or skip the test where the folder of corpora is absent."""
    if not ROOT.exists():
        pytest.skip(f"no corpora at {ROOT}")
    return path
