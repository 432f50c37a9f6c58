"""The program as it is typed, in a folder of its own, and its JSON lines held to their schema."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema

from lakeferry.cli.json_lines import schema

LAKEFERRY = str(Path(sys.executable).with_name("lakeferry"))
_NOT_KEPT = ("AWS_", "LAKEFERRY_", "COLUMNS")

Ended = subprocess.CompletedProcess[str]


def typed(*words: str | Path, folder: Path, input: str = "", **environment: str) -> Ended:
    """`lakeferry WORDS` in a folder. Of the environment only what is given names AWS."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_NOT_KEPT)}
    kept |= {"NO_COLOR": "1", "TERM": "dumb", "HOME": str(folder), **environment}
    return subprocess.run(
        [LAKEFERRY, *map(str, words)],
        cwd=folder,
        env=kept,
        input=input,
        capture_output=True,
        text=True,
        check=False,
    )


def json_lines(ended: Ended) -> list[dict[str, Any]]:
    """Every line of stdout, each one valid, `start` first and `summary` last."""
    found = [json.loads(line) for line in ended.stdout.splitlines()]
    validator = jsonschema.Draft202012Validator(schema())
    for line in found:
        validator.validate(line)
    assert [line["seq"] for line in found] == list(range(len(found)))
    assert (found[0]["type"], found[-1]["type"]) == ("start", "summary")
    assert found[-1]["exit"] == ended.returncode
    return found
