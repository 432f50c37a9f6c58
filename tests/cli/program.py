"""The program as it is typed, in a folder of its own, and its JSON lines held to their schema."""

import io
import json
import os
import signal
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import jsonschema

from lakeferry.cli import patience, render
from lakeferry.cli.json_lines import schema
from lakeferry.cli.main import main

LAKEFERRY = str(Path(sys.executable).with_name("lakeferry"))
NEVER_S = 10**6
_NOT_KEPT = ("AWS_", "LAKEFERRY_", "COLUMNS")

Ended = subprocess.CompletedProcess[str]


def typed(*words: str | Path, folder: Path, input: str = "", **environment: str) -> Ended:
    """`lakeferry WORDS` in a folder. Of the environment only what is given names AWS."""
    return subprocess.run(
        [LAKEFERRY, *map(str, words)],
        cwd=folder,
        env=environment_of(folder, environment),
        input=input,
        capture_output=True,
        text=True,
        check=False,
    )


def called(*words: str | Path, folder: Path, input: str = "", **environment: str) -> Ended:
    """The same within this process, which is faster. On no machine does it take so long that
    progress is shown.

    Clients of AWS are kept by what flags say of it, so an endpoint is given as `--endpoint-url`.
    """
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(3)]
    given, out, err = streams
    given.buffer.write(input.encode())
    given.seek(0)
    heard = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    command = [str(word) for word in words]
    with (
        chdir(folder),
        patch.dict(os.environ, environment_of(folder, environment), clear=True),
        patch.object(sys, "stdin", given),
        patch.object(render, "QUIET_S", NEVER_S),
        patch.object(patience, "QUIET_S", NEVER_S),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main(command)
        except SystemExit as ended:
            code = int(ended.code or 0)
    for number, handler in heard.items():
        signal.signal(number, handler)
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())
    return Ended(command, code, *texts)


def environment_of(folder: Path, given: dict[str, str]) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_NOT_KEPT)}
    return kept | {"NO_COLOR": "1", "TERM": "dumb", "HOME": str(folder), **given}


def json_lines(ended: Ended) -> list[dict[str, Any]]:
    """Every line of stdout, each one valid, `start` first and `summary` last."""
    found = [json.loads(line) for line in ended.stdout.splitlines()]
    for line in found:
        validator_of(line["type"]).validate(line)
    assert [line["seq"] for line in found] == list(range(len(found)))
    assert (found[0]["type"], found[-1]["type"]) == ("start", "summary")
    assert found[-1]["exit"] == ended.returncode
    return found


@cache
def validator_of(kind: str) -> jsonschema.Draft202012Validator:
    """Of a line of this `type`. The whole schema tries each of its forms on every line, though the
    type, which no two have in common, says which one can be meant."""
    whole = schema()
    forms = {form["properties"]["type"]["const"]: form for form in whole["oneOf"]}
    assert sorted(forms) == sorted(whole["properties"]["type"]["enum"])
    assert len(forms) == len(whole["oneOf"])
    return jsonschema.Draft202012Validator({**whole, "oneOf": [forms[kind]]})
