"""What a test leaves to chance: new in every run, but in CI, so that a red one can be repeated."""

import os
import random
import secrets
import sys


def chance(name: str) -> random.Random:
    """The seed is printed, which a failure shows; LAKEFERRY_TEST_SEED=... repeats it."""
    drawn = name if os.environ.get("CI") else secrets.token_hex(4)
    seed = os.environ.get("LAKEFERRY_TEST_SEED") or drawn
    sys.stdout.write(f"LAKEFERRY_TEST_SEED='{seed}'\n")
    return random.Random(seed)
