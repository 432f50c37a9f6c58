"""The guides, as the tests that type their commands read them."""

import re
import shlex
from pathlib import Path

GUIDES = Path(__file__).parents[2] / "docs" / "guides"


def blocks(guide: str, language: str = "") -> list[str]:
    """Of a guide, continued lines joined; what is typed, and what is answered, has no language."""
    text = (GUIDES / guide).read_text().replace("\\\n", " ")
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [block for name, block in found if name == language]


def commands(guide: str) -> list[list[str]]:
    """Its commands as words, in order; what needs a cluster is of the language `sh`.

    A block that begins with a prompt shows an answer.
    """
    typed = [block for block in blocks(guide) if not block.startswith("$ ")]
    lines = [line for block in typed for line in block.splitlines()]
    return [shlex.split(line) for line in lines if line.startswith("lakeferry ")]
